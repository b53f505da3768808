"""The web server: the service over a socket, and how it stops."""

import asyncio
import resource
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from nexus.app import make_app
from nexus.graph.http import MAX_BODY
from nexus.settings import Settings

STOPPING = (signal.SIGINT, signal.SIGTERM)
UNREAD_SECONDS = 30


class Server(uvicorn.Server):
    """Stops on SIGINT and SIGTERM, and does not raise them again once it has stopped.

    Connections that stay are ended first. A peer that takes nothing is cut off, whatever waits.
    """

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen and serve until stopped."""
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        listening = sockets or [self.config.bind_socket()]
        for one in listening:
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        await super().serve(listening)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End what follows the news, then everything."""
        app: Any = self.config.app
        if newsroom := getattr(app.state, "newsroom", None):
            await newsroom.close()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Uvicorn's hook around serving."""
        loop = asyncio.get_running_loop()
        for name in STOPPING:
            loop.add_signal_handler(name, self.handle_exit, name, None)
        try:
            yield
        finally:
            for name in STOPPING:
                loop.remove_signal_handler(name)


def make_server(settings: Settings, port: int, host: str = "127.0.0.1") -> Server:
    """The web service, ready to serve."""
    config = uvicorn.Config(
        make_app(settings),
        host=host,
        port=port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=8,
        ws="websockets-sansio",
        ws_max_size=MAX_BODY,
        # Compression would cost more memory a socket than all the rest of it.
        ws_per_message_deflate=False,
    )
    return Server(config)
