"""Pods that an API server refuses, one for each rule, with words of what is said of them here."""

from typing import Any

from injector.core.model import JsonObject, Pod
from tests.support import pod_of


def with_container(**container: Any) -> Pod:
    return pod_of(container=container)


def with_init(**container: Any) -> Pod:
    return pod_of(initContainers=[{"name": "first", "image": "x", **container}])


def with_volumes(*volumes: JsonObject) -> Pod:
    return pod_of(volumes=list(volumes))


HTTP, EXEC = {"httpGet": {"port": 80}}, {"exec": {"command": ["true"]}}
FIELD, KEY = {"fieldRef": {"fieldPath": "metadata.name"}}, {"configMapKeyRef": {"name": "m", "key": "k"}}
EMPTY: JsonObject = {"name": "v", "emptyDir": {}}
AMOUNTS = {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}

REFUSED: dict[str, tuple[Pod, str]] = {
    "a label that is too long": (pod_of(labels={"a": "x" * 64}), "metadata.labels[a]: must have at most 63 characters"),
    "a label with a space": (pod_of(labels={"a": "x y"}), "metadata.labels[a]: 'x y' is not a label value"),
    "too many annotations": (pod_of(annotations={"a": "x" * 262_144}), "metadata.annotations: 262,145 bytes"),
    "an unknown restart policy": (pod_of(restartPolicy="Sometimes"), "spec.restartPolicy: must be one of Always"),
    "an unknown DNS policy": (pod_of(dnsPolicy="Mine"), "spec.dnsPolicy: must be one of ClusterFirst"),
    "two volumes of one name": (with_volumes(EMPTY, EMPTY), "spec.volumes: 'v' is the name of two volumes"),
    "a volume of two types": (
        with_volumes({**EMPTY, "secret": {"secretName": "s"}}),
        "spec.volumes[v]: has 2 volume types, emptyDir, secret; one is valid",
    ),
    "a volume's name": (
        with_volumes({"name": "V_1", "emptyDir": {}}),
        "spec.volumes[V_1]: the name is not a DNS label",
    ),
    "a Secret without a name": (
        with_volumes({"name": "v", "secret": {}}),
        "spec.volumes[v].secret.secretName: is required",
    ),
    "a claim without a name": (
        with_volumes({"name": "v", "persistentVolumeClaim": {}}),
        "spec.volumes[v].persistentVolumeClaim.claimName: is required",
    ),
    "a short-lived token": (
        with_volumes(
            {"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 60}}]}}
        ),
        "expirationSeconds: must be at least 600, got 60",
    ),
    "a projection of two sources": (
        with_volumes({"name": "v", "projected": {"sources": [{"secret": {"name": "s"}, "configMap": {"name": "m"}}]}}),
        "spec.volumes[v].projected.sources[0]: has 2 sources, secret, configMap",
    ),
    "a container's name": (
        pod_of(initContainers=[{"name": "First_1", "image": "x"}]),
        "spec.initContainers[First_1]: the name is not a DNS label",
    ),
    "two containers of one name": (
        pod_of(initContainers=[{"name": "app", "image": "x"}]),
        "spec.containers: 'app' is the name of two containers",
    ),
    "no image": (with_container(image=""), "spec.containers[app].image: is required"),
    "an unknown pull policy": (
        with_container(imagePullPolicy="Often"),
        "spec.containers[app].imagePullPolicy: must be one of Always, IfNotPresent, Never, got 'Often'",
    ),
    "a port above all": (
        with_container(ports=[{"containerPort": 70_000}]),
        "spec.containers[app].ports[70000].containerPort: must be a number from 1 to 65535, got 70000",
    ),
    "no port": (with_container(ports=[{"name": "http"}]), "spec.containers[app].ports[http].containerPort: must be"),
    "a port's name": (
        with_container(ports=[{"containerPort": 80, "name": "a-very-long-name"}]),
        "ports[a-very-long-name].name: must be at most 15",
    ),
    "a port's protocol": (
        with_container(ports=[{"containerPort": 80, "protocol": "HTTP"}]),
        "ports[80].protocol: must be one of TCP, UDP, SCTP, got 'HTTP'",
    ),
    "two ports of one name": (
        with_container(ports=[{"containerPort": 80, "name": "a"}, {"containerPort": 81, "name": "a"}]),
        "spec.containers[app].ports: 'a' is the name of two port names",
    ),
    "a port of the node twice": (
        with_container(ports=[{"containerPort": 80, "hostPort": 8080}, {"containerPort": 81, "hostPort": 8080}]),
        "spec.containers[app].ports: hostPort 8080/TCP is claimed twice",
    ),
    "a variable with value and source": (
        with_container(env=[{"name": "A", "value": "x", "valueFrom": FIELD}]),
        "spec.containers[app].env[A]: has both value and valueFrom",
    ),
    "a variable of two sources": (
        with_container(env=[{"name": "A", "valueFrom": {**FIELD, **KEY}}]),
        "spec.containers[app].env[A].valueFrom: has 2 sources, fieldRef, configMapKeyRef",
    ),
    "a variable of no source": (
        with_container(env=[{"name": "A", "valueFrom": {}}]),
        "spec.containers[app].env[A].valueFrom: has no source; one is required",
    ),
    "a variable without a name": (with_container(env=[{"name": ""}]), "env: '' is not the name of a variable"),
    "a request above its limit": (
        with_container(resources={"requests": {"memory": "1Gi"}, "limits": {"memory": "1000Mi"}}),
        "spec.containers[app].resources.requests.memory: 1Gi is more than the limit, 1000Mi",
    ),
    "a negative amount": (
        with_container(resources={"requests": {"cpu": "-1"}}),
        "spec.containers[app].resources.requests.cpu: must not be negative, got '-1'",
    ),
    "no quantity": (
        with_container(resources={"limits": {"cpu": "much"}}),
        "spec.containers[app].resources.limits.cpu: 'much' is not a quantity",
    ),
    "less for the pod than for a container": (
        pod_of(container={"resources": {"requests": {"cpu": "200m"}}}, resources=AMOUNTS),
        "spec.resources.requests.cpu: 100m is less than what the containers request together",
    ),
    "a limit for the pod below what a container requests": (
        pod_of(container={"resources": {"requests": {"cpu": "200m"}}}, resources={"limits": {"cpu": "100m"}}),
        "spec.resources.limits.cpu: 100m is less than what the containers request together",
    ),
    "a limit above the pod's": (
        pod_of(container={"resources": {"requests": {"cpu": "50m"}, "limits": {"cpu": "300m"}}}, resources=AMOUNTS),
        "spec.containers[app].resources.limits.cpu: 300m is more than the pod's limit, 200m",
    ),
    "privileged without escalation": (
        with_container(securityContext={"privileged": True, "allowPrivilegeEscalation": False}),
        "spec.containers[app].securityContext: privileged needs allowPrivilegeEscalation",
    ),
    "an administrator without escalation": (
        with_container(securityContext={"capabilities": {"add": ["CAP_SYS_ADMIN"]}, "allowPrivilegeEscalation": False}),
        "spec.containers[app].securityContext: CAP_SYS_ADMIN needs allowPrivilegeEscalation",
    ),
    "a user below all": (
        with_container(securityContext={"runAsUser": -1}),
        "spec.containers[app].securityContext.runAsUser: must be a number from 0",
    ),
    "a mount of no volume": (
        with_container(volumeMounts=[{"name": "gone", "mountPath": "/x"}]),
        "spec.containers[app].volumeMounts[gone]: there is no volume 'gone'",
    ),
    "a mount without a place": (
        pod_of(container={"volumeMounts": [{"name": "v"}]}, volumes=[EMPTY]),
        "spec.containers[app].volumeMounts[v].mountPath: is required",
    ),
    "two mounts in one place": (
        pod_of(
            container={"volumeMounts": [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x"}]},
            volumes=[EMPTY],
        ),
        "spec.containers[app].volumeMounts[v].mountPath: '/x' is mounted twice",
    ),
    "a probe of two kinds": (
        with_container(readinessProbe={**HTTP, **EXEC}),
        "spec.containers[app].readinessProbe: has 2 handlers, exec, httpGet; one is valid",
    ),
    "a probe of no kind": (
        with_container(livenessProbe={"periodSeconds": 1}),
        "spec.containers[app].livenessProbe: has no handler; one is required",
    ),
    "a probe of a port above all": (
        with_container(startupProbe={"tcpSocket": {"port": 70_000}}),
        "spec.containers[app].startupProbe.tcpSocket.port: must be a number from 1 to 65535",
    ),
    "a negative period": (
        with_container(readinessProbe={**HTTP, "periodSeconds": -1}),
        "spec.containers[app].readinessProbe.periodSeconds: must not be negative, got -1",
    ),
    "a liveness probe that has to succeed twice": (
        with_container(livenessProbe={**HTTP, "successThreshold": 2}),
        "spec.containers[app].livenessProbe.successThreshold: must be 1, got 2",
    ),
    "a hook of two kinds": (
        with_container(lifecycle={"preStop": {**HTTP, **EXEC}}),
        "spec.containers[app].lifecycle.preStop: has 2 handlers",
    ),
    "a probe of an init container": (
        with_init(readinessProbe=HTTP),
        "spec.initContainers[first].readinessProbe: an init container has probes only with restartPolicy Always",
    ),
    "a hook of an init container": (
        with_init(lifecycle={"postStart": EXEC}),
        "spec.initContainers[first].lifecycle: an init container has it only with restartPolicy Always",
    ),
}

ADMITTED: dict[str, Pod] = {
    "plain": pod_of(),
    "a sidecar with a probe": with_init(restartPolicy="Always", readinessProbe=HTTP, lifecycle={"preStop": EXEC}),
    "a volume without a source": with_volumes({"name": "v"}),
    "a variable with an empty value and a source": with_container(env=[{"name": "A", "value": "", "valueFrom": FIELD}]),
    "a limit alone": with_container(resources={"limits": {"cpu": 1, "memory": "1e9"}}),
    "a request that is its limit": with_container(resources={"requests": {"cpu": 1}, "limits": {"cpu": "1000m"}}),
    "enough for the pod": pod_of(
        container={"resources": {"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}}}, resources=AMOUNTS
    ),
    "a port of two protocols": with_container(
        ports=[{"containerPort": 53, "protocol": "UDP", "hostPort": 53}, {"containerPort": 53, "hostPort": 53}]
    ),
    "one volume in two places": pod_of(
        container={"volumeMounts": [{"name": "v", "mountPath": "/x"}, {"name": "v", "mountPath": "/x/"}]},
        volumes=[EMPTY],
    ),
    "a label without a value": pod_of(labels={"a": ""}),
    "a readiness probe that has to succeed twice": with_container(readinessProbe={**HTTP, "successThreshold": 2}),
}
