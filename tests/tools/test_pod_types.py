"""The types of a Pod are those of the Kubernetes release that the tests know."""

from injector.core.pod_types import FIELDS
from tools.pod_types import MODULE, module_text


def test_the_module_is_what_the_openapi_document_says() -> None:
    assert MODULE.read_text(encoding="utf-8") == module_text()


def test_required_fields_lists_and_mappings() -> None:
    assert {"name!", "ports:[ContainerPort]", "image"} <= set(FIELDS["Container"].split())
    assert {"nodeSelector:{string}", "containers!:[Container]"} <= set(FIELDS["PodSpec"].split())
    assert "port!:port" in FIELDS["HTTPGetAction"].split()
