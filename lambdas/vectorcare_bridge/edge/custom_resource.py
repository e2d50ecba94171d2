"""How a function answers CloudFormation, which has called it for a custom resource.

Source: "Custom resource request and response reference", CloudFormation User Guide. CloudFormation waits until the
answer is put to the request's URL, an hour if the template says no shorter time.
"""

import json
import os
import ssl
from collections.abc import Mapping
from typing import Any
from urllib.request import Request, urlopen

from vectorcare_bridge.edge import runtime

_ATTEMPTS = 4
_TIMEOUT_SECONDS = 5


def answer(request: Mapping[str, Any], *, failure: str | None) -> None:
    """Answer a request; `failure` is the reason that CloudFormation shows, or None for a success.

    The physical id is always the same, so that no request replaces the resource.

    Raises
    ------
    OSError
        The URL has not taken the answer in several attempts.
    """
    content = {
        "Status": "SUCCESS" if failure is None else "FAILED",
        "Reason": failure or "",
        "PhysicalResourceId": request["LogicalResourceId"],
        **{name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")},
    }
    for attempt in range(_ATTEMPTS):
        try:
            _put(request["ResponseURL"], json.dumps(content).encode())
            return
        except OSError:
            if attempt == _ATTEMPTS - 1:
                raise
            runtime.sleep(2.0**attempt)


def _put(url: str, body: bytes) -> None:
    # The URL is signed without a type, so none may be sent.
    request = Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310 CloudFormation's own URL
    # AWS's own variable for the certificates that its SDKs trust; unset, they are the system's.
    trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
    with urlopen(request, timeout=_TIMEOUT_SECONDS, context=trusted):  # noqa: S310 as above
        pass
