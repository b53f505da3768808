"""Conferences about cases: who took part, what was decided, which rules were relaxed."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.obligations.model import Obligation


class ConferenceState(StrEnum):
    CONVENED = "convened"
    HELD = "held"
    FOLLOWED_UP = "followed_up"
    CLOSED = "closed"


_S = ConferenceState
TRANSITIONS = Transitions(
    ConferenceState,
    {
        "invite": {_S.CONVENED: _S.CONVENED},
        "hold": {_S.CONVENED: _S.HELD},
        "decide": {_S.HELD: _S.HELD},
        "grant_exception": {_S.HELD: _S.HELD},
        "follow_up": {_S.HELD: _S.FOLLOWED_UP},
        "close": {_S.FOLLOWED_UP: _S.CLOSED},
        "cancel": {_S.CONVENED: _S.CLOSED},
    },
)


class CaseConference(Base):
    """A meeting about one case. Its texts are read by organizations that do not see the case."""

    __tablename__ = "case_conference"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """Who convened it."""
    agenda: Mapped[str]
    meets_at: Mapped[datetime]
    held_at: Mapped[datetime | None]
    minutes: Mapped[str | None]
    state: Mapped[ConferenceState] = mapped_column(default=_S.CONVENED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint(
            "(held_at IS NULL) = (minutes IS NULL) "
            "AND (state = 'convened' OR held_at IS NOT NULL OR state_reason IS NOT NULL) "
            "AND (state NOT IN ('held', 'followed_up') OR held_at IS NOT NULL)",
            name="held_whole",
        ),
        Index("ix_case_conference_created_at", "created_at", "id"),
        Index("ix_case_conference_meets_at", "meets_at", "id"),
    )


class ConferenceParty(Base):
    """An organization that was asked to a conference."""

    __tablename__ = "conference_party"

    id: Mapped[Id]
    conference_id: Mapped[UUID] = mapped_column(ForeignKey(CaseConference.id))
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    attended: Mapped[bool | None]
    """None until it was held."""
    invited_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("conference_id", "organization_id"),)


class ConferenceDecision(Base):
    """A measure that the conference decided, owed by one organization."""

    __tablename__ = "conference_decision"

    id: Mapped[Id]
    conference_id: Mapped[UUID] = mapped_column(ForeignKey(CaseConference.id))
    position: Mapped[int]
    measure: Mapped[str]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """Who owes it."""
    due_on: Mapped[date]
    """The last day on which it is in time."""
    obligation_id: Mapped[UUID] = mapped_column(ForeignKey(Obligation.id), index=True)
    decided_at: Mapped[datetime]
    decided_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("conference_id", "position"),
        CheckConstraint("position >= 1", name="position"),
    )


class ExceptedRule(StrEnum):
    """The rules that a conference may relax for its case (T15f)."""

    INCOME_LIMIT = "income_limit"
    ASSET_LIMIT = "asset_limit"
    RESIDENCE = "residence"
    MATERIAL_LATER = "material_later"
    REPEATED_HELP = "repeated_help"
    APPROVAL_CAP = "approval_cap"


class ConferenceException(Base):
    """A rule relaxed for a case by its conference (INV-22): who, why, which version of the rule."""

    __tablename__ = "conference_exception"

    id: Mapped[Id]
    conference_id: Mapped[UUID] = mapped_column(ForeignKey(CaseConference.id), index=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey(Case.id), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    rule: Mapped[ExceptedRule]
    rule_version: Mapped[str]
    reason: Mapped[str]
    valid_to: Mapped[date]
    """The first day on which it no longer holds."""
    granted_at: Mapped[datetime]
    granted_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)

    __table_args__ = (
        UniqueConstraint("conference_id", "rule"),
        CheckConstraint("length(reason) > 0", name="inv_22_reason"),
    )
