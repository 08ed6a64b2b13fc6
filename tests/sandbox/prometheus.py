"""Debian's Prometheus on the sandbox's node: it scrapes pods, and answers queries."""

import json
import math
import re
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.sandbox import RunningPod, Sandbox, until
from tests.sandbox.network import inside
from tests.support import REPOSITORY

_PORT = 9090
_INTERVAL = "1s"
_SAMPLE = REPOSITORY / "samples" / "telemetry"

needs_prometheus = pytest.mark.skipif(
    any(shutil.which(tool) is None for tool in ("prometheus", "promtool")),
    reason="needs Prometheus (Debian: prometheus)",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One result of a query."""

    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus."""

    sandbox: Sandbox

    def query(self, expression: str) -> list[Sample]:
        """What the expression gives now."""
        found = self._get("query", query=expression)["result"]
        return [Sample(each["metric"], float(each["value"][1])) for each in found]

    def value(self, expression: str) -> float:
        """The one value that the expression gives, or no number where it gives nothing."""
        (value,) = [sample.value for sample in self.query(expression)] or [math.nan]
        return value

    def by(self, expression: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The values by these labels."""
        return {tuple(each.labels.get(label, "") for label in labels): each.value for each in self.query(expression)}

    def scrapes_all(self) -> bool:
        """Whether every proxy has been scraped."""
        found = self.query('up{job="proxies"}')
        return bool(found) and all(each.value == 1 for each in found)

    def _get(self, path: str, **parameters: str) -> dict[str, Any]:
        url = f"http://127.0.0.1:{_PORT}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        with self.sandbox.on_node(), urllib.request.urlopen(url, timeout=20) as answer:
            data: dict[str, Any] = json.load(answer)["data"]
            return data


@contextmanager
def scraping(sandbox: Sandbox, pods: Sequence[RunningPod], directory: Path) -> Iterator[Prometheus]:
    """Prometheus with the sample's configuration, once it has scraped the proxies of all the pods."""
    configuration = yaml.safe_load((_SAMPLE / "prometheus.yml").read_text(encoding="utf-8"))
    configuration["global"] |= dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), _INTERVAL)
    configuration["rule_files"] = [str(_SAMPLE / each) for each in configuration["rule_files"]]
    for job in configuration["scrape_configs"]:
        # Debian's Prometheus does not know Kubernetes: ports are listed as that would find them. Scrapes of
        # applications would be requests like others.
        del job["kubernetes_sd_configs"]
        scraped = pods if job["job_name"] == "proxies" else ()
        job["static_configs"] = [found for pod in scraped for found in _discovered(pod)]
    file = directory / "prometheus.yml"
    file.write_text(json.dumps(configuration), encoding="utf-8")
    options = [f"--config.file={file}", f"--storage.tsdb.path={directory / 'data'}", f"--web.listen-address=:{_PORT}"]
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(inside(sandbox.node_name, "prometheus", *options), stdout=log, stderr=log)
    found = Prometheus(sandbox)
    try:
        until(lambda: _answers(found), 120, "Prometheus has scraped every pod")
        yield found
    finally:
        process.terminate()
        process.wait(30)


def _discovered(pod: RunningPod) -> Iterator[dict[str, Any]]:
    """A target for each port of each container, as `role: pod` has it."""
    metadata = pod.pod["metadata"]
    of_pod = {"pod_ip": pod.address, "namespace": metadata.get("namespace", "default"), "pod_name": pod.network}
    for name, value in metadata["annotations"].items():
        of_pod[f"pod_annotation_{re.sub(r'[^A-Za-z0-9_]', '_', name)}"] = value
    for container in (*pod.pod["spec"].get("initContainers", ()), *pod.pod["spec"]["containers"]):
        for port in container.get("ports") or ():
            found = {**of_pod, "pod_container_port_name": port.get("name", "")}
            labels = {f"__meta_kubernetes_{name}": value for name, value in found.items()}
            yield {"targets": [f"{pod.address}:{port['containerPort']}"], "labels": labels}


def _answers(prometheus: Prometheus) -> bool:
    try:
        return prometheus.scrapes_all()
    except OSError:
        return False
