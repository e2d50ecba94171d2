"""Whatever documents, docstrings and comments name exists: paths, tests, commands, outputs, metrics, log lines."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.__main__ import bridge
from tests.support.documented import code_of
from tests.support.repository import ROOT, repository_files
from vectorcare_bridge.edge.metric import Metric

OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

_NO_TEXTS = re.compile(r"\.(png|svg)$|requirements.*\.txt$|package-lock\.json$")


def _texts() -> Iterator[tuple[str, str]]:
    """Return each file that is or could be committed, with its text, without pictures and pins."""
    for name in repository_files():
        if not _NO_TEXTS.search(name):
            yield name, (ROOT / name).read_text(encoding="utf-8")


TEXTS = dict(_texts())
DOCUMENTS = {name: text for name, text in TEXTS.items() if name.endswith(".md")}
PRODUCT = {name: text for name, text in TEXTS.items() if not name.startswith("tests/") and name not in DOCUMENTS}
TESTS = {name: text for name, text in TEXTS.items() if name.startswith("tests/") and name.endswith(".py")}
FUNCTIONS = {name.split("/")[1] for name in PRODUCT if re.fullmatch(r"lambdas/\w+/handler\.py", name)}
# The stack writes one output per function, and those that it names.
OUTPUTS = {f"{function.title()}Function" for function in FUNCTIONS} | set(
    re.findall(r'^ +"(\w+)":', TEXTS["stacks/outputs.py"], flags=re.MULTILINE)
)
WORDS = (
    OUTPUTS
    | {word for text in PRODUCT.values() for word in re.findall(r"\w+", text)}
    | {part for name in TEXTS for part in name.split("/")}
)
TEST_NAMES = {Path(name).stem for name in TESTS} | {
    name for text in TESTS.values() for name in re.findall(r"def (test_\w+)", text)
}
FOLDERS = {name.split("/")[0] for name in TEXTS if "/" in name}
# A reader makes it by following the documents.
MADE = {(name, "organizations/acme.toml") for name in TEXTS}
# This test makes files of its own in these folders.
MAKER = "tests/local/test_synthesis.py"
# Names of AWS, GitHub and npm that are not in the code of this project.
OTHERS = """
    AssumeRoleWithWebIdentity CodeDeploy
    BatchGetTraces CloudFormation CloudTrail CloudWatch DeleteFunction DeleteItem Disabled DynamoDB EventBridge
    EventSourceMappings GetItem GitHub GitLab InternalFailure InternalServerError ListVersionsByFunction
    MessageNotInflight MetadataTooLarge ProvisionedThroughputExceeded PublishVersion PutRule Query RequestLimitExceeded
    ResourceNotFound ServiceUnavailable SourceArn ThrottlingException UpdateAlias UpdateFunctionConfiguration
    ValidationException
"""


# The changelog also names what is gone.
SPANS = [(name, span) for name, text in DOCUMENTS.items() if name != "CHANGELOG.md" for span in code_of(text)]
# Code names commands in backticks, and in the examples of its help on lines of their own.
SPANS += [
    (name, span)
    for name, text in PRODUCT.items()
    for found in re.findall(
        r"`([^`\n]+)`|^ +(bridge .*)$|(\./bridge -[^\"`]+)|(python -m [^\"`]+)", text, flags=re.MULTILINE
    )
    for span in filter(None, found)
]


def test_every_metric_is_in_the_table() -> None:
    # Given the first column of the table of metrics
    rows = re.findall(r"^\| (`\w+`.*?) \|", OPERATIONS.split("## Read the metrics")[1], flags=re.MULTILINE)
    documented = [name for row in rows for name in re.findall(r"`([A-Z]\w+)`", row)]
    # Then it names each metric once
    assert sorted(documented) == sorted(Metric)


def log_lines() -> set[str]:
    sources = [text for name, text in PRODUCT.items() if name.startswith("lambdas/")]
    return {name for source in sources for name in re.findall(r'observability\.log\(\s*"([\w.]+)"', source)}


def test_every_log_line_is_in_the_table() -> None:
    # Given the first column of the table of log lines
    section = OPERATIONS.split("## Read the logs")[1].split("## Read the metrics")[0]
    rows = re.findall(r"^\| (`\w+\.\w+`.*?) \|", section, flags=re.MULTILINE)
    # Then it names each of them
    assert {name for row in rows for name in re.findall(r"`([\w.]+)`", row)} == log_lines()
    assert log_lines()


def test_every_path_that_is_named_exists() -> None:
    # Given whatever begins like a path from the root
    path = re.compile(rf"(?<![\w/.@-])(?:{'|'.join(sorted(FOLDERS))})/[\w./*-]*[\w*](?![\w*{{])")
    named = {(name, found) for name, text in TEXTS.items() if name != MAKER for found in path.findall(text)} - MADE
    # Then it exists, perhaps with a suffix
    missing = [each for each in named if not any(next(ROOT.glob(each[1] + end), None) for end in ("", ".*"))]
    assert sorted(missing) == []


def test_every_link_leads_somewhere() -> None:
    for name, text in DOCUMENTS.items():
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if "://" in target:
                continue
            path, _, anchor = target.partition("#")
            file = (ROOT / name).parent / path if path else ROOT / name
            assert file.exists(), (name, target)
            assert not anchor or anchor in anchors(file.read_text()), (name, target)


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub makes from the headings of a document."""
    headings = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_test_that_is_named_exists() -> None:
    named = {(name, found) for name, text in TEXTS.items() for found in re.findall(r"\btest_\w*[a-z0-9]\b", text)}
    assert [(name, found) for name, found in sorted(named) if found not in TEST_NAMES] == []


def test_every_choice_of_tests_chooses_some() -> None:
    slow = {Path(name).stem for name, text in TESTS.items() if "\npytestmark = pytest.mark.nightly" in text}
    chosen = [(span, words) for _name, span in SPANS for words in re.findall(r"-k '?([\w ]+)", span)]
    for span, words in chosen:
        for word in set(words.split()) - {"and", "or", "not"}:
            assert any(word in test for test in TEST_NAMES), span
            assert word not in slow or "-m nightly" in span, span
    assert chosen


def test_every_make_target_and_variable_that_is_named_exists() -> None:
    # Given
    makefile = TEXTS["Makefile"]
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    variables = set(re.findall(r"\$\((\w+)\)", makefile))
    # When commands are named
    named = {
        (name, *found) for name, span in SPANS for found in re.findall(r"(?:^|&& )make ([a-z]+)(?: ([A-Z]+)=)?", span)
    }
    # Then
    assert [each for each in sorted(named) if each[1] not in targets or each[2] not in variables | {""}] == []
    assert {target for _name, target, _variable in named} >= {"run", "test", "deploy"}


def test_every_module_that_is_run_exists() -> None:
    named = {(name, found) for name, span in SPANS for found in re.findall(r"python -m ([a-z_.]+)", span)}
    for name, module in named:
        place = ROOT / module.replace(".", "/")
        assert (place / "__main__.py").exists() or place.with_suffix(".py").exists() or module == "pytest", (
            name,
            module,
        )
    assert named


BRIDGE = sorted({(name, found) for name, span in SPANS for found in re.findall(r"(?:^|\./)bridge ([a-z-].*)", span)})


@pytest.mark.parametrize(("name", "line"), BRIDGE, ids=str)
def test_every_bridge_command_that_is_shown_exists(name: str, line: str) -> None:
    # Given a command without what is said of it
    words = re.split(r"\s{2,}|[,;] | #", line)[0].split()
    command: click.Command = bridge
    options = {spelling: each for each in bridge.params for spelling in each.opts}
    waiting: click.Parameter | None = None
    # When it is read word by word
    for word in words:
        if waiting:
            # Then an option has each of its values
            assert not isinstance(waiting.type, click.Choice) or {word} <= {*waiting.type.choices, "…"}, (name, line)
            waiting = None
        elif word in {"--help", "-h"}:
            continue
        elif word.startswith("-"):
            # And the command has each option
            assert word in options, (name, line)
            waiting = None if getattr(options[word], "is_flag", False) else options[word]
        elif isinstance(command, click.Group):
            # And the group has each command
            found = [command.get_command(click.Context(command), part) for part in word.split("|")]
            assert None not in found, (name, line)
            command = found[0] or command
            options |= {spelling: each for each in command.params for spelling in each.opts}


def test_every_stack_output_that_is_named_exists() -> None:
    named = {
        (name, found)
        for name, text in DOCUMENTS.items()
        for listed in re.findall(r"\boutputs?,? ((?:`\w+`(?:,|, and| and)?\s*)+)", text)
        for found in re.findall(r"`(\w+)`", listed)
    } | {(name, found) for name, span in SPANS for found in re.findall(r"\b(?:out|logs) ([A-Z]\w+)", span)}
    assert [each for each in sorted(named) if each[1] not in OUTPUTS] == []
    assert {found for _name, found in named} >= {"WebhookUrl", "ReadingApiUrl", "OperatorPolicyArn"}


def test_every_name_in_documents_is_in_the_product() -> None:
    # Given the names of metrics, alarms, outputs, events, settings, fields, reasons: with capitals inside, or as code
    named = {
        (name, found)
        for name, text in DOCUMENTS.items()
        for found in re.findall(
            r"\b[A-Z][a-z]+(?:[A-Z][a-z]+)+\b|(?<=`)[A-Z][a-z]+(?=`)|(?<=`)[a-z]+(?:_[a-z]+)+(?=`)", text
        )
    }
    # Then
    unknown = [(name, found) for name, found in sorted(named) if found not in WORDS | TEST_NAMES | set(OTHERS.split())]
    assert unknown == []


def test_every_dotted_name_in_documents_is_a_log_line_a_file_or_a_function() -> None:
    for name, span in SPANS:
        if name not in DOCUMENTS or not re.fullmatch(r"[a-z_]+\.[a-z_]+", span) or span in log_lines():
            continue
        module, attribute = span.split(".")
        sources = [text for path, text in PRODUCT.items() if path.endswith(f"/{module}.py")]
        is_function = any(re.search(rf"^def {attribute}\b", text, flags=re.MULTILINE) for text in sources)
        assert is_function or span in WORDS or (ROOT / span).exists(), (name, span)


def test_every_folder_has_its_line_in_the_architecture() -> None:
    table = DOCUMENTS["docs/architecture.md"].split("## Where the code is")[1]
    nested = {"/".join(name.split("/")[:2]) for name in TEXTS if name.count("/") > 1}
    folders = {folder for folder in FOLDERS | nested if "." not in folder}
    assert [folder for folder in sorted(folders) if f"`{folder}/`" not in table] == []


def test_every_document_is_in_the_index() -> None:
    index = DOCUMENTS["docs/README.md"]
    pages = {name.removeprefix("docs/") for name in TEXTS if name.startswith("docs/")}
    pages = {name for name in pages if name.endswith((".md", ".json", ".py"))} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


def test_every_claim_of_the_readme_has_a_command_and_a_test() -> None:
    # Given
    _, _, *rows = re.findall(r"^\| .*", DOCUMENTS["README.md"].split("## What you get")[1], flags=re.MULTILINE)
    # Then both are named; whether they exist, the tests above check
    for row in rows:
        _, _claim, command, test, _ = row.split("|")
        assert re.fullmatch(r" `(make|\./bridge|\.venv/bin/python) .*` ", command), row
        assert re.fullmatch(r" \[test\]\(tests/[\w/.]+\) ", test), row
    assert rows


def test_the_picture_is_drawn_from_its_source() -> None:
    # Given the digest that `make picture` writes into the picture
    picture = (ROOT / "docs" / "flow.svg").read_text()
    (drawn_from,) = re.findall(r"sha256:(\w+)", picture)
    # Then the source has not changed since
    assert drawn_from == hashlib.sha256(TEXTS["docs/flow.dot"].encode()).hexdigest(), "run: make picture"


def test_every_button_in_the_rehearsal_is_on_the_page() -> None:
    buttons = re.findall(r"(?<!\*)\*(\w[\w -]+)\*(?!\*)", DOCUMENTS["docs/simulator.md"])
    page = "".join(text for name, text in PRODUCT.items() if name.startswith("local/page/static/"))
    assert [button for button in buttons if button not in page] == []
    assert buttons
