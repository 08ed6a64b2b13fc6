"""Durations: read as Go writes them, written as Protobuf's JSON has them."""

import re
from decimal import Decimal

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|ms|s|m|h)")
_WHOLE = re.compile(rf"([+-]?)((?:{_PART.pattern})+)")
SECOND = 10**9
_LONGEST = 315_576_000_000 * SECOND  # the range of google.protobuf.Duration


def nanoseconds(text: str) -> int:
    """The length of a duration such as `90s`, `1m30s` or `1.5s`. Raises ValueError where `text` is none."""
    if text in ("0", "+0", "-0"):
        return 0
    whole = _WHOLE.fullmatch(text)
    if whole is None:
        raise ValueError("a duration such as 45s or 1m30s")
    total = sum(int(Decimal(number) * _UNITS[unit]) for number, unit in _PART.findall(whole[2]))
    if total > _LONGEST:
        raise ValueError("a duration of at most 10,000 years")
    return -total if whole[1] == "-" else total


def duration_text(length: int) -> str:
    """Nanoseconds as seconds with a suffix `s` and 0, 3, 6 or 9 digits behind the point."""
    sign, (seconds, rest) = ("-" if length < 0 else ""), divmod(abs(length), SECOND)
    digits = f"{rest:09d}"
    fraction = next(kept for kept in ("", digits[:3], digits[:6], digits) if not digits[len(kept) :].strip("0"))
    return f"{sign}{seconds}{'.' if fraction else ''}{fraction}s"
