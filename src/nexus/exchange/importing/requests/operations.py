"""Asking for imports, and the course of one: leased, run, written down."""

import asyncio
import tomllib
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts.model import Account
from nexus.acting import EVERYWHERE, Act, system
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, NotFound, WrongState
from nexus.core.signing import LinkRefused, signer_of
from nexus.exchange.importing.model import RUN_TRANSITIONS, ImportRun, ImportRunState
from nexus.exchange.importing.requests import policy, rules
from nexus.exchange.importing.requests.model import ImportProfile, ImportSheet
from nexus.exchange.importing.requests.sheets import problem_sheet
from nexus.exchange.importing.rules import Report
from nexus.exchange.profiles.bundled import builtin_text
from nexus.exchange.profiles.loading import ProfileRefused, read_profile
from nexus.exchange.profiles.model import BuiltinProfile, ImportKind, Profile
from nexus.exchange.uploads.model import Upload, UploadState
from nexus.exchange.uploads.operations import use_upload
from nexus.exchange.uploads.policy import visible as upload_visible
from nexus.exchange.uploads.rules import Chest
from nexus.organizations.model import Organization

_DUE = (ImportRunState.REQUESTED, ImportRunState.RUNNING)


class SupersededError(Exception):
    """Another worker has taken the run over: this one's work is undone."""


def parse_profile(text: str) -> Profile:
    """The profile of a TOML text. ProfileRefused."""
    try:
        return read_profile(tomllib.loads(rules.check_toml(text)))
    except tomllib.TOMLDecodeError as error:
        raise ProfileRefused(f"The profile is no TOML: {error}.", field="profile") from None


async def register_import_profile(act: Act, *, name: str, toml: str) -> ImportProfile:
    """A profile under a name, or the next edition of it."""
    if not policy.may_register(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} imports nothing.")
    kept, profile, row = rules.check_name(name), parse_profile(toml), ImportProfile
    mine = Account.id == act.actor.account_id
    await act.session.execute(select(Account.id).where(mine).with_for_update(key_share=True))
    last = await act.session.scalar(
        select(func.max(row.edition)).where(
            row.account_id == act.actor.account_id, row.name == kept
        )
    )
    made = ImportProfile(
        account_id=act.actor.account_id,
        name=kept,
        edition=(last or 0) + 1,
        kind=profile.kind.value,
        toml=toml,
        created_at=act.now,
    )
    act.session.add(made)
    await act.session.flush()
    act.record("import_profile.registered", made, edition=made.edition, import_kind=made.kind)
    return made


async def import_uploaded(
    act: Act,
    *,
    upload_id: UUID,
    kind: ImportKind,
    profile_name: str | None,
    profile_toml: str | None,
    dry_run: bool,
    builtin: BuiltinProfile | None = None,
) -> ImportRun:
    """The worker is to import the file, in the caller's name. ProfileRefused at once."""
    if not policy.may_import(act.actor, kind):
        raise Forbidden(f"Role {act.actor.role.name} does not import {kind.value}.")
    if scope := policy.missing_scope(act.actor, kind):
        raise Forbidden(f"This token does not import {kind.value}: ask for scope {scope}.")
    upload = await _take_file(act, upload_id)
    if builtin is not None:
        text = builtin_text(builtin)
    elif profile_name is not None:
        text = await _registered(act, profile_name)
    else:
        text = profile_toml or ""
    profile = parse_profile(text)
    if profile.kind is not kind:
        raise ProfileRefused(
            f"The profile is of {profile.kind.value}, not of {kind.value}.", field="profile"
        )
    row = ImportRun(
        id=new_id(),
        kind=kind.value,
        system=rules.source_of(profile.source, await _organization_no(act)),
        type=profile.type,
        digest=upload.sha256,
        voucher_id=act.actor.account_id,
        started_at=act.now,
        counts={},
        state=ImportRunState.REQUESTED,
        dry_run=dry_run,
        upload_id=upload.id,
        profile_text=text,
    )
    ends = (act.now + rules.LINK_LIFE).replace(microsecond=0)
    row.link = signer_of(act.session.info).sign("GET", path_of(row.id), row.voucher_id, ends)
    act.session.add(row)
    await act.session.flush()
    act.record("import.requested", row, import_kind=row.kind, dry_run=int(dry_run))
    return row


def path_of(run_id: UUID) -> str:
    """Where the rows that something was wrong with are read."""
    return f"/imports/{run_id}/problems"


async def _take_file(act: Act, upload_id: UUID) -> Upload:
    """The upload, locked: it is there whole, and no import of it is under way."""
    upload = await act.take(Upload, upload_id, visible=upload_visible)
    if upload.state is not UploadState.RECEIVED:
        raise WrongState(
            f"This upload is {upload.state.value}: PUT the file at its url first.",
            state=upload.state.name,
        )
    busy = await act.session.scalar(
        select(ImportRun.id)
        .where(ImportRun.upload_id == upload_id, ImportRun.state.in_(_DUE))
        .limit(1)
    )
    if busy is not None:
        raise GuardFailed(
            "An import of this file is under way: wait for its end.", rule="import.one_at_a_time"
        )
    return upload


async def _registered(act: Act, name: str) -> str:
    found: str | None = await act.session.scalar(
        select(ImportProfile.toml)
        .where(
            ImportProfile.account_id == act.actor.account_id,
            ImportProfile.name == rules.check_name(name),
        )
        .order_by(ImportProfile.edition.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(
            "No profile of yours has this name: registerImportProfile makes one.", field="profile"
        )
    return found


async def _organization_no(act: Act) -> str | None:
    """What keeps sources apart; the platform's own are those of the command line."""
    if act.actor.role in EVERYWHERE:
        return None
    organization = await act.session.get_one(Organization, act.actor.organization_id)
    return organization.no


# The course of one -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lease:
    """One attempt at a run; it holds while the run counts no later attempt."""

    run: ImportRun
    attempt: int
    voucher: str


async def lease_import(session: AsyncSession, now: datetime) -> Lease | None:
    """Take the run that has waited longest; a third attempt that never came back fails it."""
    due = (
        select(ImportRun)
        .where(
            ImportRun.state.in_(_DUE),
            or_(ImportRun.leased_until.is_(None), ImportRun.leased_until < now),
        )
        .order_by(ImportRun.started_at, ImportRun.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    act = Act(session, system(now))
    while row := await session.scalar(due):
        if row.attempts >= rules.MAX_ATTEMPTS:
            _fail(act, row, "INTERRUPTED", "The import was interrupted several times.")
            await session.flush()
            continue
        act.move(row, RUN_TRANSITIONS, "start")
        row.attempts += 1
        row.leased_until = now + rules.LEASE
        row.rows_done = 0
        account = await session.get_one(Account, row.voucher_id)
        act.record("import.started", row, attempt=row.attempts)
        return Lease(row, row.attempts, account.username)
    return None


async def keep_lease(
    session: AsyncSession, lease: Lease, now: datetime, *, done: int, total: int
) -> None:
    """The run goes on: how far it is, and how long it may still be silent."""
    await session.execute(
        update(ImportRun)
        .where(*_held(lease))
        .values(leased_until=now + rules.LEASE, rows_done=done, rows_total=total or None)
    )


async def finish_import(
    session: AsyncSession, lease: Lease, now: datetime, report: Report, chest: Chest
) -> None:
    """Write down the report; a real import's file is deleted. SupersededError."""
    taken = await session.execute(
        update(ImportRun)
        .where(*_held(lease))
        .values(
            state=RUN_TRANSITIONS.after("finish", ImportRunState.RUNNING),
            version=ImportRun.version + 1,
            counts=report.figures(),
            report=rules.kept_report(report),
            rows_done=report.rows_read,
            rows_total=report.rows_read,
            finished_at=now,
            leased_until=None,
        )
        .returning(ImportRun.id)
        .execution_options(synchronize_session=False)
    )
    if taken.first() is None:
        raise SupersededError
    act = Act(session, system(now))
    act.record("import.done", lease.run, dry_run=int(lease.run.dry_run))
    await _keep_sheet(session, lease, now, report, chest)
    if not lease.run.dry_run and lease.run.upload_id is not None:
        await use_upload(act, lease.run.upload_id)


async def _keep_sheet(
    session: AsyncSession, lease: Lease, now: datetime, report: Report, chest: Chest
) -> None:
    """The rows that something was wrong with, sealed: they may hold names that nobody asked for."""
    made = await asyncio.to_thread(problem_sheet, report)
    if made is not None:
        session.add(
            ImportSheet(
                run_id=lease.run.id,
                ciphertext=chest.seal(made, lease.run.id, 0),
                rows=len(report.kept),
                expires_at=now + rules.LINK_LIFE,
            )
        )


async def read_sheet(
    session: AsyncSession, run_id: UUID, account_id: UUID, chest: Chest, now: datetime
) -> bytes:
    """The workbook behind a checked address. LinkRefused where there is none."""
    row, run = ImportSheet, ImportRun
    sealed = await session.scalar(
        select(row.ciphertext)
        .join(run, run.id == row.run_id)
        .where(row.run_id == run_id, run.voucher_id == account_id, row.expires_at > now)
    )
    if sealed is None:
        raise LinkRefused("Nothing was wrong with any row, or a week is over: import it again.")
    return chest.open(sealed, run_id, 0)


async def forget_sheets(session: AsyncSession, now: datetime) -> int:
    """A clock: workbooks whose week is over are deleted; how many."""
    row = ImportSheet
    gone = await session.execute(delete(row).where(row.expires_at <= now).returning(row.run_id))
    return len(gone.all())


async def fail_import(
    session: AsyncSession, lease: Lease, now: datetime, *, code: str, message: str
) -> None:
    """Nothing was imported, and why."""
    row = await session.scalar(select(ImportRun).where(*_held(lease)).with_for_update())
    if row is not None:
        _fail(Act(session, system(now)), row, code, message)


async def find_run(session: AsyncSession, run_id: UUID, account_id: UUID) -> dict[str, Any]:
    """The report behind a checked address. LinkRefused while there is none."""
    row = await session.get(ImportRun, run_id)
    if row is None or row.voucher_id != account_id or row.report is None:
        raise LinkRefused("This import has no report yet: read its state.")
    return row.report


def _fail(act: Act, row: ImportRun, code: str, message: str) -> None:
    act.move(row, RUN_TRANSITIONS, "fail")
    row.failure, row.failure_message = code, rules.storable(message)
    row.finished_at, row.leased_until = act.now, None
    act.record("import.failed", row, failure=code)


def _held(lease: Lease) -> tuple[Any, ...]:
    return (
        ImportRun.id == lease.run.id,
        ImportRun.state == ImportRunState.RUNNING,
        ImportRun.attempts == lease.attempt,
    )
