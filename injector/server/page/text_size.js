// The size of all text, for projectors and for eyes; it is kept in this browser.

const SIZES = [87.5, 100, 115, 130, 150, 175];
const KEY = "text-size";

/** Lets `smaller` and `larger` change the size of the text; `changed` is called after each change. */
export function textSize(smaller, larger, changed) {
  let place = SIZES.indexOf(Number(localStorage.getItem(KEY) ?? 100));
  if (place < 0) place = SIZES.indexOf(100);
  const apply = () => {
    document.documentElement.style.fontSize = `${SIZES[place]}%`;
    [smaller.disabled, larger.disabled] = [place === 0, place === SIZES.length - 1];
    changed();
  };
  const step = (by) => {
    place = Math.min(Math.max(place + by, 0), SIZES.length - 1);
    localStorage.setItem(KEY, SIZES[place]);
    apply();
  };
  smaller.addEventListener("click", () => step(-1));
  larger.addEventListener("click", () => step(1));
  apply();
}
