"""Pods for policies: of all shapes that the API server takes, with values that try to be more than values."""

import random
from typing import Any

from injector.core.model import Pod

HOSTILE = (
    "",
    " ",
    "a: b\n- c",
    "'\"",
    '"}]',
    "{{ 7 * 7 }}",
    "{% raw %}",
    '" + object.spec.serviceAccountName + "',
    "true",
    "0",
    "08",
    "1e3",
    "null",
    "~",
    "\\n\\u0041\\",
    "\u2028\u00a0\ufeff",
    "\ue0000\ue001",
    "ǅ ß İ 😀",
    "\x1c padded \x1c",
    "x" * 200,
    "a,b, c ,,d",
    "$(HOST_IP) $$ $(X)",
    "8080",
    "65536",
    "+80",
    "1_000",
    "100m",
    "1.5Gi",
    "45s",
    "TRUE",
)


def random_pod(
    choice: random.Random, annotations: tuple[str, ...] = (), labels: tuple[str, ...] = (), names: tuple[str, ...] = ()
) -> Pod:
    """A pod that may have these annotations and labels, and containers and volumes of these names.

    It may be refused, for what it asks or for what a template makes of it.
    """

    def some(likely: float, **options: list[Any]) -> dict[str, Any]:
        return {key: choice.choice(values) for key, values in options.items() if choice.random() < likely}

    def distinct(pool: list[str], most: int) -> list[str]:
        return choice.sample(pool, choice.randint(0, min(most, len(pool))))

    volumes = distinct(["data", "cache", "conf", *names], 3)

    def container(name: str) -> dict[str, Any]:
        variables = [
            {"name": key, **choice.choice([{"value": choice.choice(HOSTILE)}, {}])}
            for key in distinct(["A", "B", "POD_NAME", "DEBUG", "OTEL", "Z"], 4)
        ]
        if variables and choice.random() < 0.2:
            variables.append({**variables[0], "value": "again"})
        ports = [{"containerPort": port} for port in choice.sample([80, 8080, 9000, 9090, 15020], choice.randint(0, 3))]
        mounts = [{"name": name, "mountPath": f"/{name}"} for name in volumes if choice.random() < 0.5]
        options = some(
            0.3,
            args=[["--flag"], ["-c", "x"]],
            command=[["/bin/app"]],
            resources=[{"limits": {"cpu": "1"}}, {"requests": {"memory": "64Mi", "cpu": "10m"}}],
            securityContext=[{"runAsUser": 1000}, {"runAsNonRoot": True, "capabilities": {"drop": ["ALL"]}}],
            readinessProbe=[{"httpGet": {"path": "/", "port": 80}}, {"exec": {"command": ["true"]}}],
            imagePullPolicy=["Always", "Never"],
        )
        lists = {"env": variables, "ports": ports, "volumeMounts": mounts}
        return {
            "name": name,
            "image": choice.choice(["registry.example/app:1", "auto", "app@sha256:" + "0" * 64]),
            **{key: items for key, items in lists.items() if items},
            **options,
        }

    pool = ["app", "web", "worker", "helper", *names]
    chosen = choice.sample(pool, choice.randint(1, min(4, len(pool))))
    divided = choice.randint(1, len(chosen))
    spec: dict[str, Any] = {
        "serviceAccountName": choice.choice(["default", "shop"]),
        "containers": [container(name) for name in chosen[:divided]],
        "volumes": [
            {"name": name, **choice.choice([{"emptyDir": {}}, {"configMap": {"name": "c"}}])} for name in volumes
        ],
    }
    if chosen[divided:]:
        spec["initContainers"] = [
            {**container(name), **some(0.3, restartPolicy=["Always"])} for name in chosen[divided:]
        ]
        for each in spec["initContainers"]:
            each.pop("readinessProbe", None)
    spec |= some(
        0.2,
        nodeSelector=[{"disk": "ssd"}],
        securityContext=[{"fsGroup": 5}],
        shareProcessNamespace=[True],
        terminationGracePeriodSeconds=[5],
        imagePullSecrets=[[{"name": "pull"}]],
        hostNetwork=[False],
    )
    metadata: dict[str, Any] = {
        "name": "shop",
        "labels": {"app": "shop", **some(0.5, **{k: ["x", "y", "1"] for k in labels})},
    }
    own = some(0.25, **{key: list(HOSTILE) for key in annotations})
    if own:
        metadata["annotations"] = own
    if choice.random() < 0.5:
        owner = choice.choice(
            [
                ("ReplicaSet", "apps/v1", "shop-5d8f"),
                ("Job", "batch/v1", "shop-28000000"),
                ("StatefulSet", "apps/v1", "shop"),
            ]
        )
        metadata |= {
            "generateName": "shop-",
            "ownerReferences": [
                {"kind": owner[0], "apiVersion": owner[1], "name": owner[2], "uid": "1", "controller": True}
            ],
        }
        metadata["labels"] |= some(0.8, **{"pod-template-hash": ["5d8f"]})
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def has_repeated_variables(pod: Pod) -> bool:
    """Whether a container has two variables of one name: the webhook's second pass puts those in another order."""
    every = [*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())]
    names = [[each["name"] for each in container.get("env") or ()] for container in every]
    return any(len(set(found)) < len(found) for found in names)
