"""The load generator: a process of its own that sends exactly what it is told and awaits all.

Jobs come as JSON lines on standard input: `{port, path, headers, connections, bodies, warm}`. After
the warm-up it says `ready` and waits for a line; then it sends every body once, over so many
keep-alive connections, and tells `{seconds, p50, p99, bytes}`.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import httptools
import uvloop

BAD = (b'"errors"', b'"code"')
"""What no good answer holds: errors, refusals."""


class FailedError(RuntimeError):
    """An answer was not what it should be."""


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request under way."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self.requests = requests
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self.bytes = 0
        self._parser: Any = httptools.HttpResponseParser(self)
        self._body: list[bytes] = []
        self._sent = 0.0

    def connection_made(self, transport: Any) -> None:
        self.transport: Any = transport

    def begin(self, requests: Iterator[bytes]) -> "asyncio.Future[None]":
        """Send the requests one after the other; the future ends with the last answer."""
        self.requests = requests
        self.latencies, self.bytes = [], 0
        self.done = asyncio.get_running_loop().create_future()
        self._next()
        return self.done

    def _next(self) -> None:
        request = next(self.requests, None)
        if request is None:
            self.done.set_result(None)
            return
        self._sent = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        """A part of the answer."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole: check it, and go on."""
        self.latencies.append(time.perf_counter() - self._sent)
        body = b"".join(self._body)
        self._body.clear()
        self.bytes += len(body)
        status = self._parser.get_status_code()
        if status != 200 or any(bad in body for bad in BAD):
            self.done.set_exception(FailedError(f"{status} {body[:500].decode(errors='replace')}"))
            return
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(FailedError("the server closed the connection"))


def framed(job: dict[str, Any], bodies: list[str]) -> Iterator[bytes]:
    """The requests as bytes."""
    lines = [f"POST {job['path']} HTTP/1.1", f"Host: 127.0.0.1:{job['port']}"]
    headers = {"Content-Type": "application/json", "Accept": "application/json"} | job["headers"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    head = "\r\n".join(lines).encode()
    encoded = [body.encode() for body in bodies]
    return iter([b"%s\r\nContent-Length: %d\r\n\r\n%s" % (head, len(b), b) for b in encoded])


async def work(job: dict[str, Any]) -> dict[str, Any]:
    """Connect, warm up, wait for the word, run."""
    loop = asyncio.get_running_loop()
    nothing: Iterator[bytes] = iter(())

    async def connect() -> Connection:
        made = await loop.create_connection(lambda: Connection(nothing), "127.0.0.1", job["port"])
        return made[1]

    connections = [await connect() for _ in range(job["connections"])]
    warm = framed(job, job["warm"])
    await asyncio.gather(*(connection.begin(warm) for connection in connections))
    # A server closes what idled while the slowest connection was warming up.
    connections = [
        connection if not connection.transport.is_closing() else await connect()
        for connection in connections
    ]
    requests = framed(job, job["bodies"])
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    started = time.perf_counter()
    await asyncio.gather(*(connection.begin(requests) for connection in connections))
    seconds = time.perf_counter() - started
    latencies = sorted(one for connection in connections for one in connection.latencies)
    assert len(latencies) == len(job["bodies"])
    for connection in connections:
        connection.transport.close()
    return {
        "seconds": seconds,
        "p50": latencies[len(latencies) // 2],
        "p99": latencies[min(len(latencies) - 1, len(latencies) * 99 // 100)],
        "bytes": sum(connection.bytes for connection in connections) // len(latencies),
    }


def main() -> None:
    """Work off jobs until the input ends."""
    for line in sys.stdin:
        try:
            told = uvloop.run(work(json.loads(line)))
        except FailedError as error:
            told = {"failed": str(error)}
        print(json.dumps(told), flush=True)


if __name__ == "__main__":
    main()
