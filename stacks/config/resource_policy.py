"""The resource policy of the webhook's API: who may call it, from which networks."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

STAGE = "prod"
# Each route is allowed by method and path: denying only by address would also deny the health check.
_GUARDED = ("POST/webhook",)
_OPEN = ("GET/health", "HEAD/health")
_LONGEST_API = "arn:aws-us-gov:execute-api:ap-southeast-1:123456789012:abcdefghij"


def resource_policy(networks: Sequence[str], *, api: str = "execute-api:") -> Mapping[str, Any]:
    """Make the policy for the networks, in CIDR form, that webhooks may come from; none for any.

    `api` begins the routes' ARNs; by default it is the template's short form, which API Gateway completes.
    """
    condition = {"Condition": {"IpAddress": {"aws:SourceIp": list(networks)}}} if networks else {}
    return {
        "Statement": [
            *(_allow(api, route) | condition for route in _GUARDED),
            *(_allow(api, route) for route in _OPEN),
        ],
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
