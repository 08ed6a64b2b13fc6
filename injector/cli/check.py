"""`injector check`: is this configuration fit to serve, and with a cluster, is everything there in its place?"""

from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import orjson
import typer

from injector.cli.options import (
    CertSecret,
    ConfigFiles,
    Context,
    InCluster,
    Kubeconfig,
    OwnNamespace,
    Sets,
    SnapshotFile,
    WebhookConfig,
)
from injector.runtime import options as option
from injector.runtime.config_sources import Connection
from injector.runtime.loading import checked_setup, read_configuration, snapshot_of
from injector.runtime.terminal import write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from injector.cluster.diagnosis import Finding

_FOUND = 1


class Output(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"


def check(  # noqa: PLR0913, PLR0917 -- one parameter an option
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    cluster: InCluster = None,
    namespace: OwnNamespace = None,
    webhook_config: WebhookConfig = None,
    cert_secret: CertSecret = None,
    output: Annotated[Output, typer.Option("-o", "--output", help="Form of the result.")] = Output.TEXT,
) -> None:
    """Validate configuration and templates: every template is compiled and tried on sample pods.

    With a cluster also the webhook registration, CA bundles, certificates, endpoints and namespaces. Exit status: 0 all
    is well, 1 something is not.
    """
    known = snapshot_of(snapshot)
    setup = checked_setup(read_configuration(config, sets, Connection(kubeconfig, context)))
    lines = [f"configuration: valid\ntemplates: valid ({', '.join(setup.templates.names)})"]
    if snapshot is not None:
        lines.append(f"snapshot: valid ({len(known.namespaces)} namespaces, {len(known.nodes or ())} nodes)")
    findings: Sequence[Finding] = ()
    if option.is_cluster_wanted(cluster, (kubeconfig, context), snapshot):
        # The official client takes its time to load: not for a check of files.
        from injector.runtime.cluster_check import Place, cluster_findings  # noqa: PLC0415

        where = option.namespace_of(namespace)
        findings = cluster_findings(setup, Place(kubeconfig, context, tuple(webhook_config or ()), where, cert_secret))
        lines += [f"{each.subject}: {each.message}" for each in findings] or ["cluster: all is well"]
    if output is Output.JSON:
        write(orjson.dumps([asdict(each) for each in findings], option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        write("".join(f"{line}\n" for line in lines))
    if findings:
        raise typer.Exit(_FOUND)
