"""What a pairing, a contact and a contribution must say."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from nexus.core.refusals import GuardFailed, Invalid

MAX_NOTE = 500
CLOCKS_DIFFER = timedelta(minutes=1)
"""So far ahead a device's clock may be."""
MOST_MINUTES = 1440
"""Of one contribution: a day."""
MOST_FEN = 10**12


class AlreadyPaired(GuardFailed):
    """The helper and the household are paired for part of the period."""

    code = "ALREADY_PAIRED"


class AlreadyCorrected(GuardFailed):
    """Another record stands in this one's place already."""

    code = "ALREADY_CORRECTED"


@dataclass(frozen=True, slots=True)
class Gift:
    """What was given: minutes, money in fen, or a quantity of something."""

    kind: str
    given_on: date
    minutes: int | None = None
    amount_fen: int | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    item_code: str | None = None


@dataclass(frozen=True, slots=True)
class Helper:
    """Who helps: a posting, or an organization. Exactly one of the two."""

    kind: str
    worker_id: UUID | None = None
    organization_id: UUID | None = None


def check_helper(helper: Helper) -> None:
    """A worker is named by the posting, anybody else by the organization."""
    by_post = helper.kind == "worker"
    named = helper.worker_id if by_post else helper.organization_id
    other = helper.organization_id if by_post else helper.worker_id
    if named is None or other is not None:
        field = "workerId" if by_post else "organizationId"
        raise Invalid(f"A helper of this kind is named by {field}, and only by it.", field=field)


def check_period(valid_from: date, valid_to: date | None) -> None:
    """End-exclusive."""
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid(f"validTo {valid_to} must lie after validFrom {valid_from}.", field="validTo")


def check_moment(moment: datetime, now: datetime) -> datetime:
    """By the device's clock: however late it arrives, never one to come."""
    if moment > now + CLOCKS_DIFFER:
        raise Invalid(
            "performedAt lies in the future: set the device's clock, and tell what was done.",
            field="performedAt",
        )
    return moment


def check_within(day: date, valid_from: date, valid_to: date | None, *, field: str) -> None:
    """The day lies in the pairing's period."""
    if day < valid_from or (valid_to is not None and day >= valid_to):
        raise Invalid(
            f"{day} is not within the pairing, which runs from {valid_from} to "
            f"{valid_to or 'open end'}.",
            field=field,
        )


def check_gift(gift: Gift, today: date) -> None:
    """What the kind needs is there, what it has no use for is not, and nothing is to come."""
    if gift.given_on > today:
        raise Invalid("givenOn lies in the future: record what was given.", field="givenOn")
    counted = (gift.quantity, gift.unit)
    fits = {
        "hours": gift.minutes is not None and counted == (None, None) and gift.amount_fen is None,
        "cash": gift.amount_fen is not None and counted == (None, None) and gift.minutes is None,
        "goods": None not in counted and gift.minutes is None,
        "service": None not in counted,
    }[gift.kind]
    if not fits:
        raise Invalid(
            "HOURS need minutes, CASH needs amountFen, GOODS and SERVICE need quantity and unit; "
            "amountFen may say what goods are worth.",
            field="kind",
        )
    if gift.minutes is not None and not 1 <= gift.minutes <= MOST_MINUTES:
        raise Invalid(
            f"minutes is {gift.minutes}; it is 1 to {MOST_MINUTES}, a day's.", field="minutes"
        )
    if gift.amount_fen is not None and not 1 <= gift.amount_fen <= MOST_FEN:
        raise Invalid("amountFen is a sum above nothing.", field="amountFen")
    if gift.quantity is not None and gift.quantity <= 0:
        raise Invalid("quantity is above nothing.", field="quantity")
