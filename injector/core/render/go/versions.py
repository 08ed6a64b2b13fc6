"""Sprig's functions for semantic versions.

Source: http://masterminds.github.io/sprig/semver.html and https://pkg.go.dev/github.com/Masterminds/semver/v3
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from injector.core.render.go.sprig_text import text
from injector.core.render.go.values import GoError, Struct, StructType, type_name

_LONGEST = 200
_IDENTIFIERS = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_SUFFIX = rf"(?:-(?P<prerelease>{_IDENTIFIERS}))?(?:\+(?P<metadata>{_IDENTIFIERS}))?"
_VERSION = re.compile(rf"v?(?P<major>[0-9]+)(?:\.(?P<minor>[0-9]+))?(?:\.(?P<patch>[0-9]+))?{_SUFFIX}")
_PART = r"[0-9]+|[xX*]"
_CONSTRAINT = re.compile(
    r"\s*(?P<operator>=|!=|>=?|=>|<=?|=<|~>?|\^|)\s*"
    rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART}))?(?:\.(?P<patch>{_PART}))?{_SUFFIX}\s*(?:,|(?=\s|$)|(?=[=!<>~^]))"
)
_RANGE = re.compile(r"(\S+)\s+-\s+(\S+)")
_ANY = frozenset("xX*")
_OTHER_SPELLINGS = {"": "=", "=>": ">=", "=<": "<=", "~>": "~"}


class _Version(NamedTuple):
    """A version as it is compared: a release comes behind its pre-releases."""

    major: int
    minor: int
    patch: int
    is_release: bool
    prerelease: tuple[tuple[bool, int, str], ...]


def _ordered(prerelease: str) -> tuple[tuple[bool, int, str], ...]:
    """Numbers come before words, and compare as numbers."""
    parts = prerelease.split(".") if prerelease else []
    return tuple((not part.isdecimal(), int(part) if part.isdecimal() else 0, part) for part in parts)


def _number(match: re.Match[str], name: str) -> int:
    found = match[name]
    return 0 if found is None or found in _ANY else int(found)


def _version_of(match: re.Match[str]) -> _Version:
    prerelease = match["prerelease"] or ""
    major, minor, patch = (_number(match, name) for name in ("major", "minor", "patch"))
    return _Version(major, minor, patch, not prerelease, _ordered(prerelease))


def _parsed(value: Any) -> re.Match[str]:
    match = _VERSION.fullmatch(text(value)[:_LONGEST])
    if match is None:
        raise GoError(f"{value[:_LONGEST]!r} is not a semantic version")
    return match


@dataclass(frozen=True, slots=True)
class _Constraint:
    """What one comparison asks of a version; `any_minor` and `any_patch` tell that it leaves these open."""

    operator: str
    version: _Version
    any_major: bool
    any_minor: bool
    any_patch: bool

    def holds(self, given: _Version) -> bool:
        """Whether it does for `given`: pre-releases count only where the constraint names one."""
        is_left_out = self.operator != "!=" or self.any_major
        if is_left_out and not given.is_release and self.version.is_release:
            return False
        return _COMPARISONS[self.operator](self, given)

    @property
    def is_open(self) -> bool:
        return self.any_major or self.any_minor or self.any_patch

    def is_like(self, given: _Version) -> bool:
        """The same as far as the constraint is not open."""
        if self.any_major:
            return True
        version = self.version
        if given.major != version.major or (given.minor != version.minor and not self.any_minor):
            return False
        return self.any_minor or self.any_patch or given == version

    def differs_from(self, given: _Version) -> bool:
        """`!=`: of an open major number the library compares with 0.0.0."""
        return given != self.version if self.any_major else not self.is_like(given)

    def is_below(self, given: _Version) -> bool:
        """Whether `given` is greater, also than everything that is left open."""
        version = self.version
        if self.any_minor or self.any_major:
            return given.major > version.major and not self.any_major
        if self.any_patch:
            return (given.major, given.minor) > (version.major, version.minor)
        return given > version

    def is_near(self, given: _Version) -> bool:
        """`~`: changes of the last number that is written, or of the patch."""
        version = self.version
        if given < version:
            return False
        if self.any_major or (version[:3] == (0, 0, 0) and not self.is_open):
            return True
        return given.major == version.major and (given.minor == version.minor or self.any_minor)

    def is_compatible(self, given: _Version) -> bool:
        """`^`: changes behind the first number that is not zero."""
        version = self.version
        if given < version or self.any_major:
            return given >= version
        if version.major or self.any_minor:
            return given.major == version.major
        if given.major:
            return False
        if version.minor or self.any_patch:
            return given.minor == version.minor
        return not given.minor and given.patch == version.patch


_COMPARISONS: Mapping[str, Callable[[_Constraint, _Version], bool]] = {
    "=": _Constraint.is_like,
    "!=": _Constraint.differs_from,
    ">": _Constraint.is_below,
    "<=": lambda constraint, given: not constraint.is_below(given),
    ">=": lambda constraint, given: given >= constraint.version,
    "<": lambda constraint, given: given < constraint.version,
    "~": _Constraint.is_near,
    "^": _Constraint.is_compatible,
}


def _constraints(given: str) -> list[_Constraint]:
    found: list[_Constraint] = []
    position, written = 0, _RANGE.sub(r">=\1, <=\2", given)
    while position < len(written.rstrip()):
        match = _CONSTRAINT.match(written, position)
        if match is None or match.end() == position:
            raise GoError(f"improper constraint: {given[:_LONGEST]}")
        position = match.end()
        any_major = match["major"] in _ANY
        any_minor = not any_major and (match["minor"] is None or match["minor"] in _ANY)
        any_patch = not (any_major or any_minor) and (match["patch"] is None or match["patch"] in _ANY)
        operator = _OTHER_SPELLINGS.get(match["operator"], match["operator"])
        found.append(_Constraint(operator, _version_of(match), any_major, any_minor, any_patch))
    if not found:
        raise GoError(f"improper constraint: {given[:_LONGEST]}")
    return found


def compare(constraint: Any, version: Any) -> bool:
    """`semverCompare`: whether a version is as the constraint wants it. Raises GoError."""
    given = _version_of(_parsed(version))
    alternatives = [_constraints(each) for each in text(constraint)[:_LONGEST].split("||")]
    return any(all(each.holds(given) for each in alternative) for alternative in alternatives)


def semver(version: Any) -> Struct:
    """`semver`: a version, of which its parts can be asked. Raises GoError."""
    match = _parsed(version)
    return Struct(_TYPE, {"text": version, "match": match, "order": _version_of(match)})


def _written(version: Struct) -> str:
    match, order = version.data["match"], version.data["order"]  # type: ignore[index]  # never a nil pointer
    suffix = "".join(f"{mark}{match[name]}" for mark, name in (("-", "prerelease"), ("+", "metadata")) if match[name])
    return f"{order.major}.{order.minor}.{order.patch}{suffix}"


def _compared(version: Struct, other: Any) -> int:
    if not (isinstance(other, Struct) and other.type is _TYPE):
        raise GoError(f"Compare: expected a version; got {type_name(other)}")
    one, two = version.data["order"], other.data["order"]  # type: ignore[index]  # as above
    return int(one > two) - int(one < two)


def _part(name: str) -> Callable[[Struct], int]:
    return lambda version: getattr(version.data["order"], name)  # type: ignore[index]  # as above


def _suffix(name: str) -> Callable[[Struct], str]:
    return lambda version: version.data["match"][name] or ""  # type: ignore[index]  # as above


_TYPE = StructType(
    "Version",
    {},
    {
        "Major": _part("major"),
        "Minor": _part("minor"),
        "Patch": _part("patch"),
        "Prerelease": _suffix("prerelease"),
        "Metadata": _suffix("metadata"),
        "Original": lambda version: version.data["text"],
        "String": _written,
        "MarshalJSON": _written,
        "Compare": _compared,
    },
)

VERSION_FUNCTIONS: Mapping[str, Callable[..., Any]] = {"semver": semver, "semverCompare": compare}
"""By the names that templates use."""
