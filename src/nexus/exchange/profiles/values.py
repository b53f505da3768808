"""Single cells: text, quantities and dates; what cannot be read is refused, never guessed."""

import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from fnmatch import translate
from functools import lru_cache
from typing import Any

from nexus.acting import SHANGHAI
from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import Refusal
from nexus.exchange.profiles.model import Meaning, Quantities
from nexus.exchange.reading.tables import Cell, plain

EXACT_DIGITS = 15
"""A number cell keeps this many digits; an identity number of 18 has lost its last ones."""
_SCIENTIFIC = re.compile(r"[0-9](\.[0-9]+)?[eE]\+?[0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,9})?")
_DAY = re.compile(
    r"([12][0-9]{3})\s*[-/.年]\s*([0-9]{1,2})\s*[-/.月]\s*([0-9]{1,2})\s*日?([ T].*)?"
)
_COMPACT_DAY = re.compile(r"([12][0-9]{3})([0-9]{2})([0-9]{2})")
_ZONED = re.compile(
    r"[12][0-9]{3}-[0-1][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9](:[0-5][0-9](\.[0-9]{1,6})?)?"
    r"(Z|[+-][0-1][0-9]:?[0-5][0-9])"
)
_LARGEST = Decimal("99999999999")
_SHOWN = 40


class Unreadable(Refusal):
    """A cell that cannot be taken: a code and a sentence that says what to do."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def is_blank(value: Any, blanks: tuple[str, ...]) -> bool:
    """Null, empty, or one of the profile's words for it (`*` and `?` stand for any)."""
    if value is None or value == [] or value == {}:
        return True
    if not isinstance(value, str):
        return False
    text = plain(value)
    return not text or _blank_words(blanks).fullmatch(text) is not None


@lru_cache(maxsize=64)
def _blank_words(blanks: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(translate, blanks)) or "(?!)")


def text_of(cell: Cell, *, multiline: bool = False, as_published: bool = False) -> str:
    """A cell that is not blank as text; `as_published`: only its white space is tidied.

    A number of 16 digits or more is refused.
    """
    value = cell.value
    if isinstance(value, str):
        if _SCIENTIFIC.fullmatch(value.strip()):
            raise _lost_digits()
        if as_published:
            return " ".join(value.split())
        return value.strip() if multiline else plain(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | Decimal):
        if len(re.sub(r"[^0-9]", "", f"{value:f}".partition(".")[0])) > EXACT_DIGITS:
            raise _lost_digits()
        return _figure(Decimal(value))
    raise Unreadable("NOT_A_TEXT", "The cell holds a list or an object where a text is meant.")


def quantity_of(cell: Cell, meanings: Quantities) -> tuple[Meaning, Decimal | None]:
    """What a quantity cell that is not blank says: a figure, open, or not asked."""
    number = _number(cell.value, meanings.words)
    if isinstance(number, Meaning):
        return number, None
    if number < 0:
        raise Unreadable("QUANTITY", f"A quantity of {_figure(number)}: it lies above 0.")
    if number > _LARGEST or number != round(number, 3):
        raise Unreadable(
            "QUANTITY",
            f"A quantity has at most three decimals and is at most {_LARGEST}; this one does not.",
        )
    meaning = {Decimal(0): meanings.zero, Decimal(1): meanings.one}.get(number, Meaning.FIGURE)
    if meaning is Meaning.REFUSE:
        raise Unreadable(
            "QUANTITY_ZERO",
            f"A quantity of {_figure(number)} is no need: leave the row out, or leave the cell "
            "empty if it is asked for without a figure.",
        )
    return meaning, number if meaning is Meaning.FIGURE else None


def day_of(cell: Cell) -> date:
    """2020-02-05, 2020/2/5, 2020.2.5, 2020年2月5日 or 20200205; a time with a zone in Shanghai."""
    text = plain(str(cell.value))
    found = _DAY.fullmatch(text) or _COMPACT_DAY.fullmatch(text)
    if found is not None:
        with suppress(ValueError):
            if _ZONED.fullmatch(text):
                return datetime.fromisoformat(text).astimezone(SHANGHAI).date()
            return date(int(found[1]), int(found[2]), int(found[3]))
    raise Unreadable("DATE", f"{shown(cell.value)} is no date: write it as 2020-02-05.")


def shown(value: Any) -> str:
    """A value fit for a report: short, and never personal data."""
    text = plain(str(value))
    if find_personal_data(text):
        return "(personal data)"
    return f"'{text[:_SHOWN]}…'" if len(text) > _SHOWN else f"'{text}'"


def _number(value: Any, words: Mapping[str, Meaning]) -> Decimal | Meaning:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise Unreadable("QUANTITY", "The cell holds no number where a quantity is meant.")
    if isinstance(value, str):
        text = plain(value)
        if text in words:
            return words[text]
        value = text.replace(",", "") if _GROUPED.fullmatch(text) else text
        if not _NUMBER.fullmatch(value):
            raise Unreadable(
                "QUANTITY",
                f"{shown(value)} is no quantity: write a number, and the unit in its own column.",
            )
    return Decimal(value)


def _figure(number: Decimal) -> str:
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _lost_digits() -> Unreadable:
    return Unreadable(
        "NUMERIC_ID",
        f"A number cell keeps {EXACT_DIGITS} digits, so the end of this number is lost: "
        "format the column as text and enter it again.",
    )
