"""An explanation as text for a terminal."""

from collections.abc import Iterator

from injector.core.model import Pod
from injector.manifests.files import title_of
from injector.preview.diff import diff_lines
from injector.preview.explanation import Explanation
from injector.preview.terminal import Paint, diff_as_shown, plain, trace_lines


def explanation_text(pod: Pod, found: Explanation, paint: Paint = plain) -> str:
    """The whole text about `pod`."""
    name = (pod.get("metadata") or {}).get("name") or ""
    title = title_of({"kind": "Pod", "metadata": {"namespace": found.namespace, "name": name}})
    lines = (paint(title, "title"), *_record(found), *_now(found, paint), *_verdict(found, paint))
    return "".join(f"{line}\n" for line in lines)


def _record(found: Explanation) -> Iterator[str]:
    if found.recorded is None:
        yield "then: not injected, the pod carries no record of an injection"
        return
    names = ", ".join((*found.recorded.names["initContainers"], *found.recorded.names["containers"]))
    yield f"then: injected by revision {found.recorded.revision or 'unknown'}: {names}"


def _now(found: Explanation, paint: Paint) -> Iterator[str]:
    decision = found.now.decision
    if decision is None:
        yield f"now:  {found.now.message}"
        return
    yield f"now:  {'inject' if decision.inject else 'skip'}, {decision.reason}: {decision.message}"
    yield from trace_lines(decision, paint)


def _verdict(found: Explanation, paint: Paint) -> Iterator[str]:
    if not found.differs:
        yield paint("The answer would be the same.", "inject")
        return
    yield paint("The answer would differ:", "skip")
    yield from (f"  {line}" for line in found.differences)
    yield from diff_as_shown(diff_lines(found.changes), paint)
