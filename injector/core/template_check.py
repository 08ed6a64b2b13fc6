"""Templates are tried before they go live: compiled, rendered for sample pods, and held against the type of a Pod."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise, product

from injector.core.errors import Path, format_path, suggestion
from injector.core.merge import strategic_merge
from injector.core.model import Config, Container, InjectionError, JsonObject, Pod, Workload
from injector.core.pod_fields import pod_findings
from injector.core.pod_schema import PROBES
from injector.core.pod_validation import refusals
from injector.core.pods import CONTAINER_LISTS, containers
from injector.core.render import RenderingError, TemplateFault, TemplateFaults
from injector.core.render.context import SCOPE_NAMES, TemplateInput, pod_view, proxy_config_view, scope_of
from injector.core.render.template_set import failure_text
from injector.core.setup import Setup
from injector.core.validation import Finding

# The names of fields in a path such as `spec.containers[side].ports`.
_FIELD = re.compile(r"(?:^|\.)([A-Za-z]+)")

_RICH_CONTAINER: Container = {
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
    {
        "metadata": {"name": "two"},
        "spec": {
            "containers": [{"name": "one", "image": "a"}, _RICH_CONTAINER],
            "volumes": [{"name": "data", "emptyDir": {}}],
        },
    },
)
SAMPLE_NAMES = frozenset(
    each["name"] for pod in SAMPLE_PODS for which in CONTAINER_LISTS for each in containers(pod, which)
)
"""The names of their containers."""


@dataclass(frozen=True, slots=True)
class _Trial:
    """What one template gives for one sample pod."""

    template: str
    pod: Pod
    overlay: JsonObject

    def names(self, field: str) -> set[str]:
        """The names of the overlay's volumes, or of its containers that have an image."""
        spec = self.overlay.get("spec") or {}
        items = [item for item in spec.get(field) or () if isinstance(item, dict)]
        return {item["name"] for item in items if "name" in item and (field == "volumes" or item.get("image"))}


class _Givers:
    """Which templates give what a template may build on: containers with an image, and volumes."""

    def __init__(self, trials: Iterable[_Trial]) -> None:
        """Look at each trial once: there are as many as templates, and each is asked about all others."""
        self._images, self._volumes = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
        for trial in trials:
            for name in trial.names("volumes"):
                self._volumes[name].add(trial.template)
            for name in (name for which in CONTAINER_LISTS for name in trial.names(which)):
                self._images[name].add(trial.template)

    def give_image(self, container: Container, besides: str) -> bool:
        """Whether a template besides that one gives the container an image."""
        return bool(self._images.get(container["name"], frozenset()) - {besides})

    def give_volume(self, name: str, besides: str) -> bool:
        """Whether a template besides that one gives the volume."""
        return bool(self._volumes.get(name, frozenset()) - {besides})


def template_faults(setup: Setup) -> list[TemplateFault]:
    """All that is wrong with the templates of `setup`; empty where they can go live.

    Those that do not compile are not rendered. A template that refuses a sample pod on purpose is not at fault.
    """
    faults = _compilation_faults(setup)
    broken = {fault.template for fault in faults}
    trials: list[_Trial] = []
    for name, pod, native in product(setup.templates.names, SAMPLE_PODS, (False, True)):
        if name in broken:
            continue
        try:
            trials.append(_Trial(name, pod, setup.templates.render(name, scope_of(_input(setup, pod, native=native)))))
        except RenderingError as error:
            faults += _failures(setup.config, name, error)
    givers = _Givers(trials)
    faults += (fault for trial in trials for fault in _misfits(setup.config, trial, givers))
    return _once(faults)


def template_warnings(setup: Setup) -> list[TemplateFault]:
    """The empty keys of Go templates that delete what a pod has there, as they do in Istio.

    Only templates without faults are looked at. A `null` that is written out is meant, and so is whatever is in the
    containers and volumes that the template brings itself.
    """
    warnings = list[TemplateFault]()
    for (name, text), pod, native in product(setup.config.go_templates.items(), SAMPLE_PODS, (False, True)):
        with suppress(RenderingError):  # a template may refuse a sample pod
            overlay = setup.templates.render(name, scope_of(_input(setup, pod, native=native)))
            warnings += (
                TemplateFault(
                    name, line, f"{format_path(path)}: an empty key deletes what the pod has there; {_DELETION}"
                )
                for path in _nulls(overlay)
                if (line := _empty_key(text, path))
            )
    return _once(warnings)


_DELETION = "an empty key deletes what the pod has there; leave the key out, or write null to mean it"


def _nulls(value: JsonObject, path: Path = ()) -> Iterator[Path]:
    """The paths of what `value` deletes from a pod, in containers only where they are the pod's own."""
    for key, below in value.items():
        if below is None:
            yield (*path, key)
        elif isinstance(below, dict):
            yield from _nulls(below, (*path, key))
        elif key in CONTAINER_LISTS and path == ("spec",):
            for container in below:
                if not container.get("image"):
                    yield from _nulls(container, (*path, key, container.get("name")))


def _empty_key(text: str, path: Path) -> int:
    """The line of the template that writes the last key of `path` and no value behind it; 0 where it writes null."""
    fields = [str(step) for above, step in pairwise(("", *path)) if above not in CONTAINER_LISTS]
    line = _line_of(text, fields)
    written = text.split("\n")[line - 1].partition(f"{fields[-1]}:")[2].partition(" #")[0].strip()
    return 0 if written in _NULLS else line


_NULLS = ("~", "null", "Null", "NULL")


def sample_overlay(setup: Setup, name: str) -> JsonObject:
    """What template `name` gives for a sample pod, with native sidecars unless they are disabled.

    Raises RenderingError where it refuses every sample pod, or fails.
    """
    native = setup.config.native_sidecars != "disabled"
    failures = list[RenderingError]()
    for pod in reversed(SAMPLE_PODS):
        try:
            return setup.templates.render(name, scope_of(_input(setup, pod, native=native)))
        except RenderingError as error:
            failures.append(error)
    raise failures[0]


def _compilation_faults(setup: Setup) -> list[TemplateFault]:
    try:
        setup.templates.check(SCOPE_NAMES)
    except TemplateFaults as faults:
        return list(faults.of_templates)
    return []


def _failures(config: Config, name: str, error: RenderingError) -> Iterator[TemplateFault]:
    """What went wrong in a rendering; nothing where the template refused the pod on purpose."""
    for finding in error.findings:
        yield _fault(config, name, finding)
    if not error.findings and not error.is_refusal:
        yield TemplateFault(name, error.line or 1, failure_text(error.__cause__ or error))


def _misfits(config: Config, trial: _Trial, givers: _Givers) -> Iterator[TemplateFault]:
    """What the API server would refuse in the sample pod with the overlay, which is nothing without it.

    A template may build on another: containers with an image and volumes may come from there.
    """
    try:
        pod = strategic_merge(trial.pod, trial.overlay)
    except InjectionError as error:
        yield TemplateFault(trial.template, 1, str(error))
        return
    pod = _with_parts_of_others(pod, trial.template, givers)
    findings = [*pod_findings(pod), *_unknown_ports(trial, pod)]
    for finding in findings:
        yield _fault(config, trial.template, finding)
    # What belongs together is only looked at where each field is what it can be.
    for refusal in () if findings else refusals(pod):
        fields = _FIELD.findall(refusal.partition(": ")[0])
        yield TemplateFault(trial.template, _line_of(_text_of(config, trial.template), fields), refusal)


def _unknown_ports(trial: _Trial, pod: Pod) -> Iterator[Finding]:
    """Probes of the template's own containers that name a port which is not there: no API server looks at that."""
    own = {name for which in CONTAINER_LISTS for name in trial.names(which)}
    for which in CONTAINER_LISTS:
        for index, container in enumerate(containers(pod, which)):
            ports = [each["name"] for each in container.get("ports") or () if each.get("name")]
            for probe, kind in product(PROBES, ("httpGet", "tcpSocket")) if container["name"] in own else ():
                port = ((container.get(probe) or {}).get(kind) or {}).get("port")
                if isinstance(port, str) and port not in ports:
                    meant = suggestion(port, ports) if ports else "it has none with a name"
                    path = ("spec", which, index, probe, kind, "port")
                    yield Finding(path, f"the container has no port {port!r}; {meant}")


def _with_parts_of_others(pod: Pod, template: str, givers: _Givers) -> Pod:
    """The pod with an image in its containers, and the volumes for its mounts, that other templates give."""
    spec = dict(pod["spec"])
    for which in CONTAINER_LISTS:
        spec[which] = [
            {"image": "another", **container} if givers.give_image(container, template) else container
            for container in containers(pod, which)
        ]
    mounts = (mount for which in CONTAINER_LISTS for each in spec[which] for mount in each.get("volumeMounts") or ())
    missing = {mount.get("name") for mount in mounts} - {each.get("name") for each in spec.get("volumes") or ()}
    given = sorted(name for name in missing if givers.give_volume(name, template))
    spec["volumes"] = [*(spec.get("volumes") or ()), *({"name": name} for name in given)]
    return {**pod, "spec": spec}


def _fault(config: Config, template: str, finding: Finding) -> TemplateFault:
    fields = [step for step in finding.path if isinstance(step, str)]
    line = _line_of(_text_of(config, template), fields)
    return TemplateFault(template, line, f"{format_path(finding.path)}: {finding.message}")


def _text_of(config: Config, template: str) -> str:
    return config.go_templates[template] if template in config.go_templates else config.templates[template]


def _line_of(text: str, fields: Iterable[str]) -> int:
    """The line that probably writes the last of the `fields`: the first with its name after those around it."""
    line = 1
    for field in fields:
        lines = text.split("\n")[line - 1 :]
        line += next((number for number, each in enumerate(lines) if f"{field}:" in each), 0)
    return line


def _once(faults: list[TemplateFault]) -> list[TemplateFault]:
    """The faults without those that another sample pod has shown: they differ in the position in a list at most."""
    shown: dict[tuple[str, int, str], TemplateFault] = {}
    for fault in faults:
        shown.setdefault((fault.template, fault.line, fault.message.partition(": ")[2] or fault.message), fault)
    return list(shown.values())


def _input(setup: Setup, pod: Pod, *, native: bool) -> TemplateInput:
    # A view of its own is no usual one: what is tried is the whole template, not what is left of it for most pods.
    proxy_config = proxy_config_view(setup.config.mesh_config["defaultConfig"])
    return TemplateInput(
        pod=pod_view(pod),
        workload=Workload("app", "default", "Deployment", "apps/v1"),
        configured=setup.configured,
        proxy_config=proxy_config,
        native_sidecars=native,
        proxy_uid=1337,
        proxy_gid=1337,
        namespace={},
    )
