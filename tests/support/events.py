"""The documented schemas of what is published."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from vectorcare_bridge.edge import exact_json

SCHEMAS = json.loads((Path(__file__).parents[2] / "docs" / "contracts" / "events.json").read_text())


def check(detail_type: str, detail: Mapping[str, Any]) -> None:
    """Check what is published, as JSON, against the definition of its detail type.

    Raises
    ------
    jsonschema.ValidationError
        It is not as documented.
    """
    schema = SCHEMAS | {"$ref": f"#/$defs/{detail_type}"}
    Draft202012Validator(schema).validate(json.loads(exact_json.for_bus(detail)))
