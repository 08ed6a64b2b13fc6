"""The directory store: private, whole at every moment, and one winner where several start at once."""

import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event

from certs.authority import describe, pair_faults
from certs.directory import DirectoryStore
from certs.model import Holding, KeyPair, Settings
from certs.rotation import ensure, forced_rotation, next_check, renewed_serving

SETTINGS = Settings(names=("localhost",))


def now() -> datetime:
    return datetime.now(UTC)


def test_what_was_kept_is_found_again(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "certs")
    assert store.load() is None
    held = ensure(store, SETTINGS, now())
    assert DirectoryStore(tmp_path / "certs").load() == held
    assert ensure(store, SETTINGS, now()) == held


def test_every_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path / "certs")
    ensure(store, SETTINGS, now())
    for file in (tmp_path / "certs").rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE((tmp_path / "certs").stat().st_mode) == 0o700


def test_a_rotation_under_way_is_kept_and_its_end_leaves_nothing_behind(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    ensure(store, SETTINGS, now())
    started = store.update(lambda held: forced_rotation(_there(held), SETTINGS, now()))
    assert store.load() == started
    assert (tmp_path / "upcoming.key").exists()
    ensure(store, SETTINGS, now())
    ensure(store, SETTINGS, now())
    names = {entry.name for entry in tmp_path.iterdir() if not entry.name.startswith("..")}
    assert names == {"authority.crt", "authority.key", "ca.crt", "tls.crt", "tls.key"}
    assert len([entry for entry in tmp_path.iterdir() if entry.is_dir() and not entry.is_symlink()]) == 1


def test_of_many_that_start_at_once_one_wins_and_all_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: ensure(DirectoryStore(tmp_path), SETTINGS, now()), range(16)))
    assert all(held == found[0] for held in found)


def test_a_reader_never_sees_a_key_of_another_certificate(tmp_path: Path) -> None:
    store, done = DirectoryStore(tmp_path), Event()
    ensure(store, SETTINGS, now())

    def rotate() -> None:
        for _ in range(40):
            store.update(lambda held: renewed_serving(_there(held), SETTINGS, now()))
        done.set()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(rotate)
        while not done.is_set() and not running.done():
            data = (tmp_path / "..data").resolve()
            try:
                pair = KeyPair((data / "tls.crt").read_bytes(), (data / "tls.key").read_bytes())
            except FileNotFoundError:
                continue
            assert pair_faults(pair) == []
        running.result()


def test_the_next_check_is_when_the_first_renewal_is_due_but_soon_as_the_clock_may_be_set(tmp_path: Path) -> None:
    at = now()
    held = ensure(DirectoryStore(tmp_path), SETTINGS, at)
    due = min(describe(pair.certificate).renewal_time(2 / 3) for pair in (held.serving, held.authority))
    assert next_check(held, SETTINGS, at) == timedelta(minutes=1)
    assert next_check(held, SETTINGS, due - timedelta(seconds=20)) == timedelta(seconds=20)
    assert next_check(held, SETTINGS, due + timedelta(days=1)) == timedelta(seconds=1)


def _there(held: Holding | None) -> Holding:
    assert held is not None
    return held
