"""TLS on this machine, so that tests speak it wherever production does."""

import ssl
import tempfile
from functools import cache
from pathlib import Path

from local.certificate import write_certificate

_directory = tempfile.TemporaryDirectory(prefix="tls-")


@cache
def trusted() -> Path:
    return write_certificate(Path(_directory.name) / "certificate.pem")


def server_context(path: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context
