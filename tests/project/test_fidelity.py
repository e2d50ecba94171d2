"""`docs/fidelity.md` says of each claim about AWS how it is shown, and names a test, a page, or a check that exists."""

import re

import pytest

from tests.project.test_documentation import DOCUMENTS, PRODUCT, TEST_NAMES

WAYS = {"local", "template", "documentation", "nothing"}
PAGE = DOCUMENTS["docs/fidelity.md"]
CLAIMS = [
    [cell.strip() for cell in row.strip("|").split("|")]
    for table in PAGE.split("| claim | shown by |")[1:]
    for row in table.split("\n\n")[0].splitlines()[2:]
]
CITED = re.compile(
    r'"([^"]{6,90})", (?:[A-Z][\w ]+ )?(?:[Dd]eveloper|[Uu]ser) [Gg]uide'
    r'|(?:[Dd]eveloper|[Uu]ser) [Gg]uide, "([^"]{6,90})"'
    r"|API reference, ([A-Z]\w+)"
    r"|([A-Z]\w+), \w+ API reference"
)
VERIFYING = DOCUMENTS["docs/verifying.md"].split("## What is checked")[1].split("\n## ")[0]
CHECKED = {
    name.replace("`", "")
    for row in re.findall(r"^\| (?!from |---)(.*?) \|", VERIFYING, flags=re.MULTILINE)
    for name in row.split(", ")
}
by_claim = pytest.mark.parametrize(("claim", "ways", "shown", "on_aws"), CLAIMS, ids=[row[0] for row in CLAIMS])


@by_claim
def test_a_claim_is_shown_by_what_it_names(claim: str, ways: str, shown: str, on_aws: str) -> None:
    # Given how it is shown
    named = set(ways.split(", "))
    assert named <= WAYS, claim
    # Then a test that is named exists, and there is one if it is shown here
    tests = re.findall(r"`(\w+)`", shown)
    assert set(tests) <= TEST_NAMES
    assert bool(tests) is bool(named & {"local", "template"})
    # And a page is named if AWS's documentation shows it
    assert bool(re.search(r'"[^"]+"', shown)) is ("documentation" in named)
    # And what nothing shows can be seen on AWS
    assert on_aws or "nothing" not in named


@by_claim
def test_what_shows_it_on_aws_is_a_check_or_a_command(claim: str, ways: str, shown: str, on_aws: str) -> None:
    del ways, shown
    for part in filter(None, on_aws.split(", ")):
        assert part in CHECKED or re.fullmatch(r"`(\./bridge|aws|curl) [^`]+`( from another address)?", part), claim


def test_every_page_of_aws_that_the_code_cites_shows_a_claim() -> None:
    # Given the pages that comments and docstrings of functions and template name as their source
    cited = {
        page
        for name, text in PRODUCT.items()
        if name.startswith(("lambdas/", "stacks/"))
        for found in CITED.findall(re.sub(r"\s*\n\s*#?\s*", " ", text))
        for page in found
        if page
    }
    # Then each is on the page, perhaps with more of its title
    shown = set(re.findall(r'"([^"]+)"', PAGE))
    assert sorted(page for page in cited if not any(title.startswith(page) for title in shown)) == []
    assert cited


def test_no_claim_is_made_twice() -> None:
    claims = [row[0].lower() for row in CLAIMS]
    assert len(set(claims)) == len(claims)
    assert claims


def test_each_check_of_verify_shows_a_claim_about_aws_or_is_about_the_product() -> None:
    named = {part for row in CLAIMS for part in row[3].split(", ")}
    assert CHECKED - named == {"a wrong customer_id", "another method", "settings", "credentials"}
