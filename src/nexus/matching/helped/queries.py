"""What the ledger says of a household, an item and a window: counted by the database."""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    DateTime,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    and_,
    bindparam,
    column,
    exists,
    false,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy import cast as cast_to
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Actor, Role, View
from nexus.core.prepared import Prepared
from nexus.matching.helped import model, policy
from nexus.needs.model import NeedKind, NeedLine
from nexus.recipients.attestations.model import Attestation, AttestationStatus
from nexus.recipients.attestations.queries import status
from nexus.recipients.model import Recipient

_COUNTED = (
    column("rule", Text()),
    column("item_code", Text()),
    column("unit", Text()),
    column("window_days", Integer()),
    column("most", Numeric()),
    column("factor", Numeric()),
    column("helped", Numeric()),
)
_NOTHING = literal_column("0", Numeric())


def _counts(function: Any, name: str) -> Any:
    return function.table_valued(*_COUNTED, name=name)


def is_limited(line: Any, need: Any) -> ColumnElement[bool]:
    """SQL: a limit names the item, and there is a household to count for. Groups have none."""
    row = aliased(model.HelpLimit)
    dot = literal_column("'.'", Text())
    named = or_(
        row.item_code == literal_column("''", Text()),
        row.item_code == line.item_code,
        func.starts_with(line.item_code, row.item_code.concat(dot)),
    )
    found = exists().where(row.kind == line.kind, named).correlate_except(row)
    return and_(need.household_id.is_not(None), found)


_UNDER_LOCK = Prepared(
    select(
        _counts(
            func.helped_under_lock(
                bindparam("line_id", None, type_=Uuid()),
                bindparam("at", None, type_=DateTime(timezone=True)),
                bindparam("adding", None, type_=Numeric(14, 3)),
            ),
            "counted",
        )
    )
)


async def passed_limit(act: Act, line_id: UUID, adding: Decimal) -> Any:
    """The tightest limit that so much more would pass, with what was helped; None within all.

    From here to the commit the household is locked: whoever pledges to it next waits and counts
    this in.
    """
    given = {"line_id": line_id, "at": act.now, "adding": adding}
    return await _UNDER_LOCK.first(act.session, given)


async def passed_limit_now(view: View, line_id: UUID, adding: Decimal) -> Any:
    """As `passed_limit`, without a lock: for whoever only looks."""
    counted = _counts(func.helped_of_line(line_id, view.now, null()), "counted")
    found = await view.session.execute(
        select(counted)
        .where(counted.c.helped + adding * counted.c.factor > counted.c.most)
        .order_by((counted.c.most - counted.c.helped) / counted.c.factor)
        .limit(1)
    )
    return found.first()


async def take_override(act: Act, line_id: UUID, quantity: Decimal) -> model.HelpOverride | None:
    """Leave that is not used yet, for this organization or for any, large enough; locked."""
    row = model.HelpOverride
    found = await act.session.scalars(
        select(row)
        .where(
            row.line_id == line_id,
            row.used_at.is_(None),
            or_(row.organization_id.is_(None), row.organization_id == act.actor.organization_id),
            row.quantity >= quantity,
        )
        .order_by(row.organization_id.is_(None), row.quantity, row.id)
        .limit(1)
        .with_for_update()
    )
    return found.first()


async def stands(session: AsyncSession, line_id: UUID, organization_id: UUID | None) -> bool:
    """Whether unused leave is given there already, for this organization or for any."""
    row = model.HelpOverride
    return bool(
        await session.scalar(
            select(
                exists().where(
                    row.line_id == line_id,
                    row.used_at.is_(None),
                    row.organization_id.is_not_distinct_from(organization_id),
                )
            )
        )
    )


def is_blocked(line_id: Any, now: Any) -> ColumnElement[bool]:
    """SQL: nothing more of the line may be pledged without an override."""
    counted = _counts(
        func.helped_of_line(line_id, now, cast_to(null(), DateTime(timezone=True))), "counted"
    )
    return (
        select(literal_column("1"))
        .select_from(counted)
        .where(counted.c.helped >= counted.c.most)
        .exists()
    )


def of_line(
    actor: Actor, limit: ColumnElement[int], given: dict[str, ColumnElement[Any]]
) -> Select[Any]:
    """SQL: how it stands with the line's household, to whoever may pledge or works with it."""
    line = aliased(NeedLine)
    now = cast_to(actor.now, DateTime(timezone=True))
    forever = cast_to(null(), DateTime(timezone=True))
    counted = _counts(func.helped_of_line(line.id, now, forever), "counted")
    asked = given.get("lineId", cast_to(null(), Uuid()))
    return (
        select(*_told(counted, given.get("quantity"), amounts=True))
        .select_from(line)
        .join(counted, true())
        .where(line.id == asked, policy.may_ask(actor, line))
        .order_by((counted.c.most - counted.c.helped) / counted.c.factor)
        .limit(1)
    )


def of_alias(
    actor: Actor, limit: ColumnElement[int], given: dict[str, ColumnElement[Any]]
) -> Select[Any]:
    """SQL: yes or no for a person the organization holds a valid attestation of, by its own alias.

    No amounts: equal sums of two aliases would tell that they belong together (INV-15).
    """
    word, person = aliased(Attestation), aliased(Recipient)
    now = cast_to(actor.now, DateTime(timezone=True))
    forever = cast_to(null(), DateTime(timezone=True))
    nothing = cast_to(null(), Text())
    counted = _counts(
        func.helped_of_household(
            person.household_id,
            literal_column(f"'{NeedKind.GOODS.value}'", Text()),
            given.get("item", nothing),
            given.get("unit", nothing),
            now,
            forever,
        ),
        "counted",
    )
    mine = word.organization_id == actor.organization_id
    if actor.role not in policy.ASKS:
        mine = true() if actor.role is Role.SYSTEM else false()
    holds = and_(
        word.alias == given.get("householdAlias", nothing),
        mine,
        status(actor, word) == literal_column(f"'{AttestationStatus.VALID.name}'", Text()),
    )
    return (
        select(*_told(counted, given.get("quantity"), amounts=False))
        .select_from(word)
        .join(person, person.id == word.recipient_id)
        .join(counted, true())
        .where(holds)
        .order_by((counted.c.most - counted.c.helped) / counted.c.factor)
        .limit(1)
    )


def _told(counted: Any, quantity: Any, *, amounts: bool) -> tuple[Any, ...]:
    adding = _NOTHING if quantity is None else quantity
    passed = counted.c.helped + adding * counted.c.factor > counted.c.most
    full = counted.c.helped >= counted.c.most
    room = func.greatest(counted.c.most - counted.c.helped, _NOTHING) / counted.c.factor
    short = func.trunc(room, literal_column("3"), type_=Numeric())
    hidden = cast_to(null(), Numeric())
    return (
        or_(passed, full).label("blocked"),
        (counted.c.helped if amounts else hidden).label("helped"),
        (short if amounts else hidden).label("available"),
        counted.c.most.label("most"),
        counted.c.unit.label("unit"),
        counted.c.window_days.label("window_days"),
        counted.c.rule.label("rule"),
    )


def at_the_time(line_id: Any, at: datetime | Any) -> Any:
    """SQL: the counts as they stood at that moment, of pledges until then."""
    return _counts(func.helped_of_line(line_id, at, at), "counted")
