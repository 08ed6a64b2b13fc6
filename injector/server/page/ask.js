// The requests that this page makes.

/** A refusal of the server. `faults` and `settings` are lists of {line, message}: of the workloads, and of the configuration. */
export class Refused extends Error {
  constructor(message, settings = []) {
    super(message);
    const line = settings.length ? null : /\bline (\d+)/.exec(message);
    this.faults = line ? [{ line: Number(line[1]), message }] : [];
    this.settings = settings;
  }
}

/**
 * The items that the server answers to `question`. `view` names the item that has all that is known of it: `whole`, its place among
 * the others, or `only` where they are not wanted; with `origins` also of its fields. Throws Refused.
 */
export async function ask({ text, configuration = "", namespace, labels, known }, view = { whole: 0 }) {
  const query = new URLSearchParams({ namespace: namespace || "default", ...view });
  if (known) query.set("namespaceLabels", labels);
  if (!configuration.trim()) return post(`preview?${query}`, "application/yaml", text);
  const trial = JSON.stringify({ workloads: text, configuration });
  const { faults, items } = await post(`preview/configuration?${query}`, "application/json", trial);
  if (faults.length) throw new Refused(`The configuration cannot be used: ${faults[0].message}`, faults);
  return items;
}

async function post(url, type, body) {
  let response;
  try {
    response = await fetch(url, { method: "POST", body, headers: { "Content-Type": type } });
  } catch {
    throw new Refused("The server cannot be reached.");
  }
  if (!response.ok) throw new Refused((await response.text()).trim());
  return response.json();
}

/** `work`, run for one argument at a time; of those that come meanwhile only the last is worked on, the others give undefined. */
export function oneAtATime(work) {
  let [busy, waiting] = [false, null];
  const next = () => {
    const started = waiting;
    [busy, waiting] = [Boolean(started), null];
    started?.start();
  };
  return (argument) => new Promise((resolve, reject) => {
    waiting?.drop();
    waiting = {
      drop: () => resolve(undefined),
      start: () => work(argument).then(resolve, reject).finally(next),
    };
    if (!busy) next();
  });
}
