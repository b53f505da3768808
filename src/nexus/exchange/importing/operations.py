"""One import: a file or folder through a profile, every row accounted for, in one transaction."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.ids import new_id
from nexus.exchange.importing.model import ImportRun
from nexus.exchange.importing.parties import ADMIN, stand_in
from nexus.exchange.importing.rules import Report
from nexus.exchange.importing.running import CHUNK, Import
from nexus.exchange.profiles.loading import ProfileRefused, load_profile
from nexus.exchange.profiles.model import Profile
from nexus.exchange.reading.folders import files_below, rows_of
from nexus.exchange.reading.tables import Row

__all__ = ["Report", "run_import"]

Progress = Callable[[int, int], None]


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
) -> Report:
    """Import `path` as `kind` ("needs" or "offers"); `progress` hears (rows done, rows there are).

    FileRefused, ProfileRefused or WhoRefused: nothing was imported. A dry run does everything, says
    the same, and rolls back.
    """
    profile = load_profile(profile_path)
    if profile.kind != kind:
        raise ProfileRefused(
            f"{profile_path.name} is a profile of {profile.kind.value}, not of {kind}.",
            field="kind",
        )
    files, passed = files_below(path)
    report = Report(kind, profile.source, dry_run, files=[each.name for each in files])
    total = sum(1 for _ in rows_of(files, path, profile.layout))
    async with AsyncSession(engine, expire_on_commit=False) as session:
        transaction = await session.begin()
        import_ = await _begin(session, profile, report, voucher=voucher, files=files, now=now)
        import_.tell = lambda: progress(report.rows_read, total) if progress else None
        for rows in _chunks(rows_of(files, path, profile.layout)):
            await import_.take(rows)
        await import_.finish(passed)
        await (transaction.rollback() if dry_run else transaction.commit())
    return report


def _chunks(rows: Iterator[Row]) -> Iterator[list[Row]]:
    while chunk := list(islice(rows, CHUNK)):
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
) -> Import:
    """Lock the source against a second import beside this one, and write the run."""
    lock = func.hashtextextended(f"import {profile.source}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    parties = await stand_in(session, voucher=voucher, publisher=profile.publisher, now=now)
    before = await session.scalar(
        select(ImportRun)
        .where(ImportRun.system == profile.source, ImportRun.type == profile.type)
        .order_by(ImportRun.started_at.desc(), ImportRun.id.desc())
        .limit(1)
    )
    run = ImportRun(
        id=new_id(),
        kind=profile.kind.value,
        system=profile.source,
        type=profile.type,
        digest=_digest(files),
        voucher_id=parties.vouch.actor.account_id,
        started_at=now,
        counts={},
    )
    session.add(run)
    await session.flush()
    return Import(session, profile, report, parties, run, dict(before.counts) if before else {})
