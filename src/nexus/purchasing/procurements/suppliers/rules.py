"""What is right for a suppliers' list, and what keeps a supplier from an award."""

from datetime import date

from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_text

TITLE = 200


class SupplierBarred(GuardFailed):
    """An evaluation bars the supplier in the year."""

    code = "SUPPLIER_BARRED"


def check_words(text: str | None, *, field: str, most: int | None = None) -> str:
    """The text, there and free of personal data: suppliers and the public read it."""
    said = check_text(text, field=field, most=most) if most else check_text(text, field=field)
    return check_impersonal(said, field=field)


def check_period(start: date, end: date, *, field: str) -> None:
    """A period with an end after its beginning, end-exclusive."""
    if end <= start:
        raise Invalid(
            f"{field} must come after the beginning, {start}: it is end-exclusive.", field=field
        )


def check_in_use(state: str, valid_from: date, valid_to: date, today: date) -> None:
    """Purchases are made from a list while it is valid and not ended."""
    if state not in ("open", "closed") or not valid_from <= today < valid_to:
        raise GuardFailed(
            f"The list is {state} and valid from {valid_from} to {valid_to}: purchases are made "
            "from one that is opened and valid today.",
            field="listId",
            rule="T21c",
        )
