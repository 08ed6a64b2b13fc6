"""A browser for the tests of this folder, and pages in it that must do nothing wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from injector.runtime.preview import try_configuration
from injector.server.preview_server import create_preview_app
from injector.server.run import Listening, bind, server_for, serving
from tests.server.page.browsing import CHROMIUM, FLAGS, OpenPage
from tests.server.running import Running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. No longer than for these tests: while it is there, an event loop of its own runs."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def preview_url(running: Running) -> Iterator[str]:
    """A preview that has a process of its own, and so lets configurations be tried."""
    app = create_preview_app(running.service, None, try_configuration)
    server = server_for(app, running.service, running.certificate)
    with serving(server, bind(Listening("127.0.0.1", 0))) as port:
        yield f"https://127.0.0.1:{port}"


@pytest.fixture
def opened(browser: Browser, running: Running) -> Iterator[Callable[..., OpenPage]]:
    """Opens a page; at the end of the test it must have made no fault."""
    made: list[OpenPage] = []

    def open_page(url: str = running.url, **context: Any) -> OpenPage:
        made.append(OpenPage(browser, url, **{"viewport": {"width": 1440, "height": 900}, **context}))
        return made[-1]

    yield open_page
    for each in made:
        assert each.faults == []
        each.page.context.close()
