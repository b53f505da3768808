"""Emergency events with their divisions and phases, and every rule that was relaxed."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.obligations.model import Obligation


class EmergencyKind(StrEnum):
    """The four kinds of the Emergency Response Law."""

    NATURAL_DISASTER = "natural_disaster"
    ACCIDENT = "accident"
    PUBLIC_HEALTH = "public_health"
    SOCIAL_SECURITY = "social_security"


class EmergencyLevel(StrEnum):
    """Response levels, I the gravest (T12a)."""

    I = "i"  # noqa: E741 - the level is called I
    II = "ii"
    III = "iii"
    IV = "iv"


class EmergencyPhase(StrEnum):
    """T12b, in their order."""

    EMERGENCY = "emergency"
    TRANSITION = "transition"
    WINTER_SPRING = "winter_spring"
    RECONSTRUCTION = "reconstruction"


class RelaxedRule(StrEnum):
    """The rules that the code relaxes; nothing else is relaxed by an event."""

    PROVISIONAL_PUBLICATION = "provisional_publication"
    """A need is published before it is verified (T15c)."""
    CONSENT_LATER = "consent_later"
    """A de-identified need goes out on a legal basis, before its consent is there."""
    SUPPLEMENT_AFTER_END = "supplement_after_end"
    """The supplement's clock stands still until the event ends."""
    TRANCHE_EARLY = "tranche_early"
    """A tranche is released before the one before it has arrived (T15e)."""


OF_EVENTS = (
    RelaxedRule.PROVISIONAL_PUBLICATION,
    RelaxedRule.CONSENT_LATER,
    RelaxedRule.SUPPLEMENT_AFTER_END,
)
"""What an event may put on its list; a tranche is a decision about one need."""


class EmergencyState(StrEnum):
    DECLARED = "declared"
    ACTIVE = "active"
    STANDING_DOWN = "standing_down"
    ENDED = "ended"
    REVIEWED = "reviewed"


_E = EmergencyState
TRANSITIONS = Transitions(
    EmergencyState,
    {
        "amend": {state: state for state in (_E.DECLARED, _E.ACTIVE, _E.STANDING_DOWN)},
        "activate": {_E.DECLARED: _E.ACTIVE},
        "stand_down": {_E.ACTIVE: _E.STANDING_DOWN},
        "end": {_E.STANDING_DOWN: _E.ENDED},
        "review": {_E.ENDED: _E.REVIEWED},
    },
)


class EmergencyEvent(Base):
    """An emergency that an authority declared for divisions, with the rules it relaxes (T12)."""

    __tablename__ = "emergency_event"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[EmergencyKind]
    level: Mapped[EmergencyLevel]
    legal_basis: Mapped[str]
    """The decision or plan by which it was declared."""
    relaxed_rules: Mapped[list[str]]
    """Values of `RelaxedRule`."""
    seat_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The narrowest division that holds all of the event's: who covers it covers them."""
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The organization that declared it."""
    state: Mapped[EmergencyState] = mapped_column(default=_E.DECLARED)
    state_reason: Mapped[str | None]
    review: Mapped[str | None]
    """What was learnt: published, without personal data."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    reviewed_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint(
            "relaxed_rules <@ ARRAY['provisional_publication', 'consent_later', "
            "'supplement_after_end']",
            name="rules_known",
        ),
        CheckConstraint("(state IN ('ended', 'reviewed')) = (ends_at IS NOT NULL)", name="ended"),
        CheckConstraint(
            "(state = 'reviewed') = (review IS NOT NULL) "
            "AND (review IS NULL) = (reviewed_at IS NULL)",
            name="reviewed",
        ),
        Index("ix_emergency_event_starts_at", "starts_at", "id"),
    )


class EmergencyArea(Base):
    """A division that the event covers, with everything below it."""

    __tablename__ = "emergency_area"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("emergency_event.id"), primary_key=True)
    area_code: Mapped[AreaCode] = mapped_column(
        ForeignKey("area.code"), primary_key=True, index=True
    )


class EmergencyPeriod(Base):
    """When a phase of the event begins and ends, end-exclusive; an open one runs on."""

    __tablename__ = "emergency_period"

    event_id: Mapped[UUID] = mapped_column(ForeignKey("emergency_event.id"), primary_key=True)
    phase: Mapped[EmergencyPhase] = mapped_column(primary_key=True)
    starts_on: Mapped[date]
    ends_on: Mapped[date | None]

    __table_args__ = (CheckConstraint("ends_on > starts_on", name="period"),)


class Settlement(StrEnum):
    """How a relaxation came to its end."""

    SUPPLEMENTED = "supplemented"
    """What the rule asks for was brought later."""
    WAIVED = "waived"
    """The authority waived it, with a reason."""
    DECIDED = "decided"
    """Nothing was owed: the relaxation was a decision within the authority's power."""


class Relaxation(Base):
    """One rule relaxed once, for one subject (INV-22): who, why, by which version of the rule."""

    __tablename__ = "relaxation"

    id: Mapped[Id]
    rule: Mapped[RelaxedRule]
    rule_version: Mapped[str]
    """The policy's id, or the parameter in force that set what is owed."""
    subject_type: Mapped[str]
    subject_id: Mapped[UUID]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("emergency_event.id"), index=True)
    obligation_id: Mapped[UUID | None] = mapped_column(ForeignKey(Obligation.id), index=True)
    """What must be made good."""
    legal_basis: Mapped[str | None]
    """Code list `legal_basis`: what a publication without consent rested on."""
    reason: Mapped[str]
    relaxed_at: Mapped[datetime]
    relaxed_by: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    settled_at: Mapped[datetime | None]
    settled_as: Mapped[Settlement | None]
    settled_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint(
            "(settled_at IS NULL) = (settled_as IS NULL) "
            "AND (settled_at IS NULL) = (settled_by IS NULL)",
            name="settled_whole",
        ),
        CheckConstraint("rule <> 'consent_later' OR legal_basis IS NOT NULL", name="basis_named"),
        Index(
            "uq_relaxation_open",
            "subject_id",
            "rule",
            unique=True,
            postgresql_where=text("settled_at IS NULL"),
        ),
        Index("ix_relaxation_subject_id", "subject_id"),
        Index("ix_relaxation_relaxed_at", "relaxed_at", "id"),
    )
