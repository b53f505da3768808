"""What is right in a project and an offer: sums and checks over plain values."""

from calendar import monthrange
from collections.abc import Iterable
from datetime import date
from decimal import Decimal

from nexus.core.refusals import Invalid

REVIEW_MONTHS = 6
"""An offer is confirmed at least every six months (Guangdong supply ledger, 2023)."""
COUNTRY = "CN"
OLDEST = 130
GENDERS = frozenset({"female", "male"})
TIERS = frozenset({"BASIC", "SPECIAL", "URGENT", "DISASTER", "OTHER", "NONE"})
"""The tiers of recipient categories (domain.md 8.1, G1)."""
SMALLEST = Decimal("0.001")
LARGEST = Decimal("99999999999")


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day (31 August → 28 February)."""
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def covers(wide: str, code: str) -> bool:
    """Whether the division `wide` is `code` or lies above it."""
    return wide == COUNTRY or code.startswith(wide)


def widest(codes: Iterable[str]) -> list[str]:
    """The divisions without those another one of them covers, in order."""
    known = sorted(set(codes), key=lambda code: (code != COUNTRY, code))
    kept: list[str] = []
    for code in known:
        if not any(covers(wide, code) for wide in kept):
            kept.append(code)
    return kept


def check_text(text: str, *, field: str) -> str:
    """The text without its margins; Invalid when nothing is left."""
    found = text.strip()
    if not found:
        raise Invalid(f"{field} is empty: say in a few words what it is.", field=field)
    return found


def check_period(starts: date, ends: date | None, *, field: str) -> None:
    """Periods are end-exclusive: the end lies after the start."""
    if ends is not None and ends <= starts:
        raise Invalid(f"{field} {ends} must lie after {starts}.", field=field)


def check_capacity(maximum: Decimal | None) -> None:
    """Null is 'capacity without a figure'; a figure is positive, with at most three decimals."""
    if maximum is None:
        return
    if not SMALLEST <= maximum <= LARGEST or maximum != round(maximum, 3):
        raise Invalid(
            "A capacity is a positive number with at most three decimals; leave it out if there "
            "is no figure.",
            field="capacityMaximum",
            given=maximum,
        )


def check_ages(min_age: int | None, max_age: int | None) -> None:
    """Whole years, both included."""
    for field, age in (("minAge", min_age), ("maxAge", max_age)):
        if age is not None and not 0 <= age <= OLDEST:
            raise Invalid(f"{field} must lie between 0 and {OLDEST}.", field=field, given=age)
    if min_age is not None and max_age is not None and max_age < min_age:
        raise Invalid(f"maxAge {max_age} is below minAge {min_age}.", field="maxAge")


def check_gender(gender: str | None) -> str | None:
    """`female`, `male`, or nothing for everybody."""
    found = gender.strip().lower() if gender else None
    if found is not None and found not in GENDERS:
        raise Invalid("gender is 'female', 'male', or left out for everybody.", field="gender")
    return found


def check_tiers(tiers: Iterable[str]) -> list[str]:
    """The tiers in capitals, each one once."""
    found = sorted({tier.strip().upper() for tier in tiers})
    unknown = [tier for tier in found if tier not in TIERS]
    if unknown:
        raise Invalid(
            f"No such tier: {', '.join(unknown)}. Known: {', '.join(sorted(TIERS))}.",
            field="tiers",
        )
    return found


def check_money(amount_fen: int, *, field: str) -> int:
    """An amount in fen, not negative."""
    if amount_fen < 0:
        raise Invalid(f"{field} is in fen and cannot be negative.", field=field, given=amount_fen)
    return amount_fen
