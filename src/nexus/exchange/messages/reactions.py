"""The messenger: makes messages of news, carries them by each partner's way, reads the folders."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, system
from nexus.core.crypto import SealError
from nexus.core.refusals import Refusal
from nexus.exchange.messages import rules
from nexus.exchange.messages.acks.operations import take_ack
from nexus.exchange.messages.model import PartnerMode
from nexus.exchange.messages.news.operations import fan_out
from nexus.exchange.messages.receiving import rules as receiving_rules
from nexus.exchange.messages.receiving.operations import receive
from nexus.exchange.messages.sending import operations, queries
from nexus.exchange.messages.sending.operations import Batch, Lease, Letter, Outcome, Result
from nexus.exchange.webhooks.rules import Mailroom, signed_headers
from nexus.integrations.folders import ACK, ANSWERS, INBOX, OUTBOX, Folders, Found
from nexus.integrations.http_out import Answer, Poster

log = logging.getLogger(__name__)

SLOTS = 16
"""Partners served at once."""
PARALLEL = 8
"""Posts to one partner at once, each of another household."""
LAID_OUT = 200
"""Files or messages laid out in one go."""
CONNECTIONS = 3
IDLE_SECONDS = 0.5


class Messenger:
    """Carries messages. Any number may work beside each other on one database.

    `clock` tells the time that leases, pauses and signatures go by. Without `folders`, files are
    not exchanged: such messages wait.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        poster: Poster,
        mailroom: Mailroom,
        clock: Callable[[], datetime],
        folders: Folders | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self.engine = engine
        self.poster = poster
        self.mailroom = mailroom
        self.clock = clock
        self.folders = folders
        self.chance = chance
        self._connections = asyncio.Semaphore(CONNECTIONS)
        self._turns: dict[UUID, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Carry until cancelled."""
        try:
            while True:
                try:
                    busy = await self.step()
                except Exception as error:
                    # Not the message: it may quote a row.
                    log.error("the messenger goes on after %s", type(error).__name__)
                    busy = False
                if not busy:
                    await asyncio.sleep(IDLE_SECONDS)
        finally:
            for task in self._turns.values():
                task.cancel()

    async def run_until_idle(self) -> None:
        """Carry all that is due by the clock now."""
        while await self.step() or self._turns:
            if self._turns:
                await asyncio.wait(self._turns.values(), return_when=asyncio.FIRST_COMPLETED)

    async def step(self) -> bool:
        """News, folders, and turns that are due; whether there was anything to do."""
        async with self._session() as session:
            moved = await fan_out(session, self.clock())
        return bool(moved) | await self._look_into_folders() | await self._start_turns()

    async def _start_turns(self) -> bool:
        self._turns = {key: task for key, task in self._turns.items() if not task.done()}
        async with self._session() as session:
            leases = await operations.lease(
                session, self.clock(), limit=SLOTS - len(self._turns), besides=list(self._turns)
            )
        for turn in leases:
            self._turns[turn.partner_id] = asyncio.create_task(self._turn(turn))
        return bool(leases)

    async def _turn(self, turn: Lease) -> None:
        """Send to one partner, batch after batch, until nothing is due or it fails."""
        did = False
        try:
            while await self._batch(turn):
                did = True
            async with self._session() as session:
                await operations.release(session, turn, self.clock(), idle=not did)
        except Exception as error:
            # The lease runs out by itself.
            log.error("a turn of partner %s failed: %s", turn.partner_id, type(error).__name__)

    async def _batch(self, turn: Lease) -> bool:
        """One round: take, send, settle; whether to go on."""
        async with self._session() as session:
            batch = await operations.take_batch(
                session, turn, self.clock(), posts=PARALLEL, laid_out=LAID_OUT
            )
        if batch is None or not (batch.letters or batch.overdue):
            return False
        outcomes = await self._carry(turn, batch)
        async with self._session() as session:
            return await operations.settle(session, turn, self.clock(), outcomes, self.chance())

    async def _carry(self, turn: Lease, batch: Batch) -> list[Outcome]:
        """By the partner's way. A pull needs nothing: to be sent is to be laid out."""
        if batch.mode is PartnerMode.PULL:
            return [Outcome(letter, Result.SENT) for letter in batch.letters]
        if batch.mode is PartnerMode.FILE_DROP:
            return await asyncio.to_thread(self._drop, batch)
        keys = self._keys(turn, batch)
        sent = (self._post(batch.url or "", letter, keys) for letter in batch.letters)
        return list(await asyncio.gather(*sent))

    # --- Calls out ---

    def _keys(self, turn: Lease, batch: Batch) -> list[bytes]:
        """The live secrets in clear; none when one cannot be opened: nothing is sent then."""
        try:
            return [self.mailroom.open(c, turn.partner_id, key) for key, c in batch.sealed]
        except SealError:
            log.error("a secret of partner %s cannot be opened", turn.partner_id)
            return []

    async def _post(self, url: str, letter: Letter, keys: list[bytes]) -> Outcome:
        if not keys:
            return Outcome(letter, Result.FAILED, error="NO_SECRET")
        headers = signed_headers(keys, letter.key, int(self.clock().timestamp()), letter.body)
        try:
            answer = await self.poster.post(url, letter.body, headers)
        except Exception as error:
            log.error("a post failed: %s", type(error).__name__)
            answer = Answer(None, "FAILED", 0)
        return _outcome(letter, answer)

    # --- Files ---

    def _drop(self, batch: Batch) -> list[Outcome]:
        folders, folder = self.folders, batch.folder
        if folders is None or folder is None:
            return [Outcome(one, Result.FAILED, error="NO_FOLDERS") for one in batch.letters]
        outcomes = []
        for letter in batch.letters:
            try:
                folders.write(folder, OUTBOX, f"{letter.key}.json", letter.body + b"\n")
                outcomes.append(Outcome(letter, Result.SENT))
            except OSError as error:
                log.error("a file was not written: %s", type(error).__name__)
                outcomes.append(Outcome(letter, Result.FAILED, error="DISK"))
        return outcomes

    async def _look_into_folders(self) -> bool:
        """Acknowledgements, then messages, of every partner with a folder."""
        folders = self.folders
        if folders is None:
            return False
        async with self._session() as session:
            partners = [(row.id, row.folder or "") for row in await queries.folders(session)]
        moved = False
        for partner_id, folder in partners:
            for found in await asyncio.to_thread(folders.read, folder, ACK):
                await self._take_ack(folders, partner_id, folder, found)
                moved = True
            for found in await asyncio.to_thread(folders.read, folder, INBOX):
                await self._take_in(folders, partner_id, folder, found)
                moved = True
        return moved

    async def _take_ack(
        self, folders: Folders, partner_id: UUID, folder: str, found: Found
    ) -> None:
        """The file named as the message says what became of it; then both files go."""
        key = found.name.removesuffix(".json")
        ack = None if found.content is None else rules.read_ack(found.content, key)
        if ack is not None:
            async with self._session() as session:
                await take_ack(session, partner_id, key, ack, self.clock())
            await asyncio.to_thread(folders.remove, folder, OUTBOX, found.name)
        await asyncio.to_thread(folders.remove, folder, ACK, found.name)

    async def _take_in(self, folders: Folders, partner_id: UUID, folder: str, found: Found) -> None:
        """One message; its answer is there before it is gone."""
        answer = await self._answer(partner_id, found)
        await asyncio.to_thread(folders.write, folder, ANSWERS, found.name, answer)
        await asyncio.to_thread(folders.remove, folder, INBOX, found.name)

    async def _answer(self, partner_id: UUID, found: Found) -> bytes:
        key: str | None = None
        told: dict[str, object]
        try:
            key, said = receiving_rules.read_file(found.content)
            async with self._session() as session:
                act = Act(session, system(self.clock()))
                row = await receive(act, partner_id, key=key, said=said)
                told = {"status": "accepted", "outcome": (row.outcome or "").upper()}
        except Refusal as refusal:
            told = {"status": "refused", **refusal.as_dict()}
        return receiving_rules.answer(key, told)

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[AsyncSession]:
        """A transaction of the messenger's own. It never holds more than a few connections."""
        async with self._connections:
            async with AsyncSession(self.engine, expire_on_commit=False) as session:
                async with session.begin():
                    yield session


def _outcome(letter: Letter, answer: Answer) -> Outcome:
    """2xx with the message's acknowledgement ends it; without, it waits for one."""
    ack = rules.read_ack(answer.body, letter.key) if answer.accepted else None
    if ack is rules.Ack.REFUSED or answer.status in rules.REFUSING:
        result = Result.REFUSED
    elif ack is rules.Ack.ACKED:
        result = Result.ACKED
    else:
        result = Result.SENT if answer.accepted else Result.FAILED
    error = "REFUSED" if ack is rules.Ack.REFUSED else answer.error
    return Outcome(letter, result, answer.status, error, answer.retry_after)
