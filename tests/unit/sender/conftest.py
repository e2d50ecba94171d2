"""The whole sender, for the tests that need it."""

from collections.abc import Iterator

import pytest

from tests.support import sender
from tests.support.sender import Outbound


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    """Run the sender without threads."""
    with sender.running() as outbound:
        yield outbound
