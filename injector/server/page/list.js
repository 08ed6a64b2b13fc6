// The list of workloads: searched, filtered, grouped, one of them chosen.

import { arrange, element } from "./dom.js";
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
  let [rows, groups, selected, views, made] = [[], [], null, new Map(), 0];

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
    const found = new Map();
    for (const each of rows) {
      const [order, title] = keyOf(each.item);
      if (!found.has(title)) found.set(title, { order, title, rows: [], ...viewOf(title) });
      found.get(title).rows.push(each);
    }
    views = found;
    groups = [...found.values()].sort((one, other) => one.order - other.order || one.title.localeCompare(other.title));
    arrange(box, groups.map(({ view }) => view));
    for (const { view, heading, rows: listed } of groups) arrange(view, [heading, ...listed.map(({ row }) => row)]);
    filter();
  }

  function viewOf(title) {
    const { view, heading, count: size } = views.get(title) ?? groupView(title, `group-${++made}`);
    return { view, heading, count: size };
  }

  function filter() {
    const [sought, wanted] = [search.value.trim().toLowerCase().split(/\s+/), only.value];
    let shown = 0;
    for (const { view, count: size, rows: listed } of groups) {
      let found = 0;
      for (const { item, row } of listed) {
        const fits = isWanted(item, wanted) && isFound(item, sought);
        if (row.hidden === fits) row.hidden = !fits;
        found += fits;
      }
      view.hidden = !found;
      size.textContent = found;
      shown += found;
    }
    count.textContent = shown === rows.length ? plural(shown, "workload") : `${shown} of ${rows.length}`;
  }

  function select(place) {
    const row = rows[place]?.row ?? null;
    mark([selected, row].filter(Boolean), row, "aria-selected");
    selected = row;
    row?.scrollIntoView({ block: "nearest" });
  }

  return { show, select };
}

/** The rows for `items`; whoever types changes one of many, so the row of an item that says the same as before is kept. */
function rowsOf(items, before) {
  const known = new Map(before.map((each) => [each.says, each]));
  return items.map((item, place) => {
    const says = JSON.stringify([wordsIn(item), item.path, outcome(item), item.consequence]);
    const kept = known.get(says);
    known.delete(says);
    if (!kept) return { item, says, row: card(item, place) };
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

function isFound(item, sought) {
  if (!sought[0]) return true;
  const words = wordsIn(item).join(" ").toLowerCase();
  return sought.every((word) => words.includes(word));
}

function groupView(title, id) {
  const count = element("span", { className: "count" });
  const heading = element("h3", { id, role: "presentation" }, `${title} `, count);
  return { view: element("div", { role: "group", "aria-labelledby": id }, heading), heading, count };
}

function card(item, place) {
  const name = outcome(item);
  const about = [item.kind, `in ${item.namespace}`, ...(item.path ? placeNote(item) : [])];
  return element("div", { className: "workload", role: "option", "aria-selected": "false", tabIndex: -1, "data-place": String(place) },
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
  return [kind, name, namespace, decision.reason, error, ...templates, ...warnings];
}
