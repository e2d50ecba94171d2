"""Receivers of webhooks, and a delivery that sends to one."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from simulator.clock import Clock
from tests.simulator.post import SPEED, Post, Receiver, receiving


@pytest.fixture
def clock() -> Clock:
    return Clock(SPEED)


@pytest.fixture
def new_receiver(clock: Clock) -> Iterator[Callable[[], Receiver]]:
    with ExitStack() as stack:
        yield lambda: stack.enter_context(receiving(clock))


@pytest.fixture
def receiver(new_receiver: Callable[[], Receiver]) -> Receiver:
    return new_receiver()


@pytest.fixture
def post(clock: Clock, receiver: Receiver) -> Iterator[Post]:
    """Deliver to one receiver."""
    post = Post(clock)
    post.delivery.register([receiver.url])
    yield post
    receiver.is_freed.set()
    post.delivery.close()
