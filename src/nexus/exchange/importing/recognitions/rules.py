"""A row of the feed becomes a statement, or is refused with every fault and no name in it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar

from nexus.areas.model import Setting
from nexus.core.refusals import Invalid, Refusal
from nexus.exchange.importing.recognitions.model import Stated
from nexus.exchange.importing.recognitions.words import Words
from nexus.exchange.profiles.loading import IDENTITY
from nexus.exchange.profiles.model import Entry
from nexus.exchange.profiles.rules import RowRefused
from nexus.exchange.reading.tables import Fault, Row
from nexus.recipients.model import Gender, Level, RecheckClass, RecognitionState
from nexus.recipients.recognitions.feed.rules import Statement, of_person, settle
from nexus.recipients.rules import (
    HOUSEHOLD_ROLES,
    PROPORTION,
    check_taper_start,
    over_margin,
)
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.rules import birth_year, check_identity

E = TypeVar("E", bound=StrEnum)

LARGEST_HOUSEHOLD = 50
STATABLE = (
    RecognitionState.ACTIVE,
    RecognitionState.SUSPENDED,
    RecognitionState.TAPER,
    RecognitionState.ENDED,
)


def read(row: Row, entry: Entry, words: Words) -> Stated:
    """The row's statement; RowRefused with its faults. Identity first: where it is damaged the
    columns may have slipped, and nothing of the row is quoted."""
    identity = _identity(entry)
    faults: list[Fault] = []

    def tried(read: Callable[[], Any], otherwise: Any = None) -> Any:
        try:
            return read()
        except RowRefused as refused:
            faults.extend(refused.faults)
        except Refusal as refusal:
            faults.append(Fault(refusal.code, refusal.message, refusal.field))
        return otherwise

    assert entry.area is not None
    area = tried(lambda: words.area(entry.area), "CN")  # type: ignore[arg-type]
    category = tried(lambda: words.categories.code(entry.text("category") or ""), "")
    size = tried(lambda: _size(entry.text("household_size")), 1)
    role = tried(lambda: _one_of(HOUSEHOLD_ROLES, entry, "household_role", "other"))
    born = tried(lambda: _born(entry, identity))
    gender = tried(lambda: _gender(entry, identity))
    personal = tried(lambda: _of_person(entry, category))
    person = entry.text("person")
    if person is None and (personal or identity):
        faults.append(
            Fault("MISSING", "A recognition of a person needs the person's number.", "person")
        )
    warnings: list[tuple[str, str]] = []
    tried(lambda: _check_in_force(words, category, entry.day("valid_from")))
    said = tried(lambda: _statement(entry, words, area, category, warnings)) if category else None
    if faults or said is None:
        raise RowRefused(faults, entry.key)
    stated = Stated(
        row=row,
        key=entry.key,
        household=entry.text("household") or "",
        size=size,
        area=area,
        person=person,
        role=role,
        birth_year=born,
        gender=gender,
        identity=identity,
        of_person=personal,
        said=said,
        stated_on=entry.day("stated_on"),
        parts={},
        warnings=warnings,
    )
    stated.parts = _parts(stated, entry, words)
    stated.parts["home"] = stated.household
    return stated


def _identity(entry: Entry) -> dict[IdentityField, str]:
    """The identity cells, checked for the vault; RowRefused says which, and not what stands there.

    One by one: a bad number must not hide that the name is missing.
    """
    found: dict[IdentityField, str] = {}
    faults = []
    for name in IDENTITY:
        text = entry.text(name)
        if text is None:
            continue
        try:
            found |= check_identity({IdentityField(name): text})
        except Invalid as refusal:
            faults.append(Fault(refusal.code, refusal.message, name))
    if faults:
        raise RowRefused(faults, entry.key)
    return found


def _size(text: str | None) -> int:
    if text is None:
        return 1
    if not (text.isdecimal() and len(text) < 4 and 1 <= int(text) <= LARGEST_HOUSEHOLD):
        raise Invalid(
            f"A household has 1 to {LARGEST_HOUSEHOLD} members: give the figure.",
            field="household_size",
        )
    return int(text)


def _one_of(known: Iterable[str], entry: Entry, name: str, otherwise: str) -> str:
    text = entry.text(name)
    if text is None:
        return otherwise
    if text.lower() not in known:
        raise Invalid(
            f"{name} is one of {', '.join(known)}: map the source's words in the profile.",
            field=name,
        )
    return text.lower()


def _member(values: type[E], entry: Entry, name: str) -> E | None:
    text = _one_of(_values(values), entry, name, "")
    return values(text) if text else None


@cache
def _values(values: type[StrEnum]) -> tuple[str, ...]:
    return tuple(each.value for each in values)


def _born(entry: Entry, identity: Mapping[IdentityField, str]) -> int | None:
    text, number = entry.text("birth_year"), identity.get(IdentityField.ID_NUMBER)
    by_number = birth_year(number) if number else None
    if text is None:
        return by_number
    if not (text.isdecimal() and len(text) == 4):
        raise Invalid("A year of birth has four digits.", field="birth_year")
    if by_number is not None and by_number != int(text):
        raise Invalid(
            "The year of birth is not the one in the ID number: compare both with the card.",
            field="birth_year",
        )
    return int(text)


def _gender(entry: Entry, identity: Mapping[IdentityField, str]) -> Gender:
    """As stated, else by the last but one digit of the ID number: odd is male (GB 11643)."""
    stated, number = _member(Gender, entry, "gender"), identity.get(IdentityField.ID_NUMBER)
    if stated is not None or number is None:
        return stated or Gender.UNKNOWN
    return Gender.MALE if int(number[16]) % 2 else Gender.FEMALE


def _of_person(entry: Entry, category: str) -> bool:
    subject = _one_of(("household", "person"), entry, "subject", "")
    return subject == "person" if subject else of_person(category)


def _check_in_force(words: Words, category: str, on: date | None) -> None:
    periods = words.category_periods.get(category, [])
    if on is None or any(start <= on and (end is None or end > on) for start, end in periods):
        return
    if category:
        raise Invalid(f"{category} is no category in force on {on}.", field="category")


def _number(entry: Entry, name: str, *, most: int) -> Decimal | None:
    text = entry.text(name)
    if text is None:
        return None
    try:
        number = Decimal(text)
    except InvalidOperation:
        number = Decimal("NaN")
    if not (number.is_finite() and 0 <= number < most):
        raise Invalid(f"{name} is a number from 0 to {most}, such as 1.25.", field=name)
    return number


def _day(entry: Entry, name: str, today: date) -> date | None:
    """A day that cannot be to come."""
    day = entry.day(name)
    if day is not None and day > today:
        raise Invalid(f"{name} {day} lies in the future.", field=name)
    return day


def _statement(
    entry: Entry, words: Words, area: str, category: str, warnings: list[tuple[str, str]]
) -> Statement:
    today = words.today
    valid_from = entry.day("valid_from")
    assert valid_from is not None
    decided_on = _day(entry, "decided_on", today) or min(valid_from, today)
    checked_on = _day(entry, "checked_on", today) or decided_on
    state = _member(RecognitionState, entry, "status") or RecognitionState.ACTIVE
    if state not in STATABLE:
        raise Invalid("status is one of active, suspended, taper, ended.", field="status")
    tapered_on = _tapered(entry, state, valid_from, today)
    taper = words.figure("taper_months", tapered_on or today, area)
    ending = settle(
        state,
        valid_from=valid_from,
        valid_to=_valid_to(entry, valid_from),
        tapered_on=tapered_on,
        taper_months=taper.whole,
        ended_on=entry.day("ended_on"),
        end_reason=_end_reason(entry, words, state),
        today=today,
    )
    steadiness = _member(RecheckClass, entry, "recheck_class")
    figure = None
    if steadiness is not None:
        figure = words.figure(f"recheck_{steadiness.value}_months", checked_on, area)
    ratio = _number(entry, "income_ratio", most=1_000)
    warned = _ratio_warnings(entry, words, area, category, ratio, decided_on)
    warnings.extend((PROPORTION, message) for message in warned)
    return Statement(
        category=category,
        level=_member(Level, entry, "level") or Level.COUNTY,
        decided_on=decided_on,
        valid_from=valid_from,
        valid_to=ending.valid_to,
        state=ending.state,
        rule_version=entry.text("rule_version") or "not stated",
        income_ratio=None if ratio is None else round(ratio, 3),
        flags=(PROPORTION,) if warned else (),
        checked_on=checked_on,
        recheck_class=steadiness,
        recheck_months=figure.whole if figure else None,
        recheck_rule=figure.version if figure else None,
        tapered_on=tapered_on,
        taper_months=taper.whole if tapered_on else None,
        taper_rule=taper.version if tapered_on else None,
        end_reason=ending.end_reason,
    )


def _tapered(entry: Entry, state: RecognitionState, valid_from: date, today: date) -> date | None:
    if state is not RecognitionState.TAPER:
        return None
    tapered_on = entry.day("tapered_on")
    if tapered_on is None:
        raise Invalid("A taper needs the day it began.", field="tapered_on")
    check_taper_start(tapered_on, valid_from, today)
    return tapered_on


def _valid_to(entry: Entry, valid_from: date) -> date | None:
    end, last = entry.day("valid_to"), entry.day("valid_through")
    if end is not None and last is not None:
        raise Invalid("Give the last day or the first day after it, not both.", field="valid_to")
    end = last + timedelta(days=1) if last is not None else end
    if end is not None and end <= valid_from:
        raise Invalid(f"The period ends before it begins on {valid_from}.", field="valid_to")
    return end


def _end_reason(entry: Entry, words: Words, state: RecognitionState) -> str | None:
    if state is not RecognitionState.ENDED:
        return None
    text = entry.text("end_reason")
    return words.end_reasons.code(text) if text else None


def _ratio_warnings(
    entry: Entry, words: Words, area: str, category: str, ratio: Decimal | None, on: date
) -> list[str]:
    """What is out of proportion and taken all the same (INV-36): the authority decides."""
    head, warned = category.partition("-")[0], []
    most = words.figure("margin_to_dibao_most", on, area).value
    if over_margin(category, ratio, most):
        warned.append(f"The income is {ratio:f} times the dibao standard, above {most:f}.")
    standard = _number(entry, "standard", most=1_000_000)
    if head == "TK" and standard is not None:
        setting = _member(Setting, entry, "setting") or Setting.URBAN
        dibao = words.standard("dibao", setting, on, area)
        least = words.figure("tekun_to_dibao_least", on, area).value
        if dibao is not None and standard * 100 < least * dibao:
            warned.append(
                f"The living standard of {standard:f} yuan is below {least:f} times the dibao "
                f"standard of {dibao / 100:f}."
            )
    return warned


def _parts(stated: Stated, entry: Entry, words: Words) -> dict[str, str]:
    """The content by part as it was stated: nothing that follows from today's date."""
    said = stated.said
    subject = stated.person if stated.of_person else ""
    told = "\x1e".join(f"{name}\x1f{text}" for name, text in sorted(stated.identity.items()))
    return {
        "subject": _digest(stated.household, subject, said.category, said.valid_from),
        "decision": _digest(
            said.level, entry.day("decided_on"), said.income_ratio, said.rule_version
        ),
        "recheck": _digest(said.recheck_class, entry.day("decided_on"), entry.day("checked_on")),
        "period": _digest(entry.day("valid_to"), entry.day("valid_through")),
        "status": _digest(
            *(entry.text(name) for name in ("status", "tapered_on", "end_reason", "ended_on"))
        ),
        "household": _digest(stated.size, stated.area),
        "person": _digest(stated.household, stated.role, stated.birth_year, stated.gender),
        "identity": words.digest(told) if told else "",
    }


def _digest(*values: object) -> str:
    return hashlib.blake2b("\x1f".join(map(str, values)).encode(), digest_size=10).hexdigest()
