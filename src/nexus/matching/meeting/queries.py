"""The pack as SQL: four lists under the policies of their rows, one statement."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    null,
    or_,
    select,
)
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.areas.model import Area
from nexus.graph.sql import as_predicate, quoted
from nexus.matching.meeting import policy
from nexus.matching.referrals import policy as referrals
from nexus.matching.referrals.model import Referral, ReferralState
from nexus.matching.referrals.queries import overdue
from nexus.matching.suggestions import policy as gaps
from nexus.matching.suggestions.model import Gap, GapState
from nexus.needs import policy as needs
from nexus.needs.model import Need, NeedLine, NeedState, Urgency
from nexus.obligations import policy as obligations
from nexus.obligations.model import Obligation
from nexus.obligations.queries import is_overdue

Given = dict[str, ColumnElement[Any]]

_NO_TIME: Any = cast(null(), DateTime(timezone=True))


def window(actor: Actor, limit: Any, given: Given) -> Select[Any]:
    """The area asked for and how much of each list; no row where it is not the actor's."""
    area = aliased(Area)
    asked = given.get("area", cast(null(), Text()))
    columns: tuple[Any, ...] = (
        area.code.label("area_code"),
        case((area.code == "CN", ""), else_=area.code).label("prefix"),
        cast(limit, Integer()).label("size"),
        cast(actor.now, DateTime(timezone=True)).label("as_of"),
    )
    mine = as_predicate(policy.may_prepare(actor, area.code))
    return select(*columns).where(area.code == asked, mine)


def _items(row: Any, *, name: str, why: Any, due: Any, since: Any, no: Any = None) -> Select[Any]:
    return select(
        quoted(name).label("type_name"),
        row.id.label("subject_id"),
        (row.no if no is None else no).label("no"),
        cast(why, Text()).label("why"),
        due.label("due_at"),
        since.label("since_at"),
    )


def _within(row: Any, pack: Any) -> ColumnElement[bool]:
    return func.starts_with(row.area_code, pack.c.prefix)


def urgent_needs(actor: Actor, pack: Any) -> Select[Any]:
    """Of urgency U1 and U2: those that wait for a decision, and those with something left open."""
    row, line = aliased(Need), aliased(NeedLine)
    bound = line.reserved + line.committed + line.delivered + line.confirmed
    short = exists().where(line.need_id == row.id, line.asked, bound < line.quantity_required)
    open_ = or_(
        row.state.in_((NeedState.SUBMITTED, NeedState.VERIFIED)),
        and_(row.state == NeedState.PUBLISHED, short),
    )
    due = func.timezone("Asia/Shanghai", cast(row.needed_by + 1, DateTime()))
    found = _items(
        row,
        name="Need",
        why=func.upper(row.state),
        due=due,
        since=row.listed_at,
    )
    return (
        found.where(
            row.urgency.in_((Urgency.U1, Urgency.U2)),
            open_,
            _within(row, pack),
            needs.visible(actor, row),
        )
        .order_by(row.urgency, row.due_on, row.id)
        .limit(pack.c.size)
    )


def stuck_referrals(actor: Actor, pack: Any) -> Select[Any]:
    """Answers and outcomes that are late, and what is on hold."""
    row = aliased(Referral)
    held = row.state == ReferralState.ON_HOLD
    due = case((row.state == ReferralState.REQUESTED, row.ack_due_at), else_=row.outcome_due_at)
    found = _items(
        row,
        name="Referral",
        why=func.upper(row.state),
        due=due,
        since=func.coalesce(row.accepted_at, row.sent_at, row.created_at),
    )
    return (
        found.where(or_(held, overdue(row)), _within(row, pack), referrals.visible(actor, row))
        .order_by(row.urgency, due, row.id)
        .limit(pack.c.size)
    )


def open_gaps(actor: Actor, pack: Any) -> Select[Any]:
    """Lines that no offer can serve, the oldest first."""
    row, need = aliased(Gap), aliased(Need)
    found = _items(
        row,
        name="Gap",
        why=func.upper(row.state),
        due=_NO_TIME,
        since=row.opened_at,
        no=need.no,
    )
    return (
        found.join(need, need.id == row.need_id)
        .where(
            row.state.in_((GapState.OPEN, GapState.ACKNOWLEDGED)),
            _within(row, pack),
            gaps.visible(actor, row),
        )
        .order_by(row.opened_at, row.id)
        .limit(pack.c.size)
    )


def overdue_obligations(actor: Actor, pack: Any) -> Select[Any]:
    """What is owed about rows in the area, and late."""
    row = aliased(Obligation)
    found = _items(
        row,
        name="Obligation",
        why=func.upper(row.kind),
        due=row.due_at,
        since=row.created_at,
    )
    return (
        found.where(is_overdue(row, actor.now), _within(row, pack), obligations.visible(actor, row))
        .order_by(row.due_at, row.id)
        .limit(pack.c.size)
    )
