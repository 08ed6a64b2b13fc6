"""Probes as the kubelet makes them: from the node, to the pod's address; commands within the container."""

import http.client
import socket
import time
from collections.abc import Callable
from typing import Any

from injector.core.model import Container, JsonObject

_PERIOD = 0.1
_SUCCESS, _NO_SUCCESS = 200, 400


def port_number(port: int | str, container: Container) -> int:
    """The number of a port, which may be told by the name that the container gives it."""
    named = {each.get("name"): each["containerPort"] for each in container.get("ports") or ()}
    return int(named.get(port, port))


def passes(probe: JsonObject, address: str, container: Container, execute: Callable[[list[str]], int]) -> bool:
    """Whether the probe passes now. `execute` runs a command in the container and gives its exit status."""
    timeout = float(probe.get("timeoutSeconds", 1))
    if "exec" in probe:
        return execute(probe["exec"]["command"]) == 0
    if "httpGet" in probe:
        return _http(probe["httpGet"], address, container, timeout)
    port = port_number((probe.get("tcpSocket") or probe["grpc"])["port"], container)
    return _grpc(address, port, timeout) if "grpc" in probe else _tcp(address, port, timeout)


def _http(action: JsonObject, address: str, container: Container, timeout: float) -> bool:
    port = port_number(action["port"], container)
    connection = http.client.HTTPConnection(action.get("host") or address, port, timeout=timeout)
    headers = {each["name"]: each["value"] for each in action.get("httpHeaders") or ()}
    try:
        connection.request("GET", action.get("path") or "/", headers={"User-Agent": "kube-probe/1.33", **headers})
        return _SUCCESS <= connection.getresponse().status < _NO_SUCCESS
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tcp(address: str, port: int, timeout: float) -> bool:
    try:
        socket.create_connection((address, port), timeout).close()
    except OSError:
        return False
    return True


def _grpc(address: str, port: int, timeout: float) -> bool:
    import grpc  # noqa: PLC0415 -- it starts threads when it is imported

    with grpc.insecure_channel(f"{address}:{port}") as channel:
        check: Any = channel.unary_unary("/grpc.health.v1.Health/Check")
        try:
            return bool(check(b"", timeout=timeout) == b"\x08\x01")  # HealthCheckResponse{status: SERVING}
        except grpc.RpcError:
            return False


def until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Wait until the condition holds. Raises TimeoutError with `what` was waited for."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(_PERIOD)
