"""Templates are compiled when they are first needed: here that is before a pod needs them."""

import asyncio
from collections.abc import Callable

from injector.core.admission import admit_request
from injector.core.model import AdmissionRequest
from injector.server.run import Upkeep
from injector.server.state import Service, State

_USUAL = AdmissionRequest(
    uid="warming",
    api_version="admission.k8s.io/v1",
    kind="AdmissionReview",
    operation="CREATE",
    namespace="",
    name="",
    dry_run=True,
    pod={"spec": {"containers": [{"name": "app", "image": "app"}]}},
)


def warmed(load: Callable[[], State]) -> Callable[[], State]:
    """Loads a state that is ready for most pods: `load` as it is, after which a usual pod was worked on."""

    def loaded() -> State:
        state = load()
        _warm(state)
        return state

    return loaded


def warming(service: Service) -> Upkeep:
    """Makes what `service` starts with ready, beside serving: a start waits for nothing that can come later."""

    async def warm() -> None:
        await asyncio.to_thread(_warm, service.state)

    return warm


def _warm(state: State) -> None:
    admit_request(_USUAL, state.setup, state.snapshot)
