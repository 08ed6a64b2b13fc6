"""How a command fails: input at fault, or wrong usage."""

from collections.abc import Iterator
from contextlib import contextmanager

from injector.core.errors import InjectorError

# What is added where a workload was given to a command that wants something else.
ASK_PREVIEW = "; what would be done to a workload is shown by `injector preview`"


class InputError(InjectorError):
    """Input or configuration is at fault: the text goes to standard error, `status` is the exit status."""

    def __init__(self, message: str, status: int = 1) -> None:
        """Keep the exit `status` beside the message."""
        super().__init__(message)
        self.status = status


class UsageError(InjectorError):
    """Options that do not go together, or a value that an option does not take: exit status 2, with the usage."""


@contextmanager
def failing_with(status: int) -> Iterator[None]:
    """Give every InputError of the block the exit `status`: for commands where 1 is an answer, as for a diff."""
    try:
        yield
    except InputError as error:
        raise InputError(str(error), status) from error


@contextmanager
def as_input_error(*kinds: type[Exception]) -> Iterator[None]:
    """Make an InputError with the same text of whatever of `kinds` the block raises."""
    try:
        yield
    except kinds as error:
        if isinstance(error, OSError) and error.filename:
            raise InputError(f"{error.filename}: {error.strerror}") from error
        raise InputError(str(error)) from error
