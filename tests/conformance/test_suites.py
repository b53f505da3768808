"""The public suites and clients, run against a server."""

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.graph.identifiers import encode
from nexus.schema import make_schema
from tests.conformance.conftest import publish
from tests.conformance.node import HERE, Node, Program
from tests.conftest import Api
from tests.serving import Served

ENVELOPE = "a malformed request is 422 since the September 2026 edition"
SAME_STATUS = "the September 2026 edition has one status whatever the media type of success"
SUPERSEDED = {
    **dict.fromkeys(["423L", "LKJ0", "LKJ1", "LKJ2", "LKJ3"], ENVELOPE),
    **dict.fromkeys(["6C00", "6C01", "6C02", "6C03"], ENVELOPE),
    **dict.fromkeys(["4760", "4761", "4762", "4763"], ENVELOPE),
    **dict.fromkeys(["58B0", "58B1", "58B2", "58B3"], ENVELOPE),
    "3E3A": ENVELOPE,
    "572B": SAME_STATUS,
    "FDE2": SAME_STATUS,
    "7B9B": SAME_STATUS,
    "86EE": "variables that cannot be coerced are 422 since the September 2026 edition",
}
"""Audits of the draft before that edition, each with what took its place."""


async def test_graphql_http_audits(node: Node, served: Served) -> None:
    audits = await node.run("audits.mjs", f"http://{served.address}/graphql")
    assert len(audits) == 61
    required = [one for one in audits if one["name"].startswith("MUST")]
    assert len(required) == 13
    assert [one for one in required if one["status"] != "ok"] == []
    failed = {one["id"]: one["name"] for one in audits if one["status"] != "ok"}
    assert failed.keys() == SUPERSEDED.keys(), failed


async def heard(program: Program, *expected: Any) -> None:
    """The program says what is expected, value by value."""
    for value in expected:
        assert await program.hear() == value


async def test_the_graphql_ws_client(
    node: Node, served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    bearer = f"Bearer {await api.token(charity)}"
    url = f"ws://{served.address}/graphql"
    async with node.running("sockets.mjs", url, bearer) as program:
        await heard(program, [{"viewer": {"name": charity.name}}])
        await heard(program, ["GRAPHQL_VALIDATION_FAILED"], ["GRAPHQL_PARSE_FAILED"], 2)
        need = await publish(engine)
        await heard(program, [{"needPublished": {"no": need.no}}] * 2, 1)
        need = await publish(engine)
        await heard(program, [{"needPublished": {"no": need.no}}], 4403)


async def test_the_graphql_sse_client(
    node: Node, served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    bearer = f"Bearer {await api.token(charity)}"
    url = f"http://{served.address}/graphql"
    async with node.running("streams.mjs", url, bearer) as program:
        await heard(program, [{"viewer": {"name": charity.name}}])
        await heard(program, ["GRAPHQL_VALIDATION_FAILED"], ["GRAPHQL_PARSE_FAILED"], "following")
        async with asyncio.timeout(5):
            while not served.state.newsroom._open:  # noqa: ASYNC110 - the client says nothing more
                await asyncio.sleep(0.02)
        need = await publish(engine)
        await heard(program, {"needPublished": {"no": need.no}}, 401)


@pytest.fixture(scope="module")
def compiled(node: Node, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What relay-compiler makes of relay/ and of the schema as it is exported."""
    folder = tmp_path_factory.mktemp("relay")
    shutil.copytree(HERE / "relay", folder, dirs_exist_ok=True)
    (folder / "schema.graphql").write_text(make_schema().as_str(), "utf-8")
    (folder / "__generated__").mkdir()
    compiler = HERE / "node_modules" / "relay-compiler" / "cli.js"
    done = subprocess.run(
        [node.path, compiler, "relay.config.json"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / "__generated__"


async def test_relay_compiler_takes_the_schema_and_its_queries_run(
    compiled: Path, served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    need = await publish(engine)
    headers = {"authorization": f"Bearer {await api.token(charity)}"}
    variables = {"id": encode("Need", need.id), "count": 2, "area": "44", "lineCount": 1}
    ran = {}
    async with httpx.AsyncClient(headers=headers) as client:
        for artifact in sorted(compiled.glob("*Query.graphql.js")):
            text = re.search(r'"text": (".*")', artifact.read_text("utf-8"))
            assert text is not None
            body = {"query": json.loads(text[1]), "variables": variables}
            answer = await client.post(f"http://{served.address}/graphql", json=body)
            assert answer.status_code == 200, answer.text
            ran[artifact.name.removesuffix(".graphql.js")] = answer.json()["data"]
    assert set(ran) == {"NeedListQuery", "NeedListPaginationQuery", "NeedRowRefetchQuery"}
    row = ran["NeedRowRefetchQuery"]["node"]
    assert (row["__typename"], row["no"]) == ("Need", need.no)
    assert row["lines"]["pageInfo"] == {
        "endCursor": row["lines"]["edges"][0]["cursor"],
        "hasNextPage": False,
    }
    assert need.no in [edge["node"]["no"] for edge in ran["NeedListQuery"]["needs"]["edges"]]
