"""An authority behind each of the three ways, with a clock to turn and a switch to be down."""

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.exchange.messages.alarms.reactions  # noqa: F401 - registers the listeners
from nexus.accounts.model import Account
from nexus.acting import Act, system
from nexus.core.outbox import Job
from nexus.exchange.messages import operations
from nexus.exchange.messages.acks.operations import acknowledge_messages
from nexus.exchange.messages.model import (
    ExchangeMessage,
    ExchangePartner,
    MessageDirection,
    MessageState,
    PartnerMode,
)
from nexus.exchange.messages.reactions import Messenger
from nexus.exchange.messages.receiving.operations import receive_message
from nexus.exchange.messages.receiving.rules import Said
from nexus.exchange.messages.sending.operations import tell_failing_partners
from nexus.exchange.webhooks import rules as webhook_rules
from nexus.exchange.webhooks.rules import Mailroom
from nexus.integrations.fakes import FakePoster, Posted
from nexus.integrations.folders import ACK, ANSWERS, INBOX, OUTBOX, Folders
from nexus.integrations.http_out import Answer
from nexus.worker import drain
from tests.deeds import VAULT_KEY, actor_of
from tests.exchange.receiving import Clock
from tests.making import now

URL = "https://feedback.authority-a.cn/nexus"
LIVE = (MessageState.PENDING, MessageState.FAILED, MessageState.SENT)


def ack_of(key: str, status: str = "acked") -> bytes:
    """An acknowledgement as the three ways write it."""
    return json.dumps({"id": key, "status": status}).encode()


@dataclass
class Authority:
    """One partner in one mode. What it took is in `taken`, in the order in which it took it."""

    engine: AsyncEngine
    mode: PartnerMode
    account: Account
    root: Path
    clock: Clock = field(default_factory=Clock)
    down: bool = False
    refuses: set[str] = field(default_factory=set)
    """Kinds of messages it answers with a refusal."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    partner: Any = None
    secret: str = ""

    def __post_init__(self) -> None:
        self.folders = Folders(self.root)
        self.mailroom = Mailroom(VAULT_KEY)
        self.poster = FakePoster(self._reply)
        self.messenger = Messenger(
            self.engine, self.poster, self.mailroom, self.clock, self.folders, lambda: 0.5
        )

    @property
    def folder(self) -> str:
        """The partner's own."""
        return f"f-{self.account.id.hex}"

    async def open(self, keeper: Account | None = None) -> "Authority":
        """Set it up by mutations' operations, with a secret: by the account, or by another."""
        way: Any = {
            PartnerMode.CALL_OUT: {"url": URL, "folder": None},
            PartnerMode.FILE_DROP: {"url": None, "folder": self.folder},
            PartnerMode.PULL: {"url": None, "folder": None},
        }[self.mode]
        async with self.acting(keeper) as act:
            self.partner = await operations.create_exchange_partner(
                act, organization_id=self.account.organization_id, mode=self.mode, **way
            )
            issued = await operations.rotate_exchange_secret(
                act, self.partner.id, expected_version=1
            )
            self.secret = str(issued["secret"])
        return self

    def acting(self, account: Account | None = None) -> Any:
        """A transaction of the authority's account, or of another, by the clock."""
        return _acting(self.engine, actor_of(account or self.account, self.clock()), self.mailroom)

    # --- The authority's side ---

    def _reply(self, posted: Posted) -> Answer | int | None:
        if self.down:
            return 503
        body = json.loads(posted.body)
        if body["type"] in self.refuses:
            return Answer(422, None, 1)
        self.taken.append(body)
        return Answer(200, None, 1, body=ack_of(posted.headers["webhook-id"]))

    async def take(self) -> bool:
        """What lies ready is taken and acknowledged; whether there was anything."""
        if self.down or self.mode is PartnerMode.CALL_OUT:
            return False
        if self.mode is PartnerMode.FILE_DROP:
            return self._take_files()
        return await self._pull()

    def _take_files(self) -> bool:
        found = self.folders.read(self.folder, OUTBOX)
        for one in found:
            assert one.content is not None
            body = json.loads(one.content)
            refused = body["type"] in self.refuses
            if not refused:
                self.taken.append(body)
            ack = ack_of(body["id"], "refused" if refused else "acked")
            self.folders.write(self.folder, ACK, one.name, ack)
            self.folders.remove(self.folder, OUTBOX, one.name)
        return bool(found)

    async def _pull(self) -> bool:
        rows = await self.messages(MessageState.SENT)
        rows = [row for row in rows if json.loads(row.body)["type"] not in self.refuses]
        self.taken += [json.loads(row.body) for row in rows]
        for start in range(0, len(rows), 500):
            async with self.acting() as act:
                await acknowledge_messages(act, [row.id for row in rows[start : start + 500]])
        return bool(rows)

    async def says(self, key: str = "", **word: Any) -> dict[str, Any]:
        """A message in, by file or by mutation; its answer as plain values."""
        given = {"happened_at": self.clock(), "delivery_no": None, "reason": None, **word}
        if self.mode is not PartnerMode.FILE_DROP:
            async with self.acting() as act:
                row = await receive_message(act, key=key, said=Said(**given))
                assert row.outcome is not None
                return {"status": "accepted", "outcome": row.outcome.upper()}
        name = f"{key}.json"
        said = json.loads(Said(**given).body())
        content = json.dumps({**said, "idempotencyKey": key}).encode()
        self.folders.write(self.folder, INBOX, name, content)
        await self.messenger.run_until_idle()
        (answer,) = [one for one in self.folders.read(self.folder, ANSWERS) if one.name == name]
        self.folders.remove(self.folder, ANSWERS, name)
        assert answer.content is not None
        told: dict[str, Any] = json.loads(answer.content)
        return told

    # --- Time ---

    async def carry(self) -> None:
        """All that is due now, until nothing moves; alerts too."""
        self.clock.time = max(self.clock.time, now())
        while True:
            await self.messenger.run_until_idle()
            if not await self.take():
                break
        async with AsyncSession(self.engine) as session, session.begin():
            await tell_failing_partners(session, self.clock())
            # The outbox goes by the database's clock, which nobody turns.
            await session.execute(update(Job).values(due_at=func.now()))
        await drain(self.engine)
        await self.messenger.run_until_idle()

    async def carry_for(self, *, steps: int = 500, **length: float) -> None:
        """Let the time pass, from one due moment to the next."""
        self.clock.time = max(self.clock.time, now())
        end = self.clock.turn(**length)
        self.clock.turn(**{name: -value for name, value in length.items()})
        await self.carry()
        for _ in range(steps):
            due = await self._next_due()
            if due is None or due > end:
                break
            self.clock.time = max(due, self.clock.time)
            await self.carry()
        self.clock.time = end
        await self.carry()

    async def _next_due(self) -> datetime | None:
        message, partner = ExchangeMessage, ExchangePartner
        async with AsyncSession(self.engine) as session:
            at = await session.scalar(
                select(message.due_at)
                .where(
                    message.partner_id == self.partner.id,
                    message.direction == MessageDirection.OUT,
                    message.state.in_(LIVE),
                )
                .order_by(message.due_at)
                .limit(1)
            )
            row = await session.get_one(partner, self.partner.id)
        if at is None:
            return None
        at = max(moment for moment in (at, row.retry_at, row.leased_until) if moment is not None)
        return at if at > self.clock.time else None

    # --- Looking ---

    async def find_partner(self) -> ExchangePartner:
        """The one that was set up by another way than `open`."""
        async with AsyncSession(self.engine) as session:
            row = ExchangePartner
            found = await session.scalars(
                select(row).where(row.organization_id == self.account.organization_id)
            )
            return found.one()

    async def messages(self, *states: MessageState) -> Sequence[ExchangeMessage]:
        """Messages to the authority, in the order of the feed."""
        row = ExchangeMessage
        wanted = states or tuple(MessageState)
        async with AsyncSession(self.engine) as session:
            found = await session.scalars(
                select(row)
                .where(
                    row.partner_id == self.partner.id,
                    row.direction == MessageDirection.OUT,
                    row.state.in_(wanted),
                )
                .order_by(row.position)
            )
            return found.all()

    async def tell(self, kind: str, *rows: Any) -> None:
        """News of the rows, in one transaction."""
        async with AsyncSession(self.engine) as session, session.begin():
            act = Act(session, system(self.clock()))
            for row in rows:
                act.record(kind, row)

    def threads(self) -> dict[str, list[int]]:
        """The sequences that the authority took, by household, as it took them."""
        found: dict[str, list[int]] = defaultdict(list)
        for body in self.taken:
            found[body["thread"]].append(body["sequence"])
        return found


class _acting:  # noqa: N801 - reads as a verb where it is used
    def __init__(self, engine: AsyncEngine, actor: Any, mailroom: Mailroom) -> None:
        info = {webhook_rules.WEBHOOKS: mailroom}
        self.session = AsyncSession(engine, expire_on_commit=False, info=info)
        self.actor = actor

    async def __aenter__(self) -> Act:
        await self.session.begin()
        return Act(self.session, self.actor)

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        if error is None:
            await self.session.commit()
        await self.session.close()
