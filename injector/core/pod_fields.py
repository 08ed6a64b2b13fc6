"""The fields of a Pod that a template may write, down to containers and volumes; deeper ones are the API server's.

Source: Kubernetes API reference v1.37, Pod v1 core, https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/
"""

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from injector.core.model import JsonObject

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
