"""Reviews made by chance from pods as they come and as they were injected, and what must hold of each answer.

`python -m tests.fuzz.reviews FIRST COUNT` tries so many, by their numbers, and prints what does not hold.
"""

import copy
import json
import sys
from collections.abc import Callable, Iterator
from functools import cache
from random import Random
from typing import Any

import jsonpatch
import orjson

from injector.core.annotations import ANNOTATIONS
from injector.core.model import JsonObject, Pod
from injector.core.proxy_config.schema import PROXY_CONFIG
from injector.core.reinjection.footprint import ISTIO_CONTAINERS
from injector.core.validation import Listed, Mapped, Message, Scalar, Type
from injector.server.handler import Answer, answer
from injector.server.state import State
from tests.bench.instructions import counted
from tests.bench.subjects import SNAPSHOT, bookinfo_pod, review, sized_pod, small_pod
from tests.fuzz.annotation_values import MEANT
from tests.fuzz.dear import KINDS
from tests.hostile import BREAKING
from tests.support import default_setup

STATUS, OVERRIDES, CONFIG = "sidecar.istio.io/status", "proxy.istio.io/overrides", "proxy.istio.io/config"
TEMPLATES = "inject.istio.io/templates"
SETUP = default_setup()
_NAMES = sorted(ANNOTATIONS)
_TEMPLATE_NAMES = ("sidecar", "gateway", "grpc-simple", "grpc-agent", "envoy", "envoy-gateway")
_CONTAINER_NAMES = ("istio-proxy", "istio-init", "istio-validation", "app", "enable-core-dump", "miner", "")
_VOLUME_NAMES = ("workload-socket", "istio-envoy", "istio-token", "istio-data", "v", "workload-certs", "istiod-ca-cert")
_WORDS = (
    *BREAKING, "app", "istio-proxy", "name", "containers", "initContainers", "image", "env", "$patch", "value", "/",
    "8080", "http", "0", "-1", "00", "1e9", "99999999999999999999", "true", "TPROXY", "NONE", "{}", "[]", "delete",
)  # fmt: skip
_ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 2**64 - 1, 1.5, 1e308, "", [], {}, [[]], [{}], [None],
    {"name": None}, {"": {}}, {"name": "istio-proxy"}, [{"name": "app"}], {"$patch": "delete"}, ["a", "a"],
)  # fmt: skip
# Instructions are counted of one in so many, as that takes twenty times as long.
_COUNTED = 20
# What injection rewrites in containers that are not its own (reference 8), and what the gRPC templates add to.
_REWRITTEN = frozenset(("readinessProbe", "livenessProbe", "startupProbe", "lifecycle"))
_ADDED_TO = frozenset(("env", "volumeMounts"))


def answered(pod: Any, number: int = 1) -> Answer:
    """What the webhook answers to a review of `pod`, remembering nothing."""
    return answer(review(pod, number), "/inject", State(SETUP, SNAPSHOT))


def _plain_pods() -> Iterator[Pod]:
    yield small_pod(1)
    yield sized_pod(2, variables=3, containers=2)
    yield bookinfo_pod(3)
    probed = small_pod(4)
    probed["spec"]["containers"][0] |= {
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}},
        "livenessProbe": {"tcpSocket": {"port": 8080}},
        "startupProbe": {"grpc": {"port": 8080}},
        "lifecycle": {"preStop": {"httpGet": {"path": "/", "port": 8080}}},
        "volumeMounts": [{"name": "v", "mountPath": "/v"}],
    }
    probed["spec"] |= {"volumes": [{"name": "v", "emptyDir": {}}], "initContainers": [{"name": "i", "image": "i"}]}
    yield probed
    own = copy.deepcopy(probed)
    own["spec"]["containers"].append({"name": "istio-proxy", "image": "auto", "resources": {"limits": {"cpu": "1"}}})
    yield own


@cache
def _seeds() -> tuple[Pod, ...]:
    """Pods as they come, and each as it is after injection by each template, its sidecar native or not."""
    plain = list(_plain_pods())
    injected = list[Pod]()
    for pod in plain:
        for template in _TEMPLATE_NAMES:
            for native in ("true", "false"):
                asking = copy.deepcopy(pod)
                asking["metadata"]["annotations"] = {TEMPLATES: template, "sidecar.istio.io/nativeSidecar": native}
                found = answered(asking).admission
                if found is not None and found.allowed:
                    injected.append(found.pod)
    return (*plain, *injected)


class Maker:
    """One pod while it is changed, by the numbers of `random`."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.pod: Pod = copy.deepcopy(random.choice(_seeds()))

    def value(self, depth: int = 2) -> Any:
        kind = self.random.randrange(6 if depth else 4)
        if kind < 2:
            return self.random.choice(_WORDS)
        if kind < 4:
            return copy.deepcopy(self.random.choice(_ODD))
        if kind < 5:
            return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
        return {self.random.choice(_WORDS): self.value(depth - 1) for _ in range(self.random.randrange(4))}

    def text(self, meant: str) -> str:
        """A text, or a part of it, with something odd in it."""
        place = self.random.randrange(len(meant) + 1)
        return meant[:place] + self.random.choice(_WORDS) + meant[place + self.random.randrange(3) :]

    def changed(self, document: Any) -> Any:
        """A JSON value with one place of it taken out, doubled, or put in the place of something else."""
        places = list(_places(document))
        if not places:
            return self.value()
        holder, key = self.random.choice(places)
        match self.random.randrange(4):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.insert(key, copy.deepcopy(holder[key]))
            case 2:
                other, at = self.random.choice(places)
                if at in other if isinstance(other, dict) else at < len(other):
                    holder[key] = copy.deepcopy(other[at])
            case _:
                holder[key] = self.value()
        return document

    def annotate(self, name: str, value: str) -> None:
        metadata = self.pod.get("metadata")
        if isinstance(metadata, dict):
            own = metadata.get("annotations")
            metadata["annotations"] = {**(own if isinstance(own, dict) else {}), name: value}

    def own(self, name: str) -> str | None:
        try:
            value = self.pod["metadata"]["annotations"][name]
        except (KeyError, TypeError):
            return None
        return value if isinstance(value, str) else None

    def annotation(self) -> None:
        name = self.random.choice(_NAMES)
        meant = self.random.choice(MEANT.get(name, ("text",)))
        self.annotate(name, meant if self.random.randrange(2) else self.text(meant))

    def record(self) -> None:
        """The status, forged: one that is there, changed, or one that never was."""
        text = self.own(STATUS) or '{"containers":["istio-proxy"],"original":{}}'
        try:
            document = json.loads(text)
        except ValueError:
            return
        for _ in range(self.random.randrange(1, 4)):
            if isinstance(document, dict) and self.random.randrange(3) == 0:
                original = document.setdefault("original", {})
                if isinstance(original, dict):
                    field = self.random.choice(
                        "configuration annotations labels containers initContainers spec volumes imagePullSecrets "
                        "order automatic definitions earlier text".split()
                    )
                    original[field] = self.value(3)
            else:
                document = self.changed(document)
        self.annotate(STATUS, json.dumps(document))

    def overrides(self) -> None:
        meant = {"containers": [{"name": "istio-proxy", "image": "auto", "env": [{"name": "A", "value": "b"}]}]}
        try:
            document: Any = json.loads(self.own(OVERRIDES) or json.dumps(meant))
        except ValueError:
            document = meant
        for _ in range(self.random.randrange(1, 4)):
            document = self.changed(document)
        self.annotate(OVERRIDES, json.dumps(document))

    def proxy_config(self) -> None:
        document: Any = {}
        for name in self.random.sample(sorted(PROXY_CONFIG.fields), self.random.randrange(1, 4)):
            document[name] = self.of_type(PROXY_CONFIG.fields[name])
        if self.random.randrange(3) == 0:
            document = self.changed(document)
        text = json.dumps(document)
        self.annotate(CONFIG, text if self.random.randrange(3) else self.text(text))

    def of_type(self, kind: Type) -> Any:
        """Something that a field may hold, or nearly."""
        if self.random.randrange(5) == 0:
            return self.value()
        match kind:
            case Message(fields):
                names = self.random.sample(sorted(fields), min(len(fields), self.random.randrange(3)))
                return {name: self.of_type(fields[name]) for name in names}
            case Listed(item):
                return [self.of_type(item) for _ in range(self.random.randrange(3))]
            case Mapped(item):
                return {self.random.choice(_WORDS): self.of_type(item) for _ in range(self.random.randrange(3))}
            case Scalar():
                return self.random.choice(("a", "10s", "1.5", 1, 15020, True, "host:80", "NONE"))
        return self.random.choice(("a", "10s", 1, True, "TPROXY", "host:80", 0, ""))

    def volumes(self) -> None:
        names = self.random.sample(_VOLUME_NAMES, 2)
        match self.random.randrange(3):
            case 0:
                document: Any = {name: {"emptyDir": {}} for name in names}
                self.annotate("sidecar.istio.io/userVolume", json.dumps(self.maybe_changed(document)))
            case 1:
                document = {name: {"mountPath": "/" + name} for name in names}
                self.annotate("sidecar.istio.io/userVolumeMount", json.dumps(self.maybe_changed(document)))
            case _:
                self.put("volumes", [{"name": name, "emptyDir": {}} for name in names])

    def maybe_changed(self, document: Any) -> Any:
        return self.changed(document) if self.random.randrange(2) else document

    def put(self, field: str, items: list[Any]) -> None:
        """Add items to a list of the pod's spec."""
        spec = self.pod.get("spec")
        if isinstance(spec, dict):
            there = spec.get(field)
            spec[field] = [*(there if isinstance(there, list) else ()), *items]

    def template_names(self) -> None:
        names = self.random.choices((*_TEMPLATE_NAMES, "", "none", "_proxy"), k=self.random.randrange(1, 5))
        self.annotate(TEMPLATES, self.random.choice((",", ", ", ",,")).join(names))

    def container(self) -> None:
        """A container of a name that templates use, somewhere."""
        fields = (
            "image",
            "env",
            "args",
            "command",
            "ports",
            "volumeMounts",
            "securityContext",
            "resources",
            "lifecycle",
        )
        there = self.random.choice(_seeds())["spec"]["containers"][-1]
        made: Any = {"name": self.random.choice(_CONTAINER_NAMES)}
        for field in self.random.sample(fields, 2):
            made[field] = copy.deepcopy(there.get(field, "x")) if self.random.randrange(3) else self.value()
        self.put(self.random.choice(("containers", "initContainers", "ephemeralContainers")), [made])

    def dear(self) -> None:
        """Much of something."""
        other = KINDS[self.random.choice(sorted(KINDS))](self.random.choice((1, 20, 150)))
        for name, value in (other["metadata"].get("annotations") or {}).items():
            self.annotate(name, value)
        for field, value in other["spec"].items():
            if isinstance(value, list) and field != "containers":
                self.put(field, value)

    def anywhere(self) -> None:
        self.pod = self.changed(self.pod)

    def made(self) -> Pod:
        """The pod after some changes."""
        steps: tuple[Callable[[], None], ...] = (
            self.annotation, self.record, self.overrides, self.proxy_config, self.volumes, self.template_names,
            self.container, self.anywhere, self.dear,
        )  # fmt: skip
        weights = (3, 4, 3, 3, 2, 3, 2, 2, 1)
        for step in self.random.choices(steps, weights, k=self.random.randrange(1, 5)):
            if not isinstance(self.pod, dict):
                break
            step()
        return self.pod


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a JSON value: what holds it, and its key there."""
    items = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    for key, item in items:
        yield document, key
        yield from _places(item)


def pod_of_number(number: int) -> Any:
    """The pod of a number: always the same."""
    return Maker(Random(number)).made()  # noqa: S311 -- nothing is kept secret


def findings(pod: Any) -> Iterator[str]:
    """What does not hold of the answer to a review of `pod`."""
    found = answered(pod)
    if found.error is not None or found.status not in (200, 400):
        yield f"status {found.status}, {found.error!r}"
    admission = found.admission
    if admission is None or found.request is None:
        return
    if not admission.allowed and not admission.message:
        yield "refused without a word"
    if "InternalError" in admission.message or "Traceback" in admission.message:
        yield admission.message
    if not admission.allowed or not admission.patch:
        return
    received, merged = orjson.loads(orjson.dumps(found.request.pod)), orjson.loads(orjson.dumps(admission.pod))
    patch = orjson.loads(orjson.dumps(list(admission.patch)))
    if jsonpatch.apply_patch(copy.deepcopy(received), patch) != merged:
        yield "the patch does not give the merged pod"
    yield from _changed_containers(received, merged)
    if _is_refused_anyway(merged):
        return
    again = answered(merged, 2)
    if again.error is not None or again.admission is None or not again.admission.allowed:
        yield f"the second pass: {again.error!r} {again.admission and again.admission.message}"
    elif again.admission.patch and not _settles(received, again.admission.pod):
        yield f"the second pass changes {orjson.dumps(list(again.admission.patch)).decode()[:300]}"


def _is_refused_anyway(pod: JsonObject) -> bool:
    """Whether no API server takes the pod, as the review warned: a mount without path, two volumes of one name."""
    names = [volume["name"] for volume in pod["spec"].get("volumes") or ()]
    if len({*names}) < len(names):
        return True
    every = [item for field in ("initContainers", "containers") for item in pod["spec"].get(field) or ()]
    return any("mountPath" not in mount for item in every for mount in item.get("volumeMounts") or ())


def _settles(received: JsonObject, merged: Pod) -> bool:
    """Whether a third pass changes nothing: a pod that came with claims, which may be forged, has one more."""
    if not {STATUS, OVERRIDES} & (received["metadata"].get("annotations") or {}).keys():
        return False
    third = answered(merged, 3).admission
    return third is not None and third.allowed and not third.patch


def _changed_containers(received: JsonObject, merged: JsonObject) -> Iterator[str]:
    """What injection did to containers that no template gives, and must not do."""
    status = json.loads(merged["metadata"]["annotations"][STATUS])
    given = {*(status["containers"] or ()), *(status["initContainers"] or ())}
    after = {
        item["name"]: item
        for field in ("initContainers", "containers")
        for item in (merged.get("spec") or {}).get(field) or ()
    }
    before = [
        item for field in ("initContainers", "containers") for item in (received.get("spec") or {}).get(field) or ()
    ]
    earlier, names = _names_of_status(received), [container["name"] for container in before]
    for container in before:
        name = container["name"]
        if names.count(name) > 1 or name in given or name in earlier or name in ISTIO_CONTAINERS:
            continue
        if name not in after:
            yield f"container {name!r} is gone"
            continue
        for field in container.keys() | after[name].keys():
            if field not in _REWRITTEN | _ADDED_TO and container.get(field) != after[name].get(field):
                yield f"{field} of container {name!r}: {container.get(field)!r} became {after[name].get(field)!r}"
    for name in after.keys() - {container["name"] for container in before} - given:
        yield f"container {name!r} is new, and no template gives it"


def _names_of_status(pod: JsonObject) -> set[str]:
    try:
        status = json.loads(pod["metadata"]["annotations"][STATUS])
        return {*(status.get("containers") or ()), *(status.get("initContainers") or ())}
    except (KeyError, TypeError, ValueError, AttributeError):
        return set()


def cost_over_bound(pod: Any) -> str:
    """What is said of a review that takes more than it may; nothing of most."""
    body = review(pod, 3)
    allowed = 10 * _cost_of_small() + 5 * _cost(review(_harmless(len(body)), 2))
    taken = _cost(body)
    return f"{taken:,} instructions, at most {allowed:,}" if taken > allowed else ""


def _cost(body: bytes) -> int:
    return counted(lambda: answer(body, "/inject", State(SETUP, SNAPSHOT)))


@cache
def _cost_of_small() -> int:
    return _cost(review(small_pod(2), 2))


def _harmless(size: int) -> Pod:
    """A small pod that is about so long, of which injection reads nothing."""
    pod = small_pod(2)
    pod["metadata"]["annotations"] = {"example.org/note": "a" * min(size, 250_000)}
    return pod


def main(first: int, count: int) -> None:
    """Try so many, and print what does not hold."""
    for number in range(first, first + count):
        try:
            pod = pod_of_number(number)
            problems = list(findings(pod))
            if number % _COUNTED == 0 and (over := cost_over_bound(pod)):
                problems.append(over)
        except Exception as error:  # noqa: BLE001 -- it is shown, and the others are tried
            problems = [f"the drill itself: {error!r}"]
        for problem in problems:
            sys.stdout.write(f"{number}: {problem}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{count} reviews from {first} on\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
