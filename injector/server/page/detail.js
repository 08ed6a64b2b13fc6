// The chosen workload: its name, and the views of it, each drawn when somebody looks at it.

import { decisionView } from "./decision.js";
import { diffView } from "./diff.js";
import { patchView, resultView } from "./documents.js";
import { originsOf } from "./origins.js";
import { outcome, wordsOf } from "./outcome.js";
import { pictureView, podAt } from "./picture.js";
import { tabs } from "./tabs.js";

const VIEWS = {
  "panel-decision": decisionView,
  "panel-pod": (item, before) => pictureView(podAt(before, item.path), podAt(item.result, item.path)),
  "panel-diff": (item, before, origins) => diffView(before, item.result, origins),
  "panel-patch": patchView,
  "panel-result": resultView,
};

/** The detail in the page; `moved` is called with the name of a tab that somebody chose, `lacking` when an item with origins is wanted. */
export function workloadDetail(moved, lacking) {
  const [box, title, badge, where] = ["detail", "detail-name", "detail-outcome", "detail-where"].map((id) => document.getElementById(id));
  const comparison = document.getElementById("comparison");
  const drawn = new Set();
  let [item, shown, isReady, wantsOrigins] = [null, null, false, false];

  const choose = tabs(box.querySelector("[role=tablist]"), (panel) => {
    shown = panel;
    draw();
    if (isReady) moved(panel.id.replace("panel-", ""));
  });
  isReady = true;

  function draw() {
    if (!item || drawn.has(shown.id)) return;
    shown.replaceChildren(...VIEWS[shown.id](item, before(), { isOn: wantsOrigins, of: originsOf(item), toggle: toggleOrigins }));
    drawn.add(shown.id);
  }

  /** The object that views compare the result with. */
  function before() {
    const isInForce = item.before && comparison.querySelector(":checked").value === "inForce";
    return isInForce ? item.before.result : item.object;
  }

  function redraw() {
    drawn.clear();
    for (const panel of box.querySelectorAll("[role=tabpanel]")) if (panel !== shown) panel.replaceChildren();
    draw();
  }

  function toggleOrigins() {
    wantsOrigins = !wantsOrigins;
    if (wantsOrigins && !item.origins) lacking();
    else redraw();
  }

  comparison.addEventListener("change", redraw);

  return {
    /** Whether items are wanted with the origins of their fields. */
    get wantsOrigins() { return wantsOrigins; },
    /** Shows `chosen`, an item with all that is known of it. */
    show(chosen) {
      item = chosen;
      comparison.hidden = !item.before;
      const name = outcome(item);
      title.textContent = item.name || "without a name";
      [badge.textContent, badge.className] = [wordsOf(name).word, `badge ${name}`];
      where.textContent = `${item.kind} in ${item.namespace}${item.path && !item.path.endsWith("spec.template") ? `, ${item.path}` : ""}`;
      redraw();
    },
    /** Goes to the tab with this name, without a word to anybody. */
    goTo(name) {
      isReady = false;
      choose(`panel-${name}`);
      isReady = true;
    },
  };
}
