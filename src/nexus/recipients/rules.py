"""Periods of recognitions, terms of consents, and what a pseudonymous record may say."""

import secrets
from calendar import monthrange
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal

from nexus.acting import SHANGHAI
from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import GuardFailed, Invalid
from nexus.recipients.model import GivenBy

CONSENT_MONTHS = 12
"""PIPL, minimisation."""
ASSERTION_LIFE = timedelta(days=30)
"""Within which somebody else's word for a consent must be confirmed by the subject."""
ADULT_CONSENT_AGE = 14
NEVER_SHARED = ("D7", "D8")
"""A protected address and case notes never leave the territory's scope (INV-13)."""
HOUSEHOLD_ROLES = (
    "head",
    "spouse",
    "child",
    "parent",
    "sibling",
    "grandparent",
    "grandchild",
    "relative",
    "other",
)
ALIAS_BYTES = 8
OLDEST_BIRTH_YEAR = 1900


class PersonalDataInText(GuardFailed):
    """A text that should carry no identity carries some; the kind is named, not the value."""

    code = "PERSONAL_DATA_IN_TEXT"


class GuardianNeeded(GuardFailed):
    """Below 14 the guardian consents (INV-14)."""

    code = "GUARDIAN_NEEDED"


def add_months(day: date, months: int) -> date:
    """The same day so many months on, or the last of a shorter month: 31 Aug + 6 = 28 or 29 Feb."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def recheck_due(checked_on: date | None, months: int | None) -> date | None:
    """Last check + 12 or 6 months by class (T24a, T24b, INV-35)."""
    return None if checked_on is None or months is None else add_months(checked_on, months)


def taper_end(tapered_on: date, months: int) -> date:
    """The first day after a taper, whose last day is the one so many months on (T11b).

    15 March → last served on 15 September, over on the 16th; 31 August → over on 1 March.
    """
    return add_months(tapered_on, months) + timedelta(days=1)


PROPORTION = "INV-36"
"""The flag of what is out of proportion, and recognised by the authority all the same."""


def over_margin(category: str, income_ratio: Decimal | None, most: Decimal) -> bool:
    """A dibao-margin family with more than so many times the dibao standard a head (T1d)."""
    if income_ratio is None or category.partition("-")[0] != "BY":
        return False
    return income_ratio > most


def check_taper_start(on: date, valid_from: date, today: date) -> None:
    """The day income rose: within the recognition, and not to come."""
    if not valid_from <= on <= today:
        raise Invalid(
            f"A taper begins between {valid_from}, when the recognition does, and today.",
            field="taperedOn",
        )


def check_period(valid_from: date, valid_to: date | None) -> None:
    """End-exclusive."""
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid(f"validTo {valid_to} must lie after validFrom {valid_from}.", field="validTo")


EXCLUSIVE = "DB|TK"


def kind_of(category: str) -> str:
    """What may stand once at a time for a subject: the category; dibao and tekun are one (INV-34).

    As `ex_recognition_period` has it.
    """
    return EXCLUSIVE if category.partition("-")[0] in ("DB", "TK") else category


def excluded_by(category: str) -> tuple[str, ...]:
    """The categories that one person cannot have at the same time: dibao and tekun (INV-34)."""
    head = category.partition("-")[0]
    return {"DB": ("TK",), "TK": ("DB",)}.get(head, ())


def check_text(text: str | None, field: str) -> str | None:
    """A working text about a pseudonym: no name's number, phone or address in it."""
    kept = (text or "").strip()
    kinds = sorted({finding.kind.value for finding in find_personal_data(kept)})
    if kinds:
        raise PersonalDataInText(
            f"{field} contains {', '.join(kinds)}: identity is for the vault, take it out here.",
            field=field,
            kinds=kinds,
        )
    return kept or None


def check_household(size: int) -> None:
    """At least one person."""
    if size < 1:
        raise Invalid(f"A household has at least one member; size is {size}.", field="size")


def check_person(household_role: str, birth_year: int | None, today: date) -> None:
    """A known role and a year a living person can be born in."""
    if household_role not in HOUSEHOLD_ROLES:
        raise Invalid(
            f"householdRole is one of {', '.join(HOUSEHOLD_ROLES)}.", field="householdRole"
        )
    if birth_year is not None and not OLDEST_BIRTH_YEAR <= birth_year <= today.year:
        raise Invalid(
            f"birthYear lies between {OLDEST_BIRTH_YEAR} and {today.year}.", field="birthYear"
        )


def may_be_under_14(birth_year: int, today: date) -> bool:
    """By the year alone: who turns 14 this year may still be 13."""
    return today.year - birth_year <= ADULT_CONSENT_AGE


def check_giver(given_by: GivenBy, birth_year: int | None, today: date) -> None:
    """Below 14 the guardian; so the year must be known before anybody else consents (INV-14)."""
    if given_by is GivenBy.GUARDIAN:
        return
    if birth_year is None:
        raise Invalid(
            "Record the birth year first: below 14 a guardian has to consent.",
            field="givenBy",
            rule="INV-14",
        )
    if may_be_under_14(birth_year, today):
        raise GuardianNeeded(
            "Below 14 the guardian consents: set givenBy to GUARDIAN.",
            field="givenBy",
            rule="INV-14",
        )


def check_term(obtained_at: datetime, expires_on: date, now: datetime) -> None:
    """Obtained already, not over yet, and for 12 months at most."""
    if obtained_at > now:
        raise Invalid("obtainedAt lies in the future.", field="obtainedAt")
    obtained_on = obtained_at.astimezone(SHANGHAI).date()
    latest = add_months(obtained_on, CONSENT_MONTHS)
    if expires_on > latest:
        raise Invalid(
            f"A consent holds for {CONSENT_MONTHS} months at most, here until {latest} here.",
            field="expiresOn",
            latest=latest,
        )
    if expires_on <= now.astimezone(SHANGHAI).date():
        raise Invalid("expiresOn must lie after today.", field="expiresOn")


def check_classes(data_classes: Sequence[str]) -> None:
    """Some classes are not for consent to give (INV-13)."""
    forbidden = [code for code in data_classes if code in NEVER_SHARED]
    if forbidden:
        raise GuardFailed(
            f"{', '.join(forbidden)} never leave the station: take them out of dataClasses.",
            field="dataClasses",
            rule="INV-13",
        )


def new_alias() -> str:
    """A random name for one organization's use: it says nothing and leads nowhere (INV-15)."""
    return f"P-{secrets.token_hex(ALIAS_BYTES).upper()}"
