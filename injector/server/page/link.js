// The question in the fragment of the URL, which no browser sends anywhere: compressed JSON in base64url.

/** The fragment, without `#`, that stands for `question`. */
export async function fragmentOf(question) {
  const bytes = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(JSON.stringify(question)));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** The question in a fragment; null where there is none that can be read. */
export async function questionIn(fragment) {
  if (!/^[A-Za-z0-9_-]{2,}$/.test(fragment)) return null;
  try {
    const text = atob(fragment.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = await through(new DecompressionStream("deflate-raw"), Uint8Array.from(text, (each) => each.charCodeAt(0)));
    const question = JSON.parse(new TextDecoder().decode(bytes));
    return typeof question.text === "string" ? question : null;
  } catch {
    return null;
  }
}

async function through(transform, bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
