"""The guide, played as a newcomer would: only what it prints, against a running service.

The examples of all pages build on each other, so each language is one program.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from graphql import build_schema, parse, validate
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.embedded import Database
from nexus.demo.world import ensure_world, write_accounts
from nexus.exchange.exports import rules as exports
from nexus.exchange.uploads import rules as uploads
from nexus.graph import costs, http, idempotency, limits, newsroom, reading, specs
from nexus.graph.execution import utcnow
from nexus.schema import make_schema
from nexus.settings import Settings
from nexus.worker import work_and_carry
from tests.serving import serving

ROOT = Path(__file__).parents[2]
API = ROOT / "docs/api"
WALK = ("index", "find", "pledge", "follow", "reconcile", "errors", "limits")
"""The pages in the order in which their examples go on from each other."""
ADDRESS = "http://127.0.0.1:8000"
SCALE = 0.0003
STRIPS_TYPES = (22, 6)


def blocks(path: Path, language: str) -> list[str]:
    """The code of a page in one language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.M | re.S)


@dataclass
class Newcomer:
    """Somebody in an empty folder with a demo running, who copies what the guide prints."""

    address: str
    folder: Path
    token: str

    async def run(self, *command: str, text: str) -> str:
        """What the command prints, given this text; it must succeed."""
        process = await asyncio.create_subprocess_exec(
            *command,
            cwd=self.folder,
            env={**os.environ, "no_proxy": "127.0.0.1", "NO_PROXY": "127.0.0.1"}
            | {"TOKEN": self.token},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        printed = text.replace(ADDRESS, f"http://{self.address}")
        async with asyncio.timeout(120):
            out, err = await process.communicate(printed.encode())
        assert process.returncode == 0, f"{err.decode()}\n{out.decode()}"
        return out.decode()


@pytest.fixture(scope="module")
async def newcomer(
    database: Database, engine: AsyncEngine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Newcomer]:
    """The demo, smaller: its world, its server, its worker, and its file of accounts."""
    folder = tmp_path_factory.mktemp("newcomer")
    (folder / ".nexus").mkdir()
    made = await ensure_world(engine, utcnow(), SCALE, lambda done, whole: None)
    assert made is not None
    write_accounts(folder / ".nexus/accounts.json", made)
    token = next(one["token"] for one in made if one["username"] == "charity-1")
    settings = Settings(database.owner_url, database.app_url, bytes(range(32)))
    async with serving(database) as served:
        worker = asyncio.create_task(work_and_carry(engine, settings))
        yield Newcomer(served.address, folder, token)
        worker.cancel()
        await asyncio.wait({worker})


def walk(language: str, mark: str) -> tuple[str, dict[str, int]]:
    """All examples of a language as one program that says where it is; how many each page has."""
    parts, counted = [], {}
    for page in WALK:
        found = blocks(API / f"{page}.md", language)
        counted[page] = len(found)
        parts += [f"{mark.format(page)}\n{block}" for block in found]
    return "\n".join(parts), counted


def told(out: str) -> dict[str, str]:
    """What was printed, by page; without the spaces that some JSON has."""
    found: dict[str, str] = {}
    for page, text in re.findall(r"^== (\w+)\n(.*?)(?=^== |\Z)", out, re.M | re.S):
        found[page] = found.get(page, "") + text.replace('": ', '":')
    return found


def bash(program: str) -> str:
    return f"set -euo pipefail\n{program}\n"


async def test_the_way_by_curl(newcomer: Newcomer) -> None:
    """From a token to a confirmed pledge, and what goes on from there."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    program, counted = walk("sh", "echo; echo '== {}'")
    assert all(counted.values()), counted
    said = told(await newcomer.run("bash", "-s", text=bash(program)))
    assert '"role":"CHARITY_USER"' in said["index"]
    assert '"state":"LISTED"' in said["find"]
    assert '"state":"OFFERED"' in said["pledge"]
    assert '"code":"CAPACITY_EXHAUSTED"' in said["pledge"]
    assert '"state":"ACCEPTED"' in said["pledge"]
    became = said["pledge"].strip().splitlines()[-1]
    assert '"state":"FULFILLED"' in became
    assert '"state":"ACKNOWLEDGED"' in became
    first, again = re.findall(r"^(?:.*?\"id\":\")?(UGxl[\w=]+)", said["pledge"], re.M)[:2]
    assert first == again
    assert '"kind":"pledge.' in said["follow"]
    assert '"state":"DONE"' in said["reconcile"]
    assert '"rejected":1' in said["reconcile"]
    assert '"created":1' in said["reconcile"]
    assert '"问题"' in said["reconcile"]
    assert said["errors"].split() == ["PAGE_TOO_LARGE", "NOT_FOUND"]
    assert "requested" in said["limits"]
    for page in ("index", "find", "follow", "reconcile", "limits"):
        assert '"errors"' not in said[page], said[page]
        assert '"code":"' not in said[page], said[page]


async def test_the_way_in_python(newcomer: Newcomer) -> None:
    program, counted = walk("python", "print('== {}')")
    assert all(counted.values()), counted
    said = told(await newcomer.run(sys.executable, "-", text=program))
    assert "open needs" in said["find"]
    assert "'state': 'FULFILLED'" in said["pledge"]
    assert "'state': 'ACKNOWLEDGED'" in said["pledge"]
    assert "'state': '" in said["follow"].splitlines()[-1]
    assert "pledges; the last is" in said["reconcile"]
    assert "PAGE_TOO_LARGE" in said["errors"]


def node() -> tuple[str, tuple[int, ...]]:
    """The Node there is, and its version."""
    found = shutil.which("node")
    if found is None:
        pytest.skip("Node is not installed")
    version = subprocess.run([found, "--version"], capture_output=True, text=True, check=True)
    return found, tuple(int(part) for part in version.stdout.strip().lstrip("v").split(".")[:2])


async def test_the_way_in_typescript(newcomer: Newcomer) -> None:
    """As TypeScript where Node reads it; an older one runs it too, for it names no types."""
    command, version = node()
    if version < (20, 0):
        pytest.skip(f"Node {version} is older than the guide says")
    program, counted = walk("typescript", "console.log('== {}');")
    assert all(counted.values()), counted
    strips = version >= STRIPS_TYPES
    path = newcomer.folder / ("walk.mts" if strips else "walk.mjs")
    path.write_text(program.replace(ADDRESS, f"http://{newcomer.address}"), "utf-8")
    options = ["--experimental-strip-types"] if strips else []
    said = told(await newcomer.run(command, *options, str(path), text=""))
    assert "open needs" in said["find"]
    assert '"state":"FULFILLED"' in said["pledge"]
    assert '"state":"ACKNOWLEDGED"' in said["pledge"]
    assert "200 text/event-stream" in said["follow"]
    assert re.search(r"^[1-9]\d* pledges", said["reconcile"], re.M)
    assert "PAGE_TOO_LARGE" in said["errors"]


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
async def test_the_first_query_of_the_readme(newcomer: Newcomer, name: str) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = [block for block in blocks(ROOT / name, "sh") if "curl" in block]
    answer = json.loads(await newcomer.run("bash", "-s", text=bash(command)))
    assert answer["data"]["needs"]["nodes"]
    assert "errors" not in answer


# What the pages say ------------------------------------------------------------------------------


def test_every_code_has_its_row() -> None:
    schema = make_schema().as_str()
    (listed,) = re.findall(r"^enum ErrorCode {\n(.*?)^}", schema, re.M | re.S)
    told_codes = re.findall(r"^\| `([A-Z_]+)`", (API / "errors.md").read_text("utf-8"), re.M)
    assert sorted(set(listed.split()) - set(told_codes)) == [], "add a row to docs/api/errors.md"
    assert sorted(set(told_codes) - set(listed.split())) == [], "these codes are gone"
    assert len(told_codes) == len(set(told_codes))


FIGURES = {
    "body of a request": http.MAX_BODY,
    "URL of a GET": http.MAX_URI,
    "tokens of a document": limits.MAX_TOKENS,
    "depth of a document": limits.MAX_DEPTH,
    "fields, fragments opened": limits.MAX_FIELDS,
    "aliases": limits.MAX_ALIASES,
    "root fields": limits.MAX_ROOTS,
    "page size (`first`, `last`)": specs.PAGE_MAX,
    "cost of a request": costs.COST_LIMIT,
    "a statement": int(reading.STATEMENT_SECONDS),
    "characters of an `idempotencyKey`": idempotency.MAX_KEY,
    "rows of an export": exports.MAX_ROWS,
    "bytes of an upload": uploads.MAX_BYTES,
    "sockets and event streams of an account": newsroom.CONNECTIONS_EACH,
    "subscriptions on one socket": newsroom.SUBSCRIPTIONS_EACH,
}


def test_the_limits_are_those_of_the_code() -> None:
    text = (API / "limits.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| ([^|]+?) \| (\d+)", text, re.M))
    assert {name: int(figure) for name, figure in rows.items()} == FIGURES
    assert f"costs {costs.COLLECTION} more, its `totalCount` {costs.ROOT_TOTAL}" in text
    assert str(specs.PAGE_DEFAULT) in text


def test_links_lead_somewhere() -> None:
    pages = [*API.glob("*.md"), *(ROOT / "docs/howto").glob("*.md"), *ROOT.glob("*.md")]
    dead = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[\w-]+)?\)", page.read_text("utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []


def test_graphql_by_itself_fits_the_schema() -> None:
    schema = build_schema(make_schema().as_str())
    for page in [*API.glob("*.md"), *(ROOT / "docs/howto").glob("*.md")]:
        for block in blocks(page, "graphql"):
            assert validate(schema, parse(block)) == [], f"{page.name}\n{block}"
