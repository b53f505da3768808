"""What an import leads to: gaps where nobody can help, suggestions where somebody can, no fault."""

import json
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401 - the reactions of every slice
from nexus.acting import View, system
from nexus.core.outbox import run_due
from nexus.exchange.importing.operations import run_import
from nexus.matching.suggestions.model import Gap, GapState
from nexus.needs.model import Need, NeedLine
from nexus.supervision.operations import verify
from tests.exchange import writing as w
from tests.making import making

START = datetime.now(UTC).replace(microsecond=0) - timedelta(days=1)
HOURS = count(1)


@pytest.fixture(scope="module", autouse=True)
async def admin(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        await m.account(role="platform_admin", username="admin")


async def read(engine: AsyncEngine, path: Path, profile: Path) -> None:
    kind = "needs" if profile == w.HOSPITALS else "offers"
    now = START + timedelta(minutes=next(HOURS))
    report = await run_import(engine, kind=kind, path=path, profile_path=profile, now=now)
    assert report.rejected == []
    while await run_due(engine):
        pass


async def gaps(engine: AsyncEngine) -> dict[str, str]:
    """Item → state of the line's last gap."""
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(NeedLine.item, Gap.state)
            .join(Gap, Gap.line_id == NeedLine.id)
            .order_by(Gap.opened_at, Gap.id)
        )
        return {item: str(state) for item, state in found}


async def test_gaps_follow_what_is_asked_and_offered(engine: AsyncEngine, tmp_path: Path) -> None:
    def asks(**supplies: Any) -> Path:
        return w.city(tmp_path / f"{next(HOURS)}", w.hospital("甲医院", supplies=supplies))

    factory = tmp_path / "factory.json"
    capacity = {"身体防护类产能": [("防护服", 5000)]}
    factory.write_text(json.dumps([w.factory("甲厂", capacity)], ensure_ascii=False), "utf-8")
    await read(engine, factory, w.FACTORIES)

    await read(engine, asks(防护服=10, 手术衣=1, 隔离衣=5), w.HOSPITALS)
    assert await gaps(engine) == {"手术衣": "open", "隔离衣": "open"}

    await read(engine, asks(防护服=10, 手术衣=0, 隔离衣=9, 防护面罩=3), w.HOSPITALS)
    assert await gaps(engine) == {"手术衣": "waived", "隔离衣": "open", "防护面罩": "open"}

    capacity["身体防护类产能"].append(("隔离衣", 100))
    factory.write_text(json.dumps([w.factory("甲厂", capacity)], ensure_ascii=False), "utf-8")
    await read(engine, factory, w.FACTORIES)
    assert (await gaps(engine))["隔离衣"] == GapState.ADDRESSED

    async with AsyncSession(engine) as session:
        need = (await session.scalars(select(Need))).one()
        assert need.state == "published"
        findings = await verify(View(session, system(datetime.now(UTC))), lambda *_: None)
    assert findings == []
