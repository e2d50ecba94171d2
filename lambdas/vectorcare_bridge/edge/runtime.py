"""The only access to AWS, HTTP, clock, randomness and threads. The simulation replaces this module."""

import random
import threading
import time
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from vectorcare_bridge import utc_timestamp
from vectorcare_bridge.utc_timestamp import UtcTimestamp

if TYPE_CHECKING:
    from vectorcare_bridge.edge.http_session import Session

# Fixed, because botocore otherwise assembles one for every request.
_USER_AGENT = "vectorcare-bridge"


def client(
    service: str,
    *,
    connect_timeout: float,
    read_timeout: float,
    attempts: int,
    connections: int = 10,
    region: str | None = None,
) -> Any:
    """Make an AWS client, of the function's own region by default.

    Time-outs are seconds for each attempt; `attempts` includes the first one.
    """
    return boto3.client(
        service,
        region_name=region,
        config=Config(
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retries={"mode": "standard", "total_max_attempts": attempts},
            max_pool_connections=connections,
            user_agent=_USER_AGENT,
        ),
    )


def http_session(*, connections: int) -> "Session":
    """Make a session that keeps up to `connections` connections, verifies TLS, and tries each call once."""
    from vectorcare_bridge.edge.http_session import Session  # noqa: PLC0415 only the function that needs it pays for it

    session = Session(connections=connections)
    session.headers["User-Agent"] = _USER_AGENT
    return session


def executor(threads: int) -> Executor:
    """Make a thread pool for parallel calls of one invocation."""
    return ThreadPoolExecutor(max_workers=threads)


def lock() -> threading.Lock:
    """Make a lock for these threads."""
    return threading.Lock()


def now() -> UtcTimestamp:
    """Read the clock."""
    return utc_timestamp.of(datetime.now(UTC))


def monotonic() -> float:
    """Seconds on a clock that never goes back."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait."""
    time.sleep(seconds)


def uniform(low: float, high: float) -> float:
    """Draw a float between two bounds."""
    return random.uniform(low, high)  # noqa: S311 spreads retries, keeps no secret
