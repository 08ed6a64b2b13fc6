"""Prometheus merge: the agent scrapes the application, Prometheus scrapes the agent (reference 11.2 and 11.3)."""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from operator import methodcaller
from typing import Any

import orjson

from injector.core.errors import quoted
from injector.core.model import GRPC_BOOTSTRAP_CONTAINER, PROMETHEUS_ENV, PROXY_CONTAINER, InjectionError, Pod
from injector.core.pods import (
    annotations,
    container_names,
    find_sidecar,
    parse_boolean,
    with_container,
    with_env,
    with_metadata,
)

MERGE_ANNOTATION = "prometheus.istio.io/merge-metrics"
SECURE_PORT_ANNOTATION = "prometheus.istio.io/secure-port"
_SCRAPE_ANNOTATION, _PORT_ANNOTATION = "prometheus.io/scrape", "prometheus.io/port"
_PATH_ANNOTATION, _TARGETS_ANNOTATION = "prometheus.io/path", "prometheus.istio.io/scrape-targets"
_SCRAPE, _PORT, _PATH = "prometheus_io_scrape", "prometheus_io_port", "prometheus_io_path"
_TARGETS, _SECURE_PORT = "prometheus_istio_io_scrape_targets", "prometheus_istio_io_secure_port"
_MERGED = (_SCRAPE, _PORT, _PATH, _TARGETS)
# Istio's template `grpc-simple` brings no agent, and Istio merges all the same (reference 7.2).
_AGENTS = frozenset((PROXY_CONTAINER, GRPC_BOOTSTRAP_CONTAINER))
SECURE_METRICS_ENV = "ENVOY_SECURE_MERGED_METRICS_PORT"
_DEFAULT_PATH = "/metrics"
_NAME = methodcaller("get", "name")
_WORD = "rometheus"
_NO_WORD = re.compile(r"[^A-Za-z0-9_]")
_LONGEST_NAME = len(_TARGETS)
_NUMBER = re.compile(r"\+?[0-9]{1,20}")
_LARGEST_PORT = 65535

RESERVED_PORTS: Mapping[int, str] = {
    15000: "Envoy admin",
    15001: "outbound traffic capture",
    15004: "pilot debug",
    15006: "inbound traffic capture",
    15008: "HBONE tunnel",
    15020: "pilot-agent status / merged Prometheus",
    15021: "Envoy health",
    15053: "DNS proxy",
    15090: "Envoy Prometheus (already merged)",
}


@dataclass(frozen=True, slots=True)
class _Scrape:
    """What the pod's annotations say about scraping it."""

    scrape: str
    path: str
    port: str
    targets: tuple[tuple[str, str], ...]

    def is_empty(self) -> bool:
        return not (self.scrape or self.path or self.port or self.targets)

    def as_json(self) -> str:
        document: dict[str, Any] = {"scrape": self.scrape, "path": self.path, "port": self.port}
        if self.targets:
            document["targets"] = [{"port": port, "path": path} for port, path in self.targets]
        return orjson.dumps(document).decode()


def merge_prometheus(pod: Pod, *, status_port: int, enabled_by_default: bool) -> Pod:
    """The pod whose scrape annotations point at the agent, and whose proxy knows what they were.

    A pod without Istio's agent stays as it is: nothing would listen on the agent's port. Raises InjectionError where a
    port to scrape is none, reserved, or the agent's own.
    """
    if not has_agent(pod):
        return pod
    own = annotations(pod)
    found = _by_sanitized_name(own)
    asked = parse_boolean(own[MERGE_ANNOTATION]) if MERGE_ANNOTATION in own else None
    if not (enabled_by_default if asked is None else asked):
        return pod
    if _SCRAPE in found and parse_boolean(found[_SCRAPE]) is False:
        return pod
    if found.get(_PORT) == str(status_port):
        return pod
    scrape = _read(found)
    try:
        _refuse_invalid_ports(scrape, status_port)
    except InjectionError as error:
        key = _TARGETS if scrape.targets else _PORT
        name = next(name for name in _names_about(own) if _sanitized(name) == key)
        raise InjectionError(f"{error}; see annotation {name!r}") from error
    if not scrape.is_empty():
        pod = _with_proxy_env(pod, scrape.as_json())
    return with_metadata(pod, "annotations", {**_without_merged(own), **_merged_annotations(str(status_port))})


def unmerge_prometheus(pod: Pod, known: str | None, status_ports: Collection[str]) -> Pod:
    """The pod with the scrape annotations that a merge found, of which only the environment of the proxy knows.

    `known` is the value of ISTIO_PROMETHEUS_ANNOTATIONS, `status_ports` are the ports that the agent may have. What
    is not restored is the user's spelling of the names.
    """
    own = annotations(pod)
    if own.get(_PORT_ANNOTATION) not in status_ports:
        return pod
    if not own.items() >= _merged_annotations(own[_PORT_ANNOTATION]).items():
        return pod
    return with_metadata(pod, "annotations", {**_without_merged(own), **_scraped_before(known)})


def _merged_annotations(port: str) -> dict[str, str]:
    return {_PATH_ANNOTATION: "/stats/prometheus", _PORT_ANNOTATION: port, _SCRAPE_ANNOTATION: "true"}


def _scraped_before(known: str | None) -> dict[str, str]:
    """The annotations from which `known` was made; none where it cannot be read."""
    try:
        found = orjson.loads(known or "{}")
    except orjson.JSONDecodeError:
        return {}
    if not isinstance(found, dict):
        return {}
    named = {_SCRAPE_ANNOTATION: found.get("scrape")}
    targets = found.get("targets")
    if isinstance(targets, list) and all(isinstance(target, dict) for target in targets) and targets:
        named[_TARGETS_ANNOTATION] = ",".join(f"{target.get('port')}:{target.get('path')}" for target in targets)
    else:
        named |= {_PORT_ANNOTATION: found.get("port"), _PATH_ANNOTATION: found.get("path")}
    return {name: value for name, value in named.items() if isinstance(value, str) and value}


def has_agent(pod: Pod) -> bool:
    """Whether one of Istio's templates was applied to the pod: most of them bring the agent."""
    return not _AGENTS.isdisjoint(container_names(pod))


def publish_secure_port(pod: Pod) -> Pod:
    """The pod with the port of its proxy's encrypted metrics announced, where there is one (reference 11.3)."""
    place = find_sidecar(pod)
    if place is None:
        return pod
    proxy = place[2]
    env = proxy.get("env") or ()
    if SECURE_METRICS_ENV not in map(_NAME, env):
        return pod
    ports = [entry.get("value") for entry in env if entry.get("name") == SECURE_METRICS_ENV]
    if ports[0] in (None, "", "0"):
        return pod
    if any(_sanitized(name) == _SECURE_PORT for name in _names_about(annotations(pod))):
        return pod
    return with_metadata(pod, "annotations", {**annotations(pod), SECURE_PORT_ANNOTATION: str(ports[0])})


def without_merged_annotations(pod: Pod, status_port: int) -> Pod:
    """The pod without the annotations that an earlier merge wrote, where they point at the agent (reference 10.2)."""
    own = annotations(pod)
    if not any(_sanitized(name) == _PORT and own[name] == str(status_port) for name in _names_about(own)):
        return pod
    return with_metadata(pod, "annotations", _without_merged(own))


def is_scrape_annotation(name: str) -> bool:
    """Whether an annotation of this name is one that a merge takes away or writes, in whatever spelling."""
    return _sanitized(name) in (*_MERGED, _SECURE_PORT)


def _names_about(own: Mapping[str, str]) -> list[str]:
    """The names of annotations that may be about Prometheus: no longer than any of those that are."""
    if _WORD not in "\n".join(own):
        return []
    return [name for name in own if _WORD in name and len(name) <= _LONGEST_NAME]


def _without_merged(own: Mapping[str, str]) -> dict[str, str]:
    kept = dict(own)
    for name in _names_about(own):
        if _sanitized(name) in _MERGED:
            del kept[name]
    return kept


def _sanitized(name: str) -> str:
    return _NO_WORD.sub("_", name)


def _by_sanitized_name(own: Mapping[str, str]) -> dict[str, str]:
    return {_sanitized(name): own[name] for name in _names_about(own)}


def _read(found: Mapping[str, str]) -> _Scrape:
    targets = _targets(found.get(_TARGETS, ""))
    port, path = found.get(_PORT, ""), found.get(_PATH, "")
    if targets:
        port, path = targets[0]
    return _Scrape(found.get(_SCRAPE, ""), path, port, targets)


def _targets(text: str) -> tuple[tuple[str, str], ...]:
    """The `port:path` entries of a scrape-targets annotation; none where one of them has no port."""
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    pairs = [tuple(part.strip() for part in entry.partition(":")[::2]) for entry in entries]
    if any(not port for port, _ in pairs):
        return ()
    return tuple((port, path or _DEFAULT_PATH) for port, path in pairs)


def _refuse_invalid_ports(scrape: _Scrape, status_port: int) -> None:
    if scrape.targets:
        for port, _ in scrape.targets:
            _refuse_invalid_port(port, status_port, "invalid prometheus scrape targets", "invalid target port")
    elif scrape.port:
        _refuse_invalid_port(scrape.port, status_port, "invalid prometheus scrape configuration", "invalid port")


def _refuse_invalid_port(text: str, status_port: int, subject: str, invalid: str) -> None:
    port = int(text) if _NUMBER.fullmatch(text) else 0
    if not 1 <= port <= _LARGEST_PORT:
        raise InjectionError(f"{subject}: {invalid} {quoted(text)}; valid: 1 to {_LARGEST_PORT}")
    if port == status_port:
        raise InjectionError(f"{subject}: port {text} conflicts with agent port {status_port}")
    if port in RESERVED_PORTS:
        raise InjectionError(
            f"{subject}: port {text} is reserved for Istio ({RESERVED_PORTS[port]}) and cannot be scraped"
        )


def _with_proxy_env(pod: Pod, value: str) -> Pod:
    place = find_sidecar(pod)
    if place is None:
        return pod
    which, index, proxy = place
    return with_container(pod, which, index, with_env(proxy, PROMETHEUS_ENV, value))
