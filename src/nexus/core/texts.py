"""What people write: something, not too much, and of nobody where others read it."""

from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import Invalid

LONG_REASON = 2000
LONG_TEXT = 4000


def check_reason(reason: str | None, *, most: int = LONG_REASON, impersonal: bool = False) -> str:
    """The reason without spaces around it, of 1 to `most` characters; Invalid otherwise.

    `impersonal`: others than those who handle the row read it, so it holds no personal data
    (INV-13); the refusal names the kinds of what was found, never the value.
    """
    said = (reason or "").strip()
    if not 0 < len(said) <= most:
        raise Invalid(f"Give a reason of 1 to {most} characters.", field="reason", most=most)
    return check_impersonal(said, field="reason") if impersonal else said


def check_text(text: str | None, *, field: str, most: int = LONG_TEXT) -> str:
    """The text without spaces around it, of 1 to `most` characters; Invalid otherwise."""
    said = (text or "").strip()
    if not 0 < len(said) <= most:
        raise Invalid(f"{field} needs 1 to {most} characters.", field=field, most=most)
    return said


def check_impersonal(text: str, *, field: str) -> str:
    """The text; Invalid where it holds personal data, with the kinds of it."""
    kinds = sorted({found.kind.value for found in find_personal_data(text)})
    if kinds:
        raise Invalid(
            f"{field} holds personal data ({', '.join(kinds)}), and others read it: "
            "say it without.",
            field=field,
            kinds=kinds,
        )
    return text
