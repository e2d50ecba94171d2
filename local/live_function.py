"""Changes a deployed function as a deployment does: with a new version, to which the alias moves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from local import processes

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


def set_variables(functions: "LambdaClient", name: str, changes: Mapping[str, str]) -> None:
    """Change environment variables of a function; `name` is a stack's output, ``NAME:live``."""
    function, _, alias = name.partition(":")
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": {**variables, **changes}})
    version = functions.publish_version(FunctionName=function)["Version"]
    functions.update_alias(FunctionName=function, Name=alias, FunctionVersion=version)


@contextmanager
def variables_set(functions: "LambdaClient", name: str, changes: Mapping[str, str]) -> Iterator[None]:
    """Change environment variables of a function for as long as the block lasts; then its version before is back."""
    function, _, alias = name.partition(":")
    before = functions.get_function_configuration(FunctionName=name)
    set_variables(functions, name, changes)
    changed = functions.get_alias(FunctionName=function, Name=alias)["FunctionVersion"]
    try:
        yield
    finally:
        if processes.interrupted_by() is None:  # else the environment ends now, and its functions with it
            functions.update_alias(FunctionName=function, Name=alias, FunctionVersion=before["Version"])
            functions.update_function_configuration(
                FunctionName=function, Environment={"Variables": before["Environment"]["Variables"]}
            )
            functions.delete_function(FunctionName=function, Qualifier=changed)  # and with it its processes
