"""Referrals with the lines they are about. The database holds what a state must carry."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions
from nexus.needs.model import NeedKind, Urgency


class ReferralDirection(StrEnum):
    """Between whom; across counties and the border it says so instead."""

    GOV_TO_CHARITY = "gov_to_charity"
    GOV_TO_STATION = "gov_to_station"
    GOV_TO_DEPT = "gov_to_dept"
    CHARITY_TO_GOV = "charity_to_gov"
    CHARITY_TO_STATION = "charity_to_station"
    CHARITY_TO_CHARITY = "charity_to_charity"
    STATION_TO_CHARITY = "station_to_charity"
    STATION_TO_DEPT = "station_to_dept"
    STATION_TO_STATION = "station_to_station"
    CROSS_AREA = "cross_area"
    CROSS_BORDER = "cross_border"


class ReferralState(StrEnum):
    """The statuses of a FHIR Task, without `ready` and `received`."""

    DRAFT = "draft"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    IN_PROGRESS = "in_progress"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    REJECTED = "rejected"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    ENTERED_IN_ERROR = "entered_in_error"


_R = ReferralState
OPEN = (_R.ACCEPTED, _R.IN_PROGRESS)
"""States in which the receiver may read the data package."""
LIVE = (_R.REQUESTED, *OPEN, _R.ON_HOLD)
"""States in which no other referral of the same line to the same receiver may be (INV-08)."""
UNFINISHED = (_R.DRAFT, *LIVE)
TRANSITIONS = Transitions(
    ReferralState,
    {
        "send": {_R.DRAFT: _R.REQUESTED},
        "accept": {_R.REQUESTED: _R.ACCEPTED},
        "reject": {_R.REQUESTED: _R.REJECTED},
        "expire": {_R.REQUESTED: _R.EXPIRED},
        "start": {_R.ACCEPTED: _R.IN_PROGRESS},
        "hold": dict.fromkeys(OPEN, _R.ON_HOLD),
        "resume": {_R.ON_HOLD: _R.IN_PROGRESS},
        "complete": {_R.IN_PROGRESS: _R.COMPLETED},
        "fail": dict.fromkeys(OPEN, _R.FAILED),
        "recall": dict.fromkeys(LIVE, _R.CANCELLED),
        "mark_error": dict.fromkeys(UNFINISHED, _R.ENTERED_IN_ERROR),
        "refer_onward": {state: state for state in OPEN},
        "confirm_outcome": {_R.COMPLETED: _R.COMPLETED},
        "reopen": {_R.COMPLETED: _R.COMPLETED},
    },
)


class Referral(Base):
    """Lines of a need, sent by one organization or station to another (FHIR Task)."""

    __tablename__ = "referral"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    direction: Mapped[ReferralDirection]
    from_organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    from_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    to_organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    to_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    need_id: Mapped[UUID] = mapped_column(ForeignKey("need.id"), index=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    """Whose data the package holds: the need's recipient, or the member who consented."""
    about_group: Mapped[bool]
    """The need is a group's: there is no person, so nobody has to consent."""
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
    """The referral that its receiver sends onward with this one."""
    reopens_id: Mapped[UUID | None] = mapped_column(ForeignKey("referral.id"), index=True)
    """The completed referral that this one takes up again (INV-21)."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Of the need."""
    to_area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Of the receiving station, or of the receiving organization."""
    shown_area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    category: Mapped[str]
    urgency: Mapped[Urgency]
    title: Mapped[str]
    summary: Mapped[str]
    note: Mapped[str | None]
    """For the receiver, who reads it from acceptance on."""
    data_classes: Mapped[list[str]]
    """The declared data package: codes of domain.md 8.9, always with D1."""
    consent_id: Mapped[UUID | None] = mapped_column(ForeignKey("consent.id"), index=True)
    legal_basis: Mapped[str | None]
    """Code list `legal_basis`, where the law asks for no consent."""
    referred_by_civil_affairs: Mapped[bool]
    """Sent by an authority: the receiver need not have the hardship proved again."""
    capacity_warning: Mapped[bool] = mapped_column(default=False)
    """When it was sent, the receiver listed no offer of the kind with anything left."""
    owner_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """On whose desk it lies: the sender's until acceptance, then the receiver's (INV-20)."""
    planned_on: Mapped[date | None]
    sent_at: Mapped[datetime | None]
    sent_by: Mapped[UUID | None]
    ack_due_at: Mapped[datetime | None]
    ack_rule: Mapped[str | None]
    ack_overdue_at: Mapped[datetime | None]
    """When it was told that nobody had answered in time."""
    expires_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[UUID | None]
    reject_reason: Mapped[str | None]
    """Code list `referral_reject_reason`."""
    outcome_due_at: Mapped[datetime | None]
    outcome_rule: Mapped[str | None]
    outcome_overdue_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    """Code list `outcome`."""
    completed_at: Mapped[datetime | None]
    completed_by: Mapped[UUID | None]
    contacted_on: Mapped[date | None]
    """The day on which the sender asked the client what became of it."""
    confirmed_at: Mapped[datetime | None]
    confirmed_by: Mapped[UUID | None]
    state: Mapped[ReferralState] = mapped_column(default=_R.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    lines: Mapped[list["ReferralLine"]] = relationship(
        order_by="ReferralLine.line_id", cascade="save-update", lazy="raise"
    )
    reminders: Mapped[int] = mapped_column(server_default=text("0"))
    """How many times whoever has it was reminded that the outcome draws near: at most twice."""

    __table_args__ = (
        CheckConstraint(
            "from_organization_id <> to_organization_id "
            "OR from_station_id IS DISTINCT FROM to_station_id",
            name="to_another",
        ),
        CheckConstraint("data_classes @> ARRAY['D1']", name="summary_declared"),
        CheckConstraint("NOT data_classes && ARRAY['D7', 'D8']", name="inv_13_never_shared"),
        CheckConstraint(
            "state IN ('draft', 'entered_in_error') OR about_group OR consent_id IS NOT NULL "
            "OR legal_basis IS NOT NULL",
            name="inv_11_ground",
        ),
        CheckConstraint(
            "NOT about_group OR (recipient_id IS NULL AND data_classes = ARRAY['D1'])",
            name="group_has_no_person",
        ),
        CheckConstraint(
            "consent_id IS NULL OR (recipient_id IS NOT NULL AND legal_basis IS NULL)",
            name="consent_of_person",
        ),
        CheckConstraint(
            "state IN ('draft', 'entered_in_error') OR (sent_at IS NOT NULL "
            "AND sent_by IS NOT NULL AND ack_due_at IS NOT NULL AND expires_at >= ack_due_at)",
            name="sent_whole",
        ),
        CheckConstraint(
            "state NOT IN ('accepted', 'in_progress', 'on_hold', 'completed', 'failed') "
            "OR (accepted_at IS NOT NULL AND accepted_by IS NOT NULL AND planned_on IS NOT NULL "
            "AND outcome_due_at IS NOT NULL)",
            name="accepted_whole",
        ),
        CheckConstraint("accepted_by <> sent_by", name="accepter_not_sender"),
        CheckConstraint("(state = 'rejected') = (reject_reason IS NOT NULL)", name="reject_reason"),
        CheckConstraint(
            "(state = 'completed') = (outcome IS NOT NULL) "
            "AND (outcome IS NULL) = (completed_at IS NULL) "
            "AND (outcome IS NULL) = (completed_by IS NULL)",
            name="completed_whole",
        ),
        CheckConstraint(
            "(confirmed_at IS NULL) = (confirmed_by IS NULL) "
            "AND (confirmed_at IS NULL) = (contacted_on IS NULL) "
            "AND (confirmed_at IS NULL OR state = 'completed')",
            name="confirmed_whole",
        ),
        CheckConstraint("confirmed_by <> completed_by", name="confirmer_not_completer"),
        CheckConstraint(
            "state NOT IN ('on_hold', 'failed', 'cancelled', 'expired', 'entered_in_error') "
            "OR state_reason IS NOT NULL",
            name="said_why",
        ),
        CheckConstraint("reminders BETWEEN 0 AND 2", name="reminders"),
        Index(
            "uq_referral_reopens",
            "reopens_id",
            unique=True,
            postgresql_where=text("state <> 'entered_in_error'"),
        ),
        Index("ix_referral_created_at", "created_at", "id"),
        Index("ix_referral_urgency", "urgency", "created_at", "id"),
        Index("ix_referral_sent", "from_organization_id", "created_at", "id"),
        Index("ix_referral_received", "to_organization_id", "created_at", "id"),
        Index(
            "ix_referral_waiting",
            "to_organization_id",
            "urgency",
            "created_at",
            postgresql_where=text("state = 'requested'"),
        ),
        Index(
            "ix_referral_unconfirmed",
            "from_organization_id",
            "completed_at",
            postgresql_where=text("state = 'completed' AND confirmed_at IS NULL"),
        ),
        Index(
            "ix_referral_ack_due",
            "ack_due_at",
            postgresql_where=text("state = 'requested' AND ack_overdue_at IS NULL"),
        ),
        Index("ix_referral_expires", "expires_at", postgresql_where=text("state = 'requested'")),
        Index(
            "ix_referral_outcome_due",
            "outcome_due_at",
            postgresql_where=text(
                "state IN ('accepted', 'in_progress', 'on_hold') AND outcome_overdue_at IS NULL"
            ),
        ),
    )


class ReferralLine(Base):
    """One line of the need that the referral is about, as it stood when drawn up.

    `live` follows the referral's state by a trigger, so that the unique index can hold INV-08.
    """

    __tablename__ = "referral_line"

    id: Mapped[Id]
    referral_id: Mapped[UUID] = mapped_column(ForeignKey("referral.id"), index=True)
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    to_organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    to_station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    kind: Mapped[NeedKind]
    item_code: Mapped[str | None]
    item: Mapped[str]
    quantity: Mapped[Decimal | None]
    """How much is referred; null: what is open when it is accepted."""
    unit: Mapped[str]
    pledge_id: Mapped[UUID | None] = mapped_column(ForeignKey("pledge.id"), index=True)
    """What the acceptance reserved in the ledger."""
    live: Mapped[bool] = mapped_column(server_default=text("false"))

    __table_args__ = (
        UniqueConstraint("referral_id", "line_id"),
        CheckConstraint("quantity > 0", name="quantity_positive"),
        Index(
            "uq_referral_line_live",
            "line_id",
            "to_organization_id",
            text("coalesce(to_station_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=text("live"),
        ),
    )
