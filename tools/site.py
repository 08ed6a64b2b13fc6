"""The documentation as a site: the pages of the repository where they are, with the navigation of docs/index.md.

`make site` calls it in an environment with Zensical, which requirements-site.lock pins; it imports nothing of ours.
"""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
SETTINGS = REPOSITORY / "tools" / "mkdocs.yml"
INDEX = Path("docs/index.md")
HOME = Path("README.md")
BUILD = REPOSITORY / "build" / "site"

_ROW = re.compile(r"^\| (?P<first>.+?) \|", re.MULTILINE)
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)\s#]+)(?P<anchor>#[^)\s]*)?\)")
_SECTION = re.compile(r"\*\*(.+)\*\*")


def navigation(repository: Path = REPOSITORY) -> list[dict[str, object]]:
    """The table of docs/index.md: its sections, and the pages in each with the names that they have there."""
    entries: list[dict[str, object]] = [{"Home": str(HOME)}, {"Documentation": str(INDEX)}]
    pages: list[dict[str, str]] = []
    for row in _ROW.finditer((repository / INDEX).read_text(encoding="utf-8")):
        section = _SECTION.fullmatch(row["first"])
        if section:
            pages = []
            entries.append({section[1]: pages})
        for link in _LINK.finditer(row["first"]):
            page = _inside(repository, INDEX, link["target"])
            if page and page != HOME:
                pages.append({link["text"][:1].upper() + link["text"][1:]: str(page)})
    return entries


def pages_of(repository: Path = REPOSITORY) -> Mapping[Path, str]:
    """Every page that is reached from the index, with its text; links to folders are text, as no page shows those."""
    found: dict[Path, str] = {}
    pending = [INDEX, HOME]
    while pending:
        page = pending.pop()
        if page in found:
            continue
        text = (repository / page).read_text(encoding="utf-8")
        found[page] = _LINK.sub(partial(_kept, repository, page), text)
        pending += [each for each in _linked(repository, page, text) if each.suffix == ".md"]
    return found


def files_of(repository: Path = REPOSITORY) -> list[Path]:
    """The files, other than pages, to which pages link."""
    linked = (each for page, text in pages_of(repository).items() for each in _linked(repository, page, text))
    return sorted({each for each in linked if each.suffix != ".md" and (repository / each).is_file()})


def _linked(repository: Path, page: Path, text: str) -> Iterator[Path]:
    for link in _LINK.finditer(text):
        target = _inside(repository, page, link["target"])
        if target:
            yield target


def _inside(repository: Path, page: Path, target: str) -> Path | None:
    """The file or folder of the repository that `target` of a link on `page` names; None where it names none."""
    path = (repository / page.parent / target).resolve()
    return path.relative_to(repository) if path.is_relative_to(repository) and path.exists() else None


def _kept(repository: Path, page: Path, link: re.Match[str]) -> str:
    target = _inside(repository, page, link["target"])
    return link["text"] if target and (repository / target).is_dir() else link[0]


def write(directory: Path) -> Path:
    """Write pages, files and settings below `directory`, which is emptied first; the file of settings."""
    shutil.rmtree(directory, ignore_errors=True)
    for page, text in pages_of().items():
        file = directory / "pages" / page
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    for name in files_of():
        file = directory / "pages" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, file)
    settings = {"INHERIT": str(SETTINGS), "docs_dir": "pages", "site_dir": "html", "nav": navigation()}
    file = directory / "mkdocs.yml"
    # JSON is YAML.
    file.write_text(json.dumps(settings, indent=2), encoding="utf-8")
    return file


def main() -> None:
    """Build the site below build/site. Warnings are errors."""
    settings = write(BUILD)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--config-file", str(settings)]
    subprocess.run(command, check=True)  # noqa: S603 -- our own words
    print(f"{BUILD / 'html'}/index.html")


if __name__ == "__main__":
    main()
