"""The limit of a Python door: a bare ASGI application that runs nexus's very SQL.

It takes the same requests as nexus, knows the documents by heart, and does nothing else: no token,
no limits, no GraphQL. The statements are recorded from nexus when it starts.
"""

import base64
import hashlib
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
from uuid_utils.compat import uuid7

from bench.actors import callers
from bench.limit.recording import Recorder, Source, Statement, examples
from bench.questions import QUESTIONS

URL = os.environ["BENCH_URL"]
CALLERS = callers(int(os.environ["BENCH_FIRST_CHARITY"]))
LINES = tuple(int(line) for line in os.environ["BENCH_LINES"].split(","))
READING = {"timezone": "UTC", "jit": "off", "default_transaction_read_only": "on"}


async def _no_reset(connection: Any) -> None:
    return None


POOL: dict[str, Any] = {
    "min_size": 1,
    "reset": _no_reset,
    "statement_cache_size": 256,
    "max_cacheable_statement_size": 0,
}
HEADERS = [(b"content-type", b"application/json")]

Run = Callable[[bytes, dict[str, Any]], Awaitable[bytes]]


class Bare:
    """The application."""

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message["body"]
            if not message.get("more_body"):
                break
        request = json.loads(body)
        answer = await self.runs[request["query"]](body, request["variables"])
        length = (b"content-length", b"%d" % len(answer))
        start = {"type": "http.response.start", "status": 200, "headers": [*HEADERS, length]}
        await send(start)
        await send({"type": "http.response.body", "body": answer})

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        recorder = await Recorder.make(URL, CALLERS)
        pool = await asyncpg.create_pool(URL, max_size=10, server_settings=READING, **POOL)
        writing = await asyncpg.create_pool(URL, max_size=10, **POOL)
        for question in QUESTIONS.values():
            one, other = examples(question, (LINES[0], LINES[1]))
            statements = await recorder.statements(question, one, other)
            pledging = question.name == "M1"
            make = _pledging(writing, statements) if pledging else _reading(pool, statements)
            self.runs[question.document] = make
        await recorder.close()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def _reading(pool: Any, statements: list[Statement]) -> Run:
    [statement] = statements
    names = [p.name if isinstance(p, Source) else None for p in statement.parameters]

    async def run(body: bytes, variables: dict[str, Any]) -> bytes:
        known = {**variables, "now": datetime.now(UTC)}
        if "id" in known:
            known["need"] = base64.b64decode(known["id"]).decode()[5:]
        if "urgency" in known:
            known["urgency"] = [one.lower() for one in known["urgency"]]
        parameters = [
            constant if name is None else known[name]
            for name, constant in zip(names, statement.parameters, strict=True)
        ]
        async with pool.acquire() as connection:
            found: bytes = await connection.fetchval(statement.sql, *parameters)
        return b'{"data":' + found + b"}"

    return run


class _Fresh(dict[str, Any]):
    """The values of one pledge by name; ids are made, and times reckoned, when asked for."""

    def __missing__(self, name: str) -> Any:
        if name.startswith("["):
            made: Any = [self[one] for one in name[1:-1].split(",")]
        elif name.startswith("fresh"):
            made = uuid7()
        else:
            made = self["now"] + timedelta(seconds=int(name.removeprefix("now+")))
        self[name] = made
        return made


def _pledging(pool: Any, statements: list[Statement]) -> Run:
    *deeds, payload = statements

    async def run(body: bytes, variables: dict[str, Any]) -> bytes:
        given = variables["input"]
        line = base64.b64decode(given["lineId"]).decode()[9:]
        known = _Fresh(now=datetime.now(UTC), line=line, key=given["idempotencyKey"])
        known["digest"] = hashlib.sha256(body).digest()
        async with pool.acquire() as connection:
            async with connection.transaction():
                for deed in deeds:
                    row = await connection.fetchrow(deed.sql, *_filled(deed, known))
                    if row is not None and "shown_area_code" in row:
                        _read_ground(known, row, given["quantity"])
            found = await connection.fetchval(payload.sql, *_filled(payload, known))
        return b'{"data":{"offerPledge":' + bytes(found) + b"}}"

    return run


def _filled(statement: Statement, known: _Fresh) -> list[Any]:
    return [known[p.name] if isinstance(p, Source) else p for p in statement.parameters]


def _read_ground(known: _Fresh, row: Any, quantity: str) -> None:
    known["need"] = row["need_id"]
    known["number"] = f"P-{row['shown_area_code']}-{known['now'].year}-"
    facts = {"need_id": str(row["need_id"]), "line_id": known["line"], "quantity": quantity}
    known["facts"] = json.dumps(facts | {"organization_id": str(row["need_id"])})


app = Bare()
