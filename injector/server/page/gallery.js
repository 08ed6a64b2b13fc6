// The gallery of samples, in a dialog.

import { element } from "./dom.js";
import { SAMPLES } from "./samples.js";

/** Lets the button open the gallery; `choose` is called with the sample that somebody takes. */
export function gallery(button, choose) {
  const [dialog, list, close] = ["gallery", "gallery-list", "close-gallery"].map((id) => document.getElementById(id));
  const isConfigurable = document.documentElement.dataset.configuration === "on";
  const offered = SAMPLES.filter((sample) => isConfigurable || !sample.configuration);
  list.replaceChildren(...offered.map((sample) => {
    const taken = element("button", { type: "button", className: "sample" },
      element("span", { className: "title", textContent: sample.title }), " ",
      element("span", { className: "about", textContent: sample.about }));
    taken.addEventListener("click", () => { dialog.close(); choose(sample); });
    return element("li", {}, taken);
  }));
  button.addEventListener("click", () => dialog.showModal());
  close.addEventListener("click", () => dialog.close());
}
