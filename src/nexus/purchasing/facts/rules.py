"""What may count: of whom, when, where, and for how much of a unit."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid
from nexus.purchasing.contracts.model import ContractState, FactKind

HOUR, MONTH = "HUR", "MON"
"""Units (UNECE Rec 20) that a fact does not count one of."""
SINGLE = ("E48", "C62")
"""Service unit and piece: one of them is one fact, whatever a delivery is measured in."""
THOUSANDTH = Decimal("0.001")
MOST_AT_ONCE = 2000
"""Facts that one claim of a period takes; the next one takes the next."""


class AlreadyCounted(GuardFailed):
    """What happened counts for a contract item already, and counts once (INV-27)."""

    code = "ALREADY_COUNTED"


@dataclass(frozen=True)
class Happened:
    """What happened, as its own slice keeps it."""

    fact_id: UUID
    organization_id: UUID
    """Whose people did it."""
    area_code: str
    happened_on: date
    done: bool
    """It took place, and nobody disputes it."""
    entered_by: UUID
    household_id: UUID | None
    minutes: int | None
    quantity: Decimal | None
    """Of a delivery."""
    unit: str | None


def quantity_of(unit: str, kind: FactKind, happened: Happened) -> Decimal | None:
    """How many of the item's unit it is; None where it cannot be counted in that unit."""
    if kind is FactKind.DELIVERY:
        if unit == happened.unit:
            return happened.quantity
        return Decimal(1) if unit in SINGLE else None
    if unit == HOUR:
        hours = Decimal(happened.minutes or 0) / 60
        return hours.quantize(THOUSANDTH, ROUND_DOWN) or None
    return None if unit == MONTH else Decimal(1)


def check_counts(
    happened: Happened,
    quantity: Decimal | None,
    *,
    area_code: str,
    starts_on: date,
    ends_on: date,
) -> Decimal:
    """The quantity, of what took place in the contract's term and area; GuardFailed otherwise."""
    if not happened.done:
        raise GuardFailed(
            "It has not taken place, or is disputed: claim it once it is done and confirmed.",
            rule="INV-27",
        )
    if not starts_on <= happened.happened_on < ends_on:
        raise GuardFailed(
            f"It happened on {happened.happened_on}, outside the contract's term from "
            f"{starts_on} to before {ends_on}.",
            rule="INV-28",
            happened_on=happened.happened_on,
        )
    if not happened.area_code.startswith(area_code):
        raise GuardFailed(
            "It happened outside the contract's area: claim it under the contract of its area.",
            rule="INV-27",
        )
    if quantity is None:
        raise GuardFailed(
            "It cannot be counted in the item's unit: an hour needs minutes, a delivery its unit.",
            rule="INV-27",
        )
    return quantity


def check_open(state: ContractState) -> None:
    """Facts are counted for a contract that is in force."""
    if state is not ContractState.ACTIVE:
        raise GuardFailed(
            f"The contract is {state.value}: facts are counted while it is active.",
            rule="INV-19",
            state=state.name,
        )


def check_period(from_on: date, until_on: date) -> None:
    """An end-exclusive period."""
    if until_on <= from_on:
        raise Invalid("untilOn must come after fromOn: it is end-exclusive.", field="untilOn")


def other_kind(wanted: FactKind, given: FactKind) -> GuardFailed:
    """The refusal of a fact that is of another kind than the item counts."""
    return GuardFailed(
        f"The item counts facts of kind {wanted.name}, not {given.name}: claim it for another one.",
        rule="INV-27",
        wanted=wanted.name,
        given=given.name,
    )
