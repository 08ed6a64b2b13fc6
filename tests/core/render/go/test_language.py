"""Go templates give what Go's own engine gives; the cases are in `language.json`."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.core.render.go.support import Data, rendered_text

_GOLDEN: Any = orjson.loads((Path(__file__).parent / "language.json").read_bytes())
_DATA = Data(**{key: _GOLDEN["data"][name] for key, name in Data.FILE_NAMES.items()})


@pytest.mark.parametrize("known", [True, False], ids=["folded", "unfolded"])
@pytest.mark.parametrize("case", _GOLDEN["cases"], ids=lambda case: case["template"][:60])
def test_templates_give_what_go_gives(case: dict[str, str], known: bool) -> None:
    assert rendered_text(case["template"], _DATA, folded=known) == case["gives"]
