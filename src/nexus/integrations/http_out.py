"""Posts to other people's servers: resolves once, checks, connects to that very address.

No redirect is followed, no proxy of the environment is used, an answer's body is read to a cap.
TLS and Host speak to the name, the socket to the address that was checked.
"""

import asyncio
import socket
import ssl
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import httpcore

from nexus.integrations.targets import (
    AllowList,
    Target,
    TargetRefused,
    check_addresses,
    read_target,
)

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 10.0
MAX_BODY = 64 * 1024
"""Of an answer: what is longer is cut off with the connection."""
TRIED = 2
"""Addresses of a name that are tried."""
IDLE_SECONDS = 15.0
RESOLVERS = 32


@dataclass(frozen=True)
class Answer:
    """What came of a post: a status code, or the class of the failure, and how long it took."""

    status: int | None
    error: str | None
    duration_ms: int
    retry_after: int | None = None
    """Seconds, where the answer said so."""
    body: bytes = b""
    """The answer's body; empty when it is longer than the cap."""

    @property
    def accepted(self) -> bool:
        """Whether the receiver took it."""
        return self.status is not None and 200 <= self.status < 300


class Poster(Protocol):
    """Something that posts: the network, or a fake."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once; never an exception for what the other side does."""


class _Pinned(httpcore.AsyncNetworkBackend):
    """Connects to checked addresses only."""

    def __init__(self, allowed: AllowList, inner: httpcore.AsyncNetworkBackend) -> None:
        self.allowed = allowed
        self.inner = inner
        self.resolvers = ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolve")

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own interface
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        last: Exception = httpcore.ConnectError()
        try:
            async with asyncio.timeout(timeout):
                for address in (await self._addresses(host, port))[:TRIED]:
                    try:
                        return await self.inner.connect_tcp(address, port)
                    except httpcore.ConnectError as error:
                        last = error
        except TimeoutError:
            raise httpcore.ConnectTimeout from None
        raise last

    async def _addresses(self, host: str, port: int) -> list[str]:
        if (host, port) in self.allowed:
            return [host]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self.resolvers, _resolve, host, port)
        except OSError:
            raise TargetRefused("UNRESOLVED", "This name has no address.") from None
        return check_addresses(found)

    async def sleep(self, seconds: float) -> None:
        await self.inner.sleep(seconds)


def _resolve(host: str, port: int) -> list[str]:
    """The name's addresses. A thread each, for the system's resolver cannot be interrupted."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class HttpOut:
    """The network as a Poster. Close it at the end."""

    def __init__(
        self,
        allowed: AllowList = frozenset(),
        *,
        context: ssl.SSLContext | None = None,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
        connections: int = 100,
    ) -> None:
        self.allowed = allowed
        self.total_seconds = total_seconds
        self._timeouts = {
            "connect": connect_seconds,
            "read": total_seconds,
            "write": total_seconds,
            "pool": total_seconds,
        }
        self._backend = _Pinned(allowed, httpcore.AnyIOBackend())
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context or ssl.create_default_context(),
            max_connections=connections,
            max_keepalive_connections=connections,
            keepalive_expiry=IDLE_SECONDS,
            network_backend=self._backend,
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.aclose()
        self._backend.resolvers.shutdown(wait=False, cancel_futures=True)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post once, within the time limits."""
        started = time.perf_counter()
        status, error, retry_after, answered = None, None, None, b""
        try:
            target = read_target(url, self.allowed)
            async with asyncio.timeout(self.total_seconds):
                status, retry_after, answered = await self._post(target, body, headers)
        except Exception as failure:
            error = error_class(failure)
        elapsed = round((time.perf_counter() - started) * 1000)
        return Answer(status, error, elapsed, retry_after, answered)

    async def _post(
        self, target: Target, body: bytes, headers: Mapping[str, str]
    ) -> tuple[int, int | None, bytes]:
        url = httpcore.URL(
            scheme=target.scheme, host=target.host, port=target.port, target=target.path
        )
        sent = {
            "host": target.authority,
            "content-type": "application/json",
            "user-agent": "nexus-webhooks/1",
            "accept": "*/*",
            "accept-encoding": "identity",
            "content-length": str(len(body)),
            **headers,
        }
        extensions = {"timeout": self._timeouts}
        async with self._pool.stream(
            "POST", url, headers=list(sent.items()), content=body, extensions=extensions
        ) as response:
            read = bytearray()
            async for chunk in response.aiter_stream():
                read += chunk
                if len(read) > MAX_BODY:
                    read.clear()
                    break
            return response.status, _retry_after(response.headers), bytes(read)


def _retry_after(headers: list[tuple[bytes, bytes]]) -> int | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit():
            return int(value[:6])
    return None


def error_class(failure: BaseException) -> str:
    """The failure as a code: never a text that came from outside."""
    if isinstance(failure, TargetRefused):
        return f"TARGET_{failure.cause}"
    for kind, code in (
        (httpcore.ConnectTimeout, "CONNECT_TIMEOUT"),
        (httpcore.TimeoutException, "TIMEOUT"),
        (TimeoutError, "TIMEOUT"),
        (ssl.SSLError, "TLS"),
        (httpcore.ConnectError, "CONNECT"),
        (httpcore.ProtocolError, "BAD_ANSWER"),
        (httpcore.NetworkError, "CONNECTION_LOST"),
        (OSError, "CONNECTION_LOST"),
    ):
        if isinstance(failure, kind):
            tls = isinstance(failure.__cause__ or failure.__context__, ssl.SSLError)
            return "TLS" if tls else code
    return "FAILED"
