"""Set before any function's code is imported, as Lambda does; where the tests' files go; that Ctrl-C is heard.

And what hypothesis tries: the same examples at every run, however slow the machine is.
"""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "repeatable", deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow]
)
# Other examples at every run, and many: what is found is written into the test as an `@example`.
settings.register_profile(
    "nightly", deadline=None, max_examples=2000, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

os.environ.update(
    ORGANIZATION="acme",
    POWERTOOLS_METRICS_NAMESPACE="VectorCareBridge",
    POWERTOOLS_SERVICE_NAME="tests",
)

_IN_MEMORY = Path("/dev/shm")  # noqa: S108 pytest makes a folder of its own in it, which is the user's alone
_ENOUGH_BYTES = 8 * 2**30


def pytest_configure() -> None:
    """Have pytest's folders in memory where there is plenty, and SIGINT end what the tests start.

    Each local environment unpacks hundreds of megabytes of functions and removes them; a slow disk takes longer for
    that than the tests run.
    """
    if _is_roomy(_IN_MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(_IN_MEMORY))
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job ignores it, and all that it starts
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have one worker more than there are processors: a third of the tests' time is waiting for a local environment."""
    return (os.cpu_count() or 1) + 1


def _is_roomy(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    file_system = os.statvfs(folder)
    is_executable = not file_system.f_flag & os.ST_NOEXEC  # libraries are loaded from there
    free_memory = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return is_executable and min(file_system.f_bavail * file_system.f_frsize, free_memory) > _ENOUGH_BYTES
