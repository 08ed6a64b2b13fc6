"""What has been rendered, as the Kubernetes objects that bring it into a cluster."""

from collections.abc import Iterator

from injector.core.model import JsonObject
from injector.core.yaml.writer import write
from injector.gateway.render import Rendered


def manifests(rendered: Rendered, name: str, namespace: str) -> Iterator[JsonObject]:
    """A ConfigMap of Envoy's files, as the template `envoy-gateway` mounts it, and the Services that are needed."""
    yield {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace},
        "data": {file: write(content) for file, content in rendered.files.items()},
    }
    yield from rendered.services
