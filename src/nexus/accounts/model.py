"""Accounts, their bearer tokens, and the failures that close the door for a while."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.acting import Role
from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


_A = AccountState
TRANSITIONS = Transitions(
    AccountState,
    {
        "suspend": {_A.ACTIVE: _A.SUSPENDED},
        "reinstate": {_A.SUSPENDED: _A.ACTIVE},
        "close": {_A.ACTIVE: _A.CLOSED, _A.SUSPENDED: _A.CLOSED},
    },
)


class Account(Base):
    """One person or machine with one role in one organization, and a territory to act in."""

    __tablename__ = "account"

    id: Mapped[Id]
    username: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]
    role: Mapped[Role]
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """The territory: this division and all below; null for none, `CN` for the country."""
    state: Mapped[AccountState] = mapped_column(default=_A.ACTIVE)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class AccessToken(Base):
    """A bearer token: only the SHA-256 digest is kept."""

    __tablename__ = "access_token"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    label: Mapped[str]
    scopes: Mapped[list[str] | None]
    """OAuth scopes it is narrowed to; null: all that the account may."""
    credential_id: Mapped[UUID | None]
    """The key of a machine it was granted for; null for a password."""
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_access_token_ended", text("least(expires_at, revoked_at)")),)


class SignInFailure(Base):
    """Failed sign-ins under one name, known or not: the two are never told apart."""

    __tablename__ = "sign_in_failure"

    username_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    """SHA-256 of the name as given: people type passwords into the wrong field."""
    failures: Mapped[int]
    last_at: Mapped[datetime]
    locked_until: Mapped[datetime | None]

    __table_args__ = (CheckConstraint("failures > 0", name="failures_positive"),)
