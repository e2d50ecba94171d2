"""The whole sender, for the tests that need it."""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.sender import Outbound


@pytest.fixture
def outbound() -> "Iterator[Outbound]":
    from tests.support import sender  # noqa: PLC0415 tests of the rules alone do without it

    with sender.running() as outbound:
        yield outbound
