"""The options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand, TyperGroup

from injector.runtime.errors import UsageError


def namespace_name(text: str) -> str:
    """The parser of an option that takes the name of a namespace; none is the empty text."""
    from injector.config.types import DNS_LABEL  # noqa: PLC0415 -- commands without such an option start faster

    if text and not DNS_LABEL.fullmatch(text):
        raise typer.BadParameter(f"must be a name of letters a-z, digits and '-', got {text[:80]!r}")
    return text


def namespace_option(about: str, *, show_default: bool = True) -> Any:
    """The option `-n`, which takes the name of a namespace; `about` says whose."""
    return typer.Option(
        "-n", "--namespace", parser=namespace_name, metavar="NAME", help=about, show_default=show_default
    )


ConfigFiles: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "-c",
        "--config",
        metavar="FILE",
        help="Configuration file, or cluster://NAMESPACE[/REVISION] for the ConfigMaps of an installation of Istio. "
        "Repeatable: later ones win.",
        show_default=False,
    ),
]
Sets: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="One configuration value, path.to.key=value. Repeatable.", show_default=False
    ),
]
SnapshotFile: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="FILE",
        help="File of Namespaces and Nodes that stands in for a cluster.",
        show_default=False,
    ),
]
Kubeconfig: TypeAlias = Annotated[
    Path | None,
    typer.Option("--kubeconfig", metavar="FILE", help="How to reach a cluster, as for kubectl.", show_default=False),
]
Context: TypeAlias = Annotated[
    str | None, typer.Option("--context", metavar="NAME", help="Context of the kubeconfig to use.", show_default=False)
]
ReleaseName: TypeAlias = Annotated[
    str,
    typer.Option(
        "--release",
        metavar="NAME",
        help="Which of several installed releases gives the configuration: the name of its webhook configuration.",
        show_default=False,
    ),
]
InputFiles: TypeAlias = Annotated[
    list[str],
    typer.Option(
        "-f",
        "--filename",
        metavar="FILE",
        help="File to read, directory of .yaml, .yml and .json files, or - for standard input. Repeatable.",
        show_default=False,
    ),
]
Recursive: TypeAlias = Annotated[
    bool, typer.Option("-R", "--recursive", help="Read the directories below those that -f names too.")
]
OutputFile: TypeAlias = Annotated[
    str, typer.Option("-o", "--output", metavar="FILE", help="Write to this file.", show_default=False)
]
InPlace: TypeAlias = Annotated[
    bool, typer.Option("--in-place", help="Write each file back to where it was read.", show_default=False)
]
ShowDiff: TypeAlias = Annotated[
    bool, typer.Option("--diff", help="Show what would change in each file, and write nothing.", show_default=False)
]
DefaultNamespace: TypeAlias = Annotated[
    str, namespace_option("Namespace of workloads that name none.", show_default=False)
]
InputFile: TypeAlias = Annotated[
    Path,
    typer.Option("-f", "--filename", metavar="FILE", help="File to read; - is standard input.", show_default=False),
]
InCluster: TypeAlias = Annotated[
    bool | None,
    typer.Option(
        "--cluster/--no-cluster",
        help="Whether to ask a cluster. By default inside one, or with --kubeconfig or --context.",
        show_default=False,
    ),
]
OwnNamespace: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--namespace",
        metavar="NAME",
        help="Namespace of the injector's Secret, Service and Lease. By default the one it runs in.",
        show_default=False,
    ),
]
WebhookConfig: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="MutatingWebhookConfiguration that calls the injector. Repeatable.", show_default=False
    ),
]
CertSecret: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME", help="Secret that holds the authority and the serving certificate.", show_default=False
    ),
]


def number(kind: type[int] | type[float], least: int, most: int | None = None) -> Callable[[Any], Any]:
    """The parser of an option that takes a number of this kind; its refusal says what would be valid."""
    wanted = "a whole number" if kind is int else "a number"
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"

    def parse(text: Any) -> Any:
        try:
            value = kind(text)
        except (ValueError, OverflowError):
            value = None
        if value is None or not least <= value <= (float("inf") if most is None else most):
            raise typer.BadParameter(f"must be {wanted} {limits}, got {str(text)[:80]!r}")
        return value

    return parse


class Group(TyperGroup):
    """A group of commands, which are listed with a whole sentence each."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """List the commands."""
        named = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl([(name, each.get_short_help_str(limit=1000)) for name, each in named if each])


class Command(TyperCommand):
    """A command that refuses an option given twice, unless it is a repeatable one, and options that exclude others."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; what it raises as a UsageError ends it with the usage and exit status 2."""
        try:
            return super().invoke(ctx)
        except UsageError as error:
            ctx.fail(str(error))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the arguments as usual, after a look at how often each option is given."""
        if not ctx.resilient_parsing:
            _, _, given = self.make_parser(ctx).parse_args(list(args))
            repeated = next((each for each in given if given.count(each) > 1 and not each.multiple), None)
            if repeated is not None:
                ctx.fail(f"option {' / '.join(repeated.opts)} is given twice; it takes one value")
            self._refuse_bare_files(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_bare_files(self, ctx: Any, args: list[str]) -> None:
        """Files are named with -f, as for kubectl; whoever comes from linkerd or diff writes them bare."""
        takes = {opt for each in self.get_params(ctx) for opt in each.opts}
        if "--filename" in takes and not any(each.param_type_name == "argument" for each in self.get_params(ctx)):
            _, bare, _ = self.make_parser(ctx).parse_args(list(args))
            if bare:
                ctx.fail(f"files are named with -f: -f {bare[0]}")

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """List arguments and options by their placeholders alone; typer adds the Python type of an argument."""
        for title, kind in (("Arguments", "argument"), ("Options", "option")):
            params: list[Any] = [each for each in self.get_params(ctx) if each.param_type_name == kind]
            rows = [(each.metavar, each.help) if kind == "argument" else each.get_help_record(ctx) for each in params]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
