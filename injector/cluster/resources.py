"""The kinds of objects that are read or written, and where the API server has them.

Source: https://kubernetes.io/docs/reference/using-api/api-concepts/#resource-uris
"""

from dataclasses import dataclass
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind: `plural` is its name in URLs."""

    api_version: str
    kind: str
    plural: str

    def path(self, namespace: str = "", name: str = "") -> str:
        """The URL path of all objects, of those in `namespace`, or of the one called `name`."""
        root = "api" if "/" not in self.api_version else "apis"
        parts = [root, self.api_version, *(("namespaces", quote(namespace)) if namespace else ()), self.plural]
        return "/" + "/".join([*parts, *((quote(name),) if name else ())])


NAMESPACES = Resource("v1", "Namespace", "namespaces")
NODES = Resource("v1", "Node", "nodes")
PODS = Resource("v1", "Pod", "pods")
SECRETS = Resource("v1", "Secret", "secrets")
SERVICES = Resource("v1", "Service", "services")
EVENTS = Resource("v1", "Event", "events")
ENDPOINT_SLICES = Resource("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
LEASES = Resource("coordination.k8s.io/v1", "Lease", "leases")
PROXY_CONFIGS = Resource("networking.istio.io/v1beta1", "ProxyConfig", "proxyconfigs")
WEBHOOK_CONFIGURATIONS = Resource(
    "admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations"
)

REPLICA_SETS = Resource("apps/v1", "ReplicaSet", "replicasets")

# Kinds that make pods and can be read in every cluster.
WORKLOADS = (
    Resource("apps/v1", "Deployment", "deployments"),
    REPLICA_SETS,
    Resource("apps/v1", "StatefulSet", "statefulsets"),
    Resource("apps/v1", "DaemonSet", "daemonsets"),
    Resource("batch/v1", "CronJob", "cronjobs"),
    Resource("batch/v1", "Job", "jobs"),
    Resource("v1", "ReplicationController", "replicationcontrollers"),
    PODS,
)
