"""Regular expressions that RE2 understands, which is what Envoy matches with.

Source: https://github.com/google/re2/wiki/Syntax. Python's own engine judges what both know; what only one of the two
knows is told apart by the token that it begins with.
"""

import re
import warnings

# A class is one token, so that what looks like a group inside it is none.
_TOKEN = re.compile(
    r"\\Q.*?(?:\\E|\Z)|\\[pP](?:\{\^?\w+\}|\w)|\\x\{[0-9a-fA-F]+\}|\\.|\[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*\]"
    r"|\(\?(?:P?<[A-Za-z_]|P.|<.|[A-Za-z-]+[:)]|.)|(?:[*+?]|\{(?P<low>\d+)(?:,(?P<high>\d*))?\})\+?|.",
    re.DOTALL,
)
_NOT_IN_RE2 = (
    (re.compile(r"\(\?[=!]"), "a lookahead"),
    (re.compile(r"\(\?<[=!]"), "a lookbehind"),
    (re.compile(r"\(\?P[=>]|\\[1-9gk]"), "a backreference"),
    (re.compile(r"\(\?>"), "an atomic group"),
    (re.compile(r"\(\?\("), "a condition"),
    (re.compile(r"\(\?#"), "a comment"),
    (re.compile(r"\(\?(?![imsU-]+[:)])[A-Za-z-]+[:)]"), "these flags"),
    (re.compile(r"[*+?}]\+|\{.*\+"), "a possessive quantifier"),
    (re.compile(r"\\[GKNRuUXZ]"), "this escape"),
)
# Tokens of RE2 that Python does not know, each with one that takes its place for the syntax check.
_ONLY_IN_RE2 = (
    (re.compile(r"\\Q.*", re.DOTALL), "q"),
    (re.compile(r"\\[pPC].*"), "p"),
    (re.compile(r"\\x\{.*"), "x"),
    (re.compile(r"\\z"), "$"),
    (re.compile(r"\[.*\[:.*", re.DOTALL), "[a]"),
    (re.compile(r"\(\?<[A-Za-z_]"), "(?P<n"),
    (re.compile(r"\(\?[A-Za-z-]+\)"), ""),
    (re.compile(r"\(\?[A-Za-z-]+:"), "(?:"),
)
_MOST_REPETITIONS = 1000


def check_re2(pattern: str) -> None:
    """Raises ValueError, saying what would be valid, where RE2 does not take `pattern`."""
    translated = ""
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        for form, name in _NOT_IN_RE2:
            if form.match(token):
                raise ValueError(f"a regular expression of RE2, which does not have {name} ({token!r})")
        if any(int(count) > _MOST_REPETITIONS for count in match.group("low", "high") if count):
            raise ValueError(
                f"a regular expression of RE2, which repeats at most {_MOST_REPETITIONS} times ({token!r})"
            )
        translated += next((other for form, other in _ONLY_IN_RE2 if form.match(token)), token)
    _check_syntax(translated)


def _check_syntax(pattern: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise ValueError(f"a regular expression of RE2 (here: {error})") from None
