"""What every construct of a stack gets."""

from dataclasses import dataclass

from stacks.common.encryption import Encryption
from stacks.common.storage import Storage
from stacks.config.organization import Organization
from stacks.functions.packaging import Artifact


@dataclass(frozen=True, kw_only=True)
class StackContext:
    """The organization that the stack is for, the functions' code, and what nearly every part of the stack uses."""

    organization: Organization
    artifact: Artifact
    encryption: Encryption
    storage: Storage
