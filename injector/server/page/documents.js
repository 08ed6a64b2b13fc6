// The patch, operation by operation, and the resulting object as YAML.

import { copyButton, element } from "./dom.js";
import { lines } from "./yaml.js";

/** The elements of the view of the JSON Patch. */
export function patchView(item) {
  if (!item.patch.length) return [element("p", { className: "nothing", textContent: "There is no patch: nothing would change." })];
  const text = () => JSON.stringify(item.patch, null, 2);
  return [
    bar(`${item.patch.length} operations of a JSON Patch`, copyButton("Copy JSON", text)),
    element("ol", { className: "operations" }, ...item.patch.map(operation)),
  ];
}

/** The elements of the view of the result. */
export function resultView(item) {
  const text = lines(item.result).map((line) => line.text);
  const rows = text.map((each, place) => element("tr", {},
    element("td", { className: "number", textContent: place + 1, "aria-hidden": "true" }),
    element("td", { textContent: each })));
  return [
    bar(`${text.length} lines`, copyButton("Copy YAML", () => `${text.join("\n")}\n`)),
    element("div", { className: "code", role: "region", "aria-label": "Resulting object", tabIndex: 0 },
      element("table", {}, element("tbody", {}, ...rows))),
  ];
}

function bar(text, button) {
  return element("div", { className: "bar" }, element("p", { textContent: text }), button);
}

function operation({ op, path, value }) {
  return element("li", {},
    element("div", { className: "head" },
      element("span", { className: `op ${op}`, textContent: op }),
      element("span", { className: "path", textContent: path })),
    ...(value === undefined ? [] : [element("pre", { tabIndex: 0, role: "region", "aria-label": `value of ${path}`, textContent: JSON.stringify(value, null, 2) })]));
}
