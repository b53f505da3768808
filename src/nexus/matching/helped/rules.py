"""What is said of help that passes a limit: pure sums over one row of the ledger's count."""

from decimal import Decimal
from typing import Any

from nexus.core.refusals import GuardFailed, Invalid

MAX_REASON = 500


class AlreadyHelped(GuardFailed):
    """The household has had its share of the item in the window (INV-10). It is not named."""

    code = "ALREADY_HELPED"


class NothingToOverride(GuardFailed):
    """The pledge would pass without leave, or leave is given already."""

    code = "NOTHING_TO_OVERRIDE"


def left(found: Any) -> Decimal:
    """What may still be pledged within the limit, in the line's unit."""
    return _plain(max(found.most - found.helped, Decimal(0)) / found.factor)


def already_helped(found: Any) -> AlreadyHelped:
    """The refusal of a pledge that passes the limit: amounts in the limit's unit."""
    room = left(found)
    advice = f"Pledge at most {room:f}, or ask" if room else "Ask"
    return AlreadyHelped(
        f"Already helped: in {found.window_days} days this household may get "
        f"{_plain(found.most):f} {found.unit} and has {_plain(found.helped):f}. "
        f"{advice} the authority's approver for an override.",
        rule="INV-10",
        limit=found.rule,
        helped=f"{_plain(found.helped):f}",
        most=f"{_plain(found.most):f}",
        unit=found.unit,
        window_days=found.window_days,
        available=f"{room:f}",
    )


def snapshot(found: Any, quantity: Decimal) -> dict[str, Any]:
    """What an override was decided on, as it is kept."""
    return {
        "helped": f"{_plain(found.helped):f}",
        "most": f"{_plain(found.most):f}",
        "unit": found.unit,
        "windowDays": found.window_days,
        "asked": f"{_plain(quantity):f}",
    }


def check_quantity(quantity: Decimal) -> Decimal:
    """A positive quantity with at most three decimals."""
    if not quantity.is_finite() or not 0 < quantity < Decimal(10) ** 11:
        raise Invalid(f"A quantity must be above zero, not {quantity}.", field="quantity")
    if quantity != quantity.quantize(Decimal("0.001")):
        raise Invalid(f"{quantity} has more than three decimals.", field="quantity")
    return quantity


def _plain(number: Decimal) -> Decimal:
    """Without trailing zeros, rounded to three decimals."""
    return round(number, 3).normalize()
