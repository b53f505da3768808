"""One key, one effect: the key row sits in the deed's own transaction (INV-38)."""

import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, Text, Uuid, bindparam, delete, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from nexus.acting import NOBODY
from nexus.core.db import Base
from nexus.core.prepared import Prepared
from nexus.core.refusals import IdempotencyKeyReused, Invalid

MAX_KEY = 200
KEPT = timedelta(days=90)
"""Offline clients come back late."""


class IdempotencyKey(Base):
    """A key an account used, the hash of its input, and the answer it got. Kept 90 days."""

    __tablename__ = "idempotency_key"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    input_hash: Mapped[bytes] = mapped_column(LargeBinary)
    row_id: Mapped[UUID | None]
    refusal: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True)
class Key:
    """Whose key it is, and the hash of the input it came with."""

    account_id: UUID
    text: str
    digest: bytes

    @property
    def usable(self) -> bool:
        """Whether it is of a length and of characters that can be kept."""
        return 0 < len(self.text) <= MAX_KEY and "\0" not in self.text and self.text.isprintable()

    @property
    def stored(self) -> str:
        """Callers without an account share one: there a key counts only with its input."""
        return f"{self.text}:{self.digest.hex()}" if self.account_id == NOBODY else self.text


def input_hash(secret: bytes, mutation: str, given: dict[str, Any]) -> bytes:
    """HMAC-SHA-256 over the mutation's name and its input, whatever the order of its fields.

    Keyed, because an input may hold what a plain hash of all possible values would give away.
    """
    text = json.dumps([mutation, given], sort_keys=True, default=str)
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), hashlib.sha256)


_TAKING = Prepared(
    insert(IdempotencyKey)
    .values(
        {
            name: bindparam(name, None, type_=IdempotencyKey.__table__.c[name].type)
            for name in ("account_id", "key", "input_hash", "row_id", "created_at")
        }
    )
    .on_conflict_do_nothing()
    .returning(IdempotencyKey.key)
)
_SETTLING = Prepared(
    update(IdempotencyKey)
    .where(
        IdempotencyKey.account_id == bindparam("account", None, type_=Uuid()),
        IdempotencyKey.key == bindparam("known", None, type_=Text()),
    )
    .values(row_id=bindparam("row", None, type_=Uuid()))
)


async def claim(
    session: AsyncSession, key: Key, now: datetime, row_id: UUID
) -> IdempotencyKey | None:
    """Take the key for this transaction: None when it is new, its row when it has an answer.

    `row_id` is the row that the deed is expected to answer with: then nothing is left to settle.
    A copy that arrives while the first is at work waits here for its commit. IdempotencyKeyReused
    when the key was used for another input.
    """
    if not key.usable:
        raise Invalid(
            f"idempotencyKey needs 1 to {MAX_KEY} printable characters.", field="idempotencyKey"
        )
    values = {
        "account_id": key.account_id,
        "key": key.stored,
        "input_hash": key.digest,
        "row_id": row_id,
        "created_at": now,
    }
    taken = await _TAKING.first(session, values) is not None
    return None if taken else await _found(session, key)


async def settle(session: AsyncSession, key: Key, row_id: UUID) -> None:
    """Store the row that the deed returned where it is not the expected one, before its commit."""
    values = {"account": key.account_id, "known": key.stored, "row": row_id}
    await _SETTLING.first(session, values)


async def remember_refusal(
    session: AsyncSession, key: Key, refusal: dict[str, Any], now: datetime
) -> IdempotencyKey | None:
    """Keep a refusal as the key's answer. A copy that got through meanwhile wins: its row."""
    taken = await _insert(session, key, now, refusal=refusal)
    return None if taken else await _found(session, key)


async def forget_keys(session: AsyncSession, now: datetime, *, limit: int = 5000) -> int:
    """Drop keys that are past their days; how many. A clock calls it."""
    row = IdempotencyKey
    pair = tuple_(row.account_id, row.key)
    old = select(row.account_id, row.key).where(row.created_at < now - KEPT).limit(limit)
    chosen = old.with_for_update(skip_locked=True)
    dropped = await session.execute(delete(row).where(pair.in_(chosen)).returning(row.key))
    return len(dropped.all())


async def _insert(session: AsyncSession, key: Key, now: datetime, **answer: Any) -> bool:
    taken = await session.execute(
        insert(IdempotencyKey)
        .values(
            account_id=key.account_id,
            key=key.stored,
            input_hash=key.digest,
            created_at=now,
            **answer,
        )
        .on_conflict_do_nothing()
        .returning(IdempotencyKey.key)
    )
    return taken.first() is not None


async def _found(session: AsyncSession, key: Key) -> IdempotencyKey:
    found = (await session.execute(select(IdempotencyKey).where(*_same(key)))).scalar_one()
    if found.input_hash != key.digest:
        raise IdempotencyKeyReused(
            "This idempotencyKey was used before with another input: choose a new key.",
            rule="INV-38",
        )
    return found


def _same(key: Key) -> tuple[Any, ...]:
    return (IdempotencyKey.account_id == key.account_id, IdempotencyKey.key == key.stored)
