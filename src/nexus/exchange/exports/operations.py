"""Asking for an export, and the course of its download."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, NotFound
from nexus.core.signing import LinkRefused, signer_of
from nexus.exchange.exports import model, policy, rules

LIVELY = timedelta(seconds=30)
"""A running download that showed no life for so long has ended without a word."""
MISSING = "There is no such export, or it is over: ask for a new one."


def path_of(export_id: UUID) -> str:
    """Where an export is downloaded."""
    return f"/exports/{export_id}"


async def request_export(
    act: Act,
    *,
    dataset: model.ExportDataset,
    format: model.ExportFormat,
    filter: Mapping[str, Any],
) -> model.Export:
    """An address from which the dataset streams for an hour. Nothing is read yet."""
    if not policy.may_request(act.actor):
        raise Forbidden("Exports are for those who have signed in: get a token first.")
    grant = act.actor.grant
    row = model.Export(
        id=new_id(),
        account_id=act.actor.account_id,
        scopes=None if grant is None or grant.scopes is None else sorted(grant.scopes),
        dataset=dataset,
        format=format,
        filter=dict(filter),
        created_at=act.now,
        expires_at=(act.now + rules.LIFE).replace(microsecond=0),
    )
    signer = signer_of(act.session.info)
    row.link = signer.sign("GET", path_of(row.id), row.account_id, row.expires_at)
    act.session.add(row)
    await act.session.flush()
    act.record("export.requested", row, dataset=dataset, format=format)
    return row


async def find_export(
    session: AsyncSession, export_id: UUID, account_id: UUID, now: datetime
) -> model.Export:
    """The export of a checked address. LinkRefused when its time is over."""
    row = await session.get(model.Export, export_id)
    over = row is None or row.state is model.ExportState.EXPIRED or row.expires_at <= now
    if row is None or over or row.account_id != account_id:
        raise LinkRefused(MISSING)
    return row


async def start_export(act: Act, export_id: UUID, *, rows_expected: int) -> int:
    """The download begins; the number it goes by. ExportRunning while another is alive."""
    row = await _take(act, export_id)
    alive = row.moved_at is not None and row.moved_at > act.now - LIVELY
    if row.state is model.ExportState.RUNNING and alive:
        raise rules.ExportRunning("A download of this export is under way: wait for its end.")
    act.move(row, model.TRANSITIONS, "start")
    row.downloads += 1
    row.rows_expected, row.rows, row.bytes, row.failure = rows_expected, 0, 0, None
    row.started_at = row.moved_at = act.now
    row.finished_at = None
    act.record("export.started", row, dataset=row.dataset, rows_expected=rows_expected)
    return row.downloads


async def tell_progress(
    session: AsyncSession, export_id: UUID, download: int, now: datetime, *, rows: int, bytes: int
) -> None:
    """How far the download has come."""
    await session.execute(
        update(model.Export)
        .where(model.Export.id == export_id, model.Export.downloads == download)
        .values(rows=rows, bytes=bytes, moved_at=now)
    )


async def end_export(
    act: Act, export_id: UUID, download: int, *, rows: int, bytes: int, failure: str | None
) -> None:
    """The download came to its end, or failed; nothing when another has begun since."""
    row = await _take(act, export_id)
    if row.downloads != download or row.state is not model.ExportState.RUNNING:
        return
    act.move(row, model.TRANSITIONS, "finish" if failure is None else "fail")
    row.rows, row.bytes, row.failure = rows, bytes, failure
    row.moved_at = row.finished_at = act.now
    verb = "finished" if failure is None else "failed"
    act.record(f"export.{verb}", row, rows=rows, bytes=bytes, failure=failure)


async def expire_exports(session: AsyncSession, now: datetime) -> int:
    """A clock: what nobody can download any more; a download under way comes to its end."""
    act, row = Act(session, system(now)), model.Export
    over = await session.scalars(
        select(row)
        .where(
            row.state != model.ExportState.EXPIRED,
            row.expires_at <= now,
            row.moved_at.is_(None) | (row.moved_at < now - LIVELY),
        )
        .order_by(row.expires_at)
        .limit(500)
        .with_for_update(skip_locked=True)
    )
    found = over.all()
    for export in found:
        act.move(export, model.TRANSITIONS, "expire")
        act.record("export.expired", export)
    return len(found)


async def _take(act: Act, export_id: UUID) -> model.Export:
    row = await act.session.get(model.Export, export_id, with_for_update=True)
    if row is None:
        raise NotFound(MISSING)
    return row
