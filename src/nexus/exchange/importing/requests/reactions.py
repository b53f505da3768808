"""The worker's part: files that were uploaded are imported, one after the other."""

import asyncio
import dataclasses
import logging
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.core.refusals import Refusal
from nexus.exchange.importing.operations import Order, run_profile
from nexus.exchange.importing.requests import operations
from nexus.exchange.importing.requests.operations import Lease, SupersededError
from nexus.exchange.importing.rules import Report
from nexus.exchange.uploads.model import Upload
from nexus.exchange.uploads.operations import read_upload
from nexus.exchange.uploads.rules import chest_of

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
BEAT_SECONDS = 2.0


class Importer:
    """Runs what was asked for. Any number may work beside each other on one database.

    `info` is what sessions carry: the chest that opens files, the vault for identity columns.
    """

    def __init__(
        self, engine: AsyncEngine, info: Mapping[str, Any], clock: Callable[[], datetime]
    ) -> None:
        self.engine, self.info, self.clock = engine, dict(info), clock

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                busy = await self.step()
            except Exception as error:
                log.error("the importer goes on after a %s", type(error).__name__)
                busy = False
            if not busy:
                await asyncio.sleep(IDLE_SECONDS)

    async def step(self) -> bool:
        """Run one import, if there is one."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session, session.begin():
            lease = await operations.lease_import(session, self.clock())
        if lease is None:
            return False
        progress = [0, 0]
        beating = asyncio.create_task(self._beat(lease, progress))
        try:
            await self._import(lease, progress)
        except Refusal as refusal:
            await self._fail(lease, refusal.code, refusal.message)
        except SupersededError:
            log.warning("import %s was taken over by another worker", lease.run.id)
        except Exception as error:
            # It is tried again when its lease is over. The message may quote a row.
            log.error("import %s failed with %s", lease.run.id, type(error).__name__)
        finally:
            beating.cancel()
        return True

    async def _import(self, lease: Lease, progress: list[int]) -> None:
        run = lease.run
        profile = operations.parse_profile(run.profile_text or "")
        chest = chest_of(self.info)

        async def settle(session: AsyncSession, report: Report) -> None:
            await operations.finish_import(session, lease, self.clock(), report, chest)

        def tell(done: int, total: int) -> None:
            progress[:] = done, total

        with tempfile.TemporaryDirectory(prefix="nexus-import-") as folder:
            path = await self._unpacked(lease, Path(folder))
            await run_profile(
                self.engine,
                profile=dataclasses.replace(profile, source=run.system),
                path=path,
                now=self.clock(),
                voucher=lease.voucher,
                dry_run=run.dry_run,
                progress=tell,
                info=self.info,
                order=Order(run.id, settle),
            )

    async def _unpacked(self, lease: Lease, folder: Path) -> Path:
        """The file, for as long as it is read; only this user can."""
        assert lease.run.upload_id is not None
        async with AsyncSession(self.engine) as session:
            upload = await session.get_one(Upload, lease.run.upload_id)
            path = folder / upload.file_name
            with path.open("xb") as file:
                async for part in read_upload(session, chest_of(self.info), upload.id):
                    file.write(part)
        return path

    async def _beat(self, lease: Lease, progress: list[int]) -> None:
        """Show life while the import runs."""
        while True:
            await asyncio.sleep(BEAT_SECONDS)
            done, total = progress
            try:
                async with AsyncSession(self.engine) as session, session.begin():
                    now = self.clock()
                    await operations.keep_lease(session, lease, now, done=done, total=total)
            except Exception as error:
                log.warning("import %s could not be prolonged: %s", lease.run.id, type(error))

    async def _fail(self, lease: Lease, code: str, message: str) -> None:
        async with AsyncSession(self.engine) as session, session.begin():
            await operations.fail_import(session, lease, self.clock(), code=code, message=message)
