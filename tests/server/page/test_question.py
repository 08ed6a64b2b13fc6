"""Asking on the page: as one types, from a link, a file or a sample; faults where they are."""

import json
import re
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Route, expect

from tests.server.page.browsing import POD, OpenPage, needs_chromium

pytestmark = needs_chromium
Opened = Callable[..., OpenPage]


def test_an_answer_follows_what_is_typed(opened: Opened) -> None:
    opened_page = opened()
    opened_page.says("3 workloads: 2 injected, 1 skipped, 2 warnings")
    opened_page.write(POD)
    opened_page.says("1 workload: 1 injected")
    opened_page.page.get_by_label("Labels of the namespace").fill("istio-injection=disabled")
    opened_page.says("1 workload: 1 skipped")
    opened_page.page.get_by_label("The namespace has just these labels").uncheck()
    opened_page.says("1 workload: 1 injected")
    opened_page.page.get_by_label("Namespace", exact=True).fill("kube-system")
    opened_page.says("1 workload: 1 skipped")
    expect(opened_page.page.locator("#panel-decision")).to_contain_text("IgnoredNamespace")


def test_the_chosen_workload_stays_chosen_while_one_types(opened: Opened) -> None:
    opened_page = opened()
    opened_page.option("legacy-catalog").click()
    opened_page.workloads.press("Control+Home")
    opened_page.page.keyboard.insert_text(f"{POD}---\n")
    opened_page.says("4 workloads")
    expect(opened_page.option("legacy-catalog")).to_have_attribute("aria-selected", "true")
    expect(opened_page.page.locator("#detail-name")).to_have_text("legacy-catalog")


def test_a_fault_is_marked_at_its_line(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    opened_page.write(f"{POD}---\nkind: Pod\nmetadata: [\n")
    expect(page.get_by_role("alert")).to_contain_text("document 2: line 12: not YAML")
    expect(page.locator(".cm-fault-mark")).to_have_attribute("title", re.compile("not YAML"))
    expect(page.locator("#faults")).to_contain_text("line 12: not YAML")
    expect(page.locator("#stale")).to_be_visible()
    opened_page.is_accessible()
    opened_page.keep_picture("fault")
    opened_page.refused()
    opened_page.write(POD)
    opened_page.says("1 workload")
    for gone in ("#stale", "#faults", "#fault", ".cm-fault-mark"):
        expect(page.locator(gone)).to_be_hidden()


def test_a_refused_workload_is_marked_where_it_begins(opened: Opened) -> None:
    opened_page = opened()
    refused = POD.replace("  name: shop", '  name: shop\n  annotations: {proxy.istio.io/config: "concurrency: many"}')
    opened_page.write(f"{POD}---\n{refused}")
    opened_page.says("2 workloads: 1 injected, 1 refused")
    expect(opened_page.page.locator(".cm-line.cm-fault")).to_have_text("apiVersion: v1")
    assert "concurrency" in str(opened_page.page.locator(".cm-fault-mark").get_attribute("title"))


def test_an_answer_to_an_earlier_text_is_called_stale(opened: Opened) -> None:
    opened_page = opened()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    opened_page.page.route("**/preview?*", hold)
    opened_page.write(POD)
    expect(opened_page.page.locator("#stale")).to_be_visible()
    expect(opened_page.page.locator("#found.stale #detail-name")).to_have_text("reviews-v1")
    opened_page.keep_picture("stale")
    while not held:
        opened_page.page.wait_for_timeout(20)
    held[0].continue_()
    opened_page.page.unroute("**/preview?*")
    opened_page.says("1 workload")
    expect(opened_page.page.locator("#stale")).to_be_hidden()


def test_a_late_answer_never_replaces_a_later_one(opened: Opened) -> None:
    opened_page = opened()
    script = """async () => {
        const {oneAtATime} = await import("/page/ask.js");
        const [begun, ends] = [[], []];
        const run = oneAtATime((name) => {
            begun.push(name);
            return new Promise((done) => ends.push(() => done(name)));
        });
        const all = ["a", "b", "c"].map((name) => run(name));
        ends[0]();
        await all[0];
        await new Promise((done) => setTimeout(done));
        ends[1]();
        return [begun, await Promise.all(all)];
    }"""
    begun, answers = opened_page.page.evaluate(script)
    assert begun == ["a", "c"]
    assert [answer for answer in answers if answer] == ["a", "c"]


def test_a_link_carries_question_workload_and_tab(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    opened_page.write(f"{POD}---\n{POD.replace('shop', 'till')}")
    opened_page.says("2 workloads")
    opened_page.option("till").click()
    opened_page.tab("Diff")
    expect(page.locator("#detail-name")).to_have_text("till")
    link = opened_page.link()
    page.goto("about:blank")
    page.goto(link)
    opened_page.says("2 workloads")
    expect(page.locator("#detail-name")).to_have_text("till")
    expect(page.get_by_role("tab", name="Diff")).to_have_attribute("aria-selected", "true")
    expect(opened_page.workloads).to_contain_text("name: till")


def test_files_are_dropped_and_opened(opened: Opened) -> None:
    opened_page = opened()
    for target in ("document.body", "document.querySelector('#text').shadowRoot.querySelector('.cm-content')"):
        opened_page.write("a: b")
        opened_page.page.evaluate(
            f"""(text) => {{
                const dropped = new DataTransfer();
                dropped.items.add(new File([text], "pod.yaml"));
                const event = {{dataTransfer: dropped, bubbles: true, cancelable: true, composed: true}};
                {target}.dispatchEvent(new DragEvent("drop", event));
            }}""",
            POD,
        )
        opened_page.says("1 workload")
        expect(opened_page.workloads).not_to_contain_text("a: b")
    files: list[Any] = [{"name": f"{n}.yaml", "mimeType": "text/yaml", "buffer": POD.encode()} for n in range(2)]
    opened_page.page.locator("#file").set_input_files(files)
    opened_page.says("2 workloads")
    opened_page.faults.clear()


def test_every_sample_shows_what_it_promises(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    samples = page.evaluate("async () => (await import('/page/samples.js')).SAMPLES")
    offered = [sample for sample in samples if "configuration" not in sample]
    assert len(offered) > 5
    for sample in offered:
        page.get_by_role("button", name="Samples").click()
        page.get_by_role("dialog").get_by_role("button", name=sample["title"]).click()
        expect(page.locator("#status")).to_have_text(sample["shows"])
    page.get_by_role("button", name="Samples").click()
    expect(page.get_by_role("dialog").get_by_role("listitem")).to_have_count(len(offered))
    opened_page.is_accessible()
    opened_page.keep_picture("samples")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()


def test_larger_text_is_kept_and_fits(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    for _ in range(9):
        if page.get_by_role("button", name="Larger text").is_enabled():
            page.get_by_role("button", name="Larger text").click()
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "28px"
    assert page.evaluate("document.documentElement.scrollWidth") <= 1440
    opened_page.keep_picture("large-text")
    page.reload()
    opened_page.says("3 workloads")
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "28px"


def test_the_input_can_make_room(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    before = page.locator("#detail").bounding_box()
    page.get_by_role("button", name="Hide input").click()
    after = page.locator("#detail").bounding_box()
    assert before
    assert after
    assert after["width"] > before["width"] * 1.3
    expect(opened_page.workloads).to_be_hidden()
    page.get_by_role("button", name="Show input").click()
    expect(opened_page.workloads).to_be_visible()


def test_only_what_changed_is_worked_on_again(opened: Opened) -> None:
    """The page asks for one whole item, and for another one alone when that is chosen."""
    opened_page = opened()
    with opened_page.page.expect_response("**/preview?*whole=0*") as answered:
        opened_page.workloads.press("Control+Enter")
    assert ["result" in item for item in json.loads(answered.value.text())] == [True, False, False]
    with opened_page.page.expect_response("**/preview?*only=1*") as answered:
        opened_page.option("legacy-catalog").click()
    assert [item["name"] for item in json.loads(answered.value.text())] == ["legacy-catalog"]


def test_control_and_enter_ask_at_once(opened: Opened) -> None:
    opened_page = opened()
    with opened_page.page.expect_response("**/preview?*"):
        opened_page.workloads.press("Control+Enter")
    opened_page.says("3 workloads")
    expect(opened_page.workloads).to_contain_text("# Reviews of a book: injected, because its namespace opts in.")
