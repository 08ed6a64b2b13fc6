// A picture of the pod before and after: init containers in their order, containers, volumes; what is new is marked.

import { element } from "./dom.js";
import { plural } from "./outcome.js";

const FEW_PORTS = 6;

/** The elements of the view of a pod that is `before` as written, and `after` injection; each {metadata, spec}. */
export function pictureView(before, after) {
  if (!after.spec) return [element("p", { className: "nothing", textContent: "There is no pod to draw." })];
  return [element("div", { className: "pods" },
    podView("Before", before.spec ?? {}, null),
    podView("After", after.spec, before.spec ?? {}))];
}

/** The pod template at `path`, as in `spec.workers[0].template`, of `object`. */
export function podAt(object, path) {
  const keys = path.replaceAll(/\[(\d+)\]/g, ".$1").split(".").filter(Boolean);
  return keys.reduce((value, key) => value?.[key], object) ?? {};
}

function podView(title, spec, before) {
  const inits = spec.initContainers ?? [];
  return element("section", { className: "pod", "aria-label": `The pod ${title.toLowerCase()}` },
    element("h3", { textContent: title }),
    part("Init containers, one after the other", inits, "ol", (each) => containerView(each, before?.initContainers, before, true)),
    part("Containers", spec.containers ?? [], "ul", (each) => containerView(each, before?.containers, before, false)),
    part("Volumes", spec.volumes ?? [], "ul", (each) => volumeView(each, before?.volumes, before), "volumes"));
}

function part(title, items, tag, view, className = "boxes") {
  if (!items.length) return element("p", { className: "none", textContent: `No ${title.split(",")[0].toLowerCase()}` });
  return element("div", {}, element("h4", { textContent: title }), element(tag, { className }, ...items.map(view)));
}

function containerView(container, old, before, isInit) {
  const was = old?.find(({ name }) => name === container.name);
  const change = changeOf(container, was, before);
  const isNative = isInit && container.restartPolicy === "Always";
  return element("li", { className: `box ${change}` },
    element("span", { className: "title" }, container.name ?? "without a name", ...note(change)),
    ...(isNative ? [element("span", { className: "chip native", textContent: "native sidecar: runs on beside the containers" })] : []),
    element("span", { className: "image", textContent: container.image ?? "no image" }),
    element("span", { className: "chips" },
      ...portChips(container.ports ?? [], was?.ports, before),
      ...[["startupProbe", "startup probe"], ["readinessProbe", "readiness probe"], ["livenessProbe", "liveness probe"]]
        .filter(([key]) => container[key]).map(([, name]) => element("span", { className: "chip", textContent: name })),
      ...mountChip(container.volumeMounts ?? [])));
}

/** `added`, `changed` or nothing; nothing, too, where there is no pod to compare with. */
function changeOf(value, was, before) {
  if (!before) return "";
  if (was === undefined) return "added";
  return JSON.stringify(was) === JSON.stringify(value) ? "" : "changed";
}

function note(change) {
  return change ? [" ", element("span", { className: "note", textContent: change })] : [];
}

function portChips(ports, old, before) {
  const chips = ports.slice(0, FEW_PORTS).map((port) => {
    const isNew = before && old && !old.some(({ containerPort }) => containerPort === port.containerPort);
    const name = [port.containerPort, port.protocol === "UDP" ? "/UDP" : "", port.name ? ` ${port.name}` : ""].join("");
    return element("span", { className: `chip port ${isNew ? "added" : ""}`, textContent: `:${name}` });
  });
  if (ports.length > FEW_PORTS) chips.push(element("span", { className: "chip", textContent: `and ${ports.length - FEW_PORTS} more ports` }));
  return chips;
}

function mountChip(mounts) {
  if (!mounts.length) return [];
  const list = mounts.map(({ name, mountPath }) => `${name} at ${mountPath}`).join("\n");
  return [element("details", { className: "mounts" },
    element("summary", { textContent: plural(mounts.length, "mount") }),
    element("pre", { textContent: list }))];
}

function volumeView(volume, old, before) {
  const source = Object.keys(volume).find((key) => key !== "name") ?? "emptyDir";
  const change = changeOf(volume, old?.find(({ name }) => name === volume.name), before);
  return element("li", { className: `volume ${change}` },
    element("span", { className: "name", textContent: volume.name }), " ",
    element("span", { className: "kind", textContent: source }), ...note(change));
}
