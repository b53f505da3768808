"""A file's way in: asked for, received part by part, read, forgotten."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, system
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, WrongState
from nexus.core.signing import LinkRefused, signer_of
from nexus.exchange.uploads import model, policy, rules

LIVELY = timedelta(seconds=60)
"""A PUT that brought nothing for so long has ended without a word."""


def path_of(upload_id: UUID) -> str:
    """Where a file is put."""
    return f"/uploads/{upload_id}"


async def request_upload(act: Act, *, file_name: str) -> model.Upload:
    """An address at which the file may be put once, within a day."""
    if not policy.may_request(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} imports nothing.")
    name = rules.check_name(file_name)
    await _check_number(act)
    row = model.Upload(
        id=new_id(),
        account_id=act.actor.account_id,
        file_name=name,
        content_type=rules.content_type_of(name),
        created_at=act.now,
        expires_at=(act.now + rules.LIFE).replace(microsecond=0),
    )
    signer = signer_of(act.session.info)
    row.link = signer.sign("PUT", path_of(row.id), row.account_id, row.expires_at)
    act.session.add(row)
    await act.session.flush()
    act.record("upload.requested", row, content_type=row.content_type)
    return row


async def _check_number(act: Act) -> None:
    """Two at once take turns at the account, so that the limit holds."""
    account, row = Account, model.Upload
    mine = account.id == act.actor.account_id
    await act.session.execute(select(account.id).where(mine).with_for_update(key_share=True))
    kept = await act.session.scalar(
        select(func.count())
        .select_from(row)
        .where(
            row.account_id == act.actor.account_id,
            row.state.in_(model.KEPT),
            row.expires_at > act.now,
        )
    )
    if (kept or 0) >= rules.MAX_KEPT:
        raise GuardFailed(
            f"{kept} of your files wait to be imported: import one, or wait until one expires.",
            rule="upload.kept",
            maximum=rules.MAX_KEPT,
        )


class Reception:
    """One PUT: what it brings is sealed and written part by part."""

    def __init__(
        self, engine: AsyncEngine, chest: rules.Chest, upload: model.Upload, version: int
    ) -> None:
        self.engine, self.chest, self.upload, self.version = engine, chest, upload, version
        self.position = 0

    async def take(self, part: bytes, now: datetime) -> None:
        """Write the next part."""
        sealed = self.chest.seal(part, self.upload.id, self.position)
        async with AsyncSession(self.engine) as session, session.begin():
            session.add(
                model.UploadChunk(
                    upload_id=self.upload.id, position=self.position, ciphertext=sealed
                )
            )
            await session.execute(
                update(model.Upload)
                .where(model.Upload.id == self.upload.id, model.Upload.version == self.version)
                .values(moved_at=now)
            )
        self.position += 1

    async def complete(self, size: int, sha256: str, now: datetime) -> None:
        """All of it is there."""
        async with AsyncSession(self.engine) as session, session.begin():
            act = Act(session, system(now))
            row = await _take(act, self.upload.id)
            row.bytes, row.sha256, row.moved_at = size, sha256, now
            act.move(row, model.TRANSITIONS, "complete")
            act.record("upload.received", row, bytes=size)

    async def interrupt(self, now: datetime) -> None:
        """It did not come whole: the file may be put again."""
        async with AsyncSession(self.engine) as session, session.begin():
            act = Act(session, system(now))
            row = await _take(act, self.upload.id)
            if row.state is model.UploadState.RECEIVING and row.version == self.version:
                act.move(row, model.TRANSITIONS, "interrupt")
                await _forget(session, row.id)
                act.record("upload.interrupted", row)


async def receive(
    engine: AsyncEngine, chest: rules.Chest, upload_id: UUID, account_id: UUID, now: datetime
) -> Reception:
    """The file of a checked address begins to come. LinkRefused; WrongState for a second PUT."""
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        act = Act(session, system(now))
        row = await session.get(model.Upload, upload_id, with_for_update=True)
        if row is None or row.account_id != account_id or row.expires_at <= now:
            raise LinkRefused("There is no such upload, or it is over: ask for a new one.")
        stalled = row.moved_at is not None and row.moved_at < now - LIVELY
        if row.state is model.UploadState.RECEIVING and stalled:
            act.move(row, model.TRANSITIONS, "interrupt")
            await _forget(session, row.id)
        if row.state is not model.UploadState.REQUESTED:
            raise WrongState(
                f"This file is {row.state.value}: it is put once. Ask for another upload.",
                state=row.state.name,
            )
        act.move(row, model.TRANSITIONS, "receive")
        row.moved_at = now
        act.record("upload.begun", row)
    return Reception(engine, chest, row, row.version)


async def read_upload(
    session: AsyncSession, chest: rules.Chest, upload_id: UUID
) -> AsyncIterator[bytes]:
    """The file, part by part."""
    row = model.UploadChunk
    last = -1
    while True:
        found = await session.execute(
            select(row.position, row.ciphertext)
            .where(row.upload_id == upload_id, row.position > last)
            .order_by(row.position)
            .limit(1)
        )
        part = found.one_or_none()
        if part is None:
            return
        last = part.position
        yield chest.open(part.ciphertext, upload_id, last)


async def use_upload(act: Act, upload_id: UUID) -> None:
    """It has been imported: its bytes are deleted."""
    row = await _take(act, upload_id)
    if row.state is model.UploadState.RECEIVED:
        act.move(row, model.TRANSITIONS, "use")
        await _forget(act.session, row.id)
        act.record("upload.used", row)


async def expire_uploads(session: AsyncSession, now: datetime) -> int:
    """A clock: what was not imported within its time is deleted; how many."""
    act, row = Act(session, system(now)), model.Upload
    over = await session.scalars(
        select(row)
        .where(row.state.in_(model.KEPT), row.expires_at <= now)
        .order_by(row.expires_at)
        .limit(100)
        .with_for_update(skip_locked=True)
    )
    found = over.all()
    for upload in found:
        act.move(upload, model.TRANSITIONS, "expire")
        await _forget(session, upload.id)
        act.record("upload.expired", upload)
    return len(found)


async def _take(act: Act, upload_id: UUID) -> model.Upload:
    return await act.session.get_one(model.Upload, upload_id, with_for_update=True)


async def _forget(session: AsyncSession, upload_id: UUID) -> None:
    await session.execute(delete(model.UploadChunk).where(model.UploadChunk.upload_id == upload_id))
