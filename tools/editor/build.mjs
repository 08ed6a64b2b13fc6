// Bundles CodeMirror into one file of the page, with the versions that are in it and their licences.
// The same package-lock.json gives the same bytes.

import { readFileSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const PAGE = new URL("../../injector/server/page/", import.meta.url);
const lock = JSON.parse(readFileSync(new URL("package-lock.json", import.meta.url)));

const { metafile, outputFiles } = await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["codemirror.mjs"],
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: true,
  metafile: true,
  write: false,
  legalComments: "none",
});

const names = [...new Set(Object.keys(metafile.inputs).flatMap(packageOf))].sort();
const versions = names.map((name) => `${name}@${lock.packages[`node_modules/${name}`].version}`);
writeFileSync(new URL("codemirror.js", PAGE), `/* ${versions.join(", ")}. Licences: codemirror.LICENSE */\n${outputFiles[0].text}`);
writeFileSync(new URL("codemirror.LICENSE", PAGE), licences(names));

/** The package that `file` belongs to: a list of one name, or of none for our own. */
function packageOf(file) {
  return file.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.slice(1) ?? [];
}

/** Each licence text once, with the packages that it covers. */
function licences(names) {
  const covered = new Map();
  for (const name of names) {
    const text = readFileSync(new URL(`node_modules/${name}/LICENSE`, import.meta.url), "utf8").trim();
    covered.set(text, [...(covered.get(text) ?? []), name]);
  }
  return [...covered].map(([text, covered]) => `${covered.join(", ")}\n\n${text}\n`).join("\n----\n\n");
}
