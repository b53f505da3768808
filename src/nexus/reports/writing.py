"""A report as a file, for whom it is run: what the command writes."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.core.refusals import NotFound
from nexus.reports import operations, queries
from nexus.reports.rendering.making import as_file
from nexus.reports.rendering.pages import as_page
from nexus.reports.rules import Format, file_name
from nexus.reports.words import Language


@dataclass(frozen=True)
class Wish:
    """What is asked for, and as whom: the reader's username."""

    name: str
    reader: str
    format: Format
    language: Language
    area: str | None = None
    from_on: date | None = None
    until_on: date | None = None
    table: str | None = None
    keep: bool = False
    """Kept as it is found, with a number."""


async def write(
    engine: AsyncEngine, wish: Wish, now: datetime, *, fonts: Path | None
) -> tuple[str, bytes]:
    """Its file's name and the bytes. NotFound for an unknown reader; as `queries.run` refuses."""
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        account_id = await session.scalar(select(Account.id).where(Account.username == wish.reader))
        if account_id is None:
            raise NotFound(f"There is no account '{wish.reader}': name one that may read reports.")
        act = Act(session, await acting_again(session, account_id, None, now))
        report = await queries.run(
            act, wish.name, area=wish.area, from_on=wish.from_on, until_on=wish.until_on
        )
        no = (await operations.keep(act, report)).no if wish.keep else None
    named = file_name(report.name, report.area.code, report.until_on, wish.format.value)
    if wish.format is Format.HTML:
        path = f"/reports/{report.name}"
        return named, as_page(report, no, wish.language, path=path, asked={})
    made = as_file(report, no, wish.format, wish.language, table=wish.table, fonts=fonts)
    return named, made
