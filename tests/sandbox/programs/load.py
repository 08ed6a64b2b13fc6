"""The two ends of the latency measurement.

Usage: `load serve PORT`, or `load ask ADDRESS PORT RATE SECONDS CONNECTIONS`, which prints milliseconds, one a line.
"""

import asyncio
import socket
import sys
import time
from typing import cast

_REQUEST = b"GET / HTTP/1.1\r\nHost: server\r\n\r\n"
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_HEAD = b"\r\n\r\n"


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while _HEAD in self._received:
            self._received = self._received.partition(_HEAD)[2]
            self._transport.write(_ANSWER)


async def _serve(port: int) -> None:
    listening = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
    server = await asyncio.get_running_loop().create_server(_Server, sock=listening)
    await server.serve_forever()


async def _ask(address: str, port: int, rate: int, seconds: int, connections: int) -> list[float]:
    """The milliseconds of `rate * seconds` requests, each due at its moment and sent on the next of the connections."""
    streams = [await asyncio.open_connection(address, port) for _ in range(connections)]
    start = time.perf_counter() + 0.1

    async def one_connection(index: int) -> list[float]:
        reader, writer = streams[index]
        taken = []
        for number in range(index, rate * seconds, connections):
            due = start + number / rate
            await asyncio.sleep(max(0, due - time.perf_counter()))
            writer.write(_REQUEST)
            head = await reader.readuntil(_HEAD)
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(head.decode())
            await reader.readexactly(2)
            taken.append((time.perf_counter() - due) * 1000)
        return taken

    results = await asyncio.gather(*map(one_connection, range(connections)))
    return [each for result in results for each in result]


def main() -> None:
    """Be the end that the first argument names."""
    import uvloop  # noqa: PLC0415 -- the measuring ends should be fast

    what, *arguments = sys.argv[1:]
    if what == "serve":
        uvloop.run(_serve(int(arguments[0])))
        return
    address, *numbers = arguments
    taken = uvloop.run(_ask(address, *map(int, numbers)))
    sys.stdout.write("".join(f"{each:.4f}\n" for each in taken))


if __name__ == "__main__":
    main()
