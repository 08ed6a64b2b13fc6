"""The options of `injector serve`, and which of them belong together."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from certs.model import Lifetimes, Settings
from injector.cluster.environment import in_cluster, own_namespace
from injector.core.errors import suggestion
from injector.runtime.errors import UsageError
from injector.server.limits import SETTABLE, Limits, ServerLimits, Settable

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """What is to be done in a cluster. `namespace` is that of Secret, Service and Lease.

    A server that starts waits `wait_seconds` until it knows what decisions need; what is not known by then is waited
    for further, but where `serves_unknown`. `last_good` is the ConfigMap that keeps the last good configuration.
    `report_to` are objects, as KIND/NAME, that get an Event while something is at fault.
    """

    kubeconfig: Path | None
    context: str | None
    namespace: str
    webhook_configs: tuple[str, ...]
    lease: str
    events: bool
    wait_seconds: float = 30.0
    serves_unknown: bool = False
    last_good: str = ""
    report_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CertificateOptions:
    """Where the serving certificate comes from: two given files, else a Secret, else a directory."""

    files: tuple[Path, Path] | None
    secret: str | None
    directory: Path
    settings: Settings


def given_files(tls_cert: Path | None, tls_key: Path | None) -> tuple[Path, Path] | None:
    """The given pair of files, if any. Raises UsageError where one of the two is missing."""
    if (tls_cert is None) != (tls_key is None):
        raise UsageError("--tls-cert and --tls-key belong together")
    return None if tls_cert is None or tls_key is None else (tls_cert, tls_key)


def certificate_settings(
    names: list[str] | None, service: str | None, namespace: str, lifetimes: tuple[float, float, float], key_type: str
) -> Settings:
    """What to certify. `lifetimes`: days of the authority, days of serving, the part after which to renew."""
    of_service = (f"{service}.{namespace}.svc", f"{service}.{namespace}.svc.cluster.local") if service else ()
    authority, serving, renewal = lifetimes
    try:
        lived = Lifetimes(timedelta(days=authority), timedelta(days=serving), renewal)
        return Settings(tuple(dict.fromkeys((*of_service, *(names or ()), *LOOPBACK_NAMES))), lived, key_type)
    except ValueError as error:
        raise UsageError(str(error)) from error


def is_cluster_wanted(wanted: bool | None, connection: tuple[Path | None, str | None], snapshot: Path | None) -> bool:  # noqa: FBT001 -- an option of three states
    """Whether to follow a cluster. Raises UsageError where a snapshot is to stand in for it at the same time."""
    named = any(each is not None for each in connection)
    if snapshot is not None and (wanted or named):
        raise UsageError("--snapshot stands in for a cluster: not together with --cluster, --kubeconfig, --context")
    if wanted is False and named:
        raise UsageError("--no-cluster does without a cluster: not together with --kubeconfig, --context")
    if wanted is not None:
        return wanted
    return named or (snapshot is None and in_cluster())


def may_look_at_cluster(
    wanted: bool | None,  # noqa: FBT001 -- an option of three states
    connection: tuple[Path | None, str | None],
    snapshot: Path | None,
) -> bool:
    """Whether a command that only looks asks a cluster: as above, and where $KUBECONFIG names one."""
    return is_cluster_wanted(wanted, connection, snapshot) or (
        wanted is None and snapshot is None and bool(os.environ.get("KUBECONFIG"))
    )


def refuse_without_cluster(options: ClusterOptions, secret: str | None) -> None:
    """Raise UsageError where an option is given that only a cluster can serve. For a server without one."""
    given = {
        "--cert-secret": secret,
        "--webhook-config": options.webhook_configs,
        "--last-good": options.last_good,
        "--report-to": options.report_to,
    }
    names = [name for name, value in given.items() if value]
    if names:
        raise UsageError(f"{', '.join(names)}: only with a cluster; valid: --cluster, --kubeconfig FILE")


def refuse_ambiguous_certificates(
    files: tuple[Path, Path] | None, secret: str | None, webhook_configs: list[str] | None
) -> None:
    """Raise UsageError where certificates would have two sources, or a CA bundle would have none."""
    if secret and files:
        raise UsageError("--cert-secret: the certificate comes from --tls-cert and --tls-key; valid: one of the two")
    if webhook_configs and not secret:
        raise UsageError("--webhook-config: it gets the authority of --cert-secret, which is not given")


def namespace_of(given: str | None) -> str:
    """The namespace that is meant."""
    return given or own_namespace()


# `--limit NAME=NUMBER`: the limits of the server that operators set.

_OF_REQUESTS = frozenset(each.name for each in fields(Limits))


def server_limits(texts: Iterable[str]) -> ServerLimits:
    """The limits that `texts`, each NAME=NUMBER, set; the last one of a name counts.

    Raises UsageError with all faults.
    """
    given = [text.partition("=")[::2] for text in texts]
    faults = [fault for name, value in given for fault in _faults(name, value)]
    if faults:
        raise UsageError("; ".join(faults))
    found = ServerLimits()
    for name, value in given:
        found = _with(found, SETTABLE[name], float(value))
    if found.connections.handshakes > found.connections.connections:
        raise UsageError(
            f"--limit handshakes={found.connections.handshakes}: more than connections, "
            f"{found.connections.connections}; valid: at most as many"
        )
    return found


def _faults(name: str, value: str) -> Iterator[str]:
    limit = SETTABLE.get(name)
    if limit is None:
        hint = suggestion(name, list(SETTABLE))
        yield f"--limit {name}={value}: there is no limit {name!r}; {hint}"
    elif not _is_number(value, limit):
        kind = "a whole number" if limit.whole else "a number"
        yield f"--limit {name}={value}: expected {kind} from {limit.least:,g} to {limit.most:,.0f}"


def _is_number(text: str, limit: Settable) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return limit.least <= value <= limit.most and (not limit.whole or value.is_integer())


def _with(found: ServerLimits, limit: Settable, value: float) -> ServerLimits:
    number: dict[str, Any] = {limit.field: int(value) if limit.whole else value}
    if limit.field in _OF_REQUESTS:
        return replace(found, requests=replace(found.requests, **number))
    return replace(found, connections=replace(found.connections, **number))
