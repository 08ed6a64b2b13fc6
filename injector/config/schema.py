"""The JSON Schema of the configuration, made from the tables of keys; `schema.json` beside this file is its text.

Source: https://json-schema.org/draft/2020-12. Only the injector's own document is described, no foreign kind.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from injector.config.keys import MESH_KEYS, NATIVE_KEYS, VALUES_KEYS, Key
from injector.core.model import JsonObject

SCHEMA_FILE = Path(__file__).parent / "schema.json"
_OBJECT: JsonObject = {"type": ["object", "null"]}


def json_schema() -> JsonObject:
    """The schema: no unknown key at the top, any further key in `values` and `meshConfig`."""
    schema = _object_schema(NATIVE_KEYS)
    for name, table in (("values", VALUES_KEYS), ("meshConfig", MESH_KEYS)):
        schema["properties"][name] |= _object_schema(table)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of the sidecar injector",
        **schema,
        "additionalProperties": False,
    }


def schema_text() -> str:
    """What `schema.json` has to contain."""
    return json.dumps(json_schema(), indent=2) + "\n"


def _object_schema(table: Iterable[Key]) -> JsonObject:
    schema: JsonObject = {**_OBJECT, "properties": {}}
    for key in table:
        *above, last = key.path
        level = schema
        for parent in above:
            level = level["properties"].setdefault(parent, {**_OBJECT})
            level.setdefault("properties", {})
        level["properties"][last] = {**level["properties"].get(last, {}), **key.schema()}
    return schema
