"""The systems under test: each a server process on a loopback port, or pgbench."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench import cpu
from bench.database import Bench
from bench.peers.postgraphile import policies
from bench.questions import Question, Values

READY_SECONDS = 90.0
UVICORN = ("-m", "uvicorn", "--log-level", "warning", "--no-access-log", "--port")


@dataclass
class Server:
    """One process, the port it serves, and what its backends are called in PostgreSQL."""

    process: "subprocess.Popen[bytes]"
    port: int
    backends: str

    def pids(self) -> list[int]:
        """The server and the processes it started."""
        return cpu.descendants(self.process.pid)


@dataclass
class System:
    """A way to get the answers. One server may serve every caller, or each has its own."""

    name: str
    servers: dict[str, Server]
    tokens: dict[str, str]
    path: str = "/graphql"

    def server(self, caller: str) -> Server:
        """The server that answers this caller."""
        return self.servers.get(caller) or self.servers["*"]

    def headers(self, caller: str) -> dict[str, str]:
        """What a request of the caller carries beside its body."""
        token = self.tokens.get(caller)
        return {"Authorization": f"Bearer {token}"} if token else {"X-Caller": caller}

    def body(self, question: Question, values: Values) -> bytes:
        """The request in this system's own schema."""
        if self.name == "postgraphile":
            return question.postgraphile_body(values)
        return question.body(values)

    def ask(self, question: Question, values: Values, caller: str = "") -> dict[str, Any]:
        """One answer, parsed."""
        caller = caller or question.caller
        address = f"http://127.0.0.1:{self.server(caller).port}{self.path}"
        headers = {"Content-Type": "application/json", **self.headers(caller)}
        body = self.body(question, values)
        response = httpx.post(address, content=body, headers=headers, timeout=60)
        answer: dict[str, Any] = response.json() if response.status_code == 200 else {}
        if answer.get("errors") or "data" not in answer:
            raise RuntimeError(f"{self.name}: {response.status_code} {response.text[:2000]}")
        return answer


@dataclass
class Starting:
    """Starts servers; all end with the context."""

    bench: Bench
    folder: Path
    node: Path | None
    lines: tuple[int, int]
    """Two lines that the limit pledges on to learn nexus's statements."""

    @contextmanager
    def all(self) -> Iterator[dict[str, System]]:
        """Every system by name."""
        with ExitStack() as stack:
            started = [self._nexus(stack), self._bare(stack), self._strawberry(stack)]
            if self.node is not None:
                started.append(self._postgraphile(stack, self.node))
            yield {system.name: system for system in started}

    def _nexus(self, stack: ExitStack) -> System:
        """`nexus serve` as shipped: tokens, policies, limits."""
        port = _free_port()
        program = Path(sys.executable).with_name("nexus")
        environment = {
            "NEXUS_DATABASE_URL": self.bench.database.owner_url,
            "NEXUS_APP_DATABASE_URL": self.bench.url("bench-nexus"),
            # The quota is counted and told as ever, but large enough for one account to go on.
            "NEXUS_COST_PER_MINUTE": str(10**12),
        }
        command = [str(program), "serve", "--port", str(port), "--data-dir", str(self.folder)]
        server = self._start(stack, "nexus", command, port, environment)
        tokens = {name: caller.token for name, caller in self.bench.callers.items()}
        return System("nexus", {"*": server}, tokens)

    def _bare(self, stack: ExitStack) -> System:
        port = _free_port()
        command = [sys.executable, *UVICORN, str(port), "--lifespan", "on", "bench.limit.bare:app"]
        environment = self._python("bench-bare")
        environment["BENCH_LINES"] = ",".join(str(line) for line in self.lines)
        server = self._start(stack, "bare", command, port, environment)
        return System("bare", {"*": server}, {})

    def _strawberry(self, stack: ExitStack) -> System:
        port = _free_port()
        command = [sys.executable, *UVICORN, str(port), "bench.peers.strawberry_app:app"]
        server = self._start(stack, "strawberry", command, port, self._python("bench-strawberry"))
        return System("strawberry", {"*": server}, {})

    def _postgraphile(self, stack: ExitStack, node: Path) -> System:
        """One server for each caller, because the caller is a constant in its policies."""
        servers = {}
        for name in ("coordinator", "charity"):
            port = _free_port()
            told = self.folder / f"policies-{name}.json"
            told.write_text(json.dumps(policies(self.bench.callers[name])))
            environment = {
                "BENCH_URL": self.bench.url(f"bench-postgraphile-{name}"),
                "BENCH_PORT": str(port),
                "BENCH_POLICIES": str(told),
                "GRAPHILE_ENV": "production",
                "NODE_ENV": "production",
            }
            called = f"postgraphile-{name}"
            command = [str(node), str(self.folder / "postgraphile" / "server.mjs")]
            servers[name] = self._start(stack, called, command, port, environment)
        return System("postgraphile", servers, {})

    def _python(self, backends: str) -> dict[str, str]:
        first = len(self.bench.counties)
        return {"BENCH_URL": self.bench.url(backends), "BENCH_FIRST_CHARITY": str(first)}

    def _start(
        self,
        stack: ExitStack,
        name: str,
        command: list[str],
        port: int,
        environment: dict[str, str],
    ) -> Server:
        log = stack.enter_context((self.folder / f"{name}.log").open("wb"))
        process = subprocess.Popen(
            command,
            env=os.environ | {"NEXUS_VAULT_KEY": "A" * 43 + "="} | environment,
            stdout=log,
            stderr=log,
        )
        stack.callback(_end, process)
        _wait(process, port, name, self.folder / f"{name}.log")
        return Server(process, port, f"bench-{name}")


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(process: "subprocess.Popen[bytes]", port: int, name: str, log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    words = log.read_text(errors="replace")[-3000:]
    raise RuntimeError(f"{name} did not start:\n{words}")
