"""Findings of the rule packs that stay, each with the reason why."""

from collections.abc import Mapping

import aws_cdk as cdk
from constructs import IConstruct


def acknowledge(scope: IConstruct, reasons: Mapping[str, str]) -> None:
    """Accept findings on a construct and what is below it.

    Parameters
    ----------
    scope : IConstruct
        Where the finding arises; nothing above it is covered.
    reasons : Mapping[str, str]
        The reason by the full id of the finding, brackets included.
    """
    cdk.Validations.of(scope).acknowledge(
        *(cdk.Acknowledgment(id=finding, reason=reason) for finding, reason in reasons.items())
    )
