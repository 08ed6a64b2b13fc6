"""The client counts every request that it sent as answered or as failed, whatever the server does with it."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from certs.directory import DirectoryStore
from certs.model import Settings
from certs.rotation import ensure
from tests.bench.load import Result, Task, run
from tests.bench.subjects import SMALL

CONNECTIONS = 3
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 5\r\n\r\nbusy\n"

# What a server does with a request that it has read.
Reply = Callable[[asyncio.StreamWriter], Awaitable[None]]


async def serve_well(writer: asyncio.StreamWriter) -> None:
    writer.write(OK)
    await writer.drain()


async def refuse(writer: asyncio.StreamWriter) -> None:
    writer.write(BUSY)
    await writer.drain()


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()


async def reset(writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def break_off(writer: asyncio.StreamWriter) -> None:
    writer.write(OK[:-1])
    writer.close()


async def talk_nonsense(writer: asyncio.StreamWriter) -> None:
    writer.write(b"nonsense\r\n\r\n")
    await writer.drain()


async def keep_silent(_writer: asyncio.StreamWriter) -> None:
    """Nothing."""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> DirectoryStore:
    made = DirectoryStore(tmp_path_factory.mktemp("certs"))
    ensure(made, Settings(names=("127.0.0.1",)), datetime.now(UTC))
    return made


def sent(store: DirectoryStore, *, rate: float, reply: Reply, patience: float = 60) -> tuple[Result, int]:
    """What the client counts, and how many requests a server read that does `reply` with each of them."""
    read = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal read
        while not writer.is_closing():
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.rpartition(b"Content-Length: ")[2]))
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            read += 1
            await reply(writer)

    async def measured() -> Result:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(store.certificate, store.key)
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        task = Task(port, str(store.bundle), SMALL.name, False, 10, CONNECTIONS, 0.2, rate, patience)
        return await run(task)

    return asyncio.run(measured()), read


@pytest.mark.parametrize("rate", [0, 1000])
def test_what_is_answered_is_not_a_failure(store: DirectoryStore, rate: float) -> None:
    result, read = sent(store, rate=rate, reply=serve_well)
    assert read > 0
    assert result.failed == 0


@pytest.mark.parametrize("rate", [0, 1000])
@pytest.mark.parametrize("reply", [close, reset, break_off, talk_nonsense, refuse])
def test_whatever_else_becomes_of_a_request_is_a_failure(store: DirectoryStore, rate: float, reply: Reply) -> None:
    result, read = sent(store, rate=rate, reply=reply)
    assert result.failed == read > 0


@pytest.mark.parametrize("rate", [0, 1000])
def test_a_request_that_is_never_answered_is_a_failure(store: DirectoryStore, rate: float) -> None:
    result, _ = sent(store, rate=rate, reply=keep_silent, patience=0.1)
    assert 0 < result.failed <= CONNECTIONS


def test_a_server_that_closes_every_connection_has_answered_nothing(store: DirectoryStore) -> None:
    result, read = sent(store, rate=1000, reply=close)
    assert result == Result(0.0, 0.0, 0.0, read)
