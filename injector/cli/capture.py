"""`injector capture`: the traffic redirection of the standalone template, shown, put in force, or taken away."""

from collections.abc import Callable
from inspect import Parameter, Signature
from typing import Annotated, Any

import typer

from injector.capture import system
from injector.capture.arguments import FLAGS, ArgumentFaults, Capture, Flag, capture_of
from injector.capture.system import shown
from injector.cli.options import Command, Group
from injector.runtime.errors import as_input_error
from injector.runtime.terminal import write

capture = typer.Typer(
    cls=Group,
    help="Traffic redirection: which of a pod's connections go through its proxy.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _plan(capture: Capture) -> None:
    """Show the rules, without touching anything."""
    write(shown(capture))


def _apply(capture: Capture) -> None:
    """Put the rules in force, in place of those of an earlier run, and show them."""
    with as_input_error(system.CaptureError):
        system.apply(capture)
    write(shown(capture))


@capture.command(cls=Command)
def remove() -> None:
    """Take the rules of an earlier run away, whatever they were made from."""
    with as_input_error(system.CaptureError):
        system.remove()


def _with_flags(action: Callable[[Capture], None]) -> Callable[..., None]:
    """The action as a command whose options are the table of flags."""

    def command(**given: str) -> None:
        try:
            wanted = capture_of({flag.name: given[flag.field] for flag in FLAGS})
        except ArgumentFaults as faults:
            raise typer.BadParameter(str(faults)) from faults
        action(wanted)

    parameters = [_parameter(flag) for flag in FLAGS]
    command.__doc__ = action.__doc__
    command.__annotations__ = {each.name: each.annotation for each in parameters}
    command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    return command


def _parameter(flag: Flag) -> Parameter:
    help_text = f"{flag.meaning[:1].upper()}{flag.meaning[1:]}. Valid: {flag.kind.valid}."
    option: Any = typer.Option(f"--{flag.name}", help=help_text, show_default=bool(flag.default), metavar="VALUE")
    return Parameter(flag.field, Parameter.KEYWORD_ONLY, default=flag.default, annotation=Annotated[str, option])


capture.command("plan", cls=Command)(_with_flags(_plan))
capture.command("apply", cls=Command)(_with_flags(_apply))
