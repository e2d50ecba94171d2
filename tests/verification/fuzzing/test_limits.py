"""Requests at the limits end as they must, through ingest and, signed, on through the processor."""

import pytest

from verification.fuzzing.functions import Functions
from verification.fuzzing.harness import Harness
from verification.fuzzing.limits import LIMITS


@pytest.mark.parametrize("name", LIMITS)
def test_a_request_at_a_limit_ends_as_it_must(functions: Functions, name: str) -> None:
    # Given a request at a limit
    for case, ends in LIMITS[name].cases():
        # When it is sent, and then delivered
        harness = Harness(functions)
        violation = harness.run(case)
        # Then no rule is broken, and it ends in the one way that is right
        assert violation is None
        assert ends & harness.last.keys(), harness.last
