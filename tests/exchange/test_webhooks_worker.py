"""The worker carries webhooks: from a deed to a receiver on a socket."""

import asyncio
import json

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.embedded import Database
from nexus.exchange.webhooks.rules import Mailroom
from nexus.graph.execution import utcnow
from nexus.graph.identifiers import encode
from nexus.integrations.fakes import Posted
from nexus.needs.publication import operations as publication
from nexus.settings import Settings
from nexus.worker import work_and_carry
from tests.deeds import VAULT_KEY, acting
from tests.exchange.receiving import Post, verified
from tests.making import making


async def test_from_a_deed_to_the_receiver(database: Database, engine: AsyncEngine) -> None:
    came: asyncio.Queue[Posted] = asyncio.Queue()

    async def receive(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        headers = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        given = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        came.put_nowait(Posted("", body, given))
        writer.write(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(receive, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    hosts = frozenset({("127.0.0.1", port)})
    urls = (database.owner_url, database.app_url)
    settings = Settings(*urls, VAULT_KEY, development=True, webhook_hosts=hosts)
    async with making(engine) as m:
        owner = await m.account(Role.CHARITY_CLIENT)
        approver = await m.account(Role.GOV_APPROVER, area_code="44")
        need = await m.need(state="verified")
    post = Post(engine)
    post.mailroom = Mailroom(VAULT_KEY, hosts)
    post.clock.time = utcnow()
    _, secret = await post.endpoint(owner, f"http://127.0.0.1:{port}/in", ["need.published"])
    worker = asyncio.create_task(work_and_carry(engine, settings))
    try:
        async with acting(engine, approver) as act:
            await publication.publish_need(act, need.id, expected_version=need.version)
        async with asyncio.timeout(20):
            posted = await came.get()
    finally:
        worker.cancel()
        await asyncio.wait({worker})
        server.close()
    assert verified(posted, secret) == [True]
    assert json.loads(posted.body)["data"]["id"] == encode("Need", need.id)
    assert worker.cancelled()
