"""What `injector check` finds in a cluster: sections of findings, one line each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from injector.reports.paint import Paint, plain


class Severity(StrEnum):
    """How bad a finding is: only a fault makes the check fail, with `--strict` a warning too."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what is to be said of it, and the `command` to run next, if any."""

    subject: str
    message: str
    severity: Severity = Severity.FAULT
    command: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Findings about one thing, such as the permissions of the server."""

    title: str
    findings: tuple[Finding, ...]


def ok(subject: str, message: str) -> Finding:
    """Nothing is wrong here."""
    return Finding(subject, message, Severity.OK)


def warning(subject: str, message: str, command: str = "") -> Finding:
    """Something that may be meant, or that could not be looked at."""
    return Finding(subject, message, Severity.WARNING, command)


def problems(sections: Iterable[Section]) -> list[tuple[Section, Finding]]:
    """The findings that are not fine, each with its section."""
    return [(each, found) for each in sections for found in each.findings if found.severity is not Severity.OK]


_MARKS = {
    Severity.OK: ("\N{SQUARE ROOT}", "inject"),
    Severity.WARNING: ("\N{DOUBLE EXCLAMATION MARK}", "warning"),
    Severity.FAULT: ("\N{MULTIPLICATION SIGN}", "refuse"),
}


def sections_text(sections: Iterable[Section], paint: Paint = plain) -> str:
    """All findings as text for a terminal."""
    return "".join(f"{line}\n" for section in sections for line in _lines(section, paint))


def _lines(section: Section, paint: Paint) -> Iterator[str]:
    yield paint(section.title, "title")
    for each in section.findings:
        mark, style = _MARKS[each.severity]
        yield f"{paint(mark, style)} {each.subject}: {each.message}"
        if each.command:
            yield f"    try: {each.command}"
    yield ""
