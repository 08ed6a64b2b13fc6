"""The proxy's user and group on OpenShift, where a namespace owns a range of them (reference section 16)."""

import re

from injector.core.model import (
    DEFAULT_PROXY_ID,
    INIT_CONTAINER,
    PROXY_CONTAINER,
    VALIDATION_CONTAINER,
    JsonObject,
    Pod,
)
from injector.core.pods import containers, find_sidecar, with_container

OPENSHIFT = "openshift"
USER_RANGE = "openshift.io/sa.scc.uid-range"
GROUP_RANGES = "openshift.io/sa.scc.supplemental-groups"

_INJECTED = (PROXY_CONTAINER, INIT_CONTAINER, VALIDATION_CONTAINER)
_BLOCK = re.compile(r"(?P<start>[0-9]+)(?P<kind>[/-])(?P<rest>[0-9]+)")
_LARGEST_ID = 2**32 - 1


def proxy_ids(namespace: JsonObject) -> tuple[int, int]:
    """User and group of the proxy on OpenShift: the ends of the namespace's ranges, 1337 where it has none."""
    ranges = (namespace.get("metadata") or {}).get("annotations") or {}
    user = _end_of_block(ranges.get(USER_RANGE) or "")
    group = _end_of_first_block(ranges.get(GROUP_RANGES, ranges.get(USER_RANGE)) or "")
    return DEFAULT_PROXY_ID if user is None else user, DEFAULT_PROXY_ID if group is None else group


def without_range_user(pod: Pod) -> Pod:
    """The pod whose proxy drops a user that is only the namespace's: one it shares with the application."""
    place = find_sidecar(pod)
    if place is None:
        return pod
    which, index, proxy = place
    context = proxy.get("securityContext")
    if not context or (context.get("runAsUser") or 0) != _application_user(pod):
        return pod
    kept = {key: value for key, value in context.items() if key not in ("runAsUser", "runAsGroup")}
    return with_container(pod, which, index, {**proxy, "securityContext": kept})


def _application_user(pod: Pod) -> int:
    user = 0
    for container in (*containers(pod), *containers(pod, "initContainers")):
        own = (container.get("securityContext") or {}).get("runAsUser")
        if own is not None and container["name"] not in _INJECTED:
            user = own
    return user


def _end_of_first_block(blocks: str) -> int | None:
    """The last id of the first of comma-separated blocks, `start/size` or `start-end`; None where one is malformed."""
    ends = [_end_of_block(block) for block in blocks.split(",")]
    return None if None in ends else ends[0]


def _end_of_block(block: str) -> int | None:
    parsed = _BLOCK.fullmatch(block.strip())
    if parsed is None:
        return None
    rest = int(parsed["rest"])
    end = int(parsed["start"]) + rest - 1 if parsed["kind"] == "/" else rest
    return end if end <= _LARGEST_ID else None
