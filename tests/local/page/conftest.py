"""The page's application over a local VectorCare that is real, and an AWS that only notes what it is asked."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from unittest.mock import MagicMock

import pytest
from starlette.applications import Starlette

from cli.lib.stack import Stack
from local.page.server import Page
from simulator.admin_api import AdminApi
from simulator.server import serving
from simulator.simulator import Simulator
from tests.simulator.post import make_key


@dataclass
class ServedPage:
    app: Starlette
    simulator: Simulator
    stack: Stack
    description: dict[str, str | None]


@pytest.fixture
def page() -> Iterator[ServedPage]:
    simulator = Simulator(private_key=make_key())
    stack = Stack("acme", defaultdict(lambda: "named"), cache(lambda _service: MagicMock()))
    with simulator.running(), serving(AdminApi(simulator)) as url:
        description: dict[str, str | None] = {
            "vectorcare_url": url,
            "webhook_url": f"{url}/nowhere",
            "private_key_file": "invented.pem",
        }
        yield ServedPage(Page(stack, description).app(), simulator, stack, description)
