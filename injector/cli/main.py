"""The console script: finds a command, which alone is then imported, so that each starts as fast as it can."""

import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from injector.runtime.errors import InputError, UsageError

# Each command is the function, or the group of commands, of its name in the module `injector.cli.<name>`.
COMMANDS: Mapping[str, str] = {
    "inject": "inject the workloads of a file",
    "uninject": "take an injection out of a file again",
    "review": "answer one AdmissionReview as the webhook would",
    "preview": "show what would be done to the workloads of a file, and why",
    "capture": "show, apply or remove the traffic redirection of a pod",
    "gateway": "turn Istio's Gateway and VirtualServices into the configuration of an ingress Envoy",
    "explain": "say what was done to a pod, and whether it would be done now",
    "check": "validate configuration and templates",
    "drift": "name the pods of a cluster that are not what injection would make of them now",
    "serve": "run the webhook server",
    "demo": "inject the Bookinfo sample through a webhook server of its own",
}


class _LazyGroup(TyperGroup):
    """Commands by name, imported when asked for."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise typer.BadParameter(str(error), ctx) from error

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        found = getattr(import_module(f"injector.cli.{cmd_name}"), cmd_name)
        if isinstance(found, typer.Typer):
            group = get_command(found)
            group.short_help = COMMANDS[cmd_name]
            return group
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command(cmd_name, short_help=COMMANDS[cmd_name])(found)
        return get_command(app)


application = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@application.callback()
def _injector() -> None:
    """Inject sidecars into Kubernetes pods: as a webhook or by hand, and say what would happen and why."""


def main() -> None:
    """Run the command that the arguments name; exits with 0 (done), 1 (input at fault) or 2 (wrong usage).

    For commands that compare 1 is an answer, and 2 says that input is at fault, as for `kubectl diff`.
    """
    try:
        application(prog_name="injector")
    except InputError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.status)
