// The decision with its reason, the warnings, and the rule that decided; the other rules are folded.

import { element } from "./dom.js";
import { outcome, plural, wordsOf } from "./outcome.js";

/** The elements of the view. */
export function decisionView(item) {
  const name = outcome(item);
  const deciding = item.decision.trace.filter((rule) => rule.decided);
  const others = item.decision.trace.filter((rule) => !rule.decided);
  return [
    element("div", { className: `verdict ${name}` },
      element("span", { className: "word", textContent: wordsOf(name).word }),
      element("span", { className: "reason", textContent: item.decision.reason }),
      element("span", { className: "message", textContent: item.decision.message })),
    ...(item.before ? [element("p", { className: "earlier", textContent: earlier(item) })] : []),
    ...(item.error ? [element("p", { className: "error", textContent: item.error })] : []),
    ...section("Warnings", item.warnings, "ul", "warnings", (text) => element("li", { textContent: text })),
    ...section(deciding.length > 1 ? "The rules that decided" : "The rule that decided", deciding, "ol", "trace", rule),
    ...folded(others),
    ...(item.templates.length ? [heading("Templates"), element("p", { className: "templates" }, ...item.templates.map(chip))] : []),
    ...(item.capture ? [heading("Traffic capture"), element("pre", { className: "capture", tabIndex: 0, role: "region", "aria-label": "Traffic capture", textContent: item.capture })] : []),
  ];
}

/** What the configuration in force does to a workload on which another one is tried. */
function earlier({ before, consequence: changes }) {
  const word = wordsOf(outcome(before)).word.toLowerCase();
  return `The configuration in force says: ${word}, ${before.decision.reason}.${changes ? "" : " Nothing changes for this workload."}`;
}

function heading(text) {
  return element("h3", { textContent: text });
}

function chip(text) {
  return element("span", { className: "chip", textContent: text });
}

function section(title, found, tag, className, view) {
  return found.length ? [heading(title), element(tag, { className }, ...found.map(view))] : [];
}

function folded(rules) {
  if (!rules.length) return [];
  return [element("details", {},
    element("summary", { textContent: `${plural(rules.length, "other rule")} looked at, in order` }),
    element("ol", { className: "trace" }, ...rules.map(rule)))];
}

function rule({ rule: name, decided, message }) {
  return element("li", { className: decided ? "decided" : "" },
    element("span", { className: "mark", "aria-hidden": "true", textContent: decided ? "✓" : "·" }),
    element("span", { className: "rule", textContent: name }),
    element("span", { className: "saw", textContent: message }));
}
