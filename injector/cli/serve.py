"""`injector serve`: the webhook server. The one place where the injector meets the certificate bootstrapper."""

from pathlib import Path

from injector.runtime import options as option
from injector.runtime.loading import ConfigFiles, Context, Kubeconfig, Sets, SnapshotFile
from injector.runtime.options import CertificateOptions, ClusterOptions, LimitTexts, server_limits
from injector.runtime.preview import preview_address
from injector.runtime.serve import Inputs, in_workers, serve_until_stopped
from injector.server.run import Listening


def serve(  # noqa: PLR0913, PLR0917 -- one parameter an option
    config: ConfigFiles = None,
    sets: Sets = None,
    snapshot: SnapshotFile = None,
    host: option.Host = "0.0.0.0",  # noqa: S104 -- a pod's own network
    port: option.Port = 8443,
    drain_seconds: option.DrainSeconds = 5.0,
    workers: option.Workers = 1,
    tls_cert: option.TlsCert = None,
    tls_key: option.TlsKey = None,
    cert_dir: option.CertDir = Path(".injector-certs"),
    cert_secret: option.CertSecret = None,
    cert_name: option.CertName = None,
    service: option.ServiceName = None,
    authority_days: option.AuthorityDays = 365,
    serving_days: option.ServingDays = 7,
    renewal: option.Renewal = 2 / 3,
    key_type: option.KeyType = "ecdsa",
    cluster: option.InCluster = None,
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    namespace: option.Namespace = None,
    webhook_config: option.WebhookConfig = None,
    lease: option.LeaseName = "sidecar-injector",
    events: option.Events = True,  # noqa: FBT002 -- an option
    preview_host: option.PreviewHost = None,
    preview_port: option.PreviewPort = None,
    limit: LimitTexts = None,
) -> None:
    """Run the webhook server over HTTPS until SIGTERM; configuration, certificates and cluster are followed."""
    files, where = option.given_files(tls_cert, tls_key), option.namespace_of(namespace)
    settings = option.certificate_settings(cert_name, service, where, (authority_days, serving_days, renewal), key_type)
    wanted = option.is_cluster_wanted(cluster, (kubeconfig, context), snapshot)
    option.refuse_without_cluster({"--cert-secret": cert_secret, "--webhook-config": webhook_config}, followed=wanted)
    option.refuse_ambiguous_certificates(files, cert_secret, webhook_config)
    follow = ClusterOptions(kubeconfig, context, where, tuple(webhook_config or ()), lease, events) if wanted else None
    preview = preview_address(preview_host, preview_port, in_cluster=wanted)
    pair = CertificateOptions(files, cert_secret, cert_dir, settings)
    listening = in_workers(Listening(host, port, drain_seconds, limits=server_limits(limit or ())), workers)
    serve_until_stopped(Inputs(tuple(config or ()), tuple(sets or ()), snapshot), listening, pair, follow, preview)
