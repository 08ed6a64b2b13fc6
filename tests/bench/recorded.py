"""Reviews as a real API server sent them (`tests/bench/reviews`, written by `recording`), and others made of them."""

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from tests.bench.recording import REVIEWS
from tests.bench.subjects import uid

# File of reviews → how a report calls their pods.
PODS: Mapping[str, str] = {
    "deployment": "Deployment's pod",
    "statefulset": "StatefulSet's pod",
    "daemonset": "DaemonSet's pod",
    "job": "Job's pod",
    "cronjob": "CronJob's pod",
    "bare": "bare pod",
}
_TOKEN_VOLUME = b"kube-api-access-"
_LETTERS = b"bcdfghjklmnpqrstvwxz2456789"


def recorded(name: str) -> list[bytes]:
    """The reviews of a file."""
    return (REVIEWS / f"{name}.jsonl").read_bytes().splitlines()


def never_seen(name: str, number: int) -> bytes:
    """A recorded review as that of another workload: with names, images and labels of its own."""
    workload = _workload(name)
    body = replica(name, number)
    return body.replace(workload, b"%b-of-%d" % (workload, number))


def replica(name: str, number: int) -> bytes:
    """A recorded review as that of another pod of the same workload: it differs in what the API server makes up."""
    body = recorded(name)[0]
    request = orjson.loads(body)["request"]
    for before, after in _REPLACED[name](request["object"], number).items():
        body = body.replace(before, after)
    start = body.find(_TOKEN_VOLUME) + len(_TOKEN_VOLUME)
    volume = body[start : start + 5]
    body = body.replace(_TOKEN_VOLUME + volume, _TOKEN_VOLUME + _random(number))
    seconds = b":%02dZ" % (number % 60)
    for entry in request["object"]["metadata"]["managedFields"]:
        time = entry["time"].encode()
        body = body.replace(time, time[:-4] + seconds)
    return body.replace(request["uid"].encode(), uid(number).encode(), 1)


def bodies(title: str, count: int, first: int = 0, *, alike: bool) -> list[bytes]:
    """`count` reviews of the pods that a report calls `title`: replicas of one workload, or each of its own."""
    (name,) = (each for each, called in PODS.items() if called == title)
    make = replica if alike else never_seen
    return [make(name, number) for number in range(first, first + count)]


def _random(number: int) -> bytes:
    letters = bytearray()
    for _ in range(5):
        number, at = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[at])
    return bytes(letters)


def _workload(name: str) -> bytes:
    """The part of a recorded review's names that all pods of its workload share."""
    return {"bare": b"shop-bare"}.get(name, f"shop-{name}".encode())


def _of_stateful_set(pod: Any, number: int) -> dict[bytes, bytes]:
    index = pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"]
    label = b'"apps.kubernetes.io/pod-index":"%b"'
    name = pod["metadata"]["name"].encode()
    return {
        name: name.removesuffix(index.encode()) + b"%d" % number,
        label % index.encode(): label % (b"%d" % number),
    }


def _of_cron_job(pod: Any, number: int) -> dict[bytes, bytes]:
    return _of_job(pod, 29_000_000 + number)


def _of_job(pod: Any, number: int) -> dict[bytes, bytes]:
    owner = pod["metadata"]["ownerReferences"][0]
    job, owner_uid = owner["name"].encode(), owner["uid"].encode()
    head, dash, _ = job.rpartition(b"-")
    return {b'"%b' % job: b'"%b%b%d' % (head, dash, number), owner_uid: uid(1_000_000 + number).encode()}


def _of_daemon_set(_: Any, number: int) -> dict[bytes, bytes]:
    return {b'"node-0"': b'"node-%d"' % number}


def _named(pod: Any, number: int) -> dict[bytes, bytes]:
    name = pod["metadata"]["name"].encode()
    return {b'"%b"' % name: b'"%b-%d"' % (name, number)}


_REPLACED: Mapping[str, Callable[[Any, int], dict[bytes, bytes]]] = {
    "deployment": lambda _pod, _number: {},
    "statefulset": _of_stateful_set,
    "daemonset": _of_daemon_set,
    "job": _of_job,
    "cronjob": _of_cron_job,
    "bare": _named,
}
