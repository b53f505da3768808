"""Loading the reference data that ships with nexus."""

import csv
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from sqlalchemy import delete, extract, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.areas import model
from nexus.areas.calendar.rules import ExceptionDay, read_calendar
from nexus.core.ids import new_id

DATA = files("nexus.areas") / "data"
VOUCHED_FROM = date(2020, 1, 1)
"""The day from which the shipped divisions hold; not the day they were founded."""
_CHUNK = 500
_LEVELS = {
    2: model.AreaLevel.PROVINCE,
    4: model.AreaLevel.CITY,
    6: model.AreaLevel.COUNTY,
    9: model.AreaLevel.TOWNSHIP,
}


async def load_reference(session: AsyncSession) -> int:
    """Bring all reference data to what the files say; how many rows were written.

    Run again it writes nothing. Rows are never deleted, since others point at them: a code that
    ends gets a `valid_to`. Needs the owner's connection; the caller commits.
    """
    written = await _put(session, model.Area, ["code"], list(_areas()))
    written += await _put(session, model.AreaAlias, ["alias", "within_code"], list(_aliases()))
    written += await _put(
        session, model.CodeEntry, ["list_name", "code", "valid_from"], list(_codes())
    )
    written += await _put(
        session,
        model.AssistanceStandard,
        ["area_code", "kind", "setting", "valid_from"],
        list(_standards()),
    )
    written += await _put(
        session, model.Parameter, ["name", "area_code", "valid_from"], list(_parameters())
    )
    written += await _ship_calendar(session)
    session.info.clear()
    return written


async def import_calendar(session: AsyncSession, lines: Iterable[str]) -> dict[int, int]:
    """Replace the working-day exceptions of each year in the file; the year → its rows.

    All or nothing: BadCalendar names the row. Needs the owner's connection; the caller commits.
    """
    rows = list(read_calendar(lines))
    counts: dict[int, int] = {}
    for row in rows:
        counts[row.day.year] = counts.get(row.day.year, 0) + 1
    await _replace_years(session, set(counts), rows, imported=True)
    session.info.pop("areas.calendar", None)
    return counts


async def _ship_calendar(session: AsyncSession) -> int:
    """The years of the shipped file, but for those that were imported; how many rows are new."""
    row = model.WorkingDayException
    shipped = list(read_calendar((DATA / "calendar.csv").read_text("utf-8").splitlines()))
    found = await session.execute(select(row.day, row.is_working, row.source, row.imported))
    kept = found.all()
    imported = {day.year for day, _, _, by_hand in kept if by_hand}
    known = {ExceptionDay(day, working, source) for day, working, source, _ in kept}
    changed = {
        each.day.year
        for each in known.symmetric_difference(shipped)
        if each.day.year in {one.day.year for one in shipped}
    } - imported
    wanted = [each for each in shipped if each.day.year in changed]
    await _replace_years(session, changed, wanted, imported=False)
    return len(wanted)


async def _replace_years(
    session: AsyncSession, years: set[int], rows: list[ExceptionDay], *, imported: bool
) -> None:
    row = model.WorkingDayException
    await session.execute(delete(row).where(extract("year", row.day).in_(years)))
    session.add_all(row(**each._asdict(), imported=imported) for each in rows)
    await session.flush()


async def _put(
    session: AsyncSession, table: Any, key: list[str], rows: list[dict[str, Any]]
) -> int:
    """Insert what is new and update what differs, by the unique key; how many rows that was."""
    columns = [name for name in rows[0] if name not in (*key, "id")]
    written = 0
    for start in range(0, len(rows), _CHUNK):
        statement = insert(table).values(rows[start : start + _CHUNK])
        new = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=key,
            set_={name: new[name] for name in columns},
            where=or_(*(getattr(table, name).is_distinct_from(new[name]) for name in columns)),
        ).returning(getattr(table, key[0]))
        written += len((await session.execute(upsert)).all())
    return written


def _rows(file: Traversable) -> Iterator[dict[str, str | None]]:
    """The records of a CSV file, with None for what is blank."""
    for record in csv.DictReader(file.read_text(encoding="utf-8").splitlines()):
        yield {name: value or None for name, value in record.items()}


def _areas() -> Iterator[dict[str, Any]]:
    """Every division under the longest code that begins its own; 4419 and 4420 have no counties."""
    records = list(_rows(DATA / "areas.csv"))
    known = {record["code"] for record in records}
    for record in records:
        code = str(record["code"])
        prefixes = [code[:size] for size in (6, 4, 2) if size < len(code) and code[:size] in known]
        country = code == model.COUNTRY
        yield {
            "code": code,
            "name": record["name"],
            "level": model.AreaLevel.COUNTRY if country else _LEVELS[len(code)],
            "parent_code": None if country else next(iter(prefixes), model.COUNTRY),
            "area_group": record["area_group"] and model.AreaGroup(record["area_group"]),
            "area_class": record["area_class"] and int(record["area_class"]),
            "valid_from": VOUCHED_FROM,
            "valid_to": None,
        }


def _aliases() -> Iterator[dict[str, Any]]:
    for record in _rows(DATA / "aliases.csv"):
        yield {"id": new_id(), **record}


def _codes() -> Iterator[dict[str, Any]]:
    """The entries of every list; the file's name is the list's, its order the list's order."""
    for file in sorted((DATA / "codes").iterdir(), key=lambda found: found.name):
        for position, record in enumerate(_rows(file), start=1):
            yield {
                **record,
                "id": new_id(),
                "list_name": file.name.removesuffix(".csv"),
                "position": position,
                "aliases": (record["aliases"] or "").split("|") if record["aliases"] else [],
                "valid_from": _day(record["valid_from"]),
                "valid_to": _day(record["valid_to"]),
            }


def _standards() -> Iterator[dict[str, Any]]:
    """Amounts in the file are whole yuan."""
    for record in _rows(DATA / "standards.csv"):
        amount = int(str(record.pop("yuan"))) * 100
        yield {
            **record,
            "id": new_id(),
            "setting": model.Setting(str(record["setting"])),
            "amount_fen": amount,
            "valid_from": _day(record["valid_from"]),
            "valid_to": _day(record["valid_to"]),
        }


def _parameters() -> Iterator[dict[str, Any]]:
    for record in _rows(DATA / "parameters.csv"):
        yield {
            **record,
            "id": new_id(),
            "value": Decimal(str(record["value"])),
            "valid_from": _day(record["valid_from"]),
            "valid_to": _day(record["valid_to"]),
        }


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
