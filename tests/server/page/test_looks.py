"""How the page looks and what it may do: sizes, colours, paper, assistive technology, the policy."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from playwright.sync_api import expect

from tests.server.page.browsing import OUTPUT, OpenPage, needs_chromium

Opened = Callable[..., OpenPage]
TABS = ("Decision", "Pod", "Diff", "Patch", "Result")


# The two that have the least in common come first; `make e2e` has the time for all.
_LOOKS = [(1920, 1080, "light"), (360, 800, "dark")]
_MORE_LOOKS = [(1920, 1080, "dark"), (360, 800, "light"), (1440, 900, "light"), (1440, 900, "dark")]


@needs_chromium
@pytest.mark.parametrize(
    ("width", "height", "scheme"), [*_LOOKS, *(pytest.param(*look, marks=pytest.mark.e2e) for look in _MORE_LOOKS)]
)
def test_every_view_fits_and_is_accessible(opened: Opened, width: int, height: int, scheme: Any) -> None:
    opened_page = opened(viewport={"width": width, "height": height}, color_scheme=scheme)
    for name in TABS:
        expect(opened_page.tab(name)).to_be_visible()
        assert opened_page.page.evaluate("document.documentElement.scrollWidth") <= width
        opened_page.keep_picture(f"{width}-{scheme}-{name.lower()}", whole=width == 360)
        opened_page.is_accessible()


@needs_chromium
def test_everything_is_reached_with_the_keyboard_alone(opened: Opened) -> None:
    page = opened().page
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "tab-decision":
            break
    assert {"smaller", "share", "samples", "file", "text", "namespace", "labels", "workload", "tab-decision"} <= set(
        reached
    )
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-pod")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#panel-result")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-decision")).to_be_visible()


@needs_chromium
def test_paper_gets_the_answer_and_nothing_to_press(opened: Opened) -> None:
    opened_page = opened(color_scheme="dark")
    opened_page.tab("Diff")
    opened_page.page.emulate_media(media="print", color_scheme="light")
    for gone in ("form", "#list", "header .actions", "[role=tablist]"):
        expect(opened_page.page.locator(gone).first).to_be_hidden()
    expect(opened_page.page.locator("#detail-name")).to_be_visible()
    opened_page.keep_picture("print", whole=True)
    OUTPUT.mkdir(exist_ok=True)
    assert opened_page.page.pdf(path=OUTPUT / "page-print.pdf").count(b"/Type /Page") > 1


def test_the_page_is_served_under_a_strict_policy(client: httpx.Client) -> None:
    response = client.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "data:" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<style" not in response.text
    assert client.get("/page/main.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/page/__init__.py").status_code == 404
    assert client.get("/page/nope.js").status_code == 404
