"""What a move of an organization's URL has left to do; docs/moving.md has the order of its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.config.organization import Organization


def unfinished(organization: Organization) -> Iterator[tuple[str, str]]:
    """Name each step that is still to be done, by a short id; none of them stops a deployment."""
    if organization.domain_name and organization.keep_default_url is None:
        yield (
            "default-url",
            f"API Gateway's own URL works beside {organization.domain_name}, because the file does not say whether it "
            "may go; once VectorCare calls the domain, write keep_default_url = false",
        )
    former = organization.former_customer_ids
    if organization.environment == "production" and any(map(organization.is_guessable, former)):
        yield (
            "former-customer-id",
            "former_customer_ids lists a value that can be guessed; once VectorCare calls the new URL, remove it",
        )
