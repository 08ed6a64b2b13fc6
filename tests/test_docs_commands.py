"""The commands in the documentation: those that can run here do, and the others are at least ones that exist.

A block of shell is run unless a comment above it says why not; what a block `text` below it shows, it prints.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.core import TyperGroup
from typer.main import get_command

from injector.cli.application import application
from tests.support import REPOSITORY

PAGES = [
    REPOSITORY / "docs" / f"{name}.md"
    for name in ("quickstart", "cookbook", "faq", "comparison", "preview", "templates")
]
_BLOCK = re.compile(
    r"^(?:<!-- (?P<why>[^>]+) -->\n\n)?```sh\n(?P<script>.*?)^```\n(?:\n```text\n(?P<shown>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
# A file that the reader writes.
_FILE = re.compile(r"^<!-- file: (?P<name>\S+) -->\n\n```\w+\n(?P<content>.*?)^```\n", re.DOTALL | re.MULTILINE)
# As with `kubectl diff`, 1 says that something would change.
_DIFFERS = re.compile(r"(^|\| )injector (preview|explain)\b")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of shell: its commands, why they are not run (empty: they are), and what they print."""

    page: Path
    script: str
    why: str
    shown: str
    at: int

    def commands(self) -> list[str]:
        """The commands, those over several lines joined."""
        joined = self.script.replace("\\\n", " ").splitlines()
        return [line.partition("  # ")[0].strip() for line in joined if line.strip() and not line.startswith("#")]


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, found["script"], found["why"] or "", found["shown"] or "", found.start())
        for found in _BLOCK.finditer(text)
    ]


def files_of(page: Path) -> list[tuple[int, str, str]]:
    """Place in the page, name and content of each file that the reader writes."""
    text = page.read_text(encoding="utf-8")
    return [(found.start(), found["name"], found["content"]) for found in _FILE.finditer(text)]


ALL = [block for page in PAGES for block in blocks_of(page)]


def _workplace(directory: Path) -> None:
    for name in ("samples", "charts", "templates"):
        (directory / name).symlink_to(REPOSITORY / name)


def _printed(commands: list[str], directory: Path) -> Iterator[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    for command in commands:
        here = command.replace("/tmp/", f"{directory}/out-")  # noqa: S108 -- a page's own words
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", here],
            cwd=directory,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode in ((0, 1) if _DIFFERS.search(command) else (0,)), (command, done.stdout, done.stderr)
        yield done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_commands_run_as_they_are_written(page: Path, tmp_path: Path) -> None:
    _workplace(tmp_path)
    files = files_of(page)
    for block in blocks_of(page):
        while files and files[0][0] < block.at:
            _, name, content = files.pop(0)
            (tmp_path / name).write_text(content, encoding="utf-8")
        if not block.why:
            printed = "".join(_printed(block.commands(), tmp_path))
            assert [line for line in block.shown.splitlines() if line != "…" and line not in printed] == []


def test_what_is_not_run_says_why() -> None:
    assert {block.why for block in ALL} <= {
        "",
        "changes your shell",
        "needs a cluster",
        "needs other tools",
        "runs until it is stopped",
    }
    assert sum(not block.why for block in ALL) > 10


@pytest.mark.parametrize("block", ALL, ids=lambda block: f"{block.page.stem}: {block.script[:40]!r}")
def test_every_command_exists_with_its_options(block: Block) -> None:
    assert subprocess.run(["bash", "-n", "-c", block.script], check=False).returncode == 0, block.script
    for command in block.commands():
        for part in re.split(r"\||&&|;|(?<!\d)>", command):
            words = shlex.split(part, comments=True)
            if words and words[0] == "injector":
                _parse(words[1:])


def _parse(words: list[str]) -> None:
    """Raise a usage error for a command or an option that does not exist."""
    command = get_command(application)
    context = command.make_context("injector", [], resilient_parsing=True)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found, words
        command, words = found, words[1:]
        context = command.make_context(str(command.name), [], resilient_parsing=True)
    command.make_parser(context).parse_args(words)
