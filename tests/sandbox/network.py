"""Network namespaces for pods, and one for their node: a bridge, addresses of both families, services.

Nothing is made in the machine's own network. Names begin with `sbx-` and the process that made them, so that what a
crash left behind is swept away by the next sandbox.
"""

import ctypes
import itertools
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PREFIX = "sbx-"
FILES = Path("/etc/netns")
_NAMESPACES = Path("/run/netns")
_NEW_NETWORK = 0x40000000
_C = ctypes.CDLL(None, use_errno=True)
_numbers = itertools.count(1)

GATEWAY, GATEWAY6 = "10.244.0.1", "fd00:244::1"


def run(*command: str, given: str | None = None) -> str:
    """What the command writes to standard output. Raises RuntimeError with its error where it fails."""
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


def inside(name: str, *command: str) -> list[str]:
    """The command as it runs in the network namespace, with the files of `/etc/netns/NAME` over those of `/etc`."""
    return ["ip", "netns", "exec", name, *command]


def create_namespace() -> str:
    """A new network namespace with its loopback up. Returns its name."""
    name = f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    run("ip", "netns", "add", name)
    run(*inside(name, "ip", "link", "set", "lo", "up"))
    return name


def remove_namespace(name: str) -> None:
    """End every process in the namespace, then remove it and its files."""
    with suppress(RuntimeError):
        for process in run("ip", "netns", "pids", name).split():
            with suppress(ProcessLookupError):
                os.kill(int(process), signal.SIGKILL)
        run("ip", "netns", "delete", name)
    shutil.rmtree(FILES / name, ignore_errors=True)


@contextmanager
def namespace() -> Iterator[str]:
    """A network namespace for the duration of the block."""
    sweep()
    name = create_namespace()
    try:
        yield name
    finally:
        remove_namespace(name)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """The calling thread in the namespace: sockets made inside belong to it for good."""
    with Path("/proc/thread-self/ns/net").open() as before, (_NAMESPACES / name).open() as wanted:
        _set_namespace(wanted.fileno())
        try:
            yield
        finally:
            _set_namespace(before.fileno())


def _set_namespace(descriptor: int) -> None:
    if _C.setns(descriptor, _NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "setns")


def sweep() -> None:
    """Remove what processes that are no more have left behind."""
    found = {path.name for place in (_NAMESPACES, FILES) if place.exists() for path in place.glob(f"{PREFIX}*")}
    for name in found:
        owner = name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", owner).exists():
            remove_namespace(name)


@dataclass
class Node:
    """The node that pods run on: it routes between them, so that every packet passes it, and stands for services."""

    name: str = field(default_factory=create_namespace)
    _pods: Iterator[int] = field(default_factory=lambda: itertools.count(10))
    _services: Iterator[int] = field(default_factory=lambda: itertools.count(10))

    def __post_init__(self) -> None:
        """Make the bridge, and the table in which services stand."""
        for command in (
            # An address of its own: a bridge without one takes a new one as ports come, and pods know only the old one.
            "ip link add cbr0 address 02:00:0a:f4:00:01 type bridge",
            f"ip address add {GATEWAY}/16 dev cbr0",
            f"ip address add {GATEWAY6}/64 dev cbr0 nodad",
            "ip link set cbr0 up",
            "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1",
            "sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.cbr0.send_redirects=0",
        ):
            run(*inside(self.name, *command.split()))
        run(*inside(self.name, "nft", "-f", "-"), given=_SERVICE_TABLE)

    def attach(self) -> tuple[str, str, str]:
        """A pod's namespace, connected to the bridge: its name and its addresses, IPv4 and IPv6."""
        number = next(self._pods)
        name, address, address6 = create_namespace(), f"10.244.0.{number}", f"fd00:244::{number:x}"
        run(*inside(self.name, *f"ip link add veth{number} type veth peer name eth0 netns {name}".split()))
        run(*inside(self.name, *f"ip link set veth{number} master cbr0 up".split()))
        # Addresses without a network: the way to every other pod leads over the node, as in most clusters.
        for command in (
            "sysctl -qw net.ipv4.conf.all.accept_redirects=0 net.ipv6.conf.eth0.accept_redirects=0",
            f"ip address add {address}/32 dev eth0",
            f"ip address add {address6}/128 dev eth0 nodad",
            "ip link set eth0 up",
            f"ip route add default via {GATEWAY} dev eth0 onlink",
            f"ip -6 route add default via {GATEWAY6} dev eth0 onlink",
        ):
            run(*inside(name, *command.split()))
        return name, address, address6

    def publish(self, targets: Sequence[tuple[str, str]], port: int, target_port: int) -> tuple[str, str]:
        """A service's addresses, IPv4 and IPv6, behind which connections to `port` go to the targets in turn."""
        number = next(self._services)
        address, address6 = f"10.96.0.{number}", f"fd00:96::{number:x}"
        choice = f"numgen inc mod {len(targets)} map"
        to = ", ".join(f"{index} : {target}" for index, (target, _) in enumerate(targets))
        to6 = ", ".join(f"{index} : {target}" for index, (_, target) in enumerate(targets))
        rules = "".join(
            f"add rule inet services {chain} ip daddr {address} tcp dport {port} "
            f"dnat ip to {choice} {{ {to} }} : {target_port}\n"
            f"add rule inet services {chain} ip6 daddr {address6} tcp dport {port} "
            f"dnat ip6 to {choice} {{ {to6} }} : {target_port}\n"
            for chain in ("prerouting", "output")
        )
        run(*inside(self.name, "nft", "-f", "-"), given=rules)
        return address, address6


_SERVICE_TABLE = """
table inet services {
  chain prerouting { type nat hook prerouting priority dstnat; }
  chain output { type nat hook output priority -100; }
}
"""
