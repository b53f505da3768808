"""Needs with their lines: the lifecycle is stored, the coverage is derived from the ledger."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from nexus.casework.cases.model import Case
from nexus.core.db import AreaCode, Base, Fen, Id
from nexus.core.states import Transitions
from nexus.discovery.model import DiscoveryReport
from nexus.emergencies.model import EmergencyEvent, EmergencyPhase


class SubjectKind(StrEnum):
    RECIPIENT = "recipient"
    HOUSEHOLD = "household"
    GROUP = "group"


class Urgency(StrEnum):
    """domain.md 8.3: U1 act now, U2 within 72 hours, U3 within two weeks, U4 planned."""

    U1 = "u1"
    U2 = "u2"
    U3 = "u3"
    U4 = "u4"


class NeedKind(StrEnum):
    CASH = "cash"
    GOODS = "goods"
    SERVICE = "service"
    HOURS = "hours"


class Visibility(StrEnum):
    PUBLIC = "public"
    PARTNERS = "partners"
    NAMED = "named"
    INTERNAL = "internal"


class PopulationGroup(StrEnum):
    NOT_ELIGIBLE_YET = "not_eligible_yet"
    STILL_IN_NEED_AFTER_AID = "still_in_need_after_aid"
    EMERGENCY = "emergency"


class TemporaryType(StrEnum):
    """T15a."""

    EMERGENCY = "emergency"
    EXPENDITURE = "expenditure"


class NeedState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    RETURNED = "returned"
    VERIFIED = "verified"
    PUBLISHED = "published"
    PAUSED = "paused"
    CLOSED = "closed"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


class CloseReason(StrEnum):
    MET = "met"
    PARTLY_MET = "partly_met"
    EXPIRED_UNMET = "expired_unmet"
    WITHDRAWN_BY_RECIPIENT = "withdrawn_by_recipient"
    NO_LONGER_NEEDED = "no_longer_needed"
    RESOURCED_ELSEWHERE = "resourced_elsewhere"
    MOVED_OR_DECEASED = "moved_or_deceased"
    INELIGIBLE = "ineligible"


class Coverage(StrEnum):
    """How far a line has come: derived from its four counters, never stored (INV-04)."""

    NONE = "none"
    PARTLY_PLEDGED = "partly_pledged"
    FULLY_PLEDGED = "fully_pledged"
    PARTLY_DELIVERED = "partly_delivered"
    DELIVERED = "delivered"
    CONFIRMED = "confirmed"


_N = NeedState
TRANSITIONS = Transitions(
    NeedState,
    {
        "update": {_N.DRAFT: _N.DRAFT, _N.RETURNED: _N.RETURNED},
        "submit": {_N.DRAFT: _N.SUBMITTED, _N.RETURNED: _N.SUBMITTED},
        "verify": {_N.SUBMITTED: _N.VERIFIED},
        "return": {_N.SUBMITTED: _N.RETURNED},
        "reject": {_N.SUBMITTED: _N.REJECTED, _N.VERIFIED: _N.REJECTED},
        "publish": {_N.VERIFIED: _N.PUBLISHED},
        "publish_provisionally": {_N.DRAFT: _N.PUBLISHED},
        "verify_later": {state: state for state in (_N.PUBLISHED, _N.PAUSED)},
        "pause": {_N.PUBLISHED: _N.PAUSED},
        "resume": {_N.PAUSED: _N.PUBLISHED},
        "change_quantity": {state: state for state in (_N.VERIFIED, _N.PUBLISHED, _N.PAUSED)},
        "release_tranche": {state: state for state in (_N.PUBLISHED, _N.PAUSED)},
        "close": {_N.PUBLISHED: _N.CLOSED, _N.PAUSED: _N.CLOSED},
        "reopen": {_N.CLOSED: _N.VERIFIED},
        "cancel": dict.fromkeys(
            (_N.DRAFT, _N.SUBMITTED, _N.VERIFIED, _N.PUBLISHED, _N.PAUSED), _N.CANCELLED
        ),
    },
)


class Need(Base):
    """What a recipient, a household or a group still lacks (T5c)."""

    __tablename__ = "need"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    subject_kind: Mapped[SubjectKind]
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    group_name: Mapped[str | None]
    """The public name of a group (a hospital, a village); never a person's."""
    origin: Mapped[str]
    """Code list `origin` (domain.md 8.7)."""
    population_group: Mapped[PopulationGroup | None]
    temporary_type: Mapped[TemporaryType | None]
    category: Mapped[str]
    """Code list `need_category` (domain.md 8.2)."""
    urgency: Mapped[Urgency]
    internal_description: Mapped[str | None]
    public_title: Mapped[str | None]
    public_summary: Mapped[str | None]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    shown_area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"))
    """The division that readers outside see: no finer than the rule allows (INV-13)."""
    needed_by: Mapped[date | None]
    publish_from: Mapped[date | None]
    publish_until: Mapped[date | None]
    visibility: Mapped[Visibility] = mapped_column(default=Visibility.PARTNERS)
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"), index=True)
    approval_cap_fen: Mapped[Fen | None]
    evidence: Mapped[str | None]
    """What the verification rests on: a visit or a document."""
    reviewed: Mapped[bool] = mapped_column(default=True)
    """False when an imported row lacks its source's review state: it cannot be published."""
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    publisher_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The authority that publishes the need and hears what became of it (T5e)."""
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    state: Mapped[NeedState] = mapped_column(default=_N.DRAFT)
    state_reason: Mapped[str | None]
    close_reason: Mapped[CloseReason | None]
    confirm_needed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """The subject's recognition ended, or they died: pledges are frozen until a station confirms
    that the need still stands."""
    confirm_reason: Mapped[str | None]
    """Code list `recognition_end_reason`, or ENTERED_IN_ERROR."""
    frozen_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    released_by: Mapped[UUID | None]
    """Who released the public text after the check for personal data (INV-13)."""
    closed_at: Mapped[datetime | None]
    due_on: Mapped[date] = mapped_column(
        Computed("COALESCE(needed_by, '3000-01-01'::date)", persisted=True)
    )
    """`needed_by` as a sort key: what has no date comes last. (asyncpg takes 9999-12-31 for ∞.)"""
    listed_at: Mapped[datetime] = mapped_column(
        Computed("COALESCE(published_at, created_at)", persisted=True)
    )
    """When it last became news, as a sort key: published, or else created."""
    emergency_id: Mapped[UUID | None] = mapped_column(ForeignKey(EmergencyEvent.id), index=True)
    """The event under which it was published before its verification."""
    emergency_phase: Mapped[EmergencyPhase | None]
    """The phase that the event was in then (T12b)."""
    provisional: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Published before its verification: help first, explained afterwards (T15c)."""
    legal_basis: Mapped[str | None]
    """Code list `legal_basis`: what the publication rests on while there is no consent."""
    discovery_report_id: Mapped[UUID | None] = mapped_column(
        ForeignKey(DiscoveryReport.id), index=True
    )
    """The report that the need was recorded from (T22)."""
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    """The case that it is part of: what is linked to the need is linked to the case (T19c)."""
    changed_at: Mapped[datetime | None]
    """A change in the household was told, and nobody has confirmed since that the need stands."""

    lines: Mapped[list["NeedLine"]] = relationship(
        order_by="NeedLine.position", cascade="save-update", lazy="raise"
    )

    __table_args__ = (
        CheckConstraint(
            "(subject_kind = 'recipient' AND recipient_id IS NOT NULL AND group_name IS NULL) OR "
            "(subject_kind = 'household' AND household_id IS NOT NULL AND recipient_id IS NULL "
            "AND group_name IS NULL) OR "
            "(subject_kind = 'group' AND household_id IS NULL AND recipient_id IS NULL "
            "AND group_name IS NOT NULL)",
            name="one_subject",
        ),
        CheckConstraint(
            "verified_by IS NULL OR verified_by <> created_by", name="verifier_not_creator"
        ),
        CheckConstraint(
            "state <> 'published' OR (public_title IS NOT NULL AND public_summary IS NOT NULL "
            "AND released_by IS NOT NULL AND (verified_by IS NOT NULL OR provisional) "
            "AND reviewed)",
            name="published_is_released",
        ),
        CheckConstraint(
            "state <> 'published' OR subject_kind = 'group' OR visibility = 'internal' "
            "OR consent_id IS NOT NULL OR legal_basis IS NOT NULL",
            name="published_has_consent",
        ),
        CheckConstraint(
            "NOT provisional OR (verified_by IS NULL AND published_at IS NOT NULL)",
            name="provisional_is_unverified",
        ),
        CheckConstraint(
            "legal_basis IS NULL OR (provisional AND consent_id IS NULL)",
            name="basis_until_consent",
        ),
        CheckConstraint(
            "emergency_id IS NOT NULL OR emergency_phase IS NULL", name="phase_of_event"
        ),
        CheckConstraint("(state = 'closed') = (close_reason IS NOT NULL)", name="close_reason"),
        CheckConstraint("publish_until > publish_from", name="publish_period"),
        CheckConstraint(
            "confirm_needed = (confirm_reason IS NOT NULL) "
            "AND confirm_needed = (frozen_at IS NOT NULL)",
            name="confirm_whole",
        ),
        CheckConstraint(
            "area_code = shown_area_code OR shown_area_code = 'CN' "
            "OR starts_with(area_code, shown_area_code)",
            name="shown_area",
        ),
        CheckConstraint(
            "subject_kind = 'group' OR length(shown_area_code) <= 6",
            name="shown_no_finer_than_county",
        ),
        Index("ix_need_provisional", "published_at", "id", postgresql_where="provisional"),
        Index("ix_need_confirm_needed", "frozen_at", "id", postgresql_where="confirm_needed"),
        Index("ix_need_state_published_at", "state", "published_at", "id"),
        Index("ix_need_created_at", "created_at", "id"),
        Index("ix_need_listed_at", "listed_at", "id"),
        Index("ix_need_urgency_due_on", "urgency", "due_on", "id"),
        Index("ix_need_due_on", "due_on", "id"),
        Index("ix_need_shown", "shown_area_code", "state", "category", "urgency"),
        Index("ix_need_category_shown", "category", "shown_area_code", "published_at"),
    )


class NeedLine(Base):
    """One kind of help within a need. The four counters are the sums of the allocation ledger."""

    __tablename__ = "need_line"

    id: Mapped[Id]
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    position: Mapped[int]
    kind: Mapped[NeedKind]
    category: Mapped[str]
    item_code: Mapped[str | None]
    """Code list `item`: a group or an item of it."""
    item: Mapped[str]
    """The item in the publisher's own words."""
    specification: Mapped[str | None]
    quantity_required: Mapped[Decimal | None]
    """Null: asked for without a quantity, an open-ended line."""
    unit: Mapped[str]
    est_unit_value_fen: Mapped[Fen | None]
    tranche_no: Mapped[int] = mapped_column(default=1)
    reserved: Mapped[Decimal] = mapped_column(default=Decimal(0))
    committed: Mapped[Decimal] = mapped_column(default=Decimal(0))
    delivered: Mapped[Decimal] = mapped_column(default=Decimal(0))
    confirmed: Mapped[Decimal] = mapped_column(default=Decimal(0))
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    published: Mapped[bool] = mapped_column(default=False)
    """The need is published and not frozen: kept here so that open lines are one index (INV-07)."""
    asked: Mapped[bool] = mapped_column(default=True, server_default=text("true"))
    """False when an imported need's source no longer asks for it: the line and its help stay."""
    held: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    """Its tranche is not released yet: the line takes no pledges (INV-09)."""

    __table_args__ = (
        UniqueConstraint("need_id", "position"),
        CheckConstraint("quantity_required > 0", name="quantity_positive"),
        CheckConstraint("asked OR NOT published", name="published_is_asked"),
        CheckConstraint("NOT (held AND published)", name="inv_09_held"),
        CheckConstraint("tranche_no > 1 OR NOT held", name="first_tranche_is_free"),
        CheckConstraint(
            "reserved >= 0 AND committed >= 0 AND delivered >= 0 AND confirmed >= 0",
            name="counters_not_negative",
        ),
        CheckConstraint(
            "reserved + committed + delivered + confirmed <= quantity_required",
            name="inv_01_no_oversell",
        ),
        Index(
            "ix_need_line_open",
            "category",
            "kind",
            "unit",
            "area_code",
            "item_code",
            "id",
            postgresql_where="published",
        ),
    )


class TrancheGround(StrEnum):
    """Why a tranche was released."""

    FIRST = "first"
    """It came with the publication."""
    ARRIVED = "arrived"
    """All of the tranche before it was delivered."""
    DECIDED = "decided"
    """An approver decided so, with a reason."""


class Tranche(Base):
    """One released step of a staged need: one approval, helped in stages (T15e, INV-09).

    The database holds that tranches come in order and stay within the approved amount.
    """

    __tablename__ = "tranche"

    id: Mapped[Id]
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"))
    no: Mapped[int]
    amount_fen: Mapped[Fen]
    """What its lines are worth."""
    ground: Mapped[TrancheGround]
    reason: Mapped[str | None]
    released_at: Mapped[datetime]
    released_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("need_id", "no"),
        CheckConstraint("no >= 1 AND amount_fen >= 0", name="counted"),
        CheckConstraint("(no = 1) = (ground = 'first')", name="first"),
        CheckConstraint("ground <> 'decided' OR reason IS NOT NULL", name="decided_with_reason"),
    )
