"""API clients, their keys, and the documents they registered."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id
from nexus.core.states import Transitions


class ApiClientState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


_S = ApiClientState
TRANSITIONS = Transitions(
    ApiClientState,
    {
        "activate": {_S.PENDING: _S.ACTIVE},
        "suspend": {_S.ACTIVE: _S.SUSPENDED},
        "reinstate": {_S.SUSPENDED: _S.ACTIVE},
        "revoke": {state: _S.REVOKED for state in _S if state is not _S.REVOKED},
    },
)


class ApiClient(Base):
    """A program of one organization, and what it may do through its service account."""

    __tablename__ = "api_client"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), unique=True)
    """The service account; nobody can sign in to it with a password."""
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    cost_per_minute: Mapped[int]
    networks: Mapped[list[str]]
    """CIDR; empty: it may come from anywhere."""
    documents_only: Mapped[bool]
    state: Mapped[ApiClientState] = mapped_column(default=_S.PENDING)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    last_used_at: Mapped[datetime | None]
    """When it last got a token."""

    __table_args__ = (
        CheckConstraint("cost_per_minute > 0", name="cost_positive"),
        CheckConstraint("cardinality(scopes) > 0", name="scopes_some"),
    )


class ClientKey(Base):
    """A client secret: only the SHA-256 digest is kept. A client has two places for live ones."""

    __tablename__ = "client_key"

    id: Mapped[Id]
    api_client_id: Mapped[UUID] = mapped_column(ForeignKey("api_client.id"), index=True)
    place: Mapped[int]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    hint: Mapped[str]
    """The secret's last characters, to tell two keys apart."""
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    expires_at: Mapped[datetime | None]
    retired_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("place IN (1, 2)", name="place_known"),
        Index(
            "uq_client_key_place",
            "api_client_id",
            "place",
            unique=True,
            postgresql_where="retired_at IS NULL",
        ),
    )


class ClientDocument(Base):
    """A GraphQL document that a client registered: it is run by the SHA-256 of its text."""

    __tablename__ = "client_document"

    id: Mapped[Id]
    api_client_id: Mapped[UUID] = mapped_column(ForeignKey("api_client.id"))
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    text: Mapped[str]
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (UniqueConstraint("api_client_id", "digest"),)
