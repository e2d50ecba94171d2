"""How old a command is, and when it is worse than none."""

import pytest

from tests.support.attempt import delivery
from tests.support.cloud import NOW
from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.commands.command import Kind


def test_a_command_is_as_old_as_it_has_been_on_the_queue() -> None:
    assert delivery().age(NOW) == 10


@pytest.mark.parametrize(("kind", "max_age"), [(Kind.LOCATION_UPDATE, 900), (Kind.ACCEPT, 1800)])
def test_a_command_expires_when_it_has_reached_its_age(kind: Kind, max_age: float) -> None:
    # Given a command that is ten seconds old, When its time is just over, Then it is expired, and not before
    one = delivery(kind)
    assert one.max_age == max_age
    assert one.is_expired(utc_timestamp.later(NOW, minutes=(max_age - 10) / 60))
    assert not one.is_expired(utc_timestamp.later(NOW, minutes=(max_age - 10.001) / 60))
