"""The guide to signing in: every example of it is run, as it stands, against a running service."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.model import ApiClientState
from nexus.accounts.operations import issue_token
from nexus.accounts.rules import SCOPES, digest
from nexus.acting import Role
from nexus.core.embedded import Database
from nexus.graph.errors import RequestCode
from tests.accounts.test_clients import client_of, key_of
from tests.making import making, now
from tests.serving import Served, serving

GUIDE = Path(__file__).parents[2] / "docs/api/authenticate.md"
STRIPS_TYPES = (22, 6)
SECRET = "nxs_for-the-guide-only"


def examples(language: str) -> list[str]:
    """The code blocks of a language, in order."""
    text = GUIDE.read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


@pytest.fixture(scope="module")
async def service(database: Database) -> AsyncIterator[Served]:
    async with serving(database) as served:
        yield served


@pytest.fixture(scope="module")
async def environment(service: Served, engine: AsyncEngine) -> dict[str, str]:
    """What the guide takes for given: an address, two people, and a published need."""
    async with making(engine) as m:
        charity = await m.organization(area_code="440103")
        people = {
            "KEEPER": await m.account(Role.CHARITY_USER, charity),
            "AUTHORITY": await m.account(Role.GOV_APPROVER, area_code="44"),
        }
        await m.need("published", public_title="冬衣两件", visibility="public")
    client = await client_of(engine, charity)
    async with making(engine) as m:
        await m.put(key_of(client, 1, digest=digest(SECRET)))
    given = {"NEXUS": f"http://{service.address}", "CLIENT_SECRET": SECRET}
    given["CLIENT_ID"] = f"nxc_{client.id.hex}"
    async with AsyncSession(engine) as session, session.begin():
        for name, account in people.items():
            given[name] = await issue_token(
                session, account, label="guide", now=now(), expires_at=None
            )
    return given


async def run(environment: dict[str, str], *command: str, text: str = "") -> str:
    """What the command prints; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env={**os.environ, **environment, "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await process.communicate(text.encode())
    assert process.returncode == 0, f"{err.decode()}\n{out.decode()}"
    return out.decode()


async def test_the_way_by_curl(environment: dict[str, str], engine: AsyncEngine) -> None:
    """From registering to revoking: one script, made of all blocks, that stops at a failure."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    blocks = [f"echo\necho '== {n}'\n{block}" for n, block in enumerate(examples("sh"))]
    assert len(blocks) >= 9
    names = ("NEXUS", "KEEPER", "AUTHORITY")
    given = {name: environment[name] for name in names}
    script = "set -euo pipefail\n" + "\n".join(blocks) + "\necho\necho '== end'"
    told = await run(given, "bash", "-s", text=script)
    steps = dict(re.findall(r"^== (\w+)\n(.*?)(?=^== |\Z)", told, re.M | re.S))
    assert '"code"' not in told, told
    assert '"errors"' not in told, told
    assert '"state":"ACTIVE"' in steps["2"]
    assert "冬衣两件" in steps["4"]
    assert "revocation_endpoint" in steps["5"]
    assert re.search(r'^ratelimit: "cost";r=\d+;t=\d+', steps["6"], re.M | re.I)
    assert re.search(r"^ratelimit-policy: ", steps["6"], re.M | re.I)
    assert '"retiredAt":"2' in steps["7"]
    assert "sha256:" in steps["8"]
    assert "冬衣两件" in steps["8"]
    assert "== end" in told


async def test_the_python_example(environment: dict[str, str]) -> None:
    (block,) = examples("python")
    assert "冬衣两件" in await run(environment, sys.executable, "-", text=block)


def node() -> tuple[str, tuple[int, ...]]:
    """The Node there is, and its version."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    return found, tuple(int(part) for part in told.strip().lstrip("v").split(".")[:2])


async def test_the_typescript_example(environment: dict[str, str], tmp_path: Path) -> None:
    """As TypeScript where Node reads it; an older one runs it too, for it names no types."""
    (block,) = examples("typescript")
    command, version = node()
    if version < (20, 0):
        pytest.skip(f"Node {version} is older than the guide says")
    strips = version >= STRIPS_TYPES
    path = tmp_path / ("example.mts" if strips else "example.mjs")
    path.write_text(block, "utf-8")
    options = ["--experimental-strip-types"] if strips else []
    assert "冬衣两件" in await run(environment, command, *options, str(path))


def test_the_tables_of_the_guide_are_true(api: Any) -> None:
    text = GUIDE.read_text("utf-8")
    told = set(re.findall(r"^\| `(\w+:\w+)` \|", text, re.M))
    assert told == set(SCOPES)
    codes = set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)`", text)) - {"UNAUTHORIZED"}
    assert codes <= {code.value for code in RequestCode}
    assert {state.name for state in ApiClientState} >= set(re.findall(r"`(PENDING)`", text))
