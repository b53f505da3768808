"""A download: chunk after chunk as it is read, and never a row that was read too long ago."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from time import monotonic
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.acting import Act, Actor, system
from nexus.exchange.exports import model, operations, rules
from nexus.exchange.exports.queries import START, Exporter
from nexus.graph.identifiers import decode

PROGRESS_SECONDS = 2.0


class Download:
    """One pass over an export's rows. `clock` tells the moment at which rights are judged."""

    def __init__(
        self,
        engine: AsyncEngine,
        exporter: Exporter,
        export: model.Export,
        clock: Callable[[], datetime],
    ) -> None:
        self.engine, self.exporter, self.export, self.clock = engine, exporter, export, clock
        self.type_name = rules.TYPES[export.dataset]
        self.rows = self.bytes = 0
        """What was sent so far."""
        self._number = 0
        self._told_at = monotonic()

    async def actor(self) -> Actor:
        """Who downloads, as they may act now. Unauthorized when they may not any more."""
        async with AsyncSession(self.engine) as session:
            return await acting_again(
                session, self.export.account_id, self.export.scopes, self.clock()
            )

    async def begin(self) -> int:
        """Count the rows and take the download; how many rows there are.

        ExportTooLarge, ExportRunning; RequestError for a scope that is missing or a count that
        takes too long.
        """
        actor = await self.actor()
        self.exporter.check_scopes(self.export.dataset, actor)
        expected = rules.check_size(await self.exporter.count(self.export, actor))
        async with AsyncSession(self.engine) as session, session.begin():
            self._number = await operations.start_export(
                Act(session, actor), self.export.id, rows_expected=expected
            )
        return expected

    async def pieces(self) -> AsyncIterator[bytes]:
        """The content, piece by piece: whoever asks for the next has sent the one before."""
        columns = self.exporter.selection(self.type_name).columns
        as_csv = self.export.format is model.ExportFormat.CSV
        if as_csv:
            head = rules.BOM.encode() + rules.csv_text([columns])
            yield head
            self.bytes += len(head)
        async for lines in self._lines():
            piece = rules.csv_lines(lines, columns) if as_csv else b"\n".join(lines) + b"\n"
            yield piece
            self.rows += len(lines)
            self.bytes += len(piece)
            await self._tell()

    async def end(self, failure: str | None) -> None:
        """Write down how it went."""
        async with AsyncSession(self.engine) as session, session.begin():
            await operations.end_export(
                Act(session, system(self.clock())),
                self.export.id,
                self._number,
                rows=self.rows,
                bytes=self.bytes,
                failure=failure,
            )

    async def _lines(self) -> AsyncIterator[Sequence[bytes]]:
        """Lines no older than `FRESH_SECONDS` when they are handed out, in groups."""
        after, got = START, 0
        while True:
            read_at = monotonic()
            lines = await self.exporter.chunk(self.export, await self.actor(), after)
            taken = 0
            for piece in rules.pieces(lines):
                if taken and monotonic() - read_at > rules.FRESH_SECONDS:
                    break
                yield piece
                taken += len(piece)
                after = self._key(piece[-1])
            got += taken
            rules.check_size(got)
            if taken == len(lines) < rules.CHUNK:
                return

    def _key(self, line: bytes) -> UUID:
        return decode(json.loads(line)["id"], self.type_name)

    async def _tell(self) -> None:
        if monotonic() - self._told_at < PROGRESS_SECONDS:
            return
        self._told_at = monotonic()
        async with AsyncSession(self.engine) as session, session.begin():
            await operations.tell_progress(
                session,
                self.export.id,
                self._number,
                self.clock(),
                rows=self.rows,
                bytes=self.bytes,
            )
