"""What istiod injects in a cluster, what would be injected here, and how a namespace moves over and back."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace

from injector.core.decision import decide, facts_of
from injector.core.model import JsonObject, Pod, Snapshot
from injector.core.selection import REVISION_KEY
from injector.core.setup import Setup, set_up
from injector.reports.compare import Comparison, compare, comparison_items, comparison_text
from injector.reports.documents import Document
from injector.reports.drift import Finding, drift, drift_text
from injector.reports.evaluate import DEFAULT_NAMESPACE, PreviewOptions, namespace_of
from injector.reports.paint import Paint, plain

INJECTION_LABEL = "istio-injection"
# What a revision of this injector is called where none is known.
ANY_REVISION = "REVISION"
# What `kubectl rollout restart` knows.
_RESTARTED = ("Deployment", "StatefulSet", "DaemonSet")


@dataclass(frozen=True, slots=True)
class Revision:
    """One revision of Istio in a cluster: where its ConfigMaps are, and what leads pods to it.

    `setup` is None where its configuration cannot be used; `faults` say why, or which of its templates cannot be read.
    `rivals` are releases of this injector that answer to the same revision or tag.
    """

    namespace: str
    name: str
    release: str
    tags: tuple[str, ...]
    webhooks: tuple[str, ...]
    rivals: tuple[str, ...]
    setup: Setup | None
    faults: tuple[str, ...]

    @property
    def title(self) -> str:
        """How a person calls it."""
        release = f"Istio {self.release}" if self.release else "Istio of an unknown release"
        return f"{release} in {self.namespace}, revision {self.name}"


@dataclass(frozen=True, slots=True)
class Situation:
    """What a migration begins with: the revisions of Istio, and the cluster as far as it was seen.

    `unseen` has one line for each thing that could not be looked at.
    """

    revisions: tuple[Revision, ...]
    snapshot: Snapshot
    unseen: tuple[str, ...] = ()

    @property
    def is_sound(self) -> bool:
        """Whether everything was seen, and can be used here."""
        return not self.unseen and not any(each.faults or each.rivals for each in self.revisions)


def selected_namespaces(revision: Revision, snapshot: Snapshot) -> list[str]:
    """The namespaces whose pods this revision injects where they do not say otherwise."""
    if revision.setup is None:
        return []
    return [name for name in sorted(snapshot.namespaces) if _is_selected(name, revision.setup, snapshot)]


def _is_selected(namespace: str, setup: Setup, snapshot: Snapshot) -> bool:
    return _is_injected({"metadata": {"name": "any", "namespace": namespace}, "spec": {}}, setup, snapshot)


def _is_injected(pod: Pod, setup: Setup, snapshot: Snapshot) -> bool:
    namespace = namespace_of(pod, DEFAULT_NAMESPACE)
    known = snapshot.namespaces.get(namespace)
    labels = None if known is None else (known.get("metadata") or {}).get("labels") or {}
    return decide(facts_of(pod, namespace, labels, setup.config, setup.selection)).inject


def remaining_duties(revision: Revision) -> list[str]:
    """What istiod goes on doing for pods that are injected here, with the addresses that their proxies ask."""
    if revision.setup is None:
        return []
    config = revision.setup.config
    suffix = f"-{name}" if (name := config.values.get("revision")) else ""
    ca = config.values["global"].get("caAddress") or f"istiod{suffix}.{revision.namespace}.svc:15012"
    discovery = config.mesh_config["defaultConfig"].get("discoveryAddress")
    return [
        f"certificates: proxies get them from {ca}",
        f"discovery: proxies get endpoints and routes from {discovery}",
        f"trust: the ConfigMap with its root certificate, in every namespace (istiod of {revision.namespace})",
        "gateways and waypoints that its controller makes of Gateway resources",
    ]


# What changes for each workload.


@dataclass(frozen=True, slots=True)
class Plan:
    """The difference that moving from `revision` makes: to its workloads, and to its pods that run now.

    `restarted` holds namespace and kind of what makes pods there, `compared` what its ConfigMaps say against the
    configuration here, `different` those of its `pods` that carry something else than they would get here. `target`
    is the revision here.
    """

    revision: Revision
    namespaces: tuple[str, ...]
    restarted: frozenset[tuple[str, str]]
    compared: tuple[Comparison, ...]
    different: tuple[Finding, ...]
    pods: int
    target: str


def plans_for(situation: Situation, here: Setup | None, documents: list[Document], pods: Sequence[Pod]) -> list[Plan]:
    """A plan for each revision whose configuration can be used; without `here`, that is the configuration here too.

    Namespaces count as moved: this injector is taken to answer to the revision. Raises UnreadableInputError.
    """
    plans = []
    for revision in situation.revisions:
        if revision.setup is None:
            continue
        moved = _answering_to(revision, here) if here else revision.setup
        setups = (revision.setup, moved)
        compared = tuple(compare(documents, PreviewOptions(), setups, situation.snapshot)) if here else ()
        running = [pod for pod in pods if _is_injected(pod, revision.setup, situation.snapshot)]
        different = tuple(drift(running, moved, situation.snapshot))
        own = here.config.revision if here else ANY_REVISION
        target = own if own not in (revision.name, *revision.tags) else ANY_REVISION
        namespaces = tuple(selected_namespaces(revision, situation.snapshot))
        restarted = frozenset(_restarted(documents))
        plans.append(Plan(revision, namespaces, restarted, compared, different, len(running), target))
    return plans


def _restarted(documents: Iterable[Document]) -> Iterator[tuple[str, str]]:
    for document in documents:
        if document.object["kind"] in _RESTARTED:
            yield namespace_of(document.object, DEFAULT_NAMESPACE), document.object["kind"]


def _answering_to(revision: Revision, here: Setup) -> Setup:
    """The setup here, as if it served the pods of `revision`: the name of the revision itself makes no difference."""
    return set_up(replace(here.config, revision=revision.name, revision_tags=revision.tags))


def steps(plan: Plan, namespace: str, labels: JsonObject) -> tuple[list[str], list[str]]:
    """The commands that move `namespace`, which has these `labels`, to this injector, and those that move it back."""
    label = f"kubectl label namespace {namespace} --overwrite"
    before = INJECTION_LABEL if INJECTION_LABEL in labels else REVISION_KEY
    kinds = (kind for kind in _RESTARTED if (namespace, kind) in plan.restarted)
    restarts = [f"kubectl rollout restart {kind.lower()} -n {namespace}" for kind in kinds]
    there = f"{label} {REVISION_KEY}={plan.target}"
    back = f"{label} {before}={labels.get(before, '')}"
    if before != REVISION_KEY:
        there, back = f"{there} {before}-", f"{back} {REVISION_KEY}-"
    elif before not in labels:
        back = f"{label} {REVISION_KEY}-"
    return [there, *restarts], [back, *restarts]


# As text for a terminal, and as plain JSON.


def situation_text(situation: Situation, paint: Paint = plain) -> str:
    """Everything that `migrate check` says."""
    lines = list[str]()
    for revision in situation.revisions:
        lines += [paint(revision.title, "title"), *(f"  {line}" for line in _facts(revision, situation)), ""]
    lines += _unseen_lines(situation, paint)
    return "".join(f"{line}\n" for line in lines)


def _facts(revision: Revision, situation: Situation) -> Iterator[str]:
    yield f"webhook configurations: {', '.join(revision.webhooks) or 'none seen'}"
    if revision.tags:
        yield f"tags: {', '.join(revision.tags)}"
    if revision.setup is not None:
        yield f"namespaces: {', '.join(selected_namespaces(revision, situation.snapshot)) or 'none'}"
        yield f"templates: {', '.join(revision.setup.config.go_templates) or 'none'}"
    yield from (f"cannot be read: {fault}" for fault in revision.faults)
    yield from (f"answers to the same pods: {rival}" for rival in revision.rivals)
    yield from (f"stays istiod's: {duty}" for duty in remaining_duties(revision))


def _unseen_lines(situation: Situation, paint: Paint) -> list[str]:
    return [paint(f"not seen: {each}", "refuse") for each in situation.unseen]


def plan_text(plans: Sequence[Plan], situation: Situation, paint: Paint = plain) -> str:
    """Everything that `migrate plan` says: the differences of each revision, then the commands for each namespace."""
    text = ""
    for plan in plans:
        parts = [f"{paint(plan.revision.title, 'title')}\n"]
        if plan.compared:
            parts.append(comparison_text(plan.compared, paint))
        if plan.pods:
            parts.append(f"pods that run now: {drift_text(list(plan.different), plan.pods, paint)}")
        parts += [f"{line}\n" for line in _step_lines(plan, situation)]
        text += "\n".join(part.rstrip("\n") for part in parts) + "\n\n"
    broken = [
        f"{revision.title}: cannot be read: {fault}" for revision in situation.revisions for fault in revision.faults
    ]
    return text + "".join(f"{line}\n" for line in (*broken, *_unseen_lines(situation, paint)))


def _step_lines(plan: Plan, situation: Situation) -> Iterator[str]:
    for name in plan.namespaces:
        there, back = steps(plan, name, _labels(name, situation))
        yield f"namespace {name}, to this injector:"
        yield from (f"  {command}" for command in there)
        yield f"namespace {name}, back to istiod:"
        yield from (f"  {command}" for command in back)
    if plan.namespaces and plan.target == ANY_REVISION:
        yield f"{ANY_REVISION} is the revision with which this injector is installed, one that istiod does not have"


def _labels(namespace: str, situation: Situation) -> JsonObject:
    return (situation.snapshot.namespaces[namespace].get("metadata") or {}).get("labels") or {}


def situation_items(situation: Situation) -> JsonObject:
    """What `situation_text` says, as plain JSON."""
    return {
        "revisions": [_revision_item(each, situation) for each in situation.revisions],
        "unseen": list(situation.unseen),
    }


def plan_items(plans: Iterable[Plan], situation: Situation) -> JsonObject:
    """What `plan_text` says, as plain JSON."""
    items = situation_items(situation)
    planned = {(plan.revision.namespace, plan.revision.name): plan for plan in plans}
    for item in items["revisions"]:
        plan = planned.get((item["namespace"], item["revision"]))
        if plan is not None:
            item["workloads"] = comparison_items(plan.compared)
            item["pods"] = {"count": plan.pods, "different": [asdict(each) for each in plan.different]}
            item["steps"] = {
                name: dict(zip(("there", "back"), steps(plan, name, _labels(name, situation)), strict=True))
                for name in plan.namespaces
            }
    return items


def _revision_item(revision: Revision, situation: Situation) -> JsonObject:
    return {
        "namespace": revision.namespace,
        "revision": revision.name,
        "release": revision.release,
        "tags": list(revision.tags),
        "webhookConfigurations": list(revision.webhooks),
        "namespaces": selected_namespaces(revision, situation.snapshot),
        "templates": list(revision.setup.config.go_templates) if revision.setup else [],
        "unreadable": list(revision.faults),
        "rivals": list(revision.rivals),
        "istiodKeeps": remaining_duties(revision),
    }
