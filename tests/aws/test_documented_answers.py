"""Two emulators answer the functions' calls as AWS documents: in botocore's model, which is AWS's own description."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape

from tests.aws import function_calls
from tests.aws.function_calls import Answer, operation_model
from tests.aws.functions import Resources

SITES = sorted(function_calls.call_sites())
OPERATIONS = sorted({(site.service, site.operation) for site in SITES})
# What an emulator never gives, of what the functions look at.
NEVER_GIVEN = {("PutEvents", "Entries[].ErrorCode"): "the emulators take every event; see test_documented_refusals"}


def test_every_call_in_the_functions_source_is_tried_here(emulated: Resources, answers: list[Answer]) -> None:
    sites = [site for site in SITES if site.service not in emulated.without]
    assert sorted({answer.site for answer in answers}) == sites
    assert SITES


@pytest.mark.parametrize(("service", "operation"), OPERATIONS)
def test_an_answer_has_what_is_documented_and_nothing_else(
    emulated: Resources, answers: list[Answer], service: str, operation: str
) -> None:
    if service in emulated.without:
        pytest.skip("the emulator is not asked about it")
    # Given the answers of one operation
    model = operation_model(service, operation)
    taken = [one for one in answers if one.site[2:] == (service, operation) and not one.is_error]
    assert taken
    for answer in taken:
        # Then their status is the documented one
        assert answer.status == model.http.get("responseCode", 200)
        # And each member is documented, and what is required is there
        if answer.raw and model.output_shape:
            is_json = model.service_model.metadata["protocol"] == "json"
            differences = _of_json(model.output_shape, json.loads(answer.raw)) if is_json else _of_xml(model, answer)
            assert list(differences) == []


def test_what_the_functions_look_at_is_documented_and_there(answers: list[Answer]) -> None:
    by_operation: dict[tuple[str, str], list[Answer]] = {}
    for answer in answers:
        by_operation.setdefault(answer.site[2:], []).append(answer)
    read = {
        (service, operation, path)
        for (service, operation), given in by_operation.items()
        for path in set[str]().union(*(one.read for one in given if not one.is_error))
    }
    for service, operation, path in sorted(read):
        model = operation_model(service, operation)
        # Then it is in the documented answer
        assert model.output_shape
        assert _is_in(model.output_shape, path.split(".")), (operation, path)
        # And an emulator gives it
        is_given = any(_is_given(one.parsed, path.split(".")) for one in by_operation[service, operation])
        assert is_given is ((operation, path) not in NEVER_GIVEN), (operation, path)
    assert read


def test_a_refused_write_has_the_documented_shape(answers: list[Answer]) -> None:
    # Given the refusals of which the functions look at more than the code
    refused = [one for one in answers if one.is_error and "Item" in one.read]
    # Then the code is one that is documented for the operation, and so is the member
    for answer in refused:
        model = operation_model(*answer.site[2:])
        (shape,) = [each for each in model.error_shapes if each.name == answer.parsed["Error"]["Code"]]
        assert answer.status == 400
        assert isinstance(shape, StructureShape)
        assert "Item" in shape.members
    # And both are there: with the item, and without one if there is none
    assert {(one.site.operation, "Item" in one.parsed) for one in refused} == {
        ("PutItem", True),
        ("UpdateItem", True),
        ("UpdateItem", False),
    }


def _of_json(shape: Shape, value: Any, path: str = "") -> Iterator[str]:
    """Say how a value differs from a shape."""
    if isinstance(shape, StructureShape):
        if not isinstance(value, dict):
            yield f"{path}: no structure"
            return
        yield from (f"{path}.{name}: missing" for name in shape.required_members if name not in value)
        for name, member in value.items():
            if name in shape.members:
                yield from _of_json(shape.members[name], member, f"{path}.{name}")
            else:
                yield f"{path}.{name}: undocumented"
    elif isinstance(shape, MapShape):
        for member in value.values():
            yield from _of_json(shape.value, member, f"{path}.*")
    elif isinstance(shape, ListShape):
        for member in value:
            yield from _of_json(shape.member, member, f"{path}[]")
    elif isinstance(value, dict | list):
        yield f"{path}: no {shape.type_name}"


def _of_xml(model: Any, answer: Answer) -> Iterator[str]:
    """Say which members of an XML document are undocumented, at its top."""
    assert answer.raw
    names = {
        member.serialization.get("name", name): member
        for name, member in model.output_shape.members.items()
        if member.serialization.get("location") != "header"
    }
    document = ElementTree.fromstring(answer.raw)  # noqa: S314 an emulator on this machine wrote it
    if wrapper := model.output_shape.serialization.get("resultWrapper"):
        document = next(each for each in document if each.tag.rpartition("}")[2] == wrapper)
    for element in document:
        if element.tag.rpartition("}")[2] not in names:
            yield f"{element.tag}: undocumented"


def _is_in(shape: Shape, path: list[str]) -> bool:
    if not path:
        return True
    name, *rest = path
    if isinstance(shape, MapShape):
        return _is_in(shape.value, rest)
    if not isinstance(shape, StructureShape) or name.rstrip("[]") not in shape.members:
        return False
    member = shape.members[name.rstrip("[]")]
    return _is_in(member.member if isinstance(member, ListShape) and name.endswith("[]") else member, rest)


def _is_given(value: Any, path: list[str]) -> bool:
    if not path:
        return True
    name, *rest = path
    member = value.get(name.rstrip("[]")) if isinstance(value, dict) else None
    if member is None:
        return False
    return any(_is_given(one, rest) for one in member) if name.endswith("[]") else _is_given(member, rest)
