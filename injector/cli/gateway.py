"""`injector gateway render`: Istio's Gateway and VirtualServices as the configuration of an ingress Envoy."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import orjson
import typer

from injector.cli.options import Command, ConfigFiles, Sets
from injector.core.model import JsonObject
from injector.core.yaml.writer import write as write_yaml
from injector.envoy import tracing_of
from injector.gateway import GatewayFaults, Options, render
from injector.runtime.errors import InputError
from injector.runtime.loading import read_setup, read_text
from injector.runtime.terminal import warn, write

_DEFAULTS = Options()


class Output(StrEnum):
    """How the configuration is written."""

    YAML = "yaml"
    JSON = "json"


gateway = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@gateway.callback()
def _gateway() -> None:
    """Turn Istio's Gateway and VirtualServices into the configuration of an ingress Envoy without a control plane."""


@gateway.command("render", cls=Command)
def render_command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: Annotated[
        list[Path],
        typer.Option(
            "-f", "--filename", metavar="FILE", help="Gateways, VirtualServices, Services, Secrets; repeatable."
        ),
    ],
    output: Annotated[Output, typer.Option("-o", "--output", help="Form of the configuration.")] = Output.YAML,
    secrets: Annotated[
        str, typer.Option(metavar="DIRECTORY", help="Folder in the gateway's pod that holds a folder for each Secret.")
    ] = _DEFAULTS.secrets,
    namespace: Annotated[
        str, typer.Option("-n", "--namespace", metavar="NAME", help="Namespace of documents that name none.")
    ] = _DEFAULTS.namespace,
    address: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = _DEFAULTS.address,
    config: ConfigFiles = None,
    sets: Sets = None,
) -> None:
    """Write the configuration for `envoy -c`; what cannot be expressed is an error that names the field."""
    mesh = read_setup(config, sets).config.mesh_config
    options = Options(
        namespace=namespace,
        secrets=secrets,
        address=address,
        tracing=tracing_of(mesh, mesh["defaultConfig"]),
    )
    try:
        rendered = render([(str(each), read_text(each)) for each in filename], options)
    except GatewayFaults as faults:
        raise InputError(str(faults)) from faults
    warn(map(str, rendered.warnings))
    write(_written(rendered.configuration, output))


def _written(configuration: JsonObject, output: Output) -> str:
    if output is Output.JSON:
        return orjson.dumps(configuration, option=orjson.OPT_INDENT_2).decode() + "\n"
    return write_yaml(configuration)
