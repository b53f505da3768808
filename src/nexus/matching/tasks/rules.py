"""What is right for a task on a pledge, how minutes become units, and what fits whom."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from nexus.core.refusals import GuardFailed, Invalid

HOUR = "HUR"
"""UNECE Recommendation 20: an hour."""
A_DAY = 24 * 60
_STEP = Decimal("0.001")
RULE_VERSION = "task-1"

FITTING: dict[str, tuple[str, ...]] = {
    "LIV": ("delivery", "poverty", "community"),
    "MED": ("medical_escort",),
    "CAR": ("elderly", "disabled"),
    "EDU": ("tutoring", "children"),
    "HOU": ("community", "poverty"),
    "EMP": ("community",),
    "PSY": ("emotional_support",),
    "SOC": ("elderly", "community", "emotional_support"),
    "CAP": ("tutoring", "community"),
    "LEG": ("legal",),
    "VIS": ("elderly", "community", "children"),
    "DIS": ("emergency", "delivery"),
    "INF": ("community",),
    "TRA": ("medical_escort", "delivery"),
}
"""Of each need category (domain.md 8.2), the categories of tasks that can serve it (8.6)."""

CATEGORY_EXACT, CATEGORY_OPEN = 40, 15
AREA_TOWN, AREA_COUNTY, AREA_CITY = 30, 20, 10
TIME_IN, TIME_OPEN = 20, 10
SLOTS_FREE = 10
SKILLS_ALL, SKILLS_NONE_ASKED = 40, 20
FREE_THEN = 20
KNOWN_BEFORE = 10


@dataclass(frozen=True)
class Share:
    """Minutes of a record on one pledge, and the quantity they make."""

    minutes: int
    quantity: Decimal


def check_minutes_a_unit(unit: str, given: int | None) -> int:
    """How many minutes make a unit: 60 of an hour; of a service unit what is said, or 60."""
    if unit == HOUR:
        if given not in (None, 60):
            raise Invalid("The line asks for hours: leave minutesAUnit out.", field="minutesAUnit")
        return 60
    minutes = 60 if given is None else given
    if not 0 < minutes <= A_DAY:
        raise Invalid(f"minutesAUnit lies between 1 and {A_DAY}.", field="minutesAUnit", most=A_DAY)
    return minutes


def check_kind(kind: str) -> None:
    """Tasks bring hours and services, no goods and no money."""
    if kind not in ("hours", "service"):
        raise GuardFailed(
            f"The pledge is on a line of {kind}: tasks bring hours and services.",
            rule="task_brings_service",
            kind=kind.upper(),
        )


def units(minutes: int, minutes_a_unit: int) -> Decimal:
    """Minutes in units of the line, cut after three decimals."""
    return (Decimal(minutes) / minutes_a_unit).quantize(_STEP, rounding=ROUND_DOWN)


def shares(minutes: int, owed: Sequence[tuple[int, Decimal]]) -> tuple[list[Share], int]:
    """Minutes over pledges in their order, each (minutes a unit, quantity still owed).

    A pledge takes no more than it owes (INV-01). Gives a share for each, and the minutes left.
    """
    left, found = minutes, []
    for minutes_a_unit, open_quantity in owed:
        all_of_it = units(left, minutes_a_unit)
        if all_of_it <= open_quantity:
            found.append(Share(left if all_of_it else 0, all_of_it))
            left = 0 if all_of_it else left
            continue
        taken = (open_quantity * minutes_a_unit).to_integral_value(rounding=ROUND_UP)
        used = min(left, int(taken))
        found.append(Share(used, open_quantity))
        left -= used
    return found, left
