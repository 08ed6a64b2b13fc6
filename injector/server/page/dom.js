// Making elements: text is always text, never markup.

/** An element with properties, attributes (those with a dash, or `role`) and children. */
export function element(tag, properties = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") made.setAttribute(name, value);
    else made[name] = value;
  }
  made.append(...children);
  return made;
}

/** Makes `wanted` the children of `parent`; those that are in their order already are not touched, so that nothing is drawn again. */
export function arrange(parent, wanted) {
  const staying = new Set(wanted);
  for (const child of [...parent.childNodes]) if (!staying.has(child)) child.remove();
  let next = parent.firstChild;
  for (const child of wanted) {
    if (child === next) next = next.nextSibling;
    else parent.insertBefore(child, next);
  }
}

/** A button that copies what `text` gives, and says so. */
export function copyButton(label, text) {
  const button = element("button", { type: "button", className: "quiet", textContent: label });
  button.addEventListener("click", () => copy(button, text()));
  return button;
}

/** Copy `text`; the label of `button` tells for a moment whether that was allowed. */
export async function copy(button, text) {
  const label = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed here";
  }
  setTimeout(() => { button.textContent = label; }, 1500);
}
