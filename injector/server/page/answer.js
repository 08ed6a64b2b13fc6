// The answer: the workloads to choose from, and the views of the chosen one.

import { decisionView, outcome } from "./decision.js";
import { diffView } from "./diff.js";
import { patchView, resultView } from "./documents.js";
import { element } from "./dom.js";
import { mark, roving } from "./tabs.js";

const VIEWS = { decision: decisionView, diff: diffView, patch: patchView, result: resultView };
const group = document.getElementById("workloads");
let items = [];

roving(group, "[role=radio]", (chosen) => choose([...group.children].indexOf(chosen)));

/** Show `answered`, and the first workload of it in full. */
export function showAnswer(answered) {
  items = answered;
  group.replaceChildren(...items.map(card));
  document.getElementById("found").hidden = !items.length;
  if (items.length) choose(0);
}

/** One line about the whole answer. */
export function summary(answered) {
  if (!answered.length) return "There is no workload in this text: Deployments, Jobs, Pods and the like are previewed.";
  const counted = ["Inject", "Skip", "Refuse"].map((word) => [answered.filter((item) => outcome(item).word === word).length, word]);
  const warnings = answered.reduce((sum, item) => sum + item.warnings.length, 0);
  const words = { Inject: "injected", Skip: "skipped", Refuse: "refused" };
  const parts = counted.filter(([count]) => count).map(([count, word]) => `${count} ${words[word]}`);
  return `${plural(answered.length, "workload")}: ${parts.join(", ")}${warnings ? `, ${plural(warnings, "warning")}` : ""}`;
}

function choose(place) {
  mark([...group.children], group.children[place], "aria-checked");
  for (const [name, view] of Object.entries(VIEWS)) {
    document.getElementById(`panel-${name}`).replaceChildren(...view(items[place]));
  }
}

function card(item) {
  const { word, style } = outcome(item);
  const notes = item.warnings.length ? ` · ${plural(item.warnings.length, "warning")}` : "";
  return element("button", { type: "button", className: "workload", role: "radio" },
    element("span", { className: "name", textContent: nameOf(item.object.metadata) }), " ",
    element("span", { className: `badge ${style}`, textContent: word }), " ",
    element("span", { className: "where", textContent: `${item.object.kind} in ${item.namespace}${notes}` }));
}

function nameOf(metadata) {
  return metadata?.name || (metadata?.generateName ? `${metadata.generateName}…` : "without a name");
}

function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
