// JSON values as lines of block YAML, lists in the column of their key. Each line is {text, path}: what it says, and the
// JSON Pointer of the value that it belongs to.

const PLAIN = /^[A-Za-z0-9/._$-](?:[A-Za-z0-9 /._$()@=,+-]|:(?=[A-Za-z0-9/._$()@=,+-]))*$/;
const VALUE = /^(true|false|yes|no|on|off|y|n|null|none|nan|inf|\.nan|-?\.inf|-?[.\d][\d_.:xXoObBa-fA-F+-]*|\d{4}-\d.*|-|- .*|---.*|\.\.\..*)$/i;

/** Whether the value is written below its key rather than beside it. */
export function isNested(value) {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The JSON Pointer of `key` below `path` (RFC 6901). */
export function below(path, key) {
  return `${path}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** The lines of a mapping or a list. */
export function lines(value, path = "", indent = "") {
  if (Array.isArray(value)) return value.flatMap((item, place) => itemLines(item, below(path, place), indent));
  return Object.entries(value).flatMap(([key, item]) => entryLines(`${indent}${scalar(key)}:`, item, below(path, key), indent));
}

/** The lines of `head`, which ends in a colon or is a dash, with its value. */
export function entryLines(head, value, path, indent) {
  if (isNested(value)) return [{ text: head, path }, ...lines(value, path, Array.isArray(value) ? indent : `${indent}  `)];
  if (isBlock(value)) {
    const text = value.replace(/\n$/, "").split("\n").map((line) => (line ? `${indent}  ${line}` : ""));
    return [`${head} |${value.endsWith("\n") ? "" : "-"}`, ...text].map((line) => ({ text: line, path }));
  }
  return [{ text: `${head} ${scalar(value)}`, path }];
}

/** The lines of one item of a list. */
export function itemLines(value, path, indent) {
  if (!isNested(value)) return entryLines(`${indent}-`, value, path, indent);
  return withDash(lines(value, path, `${indent}  `), indent);
}

/** A key or a value that stands on one line. */
export function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  if (PLAIN.test(value) && !VALUE.test(value) && !value.endsWith(" ")) return value;
  if (value.includes('"') && !/[\p{C}\p{Zl}\p{Zp}]/u.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value);
}

function withDash([first, ...rest], indent) {
  return [{ ...first, text: `${indent}- ${first.text.slice(indent.length + 2)}` }, ...rest];
}

function isBlock(value) {
  return typeof value === "string" && /\n./.test(value) && !/^[ \n\t]|[ \t](\n|$)|\n\n$|[^\P{C}\n]/u.test(value);
}
