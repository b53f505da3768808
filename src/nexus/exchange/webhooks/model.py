"""Endpoints, their secrets, and the deliveries to them."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, Identity, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id, TransactionId
from nexus.core.states import Transitions


class WebhookEndpointState(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


_E = WebhookEndpointState
TRANSITIONS = Transitions(
    WebhookEndpointState,
    {
        "update": {_E.ACTIVE: _E.ACTIVE, _E.PAUSED: _E.PAUSED},
        "rotate": {_E.ACTIVE: _E.ACTIVE, _E.PAUSED: _E.PAUSED},
        "pause": {_E.ACTIVE: _E.PAUSED},
        "resume": {_E.PAUSED: _E.ACTIVE},
        "delete": {_E.ACTIVE: _E.CLOSED, _E.PAUSED: _E.CLOSED},
    },
)


class WebhookEndpoint(Base):
    """Where one account has its changes sent."""

    __tablename__ = "webhook_endpoint"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    """With whose eyes changes are judged."""
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    url: Mapped[str]
    kinds: Mapped[list[str]]
    """The kinds wanted; empty for all."""
    label: Mapped[str | None]
    state: Mapped[WebhookEndpointState] = mapped_column(default=_E.ACTIVE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    since_xact: Mapped[int] = mapped_column(
        TransactionId(), server_default=text("pg_snapshot_xmin(pg_current_snapshot())")
    )
    """The oldest transaction that was not over when it was made: changes are sent from there on."""
    failures: Mapped[int] = mapped_column(default=0)
    """Attempts that failed since one succeeded: from a few on, the breaker is open."""
    retry_at: Mapped[datetime | None]
    """While the breaker is open, nothing is sent before this."""
    last_success_at: Mapped[datetime | None]
    leased_until: Mapped[datetime | None]
    lease: Mapped[int] = mapped_column(BigInteger, default=0)
    """Counts the leases: a sender whose number is no longer this one has lost its turn."""

    __table_args__ = (CheckConstraint("failures >= 0", name="failures_not_negative"),)


class WebhookSecret(Base):
    """A signing secret, sealed. The newest has no end; an older one lives on for a day."""

    __tablename__ = "webhook_secret"

    id: Mapped[Id]
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"), index=True)
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime | None]


class WebhookDeliveryState(StrEnum):
    PENDING = "pending"
    DELIVERED = "delivered"
    WITHHELD = "withheld"
    DEAD = "dead"


_D = WebhookDeliveryState
DELIVERY_TRANSITIONS = Transitions(
    WebhookDeliveryState,
    {
        "deliver": {_D.PENDING: _D.DELIVERED},
        "withhold": {_D.PENDING: _D.WITHHELD},
        "give_up": {_D.PENDING: _D.DEAD},
        "redeliver": {_D.DELIVERED: _D.PENDING, _D.DEAD: _D.PENDING},
    },
)


class WebhookDelivery(Base):
    """One change on its way to one endpoint. Its id is the webhook-id, whatever the attempt."""

    __tablename__ = "webhook_delivery"

    id: Mapped[Id]
    position: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    """The order of the feed."""
    endpoint_id: Mapped[UUID] = mapped_column(ForeignKey("webhook_endpoint.id"))
    event_id: Mapped[UUID] = mapped_column(ForeignKey("event.id"), index=True)
    object_id: Mapped[UUID]
    kind: Mapped[str]
    state: Mapped[WebhookDeliveryState] = mapped_column(default=_D.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    """An attempt that fails after this is the last."""
    finished_at: Mapped[datetime | None]
    last_attempt_at: Mapped[datetime | None]
    last_status: Mapped[int | None]
    """The status code of the last answer, if there was one."""
    last_error: Mapped[str | None]
    """The class of the last failure: a code, never a text from outside."""
    last_duration_ms: Mapped[int | None]

    __table_args__ = (
        CheckConstraint("attempts >= 0", name="attempts_not_negative"),
        CheckConstraint("(state = 'pending') = (finished_at IS NULL)", name="finished"),
        Index("ix_webhook_delivery_log", "endpoint_id", "position"),
        Index(
            "ix_webhook_delivery_turn",
            "endpoint_id",
            "position",
            postgresql_where="state = 'pending'",
        ),
        Index(
            "ix_webhook_delivery_due",
            "endpoint_id",
            "due_at",
            postgresql_where="state = 'pending'",
        ),
        Index(
            "ix_webhook_delivery_object",
            "endpoint_id",
            "object_id",
            "position",
            postgresql_where="state = 'pending'",
        ),
        Index("ix_webhook_delivery_finished_at", "finished_at"),
    )


class FeedCursor(Base):
    """How far one reader of the feed has come."""

    __tablename__ = "feed_cursor"

    name: Mapped[str] = mapped_column(primary_key=True)
    xact: Mapped[int] = mapped_column(TransactionId())
    position: Mapped[int] = mapped_column(BigInteger)
