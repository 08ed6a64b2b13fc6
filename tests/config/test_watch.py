"""Changes of real files, made in the ways in which they are made."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from injector.config.watch import watch

_PATIENCE = 20
_QUIET = 0.5


def _mounted(directory: Path, text: str) -> Path:
    """A directory as the kubelet mounts a ConfigMap: files are links through `..data` into a directory of a version."""
    version = directory / "..2026_01"
    version.mkdir(parents=True)
    (version / "config.yaml").write_text(text, encoding="utf-8")
    (directory / "..data").symlink_to(version.name)
    (directory / "config.yaml").symlink_to("..data/config.yaml")
    return directory / "config.yaml"


def _swap(directory: Path, text: str) -> None:
    """Publish a new version as the kubelet does: a new directory, a new link renamed over `..data`, the old removed."""
    version = directory / "..2026_02"
    version.mkdir()
    (version / "config.yaml").write_text(text, encoding="utf-8")
    (directory / "..data_tmp").symlink_to(version.name)
    (directory / "..data_tmp").rename(directory / "..data")
    (directory / "..2026_01" / "config.yaml").unlink()
    (directory / "..2026_01").rmdir()


async def _told(paths: list[Path], *steps: Callable[[], object]) -> list[int]:
    """How many changes are told for each step; each step but the last is given time, the last is waited for."""
    told: asyncio.Queue[None] = asyncio.Queue()
    stop = asyncio.Event()

    async def follow() -> None:
        async for change in watch(paths, stop):
            told.put_nowait(change)

    task = asyncio.create_task(follow())
    await asyncio.sleep(_QUIET)
    counts: list[int] = []
    for step in steps:
        already = sum(counts)
        step()
        for _ in range(_PATIENCE if step is steps[-1] else 1):
            await asyncio.sleep(_QUIET)
            if told.qsize() > already:
                break
        counts.append(told.qsize() - already)
    stop.set()
    await task
    return counts


def test_a_file_that_is_written_anew_is_told(tmp_path: Path) -> None:
    """Each time, and a burst of writes once."""
    file = tmp_path / "config.yaml"
    file.write_text("1", encoding="utf-8")

    def burst() -> None:
        for text in ("22", "333", "4444"):
            file.write_text(text, encoding="utf-8")

    assert asyncio.run(_told([file], burst, lambda: file.write_text("5", encoding="utf-8"))) == [1, 1]


def test_a_file_that_another_is_renamed_over_is_told(tmp_path: Path) -> None:
    """As editors save."""
    file, new = tmp_path / "config.yaml", tmp_path / "new"
    file.write_text("1", encoding="utf-8")
    new.write_text("2", encoding="utf-8")
    assert asyncio.run(_told([file], lambda: new.rename(file))) == [1]


@pytest.mark.parametrize("followed", ["file", "directory"])
def test_the_swap_of_a_mounted_config_map_is_told(tmp_path: Path, followed: str) -> None:
    """Followed by the path of a file, and by that of the directory."""
    file = _mounted(tmp_path / "mount", "1")
    path = file if followed == "file" else file.parent
    assert asyncio.run(_told([path], lambda: _swap(file.parent, "2"))) == [1]
    assert file.read_text(encoding="utf-8") == "2"


def test_the_target_of_a_link_is_followed(tmp_path: Path) -> None:
    """Also in another directory."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    target, link = tmp_path / "a" / "config.yaml", tmp_path / "b" / "config.yaml"
    target.write_text("1", encoding="utf-8")
    link.symlink_to(target)
    assert asyncio.run(_told([link], lambda: target.write_text("22", encoding="utf-8"))) == [1]


def test_other_files_of_the_directory_are_not_told_and_a_file_may_appear_later(tmp_path: Path) -> None:
    """Only what is asked for."""
    file, other = tmp_path / "config.yaml", tmp_path / "other"
    steps = (lambda: other.write_text("x", encoding="utf-8"), lambda: file.write_text("1", encoding="utf-8"))
    assert asyncio.run(_told([file], *steps)) == [0, 1]


def test_a_file_that_is_taken_away_is_told(tmp_path: Path) -> None:
    """Then it cannot be read, which is the reader's business."""
    file = tmp_path / "config.yaml"
    file.write_text("1", encoding="utf-8")
    assert asyncio.run(_told([file], file.unlink)) == [1]
