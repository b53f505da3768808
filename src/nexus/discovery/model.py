"""Reports of hardship, the trail of who had them, and what hotlines were answered."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.recipients.vault.contacts.model import Contact


class ReportState(StrEnum):
    RECEIVED = "received"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    VERIFIED = "verified"
    CONVERTED = "converted"
    TRANSFERRED = "transferred"
    UNFOUNDED = "unfounded"
    DUPLICATE_OF = "duplicate_of"
    CLOSED = "closed"


_R = ReportState
UNVERIFIED = (_R.RECEIVED, _R.TRIAGED, _R.ASSIGNED)
PROVEN = (_R.VERIFIED, _R.TRANSFERRED)
OPEN = (*UNVERIFIED, *PROVEN)
OWNED = (_R.TRIAGED, _R.ASSIGNED, *PROVEN)
"""Open, and with an owner: what may be offered to another area."""
TRANSITIONS = Transitions(
    ReportState,
    {
        "triage": {_R.RECEIVED: _R.TRIAGED},
        "assign": {_R.TRIAGED: _R.ASSIGNED, _R.ASSIGNED: _R.ASSIGNED},
        "contact": {state: state for state in UNVERIFIED},
        "flag_danger": {state: state for state in OPEN},
        "verify": {_R.ASSIGNED: _R.VERIFIED},
        "convert": {**dict.fromkeys(PROVEN, _R.CONVERTED), _R.CONVERTED: _R.CONVERTED},
        "dismiss": dict.fromkeys(PROVEN, _R.UNFOUNDED),
        "close": dict.fromkeys(PROVEN, _R.CLOSED),
        "mark_duplicate": dict.fromkeys(UNVERIFIED, _R.DUPLICATE_OF),
        "offer_transfer": {state: state for state in OWNED},
        "refuse_transfer": {state: state for state in OWNED},
        "recall_transfer": {state: state for state in OWNED},
        "take_over": {
            **dict.fromkeys((_R.TRIAGED, _R.ASSIGNED), _R.TRIAGED),
            **dict.fromkeys(PROVEN, _R.TRANSFERRED),
        },
    },
)


class DiscoveryReport(Base):
    """Somebody noticed hardship, or tells of their own (T22b)."""

    __tablename__ = "discovery_report"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    source: Mapped[str]
    """Code list `origin` (domain.md 8.7)."""
    duty_reporter: Mapped[bool] = mapped_column(default=False)
    """Told by one of those who must report in time (T22b)."""
    contact_id: Mapped[UUID | None] = mapped_column(ForeignKey(Contact.id), index=True)
    """Who told it, in the vault."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where it occurred."""
    situation: Mapped[str]
    danger: Mapped[bool] = mapped_column(default=False)
    ticket_system: Mapped[str | None]
    """The hotline, such as 12345 or 12345.gz."""
    ticket_type: Mapped[str | None]
    ticket_no: Mapped[str | None]
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    """The household that it is suspected to be about."""
    received_at: Mapped[datetime]
    custody_area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Whose station or authority has it now."""
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    offered_area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """To whom a transfer is offered and not answered yet."""
    offered_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    offered_at: Mapped[datetime | None]
    contact_due_at: Mapped[datetime]
    verify_due_at: Mapped[datetime]
    clock_rules: Mapped[list[str]]
    """The versions of the parameters that made the two."""
    contacted_at: Mapped[datetime | None]
    contact_overdue_at: Mapped[datetime | None]
    """When it was told that the clock had run out."""
    verify_overdue_at: Mapped[datetime | None]
    visited_at: Mapped[datetime | None]
    findings: Mapped[str | None]
    verified_at: Mapped[datetime | None]
    verified_by: Mapped[UUID | None]
    duplicate_of_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("discovery_report.id"), index=True
    )
    state: Mapped[ReportState] = mapped_column(default=_R.RECEIVED)
    state_reason: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID] = mapped_column(index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    """The case that was opened from it."""

    __table_args__ = (
        UniqueConstraint("ticket_system", "ticket_type", "ticket_no"),
        CheckConstraint(
            "(ticket_system IS NULL) = (ticket_no IS NULL) "
            "AND (ticket_type IS NULL) = (ticket_no IS NULL)",
            name="ticket_whole",
        ),
        CheckConstraint("state = 'received' OR owner_id IS NOT NULL", name="inv_20_owner"),
        CheckConstraint(
            "(state = 'duplicate_of') = (duplicate_of_id IS NOT NULL) AND duplicate_of_id <> id",
            name="duplicate_named",
        ),
        CheckConstraint(
            "state IN ('received', 'triaged', 'assigned', 'duplicate_of') OR "
            "(verified_at IS NOT NULL AND verified_by IS NOT NULL AND visited_at IS NOT NULL "
            "AND findings IS NOT NULL)",
            name="verified_by_visit",
        ),
        CheckConstraint(
            "(state IN ('converted', 'unfounded', 'duplicate_of', 'closed')) "
            "= (ended_at IS NOT NULL)",
            name="ended",
        ),
        CheckConstraint(
            "(offered_area_code IS NULL) = (offered_at IS NULL) "
            "AND (offered_station_id IS NULL OR offered_area_code IS NOT NULL)",
            name="offer_whole",
        ),
        CheckConstraint(
            "offered_area_code IS NULL "
            "OR state IN ('triaged', 'assigned', 'verified', 'transferred')",
            name="offered_is_owned",
        ),
        Index("ix_discovery_report_received_at", "received_at", "id"),
        Index("ix_discovery_report_contact_due_at", "contact_due_at", "id"),
        Index("ix_discovery_report_verify_due_at", "verify_due_at", "id"),
        Index(
            "ix_discovery_report_awaits_contact",
            "contact_due_at",
            postgresql_where="contacted_at IS NULL AND contact_overdue_at IS NULL "
            "AND state IN ('received', 'triaged', 'assigned')",
        ),
        Index(
            "ix_discovery_report_awaits_visit",
            "verify_due_at",
            postgresql_where="verify_overdue_at IS NULL "
            "AND state IN ('received', 'triaged', 'assigned')",
        ),
        Index(
            "ix_discovery_report_open_custody",
            "custody_area_code",
            "state",
            postgresql_where="state IN ('received', 'triaged', 'assigned', 'verified', "
            "'transferred')",
        ),
    )


class CustodyKind(StrEnum):
    RECEIVED = "received"
    TRIAGED = "triaged"
    ASSIGNED = "assigned"
    OFFERED = "offered"
    RECALLED = "recalled"
    REFUSED = "refused"
    TAKEN_OVER = "taken_over"


class CustodyStep(Base):
    """One step of the trail: who had a report, and to whom it went. Never changed."""

    __tablename__ = "custody_step"

    id: Mapped[Id]
    report_id: Mapped[UUID] = mapped_column(ForeignKey("discovery_report.id"))
    position: Mapped[int]
    kind: Mapped[CustodyKind]
    from_area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    to_area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    to_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    """Who owns the report after the step."""
    by_id: Mapped[UUID]
    reason: Mapped[str | None]
    happened_at: Mapped[datetime]

    __table_args__ = (UniqueConstraint("report_id", "position"),)


class HotlineReply(Base):
    """What a ticket's hotline was told, in words of the list `hotline_reply`. Never changed."""

    __tablename__ = "hotline_reply"

    id: Mapped[Id]
    report_id: Mapped[UUID] = mapped_column(ForeignKey("discovery_report.id"))
    position: Mapped[int]
    code: Mapped[str]
    text: Mapped[str]
    state: Mapped[ReportState]
    """Of the report that the reply is about: a duplicate's ticket hears of the other one."""
    replied_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("report_id", "position"),
        CheckConstraint("length(text) BETWEEN 1 AND 500", name="text_short"),
    )
