"""No network: these tests need no cloud and must not reach one by accident."""

import logging
import sys
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import pytest_socket

from tests.support import cloud as moto_cloud
from tests.support.patience import Patience
from vectorcare_bridge.edge import observability, runtime


@pytest.fixture(autouse=True)
def _no_network() -> Iterator[None]:
    pytest_socket.disable_socket(allow_unix_socket=True)
    yield
    pytest_socket.enable_socket()


@pytest.fixture(scope="module")
def _cloud() -> Iterator[moto_cloud.Cloud]:
    with moto_cloud.running() as cloud:
        yield cloud


@pytest.fixture
def cloud(_cloud: moto_cloud.Cloud) -> moto_cloud.Cloud:
    _cloud.empty()
    return _cloud


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counts: Counter[str] = Counter()
    monkeypatch.setattr(observability, "count", lambda metric, value=1: counts.update({str(metric): value}))
    return counts


@pytest.fixture
def at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the functions' clock at NOW, which is noon."""
    monkeypatch.setattr(runtime, "now", lambda: moto_cloud.NOW)


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> Patience:
    patience = Patience()
    patience.take_the_place_of_time(monkeypatch)
    return patience


@pytest.fixture
def in_japan(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the machine's time zone to nine hours from UTC."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "JST-9")
        time.tzset()
        yield
    time.tzset()


class Output:
    """What the functions write, log lines and metrics: `text()` since the last `text()`."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self) -> str:
        return self._capsys.readouterr().out


class _StandardOutput:
    """The standard output of the moment, not the one of the moment the logger was made."""

    def write(self, text: str) -> None:
        sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()


@pytest.fixture
def output(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Output:
    for handler in logging.getLogger("tests").handlers:
        monkeypatch.setattr(handler, "stream", _StandardOutput())
    return Output(capsys)
