"""The commands that the documents show, as a reader types them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.support.repository import ROOT

# What a command line of the documents begins with, after assignments.
_PROGRAMS = r"(?:\.?/?[\w./-]*/)?(?:bridge|cdk|make|python3?|pytest|node|npm|run)|aws|curl|git|export|cd|\(cd"
_COMMAND = re.compile(
    rf"(?:[A-Z_]+=\S* )*(?:{_PROGRAMS}) \S.*|(?:\./|node_modules/\.bin/)(?:bridge|cdk)\b.*|\w+\(\) {{ .*"
)


def code_of(text: str) -> Iterator[str]:
    """Return what a Markdown document shows as code: its spans, and the lines of its blocks, joined if continued."""
    blocks = re.split(r"^ *```\w*$", text, flags=re.MULTILINE)
    for block in blocks[1::2]:
        yield from (line.strip() for line in re.sub(r"\\\n\s*", "", block).splitlines())
    for prose in blocks[::2]:
        yield from (re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", prose))


def documented_commands() -> dict[str, str]:
    """Return each command line of README, CONTRIBUTING and docs, and the first document that shows it.

    A comment after it is left out.
    """
    documents = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
    found: dict[str, str] = {}
    for document in documents:
        for code in code_of(document.read_text(encoding="utf-8")):
            command = re.split(r"\s+# ", code)[0].strip()
            if _COMMAND.fullmatch(command):
                found.setdefault(command, str(document.relative_to(ROOT)))
    return found


@dataclass(frozen=True)
class Typed:
    """A command as a reader types it, and what becomes of it.

    Attributes
    ----------
    says : str
        A regular expression of something that it prints.
    answers : sequence of pairs of str
        What it asks, as a regular expression, and what is typed then; without any, there is no terminal.
    ctrl_c : bool
        It goes on until Ctrl-C, which is typed once it has said what it must.
    """

    command: str
    says: str = ""
    code: int = 0
    answers: Sequence[tuple[str, str]] = ()
    ctrl_c: bool = False


# In a fresh clone, by themselves.
ALONE = (
    Typed("make help", "Write the CloudFormation templates"),
    Typed("./bridge", "Operate VectorCare Bridge", code=2),
    Typed("make sbom"),
    Typed("make release", "Publish it: git push origin"),
    Typed("git worktree add ../old HEAD~1"),
    Typed('(cd ../old && CDK_OUTDIR="$OLDPWD/.local/old" "$OLDPWD/.venv/bin/python" app.py)'),
    Typed("CDK_OUTDIR=.local/new .venv/bin/python app.py"),
    Typed(".venv/bin/python -m verification.template_changes .local/old .local/new"),
    Typed("git worktree remove ../old"),
    Typed(".venv/bin/python -m pytest -n0 tests/unit/webhooks/test_fold.py", "passed"),
    Typed("make run ARGS=--once", "Everything came out as it must"),
)

# Beside `make run`, in another terminal; the account is the one that it emulates.
BESIDE_THE_LOCAL_ENVIRONMENT = (
    Typed("./bridge --local dlq list", "There is no dead letter"),
    Typed("./bridge --local show KP-ABCD1234", "Error: local has no service request", code=1),
    Typed("./bridge --local audit", "all passed"),
    Typed(".venv/bin/python docs/examples/dispatch.py --stand .local/stand.json", "Waiting", ctrl_c=True),
    Typed("./bridge send --local", "200"),
    Typed("./bridge send-command accept KP-ABCD1234 --local", "not_found", code=1),
    Typed("./bridge status", "all is well"),
    Typed("./bridge show KP-ABCD1234", "Error: local has no service request", code=1),
    Typed("./bridge commands", "KP-ABCD1234"),
    Typed("./bridge dlq list", "There is no dead letter"),
    Typed("./bridge dlq list --queue unpublished", "There is no dead letter"),
    Typed("./bridge dlq list --queue outbound", "There is no dead letter"),
    Typed("./bridge dlq redrive --dry-run"),
    Typed("./bridge dlq redrive --dry-run --reason timestamp_in_future"),
    Typed("./bridge dlq redrive --queue unpublished"),
    Typed("./bridge dlq redrive --queue outbound --reason exhausted"),
    Typed("./bridge dlq export dead.jsonl", "0 dead letters are in"),
    Typed("./bridge dlq export --queue unpublished events.jsonl", "0 dead letters are in"),
    Typed("./bridge replay KP-ABCD1234 --dry-run", "1 unknown", code=1),
    Typed("./bridge replay KP-ABCD1234", "1 unknown", code=1, answers=[("y/N", "y")]),
    Typed("./bridge replay --all --dry-run", "Nothing was written"),
    Typed("./bridge replay --all", "unchanged", answers=[("y/N", "y")]),
    Typed("./bridge audit", "all passed"),
    Typed("./bridge --local verify --end-to-end", "ok"),
    Typed("./bridge tail", "Stop with Ctrl-C", ctrl_c=True),
    Typed("./bridge tail --since 10m", "Stop with Ctrl-C", ctrl_c=True),
)

# Beside a VectorCare of its own, with VC set to where it is.
BESIDE_THE_SIMULATOR = (
    Typed("curl -X POST $VC/requester/broadcast", "service_request_id"),
    Typed("curl $VC/requester/requests", "service_request_id"),
    Typed("curl $VC/webhooks/history"),
    Typed("""curl -X PUT $VC/settings -d '{"disorder": {"late": 0.1, "duplicated": 0.2, "seed": 7}}'""", "0.1"),
)
SIMULATOR = ".venv/bin/python -m local vectorcare --webhook-url http://127.0.0.1:8080/webhook"

# Against an emulated account that CDK was never used in: first what leads to a stack, after `./cdk bootstrap` as the
# deployment prints it; then what is done with it until nothing is left.
NEW = (
    Typed(
        "./bridge new acme",
        "Written",
        answers=[
            *(("name of its file", "vectorcare.pem"), ("that sends", "uat"), ("Email", ""), ("Networks", "")),
            *(("Time zone", ""), ("Hours of a day", ""), ("Days on which", ""), ("After how many", "")),
            ("deployed nowhere else", ""),
        ],
    ),
    Typed("./bridge check organizations/acme.toml", ": ok"),
)
DEPLOY = "make deploy ORGANIZATION=acme"
UNTIL_GONE = (
    Typed("make bootstrap ORGANIZATION=acme", "bootstrapped"),
    Typed("./bridge status --organization acme", "all is well"),
    Typed("./bridge dlq redrive --organization acme --dry-run"),
    Typed("./bridge dlq export --organization acme dead-letters.jsonl", "0 dead letters are in"),
    Typed("./bridge tail --organization acme", "Stop with Ctrl-C", ctrl_c=True),
    Typed("./bridge leftovers", "Nothing is left behind"),
    Typed("./bridge deploy acme --check"),
    Typed("./bridge destroy acme", "The stack is removed", answers=[("Type acme", "acme")]),
    Typed("make destroy ORGANIZATION=acme", "There is no stack", code=2),
    Typed("./bridge leftovers acme", "Together about"),
    Typed("./bridge leftovers acme --remove", "Together about", answers=[("Type acme", "acme")]),
)

RUN = frozenset(
    typed.command for typed in (*ALONE, *BESIDE_THE_LOCAL_ENVIRONMENT, *BESIDE_THE_SIMULATOR, *NEW, *UNTIL_GONE)
) | {"make run", SIMULATOR, DEPLOY}

_SUITE = "the test suite, or a part of it, which this is a part of"
_LONG = "takes minutes to hours, and runs in `make nightly` or by itself"
_NAMED = "names the command; how it is called stands elsewhere, or in its --help"
_AWS = "needs AWS itself: the emulator has no such name, or does not answer this"
_NETWORK = "needs the network, or a service beyond it"
_SHELL = "sets what later lines use; bash has read it"
_PERSON = "has a place for what only the reader has"
_NAMES = {
    command for command in documented_commands() if re.fullmatch(r"(\./bridge( dlq)?|cdk) [a-z-]+", command)
} - RUN
LEFT_OUT: dict[str, str] = {
    **dict.fromkeys(_NAMES, _NAMED),
    **dict.fromkeys(
        (
            *('make test ARGS="-k reconciled_journals"', 'make test ARGS="-k test_second_region"'),
            *("make test", 'make test ARGS="-k fold_of_its_journal"', 'make test ARGS="-k test_fold"'),
            *('make test ARGS="-m nightly -k test_least_privilege"', 'make test ARGS="-m nightly"', "make nightly"),
            ".venv/bin/python -m pytest -n0 -m nightly tests/end_to_end/test_least_privilege.py",
            *('make test ARGS="-k test_permissions_template"', 'make test ARGS="-k test_no_secrets"'),
            *('make test ARGS="tests/security"', """make test ARGS="-k 'signature or signatures'\""""),
        ),
        _SUITE,
    ),
    **dict.fromkeys(
        (
            *("make simulate", "make simulate SEEDS=20", "make simulate SEEDS=200", "make mutants", "make benchmark"),
            *("make fuzz INPUTS=100000", "make fuzz INPUTS=1000000", "make load", "make load ARGS=burst"),
            *('make load ARGS="steady --minutes 20"', ".venv/bin/python -m verification.simulation --seed 7 --verbose"),
        ),
        _LONG,
    ),
    **dict.fromkeys(
        ("./bridge dlq show --queue outbound", "make deploy"),
        _NAMED,
    ),
    "cdk bootstrap --cloudformation-execution-policies": _NAMED,
    "./cdk": _NAMED,
    "cdk deploy VectorCareBridge-acme": "deploys once more; cdk ls shows that a CDK of the user's own works",
    **dict.fromkeys(
        (
            *(
                "make lock",
                "make audit",
            ),
            *('curl -i "$(out HealthUrl)"',),
            "curl -sS -o /dev/null -w '%{http_code}\\n' --tlsv1.2 --tls-max 1.2 \"$(out HealthUrl)\"",
            "curl -sS -o /dev/null -w '%{http_code}\\n' --tlsv1.3 \"$(out HealthUrl)\"",
        ),
        _NETWORK,
    ),
    **dict.fromkeys(
        (
            "export AWS_PROFILE=…",
            "export STACK=VectorCareBridge-acme AWS_REGION=us-east-1",
        ),
        _SHELL,
    ),
    **dict.fromkeys(
        (
            'curl --fail-with-body --aws-sigv4 "aws:amz:$AWS_REGION:execute-api" --user '
            '"$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$READING_API_URL/service-requests?limit=5&status=AVAILABLE"',
            *("./bridge verify acme", "./bridge verify acme --end-to-end", "./bridge verify acme --alarms"),
            './cdk deploy --app "python docs/examples/subscriber.py" -c bus=VectorCareBridge-acme',
            './cdk deploy --app "python docs/examples/subscriber.py" -c bus=VectorCareBridge-acme '
            "-c endpoint=https://cad.example.com/hooks/vectorcare -c api_key_secret=cad/api-key",
        ),
        _AWS,
    ),
    **dict.fromkeys(
        (
            *("./bridge deploy --all", "./bridge deploy --all --check", "./bridge deploy --resume"),
            *("./bridge deploy acme bravo 'clinic-*'", "./bridge deploy acme --yes"),
            "./cdk deploy VectorCareBridge-acme --rollback-trigger-alarm-arns none",
        ),
        "deploys again, which watches the alarms for five minutes; the tests of deployments run it with less",
    ),
    **dict.fromkeys(
        (
            *("./bridge rollback acme", "./bridge rollback acme --dry-run", "./bridge rollback acme --list"),
            *("./bridge rollback acme --to 3f9a1c2b7d", "./bridge rollback acme --to RELEASE"),
            "./bridge --local rollback",
        ),
        "needs two releases; its own tests have them",
    ),
    "make clean": "removes what all of this stands on",
    "git pull && make test": _SUITE,
    "./bridge restore --organization acme": "asks for a time, and copies tables; its own tests do",
    "./cdk bootstrap aws://ACCOUNT/REGION": "is run with the account and region of the emulator",
    **dict.fromkeys(
        (
            *(
                "./bridge reconcile acme",
                "./bridge reconcile acme --dry-run",
                "./bridge reconcile acme --key former.pem",
            ),
            *(
                "./cdk bootstrap aws://ACCOUNT/us-west-2",
                "./bridge destroy acme --region us-west-2",
                "./cdk deploy VectorCareBridge-acme-us-west-2",
            ),
        ),
        "needs two regions; the tests of the second region have two emulators",
    ),
    **dict.fromkeys((".venv/bin/python -m verification.fuzzing --replay FILE", "curl -i URL"), _PERSON),
}
