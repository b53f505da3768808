"""The examples of docs/howto/webhooks.md do what they say, where their tools are installed."""

import asyncio
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.exchange.webhooks.deliveries import rules as delivery_rules
from nexus.exchange.webhooks.rules import new_secret, show_secret, signature, signed_headers
from nexus.integrations import http_out
from tests.conftest import Api
from tests.exchange.receiving import Post
from tests.making import making

GUIDE = (Path(__file__).parents[2] / "docs/howto/webhooks.md").read_text("utf-8")
BODY = '{"type":"need.published","data":{"名":"x"}}'.encode()


def examples(language: str) -> list[str]:
    """The guide's pieces of code in a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.M | re.S)


def signed(at: int | None = None) -> tuple[str, dict[str, str]]:
    """A secret, and the headers of a post during a rotation: another secret's signature first."""
    key = new_secret()
    moment = int(time.time()) if at is None else at
    return show_secret(key), signed_headers([new_secret(), key], "msg_1", moment, BODY)


def test_python_verifies() -> None:
    names: dict[str, Any] = {}
    exec(examples("python")[0], names)  # the reader's own first step
    secret, headers = signed()
    names["verify"](secret, headers, BODY)
    for wrong in (
        (secret, headers, BODY + b" "),
        (show_secret(new_secret()), headers, BODY),
        (secret, {**headers, "webhook-id": "msg_2"}, BODY),
        (*signed(int(time.time()) - 301), BODY),
    ):
        with pytest.raises(ValueError, match=r"too old|not signed"):
            names["verify"](*wrong)


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_node_verifies(tmp_path: Path) -> None:
    (tmp_path / "verify.mjs").write_text(examples("js")[0], "utf-8")
    (tmp_path / "try.mjs").write_text(
        'import { verify } from "./verify.mjs"; import { readFileSync } from "node:fs";\n'
        'for (const [s, h, b] of JSON.parse(readFileSync("cases.json", "utf8"))) {\n'
        '  try { verify(s, h, Buffer.from(b)); console.log("good"); }\n'
        "  catch (error) { console.log(error.message); } }\n",
        "utf-8",
    )
    secret, headers = signed()
    text = BODY.decode()
    cases = [
        (secret, headers, text),
        (secret, headers, text + " "),
        (show_secret(new_secret()), headers, text),
        (*signed(int(time.time()) - 301), text),
    ]
    (tmp_path / "cases.json").write_text(json.dumps(cases), "utf-8")
    ran = subprocess.run(
        ["node", "try.mjs"], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert ran.stdout.splitlines() == [
        *("good", "not signed by nexus", "not signed by nexus", "too old"),
    ]


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_signs_the_same(tmp_path: Path) -> None:
    key = new_secret()
    (tmp_path / "body.json").write_bytes(BODY)
    ran = subprocess.run(
        ["sh", "-c", examples("sh")[0]],
        cwd=tmp_path,
        env={
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "SECRET": show_secret(key),
            "ID": "msg_1",
            "TIMESTAMP": "1700000000",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert f"v1,{ran.stdout.strip()}" == signature(key, "msg_1", 1_700_000_000, BODY)


async def test_the_feed_is_followed(api: Api, engine: AsyncEngine) -> None:
    names: dict[str, Any] = {}
    exec(examples("python")[1], names)
    async with making(engine) as m:
        stations = [await m.station() for _ in range(3)]
        owner = await m.account(Role.CHARITY_CLIENT)
    post = Post(engine)
    await post.tell("station.paused", *stations)
    await post.tell("station.resumed", stations[0])
    loop = asyncio.get_running_loop()

    async def answer(query: str, variables: dict[str, Any]) -> Any:
        return await api(owner)(query, **variables)

    def ask(query: str, variables: dict[str, Any]) -> Any:
        coming = asyncio.run_coroutine_threadsafe(answer(query, variables), loop)
        return coming.result(30)["data"]

    applied: list[str] = []
    last: dict[str, int] = {}
    given: Any = (last, lambda entry: applied.append(entry["kind"]), applied.clear)
    cursor = await asyncio.to_thread(names["follow"], ask, None, *given)
    assert applied == ["station.paused"] * 3 + ["station.resumed"]
    assert sorted(last.values()) == [1, 1, 2]
    assert await asyncio.to_thread(names["follow"], ask, cursor, *given) == cursor
    await asyncio.to_thread(names["follow"], ask, None, *given)
    assert len(applied) == 4, "what was applied is not applied again"


async def test_the_queries_of_the_guide_run(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.account(Role.CHARITY_CLIENT)
    documents = examples("graphql")
    assert len(documents) == 4
    for document in documents:
        answer = await api(owner)(document)
        assert "errors" not in answer, answer


def test_the_figures_are_those_of_the_code() -> None:
    assert f"within {http_out.TOTAL_SECONDS:.0f} seconds" in GUIDE
    assert f"for {delivery_rules.LIFE.days} days" in GUIDE
    pauses = [delivery_rules.pause(n, 0.5).total_seconds() for n in (1, 2, 3)]
    assert "after " + ", ".join(f"{s:.0f} s" for s in pauses) in GUIDE
    assert delivery_rules.BREAKER_AFTER == 5
    assert "five failures in a row" in GUIDE
