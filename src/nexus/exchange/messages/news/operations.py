"""Turning news into messages."""

from collections.abc import Iterable
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import NOBODY
from nexus.core.copying import copy_rows
from nexus.core.following import Place
from nexus.core.ids import new_id
from nexus.exchange.messages import model
from nexus.exchange.messages.news import queries, rules
from nexus.exchange.messages.queries import OUT, take_threads
from nexus.exchange.messages.rules import LIFE, body_of, hash_of, message_id
from nexus.exchange.webhooks.deliveries.queries import next_place

WINDOW = 500
"""Events looked through in one transaction."""

_M, _S = model.ExchangeMessage, model.MessageState


async def fan_out(session: AsyncSession, now: datetime) -> int:
    """Turn the next settled events into messages; how far it came: 0 when there was none.

    The place and the messages move in one transaction: each event makes a message exactly once
    for the authority that published the need, recognised the household or has the ticket (INV-37).
    """
    cursor = await queries.take_cursor(session)
    if cursor is None:
        return 0
    end = await next_place(session, cursor, WINDOW if await queries.has_partners(session) else None)
    if end is None:
        return 0
    rows = []
    for news in (queries.news, queries.change_news, queries.replies):
        found = await session.execute(news(Place(cursor.xact, cursor.position), end))
        rows += found.mappings()
    rows.sort(key=lambda row: (row["partner_id"].bytes, row["xact"], row["position"]))
    for partner_id, told in groupby(rows, key=lambda row: row["partner_id"]):
        await _write(session, partner_id, list(told), now)
    cursor.xact, cursor.position = end
    return 1


async def _write(session: AsyncSession, partner_id: UUID, news: list[Any], now: datetime) -> None:
    threads = await take_threads(session, partner_id, [row["subject_id"] for row in news])
    due = await _due_of(session, threads.values())
    messages = []
    for row in news:
        thread = threads[row["subject_id"]]
        thread.sent += 1
        messages.append(_message(partner_id, thread, row, now, due.get(thread.id, now)))
    await copy_rows(session, _M, messages)


async def _due_of(
    session: AsyncSession, threads: Iterable[model.ExchangeThread]
) -> dict[UUID, datetime]:
    """Until when the households with something under way wait."""
    last = (
        select(_M.thread_id, func.max(_M.due_at))
        .where(
            _M.thread_id.in_([thread.id for thread in threads]),
            OUT,
            _M.state.in_(model.LIVE),
        )
        .group_by(_M.thread_id)
    )
    return {row[0]: row[1] for row in await session.execute(last)}


def _message(
    partner_id: UUID, thread: model.ExchangeThread, row: Any, now: datetime, due: datetime
) -> dict[str, Any]:
    row_id = new_id()
    key = message_id(row_id)
    body = body_of(
        rules.content(
            key=key,
            thread_id=thread.id,
            sequence=thread.sent,
            kind=row["kind"],
            occurred_at=row["occurred_at"],
            data=rules.data_of(row),
        )
    )
    return {
        "id": row_id,
        "partner_id": partner_id,
        "thread_id": thread.id,
        "direction": model.MessageDirection.OUT.value,
        "kind": row["kind"],
        "sequence": thread.sent,
        "event_id": row["event_id"],
        "need_id": row["need_id"],
        "report_id": row["report_id"],
        "change_report_id": row["change_id"],
        "body": body,
        "payload_hash": hash_of(body),
        "idempotency_key": key,
        "state": _S.PENDING.value,
        "version": 1,
        "attempts": 0,
        "refusals": 0,
        "due_at": max(now, due),
        "created_at": now,
        "created_by": NOBODY,
        "expires_at": now + LIFE,
    }
