"""One import: a file or folder through a profile, every row accounted for, in one transaction."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.ids import new_id
from nexus.exchange.importing.contracting import Contracting
from nexus.exchange.importing.model import ImportRun, ImportRunState
from nexus.exchange.importing.parties import ADMIN, stand_in
from nexus.exchange.importing.recognitions.operations import Feed
from nexus.exchange.importing.rules import Report
from nexus.exchange.importing.running import Import
from nexus.exchange.profiles.loading import ProfileRefused, load_profile
from nexus.exchange.profiles.model import ImportKind, Profile
from nexus.exchange.reading.folders import count_rows, files_below

__all__ = ["Order", "Report", "run_import", "run_profile"]

Progress = Callable[[int, int], None]
_MADE: dict[ImportKind, type[Import]] = {
    ImportKind.RECOGNITIONS: Feed,
    ImportKind.OCDS: Contracting,
}


@dataclass(frozen=True)
class Order:
    """An import that its voucher asked for over the API: the run is there already.

    It may do no more than the voucher's own role. `settle` writes down the report, in the import's
    transaction or, of a dry run, in one of its own.
    """

    run_id: UUID
    settle: Callable[[AsyncSession, Report], Awaitable[None]]


async def run_import(
    engine: AsyncEngine,
    *,
    kind: str,
    path: Path,
    profile_path: Path,
    now: datetime,
    voucher: str = ADMIN,
    dry_run: bool = False,
    progress: Progress | None = None,
    info: Mapping[str, Any] | None = None,
) -> Report:
    """Import `path` as `kind`; `progress` hears (rows done, rows there are).

    `kind` is "needs", "offers", "recognitions", "tickets" or "ocds"; `info` what sessions carry,
    such as the vault that identity columns go to.

    FileRefused, ProfileRefused or WhoRefused: nothing was imported. A dry run does everything, says
    the same, and rolls back.
    """
    profile = load_profile(profile_path)
    if profile.kind != kind:
        raise ProfileRefused(
            f"{profile_path.name} is a profile of {profile.kind.value}, not of {kind}.",
            field="kind",
        )
    return await run_profile(
        engine,
        profile=profile,
        path=path,
        now=now,
        voucher=voucher,
        dry_run=dry_run,
        progress=progress,
        info=info,
    )


async def run_profile(
    engine: AsyncEngine,
    *,
    profile: Profile,
    path: Path,
    now: datetime,
    voucher: str,
    dry_run: bool = False,
    progress: Progress | None = None,
    info: Mapping[str, Any] | None = None,
    order: Order | None = None,
) -> Report:
    """As `run_import`, with the profile at hand."""
    files, passed = files_below(path)
    report = Report(profile.kind, profile.source, dry_run, files=[each.name for each in files])
    counted = progress and profile.kind is not ImportKind.OCDS
    total = count_rows(files, path, profile.layout) if counted else 0
    carried = dict(info) if info else None
    async with AsyncSession(engine, expire_on_commit=False, info=carried) as session:
        transaction = await session.begin()
        import_ = await _begin(
            session, profile, report, voucher=voucher, files=files, now=now, order=order
        )
        import_.tell = lambda: _tell(progress, report.rows_read, total)
        await import_.open()
        chunks = _chunks(import_.rows(files, path), import_.slice)
        async for rows in _read_ahead(map(import_.read, chunks)):
            await import_.take(rows)
        await import_.finish(passed)
        if dry_run:
            await transaction.rollback()
        elif order:
            await order.settle(session, report)
            await transaction.commit()
        else:
            await transaction.commit()
    if dry_run and order:
        async with AsyncSession(engine) as session, session.begin():
            await order.settle(session, report)
    return report


async def _read_ahead(chunks: Iterator[list[Any]]) -> AsyncIterator[list[Any]]:
    """The chunks, each read in a thread while the one before it is being written."""
    ahead = asyncio.create_task(asyncio.to_thread(next, chunks, None))
    try:
        while (rows := await ahead) is not None:
            ahead = asyncio.create_task(asyncio.to_thread(next, chunks, None))
            yield rows
    finally:
        # A file that is refused later is not read to its end, but the thread must be out of it.
        await asyncio.wait({ahead})


def _tell(progress: Progress | None, done: int, total: int) -> None:
    if progress is not None:
        progress(done, max(done, total))


def _chunks(rows: Iterator[Any], size: int) -> Iterator[list[Any]]:
    while chunk := list(islice(rows, size)):
        yield chunk


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


async def _begin(
    session: AsyncSession,
    profile: Profile,
    report: Report,
    *,
    voucher: str,
    files: list[Path],
    now: datetime,
    order: Order | None,
) -> Import:
    """Lock the source against a second import beside this one, and write the run."""
    lock = func.hashtextextended(f"import {profile.source}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    asked = profile.kind if order else None
    publisher = profile.publisher
    parties = await stand_in(session, voucher=voucher, publisher=publisher, now=now, asked=asked)
    before = await _figures_before(session, profile)
    run = (
        await session.get_one(ImportRun, order.run_id)
        if order
        else ImportRun(
            id=new_id(),
            kind=profile.kind.value,
            system=profile.source,
            type=profile.type,
            digest=_digest(files),
            voucher_id=parties.vouch.actor.account_id,
            started_at=now,
            counts={},
        )
    )
    session.add(run)
    await session.flush()
    made = _MADE.get(profile.kind, Import)
    return made(session, profile, report, parties, run, before)


async def _figures_before(session: AsyncSession, profile: Profile) -> dict[str, Any]:
    """The figures of the import of this source before this one."""
    found: dict[str, Any] | None = await session.scalar(
        select(ImportRun.counts)
        .where(
            ImportRun.system == profile.source,
            ImportRun.type == profile.type,
            ImportRun.state == ImportRunState.DONE,
            ImportRun.dry_run.is_(False),
        )
        .order_by(ImportRun.started_at.desc(), ImportRun.id.desc())
        .limit(1)
    )
    return found or {}
