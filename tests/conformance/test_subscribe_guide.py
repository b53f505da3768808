"""docs/howto/subscribe.md as a reader follows it: its examples run, its figures are the code's."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.graph import eventstreams, newsroom, outgoing, sockets
from nexus.graph.registering import MAIN
from tests.conformance.conftest import publish
from tests.conformance.node import HERE, Node
from tests.conftest import Api
from tests.serving import Served

GUIDE = Path(__file__).parents[2] / "docs" / "howto" / "subscribe.md"
TEXT = GUIDE.read_text("utf-8")
EXAMPLES = re.findall(r"^```(python|javascript)\n(.*?)^```$", TEXT, re.M | re.S)


async def output(command: list[str], program: str, token: str) -> asyncio.subprocess.Process:
    """The program at work, read from its standard input."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=HERE,
        env={**os.environ, "TOKEN": token},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    process.stdin.write(program.encode())
    process.stdin.close()
    return process


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
async def test_an_example_hears_of_a_need(
    node: Node, served: Served, api: Api, engine: AsyncEngine, charity: Account, number: int
) -> None:
    language, program = EXAMPLES[number]
    program = program.replace("127.0.0.1:8000", served.address)
    javascript = [str(node.path), "--input-type=module", "-"]
    command = javascript if language == "javascript" else [sys.executable, "-"]
    process = await output(command, program, await api.token(charity))
    async with asyncio.timeout(30):
        while not served.state.newsroom._open:
            assert process.returncode is None
            await asyncio.sleep(0.05)
        need = await publish(engine)
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    told = out.decode().strip().replace("'", '"')
    assert json.loads(told)["no"] == need.no


def test_there_are_examples_and_every_field() -> None:
    assert len(EXAMPLES) == 3
    assert set(re.findall(r"^\| `(\w+)", TEXT, re.M)) == set(MAIN.streams)


def test_the_figures_are_those_of_the_code() -> None:
    codes = {int(code) for code in re.findall(r"^\| (\d{4}) ", TEXT, re.M)}
    used = {
        int(c) for c in re.findall(r"\b(4\d{3}|1009|101[23])\b", Path(sockets.__file__).read_text())
    }
    assert codes == used - {1011, 4096}
    assert f"within {sockets.INIT_SECONDS:.0f} seconds" in TEXT
    assert f"comment every {eventstreams.KEEP_ALIVE_SECONDS:.0f} seconds" in TEXT
    assert f"have {newsroom.CONNECTIONS_EACH} sockets" in TEXT
    assert f"have {newsroom.SUBSCRIPTIONS_EACH} operations" in TEXT
    assert f"more than {outgoing.MESSAGES} messages or {outgoing.BYTES // 1_000_000} MB" in TEXT
