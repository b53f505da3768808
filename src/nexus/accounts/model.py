"""Accounts and the bearer tokens of API clients."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from nexus.acting import Role
from nexus.core.db import AreaCode, Base, Id


class AccountState(StrEnum):
    ACTIVE = "active"
    SUSPENDED = "suspended"
    CLOSED = "closed"


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
    state: Mapped[AccountState] = mapped_column(default=AccountState.ACTIVE)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]


class AccessToken(Base):
    """A bearer token: only the SHA-256 digest is kept."""

    __tablename__ = "access_token"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    label: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
