// The decision with its reason, the warnings, and every rule that was looked at.

import { element } from "./dom.js";

/** The word for what becomes of a workload, and the class that colours it. */
export function outcome(item) {
  if (!item.allowed) return { word: "Refuse", style: "refuse" };
  return item.decision.inject ? { word: "Inject", style: "inject" } : { word: "Skip", style: "skip-badge" };
}

/** The elements of the view. */
export function decisionView(item) {
  const { word, style } = outcome(item);
  return [
    element("div", { className: `verdict ${style}` },
      element("span", { className: "word", textContent: word }),
      element("span", { className: "reason", textContent: item.decision.reason }),
      element("span", { className: "message", textContent: item.decision.message })),
    ...(item.error ? [element("p", { className: "error", textContent: item.error })] : []),
    ...section("Warnings", item.warnings, "ul", "warnings", (text) => element("li", { textContent: text })),
    ...section("Rules looked at, in order", item.decision.trace, "ol", "trace", rule),
  ];
}

function section(title, found, tag, className, view) {
  if (!found.length) return [];
  return [element("h2", { textContent: title }), element(tag, { className }, ...found.map(view))];
}

function rule({ rule: name, decided, message }) {
  return element("li", { className: decided ? "decided" : "" },
    element("span", { className: "mark", "aria-hidden": "true", textContent: decided ? "✓" : "·" }),
    element("span", { className: "rule", textContent: name },
      ...(decided ? [element("span", { className: "unseen", textContent: " (decided)" })] : [])),
    element("span", { className: "saw", textContent: message }));
}
