"""Rule: who presses Ctrl-C ends the work, and, as often as it is pressed, not the clean-up."""

import signal

import pytest

from cli.lib.interruption import interruptible


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_only_the_first_signal_interrupts(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    with interruptible():
        # When it is sent while the work goes on, Then it ends the work
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        # When it is sent again before the clean-up has begun, Then nothing happens
        signal.raise_signal(number)
    # And afterwards all is as it was
    assert signal.getsignal(number) is before
