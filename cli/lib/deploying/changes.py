"""What a change set would do, in words: how much changes, what would be lost, and which permissions are new."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cli.lib.deploying import cut_offs

# What holds something that a new one does not have: what would be lost, and what to do.
LOSSES: Mapping[str, tuple[str, str]] = {
    "AWS::DynamoDB::Table": (
        "the new table is empty: no journal, no state, no record of commands",
        "do not; if you must, export the table first, and restore or replay it afterwards",
    ),
    "AWS::KMS::Key": (
        "what the old key has encrypted needs the old key for as long as it is kept",
        "do not; if you must, keep the old key enabled",
    ),
    "AWS::S3::Bucket": (
        "webhooks that wait in the old spool are not drained any more",
        "wait until `./bridge status` shows that the spool is empty",
    ),
    "AWS::SQS::Queue": (
        "messages in the old queue are lost",
        "wait until `./bridge status` shows that nothing waits, and redrive or export the dead letters",
    ),
    "AWS::SecretsManager::Secret": (
        "the credentials for VectorCare's API are gone, and no command is sent",
        "have the credentials at hand, and put them into the new secret",
    ),
    "AWS::Events::EventBus": (
        "the subscribers' rules are gone, and they get no change",
        "tell the subscribers; they make their rules again",
    ),
    "AWS::Logs::LogGroup": ("the new log begins empty", "export the log first if you need it"),
    "AWS::ApiGateway::RestApi": (
        "the URL changes at once, and a webhook to the old one is lost after 72 seconds",
        "keep the API; or add a second webhook in VectorCare with another stack's URL first",
    ),
    "AWS::ApiGateway::DomainName": (
        "calls to a domain that is deleted fail at once; one that stays works on",
        "if it is deleted, have VectorCare call another URL first: docs/moving.md has the order",
    ),
    "AWS::SNS::Topic": (
        "each address of alarm_emails has to confirm its subscription again",
        "confirm the mails that AWS sends, or no alarm arrives",
    ),
}

_CUSTOMER_ID = "customer_id"


@dataclass(frozen=True)
class Loss:
    """A resource that holds something, and would be replaced or removed; or the ``customer_id`` that VectorCare calls.

    Attributes
    ----------
    action : str
        ``replaced``, ``may be replaced`` (CloudFormation cannot tell before), ``removed``, or ``changed``.
    kept : bool
        Whether the old one stays in the account, outside the stack.
    cause : str
        The properties whose change has it replaced; empty if it is removed.
    """

    logical_id: str
    physical_id: str
    type: str
    action: str
    kept: bool
    cause: str
    what: str
    remedy: str


@dataclass(frozen=True)
class Permission:
    """What somebody may do that nobody may now; `holder` is the resource that says so."""

    holder: str  # its logical id
    actions: str


@dataclass(frozen=True)
class Plan:
    """What a change set would do.

    Attributes
    ----------
    is_new : bool
        There is no such stack yet.
    added, modified, replaced, removed : int
        Resources.
    losses : tuple[Loss, ...]
        Those that hold something, in the order of their ids.
    cut_offs : tuple[str, ...]
        What may cut off VectorCare, each with what to look at before.
    """

    is_new: bool
    added: int
    modified: int
    replaced: int
    removed: int
    losses: tuple[Loss, ...]
    permissions: tuple[Permission, ...]
    cut_offs: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not (self.added or self.modified or self.replaced or self.removed)


def explain(
    changes: Sequence[Mapping[str, Any]], *, old: Mapping[str, Any] | None, new: Mapping[str, Any], is_new: bool
) -> Plan:
    """Explain a change set.

    Parameters
    ----------
    changes : sequence of mapping
        The `Changes` of DescribeChangeSet.
    old, new : mapping or None
        The deployed and the synthesized template; None if the deployed one is not known.
    """
    resources = {
        change["ResourceChange"]["LogicalResourceId"]: change["ResourceChange"]
        for change in changes
        if "ResourceChange" in change
    }
    kinds = {name: _kind(resource, resources, frozenset()) for name, resource in resources.items()}
    counts = Counter(kinds.values())
    losses = [loss for name, resource in resources.items() if (loss := _loss(resource, kinds[name], old or {}))]
    if cut_offs.is_url_refused(old or {}, new):
        losses.append(_refused_url())
    return Plan(
        is_new=is_new,
        added=counts["added"],
        modified=counts["modified"],
        replaced=counts["replaced"] + counts["may be replaced"],
        removed=counts["removed"],
        losses=tuple(sorted(losses, key=lambda loss: loss.logical_id)),
        permissions=tuple(_new_permissions(old or {}, new)),
        cut_offs=tuple(cut_offs.warnings(old or {}, new)),
    )


def of_new(template: Mapping[str, Any]) -> Plan:
    """Explain a stack that does not exist yet."""
    added = [
        {"ResourceChange": {"Action": "Add", "LogicalResourceId": name, "ResourceType": resource["Type"]}}
        for name, resource in template["Resources"].items()
    ]
    return explain(added, old=None, new=template, is_new=True)


def _kind(resource: Mapping[str, Any], all_: Mapping[str, Mapping[str, Any]], asked: frozenset[str]) -> str:
    match resource["Action"], resource.get("Replacement", "False"):
        case "Add" | "Import", _:
            return "added"
        case "Remove", _:
            return "removed"
        case _, "True":
            return "replaced"
        case _, "Conditional" if any(_may_replace(detail, all_, asked) for detail in resource.get("Details", [])):
            return "may be replaced"
        case _:
            return "modified"


def _may_replace(detail: Mapping[str, Any], all_: Mapping[str, Mapping[str, Any]], asked: frozenset[str]) -> bool:
    """Say whether a change of a property may replace its resource.

    CloudFormation also says so of a property that refers to a resource with any change, as to the key of a log group.
    Unless that one is replaced, what is referred to stays what it is.
    """
    if detail.get("Target", {}).get("RequiresRecreation", "Never") == "Never":
        return False
    cause = str(detail.get("CausingEntity", "")).split(".")[0]
    if detail.get("ChangeSource") not in ("ResourceAttribute", "ResourceReference") or cause not in all_:
        return True
    return cause not in asked and _kind(all_[cause], all_, asked | {cause}) != "modified"


def _loss(resource: Mapping[str, Any], kind: str, old: Mapping[str, Any]) -> Loss | None:
    type_ = resource["ResourceType"]
    if kind in ("added", "modified") or type_ not in LOSSES:
        return None
    definition = old.get("Resources", {}).get(resource["LogicalResourceId"], {})
    what, remedy = LOSSES[type_]
    cause = sorted(
        {
            detail["Target"].get("Name") or detail["Target"].get("Attribute", "")
            for detail in resource.get("Details", [])
            if detail.get("Target", {}).get("RequiresRecreation", "Never") != "Never"
        }
    )
    policy = resource.get("PolicyAction", "")
    kept = policy.endswith("Retain") if policy else _is_kept(definition, kind)
    if type_ == "AWS::Logs::LogGroup" and kind == "removed" and kept:
        return None  # it goes with its function, such as reconcile's when the file asks for no comparison any more
    return Loss(
        logical_id=resource["LogicalResourceId"],
        physical_id=resource.get("PhysicalResourceId", ""),
        type=type_,
        action=kind,
        kept=kept,
        cause=", ".join(cause) if kind != "removed" else "",
        what=what,
        remedy=remedy,
    )


def _refused_url() -> Loss:
    return Loss(
        logical_id=_CUSTOMER_ID,
        physical_id="",
        type="of the webhook's URL",
        action="changed",
        kept=False,
        cause="",
        what="each webhook to the URL that VectorCare calls now is answered 401, and after 72 seconds it is lost",
        remedy="write the old value into former_customer_ids, and remove it later: docs/moving.md has the order",
    )


def _is_kept(definition: Mapping[str, Any], kind: str) -> bool:
    name = "DeletionPolicy" if kind == "removed" else "UpdateReplacePolicy"
    return str(definition.get(name, "")).startswith("Retain")


def _new_permissions(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Permission]:
    """Find each statement that no policy has now."""
    known = {_canonical(where, statement) for where, statement in _statements(old)}
    for where, statement in _statements(new):
        if _canonical(where, statement) not in known:
            actions = _list(statement.get("Action", statement.get("NotAction", "all but some actions")))
            yield Permission(where, ", ".join(str(action) for action in actions))


def _statements(template: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Find all that grants something: statements of policies, managed policies of roles, and Lambda's permissions."""
    for logical_id, resource in template.get("Resources", {}).items():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Lambda::Permission":
            yield logical_id, properties
        for managed in _list(properties.get("ManagedPolicyArns")):
            yield logical_id, {"Action": f"all of {_name_of(managed)}", "ManagedPolicy": managed}
        for policy in _documents(properties):
            for statement in _list(policy["Statement"]):
                # A log group's data protection has statements that allow nothing.
                if isinstance(statement, dict) and statement.get("Effect") == "Allow":
                    yield logical_id, statement


def _documents(value: Any) -> Iterator[Mapping[str, Any]]:
    """Find the policy documents in a resource's properties, wherever they stand."""
    if isinstance(value, list):
        for each in value:
            yield from _documents(each)
    elif isinstance(value, dict):
        if "Statement" in value:
            yield value
            return
        for each in value.values():
            yield from _documents(each)


def _canonical(where: str, statement: Mapping[str, Any]) -> str:
    return f"{where} {json.dumps(statement, sort_keys=True)}"


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _name_of(managed: Any) -> str:
    text = json.dumps(managed) if not isinstance(managed, str) else managed
    return text.rstrip('"]} ').rsplit("/", 1)[-1].rsplit('"', 1)[-1]
