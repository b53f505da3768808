"""Who reads open contracting data: what nexus publishes, anybody; the others' for comparison."""

from typing import Any

from sqlalchemy import ColumnElement, true

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT, Actor, Role
from nexus.exchange.ocds.model import OWN

READERS = GOVERNMENT | OVERSIGHT | EVERYWHERE | {Role.BUYER, Role.BUYER_FINANCE, Role.EVALUATOR}
"""Those who buy, and those who watch how it is bought. Other people's releases name persons."""


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Of a document, process or finding, by its source."""
    if actor.role in READERS:
        return true()
    return row.source == OWN  # type: ignore[no-any-return]
