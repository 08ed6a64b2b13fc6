// The question, and what is looked at, in the fragment of the URL, which no browser sends anywhere.

/** The fragment, without `#`, that stands for `shared`: compressed JSON in base64url. */
export async function fragmentOf(shared) {
  const bytes = await through(new CompressionStream("deflate-raw"), new TextEncoder().encode(JSON.stringify(shared)));
  const text = Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What a fragment stands for; null where it cannot be read. */
export async function sharedIn(fragment) {
  if (!/^[A-Za-z0-9_-]{2,}$/.test(fragment)) return null;
  try {
    const text = atob(fragment.replaceAll("-", "+").replaceAll("_", "/"));
    const bytes = await through(new DecompressionStream("deflate-raw"), Uint8Array.from(text, (each) => each.charCodeAt(0)));
    const shared = JSON.parse(new TextDecoder().decode(bytes));
    return typeof shared.text === "string" ? shared : null;
  } catch {
    return null;
  }
}

async function through(transform, bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(transform);
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
