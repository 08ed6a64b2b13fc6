"""Ten thousand reloads, every second one broken: the last good one is served throughout, in the same memory."""

import gc
import sys
from collections.abc import Callable
from pathlib import Path

from injector.core.model import EMPTY_SNAPSHOT
from injector.runtime.errors import InputError
from injector.runtime.loading import checked_setup, read_configuration
from injector.server.handler import answer
from injector.server.state import Service, State
from tests.cli.serving import Start
from tests.faults.load import BODY, JSON
from tests.waiting import wait_until

RELOADS = 10_000
GROWTH = 5000  # blocks of memory: one for every second reload is that many
GOOD = ("defaultTemplates: [sidecar]", "defaultTemplates: [grpc-simple]")
BROKEN = ("defaultTemplates: [nope]", "policy: [", "\x00", "values: 1")


def templates(service: Service) -> tuple[str, ...]:
    admission = answer(BODY, "/inject", service.state).admission
    assert admission is not None
    return admission.templates


def test_reloads_in_process(tmp_path: Path) -> None:
    """Broken texts are loaded as the command does; good ones were, once each: half a second is spent on trying them."""
    file = tmp_path / "config.yaml"

    def loaded(text: str) -> Callable[[], State]:
        file.write_text(text, encoding="utf-8")
        return lambda: State(checked_setup(read_configuration([file], [])), EMPTY_SNAPSHOT)

    service = Service(loaded(GOOD[0])())
    good = [loaded(text)() for text in GOOD]
    before = 0
    for number in range(RELOADS // 2):
        state = good[number % 2]
        assert service.reload(lambda: state, (InputError,)) == ""  # noqa: B023 -- called here
        assert service.reload(loaded(BROKEN[number % len(BROKEN)]), (InputError,))
        if number % 500 == 0:
            assert templates(service) == (("sidecar",), ("grpc-simple",))[number % 2]
            gc.collect()
            before = before or sys.getallocatedblocks()
    gc.collect()
    grown = sys.getallocatedblocks() - before
    assert grown < GROWTH
    assert service.state.fault


def test_reloads_of_a_file_under_a_running_server(start: Start, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(GOOD[0], encoding="utf-8")
    server = start("-c", str(file))
    with server.client() as client:

        def template() -> str:
            response = client.post("/inject", content=BODY, headers=JSON).json()["response"]
            return str(response["auditAnnotations"]["templates"])

        for number in range(40):
            file.write_text((BROKEN, GOOD)[number % 2][number // 2 % 2], encoding="utf-8")
            assert template() in {"sidecar", "grpc-simple"}
        file.write_text(GOOD[1], encoding="utf-8")
        wait_until(lambda: template() == "grpc-simple")
        file.write_text(BROKEN[0], encoding="utf-8")
        wait_until(lambda: client.get("/readyz").json()["configuration"] == "last good one")
        assert template() == "grpc-simple"
