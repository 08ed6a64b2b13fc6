// The change as lines of YAML: side by side or inline, long runs of unchanged lines folded.

import { compare } from "./compare.js";
import { element } from "./dom.js";

const CONTEXT = 3;
const SHORTEST_FOLD = 4;
const LONGEST = 160;
const STYLES = { "+": "added", "-": "removed", " ": "" };
const NAMES = { "+": "added", "-": "removed" };
const LAYOUTS = [["side", "Side by side"], ["inline", "Inline"]];
let layout = matchMedia("(max-width: 48rem)").matches ? "inline" : "side";

/** The elements of the view. */
export function diffView(item) {
  const rows = numbered(compare(item.object, item.result));
  const [added, removed] = ["+", "-"].map((mark) => rows.filter((row) => row.mark === mark).length);
  if (!added && !removed) return [element("p", { className: "nothing", textContent: "Nothing would change." })];
  const code = element("div", { className: "code", role: "region", "aria-label": "Changes", tabIndex: 0 });
  const show = () => {
    code.className = `code ${layout}`;
    code.replaceChildren(table(rows));
  };
  show();
  const count = element("p", {},
    element("span", { className: "plus", textContent: `+${added}` }), " lines added, ",
    element("span", { className: "minus", textContent: `−${removed}` }), " removed");
  return [element("div", { className: "bar" }, count, choice(show)), code];
}

function choice(show) {
  const options = LAYOUTS.map(([name, label]) => {
    const input = element("input", { type: "radio", name: "layout", value: name, checked: name === layout });
    input.addEventListener("change", () => { layout = name; show(); });
    return element("label", {}, input, label);
  });
  return element("fieldset", {}, element("legend", { className: "unseen", textContent: "Layout of the diff" }), ...options);
}

function numbered(rows) {
  let [before, after] = [0, 0];
  return rows.map((row) => ({
    ...row,
    before: row.mark === "+" ? "" : ++before,
    after: row.mark === "-" ? "" : ++after,
  }));
}

function table(rows) {
  const body = element("tbody");
  for (const part of folded(rows)) body.append(...(part.hidden ? [fold(part.hidden)] : drawn(part.shown)));
  const columns = ["number", "", "number", ""].map((className) => element("col", { className }));
  return element("table", {}, ...(layout === "side" ? [element("colgroup", {}, ...columns)] : []), body);
}

/** Runs of rows, those far from any change marked as hidden. */
function folded(rows) {
  const near = rows.map((_, place) =>
    rows.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some((row) => row.mark !== " "));
  const parts = [];
  for (let start = 0, end = 0; start < rows.length; start = end) {
    while (end < rows.length && near[end] === near[start]) end += 1;
    const run = rows.slice(start, end);
    parts.push(near[start] || run.length < SHORTEST_FOLD ? { shown: run } : { hidden: run });
  }
  return parts;
}

function fold(rows) {
  const button = element("button", { type: "button", textContent: `⋯ ${rows.length} unchanged lines` });
  const row = element("tr", { className: "fold" }, element("td", { colSpan: layout === "side" ? 4 : 3 }, button));
  button.addEventListener("click", () => row.replaceWith(...drawn(rows)));
  return row;
}

function drawn(rows) {
  return layout === "side" ? paired(rows).map(sideRow) : rows.map(inlineRow);
}

function inlineRow({ mark, text, before, after }) {
  return element("tr", { className: STYLES[mark] }, number(before), number(after), line(`${mark} ${text}`, mark));
}

/** Rows as pairs of a left and a right one: lines removed beside the lines added in their place. */
function paired(rows) {
  const pairs = [];
  for (let start = 0, end = 0; start < rows.length; start = end) {
    if (rows[start].mark === " ") {
      end += 1;
      pairs.push([rows[start], rows[start]]);
      continue;
    }
    while (end < rows.length && rows[end].mark !== " ") end += 1;
    const [left, right] = ["-", "+"].map((mark) => rows.slice(start, end).filter((row) => row.mark === mark));
    for (let place = 0; place < Math.max(left.length, right.length); place += 1) pairs.push([left[place], right[place]]);
  }
  return pairs;
}

function sideRow([left, right]) {
  return element("tr", {}, ...half(left, "before"), ...half(right, "after"));
}

function half(row, side) {
  const style = row ? STYLES[row.mark] : "";
  const [place, text] = [number(row ? row[side] : ""), line(row ? row.text : "", row?.mark)];
  place.className += ` ${style}`;
  text.className = `wrap ${style}`;
  return [place, text];
}

function number(value) {
  return element("td", { className: "number", textContent: value, "aria-hidden": "true" });
}

function line(text, mark) {
  const said = NAMES[mark] ? [element("span", { className: "unseen", textContent: `${NAMES[mark]}: ` })] : [];
  const cell = element("td", {}, ...said, ...shortened(text));
  // Where a line wraps, it goes on further in than it began.
  cell.style.setProperty("--hang", `${text.search(/\S|$/) + 2}ch`);
  return cell;
}

/** The text of a line; the rest of a very long one is shown when asked for. */
function shortened(text) {
  if (text.length <= LONGEST) return [text];
  const rest = text.slice(LONGEST);
  const button = element("button", { type: "button", className: "more", textContent: `… ${rest.length} more characters` });
  button.addEventListener("click", () => button.replaceWith(rest));
  return [text.slice(0, LONGEST), button];
}
