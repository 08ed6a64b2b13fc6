// The list of workloads: searched, filtered, grouped, one of them chosen.

import { element } from "./dom.js";
import { ORDER, consequence, outcome, plural, wordsOf } from "./outcome.js";
import { mark, roving } from "./tabs.js";

const FEW = 6;
const GROUPINGS = {
  outcome: (item) => [ORDER.indexOf(outcome(item)), wordsOf(outcome(item)).title],
  reason: (item) => [0, item.decision.reason],
  namespace: (item) => [0, item.namespace],
  kind: (item) => [0, item.kind],
  change: (item) => [consequence(item) ? 0 : 1, consequence(item) || "not changed"],
};

/** The list in the page; `choose` is called with the place of the workload that somebody chose. */
export function workloadList(choose) {
  const [box, tools, search, only, grouping, count] =
    ["workloads", "list-tools", "search", "only", "grouping", "shown"].map((id) => document.getElementById(id));
  let rows = [];

  roving(box, "[role=option]", (row) => { select(Number(row.dataset.place)); choose(Number(row.dataset.place)); });
  search.addEventListener("input", filter);
  only.addEventListener("change", filter);
  grouping.addEventListener("change", group);

  function show(items) {
    const before = rows;
    rows = rowsOf(items, before);
    const isTried = Boolean(items[0]?.before);
    tools.hidden = items.length <= FEW;
    if (tools.hidden) search.value = "";
    if (tools.hidden || (!isTried && only.value === "changed")) only.value = "";
    if (!isTried && grouping.value === "change") grouping.value = "outcome";
    for (const option of document.querySelectorAll(".when-tried")) option.hidden = !isTried;
    if (rows.length !== before.length || rows.some((each, place) => each !== before[place])) group();
  }

  function group() {
    const keyOf = GROUPINGS[grouping.value];
    const groups = new Map();
    for (const each of rows) {
      const [order, title] = keyOf(each.item);
      if (!groups.has(title)) groups.set(title, { order, title, rows: [] });
      groups.get(title).rows.push(each.row);
    }
    const sorted = [...groups.values()].sort((one, other) => one.order - other.order || one.title.localeCompare(other.title));
    box.replaceChildren(...sorted.map(groupView));
    filter();
  }

  function filter() {
    const [sought, wanted] = [search.value.trim().toLowerCase().split(/\s+/), only.value];
    let shown = 0;
    for (const { item, row, words } of rows) {
      const fits = isWanted(item, wanted) && sought.every((word) => words.includes(word));
      row.hidden = !fits;
      shown += fits;
    }
    for (const part of box.children) {
      const found = part.querySelectorAll("[role=option]:not([hidden])").length;
      part.hidden = !found;
      part.querySelector(".count").textContent = found;
    }
    count.textContent = shown === rows.length ? plural(shown, "workload") : `${shown} of ${rows.length}`;
  }

  function select(place) {
    const options = rows.map(({ row }) => row);
    mark(options, options[place], "aria-selected");
    options[place]?.scrollIntoView({ block: "nearest" });
  }

  return { show, select };
}

/** The rows for `items`; whoever types changes one of many, so the row of an item that says the same as before is kept. */
function rowsOf(items, before) {
  const known = new Map(before.map((each) => [each.says, each]));
  return items.map((item, place) => {
    const says = JSON.stringify([item.kind, item.name, item.path, wordsIn(item), outcome(item), item.consequence]);
    const kept = known.get(says);
    known.delete(says);
    if (!kept) return { item, says, row: card(item, place), words: wordsIn(item) };
    kept.item = item;
    kept.row.dataset.place = place;
    return kept;
  });
}

function isWanted(item, wanted) {
  if (wanted === "warnings") return item.warnings.length > 0;
  if (wanted === "changed") return Boolean(consequence(item));
  return !wanted || outcome(item) === wanted;
}

function groupView({ title, rows }, place) {
  return element("div", { role: "group", "aria-labelledby": `group-${place}` },
    element("h3", { id: `group-${place}`, role: "presentation" }, `${title} `, element("span", { className: "count" })),
    ...rows);
}

function card(item, place) {
  const name = outcome(item);
  const about = [item.kind, `in ${item.namespace}`, ...(item.path ? placeNote(item) : [])];
  return element("div", { className: "workload", role: "option", "data-place": String(place) },
    element("span", { className: "name", textContent: item.name || "without a name" }), " ",
    element("span", { className: `badge ${name}`, textContent: wordsOf(name).word }), " ",
    element("span", { className: "where", textContent: about.join(" ") }),
    ...(item.warnings.length ? [" ", element("span", { className: "notes", textContent: plural(item.warnings.length, "warning") })] : []),
    ...(consequence(item) ? [" ", element("span", { className: "consequence", textContent: consequence(item) })] : []));
}

/** Where the pod template is, if that is not where one expects it. */
function placeNote({ path }) {
  return ["spec.template", "spec.jobTemplate.spec.template"].includes(path) ? [] : [`(${path})`];
}

function wordsIn(item) {
  const { kind, name, namespace, decision, warnings, error, templates } = item;
  return [kind, name, namespace, decision.reason, error, ...templates, ...warnings].join(" ").toLowerCase();
}
