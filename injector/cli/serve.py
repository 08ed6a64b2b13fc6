"""`injector serve`: the webhook server."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

from certs.model import KEY_TYPES
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
    number,
)
from injector.runtime import options as option
from injector.runtime.config_sources import Connection, config_sources
from injector.runtime.configuration import Inputs
from injector.runtime.options import CertificateOptions, ClusterOptions, server_limits
from injector.runtime.preview import preview_address
from injector.runtime.serve import in_workers, serve_until_stopped
from injector.server.client_auth import ClientAuthority
from injector.server.limits import SETTABLE
from injector.server.run import Listening
from injector.server.telemetry import LogFormat, LogLevel, LogStyle

_PORT = number(int, 0, 65_535)

Host: TypeAlias = Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")]
Port: TypeAlias = Annotated[
    int, typer.Option(parser=_PORT, metavar="PORT", help="Port to listen on; 0 is any free one.")
]
DrainSeconds: TypeAlias = Annotated[
    float,
    typer.Option(parser=number(float, 0), metavar="SECONDS", help="How long to go on answering after SIGTERM."),
]
Workers: TypeAlias = Annotated[
    int,
    typer.Option(parser=number(int, 1), metavar="NUMBER", help="Processes that share the port; use one for each core."),
]
Supervise: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--supervise/--no-supervise",
        help="Hold the port open in a process of its own, which replaces a worker that dies or hangs; "
        "always so for several workers.",
    ),
]
TlsCert: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Serving certificate as PEM.", show_default=False)
]
TlsKey: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Private key of the serving certificate as PEM.", show_default=False)
]
CertDir: TypeAlias = Annotated[
    Path,
    typer.Option(
        metavar="DIRECTORY",
        help="Where the server keeps its own authority, without --tls-cert and --cert-secret.",
    ),
]
CertName: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME", help="Name that the server certifies for itself. Repeatable.", show_default=False),
]
ServiceName: TypeAlias = Annotated[
    str | None,
    typer.Option("--service", metavar="NAME", help="Service whose DNS names the server certifies.", show_default=False),
]
AuthorityDays: TypeAlias = Annotated[
    float, typer.Option(parser=number(float, 0), metavar="DAYS", help="Lifetime of the authority.")
]
ServingDays: TypeAlias = Annotated[
    float, typer.Option(parser=number(float, 0), metavar="DAYS", help="Lifetime of serving certificates.")
]
Renewal: TypeAlias = Annotated[
    float,
    typer.Option(
        parser=number(float, 0, 1),
        metavar="FRACTION",
        help="Part of its lifetime after which a certificate is renewed.",
    ),
]
KeyType: TypeAlias = Annotated[str, typer.Option(metavar="|".join(KEY_TYPES), help="Type of new keys.")]
LeaseName: TypeAlias = Annotated[
    str, typer.Option("--lease", metavar="NAME", help="Lease whose holder renews certificates and CA bundles.")
]


class Unknown(StrEnum):
    """What to do with reviews while the cluster is not known."""

    REFUSE = "refuse"
    SERVE = "serve"


Events: TypeAlias = Annotated[
    bool, typer.Option("--events/--no-events", help="Write an Event for pods that are refused or skipped by mistake.")
]
ClusterWait: TypeAlias = Annotated[
    float,
    typer.Option(
        parser=number(float, 0),
        metavar="SECONDS",
        help="How long a start waits for namespaces, nodes and ProxyConfigs before --unknown-cluster counts.",
    ),
]
UnknownCluster: TypeAlias = Annotated[
    Unknown,
    typer.Option(
        help="What to do while they are not known: refuse reviews, so that failurePolicy decides, or serve without.",
    ),
]
LastGoodName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--last-good",
        metavar="NAME",
        help="ConfigMap that keeps the last good configuration for a replica that starts with a bad one.",
        show_default=False,
    ),
]
ReportTo: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KIND/NAME",
        help="Deployment or ConfigMap that gets an Event while something is at fault. Repeatable.",
        show_default=False,
    ),
]
ClientCa: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Authority, as PEM, of the clients that may call the webhook; by default everybody may.",
        show_default=False,
    ),
]
ClientNames: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--client-name",
        metavar="NAME",
        help="Name of which the certificate of a client must carry one. Repeatable.",
        show_default=False,
    ),
]
PreviewHost: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="HOST",
        help="Serve the preview on an address of its own; callers need a token unless it is loopback.",
        show_default=False,
    ),
]
PreviewPort: TypeAlias = Annotated[
    int | None,
    typer.Option(
        parser=_PORT,
        metavar="PORT",
        help="Port of the preview, by default 15018; 0 is any free one.",
        show_default=False,
    ),
]
LogLevelOption: TypeAlias = Annotated[LogLevel, typer.Option("--log-level", help="Least important lines to log.")]
LogFormatOption: TypeAlias = Annotated[LogFormat, typer.Option("--log-format", help="How log lines are written.")]
LimitTexts: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--limit",
        metavar="NAME=NUMBER",
        help=f"Limit of one worker. Repeatable. Names: {', '.join(SETTABLE)}.",
        show_default=False,
    ),
]


def serve(  # noqa: PLR0913, PLR0917 -- one parameter an option
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    host: Host = "0.0.0.0",  # noqa: S104 -- a pod's own network
    port: Port = 8443,
    drain_seconds: DrainSeconds = 5.0,
    workers: Workers = 1,
    supervise: Supervise = False,  # noqa: FBT002 -- an option
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    cert_dir: CertDir = Path(".injector-certs"),
    cert_secret: CertSecret = None,
    cert_name: CertName = None,
    service: ServiceName = None,
    authority_days: AuthorityDays = 365,
    serving_days: ServingDays = 7,
    renewal: Renewal = 2 / 3,
    key_type: KeyType = "ecdsa",
    cluster: InCluster = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: OwnNamespace = None,
    webhook_config: WebhookConfig = None,
    lease: LeaseName = "sidecar-injector",
    events: Events = True,  # noqa: FBT002 -- an option
    cluster_wait: ClusterWait = 30.0,
    unknown_cluster: UnknownCluster = Unknown.REFUSE,
    last_good: LastGoodName = None,
    report_to: ReportTo = None,
    client_ca: ClientCa = None,
    client_name: ClientNames = None,
    preview_host: PreviewHost = None,
    preview_port: PreviewPort = None,
    limit: LimitTexts = None,
    log_level: LogLevelOption = LogLevel.INFO,
    log_format: LogFormatOption = LogFormat.JSON,
) -> None:
    """Run the webhook server over HTTPS until SIGTERM. Configuration, certificates and cluster are followed."""
    sources = tuple(config_sources(config))
    files, where = option.given_files(tls_cert, tls_key), option.namespace_of(namespace)
    settings = option.certificate_settings(cert_name, service, where, (authority_days, serving_days, renewal), key_type)
    wanted = option.is_cluster_wanted(cluster, (kubeconfig, context), snapshot)
    cluster_options = ClusterOptions(
        kubeconfig,
        context,
        where,
        tuple(webhook_config or ()),
        lease,
        events,
        cluster_wait,
        serves_unknown=unknown_cluster is Unknown.SERVE,
        last_good=last_good or "",
        report_to=tuple(report_to or ()),
    )
    if not wanted:
        option.refuse_without_cluster(cluster_options, cert_secret)
    option.refuse_ambiguous_certificates(files, cert_secret, webhook_config)
    preview = preview_address(preview_host, preview_port, in_cluster=wanted)
    pair = CertificateOptions(files, cert_secret, cert_dir, settings)
    clients = client_authority(client_ca, client_name)
    limits, log = server_limits(limit or ()), LogStyle(log_level, log_format)
    listening = Listening(host, port, drain_seconds, limits=limits, clients=clients, log=log)
    listening = in_workers(listening, workers, supervised=supervise)
    inputs = Inputs(sources, tuple(sets or ()), snapshot, Connection(kubeconfig, context))
    serve_until_stopped(inputs, listening, pair, cluster_options if wanted else None, preview)


def client_authority(file: Path | None, names: list[str] | None) -> ClientAuthority | None:
    """The authority of clients that the options name. Raises BadParameter for names without an authority."""
    if file is None:
        if names:
            raise typer.BadParameter("--client-name: needs the authority of these certificates, --client-ca FILE")
        return None
    return ClientAuthority(file, frozenset(names or ()))
