"""What AWS refuses, in words that say what to do."""

import re

import click
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSOError,
    TokenRetrievalError,
)

_EXPIRED = {
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "KMSAccessDeniedException"}
_REFUSED_PERMISSION = re.compile(r"not authorized to perform: ([\w:-]+)(?: on resource: \"?(arn:[\w:./*+=,@-]+))?")
_LOG_IN = "Log in again (aws sso login), or name another profile with --profile."


def explain(error: BotoCoreError | ClientError) -> click.ClickException:
    """Say what AWS or its library refused, and what to do.

    Of an answer only code and operation are told, as its text may repeat what was sent; of a refused permission also
    the action and the resource that it names.
    """
    return click.ClickException(_of_answer(error) if isinstance(error, ClientError) else _of_library(error))


def _of_answer(error: ClientError) -> str:
    code, operation = error.response["Error"].get("Code", "unknown"), error.operation_name
    if code in _EXPIRED:
        return f"AWS does not accept your credentials ({code}). {_LOG_IN}"
    if code in _DENIED:
        named = _REFUSED_PERMISSION.search(error.response["Error"].get("Message", ""))
        refused = " on ".join(part for part in named.groups() if part) if named else operation
        return (
            f"AWS does not let you do this: {refused}. Attach the stack's operator policy (its output "
            "OperatorPolicyArn) to your role, or name another profile with --profile."
        )
    return f"AWS refused {operation} ({code}). Nothing more was done."


def _of_library(error: BotoCoreError) -> str:
    match error:
        case ProfileNotFound():
            return f"{error}. The profiles that there are: aws configure list-profiles"
        case NoCredentialsError() | PartialCredentialsError():
            return (
                "There are no AWS credentials. Log in (aws sso login) and name the profile: --profile NAME, or "
                "export AWS_PROFILE=NAME. The stand on this machine needs none: --local"
            )
        case SSOError() | TokenRetrievalError():
            return f"The AWS login has expired. {_LOG_IN}"
        case EndpointConnectionError() | ConnectTimeoutError() | ReadTimeoutError():
            return f"AWS cannot be reached: {error} Is the network there, and the region right?"
        case _:
            # Its text may repeat a parameter's value.
            return f"The AWS library refused ({type(error).__name__})."
