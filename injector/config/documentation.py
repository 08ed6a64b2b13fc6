"""The tables of `docs/configuration.md`, made from the tables of keys so that they cannot differ from them.

`python -m injector.config.documentation` writes them, `schema.json` and the chart's made parts anew in a checkout.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from injector.config.chart_files import chart_files
from injector.config.keys import ABSENT, MESH_KEYS, NATIVE_KEYS, VALUES_KEYS, Key
from injector.config.schema import SCHEMA_FILE, schema_text

PAGE = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
_TABLES: Mapping[str, Iterable[Key]] = {"native": NATIVE_KEYS, "values": VALUES_KEYS, "mesh": MESH_KEYS}
_SECTION = re.compile(r"(<!-- keys: (\w+) -->\n).*?(<!-- end of keys -->)", re.DOTALL)


def with_tables(page: str) -> str:
    """The page with each table between its marks written anew."""
    return _SECTION.sub(lambda match: f"{match[1]}{_table(_TABLES[match[2]])}{match[3]}", page)


def _table(keys: Iterable[Key]) -> str:
    rows = ["| key | type | default | meaning |", "| --- | --- | --- | --- |", *map(_row, keys)]
    return "".join(f"{row}\n" for row in rows)


def _row(key: Key) -> str:
    kind = ", ".join(f"`{choice}`" if choice else '`""`' for choice in key.choices) or key.type.name
    default = "absent" if key.default is ABSENT else f"`{json.dumps(key.default)}`"
    return f"| `{key.name}` | {kind} | {default} | {key.meaning} |"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    for file, text in chart_files().items():
        file.write_text(text, encoding="utf-8")
