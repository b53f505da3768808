"""Field edits: what was entered, when and by whom, whether or not it stands."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class EditState(StrEnum):
    APPLIED = "applied"
    CONFLICTING = "conflicting"
    ADOPTED = "adopted"
    SET_ASIDE = "set_aside"


_E = EditState
TRANSITIONS = Transitions(
    EditState,
    {"adopt": {_E.CONFLICTING: _E.ADOPTED}, "set_aside": {_E.CONFLICTING: _E.SET_ASIDE}},
)


class FieldEdit(Base):
    """One value of one field of one row. Values are never changed, only settled."""

    __tablename__ = "field_edit"

    id: Mapped[Id]
    subject_type: Mapped[str]
    """The table of the row."""
    subject_id: Mapped[UUID]
    field: Mapped[str]
    """A column, or `column.key` of one key in a column of answers."""
    before: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    """The value that stood when this one arrived."""
    after: Mapped[Any] = mapped_column(JSONB(none_as_null=True), nullable=True)
    """The value that was entered."""
    base_version: Mapped[int]
    """The version of the row that the device knew."""
    row_version: Mapped[int]
    """The version that the row had after this edit arrived."""
    state: Mapped[EditState]
    version: Mapped[int] = mapped_column(default=1)
    made_at: Mapped[datetime]
    """When it was entered, by the device's clock."""
    created_at: Mapped[datetime]
    """When it arrived."""
    created_by: Mapped[UUID]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("base_version >= 1 AND base_version <= row_version", name="versions"),
        CheckConstraint("before IS DISTINCT FROM after", name="a_change"),
        CheckConstraint(
            "(state IN ('adopted', 'set_aside')) = (settled_at IS NOT NULL)"
            " AND (settled_at IS NULL) = (settled_by IS NULL)",
            name="settled_whole",
        ),
        Index("ix_field_edit_subject", "subject_id", "row_version", "id"),
        Index(
            "ix_field_edit_conflicting",
            "subject_id",
            "created_at",
            "id",
            postgresql_where=text("state = 'conflicting'"),
        ),
        Index("ix_field_edit_created_at", "created_at", "id"),
    )
