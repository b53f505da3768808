"""One measurement: exactly so many requests, all awaited, and the CPU they cost."""

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from bench import cpu
from bench.systems import Server, System

READ_LIMIT = 2**20


@dataclass(frozen=True)
class Sample:
    """Of one run: CPU seconds a request (server, database), requests a second, latencies."""

    server: float
    database: float
    rate: float
    p50: float
    p99: float
    size: int

    @property
    def cpu(self) -> float:
        """CPU seconds of a request, server and database together."""
        return self.server + self.database


class Load:
    """The load generator's process."""

    def __init__(self, process: asyncio.subprocess.Process, admin: Any) -> None:
        self.process, self.admin = process, admin

    @classmethod
    async def start(cls, owner_url: str) -> "Load":
        """Start it, and a connection that tells the backends of a server."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=READ_LIMIT,
        )
        return cls(process, await asyncpg.connect(owner_url))

    async def close(self) -> None:
        """End both."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        await self.process.wait()
        await self.admin.close()

    async def run(
        self,
        system: System,
        caller: str,
        bodies: Sequence[bytes],
        *,
        warm: Sequence[bytes],
        connections: int = 4,
    ) -> Sample:
        """Send the bodies once over so many connections, after a warm-up that does not count."""
        server = system.server(caller)
        job = {
            "port": server.port,
            "path": system.path,
            "headers": system.headers(caller),
            "connections": connections,
            "bodies": [body.decode() for body in bodies],
            "warm": [body.decode() for body in warm],
        }
        told = await self._say(json.dumps(job))
        if told != "ready":
            raise RuntimeError(f"{system.name}: {told}")
        backends = await self._backends(server)
        before = cpu.of(server.pids()), cpu.of(backends)
        answer = json.loads(await self._say(""))
        backends = await self._backends(server)
        after = cpu.of(server.pids()), cpu.of(backends)
        if "failed" in answer:
            raise RuntimeError(f"{system.name}: {answer['failed']}")
        count = len(bodies)
        return Sample(
            cpu.between(before[0], after[0]) / count,
            cpu.between(before[1], after[1]) / count,
            count / answer["seconds"],
            answer["p50"],
            answer["p99"],
            answer["bytes"],
        )

    async def _say(self, line: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line.encode() + b"\n")
        await self.process.stdin.drain()
        told = await self.process.stdout.readline()
        if not told:
            raise RuntimeError("the load generator ended")
        return told.decode().strip()

    async def _backends(self, server: Server) -> list[int]:
        rows = await self.admin.fetch(
            "SELECT pid FROM pg_stat_activity WHERE application_name = $1", server.backends
        )
        return [row["pid"] for row in rows]
