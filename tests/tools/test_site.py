"""The site has every page of the documentation, and each of its links leads to something that is in it."""

import re
from pathlib import Path

import pytest

from tests.support import REPOSITORY
from tools.site import files_of, navigation, pages_of, write

_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = Path(tmp_path_factory.mktemp("site"))
    write(directory)
    return directory / "pages"


def test_every_page_of_the_documentation_is_in_the_navigation() -> None:
    sections = [pages for entry in navigation() for pages in entry.values() if isinstance(pages, list)]
    named = {page for pages in sections for entry in pages for page in entry.values()}
    docs = {str(page.relative_to(REPOSITORY)) for page in (REPOSITORY / "docs").glob("*.md")}
    assert docs - named == {"docs/index.md"}
    assert len(sections) > 3


def test_titles_in_a_section_differ() -> None:
    for entry in navigation():
        for pages in entry.values():
            titles = [title for page in pages for title in page] if isinstance(pages, list) else []
            assert len(titles) == len(set(titles)), titles


def test_every_link_leads_into_the_site(written: Path) -> None:
    for page in pages_of():
        text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", (written / page).read_text(encoding="utf-8")))
        for link in _LINK.findall(text):
            assert "://" in link or link.startswith("mailto:") or (written / page.parent / link).is_file(), (page, link)


def test_files_that_pages_show_come_along(written: Path) -> None:
    assert Path("samples/telemetry/dashboard.json") in files_of()
    assert (written / "samples/telemetry/dashboard.json").is_file()


def test_nothing_is_loaded_from_elsewhere() -> None:
    assert "font: false" in (REPOSITORY / "tools" / "mkdocs.yml").read_text(encoding="utf-8")
