// What becomes of a workload, in words.

const OUTCOMES = {
  refuse: { word: "Refuse", past: "refused", title: "Refused" },
  inject: { word: "Inject", past: "injected", title: "Injected" },
  skip: { word: "Skip", past: "skipped", title: "Skipped" },
};

/** What becomes of `item`: a key of the table above, worst first. */
export function outcome(item) {
  if (!item.allowed) return "refuse";
  return item.decision.inject ? "inject" : "skip";
}

/** The words for an outcome. */
export const wordsOf = (name) => OUTCOMES[name];

/** The outcomes, in the order in which they are listed. */
export const ORDER = Object.keys(OUTCOMES);

const CONSEQUENCES = {
  refused: "would be refused", lost: "loses its sidecar", gained: "gets a sidecar", changed: "gets another sidecar",
};

/** What the configuration that is tried means for `item`, in words; empty where it means nothing, or none is tried. */
export const consequence = (item) => CONSEQUENCES[item.consequence] ?? "";

/** One line about a whole answer. */
export function summary(items) {
  if (!items.length) return "There is no workload in this text: Deployments, Jobs, Pods and the like are previewed.";
  const parts = ["inject", "skip", "refuse"]
    .map((name) => [items.filter((item) => outcome(item) === name).length, OUTCOMES[name].past])
    .filter(([count]) => count)
    .map(([count, word]) => `${count} ${word}`);
  const warnings = items.reduce((sum, item) => sum + item.warnings.length, 0);
  const changed = items.filter(consequence).length;
  const compared = items[0].before ? `; ${changed || "none"} changed by the configuration` : "";
  return `${plural(items.length, "workload")}: ${parts.join(", ")}${warnings ? `, ${plural(warnings, "warning")}` : ""}${compared}`;
}

/** `count` and `word`, in the plural where that is right. */
export function plural(count, word) {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}
