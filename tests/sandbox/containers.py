"""One container as a process: its command, environment, user and capabilities, as the kubelet and runtime set them.

Volumes are not mounted, and files are the machine's own: read-only where the container says so.
"""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from injector.core.model import Container, Pod
from tests.sandbox.images import Images, image_of
from tests.sandbox.network import inside

# What container runtimes grant by default (https://docs.docker.com/engine/containers/run/#runtime-privilege-and-linux-capabilities).
_DEFAULT_CAPABILITIES = frozenset(
    "audit_write chown dac_override fowner fsetid kill mknod net_bind_service net_raw setfcap setgid setpcap setuid "
    "sys_chroot".split()
)
_VARIABLE = re.compile(r"\$\$|\$\(([A-Za-z_.-][A-Za-z0-9_.-]*)\)")
_READ_ONLY = ("sh", "-c", 'mount -o remount,bind,ro / && exec "$@"', "sh")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pod's containers run: its namespace, what its fields answer, and the directory for logs."""

    namespace: str
    pod: Pod
    fields: Mapping[str, str]
    directory: Path
    images: Images


def environment(container: Container, place: Place) -> dict[str, str]:
    """The container's variables: literal values with references to earlier ones, fields of the pod, resources."""
    found: dict[str, str] = {}
    for entry in container.get("env") or ():
        source = entry.get("valueFrom") or {}
        if "fieldRef" in source:
            found[entry["name"]] = place.fields.get(source["fieldRef"]["fieldPath"], "")
        elif "resourceFieldRef" in source:
            found[entry["name"]] = "1"
        else:
            found[entry["name"]] = expanded(str(entry.get("value", "")), found)
    return found


def expanded(text: str, variables: Mapping[str, str]) -> str:
    """The text with `$(NAME)` replaced where NAME is known, and `$$` by `$`, as Kubernetes does."""

    def replacement(match: re.Match[str]) -> str:
        return "$" if match[0] == "$$" else variables.get(match[1], match[0])

    return _VARIABLE.sub(replacement, text)


def command_line(container: Container, place: Place) -> list[str]:
    """Command and arguments, the image's where the container names none of its own."""
    image = image_of(container["image"], place.images)
    variables = environment(container, place)
    command = [expanded(each, variables) for each in container.get("command") or ()]
    if command:
        command[0] = image.programs.get(command[0], command[0])
    arguments = [expanded(each, variables) for each in container.get("args") or ()]
    return [*(command or image.entrypoint), *arguments]


def as_container(command: Sequence[str], container: Container, place: Place) -> list[str]:
    """The command in the pod's namespace, with the container's user, capabilities and read-only files."""
    context = _security_context(container, place.pod)
    user, group = context.get("runAsUser", 0), context.get("runAsGroup", context.get("runAsUser", 0))
    capabilities = _capabilities(context)
    bounding = ",".join(("-all", *(f"+{name}" for name in sorted(capabilities))))
    confined = ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", f"--bounding-set={bounding}"]
    confined += ["--inh-caps=-all", *([] if context.get("allowPrivilegeEscalation", True) else ["--no-new-privs"])]
    read_only = _READ_ONLY if context.get("readOnlyRootFilesystem") else ()
    return inside(place.namespace, *read_only, *confined, *command)


def _security_context(container: Container, pod: Pod) -> dict[str, Any]:
    of_pod = {k: v for k, v in (pod["spec"].get("securityContext") or {}).items() if k.startswith("runAs")}
    return {**of_pod, **(container.get("securityContext") or {})}


def _capabilities(context: Mapping[str, Any]) -> set[str]:
    asked = context.get("capabilities") or {}
    dropped = {name.lower() for name in asked.get("drop") or ()}
    kept = set() if "all" in dropped else _DEFAULT_CAPABILITIES - dropped
    return {*kept, *(name.lower() for name in asked.get("add") or ())}


class Process:
    """A container that runs, or has run."""

    def __init__(self, container: Container, place: Place) -> None:
        """Start it; what it writes goes to its log."""
        self.container = container
        self.log = place.directory / f"{container['name']}.log"
        variables = {"PATH": _PATH, "HOME": "/", **environment(container, place)}
        command = as_container(command_line(container, place), container, place)
        command[0] = shutil.which(command[0]) or command[0]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, env={**_inherited(), **variables}, stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd="/"
            )

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def wait(self, seconds: float) -> int | None:
        """Its exit status; None where it still runs after that time."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def terminate(self, grace: float) -> float:
        """TERM, and KILL after `grace` seconds. Returns how many of them it took."""
        started = time.monotonic()
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
        if self.wait(grace) is None:
            self._process.kill()
            self._process.wait()
        return time.monotonic() - started


def _inherited() -> dict[str, str]:
    """What lets the tests' own interpreter find the packages under test."""
    return {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
