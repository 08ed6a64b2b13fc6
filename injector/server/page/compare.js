// Two objects as one list of YAML lines, each marked " " (in both), "-" (only before) or "+" (only after).
// Both trees are walked together, so that lines are matched by what they mean, not by how they look.

import { entryLines, isNested, itemLines, scalar } from "./yaml.js";

const IDENTITY_KEYS = ["name", "mountPath", "containerPort", "key"];

/** The marked lines of `before` and `after`, two mappings: a list of {mark, text}. */
export function compare(before, after) {
  return mapping(before, after, "");
}

function mapping(before, after, indent) {
  return merged(Object.keys(before), Object.keys(after)).flatMap((key) => {
    const head = `${indent}${scalar(key)}:`;
    return changed(before, after, key, (value) => entryLines(head, value, indent), (one, other) => [
      { mark: " ", text: head },
      ...nested(one, other, indent),
    ]);
  });
}

function nested(before, after, indent) {
  return Array.isArray(before) ? list(before, after, indent) : mapping(before, after, `${indent}  `);
}

/** What became of the value of `key`: the same, gone, new, another one, or changed inside. */
function changed(before, after, key, write, inside) {
  const [had, has] = [Object.hasOwn(before, key), Object.hasOwn(after, key)];
  const [one, other] = [before[key], after[key]];
  if (had && has && JSON.stringify(one) === JSON.stringify(other)) return marked(" ", write(one));
  if (had && has && comparable(one, other)) return inside(one, other);
  return [...(had ? marked("-", write(one)) : []), ...(has ? marked("+", write(other)) : [])];
}

function comparable(one, other) {
  if (!isNested(one) || !isNested(other) || Array.isArray(one) !== Array.isArray(other)) return false;
  return !Array.isArray(one) || (identities(one) !== null && identities(other) !== null);
}

function list(before, after, indent) {
  const old = byIdentity(before, identities(before));
  const now = byIdentity(after, withMovesApart(Object.keys(old), identities(after)));
  return merged(Object.keys(old), Object.keys(now)).flatMap((key) =>
    changed(old, now, key, (value) => itemLines(value, indent), (one, other) =>
      withDash(nested(one, other, Array.isArray(one) ? `${indent}  ` : indent), indent)));
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

/** The keys of both in the order of `after`, those that are gone where they stood. */
function merged(before, after) {
  const keys = [...after];
  before.forEach((key, place) => {
    if (!keys.includes(key)) keys.splice(place === 0 ? 0 : keys.indexOf(before[place - 1]) + 1, 0, key);
  });
  return keys;
}

function marked(mark, texts) {
  return texts.map((text) => ({ mark, text }));
}
