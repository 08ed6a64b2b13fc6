"""`injector check`: is this configuration fit to serve, and with a cluster, is everything there in its place?"""

from collections.abc import Mapping
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
    ReleaseName,
    Sets,
    SnapshotFile,
    WebhookConfig,
)
from injector.cluster.findings import Section, Severity, ok, problems, sections_text, warning
from injector.core.denied import described
from injector.runtime import options as option
from injector.runtime.config_sources import Connection
from injector.runtime.errors import UsageError
from injector.runtime.loading import checked_setup, located_warnings, read_configuration, snapshot_of
from injector.runtime.terminal import output_paint, show, write

if TYPE_CHECKING:
    from injector.core.setup import Setup

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
    release: ReleaseName = "",
    namespace: OwnNamespace = None,
    webhook_config: WebhookConfig = None,
    cert_secret: CertSecret = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit status 1 for warnings too.")] = False,  # noqa: FBT002 -- an option
    output: Annotated[
        Output, typer.Option("-o", "--output", help="Form of the result; json lists what is wrong.")
    ] = Output.TEXT,
) -> None:
    """Validate configuration and templates: every template is compiled and tried on sample pods.

    With a cluster (--kubeconfig, $KUBECONFIG, or the one that this runs in) also everything that an injected pod needs
    there: the API server admits a pod for each entry of the registration (dry run), and certificates, endpoints,
    replicas, permissions, namespaces and other webhooks are looked at. The configuration is that of the installed
    release, unless -c names another. Exit status: 0 all is well, 1 something is not.
    """
    connection = Connection(kubeconfig, context)
    is_cluster = option.may_look_at_cluster(cluster, (kubeconfig, context), snapshot)
    if not is_cluster:
        options = {"--namespace": namespace, "--webhook-config": webhook_config, "--cert-secret": cert_secret}
        _refuse_cluster_options({"--release": release, **options})
    sections: list[Section] = []
    setup: Setup | None = None
    if config or not is_cluster:
        loaded = read_configuration(config, sets, connection)
        setup = checked_setup(loaded)
        known = snapshot_of(snapshot)
        valid = [ok("configuration", "valid"), ok("templates", f"valid ({', '.join(setup.templates.names)})")]
        valid += [
            ok(f"deniedAnnotations[{index}]", described(rule))
            for index, rule in enumerate(setup.config.denied_annotations)
        ]
        valid += [warning("templates", line) for line in located_warnings(loaded, setup)]
        if snapshot is not None:
            counted = f"valid ({len(known.namespaces)} namespaces, {len(known.nodes or ())} nodes)"
            valid.append(ok("snapshot", counted))
        sections.append(Section("configuration", tuple(valid)))
    if is_cluster:
        # The official client takes its time to load: not for a check of files.
        from injector.runtime.cluster_check import Place, cluster_sections  # noqa: PLC0415

        secret = (option.namespace_of(namespace), cert_secret) if cert_secret else None
        place = Place(connection, tuple(webhook_config or ()), release, secret)
        sections += cluster_sections(place, setup, sets or ())
    found = problems(sections)
    if output is Output.JSON:
        listed = [{"section": section.title, **asdict(each)} for section, each in found]
        write(orjson.dumps(listed, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        show(sections_text(sections, output_paint()))
        show(_verdict([each.severity for _, each in found]))
    if any(strict or each.severity is Severity.FAULT for _, each in found):
        raise typer.Exit(_FOUND)


def _refuse_cluster_options(options: Mapping[str, object]) -> None:
    """Raise UsageError where an option says what to look at in a cluster, and none is looked at."""
    given = next((name for name, value in options.items() if value), None)
    if given:
        raise UsageError(f"{given} says where to look in a cluster: add --kubeconfig FILE, or --cluster")


def _verdict(severities: list[Severity]) -> str:
    faults, warnings = severities.count(Severity.FAULT), severities.count(Severity.WARNING)
    counted = [
        f"{count} {word}{'s' if count > 1 else ''}"
        for count, word in ((faults, "fault"), (warnings, "warning"))
        if count
    ]
    return f"{', '.join(counted) or 'all is well'}\n"
