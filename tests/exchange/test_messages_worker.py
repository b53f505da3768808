"""The worker carries messages: from a deed to a file that the authority finds."""

import asyncio
import json
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.embedded import Database
from nexus.exchange.messages.model import MessageState, PartnerMode
from nexus.integrations.folders import ACK, OUTBOX, Found
from nexus.needs.publication import operations as publication
from nexus.settings import Settings
from nexus.worker import work_and_carry
from tests.deeds import VAULT_KEY, acting
from tests.exchange.messaging import Authority, ack_of
from tests.making import making

COUNTY = "440103"


async def test_from_a_deed_to_a_file_and_back(
    database: Database, engine: AsyncEngine, tmp_path: Path
) -> None:
    async with making(engine) as m:
        body = await m.authority(area_code=COUNTY)
        approver = await m.account(Role.GOV_APPROVER, organization=body, area_code=COUNTY)
        need = await m.need(state="verified", publisher_id=body.id)
    authority = await Authority(engine, PartnerMode.FILE_DROP, approver, tmp_path).open()
    settings = Settings(database.owner_url, database.app_url, VAULT_KEY, exchange_dir=tmp_path)
    worker = asyncio.create_task(work_and_carry(engine, settings))
    try:
        async with acting(engine, approver) as act:
            await publication.publish_need(act, need.id, expected_version=need.version)
        async with asyncio.timeout(20):
            found: list[Found] = []
            while not found:
                await asyncio.sleep(0.1)
                found = authority.folders.read(authority.folder, OUTBOX)
            (file,) = found
            told = json.loads(file.content or b"")
            authority.folders.write(authority.folder, ACK, file.name, ack_of(told["id"]))
            while not await authority.messages(MessageState.ACKED):  # noqa: ASYNC110 - no news of it
                await asyncio.sleep(0.1)
    finally:
        worker.cancel()
        await asyncio.wait({worker})
    assert (told["type"], told["data"]["need"]["no"]) == ("need.published", need.no)
    assert authority.folders.read(authority.folder, OUTBOX) == []
