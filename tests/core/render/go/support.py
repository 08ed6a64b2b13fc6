"""Rendering Go templates for tests: as text, and as documents."""

import re
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ClassVar

from jinja2 import Template

from injector.core.render import TemplateSet
from injector.core.render.functions import FILTERS
from injector.core.render.go.data import constant_names, pod_names
from injector.core.render.go.document import ENTRIES, ITEMS
from injector.core.render.go.environment import GoEnvironment, GoRendering
from injector.core.render.go.formatting import sprint
from injector.core.render.partial_evaluation import KnownNames
from injector.core.render.placeholders import CLOSE, CONSTANT, OPEN

_MARK = re.compile(f"(?:- {ITEMS}|{OPEN})({CONSTANT}?[0-9]+){CLOSE}|{ENTRIES}({CONSTANT}?[0-9]+){CLOSE}:")


@dataclass(frozen=True)
class Data:
    """What a template sees, in the words of a scope."""

    FILE_NAMES: ClassVar[dict[str, str]] = {
        "pod": "pod",
        "values": "values",
        "proxy_config": "proxyConfig",
        "mesh_config": "meshConfig",
    }

    pod: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    proxy_config: dict[str, Any] = field(default_factory=dict)
    mesh_config: dict[str, Any] = field(default_factory=dict)

    @property
    def configured(self) -> dict[str, Any]:
        """The names that say nothing of a pod."""
        return {
            "values": self.values,
            "mesh_config": self.mesh_config,
            "revision": "default",
            "inbound_traffic_policy_mode": "passthrough",
            "compliance_policy": "",
        }

    @property
    def scope(self) -> dict[str, Any]:
        """The scope of a pod."""
        metadata = {"labels": {}, "annotations": {}, **self.pod.get("metadata", {})}
        spec = {"containers": [], **self.pod.get("spec", {})}
        return {
            **self.configured,
            "pod": {"metadata": metadata, "spec": spec},
            "workload": {"name": "", "namespace": "", "kind": "", "api_version": ""},
            "namespace": {},
            "proxy_config": self.proxy_config,
            "native_sidecars": False,
            "proxy_image": "docker.io/istio/proxyv2:1.30.3",
            "proxy_uid": 1337,
            "proxy_gid": 1337,
        }


NOTHING = Data()


def rendered_text(source: str, data: Data = NOTHING, *, folded: bool = False) -> str:
    """The text that a template gives, values in their places; `folded`: as for a configuration that is known."""
    rendering: ContextVar[GoRendering] = ContextVar("rendering")
    constants = constant_names(data.configured)
    environment = GoEnvironment(rendering, constants if folded else {})
    tree = environment.tree_to_render(source, "t")
    template = Template.from_code(environment, environment.compile(tree, "t"), {})
    record = GoRendering()
    rendering.set(record)
    context = environment.context_class(environment, pod_names(data.scope, constants), "t", template.blocks)
    text = "".join(template.root_render_func(context))
    constant_values = environment.constants.values

    def value_of(mark: re.Match[str]) -> str:
        number = mark[1] or mark[2]
        is_constant = number.startswith(CONSTANT)
        return sprint(constant_values[int(number[1:])] if is_constant else record.values[int(number)])

    return _MARK.sub(value_of, text)


def document(source: str, data: Data = NOTHING) -> Any:
    """The overlay that a template gives."""
    templates = TemplateSet({}, FILTERS, KnownNames(frozen=data.configured), (), {"t": source})
    return templates.render("t", data.scope)


def annotated(**annotations: str) -> Data:
    """A pod with annotations; `_` in their names stands for `/`."""
    return Data({"metadata": {"annotations": {name.replace("_", "/"): text for name, text in annotations.items()}}})
