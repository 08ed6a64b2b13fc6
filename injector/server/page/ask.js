// The one request that this page makes.

/** The items that the server answers to `question`. Throws an Error with a line for people. */
export async function ask({ text, namespace, labels, known }) {
  const query = new URLSearchParams({ namespace: namespace || "default" });
  if (known) query.set("namespaceLabels", labels);
  let response;
  try {
    response = await fetch(`preview?${query}`, { method: "POST", body: text, headers: { "Content-Type": "text/plain" } });
  } catch {
    throw new Error("The server cannot be reached.");
  }
  if (!response.ok) throw new Error((await response.text()).trim());
  return response.json();
}
