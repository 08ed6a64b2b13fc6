// The page: a question is asked, its answer is shown, and both are in the link.

import { showAnswer, summary } from "./answer.js";
import { ask } from "./ask.js";
import { copy } from "./dom.js";
import { takeFiles } from "./dropping.js";
import { fragmentOf, questionIn } from "./link.js";
import { SAMPLE } from "./sample.js";
import { tabs } from "./tabs.js";

const [form, text, status, fault, button] =
  ["question", "text", "status", "fault", "ask"].map((id) => document.getElementById(id));
let latest = 0;

function question() {
  const { text, namespace, labels, known } = form.elements;
  return { text: text.value, namespace: namespace.value.trim(), labels: labels.value.trim(), known: known.checked };
}

function fill({ text, namespace = "default", labels = "", known = false }) {
  const fields = form.elements;
  [fields.text.value, fields.namespace.value, fields.labels.value, fields.known.checked] = [text, namespace, labels, known];
}

async function preview() {
  const [asked, number] = [question(), ++latest];
  busy(true);
  history.replaceState(null, "", `#${await fragmentOf(asked)}`);
  try {
    show(number, await ask(asked), "");
  } catch (error) {
    show(number, [], error.message);
  }
}

/** Shows the answer to a question, unless a later one was asked meanwhile. */
function show(number, items, message) {
  if (number !== latest) return;
  busy(false);
  fault.hidden = !message;
  fault.textContent = message;
  status.textContent = message ? "" : summary(items);
  showAnswer(items);
}

function busy(is) {
  button.setAttribute("aria-busy", String(is));
  if (is) status.textContent = "Asking …";
}

async function start() {
  fill((await questionIn(location.hash.slice(1))) ?? SAMPLE);
  await preview();
}

form.addEventListener("submit", (event) => { event.preventDefault(); preview(); });
form.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); preview(); }
});
form.elements.labels.addEventListener("input", () => { form.elements.known.checked = true; });
document.getElementById("sample").addEventListener("click", () => { fill(SAMPLE); preview(); });
document.getElementById("share").addEventListener("click", async ({ currentTarget }) => {
  history.replaceState(null, "", `#${await fragmentOf(question())}`);
  copy(currentTarget, location.href);
});
window.addEventListener("hashchange", start);
takeFiles(document.getElementById("file"), (dropped) => { text.value = dropped; preview(); });
tabs(document.querySelector("[role=tablist]"));
start();
