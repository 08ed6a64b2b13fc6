"""`injector gateway render`: Istio's Gateways and what belongs to them as the configuration of an ingress Envoy."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, TypeAlias

import orjson
import typer

from injector.cli.options import Command, ConfigFiles, Group, InputFiles, Recursive, Sets, namespace_option
from injector.core.model import JsonObject
from injector.core.yaml.writer import write as write_yaml
from injector.envoy import known_peers, tracing_of
from injector.gateway import GatewayFaults, Options, Rendered, normalization_of, render, topology_of
from injector.runtime.errors import InputError
from injector.runtime.inputs import read_inputs
from injector.runtime.loading import read_setup
from injector.runtime.terminal import warn, write

_DEFAULTS = Options()
_CONFIG_MAP = "gateway"


class Output(StrEnum):
    """What is written."""

    YAML = "yaml"
    JSON = "json"
    MANIFESTS = "manifests"


_Output: TypeAlias = Annotated[
    Output,
    typer.Option(
        "-o",
        "--output",
        help="Form of the result. yaml: one file for Envoy, and the Services that it needs as further documents. "
        "json: that file. "
        "manifests: a ConfigMap with watched certificates, and the Services, for kubectl apply.",
    ),
]
_Name: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Name of the ConfigMap among the manifests.")]
_Secrets: TypeAlias = Annotated[
    str, typer.Option(metavar="DIRECTORY", help="Folder in the gateway's pod that holds a folder for each Secret.")
]
_Directory: TypeAlias = Annotated[
    str, typer.Option(metavar="DIRECTORY", help="Folder in the gateway's pod where the ConfigMap is mounted.")
]
_Namespace: TypeAlias = Annotated[str, namespace_option("Namespace of documents that name none, and of the ConfigMap.")]
_GatewayNamespace: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Namespace of the gateway's pods, where it is not that of the Gateways.",
        show_default=False,
    ),
]
_Labels: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "-l",
        "--labels",
        metavar="LABELS",
        help="Labels of the gateway's pods, a=b,c=d. By default those that the first Gateway selects.",
        show_default=False,
    ),
]
_Address: TypeAlias = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]

gateway = typer.Typer(cls=Group, no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@gateway.callback()
def _gateway() -> None:
    """Turn Istio's Gateways and VirtualServices into the configuration of an ingress Envoy without a control plane."""


@gateway.command("render", cls=Command)
def render_command(  # noqa: PLR0913, PLR0917 -- one parameter an option
    filename: InputFiles,
    recursive: Recursive = False,  # noqa: FBT002 -- an option
    output: _Output = Output.YAML,
    name: _Name = _CONFIG_MAP,
    secrets: _Secrets = _DEFAULTS.secrets,
    directory: _Directory = _DEFAULTS.directory,
    namespace: _Namespace = _DEFAULTS.namespace,
    gateway_namespace: _GatewayNamespace = None,
    labels: _Labels = None,
    address: _Address = _DEFAULTS.address,
    config: ConfigFiles = None,
    sets: Sets = None,
) -> None:
    """Write the configuration of a gateway; what cannot be honoured is an error that names file, line and field."""
    settings = read_setup(config, sets).config
    mesh = settings.mesh_config
    options = Options(
        namespace=namespace,
        cluster_domain=settings.values["global"]["proxy"]["clusterDomain"],
        root_namespace=mesh["rootNamespace"],
        labels=None if labels is None else _parsed(labels),
        gateway_namespace=gateway_namespace,
        secrets=secrets,
        directory=directory,
        address=address,
        topology=topology_of(mesh["defaultConfig"]),
        normalization=normalization_of(mesh),
        tracing=tracing_of(mesh, mesh["defaultConfig"]),
        workload=name,
        cluster=(settings.values["global"].get("multiCluster") or {}).get("clusterName") or _DEFAULTS.cluster,
        known_peers=known_peers(settings.values["global"]),
    )
    try:
        rendered = render([(file.name, file.text) for file in read_inputs(filename, recursive=recursive)], options)
    except GatewayFaults as faults:
        raise InputError(str(faults)) from faults
    warn(map(str, rendered.warnings))
    if output is Output.JSON:
        write(orjson.dumps(rendered.configuration, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        write("---\n".join(map(write_yaml, _documents(rendered, output, name, namespace))))


def _documents(rendered: Rendered, output: Output, name: str, namespace: str) -> Iterable[JsonObject]:
    if output is Output.MANIFESTS:
        return rendered.manifests(name, namespace)
    # Envoy reads the first document of a file, and no other.
    return [rendered.configuration, *rendered.services]


def _parsed(text: str) -> dict[str, str]:
    pairs = [pair.partition("=") for pair in text.split(",")]
    if not all(name and equals for name, equals, _ in pairs):
        raise typer.BadParameter(f"must be labels such as app=edge,istio=ingressgateway, got {text!r}")
    return {name.strip(): value.strip() for name, _, value in pairs}
