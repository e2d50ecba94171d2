"""Who may call the webhook's API: its resource policy, of which the addresses are the organization's."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

STAGE = "prod"
# Each route is allowed by method and path: a denial by address alone would deny the health check too.
_GUARDED = ("POST/webhook",)
_OPEN = ("GET/health", "HEAD/health")


_LONGEST_API = "arn:aws-us-gov:execute-api:ap-southeast-1:123456789012:abcdefghij"


def resource_policy(networks: Sequence[str], *, api: str = "execute-api:") -> Mapping[str, Any]:
    """Make the policy.

    Parameters
    ----------
    networks : sequence of str
        Those in CIDR form from which webhooks may come; none for any.
    api : str
        The API in the routes' ARNs; by default as the template has it, and API Gateway completes it.

    Returns
    -------
    mapping of str to Any
        The document as it stands in the template.
    """
    where = {"Condition": {"IpAddress": {"aws:SourceIp": list(networks)}}} if networks else {}
    return {
        "Statement": [*(_allow(api, route) | where for route in _GUARDED), *(_allow(api, route) for route in _OPEN)],
        "Version": "2012-10-17",
    }


def size(networks: Sequence[str]) -> int:
    """Measure the policy in characters, the routes' ARNs written out as API Gateway keeps them."""
    return len(json.dumps(resource_policy(networks, api=_LONGEST_API), separators=(",", ":")))


def _allow(api: str, route: str) -> dict[str, Any]:
    return {
        "Action": "execute-api:Invoke",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Resource": f"{api}/{STAGE}/{route}",
    }
