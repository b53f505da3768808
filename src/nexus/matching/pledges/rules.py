"""What is right for a pledge: pure checks and sums."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.acting import SHANGHAI
from nexus.charity.model import OfferState
from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid, NotFound
from nexus.matching.pledges.model import PledgeState

ACCEPT_WITHIN = timedelta(days=3)
"""domain.md 10: a pledge nobody accepted expires (three working days; counted in days here)."""
DELIVERY_GRACE = timedelta(days=7)
"""domain.md 10: an accepted pledge expires seven days after its planned date."""
UNPLANNED = timedelta(days=14)
"""A pledge without a planned date is expected within two weeks, as urgency U3 asks."""
RELEASE_WITHIN = timedelta(hours=36)
"""A request for release nobody answers is granted then, as in Crisis Cleanup."""

_STEP = Decimal("0.001")
_LARGEST = Decimal("99999999999.999")


class AlreadyPledged(GuardFailed):
    """The organization already has a live pledge on this line from this offer (INV-08)."""

    code = "ALREADY_PLEDGED"


class OfferUnfit(GuardFailed):
    """The offer cannot serve the line: another kind or unit, not listed, or not in its period."""

    code = "OFFER_UNFIT"


def check_quantity(quantity: Decimal) -> Decimal:
    """A positive quantity with at most three decimals."""
    if not quantity.is_finite() or quantity <= 0:
        raise Invalid(f"A quantity must be above zero, not {quantity}.", field="quantity")
    if quantity != quantity.quantize(_STEP) or quantity > _LARGEST:
        raise Invalid(
            f"{quantity} does not fit: at most eleven digits and three decimals.", field="quantity"
        )
    return quantity.quantize(_STEP)


def check_amount(kind: str, unit: str, quantity: Decimal, amount_fen: int | None) -> int | None:
    """The amount of a cash pledge in fen: 100 × the quantity in CNY. Other kinds have none."""
    if kind != "cash":
        if amount_fen is not None:
            raise Invalid(
                f"amountFen is for cash; this line asks for {kind}: give a quantity only.",
                field="amountFen",
            )
        return None
    if unit != "CNY":
        if amount_fen is not None and amount_fen <= 0:
            raise Invalid("amountFen must be above zero.", field="amountFen")
        return amount_fen
    exact = quantity * 100
    if exact != int(exact):
        raise Invalid(f"{quantity} CNY is no whole number of fen.", field="quantity")
    if amount_fen is not None and amount_fen != int(exact):
        raise Invalid(
            f"amountFen {amount_fen} is not the quantity of {quantity} CNY: leave it out.",
            field="amountFen",
        )
    return int(exact)


def check_planned(planned_on: date | None, today: date) -> None:
    """The intended delivery date is not past."""
    if planned_on is not None and planned_on < today:
        raise Invalid(
            f"plannedOn {planned_on} is past: say when the help will come.", field="plannedOn"
        )


def check_ground(ground: Any, quantity: Decimal, offer_id: UUID | None, today: date) -> None:
    """What the ground must allow: organization, need, offer, no live pledge, and what is left."""
    if not ground.verified:
        raise GuardFailed(
            "Only a verified organization may pledge: ask the authority for verification.",
            rule="verified_organization",
        )
    if ground.confirm_needed:
        raise GuardFailed(
            "The need is frozen: its station has to confirm first that it still stands.",
            rule="confirm_needed",
        )
    if ground.held:
        raise GuardFailed(
            f"Tranche {ground.tranche_no} of this need is not released yet: pledge to it once the "
            "tranche before has arrived.",
            rule="INV-09",
            tranche=ground.tranche_no,
        )
    if not ground.published:
        raise GuardFailed(
            f"The need is {ground.need_state}: only a published need takes pledges.", rule="INV-07"
        )
    if offer_id is not None:
        if ground.offer_id is None:
            raise NotFound("No such Offer, or it is not your organization's.", field="offerId")
        check_offer(ground, today)
    if ground.live_no is not None:
        raise already_pledged(ground.live_no)
    required, maximum = ground.quantity_required, ground.capacity_maximum
    check_open(quantity, limit=required, taken=ground.taken, of="line", rule="INV-01")
    if offer_id is not None:
        check_open(quantity, limit=maximum, taken=ground.offer_taken, of="offer", rule="INV-02")


def already_pledged(no: str) -> AlreadyPledged:
    """The refusal of a second live pledge, with the number of the first."""
    return AlreadyPledged(
        f"Your organization has pledge {no} on this line from the same source: "
        "withdraw it, or pledge from another offer.",
        rule="INV-08",
        pledge_no=no,
    )


def check_offer(offer: Any, today: date) -> None:
    """OfferUnfit unless the offer is listed, in its period, and of the line's kind and unit."""
    if offer.offer_state != OfferState.LISTED:
        raise OfferUnfit(
            f"The offer is {offer.offer_state}: list it first, or pledge from another.",
            field="offerId",
        )
    if offer.available_from > today or (offer.available_to and offer.available_to <= today):
        raise OfferUnfit(
            f"The offer is available from {offer.available_from} until {offer.available_to}, "
            "not today.",
            field="offerId",
        )
    if (offer.offer_kind, offer.offer_unit) != (offer.kind, offer.unit):
        raise OfferUnfit(
            f"The line asks for {offer.kind} in {offer.unit}, the offer gives {offer.offer_kind} "
            f"in {offer.offer_unit}: pledge from an offer of the same kind and unit.",
            field="offerId",
        )


def check_open(
    quantity: Decimal, *, limit: Decimal | None, taken: Decimal, of: str, rule: str
) -> None:
    """CapacityExhausted when `taken` and the quantity together pass the limit; null is no limit."""
    if limit is not None and taken + quantity > limit:
        raise exhausted(limit - taken, of=of, rule=rule)


def exhausted(available: Decimal, *, of: str, rule: str) -> CapacityExhausted:
    """The refusal of a quantity that is no longer there, with what is."""
    left = max(available, Decimal(0)).normalize()
    advice = f"ask for at most {left:f}" if left else "look for another"
    return CapacityExhausted(
        f"This {of} has {left:f} left: {advice}.", rule=rule, available=f"{left:f}"
    )


def deliver_by(planned_on: date | None, now: datetime) -> datetime:
    """When an accepted pledge expires: its planned date, or two weeks, and the grace."""
    if planned_on is None:
        return now + UNPLANNED + DELIVERY_GRACE
    return datetime.combine(planned_on, time(), SHANGHAI) + timedelta(days=1) + DELIVERY_GRACE


def sums(allocation: Any) -> tuple[Decimal, Decimal]:
    """Of an allocation: what is owed (reserved, committed) and done (delivered, confirmed)."""
    return (
        allocation.reserved + allocation.committed,
        allocation.delivered + allocation.confirmed,
    )


def standing(owed: Decimal, done: Decimal) -> PledgeState:
    """The state of an accepted pledge by its allocation: owed is reserved or committed."""
    if owed:
        return PledgeState.PARTLY_FULFILLED if done else PledgeState.ACCEPTED
    return PledgeState.FULFILLED if done else PledgeState.RELEASED
