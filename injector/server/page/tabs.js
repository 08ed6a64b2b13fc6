// Tabs and list boxes as the ARIA Authoring Practices have them: one stop for Tab, arrows inside.

const STEPS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Lets arrows, Home and End move among the visible elements in `group`; `choose` gets the one moved to or clicked. */
export function roving(group, selector, choose) {
  group.addEventListener("click", (event) => {
    const chosen = event.target.closest(selector);
    if (chosen) choose(chosen);
  });
  group.addEventListener("keydown", (event) => {
    const items = [...group.querySelectorAll(`${selector}:not([hidden])`)];
    const place = items.indexOf(event.target.closest(selector));
    const ends = { Home: 0, End: items.length - 1 };
    const next = event.key in ends ? ends[event.key] : place + STEPS[event.key];
    if (place < 0 || Number.isNaN(next)) return;
    event.preventDefault();
    const chosen = items[(next + items.length) % items.length];
    choose(chosen);
    chosen.focus();
  });
}

/** Marks `chosen` among `items` in the ARIA attribute, and leaves it as the only stop for Tab. */
export function mark(items, chosen, attribute) {
  for (const item of items) {
    item.setAttribute(attribute, String(item === chosen));
    item.tabIndex = item === chosen ? 0 : -1;
  }
}

/** Makes a working tab list of the tabs in `list` and the panels that they name; returns the function that chooses one by its panel. */
export function tabs(list, chosenOne = () => {}) {
  const all = [...list.querySelectorAll("[role=tab]")];
  const panelOf = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
  const choose = (chosen) => {
    mark(all, chosen, "aria-selected");
    for (const tab of all) panelOf(tab).hidden = tab !== chosen;
    chosenOne(panelOf(chosen));
  };
  roving(list, "[role=tab]", choose);
  choose(all[0]);
  return (id) => choose(all.find((tab) => panelOf(tab).id === id) ?? all[0]);
}
