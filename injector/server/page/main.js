// The page: a question is answered as it is typed, and what is looked at is in the link.

import { ask, oneAtATime } from "./ask.js";
import { workloadDetail } from "./detail.js";
import { copy, element } from "./dom.js";
import { takeFiles } from "./dropping.js";
import { gallery } from "./gallery.js";
import { fragmentOf, sharedIn } from "./link.js";
import { workloadList } from "./list.js";
import { outcome, summary } from "./outcome.js";
import { questionForm } from "./question.js";
import { SAMPLES } from "./samples.js";
import { textSize } from "./text_size.js";

// Milliseconds in which nothing is typed, until the server is asked, a refusal of half a word is shown, the link is written.
const [PAUSE, PATIENCE, CALM] = [40, 300, 150];
const [status, stale, fault, faults, found] =
  ["status", "stale", "fault", "faults", "found"].map((id) => document.getElementById(id));
// What was answered last: the question, its items, and which of them is looked at in which tab.
const answer = { question: null, items: [], chosen: 0, tab: "decision" };
const asking = oneAtATime(({ question, view }) => ask(question, view));
const looking = oneAtATime(({ question, view }) => ask(question, view));
let [timer, sharing] = [0, 0];

const form = questionForm(onChange, preview);
const list = workloadList(look);
const detail = workloadDetail((tab) => { answer.tab = tab; shareSoon(); }, () => choose(answer.chosen));

function onChange() {
  markStale();
  clearTimeout(timer);
  timer = setTimeout(preview, PAUSE, PATIENCE);
}

/** Asks what stands in the form, and shows the answer; a refusal after `patience` ms in which nobody changes anything. */
async function preview(patience = 0) {
  clearTimeout(timer);
  const question = form.read();
  markStale();
  try {
    const items = await asking({ question, view: { whole: answer.chosen, origins: detail.wantsOrigins } });
    if (items) show(question, items);
  } catch (error) {
    // Whoever has changed the question meanwhile waits for another answer.
    if (isSame(question, form.read())) timer = setTimeout(showRefusal, patience, error);
  }
  shareSoon();
}

function isSame(question, other) {
  return Object.keys(question).every((key) => question[key] === other?.[key]);
}

function show(question, items) {
  const place = placeOf(answer.items[answer.chosen], items, answer.chosen);
  Object.assign(answer, { question, items, chosen: place });
  faults.hidden = true;
  form.showFaults(items.filter((item) => outcome(item) === "refuse").map(({ line, error }) => ({ line, message: error })));
  fault.hidden = true;
  status.textContent = summary(items);
  found.hidden = !items.length;
  markStale();
  list.show(items);
  if (items.length) choose(place);
}

/** Where the workload `earlier` is among `items`; else `place`, as far as there are that many. */
function placeOf(earlier, items, place) {
  const isSame = (item) => ["kind", "namespace", "name", "path"].every((key) => item[key] === earlier[key]);
  const same = earlier ? items.findIndex(isSame) : -1;
  return same >= 0 ? same : Math.max(0, Math.min(place, items.length - 1));
}

function showRefusal(error) {
  const { message, faults: wrong = [], settings = [] } = error;
  fault.hidden = false;
  fault.textContent = message;
  status.textContent = "";
  form.showFaults(wrong, settings.filter(({ line }) => line));
  const lists = [[wrong, (line) => form.goTo(line, { focus: true })], [settings, (line) => form.goToSetting(line)]];
  faults.replaceChildren(...lists.flatMap(([listed, go]) => listed.map(({ line, message: told }) => {
    const button = element("button", { type: "button", textContent: /\bline \d/.test(told) || !line ? told : `line ${line}: ${told}` });
    button.addEventListener("click", () => go(line ?? 1));
    return element("li", {}, button);
  })));
  faults.hidden = !faults.children.length;
  markStale();
}

/** Looks at the workload at `place`, because somebody chose it. */
function look(place) {
  form.goTo(answer.items[place].line);
  choose(place);
  shareSoon();
}

async function choose(place) {
  answer.chosen = place;
  list.select(place);
  const { items, question } = answer;
  const lacksOrigins = detail.wantsOrigins && !items[place].origins;
  if (!items[place].result || lacksOrigins) {
    const answered = await looking({ question, view: { only: place, origins: detail.wantsOrigins } }).catch(showRefusal);
    // Meanwhile there may be another answer, or another workload may have been chosen.
    if (!answered || answer.items !== items || answer.chosen !== place) return;
    [items[place]] = answered;
  }
  detail.show(items[place]);
}

/** Says so where the answer is not to what stands in the form. */
function markStale() {
  const isStale = answer.items.length > 0 && !isSame(form.read(), answer.question);
  stale.hidden = !isStale;
  found.classList.toggle("stale", isStale);
}

/** Writes the link once whoever types or looks has paused: to compress a long text takes as long as an answer. */
function shareSoon() {
  clearTimeout(sharing);
  sharing = setTimeout(share, CALM);
}

async function share() {
  const fragment = await fragmentOf({ ...form.read(), workload: answer.chosen, tab: answer.tab });
  history.replaceState(null, "", `#${fragment}`);
}

async function start() {
  const shared = (await sharedIn(location.hash.slice(1))) ?? SAMPLES[0];
  const { workload = 0, tab = "decision", ...question } = shared;
  Object.assign(answer, { question: null, items: [], chosen: workload, tab });
  detail.goTo(tab);
  form.fill(question);
  await preview();
}

function take(question) {
  Object.assign(answer, { items: [], chosen: 0 });
  form.fill(question);
  preview();
}

function toggleInput({ currentTarget }) {
  const isHidden = document.body.classList.toggle("without-input");
  currentTarget.setAttribute("aria-expanded", String(!isHidden));
  currentTarget.textContent = isHidden ? "Show input" : "Hide input";
  form.refresh();
}

gallery(document.getElementById("samples"), take);
takeFiles(document.getElementById("file"), (text) => take({ ...form.read(), text }));
textSize(document.getElementById("smaller"), document.getElementById("larger"), () => form.refresh());
document.getElementById("toggle-input").addEventListener("click", toggleInput);
document.getElementById("share").addEventListener("click", async ({ currentTarget }) => {
  await share();
  copy(currentTarget, location.href);
});
window.addEventListener("hashchange", start);
start();
