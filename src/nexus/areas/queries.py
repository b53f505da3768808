"""Reading areas and codes: what a text means, and whether a code is in force."""

import logging
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI
from nexus.areas import model
from nexus.areas.calendar.rules import WorkingCalendar, months_after
from nexus.areas.rules import CodeList, Figure, Gazetteer, in_force

log = logging.getLogger(__name__)


class Language(StrEnum):
    ZH_HANS = "zh_hans"
    ZH_HANT = "zh_hant"
    EN = "en"


async def gazetteer(session: AsyncSession) -> Gazetteer:
    """All divisions and their aliases, read once a session."""
    kept: Gazetteer | None = session.info.get("areas.gazetteer")
    if kept is None:
        areas = await session.execute(select(model.Area.code, model.Area.name))
        aliases = await session.execute(select(model.AreaAlias.alias, model.AreaAlias.area_code))
        kept = Gazetteer(
            [(code, name) for code, name in areas], [(alias, code) for alias, code in aliases]
        )
        session.info["areas.gazetteer"] = kept
    return kept


async def resolve_area(session: AsyncSession, text: str, *, within: str | None = None) -> str:
    """The current code that a code, name or path means.

    Accepts current and abolished codes, codes padded with zeros (440100, 440103001000), full names,
    names without their kind, and paths such as 广东省广州市越秀区. UnknownArea, AmbiguousArea.
    """
    kept: Gazetteer | None = session.info.get("areas.gazetteer")
    if within is None and kept is not None and text in kept.names:
        return text
    if within is None:
        current = await session.execute(select(model.Area.code).where(model.Area.code == text))
        code = current.scalar_one_or_none()
        if code is not None:
            return code
    return (await gazetteer(session)).resolve(text, within=within)


async def code_list(session: AsyncSession, list_name: str) -> CodeList:
    """One list by every word that means its codes, read once a session. ValueError when unknown."""
    kept: dict[str, CodeList] = session.info.setdefault("areas.code_lists", {})
    if list_name not in kept:
        row = model.CodeEntry
        found = await session.execute(
            select(row.code, row.label_zh_hans, row.label_zh_hant, row.label_en, row.aliases)
            .where(row.list_name == list_name)
            .order_by(row.position, row.valid_from)
        )
        entries = [(code, (*labels, *aliases)) for code, *labels, aliases in found]
        if not entries:
            raise ValueError(f"there is no code list {list_name!r}")
        kept[list_name] = CodeList(list_name, entries)
    return kept[list_name]


async def check_code(
    session: AsyncSession, list_name: str, code: str, *, on: date, field: str | None = None
) -> None:
    """UnknownCode unless the list holds exactly this code, in force on that day.

    `field` names the input field in the refusal; the list's name in camel case otherwise. A yes is
    kept for the session, so that an import asks once.
    """
    known: set[tuple[str, str, date]] = session.info.setdefault("areas.in_force", set())
    if (list_name, code, on) in known:
        return
    row = model.CodeEntry
    found = await session.execute(
        select(row.id).where(
            row.list_name == list_name,
            row.code == code,
            row.valid_from <= on,
            or_(row.valid_to.is_(None), row.valid_to > on),
        )
    )
    if found.first() is None:
        raise (await code_list(session, list_name)).unknown(code, field=field)
    known.add((list_name, code, on))


async def resolve_code(
    session: AsyncSession, list_name: str, text: str, *, field: str | None = None
) -> str:
    """The code that a code, a label in any language or an alias means.

    UnknownCode with a suggestion; AmbiguousCode with the candidates.
    """
    return (await code_list(session, list_name)).resolve(text, field=field)


async def labels(
    session: AsyncSession, list_name: str, *, language: Language = Language.ZH_HANS
) -> dict[str, str]:
    """Code → label, in the order of the list; of a code with several periods the latest label."""
    row = model.CodeEntry
    label = getattr(row, f"label_{language.value}")
    found = await session.execute(
        select(row.code, label)
        .where(row.list_name == list_name)
        .order_by(row.position, row.valid_from)
    )
    return {code: str(text) for code, text in found}


async def parameter(
    session: AsyncSession, name: str, *, on: date, area_code: str = model.COUNTRY
) -> Figure:
    """The figure in force on that day in the area, or in the narrowest one around it.

    Store its `version` beside what it decided. LookupError where none is set.
    """
    known = (await parameters(session)).get(name, ())
    figure = in_force(known, on, area_code)
    if figure is None:
        raise LookupError(f"no parameter {name} is in force in {area_code} on {on}")
    return figure


async def parameters(session: AsyncSession) -> dict[str, list[Figure]]:
    """Every parameter's figures by name, read once a session."""
    kept: dict[str, list[Figure]] | None = session.info.get("areas.parameters")
    if kept is None:
        row = model.Parameter
        found = await session.execute(
            select(
                row.name, row.area_code, row.value, row.unit, row.valid_from, row.valid_to
            ).order_by(row.valid_from)
        )
        kept = {}
        for each in found:
            kept.setdefault(each.name, []).append(Figure(*each))
        session.info["areas.parameters"] = kept
    return kept


async def standards(session: AsyncSession) -> dict[tuple[str, model.Setting], list[Figure]]:
    """(kind, setting) → amounts in fen a person and month, by area and period."""
    row = model.AssistanceStandard
    found = await session.execute(
        select(
            row.kind, row.setting, row.area_code, row.amount_fen, row.valid_from, row.valid_to
        ).order_by(row.valid_from)
    )
    made: dict[tuple[str, model.Setting], list[Figure]] = {}
    for kind, setting, area_code, amount, valid_from, valid_to in found:
        figure = Figure(kind, area_code, Decimal(amount), "fen", valid_from, valid_to)
        made.setdefault((kind, setting), []).append(figure)
    return made


# --- Working days and clocks. ---


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a clock runs out, and by which figure: keep `rule` beside what it decided."""

    at: datetime
    """The first moment that is too late."""
    rule: str
    """The figure's version; with `/mon-fri:2028` where no calendar was known for a year."""


async def working_calendar(session: AsyncSession) -> WorkingCalendar:
    """The exceptions of all years, read once a session."""
    kept: WorkingCalendar | None = session.info.get("areas.calendar")
    if kept is None:
        table = model.WorkingDayException
        found = await session.execute(select(table.day, table.is_working))
        kept = WorkingCalendar({row.day: row.is_working for row in found})
        session.info["areas.calendar"] = kept
    return kept


async def working_day_after(session: AsyncSession, start: datetime, days: int) -> datetime:
    """The end of the working day in Asia/Shanghai, `days` working days after that of `start`.

    Its midnight, the first moment that is too late. The day of `start` is not counted. A year whose
    notice is not imported counts as Monday to Friday and its known holidays: the log says so.
    """
    calendar = await working_calendar(session)
    first = start.astimezone(SHANGHAI).date()
    last = calendar.after(first, days)
    for year in calendar.guessed(first, last):
        log.warning("no working-day notice for %s: import it with `nexus import-calendar`", year)
    return _end_of(last)


async def due_after(
    session: AsyncSession, name: str, start: datetime, *, area_code: str = model.COUNTRY
) -> Deadline:
    """When the clock of that parameter runs out, by the figure in force at `start` in the area.

    Hours run by the clock; days, months and working days to the end of their last day in
    Asia/Shanghai. LookupError where no such parameter is in force.
    """
    first = start.astimezone(SHANGHAI).date()
    figure = await parameter(session, name, on=first, area_code=area_code)
    rule = figure.version
    match figure.unit:
        case "hours":
            return Deadline(start + timedelta(hours=float(figure.value)), rule)
        case "days":
            return Deadline(_end_of(first + timedelta(days=figure.whole)), rule)
        case "months":
            return Deadline(_end_of(months_after(first, figure.whole)), rule)
        case "working_days":
            at = await working_day_after(session, start, figure.whole)
            last = at.astimezone(SHANGHAI).date() - timedelta(days=1)
            guessed = (await working_calendar(session)).guessed(first, last)
            return Deadline(at, "".join((rule, *(f"/mon-fri:{year}" for year in guessed))))
        case unit:
            raise LookupError(f"{name} is in {unit}: no clock runs by it")


def _end_of(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
