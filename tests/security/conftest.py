"""The functions in moto, off the network, as the unit tests have them."""

from collections.abc import Iterator

import pytest

from tests.stacks.conftest import organizations, synthesized, templates
from tests.support.cloud import Cloud, running
from tests.unit.conftest import _cloud, _no_network, cloud, output

__all__ = ["_cloud", "_no_network", "cloud", "organizations", "output", "shared_cloud", "synthesized", "templates"]


@pytest.fixture(scope="module")
def shared_cloud() -> Iterator[Cloud]:
    """Give one stack to all tests of a file, which mind that the others have used it."""
    with running() as cloud:
        yield cloud
