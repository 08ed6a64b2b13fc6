"""What the page shows of one workload: decision, pod, diff, patch, result."""

import json
import re
from collections.abc import Callable

import yaml
from playwright.sync_api import Page, expect

from tests.server.page.browsing import POD, OpenPage, needs_chromium
from tests.support import PUBLIC_CASES, REPOSITORY

pytestmark = needs_chromium
Opened = Callable[..., OpenPage]


def test_the_rule_that_decided_comes_first(opened: Opened) -> None:
    panel = opened().tab("Decision")
    expect(panel).to_contain_text("NamespaceLabel")
    expect(panel).to_contain_text('did you mean "sidecar.istio.io/proxyCPU"?')
    expect(panel.locator("li:visible .rule")).to_have_text(["policy"])
    panel.get_by_text("other rules looked at, in order").click()
    expect(panel.locator("li:visible .rule").nth(1)).to_have_text("mirror pod")


def test_the_picture_shows_what_was_added(opened: Opened) -> None:
    opened_page = opened()
    panel = opened_page.tab("Pod")
    before, after = panel.get_by_label("The pod before"), panel.get_by_label("The pod after")
    expect(before.locator(".box .title")).to_have_text(["reviews"])
    expect(after.locator(".box .title")).to_have_text(["istio-init added", "reviews changed", "istio-proxy added"])
    expect(before.locator(".added, .changed")).to_have_count(0)
    assert after.locator(".volume.added").count() == after.locator(".volume").count() > 3
    expect(after.locator(".box").nth(1)).to_contain_text(":9080")


def test_init_containers_are_in_order_and_native_sidecars_named(opened: Opened) -> None:
    opened_page = opened()
    opened_page.write(
        'apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\n  annotations: {sidecar.istio.io/nativeSidecar: "true"}\n'
        "spec:\n  initContainers:\n  - {name: migrate, image: m}\n  containers:\n  - {name: app, image: x}\n"
    )
    opened_page.says("1 workload")
    titles = opened_page.tab("Pod").get_by_label("The pod after").locator("ol .box")
    expect(titles.locator(".title")).to_have_text(["istio-init added", "istio-proxy added", "migrate"])
    expect(titles.nth(1)).to_contain_text("native sidecar")
    expect(titles.nth(2)).not_to_contain_text("native sidecar")


def test_changes_are_gone_through_one_by_one(opened: Opened) -> None:
    opened_page = opened()
    panel = opened_page.tab("Diff")
    where = panel.locator(".steps .where")
    panel.get_by_role("button", name="Next change").click()
    count = panel.locator("[data-change]").count()
    assert count > 4
    expect(where).to_have_text(f"1 of {count}")
    expect(panel.locator(".current")).to_contain_text("security.istio.io/tlsMode")
    panel.get_by_role("button", name="Previous change").click()
    expect(where).to_have_text(f"{count} of {count}")
    panel.get_by_role("region", name="Changes").press("n")
    expect(where).to_have_text(f"1 of {count}")
    expect(panel.locator(".current")).to_be_in_viewport()


def test_a_container_is_folded_away(opened: Opened) -> None:
    panel = opened().tab("Diff")
    head = panel.get_by_role("button", name="container istio-proxy: added")
    expect(panel.get_by_text("ISTIO_META_CLUSTER_ID")).to_be_visible()
    head.click()
    expect(panel.get_by_text("ISTIO_META_CLUSTER_ID")).to_be_hidden()
    expect(head).to_have_attribute("aria-expanded", "false")
    head.click()
    expect(panel.get_by_text("ISTIO_META_CLUSTER_ID")).to_be_visible()


def test_containers_of_a_list_that_is_new_are_folded_one_by_one(opened: Opened) -> None:
    panel = opened().tab("Diff")
    expect(panel.locator(".owner button")).to_contain_text(
        ["container reviews: +2", "container istio-proxy: added", "init container istio-init: added"]
    )
    panel.get_by_role("button", name="init container istio-init: added").click()
    expect(panel.get_by_text("istio-iptables")).to_be_hidden()
    expect(panel.get_by_text("initContainers:")).to_be_visible()
    expect(panel.get_by_text("istiod-ca-cert").last).to_be_visible()


def test_the_record_of_the_injection_is_folded(opened: Opened) -> None:
    panel = opened().tab("Diff")
    row = panel.locator("tr", has_text="sidecar.istio.io/status:")
    expect(row).not_to_contain_text("istio-envoy")
    row.get_by_role("button").click()
    expect(row).to_contain_text("istio-envoy")


def test_what_is_nearly_all_added_is_shown_inline(opened: Opened) -> None:
    opened_page = opened()
    opened_page.tab("Diff")
    expect(opened_page.page.get_by_label("Inline")).to_be_checked()
    variables = "".join(f"    - {{name: V{number}, value: '1'}}\n" for number in range(300))
    opened_page.write(f"{POD}    env:\n{variables}")
    opened_page.says("1 workload:")
    expect(opened_page.page.get_by_label("Side by side")).to_be_checked()
    opened_page.page.get_by_label("Inline").check()
    expect(opened_page.page.locator(".code.inline")).to_be_visible()
    opened_page.option("shop").click()
    expect(opened_page.page.get_by_label("Inline")).to_be_checked()


def test_an_added_line_leads_to_the_template_or_annotation_that_made_it(opened: Opened) -> None:
    opened_page = opened()
    opened_page.write(POD.replace("name: shop", "name: shop\n  annotations: {sidecar.istio.io/logLevel: debug}"))
    opened_page.says("1 workload")
    panel = opened_page.tab("Diff")
    expect(panel.locator(".origin")).to_have_count(0)
    panel.get_by_role("button", name="Origins").click()
    line = panel.locator("tr", has_text="--proxyLogLevel=debug")
    expect(line.locator(".origin")).to_contain_text("annotation sidecar.istio.io/logLevel")
    image = panel.locator("tr.added", has_text="/proxyv2:").first
    expect(image.locator(".origin")).to_have_text(re.compile(r"^← \w+:\d+"))
    assert "image" in str(image.locator(".origin").get_attribute("title"))
    expect(panel.locator("tr", has_text="sidecar.istio.io/status").locator(".origin")).to_have_text(
        "← the injection itself"
    )
    # Lines whose value comes from somewhere: nearly all but the heads of lists and mappings.
    assert panel.locator(".origin").count() > 0.5 * panel.locator("tr.added").count()
    opened_page.keep_picture("origins")
    opened_page.is_accessible()
    panel.get_by_role("button", name="Origins").click()
    expect(panel.locator(".origin")).to_have_count(0)


def test_a_workload_that_stays_as_it_is_has_no_diff(opened: Opened) -> None:
    opened_page = opened()
    opened_page.option("legacy-catalog").click()
    expect(opened_page.tab("Diff")).to_have_text("Nothing would change.")
    expect(opened_page.tab("Patch")).to_contain_text("There is no patch")


def test_the_result_and_both_diffs_are_what_the_server_says(opened: Opened) -> None:
    opened_page = opened()
    page = opened_page.page
    with page.expect_response("**/preview?*") as answered:
        opened_page.workloads.press("Control+Enter")
    item = json.loads(answered.value.text())[0]
    result = opened_page.tab("Result").locator("td:not(.number)").all_text_contents()
    assert yaml.safe_load("\n".join(result)) == item["result"]
    panel = opened_page.tab("Diff")
    panel.get_by_label("Inline").check()
    while panel.locator(".fold button, .more").count():
        panel.locator(".fold button, .more").first.click()
    rows = [
        row.removeprefix("added: ").removeprefix("removed: ")
        for row in panel.locator("td:not(.number, [colspan])").all_text_contents()
    ]
    for marks, side in ((" -", "object"), (" +", "result")):
        assert yaml.safe_load("\n".join(row[2:] for row in rows if row[0] in marks)) == item[side]
    assert opened_page.tab("Patch").locator(".operations li").count() == len(item["patch"])


HARD_PAIRS = [
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
_COMPARED = """async ([text, pairs]) => {
    const {compare} = await import("/page/compare.js");
    const {podAt} = await import("/page/picture.js");
    const request = {method: "POST", body: text, headers: {"Content-Type": "application/yaml"}};
    const items = text ? await (await fetch("/preview", request)).json() : [];
    const all = [...pairs, ...items.map((item) => [item.object, item.result])];
    const drawn = items.filter((item) => podAt(item.object, item.path).spec).length;
    return [items.length - drawn, all.map(([before, after]) => ({before, after, rows: compare(before, after)}))];
}"""


def test_compared_lines_read_back_as_both_sides(opened: Opened) -> None:
    """For pairs that are hard to compare, and for every workload of the samples and of the public cases."""
    page: Page = opened().page
    files = [*(REPOSITORY / "samples" / "bookinfo").glob("*.yaml"), *(PUBLIC_CASES / "cases").glob("*/input.yaml")]
    for text, pairs in [("", HARD_PAIRS), *((file.read_text(encoding="utf-8"), []) for file in files)]:
        without_pod, compared = page.evaluate(_COMPARED, [text, pairs])
        assert without_pod == 0
        for found in compared:
            for gone, side in (("+", "before"), ("-", "after")):
                lines = "".join(f"{row['text']}\n" for row in found["rows"] if row["mark"] != gone)
                assert yaml.load(lines, Loader=yaml.CSafeLoader) == found[side], lines
            for row in found["rows"]:
                assert row["mark"] == "-" or _at(found["after"], row["path"]) is not MISSING, row


MISSING = object()


def _at(value: object, pointer: str) -> object:
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return MISSING
    return value
