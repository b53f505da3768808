"""Open contracting data of a made-up city, with what usually does not add up in such data."""

import hashlib
import json
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from nexus.acting import Act, system
from nexus.core.ids import new_id
from nexus.demo.parties import World
from nexus.exchange.importing.model import ImportRun
from nexus.exchange.ocds.documents import digest_of
from nexus.exchange.ocds.model import ContractingDocument, DocumentKind
from nexus.exchange.ocds.operations import compile_processes, keep
from nexus.exchange.ocds.rules import moment

SOURCE = "example-city"
BUYER = {"id": "B1", "name": "样例市民政局 Example City Civil Affairs"}
OTHER = {"id": "B2", "name": "样例市采购中心 Example City Procurement Centre"}
SUPPLIER = {"id": "S1", "name": "样例社工服务中心 Example Social Work Agency"}
VALUE = {"amount": 368000, "currency": "CNY"}


def _release(ocid: str, name: str, day: str, tag: str, **parts: Any) -> dict[str, Any]:
    parties = [
        {**BUYER, "roles": ["buyer"]},
        {**OTHER, "roles": ["buyer"]},
        {**SUPPLIER, "roles": ["supplier"]},
    ]
    return {
        "ocid": f"ocds-213czf-{ocid}",
        "id": name,
        "date": f"{day}T09:00:00+08:00",
        "tag": [tag],
        "initiationType": "tender",
        "parties": parties,
        "buyer": BUYER,
        **parts,
    }


def _tender(title: str, status: str = "active") -> dict[str, Any]:
    return {"id": "t1", "title": title, "status": status, "value": VALUE}


RELEASES = [
    _release("1", "1-1", "2025-11-03", "tender", tender=_tender("困难老人上门探访服务")),
    _release(
        "1",
        "1-2",
        "2025-12-08",
        "contract",
        tender=_tender("困难老人上门探访服务", "complete"),
        awards=[{"id": "a1", "status": "active", "value": VALUE, "suppliers": [SUPPLIER]}],
        contracts=[{"id": "c1", "awardID": "a1", "status": "active", "value": VALUE}],
    ),
    _release("2", "2-1", "2025-11-10", "tender", tender=_tender("社区心理疏导服务")),
    _release("2", "2-1", "2025-11-10", "tender", tender=_tender("社区心理疏导服务"), buyer=OTHER),
    _release(
        "3",
        "3-1",
        "2025-12-01",
        "contract",
        tender=_tender("失能老人照护服务", "unsuccessful"),
        contracts=[{"id": "c1", "awardID": "a9", "status": "active", "value": VALUE}],
    ),
]
"""One process in order, one with two buyers under one release id, one that failed and stands."""


async def bring_releases(sessions: async_sessionmaker[AsyncSession], world: World) -> None:
    """As `nexus import ocds` would."""
    async with sessions() as session, session.begin():
        act = Act(session, system(world.now))
        texts = [json.dumps(one, ensure_ascii=False) for one in RELEASES]
        run = ImportRun(
            id=new_id(),
            kind="ocds",
            system=SOURCE,
            type="document",
            digest=hashlib.sha256("".join(texts).encode()).hexdigest(),
            voucher_id=world.admin.id,
            started_at=world.now,
            counts={"rows_read": len(texts), "created": len(texts)},
        )
        session.add(run)
        await session.flush()
        documents = [
            ContractingDocument(
                id=new_id(),
                source=SOURCE,
                kind=DocumentKind.RELEASE,
                ocid=content["ocid"],
                release_no=content["id"],
                released_at=moment(content["date"]),
                tags=content["tag"],
                digest=digest_of(content),
                original=original,
                file="example-city.json",
                position=place,
                first_run_id=run.id,
                first_seen_at=world.now,
            )
            for place, (content, original) in enumerate(zip(RELEASES, texts, strict=True), start=1)
        ]
        await keep(act, documents)
        await compile_processes(act, source=SOURCE, ocids={one["ocid"] for one in RELEASES})
