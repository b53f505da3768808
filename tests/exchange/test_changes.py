"""The feed tells everything once, in order, to those who may know it, and never skips a commit."""

import ast
import asyncio
import random
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus
from nexus.accounts.model import Account
from nexus.acting import Act, Role, shape, system
from nexus.charity import operations as charity
from nexus.core.outbox import Event, run_due
from nexus.exchange.changes import policy, queries, rules
from nexus.exchange.changes.reactions import tell_begun_needs
from nexus.graph.declare import TYPES
from nexus.graph.identifiers import encode
from nexus.matching.worklist.policy import KINDS as KINDS_OF_WORK
from nexus.needs import operations as needs
from nexus.needs.model import CloseReason, Need, Visibility
from nexus.needs.publication import operations as publication
from nexus.organizations import operations as organizations
from nexus.organizations.model import Organization
from nexus.recipients import operations as recipients
from nexus.recipients.consents import operations as consents
from nexus.recipients.model import Consent, Household
from nexus.schema import make_schema
from nexus.supervision.watching.operations import WATCHED
from tests.conftest import Api
from tests.deeds import acting, actor_of
from tests.graph.world import make_world
from tests.making import Maker, making, now, today

PAGE = """
query ($since: String, $first: Int, $types: [ChangedType!], $kinds: [String!]) {
  changes(since: $since, first: $first, types: $types, kinds: $kinds) {
    entries {
      cursor kind objectType objectId sequence version occurredAt tombstone
      node { __typename id ... on Need { publicTitle state } ... on Offer { title } }
    }
    nextCursor hasMore latestCursor
  }
}
"""


async def page(api: Api, account: Account | None, **variables: Any) -> dict[str, Any]:
    answer = await api(account)(PAGE, **variables)
    assert "errors" not in answer, answer
    feed: dict[str, Any] = answer["data"]["changes"]
    return feed


async def follow(
    api: Api, account: Account | None, since: str | None, **variables: Any
) -> list[dict[str, Any]]:
    """Every entry after the cursor."""
    found: list[dict[str, Any]] = []
    while True:
        feed = await page(api, account, since=since, **variables)
        found += feed["entries"]
        since = feed["nextCursor"]
        if not feed["hasMore"]:
            return found


async def end(api: Api) -> str:
    """Where the feed ends now."""
    feed = await page(api, None, first=0)
    return str(feed["latestCursor"])


def told(entries: list[dict[str, Any]], row: Any, type_name: str = "Need") -> list[Any]:
    """What was told of a row: the kind, with a cross where it is a tombstone."""
    wanted = encode(type_name, row.id)
    return [
        ("† " if entry["tombstone"] else "") + entry["kind"]
        for entry in entries
        if entry["objectId"] == wanted
    ]


async def a_published_need(engine: AsyncEngine, m: Maker, **fields: Any) -> tuple[Need, Account]:
    """A need published by a deed, so that there is news of it, and its approver."""
    approver = await m.account(Role.GOV_APPROVER, area_code="44")
    need = await m.need(state="verified", **fields)
    async with acting(engine, approver) as act:
        await publication.publish_need(act, need.id, expected_version=need.version)
    return need, approver


async def act_on_need(
    engine: AsyncEngine, account: Account, deed: Any, need: Need, **given: Any
) -> None:
    async with AsyncSession(engine) as session:
        version = (await session.get_one(Need, need.id)).version
    async with acting(engine, account) as act:
        await deed(act, need.id, expected_version=version, **given)


async def drain(engine: AsyncEngine) -> None:
    while await run_due(engine):
        pass


# Entries --------------------------------------------------------------------------------------


async def test_an_entry_says_what_happened_to_what(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        need, _ = await a_published_need(engine, m, public_title="大米")
        charity_user = await m.account(Role.CHARITY_USER)
    feed = await page(api, charity_user, since=since, types=["NEED"])
    (entry,) = feed["entries"]
    gid = encode("Need", need.id)
    assert entry["kind"] == "need.published"
    assert (entry["objectType"], entry["objectId"]) == ("NEED", gid)
    assert (entry["version"], entry["tombstone"]) == (need.version + 1, False)
    assert entry["sequence"] == 1
    assert entry["node"] == {
        "__typename": "Need",
        "id": gid,
        "publicTitle": "大米",
        "state": "PUBLISHED",
    }
    assert (entry["cursor"], feed["nextCursor"]) == (feed["latestCursor"],) * 2
    assert feed["hasMore"] is False
    after = await page(api, charity_user, since=feed["nextCursor"])
    assert (after["entries"], after["nextCursor"]) == ([], feed["nextCursor"])


async def test_pages_join_without_a_gap(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        approver = await m.account(Role.GOV_APPROVER, area_code="44")
        published = [(await a_published_need(engine, m))[0] for _ in range(5)]
    whole = await follow(api, approver, since)
    for size in (1, 2, 3, 5, 100):
        assert await follow(api, approver, since, first=size) == whole
    assert [entry["objectId"] for entry in whole] == [encode("Need", n.id) for n in published]
    for at, entry in enumerate(whole):
        assert await follow(api, approver, entry["cursor"]) == whole[at + 1 :]
    nothing = await page(api, approver, since=since, first=0)
    assert (nothing["entries"], nothing["nextCursor"], nothing["hasMore"]) == ([], since, True)


async def test_the_feed_can_be_narrowed(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m)
        owner = await m.account(Role.CHARITY_USER)
        offer = await m.offer(await m.session.get_one(Organization, owner.organization_id))
    async with acting(engine, owner) as act:
        await charity.confirm_offer(act, offer.id, expected_version=offer.version)
    await act_on_need(engine, approver, publication.pause_need, need, reason="x")
    everything = await follow(api, owner, since)
    assert [e["kind"] for e in everything] == ["need.published", "offer.confirmed", "need.paused"]
    for given, expected in (
        ({"types": ["OFFER"]}, ["offer.confirmed"]),
        ({"types": ["OFFER", "NEED"], "kinds": ["need.paused"]}, ["need.paused"]),
        ({"kinds": []}, []),
    ):
        found = await follow(api, owner, since, **given)
        assert [entry["kind"] for entry in found] == expected


@pytest.mark.parametrize(
    "since", ["", "nope", "WyJORVdFU1QiLCIxIiwiMiJd", "WyJjaGFuZ2VzIiwiLTEiLCIwIl0=", "x" * 9000]
)
async def test_a_cursor_of_something_else_is_refused(api: Api, since: str) -> None:
    answer = await api(None)(PAGE, since=since)
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["BAD_CURSOR"]


async def test_a_page_too_large_is_refused(api: Api) -> None:
    answer = await api(None)(PAGE, first=1001)
    assert answer["errors"][0]["extensions"]["code"] == "PAGE_TOO_LARGE"


# Who is told ----------------------------------------------------------------------------------


async def test_what_one_may_never_see_is_never_told(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m, visibility=Visibility.INTERNAL)
        stranger = await m.account(Role.CHARITY_USER)
        elsewhere = await m.account(Role.GOV_APPROVER, area_code="4451")
    await act_on_need(engine, approver, publication.pause_need, need, reason="x")
    for nobody in (stranger, elsewhere, None):
        assert told(await follow(api, nobody, since), need) == []
    assert told(await follow(api, approver, since), need) == ["need.published", "need.paused"]


async def test_inner_history_is_for_insiders(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        lead = await m.account(Role.STATION_LEAD, area_code="44")
        approver = await m.account(Role.GOV_APPROVER, area_code="44")
        stranger = await m.account(Role.CHARITY_USER)
        need = await m.need(state="submitted")
    await act_on_need(engine, approver, needs.verify_need, need, evidence="visit")
    await act_on_need(engine, approver, publication.publish_need, need)
    kinds = ["need.verified", "need.published"]
    assert told(await follow(api, lead, since), need) == kinds
    assert told(await follow(api, stranger, since), need) == ["need.published"]


async def test_accounts_and_identity_are_in_no_feed(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        admin = await m.account(Role.PLATFORM_ADMIN, area_code="CN")
        recipient = await m.recipient()
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, system(now()))
        for kind, row in (
            ("account.signed_in", admin),
            ("identity.recorded", recipient),
            ("recipient.found", recipient),
        ):
            act.record(kind, row)
    kinds = {entry["kind"] for entry in await follow(api, admin, None)}
    assert not kinds & {"account.signed_in", "identity.recorded", "recipient.found"}


# Tombstones -----------------------------------------------------------------------------------


async def test_a_withdrawn_consent_leaves_a_tombstone(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m)
        stranger = await m.account(Role.CHARITY_USER)
        worker = await m.account(Role.STATION_LEAD, area_code="44")
        consent = await m.session.get_one(Consent, need.consent_id)
    before = await page(api, stranger, since=since)
    assert told(before["entries"], need) == ["need.published"]
    async with acting(engine, worker) as act:
        await consents.withdraw_consent(
            act, consent.id, expected_version=consent.version, reason="her word"
        )
    await drain(engine)
    (entry,) = [
        e
        for e in await follow(api, stranger, before["nextCursor"])
        if e["objectId"] == encode("Need", need.id)
    ]
    assert (entry["kind"], entry["tombstone"]) == ("need.paused", True)
    assert (entry["node"], entry["version"]) == (None, None)
    assert told(await follow(api, approver, before["nextCursor"]), need) == ["need.paused"]
    # Who comes later hears only that there is something to forget.
    assert told(await follow(api, stranger, since), need) == ["† need.paused"]


async def test_a_consent_that_ends_reaches_paused_needs_too(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m)
        stranger = await m.account(Role.CHARITY_USER)
        worker = await m.account(Role.STATION_LEAD, area_code="44")
        consent = await m.session.get_one(Consent, need.consent_id)
    await act_on_need(engine, approver, publication.pause_need, need, reason="x")
    await drain(engine)
    since = await end(api)
    async with acting(engine, worker) as act:
        await consents.withdraw_consent(
            act, consent.id, expected_version=consent.version, reason="her word"
        )
    await drain(engine)
    entries = await follow(api, stranger, since)
    assert told(entries, need) == ["† need.visibility_changed"]


@pytest.mark.parametrize("how", ["paused", "closed", "cancelled"])
async def test_the_public_gets_a_tombstone_where_charities_still_see(
    api: Api, engine: AsyncEngine, how: str
) -> None:
    since = await end(api)
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m, visibility=Visibility.PUBLIC)
        stranger = await m.account(Role.CHARITY_USER)
    endings: dict[str, tuple[Any, dict[str, Any]]] = {
        "paused": (publication.pause_need, {"reason": "x"}),
        "closed": (needs.close_need, {"close_reason": CloseReason.NO_LONGER_NEEDED}),
        "cancelled": (needs.cancel_need, {"reason": "x"}),
    }
    deed, given = endings[how]
    await act_on_need(engine, approver, deed, need, **given)
    assert told(await follow(api, None, since), need) == [f"† need.{how}"]
    shown = [f"† need.{how}"] if how == "cancelled" else ["need.published", f"need.{how}"]
    assert told(await follow(api, stranger, since), need) == shown


async def test_a_tombstone_is_only_for_whom_it_was_shown_to(api: Api, engine: AsyncEngine) -> None:
    since = await end(api)
    async with making(engine) as m:
        named = await m.account(Role.CHARITY_USER)
        stranger = await m.account(Role.CHARITY_USER)
        unverified = await m.account(Role.CHARITY_USER, await m.organization(state="draft"))
        assert named.organization_id is not None
        recipient = await m.recipient()
        consent = await m.consent(recipient, receiver_ids=[named.organization_id])
        need, approver = await a_published_need(
            engine,
            m,
            visibility=Visibility.NAMED,
            recipient_id=recipient.id,
            consent_id=consent.id,
        )
        never_shown = await m.need(state="draft")
    await act_on_need(engine, approver, needs.cancel_need, need, reason="x")
    await act_on_need(engine, approver, needs.cancel_need, never_shown, reason="x")
    assert told(await follow(api, named, since), need) == ["† need.cancelled"]
    for nobody in (stranger, unverified, None):
        assert told(await follow(api, nobody, since), need) == []
    for anyone in (named, stranger, None):
        assert told(await follow(api, anyone, since), never_shown) == []


async def test_a_suspended_organizations_offers_leave_tombstones(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        owner = await m.account(Role.CHARITY_USER)
        organization = await m.session.get_one(Organization, owner.organization_id)
        offer = await m.offer(organization, state="draft")
        hidden = await m.offer(organization, state="draft")
        stranger = await m.account(Role.CHARITY_USER)
        approver = await m.account(Role.GOV_APPROVER, area_code="44")
    async with acting(engine, owner) as act:
        await charity.list_offer(act, offer.id, expected_version=offer.version)
    since = await end(api)
    async with acting(engine, approver) as act:
        await organizations.suspend_organization(
            act, organization.id, expected_version=organization.version, reason="x"
        )
    await drain(engine)
    kind = "offer.visibility_changed"
    assert told(await follow(api, stranger, since), offer, "Offer") == [f"† {kind}"]
    assert told(await follow(api, None, since), offer, "Offer") == [f"† {kind}"]
    assert told(await follow(api, owner, since), offer, "Offer") == [kind]
    assert told(await follow(api, stranger, since), hidden, "Offer") == []
    since = await end(api)
    async with acting(engine, approver) as act:
        await organizations.reinstate_organization(
            act, organization.id, expected_version=organization.version + 1
        )
    await drain(engine)
    assert told(await follow(api, stranger, since), offer, "Offer") == [kind]


async def test_a_protected_address_takes_the_need_out_of_sight(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        household = await m.household()
        recipient = await m.recipient(household=household)
        need, _ = await a_published_need(
            engine, m, recipient_id=recipient.id, household_id=household.id
        )
        stranger = await m.account(Role.CHARITY_USER)
        lead = await m.account(Role.STATION_LEAD, area_code="44")
        household = await m.session.get_one(Household, household.id)
    since = await end(api)
    async with acting(engine, lead) as act:
        await recipients.update_household(
            act, household.id, expected_version=household.version, address_protected=True
        )
    await drain(engine)
    found = await follow(api, stranger, since)
    assert told(found, need) == ["† need.visibility_changed"]
    assert not [entry for entry in found if entry["objectType"] == "HOUSEHOLD"]


async def test_a_period_that_begins_later_is_news(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need, _ = await a_published_need(engine, m)
        stranger = await m.account(Role.CHARITY_USER)
    async with engine.begin() as connection:
        await connection.execute(
            update(Need)
            .where(Need.id == need.id)
            .values(publish_from=today(), published_at=now() - timedelta(days=2))
        )
    since = await end(api)
    async with AsyncSession(engine) as session, session.begin():
        assert await tell_begun_needs(session, now()) == 1
    async with AsyncSession(engine) as session, session.begin():
        assert await tell_begun_needs(session, now()) == 0
    assert told(await follow(api, stranger, since), need) == ["need.visibility_changed"]


# Order ----------------------------------------------------------------------------------------


class Thing:
    """An object of news without a row."""

    def __init__(self, id_: Any, table: str = "station") -> None:
        self.id = id_
        self.__tablename__ = table


async def test_an_open_transaction_holds_back_what_was_written_since(
    api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        stations = [await m.station() for _ in range(3)]
    since = await end(api)
    late = AsyncSession(engine)
    async with late.begin():
        Act(late, system(now())).record("station.paused", stations[0])
        await late.flush()
        async with AsyncSession(engine) as session, session.begin():
            Act(session, system(now())).record("station.paused", stations[1])
        assert await follow(api, None, since) == []
        held = await page(api, None, since=since)
        assert (held["nextCursor"], held["hasMore"]) == (since, False)
    await late.close()
    found = await follow(api, None, held["nextCursor"])
    assert [entry["objectId"] for entry in found] == [
        encode("Station", station.id) for station in stations[:2]
    ]


async def test_an_aborted_transaction_holds_nothing_back(api: Api, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        station = await m.station()
    since = await end(api)
    async with AsyncSession(engine) as session:
        Act(session, system(now())).record("station.paused", station)
        await session.flush()
        await session.rollback()
    async with AsyncSession(engine) as session, session.begin():
        Act(session, system(now())).record("station.resumed", station)
    assert told(await follow(api, None, since), station, "Station") == ["station.resumed"]


async def test_an_older_transaction_that_writes_later_comes_later(
    api: Api, engine: AsyncEngine
) -> None:
    """The writer that began first waits for the object, and its event is the second."""
    async with making(engine) as m:
        station = await m.station()
    since = await end(api)
    first = AsyncSession(engine)
    async with first.begin():
        await first.execute(text("SELECT pg_current_xact_id()"))
        async with AsyncSession(engine) as session, session.begin():
            Act(session, system(now())).record("station.paused", station)
        Act(first, system(now())).record("station.resumed", station)
    await first.close()
    found = await follow(api, None, since)
    assert told(found, station, "Station") == ["station.paused", "station.resumed"]
    assert [entry["sequence"] for entry in found] == [1, 2]


async def test_writers_and_a_reader_at_once(api: Api, engine: AsyncEngine, torture: bool) -> None:
    """Late commits, aborts and waits for one another: everything once, in order per object."""
    writers, deeds = (12, 200) if torture else (8, 25)
    async with making(engine) as m:
        stations = [await m.station() for _ in range(4)]
    since: str | None = await end(api)
    chance = random.Random(7)
    written: list[Any] = []

    async def write() -> None:
        for _ in range(deeds):
            station = chance.choice(stations)
            async with AsyncSession(engine) as session:
                await session.execute(text("SELECT pg_current_xact_id()"))
                await asyncio.sleep(chance.random() * 0.01)
                await session.execute(
                    text("SELECT id FROM station WHERE id = :id FOR UPDATE"), {"id": station.id}
                )
                event_kind = chance.choice(("station.paused", "station.resumed"))
                Act(session, system(now())).record(event_kind, station)
                await session.flush()
                await asyncio.sleep(chance.random() * 0.01)
                if chance.random() < 0.2:
                    await session.rollback()
                    continue
                await session.commit()
                written.append(station.id)

    read: list[dict[str, Any]] = []
    done = asyncio.Event()

    async def poll() -> None:
        nonlocal since
        while True:
            last = done.is_set()
            feed = await page(api, None, since=since, first=7)
            read.extend(feed["entries"])
            since = feed["nextCursor"]
            if last and not feed["hasMore"] and not feed["entries"]:
                return
            await asyncio.sleep(0.002)

    reader = asyncio.create_task(poll())
    await asyncio.gather(*(write() for _ in range(writers)))
    done.set()
    await reader
    assert len(read) == len(written)
    assert len({entry["cursor"] for entry in read}) == len(read)
    by_object: dict[str, list[int]] = defaultdict(list)
    for entry in read:
        by_object[entry["objectId"]].append(entry["sequence"])
    for station in stations:
        numbers = by_object[encode("Station", station.id)]
        assert numbers == list(range(1, written.count(station.id) + 1))


# The tables of rules ---------------------------------------------------------------------------


def _kinds_in(tree: ast.AST) -> Iterator[str]:
    """What is recorded or heard by name."""
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            name = getattr(call.func, "attr", getattr(call.func, "id", ""))
            if name in ("record", "hears") and call.args:
                (first, *_) = call.args
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    yield first.value


def test_every_noun_of_news_is_known() -> None:
    nouns = {noun.kind_noun or table for table, noun in rules.NOUNS.items()} | rules.NEVER_TOLD
    found = {
        kind.split(".")[0]
        for path in Path(nexus.__file__).parent.rglob("*.py")
        for kind in _kinds_in(ast.parse(path.read_text("utf-8")))
    }
    assert len(found) > 15
    assert found - nouns == set(), "name them in changes/rules.py: NOUNS or NEVER_TOLD"


def recorded_kinds() -> set[str]:
    """What the code says of events: every constant that reads noun.verbed with a known noun."""
    nouns = {noun.kind_noun or table for table, noun in rules.NOUNS.items()} | rules.NEVER_TOLD
    found: set[str] = set()
    for path in Path(nexus.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                noun, _, verb = node.value.partition(".")
                if noun in nouns and re.fullmatch(r"[a-z_]+", verb):
                    found.add(node.value)
    return found


NO_EVENTS = re.compile(
    r".*\.(id|kind|state|unit|category|period|live|editable|reviewed|pledged|item_key|uscc|active"
    r"|contact_only|running|spend_within_received|owner|finished_at|.*_id)$"
)
"""Names of columns and of rules, which read alike."""


def test_every_kind_of_news_is_told_or_kept_back_on_purpose() -> None:
    make_schema()
    kept = {k for k in recorded_kinds() if k.split(".")[0] in rules.NEVER_TOLD} | rules.KEPT_BACK
    kept |= {standing.rule for standing in WATCHED}
    unknown = {
        kind
        for kind in recorded_kinds() - rules.ALL_KINDS - kept - KINDS_OF_WORK.keys()
        if not NO_EVENTS.match(kind) and not re.search(r"\.[a-z]+_at$", kind)
    }
    assert unknown == set(), "name them in changes/rules.py"


def test_sources_are_the_types_with_their_own_policies() -> None:
    make_schema()
    assert set(policy.SOURCES) == set(rules.NOUNS) == {t.value for t in rules.ChangedType}
    for table, source in policy.SOURCES.items():
        spec = TYPES[rules.NOUNS[table].type_name]
        assert (spec.table, spec.visible) == (source.table, source.visible)
        assert source.table.__tablename__ == table
        noun = rules.NOUNS[table]
        assert set(noun.opening) | set(noun.ending) <= set(noun.outward)


async def test_the_verdict_is_that_of_each_types_policy(engine: AsyncEngine) -> None:
    """Over a small world, as everybody: an event is told exactly when its object is seen."""
    world = await make_world(engine)
    async with AsyncSession(engine) as session:
        events = (await session.scalars(select(Event))).all()
        assert len(events) > 5
        for actor in world.actors():
            judged = await session.execute(select(Event.id, queries.status(actor, Event)))
            verdicts = {row[0]: row[1] for row in judged}
            for table, source in policy.SOURCES.items():
                seen = set(
                    await session.scalars(
                        select(source.table.id).where(source.visible(actor, source.table))
                    )
                )
                for event in events:
                    if event.object_type == table and event.kind in rules.kinds(table):
                        verb = event.kind.split(".")[1]
                        shown = event.object_id in seen
                        if verb in rules.NOUNS[table].outward:
                            assert (verdicts[event.id] is False) == shown, (actor.role, event.kind)
                        elif not shown:
                            assert verdicts[event.id] is not False


async def test_a_need_in_the_actors_hands_is_the_same_in_sql(engine: AsyncEngine) -> None:
    """Values and parameters: the courier judges with the one, the feed with the other."""
    async with making(engine) as m:
        need, approver = await a_published_need(engine, m)
        accounts = [approver, await m.account(Role.CHARITY_USER)]
    async with AsyncSession(engine) as session:
        for account in accounts:
            actor = actor_of(account)
            plain = select(queries.status(actor, Event)).where(Event.object_id == need.id)
            bound = select(queries.status(shape(actor.role), Event)).where(
                Event.object_id == need.id
            )
            one = (await session.execute(plain)).scalars().all()
            other = (await session.execute(bound, actor.binds())).scalars().all()
            assert one == other == [False]
