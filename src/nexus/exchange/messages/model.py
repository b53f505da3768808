"""Partners, threads that keep a household's order, and the messages."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    LargeBinary,
    UniqueConstraint,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id, TransactionId
from nexus.core.states import Transitions
from nexus.discovery.model import DiscoveryReport


class PartnerMode(StrEnum):
    """How an authority is reached."""

    CALL_OUT = "call_out"
    FILE_DROP = "file_drop"
    PULL = "pull"


class PartnerState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


_P = PartnerState
PARTNER_TRANSITIONS = Transitions(
    PartnerState,
    {
        "update": {_P.ACTIVE: _P.ACTIVE, _P.PAUSED: _P.PAUSED},
        "rotate": {_P.ACTIVE: _P.ACTIVE, _P.PAUSED: _P.PAUSED},
        "pause": {_P.ACTIVE: _P.PAUSED},
        "resume": {_P.PAUSED: _P.ACTIVE},
        "close": {_P.ACTIVE: _P.CLOSED, _P.PAUSED: _P.CLOSED},
    },
)


class ExchangePartner(Base):
    """An authority with which messages are exchanged, and how it is reached (T5e)."""

    __tablename__ = "exchange_partner"

    id: Mapped[Id]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    mode: Mapped[PartnerMode]
    url: Mapped[str | None]
    folder: Mapped[str | None]
    """A name below the directory of all exchange folders."""
    state: Mapped[PartnerState] = mapped_column(default=_P.ACTIVE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    since_xact: Mapped[int] = mapped_column(
        TransactionId(), server_default=text("pg_snapshot_xmin(pg_current_snapshot())")
    )
    """The oldest transaction that was not over when it was made: news is told from there on."""
    failures: Mapped[int] = mapped_column(default=0)
    """Attempts that failed since one succeeded: from a few on, only probes are sent."""
    failing_at: Mapped[datetime | None]
    """The first of these."""
    alarmed_at: Mapped[datetime | None]
    """When it was told that it fails."""
    retry_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    lease: Mapped[int] = mapped_column(BigInteger, default=0)
    """Counts the leases: a sender whose number is no longer this one has lost its turn."""

    __table_args__ = (
        CheckConstraint("(mode = 'call_out') = (url IS NOT NULL)", name="url"),
        CheckConstraint("(mode = 'file_drop') = (folder IS NOT NULL)", name="folder"),
        CheckConstraint("failures >= 0", name="failures_not_negative"),
        Index(
            "uq_exchange_partner_live",
            "organization_id",
            unique=True,
            postgresql_where=text("state <> 'closed'"),
        ),
        Index(
            "uq_exchange_partner_folder",
            "folder",
            unique=True,
            postgresql_where=text("state <> 'closed'"),
        ),
    )


class ExchangeSecret(Base):
    """A signing secret, sealed. The newest has no end; an older one lives on for a day."""

    __tablename__ = "exchange_secret"

    id: Mapped[Id]
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_partner.id"), index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime | None]


class ExchangeThread(Base):
    """One household (a group need or a ticket is its own) towards one partner: what keeps order.

    Its id is all that the partner learns of the household.
    """

    __tablename__ = "exchange_thread"

    id: Mapped[Id]
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_partner.id"))
    subject_id: Mapped[UUID]
    """The household, or the need of a group, or the report that a ticket made."""
    sent: Mapped[int] = mapped_column(default=0)
    """The sequence of the last message out."""
    received: Mapped[int] = mapped_column(default=0)
    """The highest sequence that came in."""

    __table_args__ = (
        UniqueConstraint("partner_id", "subject_id"),
        CheckConstraint("sent >= 0 AND received >= 0", name="counts_not_negative"),
    )


class MessageDirection(StrEnum):
    OUT = "out"
    IN = "in"


class MessageState(StrEnum):
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    ACKED = "acked"
    DEAD = "dead"


_M = MessageState
TRANSITIONS = Transitions(
    MessageState,
    {
        "send": {_M.PENDING: _M.SENT, _M.FAILED: _M.SENT},
        "deliver": {_M.PENDING: _M.ACKED, _M.FAILED: _M.ACKED},
        "fail": {_M.PENDING: _M.FAILED, _M.FAILED: _M.FAILED, _M.SENT: _M.FAILED},
        "acknowledge": {_M.SENT: _M.ACKED, _M.FAILED: _M.ACKED},
        "give_up": {_M.PENDING: _M.DEAD, _M.FAILED: _M.DEAD, _M.SENT: _M.DEAD},
        "replay": {_M.DEAD: _M.PENDING},
    },
)
WAITING = (_M.PENDING, _M.FAILED)
LIVE = (*WAITING, _M.SENT)
_WAITING = "direction = 'out' AND state IN ('pending', 'failed')"
_LIVE = "direction = 'out' AND state IN ('pending', 'failed', 'sent')"


class MessageOutcome(StrEnum):
    """What came of a message in."""

    APPLIED = "applied"
    LATE = "late"


class ExchangeMessage(Base):
    """One message between nexus and an authority: ids, codes and numbers (INV-37, INV-38)."""

    __tablename__ = "exchange_message"

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """The order of the feed."""
    partner_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_partner.id"))
    thread_id: Mapped[UUID] = mapped_column(ForeignKey("exchange_thread.id"))
    direction: Mapped[MessageDirection]
    kind: Mapped[str]
    """Of the event a message out is about; of the reply that a message in brings."""
    sequence: Mapped[int]
    """Within thread and direction: ours without a gap, theirs as they count."""
    event_id: Mapped[UUID | None] = mapped_column(ForeignKey("event.id"), index=True)
    """The cause of a message out."""
    need_id: Mapped[UUID | None] = mapped_column(ForeignKey("need.id"), index=True)
    reply_id: Mapped[UUID | None] = mapped_column(ForeignKey("authority_reply.id"), index=True)
    """The effect of a message in."""
    body: Mapped[str]
    """JSON: the same bytes at every attempt, in every mode."""
    payload_hash: Mapped[str]
    """SHA-256 of the body, in hexadecimal digits."""
    idempotency_key: Mapped[str]
    state: Mapped[MessageState] = mapped_column(default=_M.PENDING)
    outcome: Mapped[MessageOutcome | None]
    version: Mapped[int] = mapped_column(default=1)
    attempts: Mapped[int] = mapped_column(default=0)
    refusals: Mapped[int] = mapped_column(default=0)
    """Attempts that the receiver answered with a refusal of this very message."""
    due_at: Mapped[datetime]
    """When it is tried next; of a sent one, when its acknowledgement is overdue."""
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime]
    """An attempt that fails after this is the last."""
    sent_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    died_at: Mapped[datetime | None]
    """When it was last given up, whatever came after."""
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str | None]
    """The class of the last failure: a code, never a text from outside."""
    report_id: Mapped[UUID | None] = mapped_column(ForeignKey(DiscoveryReport.id), index=True)
    """The hotline's report that a reply is about (T23), where it is not about a need."""
    change_report_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("change_report.id"), index=True
    )
    """The change in a household that a message out tells of."""

    __table_args__ = (
        UniqueConstraint("partner_id", "direction", "idempotency_key"),
        CheckConstraint(
            "num_nonnulls(need_id, report_id, change_report_id) = 1", name="one_subject"
        ),
        CheckConstraint("report_id IS NULL OR direction = 'out'", name="report_goes_out"),
        CheckConstraint("(direction = 'out') = (event_id IS NOT NULL)", name="cause"),
        CheckConstraint("(direction = 'in') = (reply_id IS NOT NULL)", name="effect"),
        CheckConstraint("(direction = 'in') = (outcome IS NOT NULL)", name="outcome"),
        CheckConstraint("direction = 'out' OR state = 'acked'", name="in_is_treated"),
        CheckConstraint(
            "(state IN ('acked', 'dead')) = (finished_at IS NOT NULL)", name="finished"
        ),
        CheckConstraint("payload_hash ~ '^[0-9a-f]{64}$'", name="hash_shape"),
        CheckConstraint("sequence > 0", name="sequence_positive"),
        CheckConstraint("attempts >= 0 AND refusals >= 0", name="attempts_not_negative"),
        Index("ix_exchange_message_log", "partner_id", "position"),
        Index("ix_exchange_message_created_at", "created_at", "id"),
        Index("ix_exchange_message_thread", "thread_id", "direction", "sequence"),
        Index("ix_exchange_message_turn", "partner_id", "position", postgresql_where=_WAITING),
        Index("ix_exchange_message_live", "thread_id", "position", postgresql_where=_LIVE),
        Index(
            "ix_exchange_message_ack",
            "partner_id",
            "due_at",
            postgresql_where="direction = 'out' AND state = 'sent'",
        ),
        Index(
            "uq_exchange_message_event",
            "partner_id",
            "event_id",
            unique=True,
            postgresql_where="direction = 'out'",
        ),
        Index(
            "uq_exchange_message_sequence",
            "thread_id",
            "sequence",
            unique=True,
            postgresql_where="direction = 'out'",
        ),
    )
