"""The web service behind a real socket, and those who speak to it: over HTTP and WebSockets."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from nexus.core.embedded import Database
from nexus.serving import Server, make_server
from nexus.settings import Settings

PROTOCOL = Subprotocol("graphql-transport-ws")
WAIT = 5.0


class _Quiet(Server):
    """Leaves the test runner's signals alone."""

    def capture_signals(self) -> Any:
        """No hook."""
        from contextlib import nullcontext

        return nullcontext()


@dataclass
class Served:
    """A running service: its address, such as 127.0.0.1:45678, and its inner parts."""

    address: str
    state: Any


@asynccontextmanager
async def serving(database: Database, **settings: Any) -> AsyncIterator[Served]:
    """A server process's worth of nexus, in this loop."""
    given = Settings(database.owner_url, database.app_url, bytes(range(32)), **settings)
    server = _Quiet(make_server(given, port=0).config)
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    task = asyncio.create_task(server.serve([listening]))
    while not server.started:
        if task.done():
            task.result()
        await asyncio.sleep(0.01)
    try:
        app: Any = server.config.app
        yield Served(f"127.0.0.1:{listening.getsockname()[1]}", app.state)
    finally:
        server.should_exit = True
        await task


@dataclass
class Socket:
    """A client that speaks graphql-transport-ws message by message."""

    connection: ClientConnection

    async def say(self, **message: Any) -> None:
        """Send one message."""
        await self.connection.send(json.dumps(message))

    async def hear(self, wait: float = WAIT) -> dict[str, Any]:
        """The next message."""
        async with asyncio.timeout(wait):
            found: dict[str, Any] = json.loads(await self.connection.recv())
        return found

    async def silent(self, seconds: float) -> bool:
        """Whether nothing comes for so long."""
        try:
            await self.hear(seconds)
        except TimeoutError:
            return True
        return False

    async def closed(self, wait: float = WAIT) -> tuple[int, str]:
        """The code and reason of the close frame, once it comes; other messages are passed over."""
        try:
            async with asyncio.timeout(wait):
                while True:
                    await self.connection.recv()
        except ConnectionClosed as gone:
            if gone.rcvd is None:
                raise
            return gone.rcvd.code, gone.rcvd.reason

    async def begin(self, token: str | None = None) -> "Socket":
        """Initialise the connection."""
        payload = {"payload": {"authorization": f"Bearer {token}"}} if token else {}
        await self.say(type="connection_init", **payload)
        assert await self.hear() == {"type": "connection_ack"}
        return self

    async def subscribe(self, name: str, query: str, **variables: Any) -> None:
        """Ask for an operation."""
        await self.say(id=name, type="subscribe", payload={"query": query, "variables": variables})


@asynccontextmanager
async def socket_to(served: Served, **options: Any) -> AsyncIterator[Socket]:
    """A socket that is open and has said nothing yet."""
    given = {"subprotocols": [PROTOCOL], "compression": None, "max_queue": None} | options
    async with connect(f"ws://{served.address}/graphql", **given) as connection:
        yield Socket(connection)


@asynccontextmanager
async def process_of(
    database: Database, folder: Path, **environment: str
) -> AsyncIterator[tuple[Served, int]]:
    """A server process, `nexus serve`, and its number."""
    port = free_port()
    urls = {
        "NEXUS_DATABASE_URL": database.owner_url,
        "NEXUS_APP_DATABASE_URL": database.app_url,
    }
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("nexus"),
        *("serve", "--port", str(port), "--data-dir", str(folder)),
        env={**os.environ, **urls, **environment},
    )
    try:
        async with asyncio.timeout(60), httpx.AsyncClient() as client:
            while True:
                with suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{port}/health")).status_code == 200:
                        break
                await asyncio.sleep(0.1)
        yield Served(f"127.0.0.1:{port}", None), process.pid
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
    return port


def stolen(pid: int) -> tuple[float, float]:
    """Seconds that the process and this one have waited for processors that others had."""
    found = []
    for one in (str(pid), "self"):
        try:
            text = Path(f"/proc/{one}/schedstat").read_text("ascii")
        except OSError:
            text = "0 0 0"
        found.append(int(text.split()[1]) / 1e9)
    return found[0], found[1]


def stolen_since(pid: int, before: tuple[float, float]) -> float:
    """The longer of the two since then: they may have waited at the same time."""
    return max(now - then for now, then in zip(stolen(pid), before, strict=True))
