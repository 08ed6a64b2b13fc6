"""The preview page in a real browser: the whole flow, with the keyboard, in the dark, on a narrow screen."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.server.running import Running
from tests.support import PUBLIC_CASES, REPOSITORY

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
OUTPUT = REPOSITORY / "tests" / "output"
POD = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: shop\nspec:\n  containers:\n  - name: app\n    image: x\n"

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="needs Chromium: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


class Watched:
    """A page, and what it did that it should not have done."""

    def __init__(self, browser: Browser, url: str, **context: Any) -> None:
        made = browser.new_context(ignore_https_errors=True, **context)
        self.page: Page = made.new_page()
        self.faults: list[str] = []
        self.page.on("console", lambda message: self._note(message.type == "error", message.text))
        self.page.on("pageerror", lambda error: self._note(True, str(error)))
        self.page.on("request", lambda request: self._note(not request.url.startswith(url), request.url))
        self.page.goto(url + "/")
        expect(self.page.locator("#status")).to_contain_text("workload")

    def _note(self, wrong: bool, what: str) -> None:
        if wrong:
            self.faults.append(what)

    def is_accessible(self) -> None:
        found = Axe().run(self.page).response["violations"]
        serious = [each for each in found if each["impact"] in ("serious", "critical")]
        assert [(each["id"], [node["html"] for node in each["nodes"]][:3]) for each in serious] == []

    def shows(self, name: str) -> None:
        """Keeps a picture for a person to look at."""
        OUTPUT.mkdir(exist_ok=True)
        self.page.screenshot(path=OUTPUT / f"page-{name}.png")


@pytest.fixture
def opened(browser: Browser, running: Running) -> Iterator[Any]:
    made: list[Watched] = []

    def open_page(**context: Any) -> Watched:
        made.append(Watched(browser, running.url, **context))
        return made[-1]

    yield open_page
    for each in made:
        assert each.faults == []
        each.page.context.close()


def test_the_whole_flow(opened: Any) -> None:
    watched = opened(viewport={"width": 1440, "height": 1000})
    page = watched.page
    expect(page.locator("#status")).to_have_text("3 workloads: 2 injected, 1 skipped, 2 warnings")
    expect(page.locator("#panel-decision")).to_contain_text("NamespaceLabel")
    expect(page.locator("#panel-decision")).to_contain_text('did you mean "sidecar.istio.io/proxyCPU"?')
    watched.shows("decision")
    watched.is_accessible()
    for name in ("Diff", "Patch", "Result"):
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tabpanel", name=name)).to_be_visible()
        watched.shows(name.lower())
        watched.is_accessible()
    page.get_by_role("radio", name="legacy-catalog").click()
    page.get_by_role("tab", name="Diff").click()
    expect(page.locator("#panel-diff")).to_have_text("Nothing would change.")


def test_the_result_and_both_diffs_are_what_the_server_says(opened: Any) -> None:
    page = opened(viewport={"width": 1440, "height": 1000}).page
    with page.expect_response("**/preview?*") as answered:
        page.get_by_role("button", name="Preview").click()
    item = json.loads(answered.value.text())[0]
    page.get_by_role("tab", name="Result").click()
    assert (
        yaml.safe_load("\n".join(page.locator("#panel-result td:not(.number)").all_text_contents())) == item["result"]
    )
    page.get_by_role("tab", name="Diff").click()
    page.get_by_label("Inline").check()
    while page.locator(".fold button, .more").count():
        page.locator(".fold button, .more").first.click()
    rows = [
        (row.removeprefix("added: ").removeprefix("removed: "))
        for row in page.locator("#panel-diff td:not(.number)").all_text_contents()
    ]
    for marks, side in ((" -", "object"), (" +", "result")):
        assert yaml.safe_load("\n".join(row[2:] for row in rows if row[0] in marks)) == item[side]
    assert page.locator("#panel-patch .operations li").count() == len(item["patch"])


WRONG = [
    ({"a": 1, "b": [{"name": "x", "v": 1}, {"name": "y"}]}, {"b": [{"name": "y"}, {"name": "x", "v": 2}], "c": "yes"}),
    ({"a": [{"v": 1, "name": "x"}]}, {"a": [{"v": 2, "name": "x"}, {"u": 0, "name": "z"}]}),
    ({"a": [1, 2, 3]}, {"a": [1, 3, 4]}),
    ({"a": [[1], [2]]}, {"a": [[1], [3]]}),
    ({"a": {"b": {}}, "t": "x\ny\n"}, {"a": {"b": None}, "t": "x\nz"}),
    ({"a": [{"name": "x", "in": {"k": 1}}]}, {"a": [{"in": {"k": 2}, "name": "x"}]}),
    (
        {"a": "1e3", "b": "null", "c": "- x", "d": "2024-01-01", "e": 'say "hi"'},
        {"a": "0x1", "b": ":", "c": "#", "d": ""},
    ),
]


def test_compared_lines_read_back_as_both_sides(opened: Any) -> None:
    """For pairs that are hard to compare, and for every workload of the samples and of the public cases."""
    page = opened().page
    files = [*(REPOSITORY / "samples" / "bookinfo").glob("*.yaml"), *(PUBLIC_CASES / "cases").glob("*/input.yaml")]
    script = """async ([text, pairs]) => {
        const {compare} = await import("/page/compare.js");
        const {ask} = await import("/page/ask.js");
        const items = text ? await ask({text, namespace: "default"}) : [];
        const all = [...pairs, ...items.map((item) => [item.object, item.result])];
        return all.map(([before, after]) => ({before, after, rows: compare(before, after)}));
    }"""
    for text, pairs in [("", WRONG), *((file.read_text(encoding="utf-8"), []) for file in files)]:
        for found in page.evaluate(script, [text, pairs]):
            for gone, side in (("+", "before"), ("-", "after")):
                lines = "".join(f"{row['text']}\n" for row in found["rows"] if row["mark"] != gone)
                assert yaml.safe_load(lines) == found[side], lines


def test_the_namespace_s_labels_decide(opened: Any) -> None:
    page = opened().page
    page.get_by_label("Labels of the namespace").fill("istio-injection=disabled")
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#status")).to_contain_text("3 skipped")
    expect(page.locator("#panel-decision")).to_contain_text("NamespaceLabel")


def test_a_link_holds_the_question_and_nothing_of_it_is_sent_but_to_the_preview(opened: Any) -> None:
    page = opened().page
    page.get_by_label("Workloads, in YAML or JSON").fill(POD)
    page.get_by_role("button", name="Preview").click()
    expect(page.locator("#status")).to_contain_text("1 workload")
    link = page.url
    page.get_by_role("button", name="Sample").click()
    expect(page.locator("#status")).to_contain_text("3 workloads")
    page.goto(link)
    expect(page.locator("#status")).to_contain_text("1 workload:")
    expect(page.get_by_label("Workloads, in YAML or JSON")).to_have_value(POD)


def test_files_are_dropped_and_opened(opened: Any) -> None:
    page = opened().page
    page.evaluate(
        """(text) => {
            const dropped = new DataTransfer();
            dropped.items.add(new File([text], "pod.yaml"));
            const event = {dataTransfer: dropped, bubbles: true, cancelable: true};
            document.body.dispatchEvent(new DragEvent("drop", event));
        }""",
        POD,
    )
    expect(page.locator("#status")).to_contain_text("1 workload")
    files: list[Any] = [{"name": f"{n}.yaml", "mimeType": "text/yaml", "buffer": POD.encode()} for n in range(2)]
    page.locator("#file").set_input_files(files)
    expect(page.locator("#status")).to_contain_text("2 workloads")


def test_a_fault_is_told_where_it_is_heard(opened: Any) -> None:
    watched = opened()
    page = watched.page
    page.get_by_label("Workloads, in YAML or JSON").fill("a: [")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("document 1: line 2: not YAML")
    watched.is_accessible()
    # A refused request is an error in the console, and the only one.
    assert all("400" in fault for fault in watched.faults)
    watched.faults.clear()


def test_everything_works_with_the_keyboard_alone(opened: Any) -> None:
    page = opened(viewport={"width": 1280, "height": 900}).page
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.className"))
        if reached[-1] == "tab-decision":
            break
    assert {"text", "namespace", "labels", "ask", "workload", "tab-decision"} <= set(reached)
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-diff")).to_be_visible()
    page.keyboard.press("End")
    expect(page.locator("#panel-result")).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#panel-decision")).to_be_visible()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("radio", name="legacy-catalog")).to_be_checked()
    expect(page.locator("#panel-decision")).to_contain_text("PodLabel")
    page.locator("#text").focus()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(POD)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#status")).to_contain_text("1 workload")


def test_it_is_readable_in_the_dark(opened: Any) -> None:
    watched = opened(viewport={"width": 1440, "height": 1000}, color_scheme="dark")
    watched.shows("dark")
    watched.is_accessible()
    watched.page.get_by_role("tab", name="Diff").click()
    watched.shows("dark-diff")
    watched.is_accessible()


def test_it_fits_on_a_screen_of_360_pixels(opened: Any) -> None:
    watched = opened(viewport={"width": 360, "height": 800})
    page = watched.page
    for name in ("Decision", "Diff", "Patch", "Result"):
        page.get_by_role("tab", name=name).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        page.get_by_role("tab", name=name).scroll_into_view_if_needed()
        watched.shows(f"narrow-{name.lower()}")
    watched.is_accessible()
    page.evaluate("scrollTo(0, 0)")
    watched.shows("narrow")


def test_the_page_is_served_under_a_strict_policy(client: httpx.Client) -> None:
    response = client.get("/")
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert "<style" not in response.text
    assert client.get("/page/main.js").headers["content-type"] == "text/javascript; charset=utf-8"
    assert client.get("/page/__init__.py").status_code == 404
    assert client.get("/page/nope.js").status_code == 404
