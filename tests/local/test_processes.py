"""A signal ends what was started, wherever it arrives."""

import os
import signal

import pytest

from local import processes
from tests.support.wait import wait_until


class SignalledAtItsEnd:
    """Gets a signal while it is finalized, where Python drops every exception."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_signal_that_arrives_in_a_finalizer_interrupts_all_the_same() -> None:
    # Given
    def work() -> None:
        SignalledAtItsEnd()
        wait_until(lambda: None, what="the signal interrupts")

    # When, Then
    with pytest.raises(KeyboardInterrupt), processes.interruptible():
        work()
    assert processes.interrupted_by() is signal.SIGTERM
