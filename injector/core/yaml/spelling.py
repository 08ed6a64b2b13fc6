"""What LibYAML's scanner reads otherwise than goyaml's, spelled so that it reads the same.

goyaml is a port of an older LibYAML: inside brackets and braces a plain scalar may end with a colon there (`[a:, b]`),
and a tag takes the comma behind it along (`[!!str, 1]` holds one text). Such a character is replaced by another one, so
that all others stay in their places, and only once LibYAML has come upon it: reading any other text costs nothing more.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import yaml
from yaml._yaml import CParser

UNEXPECTED_COLON = "found unexpected ':'"
_COLON_IN_FLOW = re.compile(r"""([^\s"'\[\]{},]\s*):(?=[,\[\]{}])""")
_TAG_CHARACTER = "_"
# Each costs a new start; nobody has written the first one yet.
MOST_COMMAS = 8


@dataclass(frozen=True, slots=True)
class Spelling:
    """A text as it is handed to LibYAML; `colon` stands for colons in it, `commas` is how many are replaced."""

    text: str
    colon: str = ""
    commas: int = 0

    def with_colons_replaced(self) -> "Spelling":
        """The spelling without colons that LibYAML takes exception to."""
        used = set(self.text)
        colon = next(character for character in map(chr, range(0xE000, 0xF900)) if character not in used)
        return replace(self, text=_COLON_IN_FLOW.sub(rf"\1{colon}", self.text), colon=colon)

    def with_comma_replaced(self, index: int) -> "Spelling":
        """The spelling in which the comma at `index` belongs to the tag before it."""
        return replace(self, text=self.text[:index] + _TAG_CHARACTER + self.text[index + 1 :], commas=self.commas + 1)

    def has_comma_in_tag(self, tagged: Any) -> bool:
        """Whether `tagged`, which has no text, is just the beginning of a tag to goyaml."""
        index = tagged.end_mark.index
        return self.text[index : index + 1] == ","

    def parser(self) -> Any:
        """LibYAML's parser of the text: `get_event()` gives one event after the other, None at the end."""
        return _ColonParser(self) if self.colon else CParser(self.text)


class _ColonParser:
    """Gives scalars with their colons in them again."""

    def __init__(self, spelling: Spelling) -> None:
        self._colon = spelling.colon
        self._parser = CParser(spelling.text)

    def get_event(self) -> Any:
        event = self._parser.get_event()
        if isinstance(event, yaml.ScalarEvent):
            event.value = event.value.replace(self._colon, ":")
        return event
