"""Trying a configuration on the page: what it changes, and what is wrong with it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.server.page.browsing import POD, OpenPage, needs_chromium, write

# Each tries configurations in a process of its own: `make e2e` has the time for it.
pytestmark = [needs_chromium, pytest.mark.e2e]
Opened = Callable[..., OpenPage]

AUDIT = """templates:
  audit: |
    spec:
      containers:
      - name: audit
        image: registry.example/audit:1
defaultTemplates: [sidecar, audit]
"""


def configuration(opened_page: OpenPage) -> Locator:
    """The editor of the configuration, in view."""
    opened_page.page.get_by_role("tab", name="Configuration").click()
    return opened_page.page.get_by_role("textbox", name="Configuration and templates, in YAML")


def test_a_configuration_is_tried_beside_the_one_in_force(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    page = opened_page.page
    expect(page.get_by_text("injector serve --preview-port")).to_be_hidden()
    opened_page.write(POD)
    opened_page.says("1 workload: 1 injected")
    write(configuration(opened_page), AUDIT)
    opened_page.says("1 workload: 1 injected; 1 changed by the configuration")
    expect(opened_page.option("shop")).to_contain_text("gets another sidecar")
    expect(page.locator("#panel-decision")).to_contain_text("The configuration in force says: inject")
    opened_page.keep_picture("configuration")
    panel = opened_page.tab("Diff")
    expect(panel.get_by_role("button", name="container istio-proxy: added")).to_be_visible()
    page.get_by_label("the configuration in force").check()
    expect(panel.get_by_role("button", name="container istio-proxy: unchanged")).to_be_visible()
    expect(panel.get_by_role("button", name="container audit: added")).to_be_visible()
    opened_page.keep_picture("configuration-diff")
    expect(opened_page.tab("Pod").get_by_label("The pod after").locator(".box.added .title")).to_have_text(
        ["audit added"]
    )
    opened_page.is_accessible()


def test_a_configuration_that_changes_nothing_says_so(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    write(configuration(opened_page), "policy: enabled\n")
    opened_page.says("3 workloads: 2 injected, 1 skipped, 2 warnings; none changed by the configuration")
    expect(opened_page.page.locator("#panel-decision")).to_contain_text("Nothing changes for this workload.")


def test_workloads_that_lose_their_sidecar_come_into_view(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    pods = "---\n".join(POD.replace("shop", f"shop-{number}") for number in range(8))
    opened_page.open_file(pods)
    opened_page.says("8 workloads: 8 injected")
    write(configuration(opened_page), "policy: disabled\n")
    opened_page.page.get_by_label("The namespace has just these labels").uncheck()
    opened_page.says("8 workloads: 8 skipped; 8 changed by the configuration")
    opened_page.page.get_by_label("Group by").select_option("By change")
    expect(opened_page.page.locator("#workloads h3:visible")).to_have_text("loses its sidecar 8")


def test_faults_of_a_configuration_are_marked_at_their_lines(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    page = opened_page.page
    write(configuration(opened_page), AUDIT.replace("image:", "imge:"))
    expect(page.get_by_role("alert")).to_contain_text("imge")
    marked = page.locator("#configuration .cm-line.cm-fault", has_text="imge: registry.example/audit:1")
    expect(marked).to_be_visible()
    expect(page.locator("#stale")).to_be_visible()
    opened_page.is_accessible()
    opened_page.keep_picture("configuration-fault")
    write(configuration(opened_page), "polcy: enabled\nrevison: a\n")
    expect(page.locator("#faults button")).to_contain_text(["polcy", "revison"])
    page.locator("#faults button").last.click()
    expect(page.locator("#configuration .cm-activeLine")).to_have_text("revison: a")
    configuration(opened_page).press("Control+a")
    page.keyboard.press("Delete")
    opened_page.says("3 workloads: 2 injected, 1 skipped, 2 warnings")
    expect(page.locator("#faults")).to_be_hidden()


def test_a_link_carries_the_configuration(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    write(configuration(opened_page), AUDIT)
    opened_page.says("2 changed by the configuration")
    link = opened_page.link()
    opened_page.page.goto("about:blank")
    opened_page.page.goto(link)
    opened_page.says("2 changed by the configuration")
    expect(configuration(opened_page)).to_contain_text("registry.example/audit:1")


def test_samples_with_a_configuration_show_what_they_promise(opened: Opened, preview_url: str) -> None:
    opened_page = opened(preview_url)
    page = opened_page.page
    samples = page.evaluate("async () => (await import('/page/samples.js')).SAMPLES")
    configured = [sample for sample in samples if "configuration" in sample]
    assert configured
    for sample in configured:
        page.get_by_role("button", name="Samples").click()
        page.get_by_role("dialog").get_by_role("button", name=sample["title"]).click()
        expect(page.locator("#status")).to_have_text(sample["shows"])


def test_a_preview_beside_the_webhook_says_why_it_tries_no_configuration(opened: Opened) -> None:
    page = opened().page
    expect(page.get_by_role("tab", name="Configuration")).to_be_hidden()
    expect(page.get_by_text("injector serve --preview-port")).to_be_visible()
