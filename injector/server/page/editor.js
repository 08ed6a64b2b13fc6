// An editor of YAML: line numbers, colours, search, faults marked at their lines.
// CodeMirror adds its styles to the root that it is in. A shadow root takes them as objects, which the page's
// Content-Security-Policy allows; the document itself would take them only as inline styles.

import {
  Decoration, EditorState, EditorView, GutterMarker, HighlightStyle, RangeSet, StateEffect, StateField, drawSelection,
  defaultKeymap, gutter, highlightActiveLine, highlightSelectionMatches, history, historyKeymap, indentUnit, keymap,
  lineNumbers, placeholder, search, searchKeymap, syntaxHighlighting, tags, yaml,
} from "./codemirror.js";

const COLOURS = HighlightStyle.define([
  { tag: [tags.definition(tags.propertyName), tags.propertyName], color: "var(--yaml-key)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--yaml-string)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--muted)", fontStyle: "italic" },
  { tag: [tags.meta, tags.typeName, tags.labelName, tags.keyword], color: "var(--accent)" },
  { tag: [tags.separator, tags.punctuation, tags.squareBracket, tags.brace], color: "var(--muted)" },
]);

const THEME = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--sunken)", fontSize: ".86rem" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--sunken)", color: "var(--muted)", borderRight: "1px solid var(--line)" },
  ".cm-lineNumbers .cm-gutterElement": { padding: "0 .4em 0 .5em" },
  ".cm-fault-gutter": { width: "1.1em" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--active-line)" },
  ".cm-fault": { backgroundColor: "var(--bad-ground)" },
  ".cm-fault-mark": { color: "var(--bad)", fontWeight: "700", cursor: "help" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { background: "var(--selection)" },
  ".cm-selectionMatch": { backgroundColor: "var(--selection)" },
  ".cm-searchMatch": { backgroundColor: "var(--warn-ground)", outline: "1px solid var(--warn)" },
  ".cm-placeholder": { color: "var(--muted)" },
  ".cm-panels": { backgroundColor: "var(--sheet)", color: "var(--ink)", borderColor: "var(--line)" },
  ".cm-panels input, .cm-panels button": { font: "inherit" },
  ".cm-button": { backgroundImage: "none", backgroundColor: "var(--sunken)", border: "1px solid var(--line)", color: "var(--ink)" },
  ".cm-textfield": { backgroundColor: "var(--sunken)", border: "1px solid var(--line)", color: "var(--ink)" },
});

// Where text is typed over a selection of several lines, Chromium would merge the lines by itself, with inline styles that
// the policy forbids: CodeMirror does it instead.
const typeOver = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || event.data === null || view.state.selection.main.empty) return false;
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

const setFaults = StateEffect.define();
const faultLine = Decoration.line({ class: "cm-fault" });

class FaultMark extends GutterMarker {
  constructor(message) {
    super();
    this.message = message;
  }

  eq(other) { return this.message === other.message; }

  toDOM() {
    const mark = document.createElement("span");
    [mark.className, mark.textContent, mark.title] = ["cm-fault-mark", "✗", this.message];
    return mark;
  }
}

// The marks of the faults: a set for the lines and one for the gutter. They move with the text around them.
const faults = StateField.define({
  create: () => ({ lines: RangeSet.empty, marks: RangeSet.empty }),
  update: (held, change) => {
    const given = change.effects.find((effect) => effect.is(setFaults));
    if (given) return marked(change.state.doc, given.value);
    return change.docChanged ? { lines: held.lines.map(change.changes), marks: held.marks.map(change.changes) } : held;
  },
  provide: (field) => EditorView.decorations.from(field, (held) => held.lines),
});

function marked(text, found) {
  const byLine = new Map();
  for (const { line, message } of found) {
    const start = text.line(Math.min(Math.max(line, 1), text.lines)).from;
    byLine.set(start, byLine.has(start) ? `${byLine.get(start)}\n${message}` : message);
  }
  const starts = [...byLine].sort(([one], [other]) => one - other);
  return {
    lines: RangeSet.of(starts.map(([start]) => faultLine.range(start))),
    marks: RangeSet.of(starts.map(([start, message]) => new FaultMark(message).range(start))),
  };
}

/** An editor in `host` with the accessible name `label`; `changed` is called when somebody has edited the text. */
export function createEditor(host, { label, hint, prompt, changed }) {
  const root = host.attachShadow({ mode: "open" });
  let isFilling = false;
  const view = new EditorView({
    parent: root,
    root,
    state: EditorState.create({
      extensions: [
        lineNumbers(), gutter({ class: "cm-fault-gutter", markers: (shown) => shown.state.field(faults).marks }), faults,
        history(), drawSelection(), highlightActiveLine(), highlightSelectionMatches(), search({ top: true }),
        typeOver, indentUnit.of("  "), EditorState.tabSize.of(2), yaml(), syntaxHighlighting(COLOURS), THEME, placeholder(prompt),
        keymap.of([...historyKeymap, ...searchKeymap, ...defaultKeymap.filter(({ key }) => key !== "Mod-Enter")]),
        EditorView.contentAttributes.of({ "aria-label": label, "aria-description": hint, spellcheck: "false", tabindex: "0" }),
        EditorView.updateListener.of((update) => { if (update.docChanged && !isFilling) changed(); }),
      ],
    }),
  });
  return {
    get text() { return view.state.doc.toString(); },
    set text(text) {
      if (text === this.text) return;
      isFilling = true;
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 }, scrollIntoView: true });
      isFilling = false;
    },
    /** Marks `found`, a list of {line, message}, and nothing else. */
    showFaults(found) {
      if (found.length || view.state.field(faults).marks.size) view.dispatch({ effects: setFaults.of(found) });
    },
    /** Shows `line`, with the cursor on it. */
    goTo(line, { focus = false } = {}) {
      const { from } = view.state.doc.line(Math.min(Math.max(line, 1), view.state.doc.lines));
      view.dispatch({ selection: { anchor: from }, effects: EditorView.scrollIntoView(from, { y: "start", yMargin: 40 }) });
      if (focus) view.focus();
    },
    /** Measures again, after the editor was hidden. */
    refresh() { view.requestMeasure(); },
  };
}
