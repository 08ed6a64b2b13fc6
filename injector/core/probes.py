"""Probes and lifecycle hooks go through the agent, which the kubelet reaches without mutual TLS (reference 11.4)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from injector.core.errors import quoted
from injector.core.model import PROBERS_ENV, PROXY_CONTAINER, Container, JsonObject, Pod
from injector.core.opaque import json_text
from injector.core.pods import (
    Placed,
    all_containers,
    annotations,
    find_sidecar,
    parse_boolean,
    with_container,
)

REWRITE_ANNOTATION = "sidecar.istio.io/rewriteAppHTTPProbers"
STATUS_PORT_ANNOTATION = "status.sidecar.istio.io/port"


@dataclass(frozen=True, slots=True)
class _Hook:
    """A place in a container where a handler may stand: `path` leads there.

    The agent's URL path for it is `before`, the name of the container, and `after`.
    """

    path: tuple[str, ...]
    before: str
    after: str
    is_probe: bool


_HOOKS = (
    _Hook(("readinessProbe",), "/app-health/", "/readyz", is_probe=True),
    _Hook(("livenessProbe",), "/app-health/", "/livez", is_probe=True),
    _Hook(("startupProbe",), "/app-health/", "/startupz", is_probe=True),
    _Hook(("lifecycle", "preStop"), "/app-lifecycle/", "/prestopz", is_probe=False),
    _Hook(("lifecycle", "postStart"), "/app-lifecycle/", "/poststartz", is_probe=False),
)
_HOOKED_FIELDS = frozenset(hook.path[0] for hook in _HOOKS)
_HTTP_GET_KEYS = ("path", "host", "scheme")


def rewrite_probes(pod: Pod, *, status_port: int, enabled_by_default: bool, injected_before: bool) -> Pod:
    """The pod whose handlers ask the agent, and whose proxy knows what to ask the application instead.

    `status_port` is the mesh's. After an earlier injection what was known then is kept.
    """
    own = annotations(pod)
    asked = parse_boolean(own[REWRITE_ANNOTATION]) if REWRITE_ANNOTATION in own else None
    if not (enabled_by_default if asked is None else asked):
        return pod
    hooked = [each for each in all_containers(pod) if not _HOOKED_FIELDS.isdisjoint(each[2])]
    if not hooked or find_sidecar(pod) is None:
        return pod
    probers = _probers(hooked, status_port, injected_before=injected_before)
    if probers:
        pod = _with_probers(pod, probers, injected_before=injected_before)
    return _rewritten(pod, hooked, _rewrite_port(own, status_port))


def restore_probes(pod: Pod, known: str | None) -> tuple[Pod, list[str]]:
    """The pod whose handlers ask the application again, and a line for each of which nobody knows what it asked.

    `known` is the value of ISTIO_KUBE_APP_PROBERS. A named port comes back as its number.
    """
    probers, unknown = _readable(known), list[str]()
    for which, index, container in all_containers(pod):
        changed = container
        for hook, key, handler in _handlers(container):
            if (handler.get("httpGet") or {}).get("path") != key:
                continue
            asked = _asked_before(probers.get(key))
            if asked is None:
                unknown.append(f"container {quoted(container['name'])}: {'.'.join(hook.path)} still asks the agent")
            else:
                rest = {name: value for name, value in handler.items() if name != "httpGet"}
                changed = _with_handler(changed, hook.path, {**asked, **rest})
        if changed is not container:
            pod = with_container(pod, which, index, changed)
    return pod, unknown


def _readable(known: str | None) -> JsonObject:
    try:
        found = orjson.loads(known or "{}")
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _asked_before(prober: Any) -> JsonObject | None:
    """The handler that a prober was made of."""
    for kind in ("httpGet", "tcpSocket", "grpc"):
        described = prober.get(kind) if isinstance(prober, dict) else None
        if isinstance(described, dict):
            return {kind: {key: value for key, value in described.items() if value is not None}}
    return None


def _probers(hooked: list[Placed], status_port: int, *, injected_before: bool) -> JsonObject:
    found: JsonObject = {}
    for _, _, container in hooked:
        for hook, key, handler in _handlers(container):
            if injected_before and (handler.get("httpGet") or {}).get("path") == key:
                continue
            prober = _prober(hook, handler, container, status_port)
            if prober:
                found[key] = prober
    return found


def _handlers(container: Container) -> Iterator[tuple[_Hook, str, JsonObject]]:
    if container["name"] == PROXY_CONTAINER:
        return
    for hook in _HOOKS:
        handler: Any = container
        for step in hook.path:
            handler = handler.get(step) or {}
        if handler:
            yield hook, hook.before + container["name"] + hook.after, handler


def _prober(hook: _Hook, handler: JsonObject, container: Container, status_port: int) -> JsonObject | None:
    described = _described(hook, handler, container, status_port)
    if described and hook.is_probe and handler.get("timeoutSeconds"):
        described["timeoutSeconds"] = handler["timeoutSeconds"]
    return described


def _described(hook: _Hook, handler: JsonObject, container: Container, status_port: int) -> JsonObject | None:
    if handler.get("httpGet"):
        http = handler["httpGet"]
        port = _port_number(http.get("port"), container, status_port)
        described = {key: http[key] for key in _HTTP_GET_KEYS if http.get(key)}
        if http.get("httpHeaders"):
            described["httpHeaders"] = http["httpHeaders"]
        return None if port is None else {"httpGet": {**described, "port": port}}
    if handler.get("tcpSocket"):
        port = _port_number(handler["tcpSocket"].get("port"), container, status_port)
        host = {"host": handler["tcpSocket"]["host"]} if handler["tcpSocket"].get("host") else {}
        return None if port is None else {"tcpSocket": {**host, "port": port}}
    if hook.is_probe and handler.get("grpc"):
        grpc = handler["grpc"]
        return {"grpc": {"port": grpc.get("port", 0), "service": grpc.get("service")}}
    return None


def _port_number(port: Any, container: Container, status_port: int) -> int | None:
    """The number of a port; None for a name that the container does not have, and for the agent's own port."""
    if isinstance(port, str):
        named = (each.get("containerPort") for each in container.get("ports") or () if each.get("name") == port)
        return next(named, None)
    return None if port == status_port else port


def _with_probers(pod: Pod, probers: JsonObject, *, injected_before: bool) -> Pod:
    place = find_sidecar(pod)
    if place is None:
        return pod
    which, index, proxy = place
    env = list(proxy.get("env") or ())
    # The last of several entries counts: an injection appends its own behind the user's.
    last = max((at for at, each in enumerate(env) if each.get("name") == PROBERS_ENV), default=None)
    known = None if last is None else env[last].get("value")
    if not injected_before or last is None or known is None:
        env.append({"name": PROBERS_ENV, "value": _json(probers)})
    else:
        merged = _merged(known, probers)
        if merged is None or merged == known:
            return pod
        env[last] = {"name": PROBERS_ENV, "value": merged}
    return with_container(pod, which, index, {**proxy, "env": env})


def _merged(known: str, probers: JsonObject) -> str | None:
    try:
        older = orjson.loads(known)
    except orjson.JSONDecodeError:
        return None
    return _json({**probers, **older}) if isinstance(older, dict) else None


def _json(probers: JsonObject) -> str:
    try:
        return orjson.dumps(probers, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:
        return json_text(probers, is_sorted=True)


def _rewrite_port(own: Mapping[str, str], status_port: int) -> int:
    text = own.get(STATUS_PORT_ANNOTATION)
    if text is None:
        return status_port
    # The annotation is checked with blanks allowed around its number; this step does not take those (11.4).
    return int(text) if text.isascii() and text.isdigit() else 0


def _rewritten(pod: Pod, hooked: list[Placed], port: int) -> Pod:
    for which, index, container in hooked:
        changed = container
        for hook, key, handler in _handlers(container):
            rewritten = _asking_agent(hook, handler, key, port)
            if rewritten is not None and rewritten != handler:
                changed = _with_handler(changed, hook.path, rewritten)
        if changed is not container:
            pod = with_container(pod, which, index, changed)
    return pod


def _asking_agent(hook: _Hook, handler: JsonObject, key: str, port: int) -> JsonObject | None:
    rest = {name: value for name, value in handler.items() if name not in ("tcpSocket", "grpc")}
    if handler.get("httpGet"):
        http = {**handler["httpGet"], "port": port, "path": key}
        if http.get("scheme") == "HTTPS":
            http["scheme"] = "HTTP"
        return {**handler, "httpGet": http}
    if handler.get("tcpSocket") or (hook.is_probe and handler.get("grpc")):
        return {**rest, "httpGet": {"path": key, "port": port}}
    return None


def _with_handler(container: Container, path: tuple[str, ...], handler: JsonObject) -> Container:
    if len(path) == 1:
        return {**container, path[0]: handler}
    return {**container, path[0]: {**container[path[0]], path[1]: handler}}
