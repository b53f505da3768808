"""What an entry of the catalogue must be; pure."""

import re
from collections.abc import Sequence
from datetime import date

from nexus.core.refusals import GuardFailed, Invalid
from nexus.purchasing.catalogue.model import FundingSource

CODE = re.compile(r"[A-Z0-9]+\.[A-Z0-9]+\.[A-Z0-9]+")
LONG_TITLE = 200


def check_code(code: str) -> str:
    """Three levels of capitals and digits, dotted (A.02.03); Invalid otherwise."""
    said = code.strip().upper()
    if not CODE.fullmatch(said):
        raise Invalid(
            "code needs three levels of letters and digits with dots between, like A.02.03.",
            field="code",
        )
    return said


def check_sources(sources: Sequence[FundingSource]) -> list[str]:
    """At least one, each once, in the order of the list (T21d); Invalid otherwise."""
    if not sources:
        raise Invalid(
            "Name at least one source of money that may pay for it.", field="fundingSources"
        )
    return [one.value for one in FundingSource if one in sources]


def check_price(fen: int | None) -> int | None:
    """A price is positive, or not named; Invalid otherwise."""
    if fen is not None and fen <= 0:
        raise Invalid("referencePriceFen is more than 0, or left out.", field="referencePriceFen")
    return fen


def check_begins(begins: date, *, after: date | None) -> date:
    """An edition begins later than the one before it; GuardFailed otherwise."""
    if after is not None and begins <= after:
        raise GuardFailed(
            f"The edition before it is in force since {after}: begin later than that.",
            rule="one_edition",
            field="effectiveFrom",
            after=after,
        )
    return begins
