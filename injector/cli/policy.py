"""`injector policy render`: templates as admission policies of Kubernetes, where CEL can say them."""

from enum import StrEnum
from typing import Annotated

import orjson
import typer

from injector.cli.options import Command, ConfigFiles, Context, Group, Kubeconfig, Sets
from injector.core.errors import InjectorError
from injector.core.model import JsonObject
from injector.core.yaml.writer import write as write_yaml
from injector.policy import policies
from injector.runtime.config_sources import Connection
from injector.runtime.errors import InputError
from injector.runtime.loading import checked_setup, read_configuration
from injector.runtime.terminal import write


class Output(StrEnum):
    """How policies are written."""

    YAML = "yaml"
    JSON = "json"


policy = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@policy.callback()
def _policy() -> None:
    """Have the API server inject: templates as MutatingAdmissionPolicy, without a webhook."""


@policy.command("render", cls=Command)
def render_command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    template: Annotated[
        list[str] | None,
        typer.Option(
            "--template",
            metavar="NAME",
            help="Template to write; repeatable. By default those that pods get which name none.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")] = Output.YAML,
    config: ConfigFiles = None,
    sets: Sets = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
) -> None:
    """Write a policy and its binding for each template, for kubectl apply; and one more where it refuses pods.

    What CEL cannot say is an error that names template, line and expression. With a cluster its API server is asked
    whether it takes the policies (a dry run).
    """
    setup = checked_setup(read_configuration(config, sets, Connection(kubeconfig, context)))
    try:
        documents = [each for found in policies(setup.config, template or ()) for each in found.documents()]
    except InjectorError as error:
        raise InputError(str(error)) from error
    if kubeconfig or context:
        _refuse(documents, Connection(kubeconfig, context))
    if output is Output.JSON:
        listed = {"apiVersion": "v1", "kind": "List", "items": documents}
        write(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        write("---\n".join(map(write_yaml, documents)))


def _refuse(documents: list[JsonObject], connection: Connection) -> None:
    """Raise InputError where the cluster's API server does not take the policies."""
    # The official client takes its time to load: not for what only writes files.
    from injector.runtime.policies import refusals_of  # noqa: PLC0415

    refusals = refusals_of(documents, connection)
    if refusals:
        raise InputError("\n".join(refusals))
