"""The wall clock of a served process is set while clients are connected: they notice nothing, certificates follow."""

import ssl
from datetime import UTC, datetime, timedelta
from glob import glob
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from certs.authority import describe
from certs.directory import DirectoryStore
from certs.rotation import ensure
from tests.cli.serving import Start
from tests.faults.test_disk import SETTINGS, reviews_are_answered, serving
from tests.waiting import wait_until

LIBRARY = next(iter(glob("/usr/lib/*/faketime/libfaketimeMT.so.1")), "")  # noqa: PTH207 -- an absolute pattern
pytestmark = pytest.mark.skipif(not LIBRARY, reason="needs libfaketime: apt install libfaketime")


class Clock:
    """The wall clock of processes that are started by `command`; other clocks are left alone."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_by("+0")

    @property
    def command(self) -> tuple[str, ...]:
        """What a command line begins with."""
        settings = {
            "LD_PRELOAD": LIBRARY,
            "FAKETIME_TIMESTAMP_FILE": self._file,
            "FAKETIME_NO_CACHE": 1,
            "FAKETIME_DONT_FAKE_MONOTONIC": 1,
        }
        return ("env", *(f"{name}={value}" for name, value in settings.items()))

    def set_by(self, offset: str) -> None:
        """So far from what it would be, such as -3h; all at once, as it is read at any time."""
        new = self._file.with_suffix(".new")
        new.write_text(f"{offset}\n", encoding="ascii")
        new.replace(self._file)


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path / "offset")


def test_clients_notice_nothing_of_a_jump(tmp_path: Path, clock: Clock) -> None:
    """Forward and back by days on a connection that stays; the log shows that the clock did jump.

    Of one process: those that look after several sleep until a time of the monotonic clock, which libfaketime makes an
    invalid argument of.
    """
    store, log = DirectoryStore(tmp_path / "certs"), tmp_path / "log"
    ensure(store, SETTINGS, datetime.now(UTC))
    with log.open("wb") as stderr, serving(stderr.fileno(), store, clock.command) as client:
        reviews_are_answered(client, 5)
        for offset in ("+5d", "-300d", "+0", "-2h"):
            clock.set_by(offset)
            reviews_are_answered(client, 5)
            assert client.post("/inject?timeout=10s", content=b"{}").status_code == 415
            assert client.get("/readyz").json()["ready"]
    lines = (line.partition(b'"timestamp":"')[2] for line in log.read_bytes().splitlines())
    days = sorted(line[:10].decode() for line in lines if line)
    today = datetime.now(UTC)
    assert days[0] <= f"{today - timedelta(days=299):%Y-%m-%d}"
    assert days[-1] >= f"{today + timedelta(days=4):%Y-%m-%d}"


@pytest.mark.slow
def test_a_certificate_is_renewed_within_a_minute_of_a_jump(start: Start, clock: Clock) -> None:
    server = start("--drain-seconds", "0", before=clock.command)
    address = urlsplit(server.url)

    def expiry() -> datetime:
        shown = ssl.get_server_certificate((address.hostname or "", address.port or 0))
        return describe(shown.encode()).not_after

    first = expiry()
    clock.set_by("+6d")
    wait_until(lambda: expiry() > first + timedelta(days=5), seconds=180)
