"""What evidence and a waiver must say."""

from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import GuardFailed, Invalid

MAX_TEXT = 2000


def check_text(text: str | None, *, field: str) -> str:
    """The text without spaces around it. Invalid when empty or long; GuardFailed on personal data.

    Both sides of an obligation read it, so it names no person (INV-13): the refusal names the kind
    of what it found, never the value.
    """
    plain = (text or "").strip()
    if not 0 < len(plain) <= MAX_TEXT:
        raise Invalid(f"Say it in 1 to {MAX_TEXT} characters.", field=field)
    found = find_personal_data(plain)
    if found:
        kinds = sorted({each.kind.value for each in found})
        raise GuardFailed(
            f"The text holds personal data ({', '.join(kinds)}): leave it out, others read this.",
            field=field,
            rule="INV-13",
            kinds=kinds,
        )
    return plain
