"""One row of a feed of recognitions, read."""

from dataclasses import dataclass, field
from datetime import date
from uuid import UUID

from nexus.exchange.reading.tables import Row
from nexus.recipients.model import Gender
from nexus.recipients.recognitions.feed.rules import Statement
from nexus.recipients.vault.model import IdentityField

RECOGNITION_PARTS = ("subject", "decision", "recheck", "period", "status")
"""Parts of the content by which a known recognition is compared."""


@dataclass(slots=True)
class Stated:
    """What a row says, codes looked up. `parts` are digests of its content by part."""

    row: Row
    key: str
    household: str
    size: int
    area: str
    person: str | None
    role: str
    birth_year: int | None
    gender: Gender
    identity: dict[IdentityField, str]
    of_person: bool
    said: Statement
    stated_on: date | None
    parts: dict[str, str]
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """(code, message)"""
    contradicted: bool = False
    """An earlier row of the import places the person in another household."""

    @property
    def id_number(self) -> str | None:
        """The checked ID number, on its way to the vault."""
        return self.identity.get(IdentityField.ID_NUMBER)


@dataclass(frozen=True, slots=True)
class Ref:
    """An external reference as far as the comparison needs it."""

    id: UUID
    object_id: UUID | None
    parts: dict[str, str]
