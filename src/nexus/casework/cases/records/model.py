"""Notes, participants, contact attempts and evaluations of a case."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class NoteLevel(StrEnum):
    """Who sees a note at all."""

    TEAM = "team"
    """The station's workers and leads."""
    RESTRICTED = "restricted"
    """Its author, the case's worker and supervisor, and the station's leads."""
    SUPERVISION = "supervision"
    """Its author, the case's supervisor and the station's leads."""


class NoteState(StrEnum):
    DRAFT = "draft"
    SIGNED = "signed"


NOTE_TRANSITIONS = Transitions(
    NoteState,
    {
        "update": {NoteState.DRAFT: NoteState.DRAFT},
        "sign": {NoteState.DRAFT: NoteState.SIGNED},
        "amend": {NoteState.SIGNED: NoteState.SIGNED},
    },
)


class CaseNote(Base):
    """A note in a case file. Once signed no column of it changes: a trigger holds that (D8)."""

    __tablename__ = "case_note"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id))
    level: Mapped[NoteLevel]
    text: Mapped[str]
    happened_at: Mapped[datetime]
    amends_id: Mapped[UUID | None] = mapped_column(ForeignKey("case_note.id"), index=True)
    """The signed note that this one amends."""
    author_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[NoteState] = mapped_column(default=NoteState.DRAFT)
    signed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("(state = 'signed') = (signed_at IS NOT NULL)", name="signed"),
        CheckConstraint("amends_id <> id", name="amends_another"),
        Index("ix_case_note_case_id", "case_id", "happened_at", "id"),
    )


class Party(StrEnum):
    """The five linked parties (五社联动, T19a)."""

    COMMUNITY = "community"
    SOCIAL_WORKER = "social_worker"
    SOCIAL_ORGANIZATION = "social_organization"
    VOLUNTEER = "volunteer"
    CHARITABLE_RESOURCE = "charitable_resource"


class CaseParticipant(Base):
    """Somebody who takes part in a case, by the party they stand for."""

    __tablename__ = "case_participant"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    party: Mapped[Party]
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    contribution: Mapped[str]
    """What they bring."""
    joined_on: Mapped[date]
    left_on: Mapped[date | None]
    """The first day they no longer take part."""
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("num_nonnulls(organization_id, account_id) >= 1", name="named"),
        CheckConstraint("left_on > joined_on", name="period"),
    )


class ContactChannel(StrEnum):
    HOME = "home"
    PHONE = "phone"
    VIDEO = "video"
    MESSAGE = "message"
    OFFICE = "office"


class ContactAttempt(Base):
    """Somebody tried to reach the client."""

    __tablename__ = "contact_attempt"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id))
    channel: Mapped[ContactChannel]
    reached: Mapped[bool]
    remarks: Mapped[str | None]
    attempted_at: Mapped[datetime]
    attempted_by: Mapped[UUID]

    __table_args__ = (Index("ix_contact_attempt_case_id", "case_id", "attempted_at", "id"),)


class EvaluationOutcome(StrEnum):
    MET = "met"
    PARTLY_MET = "partly_met"
    NOT_MET = "not_met"


class CaseEvaluation(Base):
    """What a round of case work came to, in the worker's words and the client's."""

    __tablename__ = "case_evaluation"

    id: Mapped[Id]
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id))
    outcome: Mapped[EvaluationOutcome]
    summary: Mapped[str]
    client_rating: Mapped[int | None]
    """1 to 5, the client's own."""
    client_words: Mapped[str | None]
    evaluated_at: Mapped[datetime]
    evaluated_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("client_rating BETWEEN 1 AND 5", name="rating"),
        Index("ix_case_evaluation_case_id", "case_id", "evaluated_at", "id"),
    )
