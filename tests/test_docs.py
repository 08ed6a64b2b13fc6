"""Every link in the documentation leads somewhere, every page is reached, and every citation names a section."""

import dataclasses
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.openapi.utils import get_openapi
from starlette.routing import Route

from injector.cluster.trial_pods import CAUSES
from injector.cluster.watch import Status
from injector.core.model import EMPTY_SNAPSHOT
from injector.runtime.preview import try_configuration
from injector.server.app import create_pages
from injector.server.page import page_routes
from injector.server.preview_api import preview_route
from injector.server.state import Service, State
from injector.server.telemetry import Telemetry
from tests.support import REPOSITORY, default_setup

DOCS = REPOSITORY / "docs"
_ROOTS = ("docs", "samples", "templates", "charts", "tests/conformance", ".github")
PAGES = sorted(
    [*REPOSITORY.glob("*.md"), *(page for root in _ROOTS for page in (REPOSITORY / root).rglob("*.md"))],
)
_FENCE = re.compile(r"^( *)```.*?^\1```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_CITING = ("injector", "certs", "tests", "tools", "templates", "charts", "docs")
_SUFFIXES = {".py", ".md", ".j2", ".yaml", ".tpl"}
_CITATION = re.compile(r"\b[Rr]eference (?:sections? )?(\d+(?:\.\d+)*(?:(?:,| and| to|, and) \d+(?:\.\d+)*)*)")


def headings_of(page: Path) -> list[str]:
    return _HEADING.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives headings: lower case, spaces as dashes, without other punctuation."""
    texts = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in headings_of(page))
    return {re.sub(r"[^\w\- ]", "", text.strip().lower()).replace(" ", "-") for text in texts}


def links_of(page: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", page.read_text(encoding="utf-8")))
    return (link for link in _LINK.findall(text) if "://" not in link and not link.startswith("mailto:"))


def linked(page: Path, link: str) -> Path:
    return (page.parent / link.partition("#")[0]).resolve() if not link.startswith("#") else page


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(REPOSITORY)))
def test_every_link_of_a_page_resolves(page: Path) -> None:
    for link in links_of(page):
        target, anchor = linked(page, link), link.partition("#")[2]
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_every_page_is_reached_from_the_index() -> None:
    reached, pending = set[Path](), [DOCS / "index.md"]
    while pending:
        page = pending.pop()
        if page not in reached and page.suffix == ".md" and page.is_file():
            reached.add(page)
            pending += [linked(page, link) for link in links_of(page)]
    assert [page for page in PAGES if page.is_relative_to(DOCS) and page not in reached] == []


def test_the_page_for_operators_knows_every_cause_that_check_names() -> None:
    page = (DOCS / "operations.md").read_text(encoding="utf-8")
    assert [each.cause for each in CAUSES if each.cause not in page] == []


def test_every_field_of_readyz_is_described() -> None:
    page = (DOCS / "availability.md").read_text(encoding="utf-8")
    described = page[page.index("## What /readyz says") :]
    fields = re.findall(r"^\| `([^`]+)`", described, re.MULTILINE)
    status = [f".{each.name}" for each in dataclasses.fields(Status)]
    assert {"ready", "draining", "waiting", "configuration", "fault", "namespaces", "cluster", "certificates"} <= set(
        fields
    )
    assert [each for each in status if f"…{each}" not in fields] == []


def _citations() -> Iterator[tuple[Path, str]]:
    for root in _CITING:
        for file in sorted((REPOSITORY / root).rglob("*")):
            if file.suffix in _SUFFIXES and file.is_file():
                for found in _CITATION.findall(file.read_text(encoding="utf-8")):
                    yield from ((file, number) for number in re.findall(r"\d+(?:\.\d+)*", found))


def test_every_citation_of_the_reference_names_a_section() -> None:
    sections = {heading.partition(" ")[0].rstrip(".") for heading in headings_of(DOCS / "reference.md")}
    citations = list(_citations())
    assert len(citations) > 100
    assert [f"{file.relative_to(REPOSITORY)}: {number}" for file, number in citations if number not in sections] == []


def test_sections_that_the_reference_names_itself_exist() -> None:
    text = (DOCS / "reference.md").read_text(encoding="utf-8")
    sections = {heading.partition(" ")[0].rstrip(".") for heading in headings_of(DOCS / "reference.md")}
    assert {number for number in re.findall(r"\bsections? (\d+(?:\.\d+)*)", text) if number not in sections} == set()


def test_the_contract_names_every_route_and_every_parameter() -> None:
    service = Service(State(default_setup(), EMPTY_SNAPSHOT))
    preview, page = preview_route(service, configure=try_configuration), page_routes()
    routes = (*create_pages(service, Telemetry(io.BytesIO())).routes, *preview.routes, *page.routes)
    paths = {route.path.replace("{name}", "NAME") for route in routes if isinstance(route, Route)}
    described = get_openapi(title="preview", version="1", routes=preview.routes)["paths"]
    asked = {each["name"] for path in described.values() for each in path["post"]["parameters"]}
    contract = (DOCS / "contract.md").read_text(encoding="utf-8")
    assert paths - set(re.findall(r"[ `](/[\w./]*)", contract)) == set()
    assert asked - set(re.findall(r"[?](\w+)=", contract)) == set()
