"""The sums of the ledger, recomputed (INV-01 to INV-08)."""

from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    and_,
    false,
    func,
    literal,
    or_,
    select,
    text,
)
from sqlalchemy import cast as cast_to

from nexus.charity.model import Offer
from nexus.matching.pledges.model import (
    LIVE_PLEDGE,
    Allocation,
    AllocationMove,
    Bucket,
    Delivery,
    DeliveryState,
    Pledge,
    PledgeState,
)
from nexus.needs.model import CloseReason, Need, NeedLine, NeedState

BUCKETS = ("reserved", "committed", "delivered", "confirmed", "released", "reversed")
LIVE = ("reserved", "committed", "delivered", "confirmed")
OWED = ("reserved", "committed")
DONE = ("delivered", "confirmed")


def finding(row_id: Any, what: str, **numbers: Any) -> Select[Any]:
    """The shape of a check; the caller adds where it looks and what is wrong there."""
    pairs = [part for name, value in numbers.items() for part in (literal(name), value)]
    return select(
        cast_to(row_id, Text).label("id"),
        literal(what).label("what"),
        func.json_build_object(*pairs).label("numbers"),
    )


def plus(row: Any, names: tuple[str, ...]) -> ColumnElement[Any]:
    """The sum of these columns of a row or subquery."""
    first, *rest = (getattr(row, name) for name in names)
    for one in rest:
        first = first + one
    return cast("ColumnElement[Any]", first)


def _summed(expression: Any) -> ColumnElement[Any]:
    return func.coalesce(func.sum(expression), 0)


def _line_within_required() -> Select[Any]:
    live = plus(NeedLine, LIVE)
    return finding(
        NeedLine.id, "more is bound than asked for", live=live, required=NeedLine.quantity_required
    ).where(live > NeedLine.quantity_required)


def _allocations_within_required() -> Select[Any]:
    live = func.sum(plus(Allocation, LIVE))
    return (
        finding(
            NeedLine.id,
            "its allocations add up to more than asked for",
            live=live,
            required=NeedLine.quantity_required,
        )
        .join(Allocation, Allocation.line_id == NeedLine.id)
        .group_by(NeedLine.id)
        .having(live > NeedLine.quantity_required)
    )


def _offer_within_capacity() -> Select[Any]:
    taken = Offer.capacity_reserved + Offer.capacity_used
    return finding(
        Offer.id, "more is taken than it can give", taken=taken, maximum=Offer.capacity_maximum
    ).where(or_(taken > Offer.capacity_maximum, Offer.capacity_reserved < 0, taken < 0))


def _allocation_equals_moves() -> Select[Any]:
    move = AllocationMove
    moved = (
        select(
            move.allocation_id,
            *(
                (
                    func.coalesce(func.sum(move.quantity).filter(move.to_bucket == name), 0)
                    - func.coalesce(func.sum(move.quantity).filter(move.from_bucket == name), 0)
                ).label(name)
                for name in BUCKETS
            ),
        )
        .group_by(move.allocation_id)
        .subquery()
    )
    found = {name: func.coalesce(moved.c[name], 0) for name in BUCKETS}
    return (
        finding(
            Allocation.id,
            "its buckets are not the sums of its moves",
            **{name: getattr(Allocation, name) for name in BUCKETS},
            **{f"moved_{name}": found[name] for name in BUCKETS},
        )
        .join(moved, moved.c.allocation_id == Allocation.id, isouter=True)
        .where(or_(*(getattr(Allocation, name) != found[name] for name in BUCKETS)))
    )


def _allocation_is_whole() -> Select[Any]:
    total = plus(Allocation, BUCKETS)
    return finding(
        Allocation.id,
        "its buckets do not hold its quantity",
        held=total,
        quantity=Allocation.quantity,
    ).where(total != Allocation.quantity)


def _line_equals_allocations() -> Select[Any]:
    sums = (
        select(
            Allocation.line_id,
            *(func.sum(getattr(Allocation, name)).label(name) for name in LIVE),
        )
        .group_by(Allocation.line_id)
        .subquery()
    )
    found = {name: func.coalesce(sums.c[name], 0) for name in LIVE}
    return (
        finding(
            NeedLine.id,
            "its counters are not the sums of its allocations",
            **{name: getattr(NeedLine, name) for name in LIVE},
            **{f"allocated_{name}": found[name] for name in LIVE},
        )
        .join(sums, sums.c.line_id == NeedLine.id, isouter=True)
        .where(or_(*(getattr(NeedLine, name) != found[name] for name in LIVE)))
    )


def _offer_equals_allocations() -> Select[Any]:
    sums = (
        select(
            Allocation.offer_id,
            func.sum(plus(Allocation, OWED)).label("reserved"),
            func.sum(plus(Allocation, DONE)).label("used"),
        )
        .where(Allocation.offer_id.is_not(None))
        .group_by(Allocation.offer_id)
        .subquery()
    )
    reserved, used = func.coalesce(sums.c.reserved, 0), func.coalesce(sums.c.used, 0)
    return (
        finding(
            Offer.id,
            "its counters are not the sums of its allocations",
            reserved=Offer.capacity_reserved,
            used=Offer.capacity_used,
            allocated_reserved=reserved,
            allocated_used=used,
        )
        .join(sums, sums.c.offer_id == Offer.id, isouter=True)
        .where(or_(Offer.capacity_reserved != reserved, Offer.capacity_used != used))
    )


def _delivery_equals_moves() -> Select[Any]:
    """Every delivery has moved its quantity in, and on to where its state says."""
    onward = {
        DeliveryState.ACKNOWLEDGED: Bucket.CONFIRMED,
        DeliveryState.VERIFIED: Bucket.CONFIRMED,
        DeliveryState.REVERSED: Bucket.REVERSED,
    }
    moved = {
        bucket: select(_summed(AllocationMove.quantity))
        .where(AllocationMove.delivery_id == Delivery.id, AllocationMove.to_bucket == bucket)
        .correlate(Delivery)
        .scalar_subquery()
        for bucket in (Bucket.DELIVERED, Bucket.CONFIRMED, Bucket.REVERSED)
    }
    wrong = [moved[Bucket.DELIVERED] != Delivery.quantity]
    for bucket in (Bucket.CONFIRMED, Bucket.REVERSED):
        states = [state for state, target in onward.items() if target is bucket]
        wrong.append(and_(Delivery.state.in_(states), moved[bucket] != Delivery.quantity))
        wrong.append(and_(Delivery.state.not_in(states), moved[bucket] != 0))
    return finding(
        Delivery.id,
        "the ledger does not hold what it says",
        quantity=Delivery.quantity,
        **{f"moved_{bucket}": total for bucket, total in moved.items()},
    ).where(or_(*wrong))


def _closed_met() -> Select[Any]:
    return (
        finding(
            NeedLine.id,
            "its need is closed as met, but it is not confirmed in full",
            confirmed=NeedLine.confirmed,
            required=NeedLine.quantity_required,
        )
        .join(Need, Need.id == NeedLine.need_id)
        .where(
            Need.state == NeedState.CLOSED,
            Need.close_reason == CloseReason.MET,
            NeedLine.confirmed < NeedLine.quantity_required,
        )
    )


def _ended_owes_nothing() -> Select[Any]:
    """Nothing is owed to a need that is neither published nor paused."""
    owed = plus(NeedLine, OWED)
    return (
        finding(NeedLine.id, "its need has ended, but help is still bound to it", owed=owed)
        .join(Need, Need.id == NeedLine.need_id)
        .where(Need.state.not_in((NeedState.PUBLISHED, NeedState.PAUSED)), owed > 0)
    )


def _required_covers_bound() -> Select[Any]:
    bound = NeedLine.committed + plus(NeedLine, DONE)
    return finding(
        NeedLine.id,
        "less is asked for than was committed and delivered",
        required=NeedLine.quantity_required,
        bound=bound,
    ).where(NeedLine.quantity_required < bound)


def _published_flag() -> Select[Any]:
    return (
        finding(
            NeedLine.id,
            "its flag `published` is not its need's state",
            flag=NeedLine.published,
            state=cast_to(Need.state, Text),
        )
        .join(Need, Need.id == NeedLine.need_id)
        .where(
            NeedLine.published
            != and_(
                Need.state == NeedState.PUBLISHED,
                NeedLine.asked,
                ~NeedLine.held,
                ~Need.confirm_needed,
            )
        )
    )


def _one_live_pledge() -> Select[Any]:
    count = func.count()
    return (
        finding(
            func.min(cast_to(Pledge.id, Text)),
            "more than one live pledge of an organization on a line from one source",
            pledges=count,
        )
        .where(text(LIVE_PLEDGE))
        .group_by(Pledge.line_id, Pledge.organization_id, Pledge.offer_id)
        .having(count > 1)
    )


def _pledge_follows_sums() -> Select[Any]:
    """What each state of a pledge says of its allocation."""
    owed, done = plus(Allocation, OWED), plus(Allocation, DONE)
    state, of = PledgeState, Pledge.state
    holds = or_(
        and_(of == state.OFFERED, Allocation.reserved == Allocation.quantity),
        and_(
            of == state.ACCEPTED, Allocation.committed > 0, owed == Allocation.committed, done == 0
        ),
        and_(of == state.PARTLY_FULFILLED, owed > 0, owed == Allocation.committed, done > 0),
        and_(of == state.FULFILLED, owed == 0, done > 0),
        and_(of == state.RELEASE_REQUESTED, owed > 0, owed == Allocation.committed),
        and_(of.in_((state.REJECTED, state.WITHDRAWN, state.EXPIRED)), owed == 0, done == 0),
        and_(of == state.RELEASED, owed == 0),
    )
    return (
        finding(
            Pledge.id,
            "its state is not what its allocation says",
            state=cast_to(Pledge.state, Text),
            owed=func.coalesce(owed, 0),
            done=func.coalesce(done, 0),
        )
        .join(Allocation, Allocation.pledge_id == Pledge.id, isouter=True)
        .where(func.coalesce(holds, false()).is_(false()))
    )


def _ledger_agrees() -> Select[Any]:
    """A pledge, its line and its allocation speak of the same."""
    differs = or_(
        Allocation.line_id != Pledge.line_id,
        Allocation.quantity != Pledge.quantity,
        Allocation.offer_id.is_distinct_from(Pledge.offer_id),
        NeedLine.need_id != Pledge.need_id,
    )
    return (
        finding(Allocation.id, "it differs from its pledge", quantity=Allocation.quantity)
        .join(Pledge, Pledge.id == Allocation.pledge_id)
        .join(NeedLine, NeedLine.id == Allocation.line_id)
        .where(differs)
    )


def _delivery_agrees() -> Select[Any]:
    """A delivery carries the need, organization and allocation of its pledge."""
    differs = or_(
        Delivery.need_id != Pledge.need_id,
        Delivery.organization_id != Pledge.organization_id,
        Allocation.pledge_id != Pledge.id,
    )
    return (
        finding(Delivery.id, "it differs from its pledge", quantity=Delivery.quantity)
        .join(Pledge, Pledge.id == Delivery.pledge_id)
        .join(Allocation, Allocation.id == Delivery.allocation_id)
        .where(differs)
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-01 line within required": _line_within_required(),
    "INV-01 allocations within required": _allocations_within_required(),
    "INV-02 offer within capacity": _offer_within_capacity(),
    "INV-04 allocation equals moves": _allocation_equals_moves(),
    "INV-04 allocation is whole": _allocation_is_whole(),
    "INV-04 line equals allocations": _line_equals_allocations(),
    "INV-04 offer equals allocations": _offer_equals_allocations(),
    "INV-04 delivery equals moves": _delivery_equals_moves(),
    "INV-04 pledge follows its sums": _pledge_follows_sums(),
    "INV-04 ledger agrees with pledge": _ledger_agrees(),
    "INV-04 delivery agrees with pledge": _delivery_agrees(),
    "INV-05 closed as met is confirmed": _closed_met(),
    "INV-05 ended need is owed nothing": _ended_owes_nothing(),
    "INV-06 required covers what is bound": _required_covers_bound(),
    "INV-07 published flag": _published_flag(),
    "INV-08 one live pledge": _one_live_pledge(),
}
