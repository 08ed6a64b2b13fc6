"""Lines of paths, in files and in text inside files."""

import pytest

from injector.config.places import Place, Source, parse_inside
from injector.core.yaml.nodes import YamlError

TEXT = """\
# a comment
a:
  - b: 1
  - c:
      d_e: 2
---
f: |
  g: 3
  h: 4
i: "j: 5"
"""


def _line(document: int, *path: str | int) -> int | None:
    return Place(Source("file", TEXT, document), path).line()


def test_a_path_has_the_line_of_its_key() -> None:
    """In its own document; of a list item the line where it begins."""
    assert (_line(0, "a"), _line(0, "a", 1), _line(0, "a", 1, "c", "d_e"), _line(1, "f")) == (2, 4, 5, 7)


def test_a_path_that_does_not_exist_has_the_line_of_its_deepest_part() -> None:
    """Something missing is told where it should be."""
    assert (_line(0, "a", 1, "c", "x"), _line(0, "a", 7), _line(0, "x")) == (4, 2, 2)


def test_snake_case_is_found_by_camel_case() -> None:
    """Fields of protobuf messages have both names."""
    assert _line(0, "a", 1, "c", "dE") == 5


def test_text_inside_a_file_has_the_lines_of_the_file() -> None:
    """Of a block each line has its own; of a quoted text all have the key's."""
    place = Place(Source("file", TEXT, 1))
    block, document = parse_inside(place.below("f"), "g: 3\nh: 4\n")
    assert (document, Place(block, ("h",)).line()) == ({"g": 3, "h": 4}, 9)
    quoted, _ = parse_inside(place.below("i"), "j: 5")
    assert Place(quoted, ("j",)).line() == 10


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("a: ]", 1, "not YAML"),
        ("a: 1\na: 2", 2, "duplicate key 'a'"),
        ("? [a]\n: b", 1, "text"),
        ("a: \x01", 1, "not YAML"),
    ],
)
def test_what_is_not_yaml_inside_a_file_is_a_fault_on_a_line_of_the_file(text: str, line: int, message: str) -> None:
    inside = "".join(f"  {each}\n" for each in text.replace("\x01", "?").split("\n"))
    with pytest.raises(YamlError, match=message) as caught:
        parse_inside(Place(Source("file", f"x: 1\nf: |\n{inside}"), ("f",)), text)
    assert caught.value.line == 2 + line
