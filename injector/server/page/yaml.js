// JSON values as lines of block YAML, lists in the column of their key.

const PLAIN = /^[A-Za-z0-9/._$-](?:[A-Za-z0-9 /._$()@=,+-]|:(?=[A-Za-z0-9/._$()@=,+-]))*$/;
const VALUE = /^(true|false|yes|no|on|off|y|n|null|none|nan|inf|\.nan|-?\.inf|-?[.\d][\d_.:xXoObBa-fA-F+-]*|\d{4}-\d.*|-|- .*|---.*|\.\.\..*)$/i;

/** Whether the value is written below its key rather than beside it. */
export function isNested(value) {
  return typeof value === "object" && value !== null && Object.keys(value).length > 0;
}

/** The lines of a mapping or a list. */
export function lines(value, indent = "") {
  if (Array.isArray(value)) return value.flatMap((item) => itemLines(item, indent));
  return Object.entries(value).flatMap(([key, item]) => entryLines(`${indent}${scalar(key)}:`, item, indent));
}

/** The lines of `head`, which ends in a colon or is a dash, with its value. */
export function entryLines(head, value, indent) {
  if (isNested(value)) return [head, ...lines(value, Array.isArray(value) ? indent : `${indent}  `)];
  if (isBlock(value)) {
    const text = value.replace(/\n$/, "").split("\n");
    return [`${head} |${value.endsWith("\n") ? "" : "-"}`, ...text.map((line) => (line ? `${indent}  ${line}` : ""))];
  }
  return [`${head} ${scalar(value)}`];
}

/** The lines of one item of a list. */
export function itemLines(value, indent) {
  if (!isNested(value)) return entryLines(`${indent}-`, value, indent);
  return withDash(lines(value, `${indent}  `), indent);
}

/** A key or a value that stands on one line. */
export function scalar(value) {
  if (typeof value !== "string") return JSON.stringify(value);
  if (PLAIN.test(value) && !VALUE.test(value) && !value.endsWith(" ")) return value;
  if (value.includes('"') && !/[\p{C}\p{Zl}\p{Zp}]/u.test(value)) return `'${value.replaceAll("'", "''")}'`;
  return JSON.stringify(value);
}

function withDash([first, ...rest], indent) {
  return [`${indent}- ${first.slice(indent.length + 2)}`, ...rest];
}

function isBlock(value) {
  return typeof value === "string" && /\n./.test(value) && !/^[ \n\t]|[ \t](\n|$)|\n\n$|[^\P{C}\n]/u.test(value);
}
