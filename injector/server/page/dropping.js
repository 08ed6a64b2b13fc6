// Files dropped on the page, or opened: their text, several as several documents.

/** Calls `take` with the text of files dropped anywhere on the page, or chosen in `input`. */
export function takeFiles(input, take) {
  const body = document.body;
  const dropping = (on) => body.classList.toggle("dropping", on);
  const hasFiles = (event) => [...event.dataTransfer.types].includes("Files");
  body.addEventListener("dragover", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    dropping(true);
  });
  body.addEventListener("dragleave", (event) => { if (!event.relatedTarget) dropping(false); });
  // On the way down: an editor would put the text where the file was dropped.
  body.addEventListener("drop", async (event) => {
    dropping(false);
    if (!event.dataTransfer.files.length) return;
    event.preventDefault();
    event.stopPropagation();
    take(await textOf(event.dataTransfer.files));
  }, { capture: true });
  input.addEventListener("change", async () => {
    if (input.files.length) take(await textOf(input.files));
    input.value = "";
  });
}

async function textOf(files) {
  const texts = await Promise.all([...files].map((file) => file.text()));
  return texts.map((text) => text.replace(/\n?$/, "\n")).join("---\n");
}
