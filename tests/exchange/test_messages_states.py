"""Every state, role and verb of partners and messages: the listed succeed, all else refuses."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import EVERYWHERE, GOVERNMENT, Act, Actor, Role
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, NotFound, Refusal, VersionConflict, WrongState
from nexus.exchange.messages import model, operations
from nexus.exchange.messages.acks.operations import acknowledge_messages, replay_message
from nexus.exchange.messages.model import (
    ExchangeMessage,
    ExchangePartner,
    ExchangeThread,
    MessageDirection,
    MessageState,
    PartnerMode,
    PartnerState,
)
from nexus.exchange.messages.rules import hash_of
from nexus.exchange.webhooks import rules as webhook_rules
from nexus.exchange.webhooks.rules import Mailroom
from tests.deeds import VAULT_KEY
from tests.making import making, now

KEEPERS = {Role.GOV_APPROVER, Role.GOV_COORDINATOR, Role.PLATFORM_ADMIN}
Deed = Callable[[Act, Any], Awaitable[Any]]


def partner_deeds() -> dict[str, Deed]:
    """By verb, on a partner at its version."""

    def moved(deed: Any, **more: Any) -> Deed:
        return lambda act, row: deed(act, row.id, expected_version=row.version, **more)

    pull: dict[str, Any] = {"mode": PartnerMode.PULL, "url": None, "folder": None}
    return {
        "update": moved(operations.update_exchange_partner, **pull),
        "rotate": moved(operations.rotate_exchange_secret),
        "pause": moved(operations.pause_exchange_partner, reason="维护"),
        "resume": moved(operations.resume_exchange_partner),
        "close": moved(operations.close_exchange_partner, reason="停用"),
    }


MESSAGE_DEEDS: dict[str, Deed] = {
    "acknowledge": lambda act, row: acknowledge_messages(act, [row.id]),
    "replay": lambda act, row: replay_message(act, row.id, expected_version=row.version),
}


@dataclass
class Ground:
    """An authority, another one, and a need with an event to tell of."""

    session: AsyncSession
    authority: UUID
    other: UUID
    need: UUID
    event: UUID

    async def partner(self, state: PartnerState) -> ExchangePartner:
        """The authority's only one."""
        row = ExchangePartner(
            organization_id=self.authority,
            mode=PartnerMode.PULL,
            state=state,
            created_at=now(),
            created_by=new_id(),
        )
        self.session.add(row)
        await self.session.flush()
        return row

    async def message(self, state: MessageState) -> ExchangeMessage:
        """A message out, of a new thread."""
        partner = await self.partner(PartnerState.ACTIVE)
        thread = ExchangeThread(id=new_id(), partner_id=partner.id, subject_id=new_id(), sent=1)
        self.session.add(thread)
        await self.session.flush()
        ended = state in (MessageState.ACKED, MessageState.DEAD)
        row = ExchangeMessage(
            partner_id=partner.id,
            thread_id=thread.id,
            direction=MessageDirection.OUT,
            kind="need.published",
            sequence=1,
            event_id=self.event,
            need_id=self.need,
            body="{}",
            payload_hash=hash_of("{}"),
            idempotency_key=str(new_id()),
            state=state,
            due_at=now(),
            created_at=now(),
            created_by=new_id(),
            expires_at=now(),
            finished_at=now() if ended else None,
        )
        self.session.add(row)
        await self.session.flush()
        return row

    async def snapshot(self) -> Any:
        """What a refusal must leave as it is."""
        return await self.session.scalar(
            text(
                "SELECT json_build_object("
                "'p', (SELECT json_agg(p ORDER BY id) FROM exchange_partner p),"
                "'m', (SELECT json_agg(m ORDER BY id) FROM exchange_message m),"
                "'s', (SELECT count(*) FROM exchange_secret), 'e', (SELECT count(*) FROM event))"
            )
        )


@pytest.fixture
async def ground(engine: AsyncEngine) -> AsyncIterator[Ground]:
    async with making(engine) as m:
        authority, other = await m.authority(), await m.authority()
        need = await m.need(state="published", publisher_id=authority.id)
    info = {webhook_rules.WEBHOOKS: Mailroom(VAULT_KEY)}
    async with AsyncSession(engine, expire_on_commit=False, info=info) as session:
        await session.begin()
        act = Act(session, Actor(Role.SYSTEM, new_id(), new_id(), "", now()))
        act.record("need.published", need)
        await session.flush()
        event = await session.scalar(text("SELECT id FROM event ORDER BY position DESC LIMIT 1"))
        assert isinstance(event, UUID)
        yield Ground(session, authority.id, other.id, need.id, event)
        await session.rollback()


def expected(role: Role, own: bool, may: bool, listed: bool) -> type[Refusal] | None:
    """What the policy says."""
    if role not in EVERYWHERE and not (role in GOVERNMENT and own):
        return NotFound
    if not may:
        return Forbidden
    return None if listed else WrongState


async def attempt(ground: Ground, actor: Actor, deed: Deed, row: Any) -> type[Refusal] | None:
    """The refusal, if any; a refused deed leaves everything as it was."""
    before = await ground.snapshot()
    savepoint = await ground.session.begin_nested()
    try:
        await deed(Act(ground.session, actor), row)
        await ground.session.flush()
        result = None
    except Refusal as refusal:
        # The deed itself must not have written, so this looks before anything is rolled back.
        result = type(refusal)
        assert await ground.snapshot() == before
    else:
        assert await ground.snapshot() != before
    await savepoint.rollback()
    return result


@pytest.mark.parametrize("state", list(PartnerState))
async def test_partners(ground: Ground, state: PartnerState) -> None:
    row = await ground.partner(state)
    wrong = []
    for verb, deed in partner_deeds().items():
        listed = state in model.PARTNER_TRANSITIONS.sources(verb)
        for role in Role:
            for own in (True, False):
                organization = ground.authority if own else ground.other
                actor = Actor(role, new_id(), organization, "44", now())
                found = await attempt(ground, actor, deed, row)
                if found is not expected(role, own, role in KEEPERS, listed):
                    wrong.append((verb, role, own, found))
                await ground.session.refresh(row)
    assert wrong == []


@pytest.mark.parametrize("state", list(MessageState))
async def test_messages(ground: Ground, state: MessageState) -> None:
    row = await ground.message(state)
    wrong = []
    for verb, deed in MESSAGE_DEEDS.items():
        listed = state in model.TRANSITIONS.sources(verb)
        # Acknowledged twice is acknowledged: nothing changes, nothing is refused.
        again = verb == "acknowledge" and state is MessageState.ACKED
        for role in Role:
            for own in (True, False):
                organization = ground.authority if own else ground.other
                actor = Actor(role, new_id(), organization, "44", now())
                may = role in (GOVERNMENT if verb == "acknowledge" else KEEPERS)
                wanted = expected(role, own, may, listed or again)
                if wanted is None and again:
                    await deed(Act(ground.session, actor), row)
                    continue
                found = await attempt(ground, actor, deed, row)
                if found is not wanted:
                    wrong.append((verb, role, own, found))
                await ground.session.refresh(row)
    assert wrong == []


async def test_a_stale_version_is_refused(ground: Ground) -> None:
    partner = await ground.partner(PartnerState.ACTIVE)
    actor = Actor(Role.GOV_APPROVER, new_id(), ground.authority, "44", now())
    with pytest.raises(VersionConflict):
        await operations.pause_exchange_partner(
            Act(ground.session, actor), partner.id, expected_version=7
        )
    assert partner.state is PartnerState.ACTIVE


def test_the_tables_are_whole() -> None:
    assert sorted(model.PARTNER_TRANSITIONS.moves) == sorted(partner_deeds())
    machine = {"send", "deliver", "fail", "give_up"}
    assert set(model.TRANSITIONS.moves) == set(MESSAGE_DEEDS) | machine
    for verb, before, after in model.TRANSITIONS.rows():
        assert before is not after or verb == "fail"
        assert before is not MessageState.ACKED
