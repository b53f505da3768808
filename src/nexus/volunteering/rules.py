"""What volunteers, guardians' consents and teams must look like; who counts as a minor."""

import re
from collections.abc import Sequence
from datetime import date

from nexus.core.refusals import Invalid
from nexus.core.texts import check_impersonal, check_reason

ADULT = 18
YOUNGEST = 8
"""Whose acts can be valid at all, with their guardian's consent (Civil Code art. 19)."""
MAX_NAME = 100
MAX_LISTED = 30
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
_NATIONAL_NO = re.compile(r"[0-9A-Z]{8,32}")
_TRAINING = re.compile(r"[A-Z0-9][A-Z0-9._-]{1,39}")
_HASH = re.compile(r"[0-9a-f]{64}")


def is_minor(birth_year: int, on: date) -> bool:
    """Whether somebody of this year of birth may be under 18: the day of birth is not kept."""
    return on.year - birth_year <= ADULT


def check_birth_year(birth_year: int, on: date) -> int:
    """Old enough to help at all."""
    age = on.year - birth_year
    if not YOUNGEST <= age <= 110:
        raise Invalid(
            f"Volunteers are {YOUNGEST} to 110 years old: check birthYear.",
            field="birthYear",
            youngest=YOUNGEST,
        )
    return birth_year


def check_name(text: str, *, field: str = "name") -> str:
    """1 to 100 characters in one line, without personal data: others read it."""
    said = " ".join(text.split())
    if not 0 < len(said) <= MAX_NAME:
        raise Invalid(f"{field} has 1 to {MAX_NAME} characters.", field=field, most=MAX_NAME)
    return check_impersonal(said, field=field)


def check_remark(reason: str | None) -> str | None:
    """A reason that may be left out, as others read it."""
    return check_reason(reason, impersonal=True) if (reason or "").strip() else None


def check_languages(given: Sequence[str]) -> list[str]:
    """BCP 47 tags such as yue or zh-Hans, sorted."""
    return _each(given, _LANGUAGE, "languages", "a language tag such as yue, zh-Hans or en-GB")


def check_trainings(given: Sequence[str], *, field: str = "trainings") -> list[str]:
    """Codes that their organizers gave, such as GD.FIRST-AID, sorted."""
    return _each(given, _TRAINING, field, "a training's code such as GD.FIRST-AID")


def _each(given: Sequence[str], shape: re.Pattern[str], field: str, what: str) -> list[str]:
    if len(given) > MAX_LISTED:
        raise Invalid(f"{field} names at most {MAX_LISTED}.", field=field, most=MAX_LISTED)
    if any(not shape.fullmatch(one) for one in given):
        raise Invalid(f"Each of {field} is {what}.", field=field)
    return sorted(set(given))


def check_national_no(text: str) -> str:
    """8 to 32 digits and capital letters, as the national volunteer system writes it."""
    number = "".join(text.split()).upper()
    if not _NATIONAL_NO.fullmatch(number):
        raise Invalid(
            "A national volunteer number has 8 to 32 digits and letters.", field="nationalNo"
        )
    return number


def check_text_hash(text: str) -> str:
    """SHA-256 in hex."""
    if not _HASH.fullmatch(text):
        raise Invalid("textHash is the SHA-256 of the text, 64 hex digits.", field="textHash")
    return text
