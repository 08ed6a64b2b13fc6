"""A page in a real browser, as tests see it."""

import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support import REPOSITORY

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
OUTPUT = REPOSITORY / "tests" / "output"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"

# A machine may be busy with other tests.
expect.set_options(timeout=20_000)

needs_chromium = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium")


def write(editor: Locator, text: str) -> None:
    """Write `text` in place of what `editor` holds, as somebody would who selects all and pastes."""
    editor.click()
    editor.press("Control+a")
    editor.page.keyboard.insert_text(text)


class OpenPage:
    """A page, and what it did that it should not have done."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        """Open the page at `url`, and wait for its first answer."""
        made = browser.new_context(ignore_https_errors=True, **context)
        self.page: Page = made.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self._note(message.type == "error", message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("request", lambda request: self._note(not request.url.startswith(url), request.url))
        self.page.goto(url + "/")
        self.says("workload")

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.faults.append(what)

    @property
    def workloads(self) -> Locator:
        """The editor of the workloads."""
        return self.page.get_by_role("textbox", name="Workloads, in YAML or JSON")

    def says(self, text: str | re.Pattern[str]) -> None:
        """Wait until the line about the whole answer has `text` in it."""
        expect(self.page.locator("#status")).to_contain_text(text)

    def write(self, text: str) -> None:
        """Write `text` into the editor of the workloads, in place of what is there."""
        write(self.workloads, text)

    def open_file(self, text: str) -> None:
        """Open a file that holds `text`."""
        self.page.locator("#file").set_input_files(
            {"name": "all.yaml", "mimeType": "text/yaml", "buffer": text.encode()}
        )

    def tab(self, name: str) -> Locator:
        """Choose a tab; its panel."""
        self.page.get_by_role("tab", name=name, exact=True).click()
        return self.page.get_by_role("tabpanel", name=name, exact=True)

    def option(self, name: str) -> Locator:
        """A workload of the list."""
        return self.page.get_by_role("option", name=re.compile(rf"^{name}\b"))

    def link(self) -> str:
        """The link to what is looked at, as somebody copies it."""
        button = self.page.locator("#share")
        button.click()
        expect(button).not_to_have_text("Copy link")
        return self.page.url

    def is_accessible(self) -> None:
        """Hold the page against axe-core's rules."""
        found = Axe().run(self.page).response["violations"]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in found] == []

    def keep_picture(self, name: str, *, whole: bool = False) -> None:
        """Keep a picture for a person to look at."""
        OUTPUT.mkdir(exist_ok=True)
        self.page.screenshot(path=OUTPUT / f"page-{name}.png", full_page=whole)

    def refused(self) -> None:
        """Take note of a refused request: it is an error in the console, and the only one."""
        assert self.faults
        assert all("400" in fault for fault in self.faults)
        self.faults.clear()
