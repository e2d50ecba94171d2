"""What of the webhook's URL an update takes away from VectorCare, as far as the two templates show it."""

import ipaddress
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_ORDER = "docs/moving.md has the order in which no webhook is lost"
_MINUTES = "which takes about 15 minutes"


@dataclass(frozen=True)
class _Door:
    """Who and what comes in: of the ingest function's environment, and of the webhook's API."""

    customer_id: str
    former: frozenset[str]
    keys: frozenset[str]
    is_default_url_on: bool
    networks: frozenset[str]  # none means any
    tls_policy: str | None
    access_mode: str | None

    @property
    def customer_ids(self) -> frozenset[str]:
        return self.former | {self.customer_id}


def is_url_refused(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Say whether every webhook to the URL of now will be refused, because its ``customer_id`` counts no more."""
    before, after = _door(old), _door(new)
    return bool(before and after and before.customer_id not in after.customer_ids)


def warnings(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Name what may cut off VectorCare, each with what to look at; nothing if a template is not known."""
    before, after = _door(old), _door(new)
    if before is None or after is None:
        return
    if before.former - after.customer_ids:
        yield f"former_customer_ids lists less: AcceptedByCustomerId has to show no former for a busy day. {_ORDER}"
    if before.keys - after.keys:
        yield (
            "public_keys lists less, and what the removed key has signed is refused: SignedByKey has to show only the "
            "others"
        )
    if before.is_default_url_on and not after.is_default_url_on:
        yield (
            f"API Gateway's own URL is switched off: AcceptedByDomain has to show no default for a busy day. {_ORDER}"
        )
    if not _covers(after.networks, before.networks):
        yield f"allowed_source_ips admits fewer addresses, and all others are answered 403. {_ORDER}"
    if before.tls_policy != after.tls_policy:
        yield f"tls_policy changes, {_MINUTES}: who does not speak what it asks for gets no connection. {_ORDER}"
    if (before.access_mode, after.access_mode) == ("STRICT", "BASIC"):
        yield (
            f"endpoint_access goes from STRICT to BASIC, {_MINUTES}, and AWS says that no URL can be reached in that "
            f"time. {_ORDER}"
        )


def _door(template: Mapping[str, Any]) -> _Door | None:
    resources = [each for each in template.get("Resources", {}).values() if isinstance(each, Mapping)]
    environment = next(filter(None, map(_environment_of_ingest, resources)), None)
    # Of the two APIs only the webhook's has a resource policy.
    apis = (each["Properties"] for each in resources if each.get("Type") == "AWS::ApiGateway::RestApi")
    api = next((each for each in apis if "Policy" in each), None)
    if environment is None or api is None:
        return None
    return _Door(
        customer_id=environment.get("CUSTOMER_ID", ""),
        former=_listed(environment.get("FORMER_CUSTOMER_IDS", "")),
        keys=_listed(environment.get("PUBLIC_KEYS", "")),
        is_default_url_on=not api.get("DisableExecuteApiEndpoint"),
        networks=frozenset(
            network
            for statement in api["Policy"].get("Statement", [])
            for network in statement.get("Condition", {}).get("IpAddress", {}).get("aws:SourceIp", [])
        ),
        tls_policy=api.get("SecurityPolicy"),
        access_mode=api.get("EndpointAccessMode"),
    )


def _environment_of_ingest(resource: Mapping[str, Any]) -> Mapping[str, str] | None:
    environment: Mapping[str, str] = resource.get("Properties", {}).get("Environment", {}).get("Variables", {})
    return environment if environment.get("POWERTOOLS_SERVICE_NAME") == "ingest" else None


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split(",")) - {""}


def _covers(outer: frozenset[str], inner: frozenset[str]) -> bool:
    """Say whether networks admit all that others admit; none admits any address."""
    if not outer or not inner:
        return not outer
    networks = [ipaddress.ip_network(each) for each in outer]
    return all(
        any(each.version == network.version and each.subnet_of(network) for network in networks)  # type: ignore[arg-type]  # both are of one version
        for each in map(ipaddress.ip_network, inner)
    )
