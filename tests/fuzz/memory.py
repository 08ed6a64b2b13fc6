"""What reviews leave behind in a worker: many that differ, each of them sent twice, as what comes twice is kept.

`python -m tests.fuzz.memory REVIEWS` answers so many of each kind in this process and prints, as JSON, the megabytes
that it held at most after each kind.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from injector.core.model import Pod
from injector.server.handler import answer
from injector.server.state import State
from injector.server.telemetry import Telemetry
from tests.bench.subjects import SNAPSHOT, review, small_pod
from tests.fuzz.dear import KINDS, named, with_annotations, with_labels, with_spec
from tests.support import fresh_setup

_PROXY_CONFIG = "proxy.istio.io/config"
_STRUCTURES = (
    ("traffic.sidecar.istio.io/includeOutboundPorts", "80"),
    ("traffic.sidecar.istio.io/excludeOutboundPorts", "81"),
    ("traffic.sidecar.istio.io/excludeInterfaces", "eth1"),
    ("istio.io/reroute-virtual-interfaces", "eth2"),
    ("sidecar.istio.io/capNetBindService", "true"),
    ("sidecar.istio.io/bootstrapOverride", "boot"),
    ("sidecar.istio.io/proxyCPU", "1"),
    ("status.sidecar.istio.io/port", "0"),
    ("sidecar.istio.io/nativeSidecar", "true"),
    ("proxy.istio.io/config", "{holdApplicationUntilProxyStarts: true}"),
    ("sidecar.istio.io/userVolume", '{"v": {"emptyDir": {}}}'),
    ("traffic.sidecar.istio.io/kubevirtInterfaces", "net1"),
    ("inject.istio.io/templates", "sidecar,grpc-agent"),
)


def structured(number: int) -> Pod:
    """A pod with the annotations that the bits of `number` choose: nearly each gives an overlay another structure."""
    return with_annotations({name: value for bit, (name, value) in enumerate(_STRUCTURES) if number >> bit & 1})


def another(kind: str, number: int) -> Pod:
    """A pod of a dear kind, in another size for each number."""
    return KINDS[kind](1 + number % 97)


# From a number to a review's pod: no two of a kind are the same.
LEFT_BEHIND: Mapping[str, Callable[[int], Pod]] = {
    "small pods": small_pod,
    "structures": structured,
    "entries of proxyMetadata": lambda n: with_annotations(
        {_PROXY_CONFIG: json.dumps({"proxyMetadata": {f"K{n}_{each}": "v" for each in range(n % 60)}})}
    ),
    "user volumes": lambda n: with_annotations(
        {"sidecar.istio.io/userVolume": json.dumps({f"v{n}-{each}": {"emptyDir": {}} for each in range(n % 50)})}
    ),
    "long ProxyConfigs": lambda n: with_annotations({_PROXY_CONFIG: f"x: {n:0200000}"}),
    "long names": lambda n: with_annotations({f"sidecar.istio.io/{n:0200000}": ""}),
    "long quantities": lambda n: with_annotations({"sidecar.istio.io/proxyCPU": f"1{n:0100000}"}),
    "names of templates": lambda n: with_annotations({"inject.istio.io/templates": f"t{n:0100000}"}),
    "labels": lambda n: with_labels(n % 300),
    "containers": lambda n: with_spec(containers=named(f"c{n}-", n % 60)),
    "images": lambda n: with_spec(containers=[{"name": "app", "image": f"{n:0300000}"}]),
    "owners": lambda n: {
        **small_pod(n), "metadata": {"ownerReferences": [{"kind": "a", "name": f"{n:0300000}", "controller": True}]}
    },
    "dear reviews": lambda n: another(sorted(KINDS)[n % len(KINDS)], n // len(KINDS)),
}  # fmt: skip


def megabytes_at_most() -> int:
    """The most that this process has held; what `getrusage` says would count the process that started it, too."""
    (line,) = (each for each in Path("/proc/self/status").read_text().splitlines() if each.startswith("VmHWM:"))
    return int(line.split()[1]) // 1024


def main(reviews: int) -> None:
    """Answer, and print what was held."""
    with Path(os.devnull).open("wb") as log:
        found = held_after(reviews, State(fresh_setup(), SNAPSHOT), Telemetry(log))
    sys.stdout.write(json.dumps(found))


def held_after(reviews: int, state: State, telemetry: Telemetry) -> dict[str, int]:
    """The megabytes that were held at most after so many reviews of each kind."""
    found = {"before": megabytes_at_most()}
    for kind, make in LEFT_BEHIND.items():
        for number in range(reviews):
            body = review(make(number), number)
            for path in (f"/inject/cluster/{number}", f"/inject/cluster/{number}"):
                telemetry.record(answer(body, path, state), 0.001)
        found[kind] = megabytes_at_most()
        assert all(cache.held <= cache.budget.bytes for cache in state.caches)
    return found


if __name__ == "__main__":
    main(int(sys.argv[1]))
