"""One previewed workload: what went in, what came out, where it stands."""

from dataclasses import dataclass

from injector.core.model import Admission, JsonObject, Pod


@dataclass(frozen=True, slots=True)
class Case:
    """A workload and what becomes of the pod that its controller would create.

    `document` is the workload as given, `result` the workload whose pods come out injected (the very same object where
    nothing changes), `pod` the created pod, `admission` what becomes of that. `namespace_object` is None where the
    namespace is not known.
    """

    document: JsonObject
    result: JsonObject
    namespace: str
    namespace_object: JsonObject | None
    pod: Pod
    admission: Admission

    @property
    def is_injected(self) -> bool:
        """Whether pods of this workload get a sidecar."""
        return self.admission.allowed and self.admission.decision is not None and self.admission.decision.inject
