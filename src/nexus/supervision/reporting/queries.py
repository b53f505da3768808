"""Reports against their needs, their trail, and what their hotlines were told (INV-17, 20, 37)."""

from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from nexus.core.outbox import Event
from nexus.discovery.model import (
    CustodyKind,
    CustodyStep,
    DiscoveryReport,
    HotlineReply,
    ReportState,
)
from nexus.needs.model import Need
from nexus.supervision.ledger.queries import finding

_S = ReportState
_HOLDS = (CustodyKind.RECEIVED, CustodyKind.TAKEN_OVER)
_OFFERS = (
    CustodyKind.OFFERED,
    CustodyKind.RECALLED,
    CustodyKind.REFUSED,
    CustodyKind.TAKEN_OVER,
)


def _converted() -> Select[Any]:
    """A report is converted when a need names it or it a case, and only then."""
    row, need = DiscoveryReport, aliased(Need)
    named = exists().where(need.discovery_report_id == row.id)
    became = or_(named, row.case_id.is_not(None))
    return finding(row.id, "its state does not say whether a need or case came of it").where(
        (row.state == _S.CONVERTED) != became
    )


def _original() -> Select[Any]:
    row, original = DiscoveryReport, aliased(DiscoveryReport)
    return (
        finding(row.id, "it is a duplicate of a duplicate")
        .join(original, original.id == row.duplicate_of_id)
        .where(original.state == _S.DUPLICATE_OF)
    )


def _last(kinds: tuple[CustodyKind, ...], *columns: str) -> Select[Any]:
    """The latest step of those kinds of each report."""
    step = CustodyStep
    shown = [getattr(step, name) for name in columns]
    return (
        select(step.report_id, *shown)
        .ext(distinct_on(step.report_id))
        .where(step.kind.in_(kinds))
        .order_by(step.report_id, step.position.desc())
    )


def _trail_says_who_has_it() -> Select[Any]:
    row = DiscoveryReport
    last = _last(_HOLDS, "to_area_code").subquery()
    return (
        finding(row.id, "its trail ends elsewhere than where it is")
        .outerjoin(last, last.c.report_id == row.id)
        .where(last.c.to_area_code.is_distinct_from(row.custody_area_code))
    )


def _trail_says_to_whom_it_is_offered() -> Select[Any]:
    row = DiscoveryReport
    last = _last(_OFFERS, "kind", "to_area_code").subquery()
    offered = and_(last.c.kind == CustodyKind.OFFERED, last.c.to_area_code == row.offered_area_code)
    return (
        finding(row.id, "its trail and the offer of a transfer differ")
        .outerjoin(last, last.c.report_id == row.id)
        .where(
            or_(
                and_(row.offered_area_code.is_not(None), offered.is_not(True)),
                and_(row.offered_area_code.is_(None), last.c.kind == CustodyKind.OFFERED),
            )
        )
    )


def _trail_is_whole() -> Select[Any]:
    step, count = CustodyStep, func.count()
    return (
        finding(func.min(cast(step.report_id, Text)), "a step of its trail is missing", steps=count)
        .group_by(step.report_id)
        .having(or_(func.min(step.position) != 1, func.max(step.position) != count))
    )


def _ticket_is_answered() -> Select[Any]:
    """The last reply tells the state that the report, or the one it is a duplicate of, is in."""
    row, original, reply = DiscoveryReport, aliased(DiscoveryReport), HotlineReply
    last = (
        select(reply.state)
        .where(reply.report_id == row.id)
        .order_by(reply.position.desc())
        .limit(1)
        .correlate(row)
        .scalar_subquery()
    )
    stands: ColumnElement[Any] = func.coalesce(original.state, row.state)
    told = or_(last == stands, last == row.state)
    return (
        finding(row.id, "its hotline was not told where it stands")
        .outerjoin(original, original.id == row.duplicate_of_id)
        .where(row.ticket_no.is_not(None), told.is_not(True))
    )


def _replies_are_news() -> Select[Any]:
    row, event = HotlineReply, aliased(Event)
    told = exists().where(
        event.object_id == row.report_id,
        event.kind == "discovery.replied",
        event.facts["reply_id"].astext == cast(row.id, Text),
    )
    return finding(row.id, "a reply that nobody hears of").where(~told)


CHECKS: dict[str, Select[Any]] = {
    "INV-19 duplicate has an original": _original(),
    "INV-19 report converted by its need": _converted(),
    "INV-20 trail says to whom a report is offered": _trail_says_to_whom_it_is_offered(),
    "INV-20 trail says who has the report": _trail_says_who_has_it(),
    "INV-21 trail of a report is whole": _trail_is_whole(),
    "INV-37 replies to hotlines are news": _replies_are_news(),
    "INV-37 ticket is answered": _ticket_is_answered(),
}
