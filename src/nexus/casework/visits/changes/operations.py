"""Telling the authority of changes, and answering danger."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select

from nexus.acting import Act
from nexus.areas.model import CodeEntry
from nexus.areas.queries import check_code
from nexus.casework.visits import model, policy, queries, rules
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_reason


async def tell_change(
    act: Act, visit: model.Visit, change: rules.Change, told_at: datetime
) -> model.ChangeReport:
    """What a visit found changed: the authority hears of it."""
    return await _report(
        act,
        change,
        told_at,
        row_id=None,
        household_id=visit.household_id,
        station_id=visit.station_id,
        visit_id=visit.id,
    )


async def report_change(
    act: Act,
    change: rules.Change,
    *,
    household_id: UUID,
    station_id: UUID,
    visit_id: UUID | None = None,
    happened_at: datetime | None = None,
) -> model.ChangeReport:
    """A change that the station learnt of, with a visit that was made or without one."""
    if not policy.may_report(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not report changes: the household's station does."
        )
    await queries.find_household(act, household_id)
    await queries.check_station(act, station_id)
    told_at = rules.check_performed(happened_at or act.now, act.now)
    if visit_id is not None:
        visit = await queries.take_visit(act, visit_id, None)
        model.TRANSITIONS.after("report_change", visit.state)
        if visit.household_id != household_id:
            raise Invalid("This visit was to another household.", field="visitId")
        if not visit.change_reported:
            visit.change_reported = True
            visit.version += 1
    return await _report(
        act,
        change,
        told_at,
        row_id=act.row_id,
        household_id=household_id,
        station_id=station_id,
        visit_id=visit_id,
    )


async def _report(
    act: Act,
    change: rules.Change,
    told_at: datetime,
    *,
    row_id: UUID | None,
    household_id: UUID,
    station_id: UUID,
    visit_id: UUID | None,
) -> model.ChangeReport:
    home = await queries.find_household(act, household_id)
    codes = await _checked(act, change)
    note = rules.check_text(change.note, field="note", most=rules.MAX_NOTE)
    row = model.ChangeReport(
        **({} if row_id is None else {"id": row_id}),
        no=await act.number("CH", home.area_code),
        household_id=household_id,
        visit_id=visit_id,
        station_id=station_id,
        authority_id=await queries.authority_of(act.session, household_id),
        changes=codes,
        major=change.major or await _is_major(act, codes),
        note=check_impersonal(note, field="note") if note else None,
        happened_on=change.happened_on,
        reported_at=told_at,
        recorded_at=act.now,
        reported_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("change.reported", row, changes=codes, major=row.major, visit_id=visit_id)
    return row


async def _checked(act: Act, change: rules.Change) -> list[str]:
    codes = list(dict.fromkeys(change.codes))
    if not codes:
        raise Invalid("Name at least one change of the list household_change.", field="changes")
    today = act.actor.today()
    for code in codes:
        await check_code(act.session, "household_change", code, on=today, field="changes")
    if change.happened_on is not None and change.happened_on > today:
        raise Invalid("happenedOn lies in the future.", field="happenedOn")
    return codes


async def _is_major(act: Act, codes: list[str]) -> bool:
    """Whether one of them always asks for a visit soon."""
    row = CodeEntry
    found = await act.session.scalars(
        select(row.code).where(
            row.list_name == "household_change", row.code.in_(codes), row.tier == rules.MAJOR
        )
    )
    return found.first() is not None


async def handle_change(
    act: Act, report_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.ChangeReport:
    """The authority has looked at it, and says what was done."""
    row = await act.take(
        model.ChangeReport, report_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_handle, row)
    act.move(row, model.CHANGE_TRANSITIONS, "handle")
    row.handled_at, row.handled_by = act.now, act.actor.account_id
    row.state_reason = check_reason(reason, most=rules.MAX_NOTE, impersonal=True)
    act.record("change.handled", row)
    return row


async def answer_danger(
    act: Act, visit_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Visit:
    """Lead or authority says what was done about the danger that a visit told of."""
    row = await queries.take_visit(act, visit_id, expected_version)
    act.permit(policy.may_answer_danger, row)
    act.move(row, model.TRANSITIONS, "answer_danger")
    if not row.danger or row.danger_answered_at is not None:
        raise GuardFailed("No danger waits to be answered here.")
    row.danger_answered_at, row.danger_answered_by = act.now, act.actor.account_id
    row.danger_answer = check_reason(reason, most=rules.MAX_TEXT)
    act.record("visit.danger_answered", row)
    return row


async def add_checklist(
    act: Act, *, code: str, title: str, items: object, valid_from: date
) -> model.VisitChecklist:
    """The next version of a list of what is asked; the latest in force is asked."""
    if not policy.may_add_checklist(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not set what is asked: who runs the platform does."
        )
    if valid_from < act.actor.today():
        raise Invalid(f"validFrom {valid_from} is over: name today or later.", field="validFrom")
    name = rules.check_text(title, field="title", most=rules.MAX_NOTE)
    if name is None or not code.isidentifier() or not code.isascii():
        raise Invalid("A checklist has a code of letters and _, and a title.", field="code")
    table = model.VisitChecklist
    await act.session.execute(
        select(func.pg_advisory_xact_lock(func.hashtextextended(f"visit_checklist {code}", 0)))
    )
    last = await act.session.scalar(select(func.max(table.list_version)).where(table.code == code))
    row = table(
        id=act.row_id,
        code=code,
        list_version=1 + (last or 0),
        title=name,
        items=rules.check_items(items),
        valid_from=valid_from,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("visit_checklist.added", row, list_version=row.list_version)
    return row
