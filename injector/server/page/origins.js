// From an added line to the line of the template, or the annotation, that made it.

// Items of these lists are known by the value of a key, as Kubernetes merges them.
const MERGE_KEYS = {
  containers: "name", initContainers: "name", ephemeralContainers: "name", volumes: "name", env: "name",
  imagePullSecrets: "name", volumeMounts: "mountPath", volumeDevices: "devicePath", ports: "containerPort",
  hostAliases: "ip", topologySpreadConstraints: "topologyKey",
};

/** A function that gives, for the JSON Pointer of a value of `item`'s result, {words, line} of its origin; null where none is known. */
export function originsOf(item) {
  const known = new Map((item.origins ?? []).map((origin) => [keyOf(stepsOfText(origin.path)), origin]));
  return (pointer) => {
    const origin = known.get(keyOf(stepsOf(item.result, pointer)));
    return origin ? { words: words(origin), line: origin.text ?? "" } : null;
  };
}

function words({ template, line, annotations = [] }) {
  if (!template) return "the injection itself";
  const asked = annotations.map(({ name, set }) => `${set ? "annotation" : "default of"} ${name}`);
  return [line ? `${template}:${line}` : template, ...asked].join("; ");
}

/** The steps of a path as the server writes it: `spec.containers[istio-proxy].ports[15090].name`. */
function stepsOfText(path) {
  return [...path.matchAll(/\[([^\]]*)\]|([^.[\]]+)/g)].map(([, bracketed, plain]) => bracketed ?? plain);
}

/** The same steps for a JSON Pointer: items of lists by the value of their merge key, where they have one. */
function stepsOf(result, pointer) {
  const steps = [];
  let [value, name] = [result, ""];
  for (const part of pointer.split("/").slice(1)) {
    const key = part.replaceAll("~1", "/").replaceAll("~0", "~");
    const item = value?.[key];
    steps.push(Array.isArray(value) ? String(item?.[MERGE_KEYS[name]] ?? key) : key);
    [value, name] = [item, Array.isArray(value) ? "" : key];
  }
  return steps;
}

const keyOf = (steps) => JSON.stringify(steps);
