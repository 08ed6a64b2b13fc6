"""Manifests as people write them: the same few pods in many hands, put together by hypothesis."""

import json
from textwrap import dedent, indent
from typing import Any

import yaml
from hypothesis import strategies as st

NAME = "name: shop\n"

# Each part is what may stand at that place of a pod, in the hands of several authors.
LABELS = (
    "",
    "labels: {app: shop}\n",
    "labels:   { 'app' : \"shop\" }   # in a hurry\n",
    "labels:\n  # why\n  'app': \"shop\"   # because\n",
    'labels:\n    version: "1"\n\n    app: shop\n',
    "labels: {}\n",
)
ANNOTATIONS = (
    "",
    "annotations: {prometheus.io/scrape: 'true', prometheus.io/port: \"9090\"}\n",
    "annotations:\n  prometheus.io/port: '9090'   # here\n\n  # and there\n  prometheus.io/path: >-\n    /stats\n",
    "annotations:\n  note: |\n    two\n    lines\n  sidecar.istio.io/proxyCPU: 1000m\n",
    "annotations:\n",
)
APPLICATIONS = (
    "- name: app\n  image: x\n",
    "- {name: app, image: x, ports: [{name: h, containerPort: 80}], readinessProbe: {httpGet: {path: /, port: h}}}\n",
    dedent(
        """\
        # The shop.
        - image: "x"   # pinned
          'name': app
          ports:
          - { containerPort: 8080, name: 'http' }
          readinessProbe:
            httpGet: {port: "http", path: '/ready'}   # by name
            periodSeconds: 3

          livenessProbe:
            # The socket is enough.
            tcpSocket:
              port: 0x50
            timeoutSeconds: 1
          lifecycle: {preStop: {httpGet: {path: /bye, port: 80}}}
        """
    ),
    dedent(
        """\
        -   name: app
            image: x
            resources: &small {limits: {cpu: 1000m}}
            startupProbe:
              grpc: {port: 5, service: }
        -   name: second
            image: z
            resources: *small
        """
    ),
)
PROXIES = (
    "",
    "- name: istio-proxy\n  image: auto\n",
    "# Ours.\n- name: istio-proxy\n  resources: {limits: {cpu: 3000m, memory: '1Gi'}}   # more\n  image: 'auto'\n",
    "- name: istio-proxy\n  image: mine\n  unknownField: 1\n  env: [{name: X, value: '1'}, {name: Z, value: \"\"}]\n",
)
EXTRAS = (
    "",
    "volumes:\n- name: istio-envoy   # ours\n  emptyDir: {}\n- {name: workload-socket, csi: {driver: d}}\n",
    "imagePullSecrets: [name: mine]\n",
    'initContainers:\n# First.\n- {name: enable-core-dump, image: a}\n- name: "prepare"\n  image: b\n',
    "initContainers: []\nnodeSelector: {}\n",
    "securityContext: {runAsUser: 5}   # five\n",
)


def _block(key: str, text: str, by: str = "  ") -> str:
    return f"{key}:\n{indent(text, by)}" if text else ""


@st.composite
def pods(draw: st.DrawFn) -> tuple[str, str]:
    """The text of a pod's metadata, which may be empty, and of its spec."""
    metadata = draw(st.sampled_from(LABELS)) + draw(st.sampled_from(ANNOTATIONS))
    containers = "".join(draw(st.permutations([draw(st.sampled_from(APPLICATIONS)), draw(st.sampled_from(PROXIES))])))
    parts = [_block("containers", containers, draw(st.sampled_from(["", "  ", "    "])))]
    parts += draw(st.lists(st.sampled_from(EXTRAS[1:]), max_size=2, unique_by=lambda extra: extra.partition(":")[0]))
    return metadata, "".join(draw(st.permutations(parts)))


@st.composite
def objects(draw: st.DrawFn) -> str:
    """The text of one object: a workload, or something else."""
    metadata, spec = draw(pods())
    pod = f"{_block('metadata', metadata)}{_block('spec', spec)}"
    template = f"{_block('template', pod)}"
    return draw(
        st.sampled_from(
            [
                f"kind: Pod\n{_block('metadata', NAME + metadata)}{_block('spec', spec)}",
                f"# Ours.\nkind: Deployment\napiVersion: apps/v1\nmetadata: {{name: shop}}\n{_block('spec', template)}",
                f"kind: CronJob\nspec:\n  jobTemplate:\n    spec:\n{indent(template, ' ' * 6)}",
                "kind: Service\nmetadata: {name: shop}   # as it is\n",
            ]
        )
    )


def as_list(items: list[str]) -> str:
    """The objects of `items` as a List; PyYAML reads no anchor twice in a document."""
    distinct = [item.replace("small", f"small{number}") for number, item in enumerate(items)]
    return "kind: List\nitems:\n" + "".join(f"- {indent(item, '  ').lstrip()}" for item in distinct)


def as_json(text: str, layout: int | None) -> str:
    """The same object in JSON."""
    found: Any = yaml.safe_load(text)
    return json.dumps(found, indent=layout, separators=(",", ":") if layout is None else None) + "\n"


DOCUMENTS = st.one_of(
    objects(),
    st.lists(objects(), min_size=1, max_size=2).map(as_list),
    st.builds(as_json, objects(), st.sampled_from([None, 2, 4])),
    st.just("# nothing\n"),
)
FILES = st.lists(DOCUMENTS, min_size=1, max_size=3).map("--- # next\n".join)
