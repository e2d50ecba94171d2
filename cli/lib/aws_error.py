"""Errors of AWS, in words that say what to do."""

import re
from typing import TypeGuard

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConfigNotFound,
    ConfigParseError,
    ConnectionError,  # noqa: A004 botocore's own, the base class of failed connections
    CredentialRetrievalError,
    HTTPClientError,
    InvalidConfigError,
    InvalidRegionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)

ERRORS = (BotoCoreError, ClientError)

_BAD_CREDENTIALS = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException"}
_DENIED_ACTION = re.compile(r"not authorized to perform: ([\w:-]+)(?: on resource: \"?(arn:[\w:./*+=,@-]+))?")
_LOG_IN = "Log in again (aws sso login), or name another profile with --profile."


def explain(error: BotoCoreError | ClientError) -> str:
    """Say what failed and what to do.

    AWS's own text may repeat what was sent. So the answer holds only its code and operation and, if a permission is
    missing, the action and the resource.
    """
    return _of_answer(error) if isinstance(error, ClientError) else _of_library(error)


def is_denied(error: BotoCoreError | ClientError) -> TypeGuard[ClientError]:
    """Whether a permission is missing."""
    return isinstance(error, ClientError) and error.response["Error"].get("Code") in _DENIED


def denied_action(error: ClientError) -> str:
    """Name the action that is missing, and its resource if AWS names it."""
    found = _DENIED_ACTION.search(error.response["Error"].get("Message", ""))
    return " on ".join(part for part in found.groups() if part) if found else error.operation_name


def wrong_setting(error: Exception) -> str:
    """Say what to do about a setting that the AWS library cannot use."""
    text = " ".join(str(error).split())
    return f"An AWS setting is wrong: {text}. Check AWS_REGION, the other AWS_ variables and ~/.aws/config."


def _of_answer(error: ClientError) -> str:
    code, operation = error.response["Error"].get("Code", "unknown"), error.operation_name
    if code in _BAD_CREDENTIALS:
        return f"AWS does not accept your credentials ({code}). {_LOG_IN}"
    if code in _DENIED:
        return (
            f"AWS does not let you do this: {denied_action(error)}. Attach the stack's operator policy (its output "
            "OperatorPolicyArn) to your role, or name another profile with --profile."
        )
    return f"AWS refused {operation} ({code}). Nothing more was done."


def _of_library(error: BotoCoreError) -> str:
    match error:
        case ProfileNotFound():
            return f"{error}. List your profiles: aws configure list-profiles"
        case NoCredentialsError() | PartialCredentialsError():
            return (
                "There are no AWS credentials. Log in (aws sso login) and name the profile: --profile NAME, or "
                "export AWS_PROFILE=NAME. The local environment needs none: --local"
            )
        case SSOError() | TokenRetrievalError() | CredentialRetrievalError():
            return f"The AWS login has expired. {_LOG_IN}"
        case ConnectionError() | HTTPClientError():
            return f"AWS cannot be reached: {error} Is the network up, and the region right?"
        case ConfigNotFound() | ConfigParseError() | InvalidConfigError() | InvalidRegionError():
            return wrong_setting(error)
        case _:
            # Its text may repeat a parameter's value.
            return f"The AWS library failed ({type(error).__name__})."
