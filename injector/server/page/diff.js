// The change as lines of YAML: side by side or inline, folded where nothing changed and by container, with a way from
// one change to the next.

import { compare } from "./compare.js";
import { element } from "./dom.js";
import { plural } from "./outcome.js";

const CONTEXT = 3;
const SHORTEST_FOLD = 4;
const LONGEST = 160;
const STATUS = "/sidecar.istio.io~1status";
const STYLES = { "+": "added", "-": "removed", " ": "" };
const NAMES = { "+": "added", "-": "removed" };
const LAYOUTS = [["side", "Side by side"], ["inline", "Inline"]];
const narrow = matchMedia("(max-width: 48rem)");
let chosenLayout = "";

/** The elements of the view of the change from `before` to `after`; `origins` says where added lines come from, as far as `isOn`. */
export function diffView(before, after, origins) {
  const rows = numbered(compare(before, after));
  const [added, removed] = ["+", "-"].map((mark) => rows.filter((row) => row.mark === mark).length);
  if (!added && !removed) return [element("p", { className: "nothing", textContent: "Nothing would change." })];
  const code = element("div", { className: "code", role: "region", "aria-label": "Changes", tabIndex: 0 });
  const show = () => {
    const layout = chosenLayout || usualLayout(rows, added, removed);
    code.className = `code ${layout}`;
    code.replaceChildren(table(rows, layout, origins));
  };
  show();
  const count = element("p", {},
    element("span", { className: "plus", textContent: `+${added}` }), " lines added, ",
    element("span", { className: "minus", textContent: `−${removed}` }), " removed");
  return [element("div", { className: "bar" }, count, steps(code), originsButton(origins), choice(show, usualLayout(rows, added, removed))), code];
}

/** Inline where there is no room for two columns, or where one of them would be nearly empty. */
function usualLayout(rows, added, removed) {
  const mostlyAdded = added > 0.5 * (rows.length - removed) && removed < 0.1 * added;
  return narrow.matches || mostlyAdded ? "inline" : "side";
}

function originsButton({ isOn, toggle }) {
  const button = element("button", { type: "button", className: "quiet", "aria-pressed": String(isOn), textContent: "Origins", title: "Which line of which template, or which annotation, made each added line" });
  button.addEventListener("click", toggle);
  return button;
}

function choice(show, usual) {
  const options = LAYOUTS.map(([name, label]) => {
    const input = element("input", { type: "radio", name: "layout", value: name, checked: name === (chosenLayout || usual) });
    input.addEventListener("change", () => { chosenLayout = name; show(); });
    return element("label", {}, input, label);
  });
  return element("fieldset", {}, element("legend", { className: "unseen", textContent: "Layout of the diff" }), ...options);
}

/** Buttons, and the keys n and p inside `code`, that go from one change to the next. */
function steps(code) {
  const where = element("span", { className: "where", role: "status" });
  let current = -1;
  const step = (by) => {
    const changes = [...code.querySelectorAll("[data-change]")];
    if (!changes.length) return;
    current = current < 0 && by < 0 ? changes.length - 1 : (current + by + changes.length) % changes.length;
    code.querySelector(".current")?.classList.remove("current");
    changes[current].classList.add("current");
    changes[current].scrollIntoView({ block: "center" });
    where.textContent = `${current + 1} of ${changes.length}`;
  };
  code.addEventListener("keydown", (event) => {
    const by = { n: 1, p: -1 }[event.key];
    if (by && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); step(by); }
  });
  const button = (label, text, by) => {
    const made = element("button", { type: "button", className: "quiet", "aria-label": label, title: `${label} (${by < 0 ? "p" : "n"})`, textContent: text });
    made.addEventListener("click", () => step(by));
    return made;
  };
  return element("span", { className: "steps" }, button("Previous change", "↑", -1), button("Next change", "↓", 1), where);
}

function numbered(rows) {
  let [before, after, previous] = [0, 0, null];
  return rows.map((row) => {
    const starts = row.mark !== " " && (previous?.mark === " " || previous?.owner !== row.owner);
    previous = row;
    return { ...row, starts, before: row.mark === "+" ? "" : ++before, after: row.mark === "-" ? "" : ++after };
  });
}

function table(rows, layout, { isOn, of }) {
  const made = element("table", {});
  const drawing = { layout, width: layout === "side" ? 4 : 3, originOf: isOn ? of : () => null };
  if (layout === "side") made.append(element("colgroup", {}, ...["number", "", "number", ""].map((className) => element("col", { className }))));
  for (const part of parts(rows)) made.append(...section(part, drawing));
  return made;
}

/** Runs of rows of one container, or of none. */
function parts(rows) {
  const found = [];
  for (const row of rows) {
    if (found.at(-1)?.owner !== row.owner) found.push({ owner: row.owner, rows: [] });
    found.at(-1).rows.push(row);
  }
  return found;
}

/** The bodies of the table for one part; that of a container can be folded. */
function section({ owner, rows }, drawing) {
  const body = element("tbody");
  for (const part of folded(rows)) body.append(...(part.hidden ? [fold(part.hidden, drawing)] : drawn(part.shown, drawing)));
  if (!owner) return [body];
  const [added, removed] = ["+", "-"].map((mark) => rows.filter((row) => row.mark === mark).length);
  const what = added === rows.length ? "added" : removed === rows.length ? "removed" : `+${added} −${removed}`;
  const button = element("button", { type: "button", "aria-expanded": "true" },
    element("span", { className: "twist", "aria-hidden": "true", textContent: "▾ " }),
    `${owner}: ${added || removed ? what : "unchanged"}, ${plural(rows.length, "line")}`);
  button.addEventListener("click", () => {
    body.hidden = !body.hidden;
    button.setAttribute("aria-expanded", String(!body.hidden));
    button.firstChild.textContent = body.hidden ? "▸ " : "▾ ";
  });
  return [element("tbody", { className: "owner" }, element("tr", {}, element("td", { colSpan: drawing.width }, button))), body];
}

/** Runs of rows, those far from any change marked as hidden. */
function folded(rows) {
  const near = rows.map((_, place) =>
    rows.slice(Math.max(0, place - CONTEXT), place + CONTEXT + 1).some((row) => row.mark !== " "));
  const found = [];
  for (let start = 0, end = 0; start < rows.length; start = end) {
    while (end < rows.length && near[end] === near[start]) end += 1;
    const run = rows.slice(start, end);
    found.push(near[start] || run.length < SHORTEST_FOLD ? { shown: run } : { hidden: run });
  }
  return found;
}

function fold(rows, drawing) {
  const button = element("button", { type: "button", textContent: `⋯ ${rows.length} unchanged lines` });
  const row = element("tr", { className: "fold" }, element("td", { colSpan: drawing.width }, button));
  button.addEventListener("click", () => row.replaceWith(...drawn(rows, drawing)));
  return row;
}

function drawn(rows, drawing) {
  return drawing.layout === "side" ? paired(rows).map((pair) => sideRow(pair, drawing)) : rows.map((row) => inlineRow(row, drawing));
}

function inlineRow(row, drawing) {
  const { mark, text, before, after, starts } = row;
  const made = element("tr", { className: STYLES[mark] }, number(before), number(after), line({ ...row, text: `${mark} ${text}` }, drawing));
  return starts ? changeStart(made) : made;
}

function changeStart(row) {
  row.dataset.change = "";
  return row;
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

function sideRow([left, right], drawing) {
  const made = element("tr", {}, ...half(left, "before", drawing), ...half(right, "after", drawing));
  return left?.starts || right?.starts ? changeStart(made) : made;
}

function half(row, side, drawing) {
  const style = row ? STYLES[row.mark] : "";
  const [place, text] = [number(row ? row[side] : ""), row ? line(row, drawing) : element("td")];
  place.className += ` ${style}`;
  text.className = `wrap ${style}`;
  return [place, text];
}

function number(value) {
  return element("td", { className: "number", textContent: value, "aria-hidden": "true" });
}

function line({ text, mark, path }, { originOf }) {
  const said = NAMES[mark] ? [element("span", { className: "unseen", textContent: `${NAMES[mark]}: ` })] : [];
  const origin = mark === "+" ? originOf(path) : null;
  const note = origin ? [element("span", { className: "origin", textContent: `← ${origin.words}`, title: origin.line })] : [];
  const cell = element("td", {}, ...said, ...shortened(text, path), ...note);
  // Where a line wraps, it goes on further in than it began.
  cell.style.setProperty("--hang", `${text.search(/\S|$/) + 2}ch`);
  return cell;
}

/** The text of a line; the rest of a very long one, and the record of the injection, is shown when asked for. */
function shortened(text, path) {
  const shown = path.endsWith(STATUS) ? text.indexOf(":") + 1 : LONGEST;
  if (text.length <= shown) return [text];
  const rest = text.slice(shown);
  const button = element("button", { type: "button", className: "more", textContent: `… ${rest.length} more characters` });
  button.addEventListener("click", () => button.replaceWith(rest));
  return [text.slice(0, shown), button];
}
