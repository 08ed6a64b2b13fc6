"""The commands by name. Each is imported when it is called, so that every command starts as fast as it can."""

import os
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from injector import __version__
from injector.cli.options import Command
from injector.reports.paint import visible
from injector.runtime.errors import InputError

# Each command is the function, or the group of commands, of its name in the module `injector.cli.<name>`.
COMMANDS: Mapping[str, str] = {
    "inject": "Inject the workloads of files.",
    "uninject": "Take an injection out of files again.",
    "review": "Answer one AdmissionReview as the webhook would.",
    "preview": "Show what would be done to workloads, and why.",
    "explain": "Say what was done to a pod, and whether it would be done now.",
    "check": "Validate configuration and templates, and the injector's place in a cluster.",
    "rotate": "Renew certificates now.",
    "drift": "Name the pods of a cluster that injection would make differently now.",
    "migrate": "Say what istiod injects in a cluster, and what would be injected here.",
    "template": "List, show, begin and test templates.",
    "policy": "Have the API server inject: templates as MutatingAdmissionPolicy, in CEL.",
    "gateway": "Turn Istio's Gateway and VirtualServices into the configuration of an ingress Envoy.",
    "capture": "Show, apply or remove the traffic redirection of a pod.",
    "serve": "Run the webhook server.",
    "demo": "Inject the Bookinfo sample through a webhook server of its own.",
}
# What users of istioctl, kubectl, helm and linkerd type first, and what it is called here.
HABITS: Mapping[str, str] = {
    "version": "injector --version",
    "help": "injector --help",
    "completion": "injector --show-completion",
    "kube-inject": "injector inject",
    "check-inject": "injector preview",
    "diff": "injector preview",
    "describe": "injector explain",
    "analyze": "injector check",
    "lint": "injector check",
    "validate": "injector check",
    "verify": "injector check",
    "install": "helm install injector charts/injector",
}
_SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")
_COMPLETION_OPTIONS = ("--install-completion", "--show-completion")
_COMPLETION_VARIABLE = "_INJECTOR_COMPLETE"


class _LazyGroup(TyperGroup):
    """Commands by name, imported when called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f"injector.cli.{cmd_name}"), cmd_name)
        if isinstance(command, typer.Typer):
            return get_command(command)
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
        app.command(cmd_name, cls=Command, context_settings=ctx.command.context_settings)(command)
        return get_command(app)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        # The names are known without an import; typer then suggests the nearest one.
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]
        if args and args[0] in HABITS:
            ctx.fail(f"No such command '{args[0]}'. Here it is: {HABITS[args[0]]}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


application = typer.Typer(
    cls=_LazyGroup,
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:  # noqa: FBT001 -- the value of an option
    if wanted:
        typer.echo(f"injector {__version__}")
        raise typer.Exit


def _install_completion(ctx: typer.Context, param: typer.CallbackParam, shell: str | None) -> None:
    if shell:
        from typer.completion import install_callback  # noqa: PLC0415

        install_callback(ctx, param, shell)


def _show_completion(ctx: typer.Context, param: typer.CallbackParam, shell: str | None) -> None:
    if shell:
        from typer.completion import show_callback  # noqa: PLC0415

        show_callback(ctx, param, shell)


@application.callback()
def _injector(
    version: Annotated[  # noqa: FBT002 -- an option
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    install_completion: Annotated[
        str | None,
        typer.Option(
            callback=_install_completion,
            is_eager=True,
            metavar=f"[{'|'.join(_SHELLS)}]",
            help="Install completion for a shell, by default the current one.",
            show_default=False,
        ),
    ] = None,
    show_completion: Annotated[
        str | None,
        typer.Option(
            callback=_show_completion,
            is_eager=True,
            metavar=f"[{'|'.join(_SHELLS)}]",
            help="Show the completion script of a shell, by default the current one.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Inject sidecars into Kubernetes pods, as a webhook or by hand, and say what would happen and why."""


def run(arguments: Sequence[str]) -> None:
    """Run the command that `arguments` name, and exit with its status."""
    if _COMPLETION_VARIABLE in os.environ:
        from typer.completion import get_completion_inspect_parameters  # noqa: PLC0415

        # Called for its side effect: it registers the shells that typer can complete for.
        get_completion_inspect_parameters()
    try:
        application(_with_shell(arguments), prog_name="injector")
    except InputError as error:
        typer.echo(visible(str(error)), err=True)
        sys.exit(error.status)


def _with_shell(arguments: Sequence[str]) -> list[str]:
    """`arguments`, with the user's shell behind an option for completion that names none."""
    if len(arguments) == 1 and arguments[0] in _COMPLETION_OPTIONS:
        shell = os.path.basename(os.environ.get("SHELL", ""))  # noqa: PTH119 -- a name, not a file to open
        return [*arguments, shell if shell in _SHELLS else _SHELLS[0]]
    return list(arguments)
