"""Telling everything that is missing at once, and never again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import or_, select

from nexus.accounts.model import Account
from nexus.acting import NOBODY, SHANGHAI, Act
from nexus.areas.queries import check_code, due_after
from nexus.core.db import Base
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text
from nexus.discovery import model as discovery
from nexus.discovery import policy as discovery_policy
from nexus.discovery.queries import take_report
from nexus.discovery.rules import AlreadyToldMissing
from nexus.discovery.trail.operations import reply
from nexus.needs import model as needs
from nexus.needs.notices import model, policy
from nexus.needs.queries import take_need
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import oblige

OTHER = "OTHER"
MAX_NOTE = 500
FIRST = (needs.NeedState.DRAFT, needs.NeedState.SUBMITTED)
"""States in which a need has had no answer yet."""


@dataclass(frozen=True)
class _Subject:
    """What the notice is about, and who sees to it that the material comes."""

    row: Base
    report_id: UUID | None
    need_id: UUID | None
    from_report_id: UUID | None
    """The report that the need was recorded from."""
    organization_id: UUID
    area_code: str
    late: bool


async def record_missing_material(
    act: Act,
    *,
    items: Sequence[str],
    report_id: UUID | None = None,
    need_id: UUID | None = None,
    note: str | None = None,
) -> model.MissingNotice:
    """List everything that is missing, once, with the first response (T23b).

    `items` are codes of `missing_material`; a `note` says what OTHER means. AlreadyToldMissing
    names the date of the first notice, of the need or of the report that it came from.
    """
    if (report_id is None) is (need_id is None):
        raise Invalid("Name either the report or the need.", field="reportId")
    of = await _report(act, report_id) if report_id else await _need(act, need_id)  # type: ignore[arg-type]
    await _check_first(act, of)
    codes = await _check_items(act, items)
    told = _check_note(note)
    if OTHER in codes and told is None:
        raise Invalid("Say in the note what the other material is.", field="note")
    due = await due_after(
        act.session, "missing_material_working_days", act.now, area_code=of.area_code
    )
    row = model.MissingNotice(
        id=new_id(),
        report_id=of.report_id,
        need_id=of.need_id,
        items=codes,
        note=told,
        due_at=due.at,
        given_at=act.now,
        given_by=act.actor.account_id,
        late=of.late,
    )
    act.session.add(row)
    await act.session.flush()
    await _follow_up(act, of, row, due.rule)
    return row


async def _follow_up(act: Act, of: _Subject, row: model.MissingNotice, rule: str) -> None:
    """Somebody sees to the material; a report's clock stops, and its hotline hears."""
    await oblige(
        act,
        kind=ObligationKind.MISSING_MATERIAL,
        subject=of.row,
        organization_id=of.organization_id,
        area_code=of.area_code,
        due_at=row.due_at,
        rule=rule,
        details={"items": row.items},
    )
    act.record("notice.given", row, items=row.items, report_id=of.report_id, need_id=of.need_id)
    if isinstance(of.row, discovery.DiscoveryReport):
        of.row.contacted_at = of.row.contacted_at or act.now
        of.row.version += 1
        await reply(act, of.row, "MATERIAL_MISSING")


async def _check_first(act: Act, of: _Subject) -> None:
    row = model.MissingNotice
    about = [row.need_id == of.need_id] if of.need_id else []
    reports = [one for one in (of.report_id, of.from_report_id) if one is not None]
    found = await act.session.scalar(
        select(row.given_at).where(or_(*about, row.report_id.in_(reports))).limit(1)
    )
    if found is not None:
        day = found.astimezone(SHANGHAI).date()
        raise AlreadyToldMissing(
            f"What is missing was told on {day}, and is told once: work with that notice.",
            rule="T23b",
            givenOn=day,
        )


async def _check_items(act: Act, items: Sequence[str]) -> list[str]:
    if not items:
        raise Invalid("Name everything that is missing.", field="items")
    for code in items:
        await check_code(act.session, "missing_material", code, on=act.actor.today(), field="items")
    return sorted(set(items))


def _check_note(note: str | None) -> str | None:
    if note is None:
        return None
    return check_impersonal(check_text(note, field="note", most=MAX_NOTE), field="note")


async def _report(act: Act, report_id: UUID) -> _Subject:
    row = await take_report(act, report_id)
    act.permit(discovery_policy.may_tell_missing, row)
    if row.state not in discovery.OPEN:
        raise GuardFailed(f"The report is {row.state.value}: nothing is missing any more.")
    owner = await act.session.get(Account, row.owner_id) if row.owner_id else None
    home = (owner.organization_id if owner else None) or act.actor.organization_id
    if home == NOBODY:
        raise GuardFailed("Have the report triaged first: nobody would see to the material.")
    late = row.contacted_at is not None
    return _Subject(row, row.id, None, None, home, row.custody_area_code, late)


async def _need(act: Act, need_id: UUID) -> _Subject:
    row = await take_need(act, need_id)
    act.permit(policy.may_tell_missing, row)
    if row.state in (
        needs.NeedState.CLOSED,
        needs.NeedState.REJECTED,
        needs.NeedState.CANCELLED,
    ):
        raise GuardFailed(f"The need is {row.state.value}: nothing is missing any more.")
    late = row.state not in FIRST
    source = row.discovery_report_id
    return _Subject(row, None, row.id, source, row.publisher_id, row.area_code, late)
