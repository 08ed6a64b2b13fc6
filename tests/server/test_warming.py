"""What the first pods need is compiled before they come."""

import asyncio

from injector.core.model import EMPTY_SNAPSHOT
from injector.server.state import Service, State
from injector.server.warming import warmed, warming
from tests.support import default_setup


def compiled(state: State) -> list[str]:
    return state.setup.templates.compiled_for_usual_pods


def test_what_the_server_starts_with_is_made_ready() -> None:
    service = Service(State(default_setup(), EMPTY_SNAPSHOT))

    async def start() -> None:
        await warming(service)()

    assert compiled(service.state) == []
    asyncio.run(start())
    assert compiled(service.state) == ["sidecar"]


def test_another_configuration_is_ready_before_it_is_in_force() -> None:
    loaded = warmed(lambda: State(default_setup(), EMPTY_SNAPSHOT))()
    assert compiled(loaded) == ["sidecar"]
    assert len(loaded.answers) == 0
