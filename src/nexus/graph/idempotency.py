"""One key, one effect: the key row sits in the deed's own transaction (INV-38)."""

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import LargeBinary, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base
from nexus.core.refusals import IdempotencyKeyReused, Invalid

MAX_KEY = 200


class IdempotencyKey(Base):
    """A key an account used, the hash of its input, and the answer it got. Kept 90 days."""

    __tablename__ = "idempotency_key"

    account_id: Mapped[UUID] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    input_hash: Mapped[bytes] = mapped_column(LargeBinary)
    row_id: Mapped[UUID | None]
    refusal: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(index=True)


def input_hash(mutation: str, given: dict[str, Any]) -> bytes:
    """SHA-256 over the mutation's name and its input, whatever the order of its fields."""
    text = json.dumps([mutation, given], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).digest()


async def claim(
    session: AsyncSession, account_id: UUID, key: str, digest: bytes, now: datetime
) -> IdempotencyKey | None:
    """Take the key for this transaction: None when it is new, its row when it has an answer.

    A copy that arrives while the first is at work waits here for its commit. IdempotencyKeyReused
    when the key was used for another input.
    """
    if not 0 < len(key) <= MAX_KEY:
        raise Invalid(f"idempotencyKey needs 1 to {MAX_KEY} characters.", field="idempotencyKey")
    row = {"account_id": account_id, "key": key, "input_hash": digest, "created_at": now}
    taken = await session.execute(
        insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
    )
    if taken.first() is not None:
        return None
    found = (
        await session.execute(
            select(IdempotencyKey).where(
                IdempotencyKey.account_id == account_id, IdempotencyKey.key == key
            )
        )
    ).scalar_one()
    if found.input_hash != digest:
        raise IdempotencyKeyReused(
            "This idempotencyKey was used before with another input: choose a new key.",
            rule="INV-38",
        )
    return found


async def settle(
    session: AsyncSession,
    account_id: UUID,
    key: str,
    *,
    row_id: UUID | None = None,
) -> None:
    """Store the row that the deed returned, before its commit."""
    found = await session.get_one(IdempotencyKey, (account_id, key))
    found.row_id = row_id


async def remember_refusal(
    session: AsyncSession,
    account_id: UUID,
    key: str,
    digest: bytes,
    refusal: dict[str, Any],
    now: datetime,
) -> IdempotencyKey | None:
    """Keep a refusal as the key's answer. A copy that got through meanwhile wins: its row."""
    row = {
        "account_id": account_id,
        "key": key,
        "input_hash": digest,
        "refusal": refusal,
        "created_at": now,
    }
    taken = await session.execute(
        insert(IdempotencyKey).values(row).on_conflict_do_nothing().returning(IdempotencyKey.key)
    )
    if taken.first() is not None:
        return None
    return await session.get(IdempotencyKey, (account_id, key))
