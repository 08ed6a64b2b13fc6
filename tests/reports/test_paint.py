"""What is in a pod does not get to steer the terminal that shows it."""

import pytest

from injector.reports.paint import STYLES, colored, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("done\rfail", "done\\x0dfail"),
        ("a\r\nb\tc\n", "a\r\nb\tc\n"),
        ("\x9b2J\x7f\x00\x08", "\\x9b2J\\x7f\\x00\\x08"),
        ("a\u202egnp", "a\\u202egnp"),
        ("m\u00fcller \u65e5\u672c \U0001f600", "m\u00fcller \u65e5\u672c \U0001f600"),
    ],
)
def test_what_a_terminal_would_obey_is_spelt_out(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(text, is_painted=True) in (shown, text)


@pytest.mark.parametrize("style", STYLES)
def test_colours_of_a_report_stay(style: str) -> None:
    painted = colored("a\x1b[8mb", style)
    assert visible(painted, is_painted=True) == painted.replace("\x1b[8m", "\\x1b[8m")
    assert "\x1b" not in visible(painted)
