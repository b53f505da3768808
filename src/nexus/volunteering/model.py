"""Volunteers without their identity, guardians' consents, rosters and teams."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.recipients.vault.contacts.model import Contact


class VolunteerState(StrEnum):
    REGISTERED = "registered"
    VERIFIED = "verified"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    LEFT = "left"


_V = VolunteerState
TRANSITIONS = Transitions(
    VolunteerState,
    {
        "verify": {_V.REGISTERED: _V.VERIFIED},
        "activate": {_V.VERIFIED: _V.ACTIVE},
        "suspend": {_V.ACTIVE: _V.SUSPENDED},
        "reinstate": {_V.SUSPENDED: _V.ACTIVE},
        "leave": dict.fromkeys((_V.REGISTERED, _V.VERIFIED, _V.ACTIVE, _V.SUSPENDED), _V.LEFT),
    },
)


class Volunteer(Base):
    """One person who helps, by pseudonym; name, ID number and phone are in the vault."""

    __tablename__ = "volunteer"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), unique=True)
    """Their own account; null for who was entered by an organization and has none."""
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    """The organization that entered them; null for who registered alone."""
    contact_id: Mapped[UUID] = mapped_column(ForeignKey(Contact.id), unique=True)
    """Who they are, sealed."""
    national_no: Mapped[str | None] = mapped_column(unique=True)
    """Number in the national volunteer system: it stands for the ID number, which nobody shows."""
    birth_year: Mapped[int]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where they wish to help."""
    skills: Mapped[list[str]]
    """Categories of domain.md 8.6 that they have learnt."""
    languages: Mapped[list[str]]
    """BCP 47 tags, such as yue or zh-Hans."""
    trained: Mapped[list[str]]
    """Trainings passed, by the code of their organizer."""
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None]
    """Who saw the real name proven (real-name flag)."""
    state: Mapped[VolunteerState] = mapped_column(default=_V.REGISTERED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("birth_year BETWEEN 1900 AND 2200", name="birth_year"),
        CheckConstraint("national_no ~ '^[0-9A-Z]{8,32}$'", name="national_no_shape"),
        CheckConstraint("(verified_at IS NULL) = (verified_by IS NULL)", name="verified_whole"),
        CheckConstraint(
            "state IN ('registered', 'left') OR verified_at IS NOT NULL", name="real_name_first"
        ),
        CheckConstraint("verified_by IS DISTINCT FROM created_by", name="verifier_not_creator"),
        Index("ix_volunteer_created_at", "created_at", "id"),
    )


class Guardianship(StrEnum):
    PARENT = "parent"
    GUARDIAN = "guardian"
    SCHOOL = "school"
    """A school that acts for the guardian by their written word."""


class GuardianMethod(StrEnum):
    PAPER_SCAN = "paper_scan"
    E_SIGNATURE = "e_signature"


class GuardianConsentState(StrEnum):
    GRANTED = "granted"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


_G = GuardianConsentState
GUARDIAN_TRANSITIONS = Transitions(
    GuardianConsentState,
    {"withdraw": {_G.GRANTED: _G.WITHDRAWN}, "expire": {_G.GRANTED: _G.EXPIRED}},
)


class GuardianConsent(Base):
    """A guardian's yes to a minor's volunteering, for at most twelve months."""

    __tablename__ = "guardian_consent"

    id: Mapped[Id]
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    given_by: Mapped[Guardianship]
    contact_id: Mapped[UUID] = mapped_column(ForeignKey(Contact.id), unique=True)
    """The guardian's name and phone, sealed."""
    text_version: Mapped[str]
    text_hash: Mapped[str]
    """SHA-256 of the text that was agreed to, in hex."""
    method: Mapped[GuardianMethod]
    obtained_at: Mapped[datetime]
    obtained_by: Mapped[UUID]
    expires_on: Mapped[date]
    """The first day on which it holds no longer."""
    state: Mapped[GuardianConsentState] = mapped_column(default=_G.GRANTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint("text_hash ~ '^[0-9a-f]{64}$'", name="text_hash_shape"),
        Index(
            "uq_guardian_consent_live",
            "volunteer_id",
            unique=True,
            postgresql_where=text("state = 'granted'"),
        ),
        Index(
            "ix_guardian_consent_expires_on",
            "expires_on",
            postgresql_where=text("state = 'granted'"),
        ),
    )


class RosterState(StrEnum):
    LISTED = "listed"
    BLOCKED = "blocked"


_R = RosterState
ROSTER_TRANSITIONS = Transitions(
    RosterState, {"block": {_R.LISTED: _R.BLOCKED}, "unblock": {_R.BLOCKED: _R.LISTED}}
)


class RosterEntry(Base):
    """An organization knows a volunteer: it entered them, they joined it, or they signed up."""

    __tablename__ = "roster_entry"

    id: Mapped[Id]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"))
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    state: Mapped[RosterState] = mapped_column(default=_R.LISTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("organization_id", "volunteer_id"),
        Index("ix_roster_entry_created_at", "created_at", "id"),
    )


class TeamState(StrEnum):
    ACTIVE = "active"
    DISSOLVED = "dissolved"


_T = TeamState
TEAM_TRANSITIONS = Transitions(TeamState, {"dissolve": {_T.ACTIVE: _T.DISSOLVED}})


class Team(Base):
    """A team of volunteers of one organization."""

    __tablename__ = "team"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    name: Mapped[str]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    state: Mapped[TeamState] = mapped_column(default=_T.ACTIVE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        Index(
            "uq_team_name",
            "organization_id",
            "name",
            unique=True,
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_team_created_at", "created_at", "id"),
    )


# A hash in a range, because a plain equality would need an extension.
_MEMBER = "hashtextextended(team_id::text || volunteer_id::text, 0)"


class TeamMembership(Base):
    """A volunteer belongs to a team for a time, end-exclusive."""

    __tablename__ = "team_membership"

    id: Mapped[Id]
    team_id: Mapped[UUID] = mapped_column(ForeignKey("team.id"), index=True)
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("valid_to >= valid_from", name="period"),
        ExcludeConstraint(
            (text(f"int8range({_MEMBER}, {_MEMBER}, '[]')"), "&&"),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_team_membership_period",
            using="gist",
        ),
    )
