"""What an organization must state, above all its unified social credit code (GB 32100)."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from itertools import product

from stdnum.cn import uscc as gb32100

from nexus.core.refusals import Invalid

LENGTH = 18
_FORBIDDEN = {"O": "0DQ", "I": "1JL", "Z": "27", "S": "58", "V": "UYW"}
"""The letters the standard leaves out because they are misread, and what they are misread for."""
_ALIKE = ("0DQ", "1L7", "27", "38B", "5", "6G", "UWY", "MN", "PR", "EF", "CG", "HK", "XK")
_SHAPE = re.compile(r"[1-9ANY][0-9A-HJ-NPQRTUWXY]\d{6}[0-9A-HJ-NPQRTUWXY]{10}", re.ASCII)
"""Registering authority, kind of body, the division's six digits, the body's nine, the check."""
_MAX_MISREAD = 5
MAX_NAME = 200
GRADES = ("1A", "2A", "3A", "4A", "5A")


class BadCreditCode(Invalid):
    """No unified social credit code; `details.suggestion` is the code that was probably meant."""

    code = "BAD_CREDIT_CODE"


def check_uscc(text: str, *, field: str = "uscc") -> str:
    """The code in capitals without separators. BadCreditCode says what was probably meant."""
    code = gb32100.compact(unicodedata.normalize("NFKC", text))
    if _fits(code):
        return code
    likely = list(dict.fromkeys(_corrections(code)))[:3]
    advice = f"Did you mean {' or '.join(likely)}?" if likely else "Copy it from the certificate."
    raise BadCreditCode(
        f"This is no unified social credit code: {_fault(code)}. {advice}",
        field=field,
        suggestion=likely[0] if likely else None,
    )


def _fits(code: str) -> bool:
    return bool(_SHAPE.fullmatch(code)) and gb32100.calc_check_digit(code[:-1]) == code[-1]


def _fault(code: str) -> str:
    if len(code) != LENGTH:
        return f"it has {len(code)} characters, not {LENGTH}"
    for place, char in enumerate(code, start=1):
        if char in _FORBIDDEN:
            return f"the letter {char} (character {place}) does not occur in one"
    if not _SHAPE.fullmatch(code):
        return "its characters 3 to 8 are digits and the others digits or capital letters"
    return "its last character does not fit the others"


def _corrections(code: str) -> Iterator[str]:
    """Codes that fit: forbidden letters read as others, else one look-alike, else one swap."""
    if len(code) != LENGTH or not code.isascii():
        return
    places = [at for at, char in enumerate(code) if char in _FORBIDDEN]
    if len(places) > _MAX_MISREAD:
        return
    found = False
    for chosen in product(*(_FORBIDDEN[code[at]] for at in places)):
        read = _with(code, dict(zip(places, chosen, strict=True)))
        if _fits(read):
            found = True
            yield read
    if not found and not places:
        yield from (slip for slip in _slips(code) if _fits(slip))


def _slips(code: str) -> Iterator[str]:
    for at, char in enumerate(code):
        for group in _ALIKE:
            if char in group:
                yield from (_with(code, {at: other}) for other in group if other != char)
    for at in range(LENGTH - 1):
        yield _with(code, {at: code[at + 1], at + 1: code[at]})


def _with(code: str, changes: dict[int, str]) -> str:
    return "".join(changes.get(at, char) for at, char in enumerate(code))


def check_name(text: str) -> str:
    """The name without spaces around it."""
    name = " ".join(text.split())
    if not 0 < len(name) <= MAX_NAME:
        raise Invalid(f"An organization needs a name of 1 to {MAX_NAME} characters.", field="name")
    return name


def check_website(text: str | None) -> str | None:
    """An http or https address, or nothing."""
    if text is None or re.fullmatch(r"https?://[^\s<>\"']{3,500}", text):
        return text
    raise Invalid("A website is an address that begins with https:// or http://.", field="website")


def check_period(valid_from: date, valid_to: date | None) -> None:
    """The end is exclusive, so it lies after the beginning."""
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid(
            f"validTo {valid_to} must lie after validFrom {valid_from}: it is the first day on "
            "which the certificate no longer holds.",
            field="validTo",
        )


def check_grade(rating: bool, grade: str | None) -> str | None:
    """A rating has a grade of 1A to 5A; no other qualification has one."""
    if rating and (grade or "").upper() in GRADES:
        return (grade or "").upper()
    if not rating and grade is None:
        return None
    raise Invalid(
        f"A rating has a grade, one of {', '.join(GRADES)}; other qualifications have none.",
        field="grade",
    )
