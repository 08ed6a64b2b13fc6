"""The fields of a Pod as the API server checks them, each by itself: types, values, names, and which are required.

Names and types are generated (`pod_types`). What OpenAPI does not say is in the tables here. Source: the validation of
the Pod API, https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/, and the constraints that
its descriptions of fields name.
"""

import re
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from typing import Any

from injector.core.pod_rules import RULES
from injector.core.pod_types import FIELDS
from injector.core.quantity import canonical_quantity
from injector.core.validation import (
    ANYTHING,
    BOOLEAN,
    FILLED_STRING,
    STRING,
    Finding,
    Listed,
    Mapped,
    Message,
    Scalar,
    Type,
    check,
    one_of,
)

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.{1,15}\Z)(?=.*[a-z])(?!.*--)[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUALIFIED_NAME = re.compile(r"((?P<prefix>[^/]*)/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_VARIABLE = re.compile(r"[^=\x00-\x1f\x7f]+")
_HUGE_PAGES = re.compile(r"HugePages(-[0-9]+[KMGT]i)?")
_FIELD_PATH = re.compile(
    r"metadata\.(name|namespace|uid)|metadata\.(labels|annotations)(\['[^']+'\])?|spec\.(nodeName|serviceAccountName)"
    r"|status\.(hostIPs?|podIPs?)"
)
_RELATIVE_PATH = re.compile(r"(?!/)(?!(.*/)?\.\.(/|\Z)).*")
_RESOURCE = re.compile(r"cpu|memory|ephemeral-storage|hugepages-.+|[^/]+/[^/]+")
_UNPADDED = re.compile(r"\S(.*\S)?")
_HIGHEST_PORT, _HIGHEST_ID = 65_535, 2**31 - 1


def _matching(pattern: re.Pattern[str], expected: str) -> Scalar:
    return Scalar(expected, lambda value: isinstance(value, str) and bool(pattern.fullmatch(value)), STRING.schema)


def _integer(least: int, most: int, noun: str = "an integer") -> Scalar:
    """A whole number; a boolean is none."""
    schema = {"type": "integer", "minimum": least, "maximum": most}
    return Scalar(f"{noun} from {least} to {most}", lambda value: type(value) is int and least <= value <= most, schema)


def _is_qualified_name(value: Any) -> bool:
    match = _QUALIFIED_NAME.fullmatch(value) if isinstance(value, str) else None
    return match is not None and (match["prefix"] is None or _SUBDOMAIN.fullmatch(match["prefix"]) is not None)


def _is_quantity(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return False
    try:
        return bool(canonical_quantity(str(value)))
    except ValueError:
        return False


def _is_address(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(ip_address(value))
    except ValueError:
        return False


NAME = _matching(_LABEL, "a name of at most 63 lower-case letters, digits and '-'")
OBJECT_NAME = _matching(_SUBDOMAIN, "an object's name of lower-case letters, digits, '-' and '.'")
PORT_NAME = _matching(_PORT_NAME, "a port's name of at most 15 lower-case letters, digits and '-', a letter among them")
LABEL_VALUE = _matching(
    _LABEL_VALUE, "at most 63 letters, digits, '-', '_' and '.', with a letter or digit at the ends"
)
KEY = Scalar(
    "a name of at most 63 letters, digits, '-', '_' and '.', behind a domain and '/' if any",
    _is_qualified_name,
    STRING.schema,
)
PORT = _integer(1, _HIGHEST_PORT, "a port number")
PORT_OR_NAME = Scalar(
    f"a port number from 1 to {_HIGHEST_PORT} or a port's name",
    lambda value: PORT.accepts(value) or PORT_NAME.accepts(value),
)
QUANTITY = Scalar("a quantity, such as 100m, 0.5, 128Mi or 1G", _is_quantity)
_ADDRESS = Scalar("an IP address", _is_address, STRING.schema)
_IMAGE = _matching(_UNPADDED, "a string without spaces at its ends")
_PATH = _matching(_RELATIVE_PATH, "a relative path without '..'")
_AMOUNTS = Mapped(QUANTITY, _matching(_RESOURCE, "a resource: cpu, memory, or one of a domain, such as nvidia.com/gpu"))
_COUNT = _integer(0, 2**31 - 1)
_POSITIVE = _integer(1, 2**31 - 1)
_ID = _integer(0, _HIGHEST_ID)
_MODE = _integer(0, 0o777, "a file mode")
_PULL_POLICY = one_of("Always", "IfNotPresent", "Never")
_CACHING = one_of("None", "ReadOnly", "ReadWrite")
_SIGNALS = (
    "SIGABRT SIGALRM SIGBUS SIGCHLD SIGCLD SIGCONT SIGFPE SIGHUP SIGILL SIGINT SIGIO SIGIOT SIGKILL SIGPIPE SIGPOLL "
    "SIGPROF SIGPWR SIGQUIT SIGSEGV SIGSTKFLT SIGSTOP SIGSYS SIGTERM SIGTRAP SIGTSTP SIGTTIN SIGTTOU SIGURG SIGUSR1 "
    "SIGUSR2 SIGVTALRM SIGWINCH SIGXCPU SIGXFSZ SIGRTMIN SIGRTMAX"
).split()
_REAL_TIME = (*(f"SIGRTMIN+{n}" for n in range(1, 16)), *(f"SIGRTMAX-{n}" for n in range(1, 15)))
_SIGNAL = Scalar("a signal, such as SIGTERM or SIGUSR1", frozenset((*_SIGNALS, *_REAL_TIME)).__contains__)

# Types that OpenAPI knows by one name.
_TYPES: Mapping[str, Type] = {
    "any": ANYTHING,
    "boolean": BOOLEAN,
    "int32": _integer(-(2**31), 2**31 - 1),
    "int64": _integer(-(2**63), 2**63 - 1),
    "port": PORT_OR_NAME,
    "quantity": QUANTITY,
    "string": STRING,
}

# Values that a field may have, where they are fewer than its type has.
_VALUES: Mapping[str, Type] = {
    "AppArmorProfile.type": one_of("Localhost", "RuntimeDefault", "Unconfined"),
    "AzureDiskVolumeSource.cachingMode": _CACHING,
    "AzureDiskVolumeSource.kind": one_of("Shared", "Dedicated", "Managed"),
    "Container.image": _IMAGE,
    "Container.imagePullPolicy": _PULL_POLICY,
    "Container.name": NAME,
    "Container.restartPolicy": one_of("Always", "OnFailure", "Never"),
    "Container.terminationMessagePolicy": one_of("File", "FallbackToLogsOnError"),
    "ContainerPort.containerPort": PORT,
    "ContainerPort.hostPort": _integer(0, _HIGHEST_PORT, "a port number"),
    "ContainerPort.name": PORT_NAME,
    "ContainerPort.protocol": one_of("TCP", "UDP", "SCTP"),
    "ContainerResizePolicy.resourceName": one_of("cpu", "memory"),
    "ContainerResizePolicy.restartPolicy": one_of("NotRequired", "RestartContainer"),
    "ContainerRestartRule.action": one_of("Restart", "RestartAllContainers"),
    "ContainerRestartRuleOnExitCodes.operator": one_of("In", "NotIn"),
    "DownwardAPIVolumeFile.path": _PATH,
    "EmptyDirVolumeSource.medium": Scalar(
        "one of '', 'Memory', 'HugePages', or HugePages with a size, such as 'HugePages-2Mi'",
        lambda value: value in ("", "Memory") or (isinstance(value, str) and bool(_HUGE_PAGES.fullmatch(value))),
    ),
    "EmptyDirVolumeSource.mode": _integer(0, 0o1777, "a file mode"),
    "EnvVar.name": _matching(_VARIABLE, "a variable's name, which is not empty and has no '='"),
    "GRPCAction.port": PORT,
    "HTTPGetAction.scheme": one_of("HTTP", "HTTPS"),
    "HTTPHeader.name": FILLED_STRING,
    "HostAlias.ip": _ADDRESS,
    "HostPathVolumeSource.path": FILLED_STRING,
    "HostPathVolumeSource.type": one_of(
        *("", "DirectoryOrCreate", "Directory", "FileOrCreate", "File", "Socket", "CharDevice", "BlockDevice")
    ),
    "ImageVolumeSource.pullPolicy": _PULL_POLICY,
    "KeyToPath.path": _PATH,
    "LabelSelectorRequirement.key": KEY,
    "LabelSelectorRequirement.operator": one_of("In", "NotIn", "Exists", "DoesNotExist"),
    "Lifecycle.stopSignal": _SIGNAL,
    "NodeSelectorRequirement.operator": one_of("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    "ObjectMeta.annotations": Mapped(STRING, KEY, items="strings to strings"),
    "ObjectMeta.labels": Mapped(LABEL_VALUE, KEY),
    "ObjectFieldSelector.fieldPath": _matching(_FIELD_PATH, "a field such as metadata.name or status.podIP"),
    "PersistentVolumeClaimSpec.volumeMode": one_of("Block", "Filesystem"),
    "Pod.apiVersion": one_of("v1"),
    "Pod.kind": one_of("Pod"),
    "PodCertificateProjection.keyType": one_of(*"RSA3072 RSA4096 ECDSAP256 ECDSAP384 ECDSAP521 ED25519".split()),
    "PodDNSConfig.nameservers": Listed(_ADDRESS),
    "PodOS.name": one_of("linux", "windows"),
    "PodSecurityContext.fsGroupChangePolicy": one_of("OnRootMismatch", "Always"),
    "PodSecurityContext.seLinuxChangePolicy": one_of("MountOption", "Recursive"),
    "PodSecurityContext.supplementalGroups": Listed(_ID),
    "PodSecurityContext.supplementalGroupsPolicy": one_of("Merge", "Strict"),
    "PodSpec.activeDeadlineSeconds": _POSITIVE,
    "PodSpec.dnsPolicy": one_of("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"),
    "PodSpec.hostname": NAME,
    "PodSpec.nodeSelector": Mapped(LABEL_VALUE, KEY),
    "PodSpec.preemptionPolicy": one_of("Never", "PreemptLowerPriority"),
    "PodSpec.restartPolicy": one_of("Always", "OnFailure", "Never"),
    "PodSpec.subdomain": NAME,
    "PodSpec.terminationGracePeriodSeconds": _integer(0, 2**63 - 1),
    "Probe.terminationGracePeriodSeconds": _POSITIVE,
    "ResourceRequirements.limits": _AMOUNTS,
    "ResourceRequirements.requests": _AMOUNTS,
    "SeccompProfile.type": one_of("Localhost", "RuntimeDefault", "Unconfined"),
    "SecurityContext.procMount": one_of("Default", "Unmasked"),
    "ServiceAccountTokenProjection.expirationSeconds": _integer(600, 2**32),
    "SleepAction.seconds": _integer(0, 2**63 - 1),
    "Toleration.effect": one_of("", "NoSchedule", "PreferNoSchedule", "NoExecute"),
    "Toleration.operator": one_of("", "Exists", "Equal", "Lt", "Gt"),
    "TopologySpreadConstraint.maxSkew": _POSITIVE,
    "TopologySpreadConstraint.minDomains": _POSITIVE,
    "TopologySpreadConstraint.nodeAffinityPolicy": one_of("Honor", "Ignore"),
    "TopologySpreadConstraint.nodeTaintsPolicy": one_of("Honor", "Ignore"),
    "TopologySpreadConstraint.whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
    "Volume.name": NAME,
    "VolumeDevice.devicePath": FILLED_STRING,
    "VolumeMount.mountPath": Scalar(
        "a path that is not empty and has no ':'",
        lambda value: isinstance(value, str) and value != "" and ":" not in value,
        STRING.schema,
    ),
    "VolumeMount.mountPropagation": one_of("None", "HostToContainer", "Bidirectional"),
    "VolumeMount.recursiveReadOnly": one_of("Disabled", "IfPossible", "Enabled"),
    "VolumeMount.subPath": _PATH,
}
# The same for fields of whatever type.
_VALUES_BY_FIELD: Mapping[str, Type] = {
    "accessModes": Listed(one_of("ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod")),
    "claimName": OBJECT_NAME,
    "defaultMode": _MODE,
    "failureThreshold": _COUNT,
    "fsGroup": _ID,
    "initialDelaySeconds": _COUNT,
    "mode": _MODE,
    "periodSeconds": _COUNT,
    "priorityClassName": OBJECT_NAME,
    "runAsGroup": _ID,
    "runAsUser": _ID,
    "runtimeClassName": OBJECT_NAME,
    "secretName": OBJECT_NAME,
    "serviceAccountName": OBJECT_NAME,
    "successThreshold": _COUNT,
    "timeoutSeconds": _COUNT,
    "weight": _integer(1, 100),
}

# Fields of which at most one may be set.
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "EnvFromSource": ("configMapRef", "secretRef"),
    "EnvVarSource": ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef"),
    "LifecycleHandler": ("exec", "httpGet", "tcpSocket", "sleep"),
    "Probe": _HANDLERS,
    "VolumeMount": ("subPath", "subPathExpr"),
}
# What has one source: a volume is named, and has at most one of its other fields.
_ONE_SOURCE = ("Volume", "VolumeProjection")

# What the API server asks for beside what OpenAPI marks.
_REQUIRED: Mapping[str, tuple[str, ...]] = {
    "ConfigMapEnvSource": ("name",),
    "ConfigMapKeySelector": ("name",),
    "ConfigMapProjection": ("name",),
    "ConfigMapVolumeSource": ("name",),
    "Container": ("image",),
    "EphemeralContainer": ("image",),
    "ExecAction": ("command",),
    "SecretEnvSource": ("name",),
    "SecretKeySelector": ("name",),
    "SecretProjection": ("name",),
    "SecretVolumeSource": ("secretName",),
}


SIDECARS = "sidecars"
"""The key of an overlay's spec for containers that are native sidecars where the nodes can run them."""


@cache
def pod_type(*, is_whole: bool) -> Message:
    """The type of a Pod.

    One that is not whole is an overlay, merged into another: fields may be missing or unknown, and its names, which may
    come from the other pod, any string. Its spec may have SIDECARS.
    """
    return _message("Pod", is_whole=is_whole)


def pod_findings(pod: Mapping[str, Any]) -> list[Finding]:
    """Every field of a whole pod that is missing, unknown, or of a value that it cannot have.

    What fields have to be together is in `pod_validation`.
    """
    return check(pod_type(is_whole=True), pod)


@cache
def _message(name: str, *, is_whole: bool) -> Message:
    fields: dict[str, Type] = {}
    required = [*_REQUIRED.get(name, ())]
    for field in FIELDS[name].split():
        declared, _, kind = field.partition(":")
        if declared.endswith("!"):
            required.append(declared[:-1])
        fields[declared.rstrip("!")] = _field_type(name, declared.rstrip("!"), kind or "string", is_whole=is_whole)
    if name == "PodSpec" and not is_whole:
        fields[SIDECARS] = fields["containers"]
    sources = tuple(each for each in fields if each != "name") if name in _ONE_SOURCE else _CHOICES.get(name)
    return Message(
        fields,
        required=tuple(required) if is_whole else (),
        choices=(sources,) if sources else (),
        rules=RULES.get(name, ()) if is_whole else (),
        is_open=not is_whole,
        noun="a mapping",
    )


def _field_type(owner: str, field: str, kind: str, *, is_whole: bool) -> Type:
    own = _VALUES.get(f"{owner.removeprefix('Ephemeral')}.{field}") or _VALUES_BY_FIELD.get(field)
    is_name = isinstance(own, Mapped) or (own is not None and own.schema.get("type") == STRING.schema["type"])
    return own if own and (is_whole or not is_name) else _type(kind, is_whole=is_whole)


def _type(kind: str, *, is_whole: bool) -> Type:
    if kind.startswith("["):
        return Listed(_type(kind[1:-1], is_whole=is_whole))
    if kind.startswith("{"):
        return Mapped(_type(kind[1:-1], is_whole=is_whole))
    return _TYPES.get(kind) or _message(kind, is_whole=is_whole)
