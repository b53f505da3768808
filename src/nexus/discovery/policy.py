"""Who tells of hardship, who handles a report, and who sees what of it."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, or_, true
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.discovery import model

HANDLERS = GOVERNMENT | STATION
TRIAGERS = frozenset({Role.STATION_LEAD, Role.GOV_COORDINATOR})
VISITORS = frozenset({Role.SOCIAL_WORKER, Role.AIDE})
IMPORTERS = GOVERNMENT | {Role.STATION_LEAD, Role.SYSTEM, Role.PLATFORM_ADMIN}
_REVEALS = frozenset(
    {*TRIAGERS, *VISITORS, Role.GOV_CLERK, Role.GOV_APPROVER},
)


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own reports; the territory where it occurred, that has it, or is offered it."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role is Role.ANONYMOUS:
        return false()
    seen = row.created_by == actor.account_id
    if actor.role in TERRITORIAL | {Role.DPO}:
        seen = or_(seen, actor.covers(row.area_code), actor.covers(row.custody_area_code))
    if actor.role in HANDLERS:
        seen = or_(seen, _offered_here(actor, row))
    return seen  # type: ignore[no-any-return]


def event_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The history of a report, to those who handle it."""
    report = aliased(model.DiscoveryReport)
    seen = as_sql(may_read_detail(actor, report))
    return and_(
        row.object_type == "discovery_report", exists().where(report.id == row.object_id, seen)
    )


def step_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The trail, to the territories in it and to those who handle the report."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in TERRITORIAL | {Role.DPO}:
        return false()
    report = aliased(model.DiscoveryReport)
    return or_(
        actor.covers(row.to_area_code),
        and_(row.from_area_code.is_not(None), actor.covers(row.from_area_code)),
        exists().where(report.id == row.report_id, actor.covers(report.custody_area_code)),
    )


def may_read_step(actor: Actor, row: Any) -> Any:
    """Who owned it and why it moved: the two areas of the step."""
    if actor.role not in HANDLERS:
        return actor.role is Role.SYSTEM
    sent = row.from_area_code.is_not(None) & actor.covers(row.from_area_code)
    return actor.covers(row.to_area_code) | sent


def reply_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """As the report: a reply is said to whoever told of it."""
    report = aliased(model.DiscoveryReport)
    return exists().where(report.id == row.report_id, visible(actor, report))


def may_read_detail(actor: Actor, row: Any) -> Any:
    """Who handles the report: the station and the authority that have it now."""
    if actor.role in EVERYWHERE:
        return True
    return actor.covers(row.custody_area_code) if actor.role in HANDLERS else False


def may_read_text(actor: Actor, row: Any) -> Any:
    """What was told and found: as the detail, but not for who runs the platform."""
    return False if actor.role is Role.PLATFORM_ADMIN else may_read_detail(actor, row)


def may_read_own_words(actor: Actor, row: Any) -> Any:
    """The situation, by those who handle the report and by who told it."""
    if actor.role in (Role.ANONYMOUS, Role.PLATFORM_ADMIN):
        return False
    own = row.created_by == actor.account_id
    detail = may_read_text(actor, row)
    return detail if detail is True else own if detail is False else own | detail


def may_read_place(actor: Actor, row: Any) -> Any:
    """The division where it occurred: its territory, who has it, and who told it."""
    if actor.role in EVERYWHERE:
        return True
    own = row.created_by == actor.account_id
    if actor.role not in TERRITORIAL | {Role.DPO}:
        return own
    return own | actor.covers(row.area_code) | actor.covers(row.custody_area_code)


def may_report(actor: Actor) -> bool:
    """Anyone who is signed in (T22b)."""
    return actor.role is not Role.ANONYMOUS


def may_bring_tickets(actor: Actor) -> bool:
    """Authorities, station leads, imports: whoever answers for a hotline's number."""
    return actor.role in IMPORTERS


def may_link(actor: Actor) -> bool:
    """Who may suspect a household and look for similar reports: who handles reports."""
    return actor.role in HANDLERS | {Role.SYSTEM}


def may_triage(actor: Actor, row: Any) -> Any:
    """STATION_LEAD and GOV_COORDINATOR of the area that has it."""
    return _holding(actor, row, TRIAGERS)


def may_assign(actor: Actor, row: Any) -> Any:
    """As triage."""
    return may_triage(actor, row)


def may_mark_duplicate(actor: Actor, row: Any) -> Any:
    """As triage."""
    return may_triage(actor, row)


def may_contact(actor: Actor, row: Any) -> Any:
    """Whoever handles it."""
    return _holding(actor, row, HANDLERS)


def may_flag_danger(actor: Actor, row: Any) -> Any:
    """Whoever handles it."""
    return _holding(actor, row, HANDLERS)


def may_supplement(actor: Actor, row: Any) -> Any:
    """The hotline's own list, which is imported."""
    return actor.role is Role.SYSTEM


def may_verify(actor: Actor, row: Any) -> Any:
    """The social worker or aide to whom it is assigned, by visit."""
    held = _holding(actor, row, VISITORS)
    return held if held is False else held & (row.owner_id == actor.account_id)


def may_dismiss(actor: Actor, row: Any) -> Any:
    """A lead or coordinator, of what somebody else verified (INV-18)."""
    held = _holding(actor, row, TRIAGERS)
    return held if held is False else held & (row.verified_by != actor.account_id)


def may_close(actor: Actor, row: Any) -> Any:
    """The owner, or a lead or coordinator."""
    return _owning(actor, row)


def may_convert(actor: Actor, row: Any) -> Any:
    """Whoever handles it; whether they may record needs is the need's own rule."""
    return True if actor.role is Role.SYSTEM else _holding(actor, row, HANDLERS)


def may_offer_transfer(actor: Actor, row: Any) -> Any:
    """The owner, or a lead or coordinator."""
    return _owning(actor, row)


def may_recall_transfer(actor: Actor, row: Any) -> Any:
    """As the offer."""
    return _owning(actor, row)


def may_take_over(actor: Actor, row: Any) -> Any:
    """STATION_LEAD and GOV_COORDINATOR of the area to which it is offered."""
    if actor.role not in TRIAGERS:
        return False
    if row.offered_area_code is None:
        return False
    return _offered_here(actor, row)


def may_refuse_transfer(actor: Actor, row: Any) -> Any:
    """As taking over."""
    return may_take_over(actor, row)


def may_reveal_contact(actor: Actor, row: Any) -> Any:
    """Who calls back: whoever handles it."""
    return _holding(actor, row, _REVEALS)


def may_erase_contact(actor: Actor, row: Any) -> Any:
    """The data protection officer of the territory that has it."""
    return actor.covers(row.custody_area_code) if actor.role is Role.DPO else False


def may_tell_missing(actor: Actor, row: Any) -> Any:
    """Whoever handles it."""
    return _holding(actor, row, HANDLERS)


def reveal_visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """One's own requests to see who told; the data protection officer those of the territory."""
    if actor.role is Role.SYSTEM:
        return true()
    own = row.account_id == actor.account_id
    if actor.role is not Role.DPO:
        return own  # type: ignore[no-any-return]
    report = aliased(model.DiscoveryReport)
    near = actor.covers(report.custody_area_code)
    return own | exists().where(report.contact_id == row.contact_id, near)  # type: ignore[no-any-return]


def as_sql(answer: Any) -> Any:
    """A policy's answer as a predicate."""
    if isinstance(answer, bool):
        return true() if answer else false()
    return answer


def _holding(actor: Actor, row: Any, roles: frozenset[Role]) -> Any:
    return actor.covers(row.custody_area_code) if actor.role in roles else False


def _owning(actor: Actor, row: Any) -> Any:
    if actor.role not in HANDLERS:
        return False
    held = actor.covers(row.custody_area_code)
    return held if actor.role in TRIAGERS else held & (row.owner_id == actor.account_id)


def _offered_here(actor: Actor, row: Any) -> Any:
    code = row.offered_area_code
    if code is None or isinstance(code, str):
        return code is not None and actor.covers(code)
    return and_(code.is_not(None), actor.covers(code))
