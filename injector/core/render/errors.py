"""What can be wrong with a template: found when it is compiled, or when it meets a pod."""

from collections.abc import Sequence
from dataclasses import dataclass

from injector.core.errors import InjectorError
from injector.core.model import InjectionError
from injector.core.validation import Finding


@dataclass(frozen=True, slots=True)
class TemplateFault:
    """One fault of one template. `line` counts from 1 in the template's own text."""

    template: str
    line: int
    message: str

    def __str__(self) -> str:
        """The fault on one line, as compilers print it."""
        return f"template {self.template!r}, line {self.line}: {self.message}"


class TemplateFaults(InjectorError):  # noqa: N818  (it carries faults, as its name says)
    """All faults of a set of templates at once."""

    def __init__(self, faults: Sequence[TemplateFault]) -> None:
        """Keep the faults with their templates beside those that every error has."""
        super().__init__(*map(str, faults))
        self.of_templates = tuple(faults)


class Refusal(InjectionError):  # noqa: N818  (the template did what it was written to do)
    """A template that will not have this pod: its text is the template's own."""


class RenderingError(InjectionError):
    """A template that could not be rendered for a pod.

    `line` is 0 where it is not known, `findings` are the fields of the overlay that a Pod cannot have.
    """

    def __init__(
        self, message: str, *, line: int = 0, findings: Sequence[Finding] = (), is_refusal: bool = False
    ) -> None:
        """With `is_refusal` the template refused the pod on purpose."""
        super().__init__(message)
        self.line = line
        self.findings = tuple(findings)
        self.is_refusal = is_refusal
