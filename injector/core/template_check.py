"""Templates are tried before they go live: compiled, rendered for sample pods, and held against the fields of a Pod."""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from injector.core.admission import Setup
from injector.core.model import Config, JsonObject, Pod, Workload
from injector.core.render import RenderingError, TemplateFault, TemplateFaults
from injector.core.render.context import SCOPE_NAMES, TemplateInput, pod_view, proxy_config_view, scope_of

# The fields of a Pod that a template may write, down to containers and volumes; deeper ones are the API server's.
# Source: Kubernetes API reference v1.37, Pod v1 core, https://kubernetes.io/docs/reference/kubernetes-api/workload-
# resources/pod-v1/

_POD = frozenset("apiVersion kind metadata spec".split())
_METADATA = frozenset("name generateName namespace labels annotations finalizers ownerReferences".split())
_SPEC = frozenset(
    "activeDeadlineSeconds affinity automountServiceAccountToken containers dnsConfig dnsPolicy enableServiceLinks "
    "ephemeralContainers hostAliases hostIPC hostNetwork hostPID hostUsers hostname hostnameOverride imagePullSecrets "
    "initContainers nodeName nodeSelector os overhead preemptionPolicy priority priorityClassName readinessGates "
    "resourceClaims resources restartPolicy runtimeClassName schedulerName schedulingGates schedulingGroup "
    "securityContext serviceAccount serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain "
    "terminationGracePeriodSeconds tolerations topologySpreadConstraints volumes workloadRef".split()
)
_CONTAINER = frozenset(
    "args command env envFrom image imagePullPolicy lifecycle livenessProbe name ports readinessProbe resizePolicy "
    "resources restartPolicy restartPolicyRules securityContext startupProbe stdin stdinOnce terminationMessagePath "
    "terminationMessagePolicy tty volumeDevices volumeMounts workingDir".split()
)
_VOLUME = frozenset(
    "awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI emptyDir ephemeral fc flexVolume "
    "flocker gcePersistentDisk gitRepo glusterfs hostPath image iscsi name nfs persistentVolumeClaim "
    "photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageos vsphereVolume".split()
)
_LISTS = {"containers": _CONTAINER, "initContainers": _CONTAINER, "volumes": _VOLUME}


def unknown_fields(overlay: JsonObject) -> Iterator[tuple[str, str]]:
    """Each field of `overlay` that a Pod does not have: its name, and a message with its path and what was meant."""
    yield from _unknown(overlay, _POD, "")
    yield from _unknown(overlay.get("metadata"), _METADATA, "metadata.")
    spec = overlay.get("spec")
    yield from _unknown(spec, _SPEC, "spec.")
    for which, known in _LISTS.items():
        for index, item in enumerate((spec.get(which) if isinstance(spec, dict) else None) or ()):
            yield from _unknown(item, known, f"spec.{which}[{index}].")


def _unknown(mapping: Any, known: frozenset[str], path: str) -> Iterator[tuple[str, str]]:
    for field in mapping if isinstance(mapping, dict) else ():
        if field in known or field.startswith("$"):
            continue
        close = get_close_matches(field, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"valid: {', '.join(sorted(known))}"
        yield field, f"{path}{field}: a Pod has no such field; {hint}"


_RICH_CONTAINER: dict[str, Any] = {
    "name": "app",
    "image": "registry.example/app:1",
    "args": ["--verbose"],
    "ports": [{"name": "http", "containerPort": 8080}, {"containerPort": 9090, "protocol": "UDP"}],
    "env": [{"name": "MODE", "value": "test"}],
    "readinessProbe": {"httpGet": {"path": "/ready", "port": "http"}},
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    "resources": {"limits": {"cpu": "1"}},
}

# The least that a pod can be, one that uses much of what templates look at, and one with two containers.
SAMPLE_PODS: tuple[Pod, ...] = (
    {"spec": {"containers": [{"name": "app", "image": "app"}]}},
    {
        "metadata": {"generateName": "app-", "labels": {"app": "app", "version": "v1"}, "annotations": {"note": "one"}},
        "spec": {
            "serviceAccountName": "app",
            "containers": [_RICH_CONTAINER],
            "initContainers": [{"name": "prepare", "image": "prepare"}],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    },
    {"metadata": {"name": "two"}, "spec": {"containers": [{"name": "one", "image": "a"}, _RICH_CONTAINER]}},
)


def template_faults(setup: Setup) -> list[TemplateFault]:
    """All that is wrong with the templates of `setup`; empty where they can go live.

    Those that do not compile are not rendered. A template that refuses a sample pod on purpose is not at fault.
    """
    found = _compilation_faults(setup)
    broken = {fault.template for fault in found}
    tried = (fault for name in setup.templates.names if name not in broken for fault in _trial(setup, name))
    return list(dict.fromkeys((*found, *tried)))


def _compilation_faults(setup: Setup) -> list[TemplateFault]:
    try:
        setup.templates.check(SCOPE_NAMES)
    except TemplateFaults as faults:
        return list(faults.faults)
    return []


def _trial(setup: Setup, name: str) -> Iterator[TemplateFault]:
    for pod in SAMPLE_PODS:
        try:
            overlay = setup.templates.render(name, scope_of(_input(setup, pod)))
        except RenderingError as error:
            if not error.is_refusal:
                yield TemplateFault(name, error.line or 1, str(error.__cause__ or error))
            continue
        for field, message in unknown_fields(overlay):
            yield TemplateFault(name, _line_of(_text_of(setup.config, name), field), message)


def _input(setup: Setup, pod: Pod) -> TemplateInput:
    # A view of its own is no usual one: what is tried is the whole template, not what is left of it for most pods.
    proxy_config = proxy_config_view(setup.config.mesh_config["defaultConfig"])
    return TemplateInput(
        pod=pod_view(pod),
        workload=Workload("app", "default", "Deployment", "apps/v1"),
        configured=setup.configured,
        proxy_config=proxy_config,
        native_sidecars=False,
        proxy_uid=1337,
        proxy_gid=1337,
        namespace={},
    )


def _text_of(config: Config, name: str) -> str:
    return config.go_templates[name] if name in config.go_templates else config.templates[name]


def _line_of(text: str, field: str) -> int:
    return next((number for number, line in enumerate(text.splitlines(), 1) if f"{field}:" in line), 1)
