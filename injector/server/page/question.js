// What is asked: the editors and the fields of the form.

import { createEditor } from "./editor.js";
import { tabs } from "./tabs.js";

const EMPTY = { text: "", configuration: "", namespace: "default", labels: "", known: false };

/** The form in the page; `changed` is called when somebody has changed the question, `asked` when it is to be answered at once. */
export function questionForm(changed, asked) {
  const form = document.getElementById("question");
  const fields = form.elements;
  const isConfigurable = document.documentElement.dataset.configuration === "on";
  const [text, configuration] = [
    ["text", "Workloads, in YAML or JSON", "Paste manifests here, or drop files"],
    ["configuration", "Configuration and templates, in YAML", "The injector's configuration to try: templates, values, meshConfig …"],
  ].map(([id, label, prompt]) => createEditor(document.getElementById(id), { label, prompt, hint: "Control and Enter asks at once", changed }));

  document.getElementById("inputs").hidden = !isConfigurable;
  document.getElementById("no-configuration").hidden = isConfigurable;
  const showInput = tabs(document.getElementById("inputs"), () => [text, configuration].forEach((editor) => editor.refresh()));
  form.addEventListener("submit", (event) => { event.preventDefault(); asked(); });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); asked(); }
  });
  form.addEventListener("input", (event) => {
    if (event.target === fields.labels) fields.known.checked = true;
    changed();
  });

  return {
    /** The question as it stands. */
    read: () => ({
      text: text.text, ...(isConfigurable ? { configuration: configuration.text } : {}),
      namespace: fields.namespace.value.trim(), labels: fields.labels.value.trim(), known: fields.known.checked,
    }),
    /** Puts a whole question into the form. */
    fill(question) {
      const whole = { ...EMPTY, ...question };
      [text.text, configuration.text] = [whole.text, whole.configuration];
      [fields.namespace.value, fields.labels.value, fields.known.checked] = [whole.namespace, whole.labels, whole.known];
      if (isConfigurable && question.configuration) showInput("input-configuration");
    },
    /** Marks `workloads` and `settings`, lists of {line, message}, in the two editors. */
    showFaults(workloads, settings = []) {
      text.showFaults(workloads);
      configuration.showFaults(settings);
    },
    /** Shows `line` of the workloads, with the cursor there where `focus` says so. */
    goTo: (line, options) => text.goTo(line, options),
    /** Shows `line` of the configuration, with the cursor there. */
    goToSetting(line) {
      showInput("input-configuration");
      configuration.goTo(line, { focus: true });
    },
    refresh: () => [text, configuration].forEach((editor) => editor.refresh()),
  };
}
