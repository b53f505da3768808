"""Pledging, deciding, delivering, confirming. Every quantity moves by one row of the ledger."""

from datetime import date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, NoReturn
from uuid import UUID

from sqlalchemy import CTE, Text, Uuid, bindparam, func, literal, select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import NUMBERS, Act, system
from nexus.core.ids import new_id
from nexus.core.prepared import Prepared, standing
from nexus.core.refusals import Forbidden, GuardFailed, NotFound
from nexus.core.telling import events_of, jobs_of, telling
from nexus.core.texts import check_reason
from nexus.matching.helped.operations import check_not_already_helped
from nexus.matching.pledges import model, policy, queries, rules
from nexus.matching.pledges.model import Bucket, PledgeState

_STATES = model.PLEDGE_TRANSITIONS

# The ledger --------------------------------------------------------------------------------


async def post(
    act: Act,
    allocation_id: UUID,
    source: Bucket,
    target: Bucket,
    quantity: Decimal,
    *,
    delivery_id: UUID | None = None,
) -> None:
    """Append one move. The database adds it to the allocation, the line and the offer, or refuses.

    CapacityExhausted with what is left (INV-01, INV-02); GuardFailed when the need is not
    published and the move would advance the help (INV-07, INV-19). The locks it takes last to the
    commit, so it comes last in a deed.
    """
    move = {
        "allocation_id": allocation_id,
        "from_bucket": source,
        "to_bucket": target,
        "quantity": quantity,
        "delivery_id": delivery_id,
        "moved_at": act.now,
        "moved_by": act.actor.account_id,
    }
    try:
        await act.session.execute(insert(model.AllocationMove), move)
    except IntegrityError as error:
        _refuse(error)


def _refuse(error: IntegrityError) -> NoReturn:
    """The guard of the ledger's trigger as a refusal; what it does not know is a fault of ours."""
    cause: Any = getattr(error.orig, "__cause__", None)
    match getattr(cause, "constraint_name", None):
        case "inv_01_no_oversell":
            raise rules.exhausted(Decimal(cause.detail), of="line", rule="INV-01") from None
        case "inv_02_capacity":
            raise rules.exhausted(Decimal(cause.detail), of="offer", rule="INV-02") from None
        case "inv_07_published":
            raise GuardFailed(
                "Pledges on this need are frozen, as it is not published now or waits to be "
                "confirmed: wait until it is resumed, or give the quantity back.",
                rule="INV-07",
            ) from None
    raise error


async def _give_back(act: Act, allocation: model.Allocation) -> None:
    for bucket, quantity in (
        (Bucket.RESERVED, allocation.reserved),
        (Bucket.COMMITTED, allocation.committed),
    ):
        if quantity:
            await post(act, allocation.id, bucket, Bucket.RELEASED, quantity)


_PLEDGE_KEYS = [column.key for column in model.Pledge.__table__.columns if column.key != "no"]


@cache
def _opening(heard: bool) -> Prepared:
    """A pledge, its history, its allocation and the move that opens it; gives the pledge's number.

    No row comes back when the organization has a live pledge there. One round trip, so that the
    lock on a hot line is short.
    """
    columns = model.Pledge.__table__.columns
    values: dict[str, Any] = {
        key: bindparam(key, None, type_=columns[key].type) for key in _PLEDGE_KEYS
    }
    sequence = func.to_char(NUMBERS.next_value(), "FM9999999999000000")
    values["no"] = func.concat(bindparam("number", None, type_=Text()), sequence)
    row = insert(model.Pledge).values(values).on_conflict_do_nothing()
    pledge = row.returning(*columns).cte("pledged")
    told = [events_of(pledge).cte("told"), *([jobs_of(pledge).cte("jobs")] if heard else [])]
    return Prepared(select(pledge.c.no).add_cte(*told, _booked(pledge)))


def _booked(pledge: CTE) -> CTE:
    """The allocation of the pledge that is made, and the move that opens it."""
    shared = ["line_id", "offer_id", "quantity", "amount_fen", "created_at"]
    opened = select(
        bindparam("allocation_id", None, type_=Uuid()),
        pledge.c.id,
        *(pledge.c[name] for name in shared),
    )
    allocation = (
        insert(model.Allocation)
        .from_select(["id", "pledge_id", *shared], opened, include_defaults=False)
        .returning(model.Allocation.id)
        .cte("opened")
    )
    moved = select(
        bindparam("move_id", None, type_=Uuid()),
        allocation.c.id,
        literal(Bucket.OPEN.value),
        bindparam("bucket", None, type_=Text()),
        pledge.c.quantity,
        pledge.c.created_at,
        pledge.c.created_by,
    ).select_from(allocation.join(pledge, true()))
    columns = ["id", "allocation_id", "from_bucket", "to_bucket", "quantity"]
    move = insert(model.AllocationMove).from_select(
        [*columns, "moved_at", "moved_by"], moved, include_defaults=False
    )
    return move.cte("moved")


_FOLLOWS = {
    PledgeState.PARTLY_FULFILLED: ("fulfil_partly", "pledge.partly_fulfilled"),
    PledgeState.FULFILLED: ("fulfil", "pledge.fulfilled"),
    PledgeState.ACCEPTED: ("unfulfil", "pledge.unfulfilled"),
    PledgeState.RELEASED: ("give_back", "pledge.released"),
}
_FOLLOWING = (PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED, PledgeState.FULFILLED)


def follow(act: Act, pledge: model.Pledge, owed: Decimal, done: Decimal) -> None:
    """Let the state of an accepted pledge follow its sums, counted from the ledger only."""
    target = rules.standing(owed, done)
    if pledge.state in _FOLLOWING and pledge.state is not target:
        verb, event = _FOLLOWS[target]
        act.move(pledge, _STATES, verb)
        act.record(event, pledge, **_about(pledge))


def _about(pledge: model.Pledge) -> dict[str, Any]:
    return {
        "need_id": pledge.need_id,
        "line_id": pledge.line_id,
        "offer_id": pledge.offer_id,
        "organization_id": pledge.organization_id,
        "quantity": pledge.quantity,
    }


# Pledging ----------------------------------------------------------------------------------


async def offer_pledge(
    act: Act,
    line_id: UUID,
    *,
    quantity: Decimal,
    offer_id: UUID | None = None,
    amount_fen: int | None = None,
    planned_on: date | None = None,
    note: str | None = None,
) -> model.Pledge:
    """Take up a quantity of a published line. It is reserved at once, or refused with what is left.

    From a pre-approved offer the pledge is accepted at once. AlreadyPledged names the live one.
    """
    if not policy.may_offer(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not pledge: charities do.")
    ground = await queries.pledge_ground(act, line_id, offer_id)
    if ground is None:
        raise NotFound("No such NeedLine, or it is not yours to see.")
    quantity = rules.check_quantity(quantity)
    rules.check_planned(planned_on, act.actor.today())
    amount = rules.check_amount(ground.kind, ground.unit, quantity, amount_fen)
    rules.check_ground(ground, quantity, offer_id, act.actor.today())
    override_id = await check_not_already_helped(act, line_id, ground, quantity)
    pledge = draw_up(
        act,
        ground,
        line_id=line_id,
        override_id=override_id,
        quantity=quantity,
        amount_fen=amount,
        planned_on=planned_on,
        note=note,
    )
    await book(act, pledge, number=f"P-{ground.shown_area_code}-{act.now.year}-")
    return pledge


def draw_up(
    act: Act,
    ground: Any,
    *,
    planned_on: date | None,
    accepted_by: UUID | None = None,
    **values: Any,
) -> model.Pledge:
    """The row as it will stand: offered, or accepted when its offer was approved beforehand or the
    need's side (`accepted_by`) has said yes already."""
    accepted = bool(ground.pre_approved) or accepted_by is not None
    expires_at = act.now + rules.ACCEPT_WITHIN
    row: dict[str, Any] = {
        "id": act.row_id,
        "need_id": ground.need_id,
        "organization_id": act.actor.organization_id,
        "offer_id": ground.offer_id,
        "planned_on": planned_on,
        "expires_at": rules.deliver_by(planned_on, act.now) if accepted else expires_at,
        "state": PledgeState.ACCEPTED if accepted else PledgeState.OFFERED,
        "state_reason": None,
        "version": 1,
        "created_at": act.now,
        "created_by": act.actor.account_id,
        "accepted_at": act.now if accepted else None,
        "accepted_by": (accepted_by or act.actor.account_id) if accepted else None,
    }
    row.update(values)
    return standing(model.Pledge, row)


async def book(act: Act, pledge: model.Pledge, *, number: str) -> None:
    """Write and book it, unless a copy was quicker: the unique index decides (INV-08)."""
    kinds = ("pledge.offered", "pledge.accepted") if pledge.accepted_at else ("pledge.offered",)
    told = [act.told(kind, "pledge", pledge.id, **_about(pledge)) for kind in kinds]
    given = {**vars(pledge), **telling(told, now=act.now)}
    given["number"] = number
    given["allocation_id"], given["move_id"] = new_id(), new_id()
    given["bucket"] = Bucket.COMMITTED if pledge.accepted_at else Bucket.RESERVED
    try:
        opened = await _opening(bool(given["job_id"])).first(act.session, given)
    except IntegrityError as error:
        _refuse(error)
    if opened is None:
        live = await queries.live_pledge_no(act, pledge.line_id, pledge.offer_id)
        raise rules.already_pledged(live or "that was just ended")
    pledge.no = opened.no


# Deciding ----------------------------------------------------------------------------------


async def _take(act: Act, pledge_id: UUID, expected_version: int | None = None) -> model.Pledge:
    return await act.take(
        model.Pledge, pledge_id, visible=policy.visible, expected_version=expected_version
    )


async def accept_pledge(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """The need's side takes the help: what was reserved is committed."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_accept, pledge)
    act.move(pledge, _STATES, "accept")
    pledge.state_reason = reason
    pledge.accepted_at = act.now
    pledge.accepted_by = act.actor.account_id
    pledge.expires_at = rules.deliver_by(pledge.planned_on, act.now)
    act.record("pledge.accepted", pledge, **_about(pledge))
    allocation = await queries.allocation_of(act.session, pledge.id)
    await post(act, allocation.id, Bucket.RESERVED, Bucket.COMMITTED, allocation.reserved)
    return pledge


async def reject_pledge(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """The need's side declines, with a reason; the quantity is open again."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_reject, pledge)
    return await end(act, pledge, "reject", "pledge.rejected", check_reason(reason))


async def withdraw_pledge(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """The organization takes it back. After acceptance a reason is due and counts as a mark."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_withdraw, pledge)
    if pledge.state is PledgeState.ACCEPTED:
        reason = check_reason(reason)
    return await end(act, pledge, "withdraw", "pledge.withdrawn", reason)


async def request_release(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """Ask that the undelivered rest be given back; unanswered, the clock grants it."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_request_release, pledge)
    act.move(pledge, _STATES, "request_release")
    pledge.state_reason = check_reason(reason)
    pledge.expires_at = act.now + rules.RELEASE_WITHIN
    act.record("pledge.release_requested", pledge, **_about(pledge))
    return pledge


async def release_pledge(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """Grant the release: the undelivered rest is open again, what was delivered stays."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_release, pledge)
    return await end(act, pledge, "release", "pledge.released", reason)


async def keep_pledge(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Pledge:
    """Refuse the release: the pledge stands, and its clock starts anew."""
    pledge = await _take(act, row_id, expected_version)
    act.permit(policy.may_keep, pledge)
    act.move(pledge, _STATES, "keep")
    pledge.state_reason = reason
    pledge.expires_at = rules.deliver_by(pledge.planned_on, act.now)
    act.record("pledge.kept", pledge, **_about(pledge))
    allocation = await queries.allocation_of(act.session, pledge.id)
    follow(act, pledge, *rules.sums(allocation))
    return pledge


async def end(
    act: Act,
    pledge: model.Pledge,
    verb: str,
    event: str,
    reason: str | None,
    allocation: model.Allocation | None = None,
) -> model.Pledge:
    """Move a taken and permitted pledge to its end, and give back what is not delivered."""
    before = pledge.state
    act.move(pledge, _STATES, verb)
    pledge.state_reason = reason
    act.record(event, pledge, state_before=before, **_about(pledge))
    await _give_back(act, allocation or await queries.allocation_of(act.session, pledge.id))
    return pledge


async def expire_pledges(session: AsyncSession, now: datetime, *, limit: int = 500) -> int:
    """End up to `limit` pledges whose time ran out; how many. The caller commits, and calls again.

    Offered and accepted ones expire, a request for release is granted. Pledges on a need that is
    not published are frozen, their clock with them.
    """
    act = Act(session, system(now))
    due = await queries.take_expired(session, now, limit)
    await queries.lock_counters(session, [pledge for pledge, _ in due])
    for pledge, allocation in due:
        verb = "release" if pledge.state is PledgeState.RELEASE_REQUESTED else "expire"
        event = "pledge.released" if verb == "release" else "pledge.expired"
        await end(act, pledge, verb, event, "its time ran out", allocation)
    return len(due)
