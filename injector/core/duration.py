"""Durations: read as Go writes them, written as Protobuf's JSON has them.

Source: https://pkg.go.dev/time#ParseDuration and google/protobuf/duration.proto.
"""

import re
from decimal import Decimal

SECOND = 10**9
MILLISECOND = 10**6
_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": MILLISECOND, "s": SECOND, "m": 60 * SECOND, "h": 3600 * SECOND}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)")
_LONGEST_TEXT = 100
_LONGEST = 315_576_000_000 * SECOND  # the range of google.protobuf.Duration


def nanoseconds(text: str) -> int:
    """The length of a duration such as `90s`, `1m30s` or `1.5s`. Raises ValueError, whose text is what is valid."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _WHOLE.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if whole is None:
        raise ValueError("a duration such as 45s or 1m30s")
    total = sum(int(Decimal(number) * _UNITS[unit]) for number, unit in _PART.findall(whole[2]))
    if total > _LONGEST:
        raise ValueError("a duration of at most 10,000 years")
    return -total if whole[1] == "-" else total


def duration_text(length: int) -> str:
    """Nanoseconds as seconds with the suffix `s` and 0, 3, 6 or 9 digits after the point."""
    sign, (seconds, rest) = ("-" if length < 0 else ""), divmod(abs(length), SECOND)
    digits = f"{rest:09d}"
    fraction = next(kept for kept in ("", digits[:3], digits[:6], digits) if not digits[len(kept) :].strip("0"))
    return f"{sign}{seconds}{'.' if fraction else ''}{fraction}s"


def canonical_duration(text: str) -> str:
    """The duration in Protobuf's spelling. Raises ValueError, whose text is what is valid."""
    return duration_text(nanoseconds(text))
