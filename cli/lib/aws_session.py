"""Connections to AWS, and what a stack there has as outputs."""

import os
from typing import Any

import boto3
import botocore.session

from cli.lib import aws_error
from cli.lib.errors import BridgeError


def open_session(profile: str | None, region: str | None) -> boto3.Session:
    """Make a boto3 session; None is what the environment variables say.

    Raises
    ------
    BridgeError
        The profile does not exist, or no region is set.
    """
    try:
        # boto3 does not read AWS_REGION, which the AWS and CDK command lines do.
        session = boto3.Session(profile_name=profile, region_name=region or os.environ.get("AWS_REGION") or None)
    except aws_error.ERRORS as error:
        raise BridgeError(aws_error.explain(error)) from None
    if not session.region_name:
        raise BridgeError("No AWS region is set. Name it: --region us-east-1, or export AWS_REGION=us-east-1")
    return session


def has_profile(name: str) -> bool:
    """Say whether this machine's AWS configuration has a profile.

    Raises
    ------
    BridgeError
        The configuration cannot be read.
    """
    try:
        return name in botocore.session.Session().available_profiles
    except aws_error.ERRORS as error:
        raise BridgeError(aws_error.explain(error)) from None


def unconfigured_session() -> botocore.session.Session:
    """Make a session that reads neither ~/.aws nor AWS_PROFILE, which may name a missing profile."""
    nowhere = (None, None, os.devnull, None)
    return botocore.session.Session(
        session_vars={"profile": (None, None, None, None), "config_file": nowhere, "credentials_file": nowhere}
    )


def outputs_of(answer: Any) -> dict[str, str]:
    """Read the outputs of the one stack that DescribeStacks returns."""
    return {output["OutputKey"]: output["OutputValue"] for output in answer["Stacks"][0].get("Outputs", [])}
