// Two objects as one list of YAML lines, each marked " " (in both), "-" (only before) or "+" (only after), with the path
// of its value and the container that it belongs to. Both trees are walked together, so that lines are matched by what
// they mean, not by how they look.

import { below, entryLines, isNested, itemLines, scalar } from "./yaml.js";

const IDENTITY_KEYS = ["name", "mountPath", "containerPort", "key"];
const OWNERS = { initContainers: "init container", containers: "container" };

/** The lines of `before` and `after`, two mappings: a list of {mark, text, path, owner}. */
export function compare(before, after) {
  return mapping(before, after, { indent: "", path: "", owner: "" });
}

function mapping(before, after, at) {
  return merged(Object.keys(before), Object.keys(after)).flatMap((key) => {
    const head = `${at.indent}${scalar(key)}:`;
    const here = { ...at, path: below(at.path, key) };
    return changed(before, after, key, here, (value) => entryLines(head, value, here.path, at.indent), (one, other) => [
      { mark: " ", text: head, path: here.path, owner: at.owner },
      ...nested(one, other, here, key),
    ]);
  });
}

function nested(before, after, at, key) {
  return Array.isArray(before) ? list(before, after, at, key) : mapping(before, after, { ...at, indent: `${at.indent}  ` });
}

/** What became of the value of `key`: the same, gone, new, another one, or changed inside. */
function changed(before, after, key, at, write, inside) {
  const [had, has] = [Object.hasOwn(before, key), Object.hasOwn(after, key)];
  const [one, other] = [before[key], after[key]];
  const marked = (mark, value) => write(value).map((row) => ({ ...row, mark, owner: ownerOf(row, key, value, at) }));
  if (had && has && JSON.stringify(one) === JSON.stringify(other)) return marked(" ", one);
  if (had && has && comparable(one, other)) return inside(one, other);
  return [...(had ? marked("-", one) : []), ...(has ? marked("+", other) : [])];
}

/** The container that a line of `value`, which is at `key`, belongs to: a whole list of containers may be new, or the same. */
function ownerOf({ path }, key, value, { path: above, owner }) {
  const item = OWNERS[key] && Array.isArray(value) ? value[path.slice(above.length + 1).split("/")[0]] : null;
  return item ? `${OWNERS[key]} ${item.name}` : owner;
}

function comparable(one, other) {
  if (!isNested(one) || !isNested(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  return !Array.isArray(one) || (identities(one) !== null && identities(other) !== null);
}

function list(before, after, at, name) {
  const [names, newNames] = [identities(before), identities(after)];
  const moved = withMovesApart(names, newNames);
  const [old, now] = [byIdentity(before, names), byIdentity(after, moved)];
  return merged(Object.keys(old), Object.keys(now)).flatMap((key) => {
    const place = moved.includes(key) ? moved.indexOf(key) : names.indexOf(key);
    const item = now[key] ?? old[key];
    const here = { ...at, path: below(at.path, place), owner: OWNERS[name] ? `${OWNERS[name]} ${item?.name}` : at.owner };
    return changed(old, now, key, here, (value) => itemLines(value, here.path, at.indent), (one, other) =>
      withDash(nested(one, other, { ...here, indent: Array.isArray(one) ? `${at.indent}  ` : at.indent }, ""), at.indent));
  });
}

/** Puts the dash of a list item in front of its first line, on each side that has one of its own. */
function withDash(rows, indent) {
  const first = rows.findIndex((row) => row.mark !== "-");
  const places = rows[0].mark === "-" ? [0, first] : [0, rows[0].mark === "+" ? rows.findIndex((row) => row.mark !== "+") : -1];
  return rows.map((row, place) =>
    places.includes(place) ? { ...row, text: `${indent}- ${row.text.slice(indent.length + 2)}` } : row);
}

function identities(items) {
  const found = items.map((item) => {
    if (typeof item !== "object" || item === null) return `=${JSON.stringify(item)}`;
    const key = IDENTITY_KEYS.find((each) => Object.hasOwn(item, each));
    return key ? `${key}=${item[key]}` : null;
  });
  return found.includes(null) || new Set(found).size < found.length ? null : found;
}

function byIdentity(items, names) {
  return Object.fromEntries(names.map((name, place) => [name, items[place]]));
}

/** The names of `after`, those that come before one they used to follow under another name: gone there, new here. */
function withMovesApart(before, after) {
  let last = -1;
  return after.map((name) => {
    const place = before.indexOf(name);
    if (place >= 0 && place < last) return `${name} (moved)`;
    last = Math.max(last, place);
    return name;
  });
}

/** The keys of both in the order of `after`, those that are gone where they were. */
function merged(before, after) {
  const keys = [...after];
  before.forEach((key, place) => {
    if (!keys.includes(key)) keys.splice(place === 0 ? 0 : keys.indexOf(before[place - 1]) + 1, 0, key);
  });
  return keys;
}
