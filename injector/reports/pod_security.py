"""The Pod Security level that a pod needs.

Source: https://kubernetes.io/docs/concepts/security/pod-security-standards/ as of Kubernetes 1.34: each control of the
tables Baseline and Restricted is one row here.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from injector.core.model import Container, JsonObject, Pod
from injector.core.pods import all_containers

ENFORCE_LABEL = "pod-security.kubernetes.io/enforce"
# From what allows least to what allows everything.
LEVELS = ("restricted", "baseline", "privileged")

_BASELINE_CAPABILITIES = frozenset(
    "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID "
    "SYS_CHROOT".split()
)
_SAFE_SYSCTLS = frozenset(
    "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start net.ipv4.tcp_syncookies "
    "net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout "
    "net.ipv4.tcp_keepalive_intvl net.ipv4.tcp_keepalive_probes net.ipv4.tcp_rmem net.ipv4.tcp_wmem".split()
)
_RESTRICTED_VOLUMES = frozenset(
    "configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret".split()
)
_SELINUX_TYPES = frozenset(("container_t", "container_init_t", "container_kvm_t", "container_engine_t"))


@dataclass(frozen=True, slots=True)
class Violation:
    """Why a pod is not allowed at `level`: `where` names the container, or the pod."""

    level: str
    where: str
    what: str


PodCheck: TypeAlias = Callable[[JsonObject], str | None]
"""From a pod's spec to what breaks a control, None where nothing does."""

ContainerCheck: TypeAlias = Callable[[Container, JsonObject], str | None]
"""The same, from a container and the spec of its pod."""


def violations(pod: Pod) -> Iterator[Violation]:
    """Every violation of the levels `baseline` and `restricted` by `pod`."""
    spec = pod.get("spec") or {}
    for level, check in POD_CHECKS:
        what = check(spec)
        if what:
            yield Violation(level, "the pod", what)
    for _, _, container in all_containers(pod):
        for level, check_container in CONTAINER_CHECKS:
            what = check_container(container, spec)
            if what:
                yield Violation(level, str(container.get("name")), what)


def required_level(found: list[Violation]) -> str:
    """The strictest level at which a pod with the violations `found` is still allowed."""
    if any(violation.level == "baseline" for violation in found):
        return "privileged"
    return "baseline" if found else "restricted"


def _context(of: JsonObject) -> JsonObject:
    found = of.get("securityContext")
    return found if isinstance(found, dict) else {}


def _part(context: JsonObject, key: str) -> JsonObject:
    found = context.get(key)
    return found if isinstance(found, dict) else {}


def _effective(container: Container, spec: JsonObject, key: str) -> Any:
    own = _context(container).get(key)
    return _context(spec).get(key) if own is None else own


def _host_namespaces(spec: JsonObject) -> str | None:
    shared = [field for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field) is True]
    return f"{', '.join(shared)}" if shared else None


def _host_paths(spec: JsonObject) -> str | None:
    named = [volume["name"] for volume in spec.get("volumes") or () if "hostPath" in volume]
    return f"hostPath volume {', '.join(named)}" if named else None


def _sysctls(spec: JsonObject) -> str | None:
    listed = _context(spec).get("sysctls")
    names = [str(each.get("name")) for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    unsafe = [name for name in names if name not in _SAFE_SYSCTLS]
    return f"sysctl {', '.join(unsafe)}" if unsafe else None


def _volume_types(spec: JsonObject) -> str | None:
    # A volume without a source is an emptyDir.
    kinds = {volume["name"]: {key for key in volume if key != "name"} for volume in spec.get("volumes") or ()}
    other = [name for name, kind in kinds.items() if kind and not kind & (_RESTRICTED_VOLUMES | {"hostPath"})]
    return f"volume {', '.join(other)} of another type than the restricted ones" if other else None


def _privileged(container: Container, _: JsonObject) -> str | None:
    return "privileged" if _context(container).get("privileged") is True else None


def _capabilities(container: Container, allowed: frozenset[str]) -> list[str]:
    added = _part(_context(container), "capabilities").get("add")
    return [name for name in map(str, added) if name not in allowed] if isinstance(added, list) else []


def _baseline_capabilities(container: Container, _: JsonObject) -> str | None:
    added = _capabilities(container, _BASELINE_CAPABILITIES)
    return f"capabilities {', '.join(added)}" if added else None


def _restricted_capabilities(container: Container, _: JsonObject) -> str | None:
    added = _capabilities(container, frozenset(("NET_BIND_SERVICE",)))
    dropped = _part(_context(container), "capabilities").get("drop")
    if added:
        return f"capabilities {', '.join(added)}"
    return None if isinstance(dropped, list) and "ALL" in dropped else "capabilities.drop lacks ALL"


def _host_ports(container: Container, _: JsonObject) -> str | None:
    ports = [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]
    return f"hostPort {', '.join(ports)}" if ports else None


def _proc_mount(container: Container, _: JsonObject) -> str | None:
    return "procMount" if _context(container).get("procMount") not in (None, "Default") else None


def _selinux(container: Container, spec: JsonObject) -> str | None:
    for options in (_part(_context(container), "seLinuxOptions"), _part(_context(spec), "seLinuxOptions")):
        kind = str(options.get("type") or "")
        if (kind and kind not in _SELINUX_TYPES) or options.get("user") or options.get("role"):
            return "seLinuxOptions"
    return None


def _unconfined(container: Container, spec: JsonObject) -> str | None:
    for field in ("seccompProfile", "appArmorProfile"):
        profile = _effective(container, spec, field)
        if isinstance(profile, dict) and profile.get("type") == "Unconfined":
            return f"{field} Unconfined"
    return None


def _seccomp(container: Container, spec: JsonObject) -> str | None:
    profile = _effective(container, spec, "seccompProfile")
    kind = profile.get("type") if isinstance(profile, dict) else None
    return None if kind in ("RuntimeDefault", "Localhost") else "no seccompProfile RuntimeDefault or Localhost"


def _escalation(container: Container, _: JsonObject) -> str | None:
    allowed = _context(container).get("allowPrivilegeEscalation")
    return None if allowed is False else "allowPrivilegeEscalation is not false"


def _non_root(container: Container, spec: JsonObject) -> str | None:
    if _effective(container, spec, "runAsUser") == 0:
        return "runAsUser 0"
    return None if _effective(container, spec, "runAsNonRoot") is True else "runAsNonRoot is not true"


POD_CHECKS: tuple[tuple[str, PodCheck], ...] = (
    ("baseline", _host_namespaces),
    ("baseline", _host_paths),
    ("baseline", _sysctls),
    ("restricted", _volume_types),
)
CONTAINER_CHECKS: tuple[tuple[str, ContainerCheck], ...] = (
    ("baseline", _privileged),
    ("baseline", _baseline_capabilities),
    ("baseline", _host_ports),
    ("baseline", _proc_mount),
    ("baseline", _selinux),
    ("baseline", _unconfined),
    ("restricted", _restricted_capabilities),
    ("restricted", _seccomp),
    ("restricted", _escalation),
    ("restricted", _non_root),
)
