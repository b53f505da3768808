"""Beside the graph: nothing that was planted leaves by exports, webhooks, news or the change feed.

Each text of the world tells where it stood. Whatever goes out by itself is searched for them: the
lines of every dataset, the bodies of webhooks and their log, what subscriptions tell (the same
bytes over WebSockets and event streams), the feed of changes. Every event is planted with secrets.
"""

import secrets
from collections.abc import AsyncIterator, Iterator
from random import Random
from typing import Any

import pytest
from graphql import GraphQLInterfaceType, get_named_type
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.app import make_app
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.core.outbox import Event
from nexus.exchange.changes.policy import SOURCES
from nexus.exchange.changes.rules import kinds
from nexus.exchange.exports.model import Export, ExportDataset, ExportFormat
from nexus.exchange.exports.queries import START, Exporter
from nexus.exchange.webhooks.deliveries import operations
from nexus.exchange.webhooks.deliveries.queries import actor_of
from nexus.exchange.webhooks.model import (
    FeedCursor,
    WebhookEndpoint,
    WebhookSecret,
)
from nexus.exchange.webhooks.policy import OWNERS
from nexus.graph.declare import TYPES
from nexus.graph.errors import RequestError
from nexus.graph.streams import ROW
from nexus.settings import Settings
from tests.conftest import on_server
from tests.deeds import VAULT_KEY
from tests.graph.generated import Query
from tests.house.conftest import House
from tests.house.matrix_table import Reviewed
from tests.house.matrix_world import CANARY, build_world, side_of, territory
from tests.house.test_canaries import ASKING, Ear
from tests.house.test_canaries import _told as _answered
from tests.house.walking import Walker
from tests.making import making, now

SEED = 20260701
WALKS, WALKS_TORTURE = 2, 40
"""Different selections for each reader and way out."""
KINDS = 2
"""Different things that happen to each object."""
PLANTED = "planted:secret:"
"""In the facts of every event: history, which goes nowhere."""


@pytest.fixture(scope="module")
async def outside(server: Database, template: str) -> AsyncIterator[House]:
    """A world of its own, in which something has happened to every object."""
    name = f"nexus_outside_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    database = server.named(name)
    app = make_app(Settings(database.owner_url, database.app_url, vault_key=VAULT_KEY))
    try:
        async with app.router.lifespan_context(app):
            engine: AsyncEngine = app.state.engine
            house = House(await build_world(engine), engine, app.state.executor)
            await _endpoints(house)
            await _happen(house)
            yield house
    finally:
        await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _endpoints(house: House) -> None:
    """Of every role that may have one, in the organizations of the world."""
    async with making(house.engine) as m:
        for role in sorted(OWNERS):
            like = house.world.accounts[side_of(role)]
            account = await m.account(
                role, organization_id=like.organization_id, area_code=territory(role)
            )
            endpoint_id = new_id()
            m.session.add(
                WebhookEndpoint(
                    id=endpoint_id,
                    account_id=account.id,
                    organization_id=account.organization_id,
                    url="https://hooks.partner.example/",
                    kinds=[],
                    created_at=now(),
                    created_by=account.id,
                )
            )
            await m.session.flush()
            m.session.add(
                WebhookSecret(
                    endpoint_id=endpoint_id,
                    ciphertext=b"sealed",
                    key_version=1,
                    created_at=now(),
                    created_by=account.id,
                )
            )


async def _happen(house: House) -> None:
    random = Random(SEED)
    async with AsyncSession(house.engine) as session, session.begin():
        for table, row in _told_rows(house):
            for kind in random.sample(kinds(table), min(KINDS, len(kinds(table)))):
                session.add(
                    Event(
                        id=new_id(),
                        kind=kind,
                        object_type=table,
                        object_id=row.id,
                        object_version=getattr(row, "version", None),
                        actor_id=house.world.accounts["need"].id,
                        actor_role=Role.GOV_CLERK.value,
                        organization_id=house.world.accounts["need"].organization_id,
                        occurred_at=now(),
                        facts={"note": f"{PLANTED}{kind}"},
                    )
                )


def _told_rows(house: House) -> Iterator[tuple[str, Any]]:
    for place in house.world.places.values():
        for row in place.rows.values():
            table = getattr(row, "__tablename__", "")
            if table in SOURCES:
                yield table, row


def _wrong(ear: Ear, role: Role, told: str) -> list[str]:
    found = ear.wrong(role, told)
    return sorted(found | {PLANTED} if PLANTED in told else found)


async def test_exports_hold_what_the_table_lets_be_read(outside: House, reviewed: Reviewed) -> None:
    exporter = Exporter(outside.executor, outside.executor.reader.pool)
    ear = Ear(outside.world, reviewed)
    for dataset in ExportDataset:
        export = Export(dataset=dataset, format=ExportFormat.JSONL, filter={})
        for role in ASKING:
            actor = outside.world.actor(role)
            lines = await exporter.chunk(export, actor, START)
            told = b"\n".join(lines).decode()
            assert _wrong(ear, role, told) == [], (role, dataset)
            assert len(lines) == await exporter.count(export, actor), (role, dataset)
    assert ear.heard > 1000, "they told nearly nothing"


async def test_webhooks_say_ids_and_codes(outside: House, reviewed: Reviewed) -> None:
    """Whatever the account may read: a body holds no text of anybody."""
    async with AsyncSession(outside.engine) as session, session.begin():
        start = update(FeedCursor).values(xact=0, position=0)
        await session.execute(start)
        await session.execute(update(WebhookEndpoint).values(since_xact=0))
    while await _fan_out(outside.engine):
        pass
    bodies = [body async for body in _bodies(outside)]
    assert len(bodies) > 1000
    secret = Ear(outside.world, reviewed).secret
    assert [one for one in bodies if CANARY.search(one) or secret.search(one)] == []
    assert [one for one in bodies if PLANTED in one] == []


async def _fan_out(engine: AsyncEngine) -> int:
    async with AsyncSession(engine) as session, session.begin():
        return await operations.fan_out(session, now())


async def _bodies(outside: House) -> AsyncIterator[str]:
    """Every post there is to make, each accepted."""
    async with AsyncSession(outside.engine) as session, session.begin():
        turns = await operations.lease(session, now(), limit=100, failing=False, besides=())
        assert len(turns) > len(OWNERS) // 2, "few were told anything"
        for turn in turns:
            while batch := await _batch(session, turn):
                outcomes = [
                    operations.Outcome(one, 200, None, 1, accepted=True) for one in batch.parcels
                ]
                await operations.settle(session, turn, now(), outcomes, batch.withheld, 0.5)
                for parcel in batch.parcels:
                    yield parcel.body.decode()


async def _batch(session: AsyncSession, turn: operations.Lease) -> operations.Batch | None:
    batch = await operations.take_batch(session, turn, now(), size=500)
    return batch if batch is not None and (batch.parcels or batch.withheld) else None


async def test_the_log_of_webhooks_tells_no_more(outside: House, reviewed: Reviewed) -> None:
    text = """{ webhookEndpoints(first: 20) { nodes { id url kinds label state stateReason
      lastSuccessAt deliveries(first: 100) { totalCount nodes {
        webhookId kind state attempts lastStatus lastError } } } } }"""
    ear = Ear(outside.world, reviewed)
    listed = 0
    async with AsyncSession(outside.engine) as session:
        owners = await session.scalars(
            select(Account).join(WebhookEndpoint, WebhookEndpoint.account_id == Account.id)
        )
        actors = [actor_of(one, now()) for one in owners]
    for role in ASKING:
        told = (await outside.executor.execute(text, outside.world.actor(role))).body().decode()
        assert _wrong(ear, role, told) == [], role
    for actor in actors:
        # Owners who stand elsewhere than the table's readers: their log holds no secret either.
        told = (await outside.executor.execute(text, actor)).body().decode()
        assert not ear.secret.search(told)
        assert PLANTED not in told
        listed += told.count("lastStatus")
    assert listed > 100


async def test_the_feed_tells_what_the_table_lets_be_read(
    outside: House, reviewed: Reviewed, torture: bool
) -> None:
    walker = Walker(outside.executor.schema, outside.executor.registry, outside.world, SEED)
    ear = Ear(outside.world, reviewed)
    told_of = 0
    for role in ASKING:
        for _ in range(WALKS_TORTURE if torture else WALKS):
            below = walker._object("ChangeFeed", 1)
            text = f"{{ changes(first: 200) {{ {below} }} }}"
            told, _ = await _answered(outside.executor, outside.world, role, Query(text, {}))
            assert _wrong(ear, role, told) == [], (role, text)
            told_of += told.count("objectId")
    assert told_of > 1000


async def test_news_tells_what_the_table_lets_be_read(
    outside: House, reviewed: Reviewed, torture: bool
) -> None:
    walker = Walker(outside.executor.schema, outside.executor.registry, outside.world, SEED)
    ear, random, sent = Ear(outside.world, reviewed), Random(SEED), 0
    rows = list(_told_rows(outside))
    for name, stream in outside.executor.registry.streams.items():
        for role in ASKING:
            for _ in range(WALKS_TORTURE if torture else WALKS):
                text = f"subscription {{ {name} {{ {_selected(walker, outside, name)} }} }}"
                told = [one async for one in _told(outside, text, role, random.sample(rows, 60))]
                sent += len(told)
                # History shows what events say, to those who may read it there.
                wrong = [found for one in told for found in sorted(ear.wrong(role, one))]
                assert wrong == [], (name, role, text)
        assert stream.heard
    assert sent > 60


def _selected(walker: Walker, outside: House, name: str) -> str:
    """A selection of what the stream tells of."""
    root: Any = outside.executor.schema.subscription_type
    target = get_named_type(root.fields[name].type)
    if isinstance(target, GraphQLInterfaceType):
        heard = {one.type_name for one in outside.executor.registry.streams[name].heard}
        return " ".join(f"... on {one} {{ {walker._object(one, 1)} }}" for one in sorted(heard))
    return walker._object(target.name, 1)


async def _told(
    outside: House, text: str, role: Role, rows: list[tuple[str, Any]]
) -> AsyncIterator[str]:
    """What a follower is sent when all that can happen to these rows happens."""
    actor, executor = outside.world.actor(role), outside.executor
    try:
        opened = executor.follow(text, actor)
    except RequestError as error:
        yield str([one.formatted for one in error.errors])
        return
    assert opened is not None
    for table, row in rows:
        for heard in opened.declared.heard:
            if TYPES[heard.type_name].table.__tablename__ != table:
                continue
            statement = executor.streams.statement(opened, heard, role)
            parameters = statement.parameters({**opened.values, ROW: row.id}, actor)
            found = await executor.reader.fetch(statement.sql, parameters, statement.course)
            if found != b"null":
                yield opened.data(found).decode()
