"""What subscriptions tell, to whom, and when they stop."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from sqlalchemy import text, update
from sqlalchemy.event import listen, remove
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import AccessToken, Account, AccountState
from nexus.acting import Act, Actor, system
from nexus.core.embedded import Database
from nexus.exchange.changes.rules import ALL_KINDS
from nexus.graph import newsroom
from nexus.graph.errors import RequestError
from nexus.graph.identifiers import encode
from nexus.graph.newsroom import POLL_SECONDS, Ending
from nexus.graph.registering import MAIN
from nexus.graph.waiting import unavailable
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.needs.model import NeedState, Visibility
from nexus.recipients.model import Consent, ConsentState
from tests.conftest import Api
from tests.deeds import acting, actor_of
from tests.making import making, now, today
from tests.serving import Served, Socket, serving, socket_to

QUIET = 4 * POLL_SECONDS
"""Seconds after which nothing more comes."""
PUBLISHED = "subscription ($f: NeedFilter) { needPublished(filter: $f) { no } }"


@pytest.fixture(scope="module")
async def charity(engine: AsyncEngine) -> Account:
    """Somebody of a verified charity."""
    async with making(engine) as m:
        return await m.account("charity_user")


@asynccontextmanager
async def following(
    served: Served, api: Api, account: Account | None, query: str, **variables: Any
) -> AsyncIterator[Socket]:
    """A socket of the account on which the subscription `s` is open."""
    async with socket_to(served) as one:
        await one.begin(await api.token(account) if account else None)
        await one.subscribe("s", query, **variables)
        await opened(one)
        yield one


async def opened(one: Socket) -> None:
    """What was asked before has been taken up: messages are heard in their order."""
    await one.subscribe("opened", "{ __typename }")
    assert (await one.hear())["id"] == "opened"
    assert await one.hear() == {"id": "opened", "type": "complete"}


async def tell(engine: AsyncEngine, kind: str, *rows: Any, **facts: Any) -> None:
    """Record the news in one transaction."""
    async with acting(engine, system(now())) as act:
        for row in rows:
            act.record(kind, row, **facts)


@pytest.fixture
def title() -> str:
    """A title that only this test's needs have."""
    return f"大米 {secrets.token_hex(4)}"


def data(message: dict[str, Any]) -> Any:
    """What a `next` tells."""
    assert message["type"] == "next", message
    assert message["payload"]["extensions"]["cost"]["requested"] > 0
    return message["payload"]["data"]


# Who is told what ------------------------------------------------------------------------------


async def test_a_published_need_that_fits_is_told(
    served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    query = """
        subscription ($f: NeedFilter, $more: Boolean!) {
          told: needPublished(filter: $f) {
            no ...About @include(if: $more) lines(first: 1) { nodes { item } } internalDescription
          }
        }
        fragment About on Need { category }
    """
    async with making(engine) as m:
        fitting = await m.need(category="MED", area_code="440103001")
        elsewhere = await m.need(category="MED", area_code="445102001")
        other = await m.need(category="LIV")
    wanted = {"category": ["MED"], "area": "4401"}
    async with following(served, api, charity, query, f=wanted, more=True) as one:
        await tell(engine, "need.published", other, elsewhere, fitting)
        assert data(await one.hear()) == {
            "told": {
                "no": fitting.no,
                "category": "MED",
                "lines": {"nodes": [{"item": "大米"}]},
                "internalDescription": None,
            }
        }
        await tell(engine, "need.verified", fitting)
        assert await one.silent(QUIET)


async def test_the_policy_decides_for_each_event(
    served: Served, api: Api, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        public = await m.need(visibility=Visibility.PUBLIC, public_title=title)
        partners = await m.need(visibility=Visibility.PARTNERS, public_title=title)
        named = await m.need(visibility=Visibility.NAMED, public_title=title)
        draft = await m.need(NeedState.DRAFT, public_title=title)
        clerk = await m.account("gov_clerk")
    told = {}
    async with (
        following(served, api, None, PUBLISHED, f={"text": title}) as nobody,
        following(served, api, charity, PUBLISHED, f={"text": title}) as partner,
        following(served, api, clerk, PUBLISHED, f={"text": title}) as local,
    ):
        await tell(engine, "need.published", public, partners, named, draft)
        for name, one in (("nobody", nobody), ("partner", partner), ("local", local)):
            told[name] = await heard_of(one)
    assert told == {
        "nobody": [public.no],
        "partner": [public.no, partners.no],
        "local": [public.no, partners.no, named.no, draft.no],
    }


async def heard_of(one: Socket) -> list[str]:
    """The needs that are told until it is quiet."""
    told = []
    while True:
        try:
            told.append(data(await one.hear(QUIET))["needPublished"]["no"])
        except TimeoutError:
            return told


async def test_a_change_of_my_pledge_is_told(
    served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    query = "subscription ($n: ID) { pledgeChanged(needId: $n) { state need { no } } }"
    async with making(engine) as m:
        need = await m.need(lines=[{"quantity_required": Decimal(10)}])
        other = await m.need()
        rival = await m.account("charity_user")
        coordinator = await m.account("gov_coordinator")
    async with (
        following(served, api, charity, query, n=encode("Need", need.id)) as mine,
        following(served, api, charity, query, n=encode("Need", other.id)) as of_another,
        following(served, api, rival, query) as theirs,
        following(served, api, coordinator, query) as local,
    ):
        async with acting(engine, charity) as act:
            pledge = await pledges.offer_pledge(act, need.lines[0].id, quantity=Decimal(4))
        offered = {"pledgeChanged": {"state": "OFFERED", "need": {"no": need.no}}}
        assert data(await mine.hear()) == offered
        assert data(await local.hear()) == offered
        async with acting(engine, coordinator) as act:
            await pledges.accept_pledge(act, pledge.id, expected_version=1)
        assert data(await mine.hear())["pledgeChanged"]["state"] == "ACCEPTED"
        assert data(await local.hear())["pledgeChanged"]["state"] == "ACCEPTED"
        for _ in range(2):
            async with acting(engine, charity) as act:
                await deliveries.record_delivery(
                    act, pledge.id, quantity=Decimal(1), delivered_on=today()
                )
            assert data(await mine.hear())["pledgeChanged"]["state"] == "PARTLY_FULFILLED"
        assert await theirs.silent(QUIET)
        assert await of_another.silent(0.1)


WORKLIST = """
    subscription { worklistChanged {
        __typename id
        ... on Need { no allowedActions } ... on Pledge { allowedActions }
    } }
"""


async def test_the_worklist_tells_who_may_have_to_act(
    served: Served, api: Api, engine: AsyncEngine, charity: Account
) -> None:
    async with making(engine) as m:
        need = await m.need(NeedState.SUBMITTED)
        approver = await m.account("gov_approver", area_code="440103")
        far = await m.account("gov_approver", area_code="4451")
        supervisor = await m.account("supervisor")
        published = await m.need(lines=[{"quantity_required": Decimal(10)}])
    async with (
        following(served, api, approver, WORKLIST) as here,
        following(served, api, far, WORKLIST) as there,
        following(served, api, supervisor, WORKLIST) as watching,
        following(served, api, charity, WORKLIST) as giving,
    ):
        await tell(engine, "need.submitted", need)
        told = data(await here.hear())["worklistChanged"]
        assert (told["__typename"], told["no"]) == ("Need", need.no)
        assert "verifyNeed" in told["allowedActions"]
        async with acting(engine, charity) as act:
            await pledges.offer_pledge(act, published.lines[0].id, quantity=Decimal(1))
        told = data(await here.hear())["worklistChanged"]
        assert told["__typename"] == "Pledge"
        assert "acceptPledge" in told["allowedActions"]
        assert data(await giving.hear())["worklistChanged"]["__typename"] == "Pledge"
        assert await there.silent(QUIET)
        assert await watching.silent(0.1)


# When it stops ---------------------------------------------------------------------------------


async def test_a_revoked_token_stops_its_subscriptions(
    served: Served, api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        account = await m.account("charity_user")
        suspended = await m.account("charity_user")
    async with (
        following(served, api, account, PUBLISHED) as one,
        following(served, api, suspended, PUBLISHED) as two,
    ):
        async with AsyncSession(engine) as session, session.begin():
            revoke = update(AccessToken).where(AccessToken.account_id == account.id)
            await session.execute(revoke.values(revoked_at=now()))
            close = update(Account).where(Account.id == suspended.id)
            await session.execute(close.values(state=AccountState.SUSPENDED))
        began = asyncio.get_running_loop().time()
        for socket in (one, two):
            code, reason = await socket.closed(5)
            assert (code, reason) == (4403, "The credential has ended or was revoked.")
        assert asyncio.get_running_loop().time() - began < 5


async def test_a_right_that_was_taken_stops_the_events(
    served: Served, api: Api, engine: AsyncEngine, title: str
) -> None:
    """Not the credential ends here but what it opens: the territory is another."""
    async with making(engine) as m:
        clerk = await m.account("gov_clerk", area_code="440103")
        need = await m.need(visibility=Visibility.NAMED, area_code="440103001", public_title=title)
        await m.area("4451")
    async with following(served, api, clerk, PUBLISHED, f={"text": title}) as one:
        await tell(engine, "need.published", need)
        assert data(await one.hear())["needPublished"]["no"] == need.no
        async with AsyncSession(engine) as session, session.begin():
            moved = update(Account).where(Account.id == clerk.id).values(area_code="4451")
            await session.execute(moved)
        await asyncio.sleep(3.5)
        await tell(engine, "need.published", need)
        assert await one.silent(QUIET)


async def test_a_consent_withdrawn_stops_the_events(
    served: Served, api: Api, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        need = await m.need(public_title=title)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        await tell(engine, "need.published", need)
        assert data(await one.hear())["needPublished"]["no"] == need.no
        async with AsyncSession(engine) as session, session.begin():
            withdrawn = update(Consent).where(Consent.id == need.consent_id)
            values = {"state": ConsentState.WITHDRAWN, "withdrawn_at": now()}
            await session.execute(withdrawn.values(**values))
        await tell(engine, "need.resumed", need)
        assert await one.silent(QUIET)


async def test_complete_stops_it_and_the_newsroom_rests(
    served: Served, api: Api, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        need = await m.need(public_title=title)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        await one.say(id="s", type="complete")
        await opened(one)
        await tell(engine, "need.published", need)
        assert await one.silent(QUIET)
        assert served.state.newsroom._task is None
        await one.subscribe("s", PUBLISHED, f={"text": title})
        await opened(one)
        await tell(engine, "need.published", need)
        assert data(await one.hear())["needPublished"]["no"] == need.no


# How it is carried -----------------------------------------------------------------------------


async def test_every_server_process_tells(
    served: Served, api: Api, database: Database, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        need = await m.need(public_title=title)
    async with serving(database) as second:
        async with (
            following(served, api, charity, PUBLISHED, f={"text": title}) as one,
            following(second, api, charity, PUBLISHED, f={"text": title}) as two,
        ):
            await tell(engine, "need.published", need)
            assert data(await one.hear()) == data(await two.hear())


async def test_a_server_that_stops_says_so(database: Database, api: Api, charity: Account) -> None:
    """And does not wait for those who would listen for ever."""
    url = {"query": PUBLISHED}
    async with AsyncExitStack() as stack:
        async with serving(database) as second:
            one = await stack.enter_async_context(following(second, api, charity, PUBLISHED))
            client = await stack.enter_async_context(httpx.AsyncClient())
            stream = await stack.enter_async_context(
                client.stream(
                    "GET",
                    f"http://{second.address}/graphql",
                    params=url,
                    headers={"accept": "text/event-stream"},
                )
            )
            began = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - began < 5
        assert await one.closed() == (1012, Ending.CLOSING.value)
        assert "event: complete" in (await stream.aread()).decode()


async def test_one_read_serves_all_who_see_the_same(
    served: Served,
    api: Api,
    engine: AsyncEngine,
    charity: Account,
    monkeypatch: pytest.MonkeyPatch,
    title: str,
) -> None:
    reader, reads = served.state.executor.reader, []
    aliased = PUBLISHED.replace("need", "other: need", 1)
    fetch = reader.fetch

    async def counted(sql: str, *rest: Any) -> bytes:
        reads.append(sql)
        return bytes(await fetch(sql, *rest))

    async with making(engine) as m:
        need = await m.need(public_title=title)
        rival = await m.account("charity_user")
    async with (
        following(served, api, charity, PUBLISHED, f={"text": title}) as one,
        following(served, api, charity, aliased, f={"text": title}) as renamed,
        following(served, api, rival, PUBLISHED, f={"text": title}) as other,
    ):
        await renamed.subscribe("t", PUBLISHED, f={"text": title})
        await opened(renamed)
        monkeypatch.setattr(reader, "fetch", counted)
        await tell(engine, "need.published", need)
        for socket in (one, other, renamed, renamed):
            assert next(iter(data(await socket.hear()).values()))["no"] == need.no
    assert len(reads) == 2, "one for each organization"


async def test_a_poll_is_one_statement_for_all(
    served: Served, api: Api, charity: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements: list[str] = []

    def count(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        statements.append(statement)

    monkeypatch.setattr(newsroom, "RECHECK_SECONDS", 60.0)
    async with following(served, api, charity, PUBLISHED, f={}) as one:
        for number in range(20):
            await one.subscribe(str(number), WORKLIST)
        await opened(one)
        await asyncio.sleep(2 * POLL_SECONDS)
        engine = served.state.newsroom.engine.sync_engine
        listen(engine, "before_cursor_execute", count)
        await asyncio.sleep(10 * POLL_SECONDS)
        remove(engine, "before_cursor_execute", count)
    assert len(set(statements)) == 1
    assert 5 <= len(statements) <= 10


async def test_news_that_cannot_be_read_ends_the_connection(
    served: Served,
    api: Api,
    engine: AsyncEngine,
    charity: Account,
    title: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Silence would look as if nothing had happened."""
    tried = []

    async def away(*given: Any) -> bytes:
        tried.append(given)
        raise unavailable("The database cannot be reached.")

    async with making(engine) as m:
        need = await m.need(public_title=title)
    monkeypatch.setattr(newsroom, "PAUSE_SECONDS", 0.01)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        with monkeypatch.context() as patched:
            patched.setattr(served.state.executor.reader, "fetch", away)
            await tell(engine, "need.published", need)
            code, reason = await one.closed()
        assert (code, reason) == (1013, Ending.LOST.value)
    assert len(tried) == newsroom.READ_ATTEMPTS


async def test_changes_of_a_row_that_come_together_are_told_once(
    served: Served, api: Api, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        need = await m.need(public_title=title)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        await tell(engine, "need.published", need, need, need)
        assert data(await one.hear())["needPublished"]["no"] == need.no
        assert await one.silent(QUIET)


async def test_what_commits_late_is_not_skipped(
    served: Served, api: Api, engine: AsyncEngine, charity: Account, title: str
) -> None:
    async with making(engine) as m:
        late, early = await m.need(public_title=title), await m.need(public_title=title)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        async with AsyncSession(engine) as session:
            Act(session, system(now())).record("need.published", late)
            await session.flush()
            await tell(engine, "need.published", early)
            assert await one.silent(QUIET), "an earlier event may still come"
            await session.commit()
        told = [data(await one.hear())["needPublished"]["no"] for _ in range(2)]
        assert told == [late.no, early.no]


async def test_lost_connections_lose_no_news(
    served: Served,
    api: Api,
    engine: AsyncEngine,
    owner_engine: AsyncEngine,
    charity: Account,
    title: str,
) -> None:
    async with making(engine) as m:
        need = await m.need(public_title=title)
    async with following(served, api, charity, PUBLISHED, f={"text": title}) as one:
        await tell(engine, "need.published", need)
        async with owner_engine.connect() as connection:
            await connection.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            )
        await engine.dispose()
        assert data(await one.hear(10))["needPublished"]["no"] == need.no


# Operations of other kinds ---------------------------------------------------------------------


async def test_queries_and_mutations_come_over_the_socket_too(
    served: Served, api: Api, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        approver = await m.account("gov_approver")
        need = await m.need(NeedState.SUBMITTED)
    async with socket_to(served) as one:
        await one.begin(await api.token(approver))
        await one.subscribe(
            "q",
            "query ($i: ID!) { node(id: $i) { ... on Need { no } } }",
            i=encode("Need", need.id),
        )
        assert data(await one.hear())["node"] == {"no": need.no}
        assert await one.hear() == {"id": "q", "type": "complete"}
        mutation = """mutation ($i: VerifyNeedInput!) { verifyNeed(input: $i) {
            __typename ... on Refusal { code } } }"""
        given = {"id": encode("Need", need.id), "expectedVersion": 99, "evidence": "visit"}
        given["idempotencyKey"] = "k"
        await one.subscribe("m", mutation, i=given)
        assert data(await one.hear())["verifyNeed"]["code"] == "VERSION_CONFLICT"
        assert await one.hear() == {"id": "m", "type": "complete"}


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("subscription {", "GRAPHQL_PARSE_FAILED"),
        ("subscription { nothing }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { needPublished { no } worklistChanged { id } }",
         "GRAPHQL_VALIDATION_FAILED"),
        ("subscription { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("query A { __typename } query B { __typename }", "OPERATION_NAME_MISSING"),
        ("subscription { needPublished(filter: {area: 7}) { no } }", "GRAPHQL_VALIDATION_FAILED"),
        ("subscription ($v: Int!) { needPublished { lines(first: $v) { totalCount } } }",
         "VARIABLES_INVALID"),
        ("subscription { needPublished { lines(first: 1001) { totalCount } } }", "PAGE_TOO_LARGE"),
        ("subscription { needPublished { lines(first: 1000) { nodes { pledges(first: 1000) { nodes"
         " { no } } } } } }", "COST_EXCEEDED"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_an_error_of_the_operation_only(
    served: Served, api: Api, charity: Account, query: str, code: str
) -> None:
    async with socket_to(served) as one:
        await one.begin(await api.token(charity))
        await one.subscribe("wrong", query)
        told = await one.hear()
        assert (told["id"], told["type"]) == ("wrong", "error")
        assert told["payload"][0]["extensions"]["code"] == code
        await opened(one)


async def test_a_narrow_credential_follows_only_what_it_opens(
    served: Served, charity: Account
) -> None:
    from nexus.acting import Grant

    actor: Actor = actor_of(charity, now() - timedelta(seconds=1))
    narrow = replace(actor, grant=Grant(scopes=frozenset({"offers:read"})))
    for query in (PUBLISHED, WORKLIST):
        assert served.state.executor.follow(query, actor) is not None
        with pytest.raises(RequestError) as refused:
            served.state.executor.follow(query, narrow)
        assert refused.value.code == "INSUFFICIENT_SCOPE"


async def test_over_http_it_says_where_to_subscribe(api: Api) -> None:
    answer = await api()(PUBLISHED)
    assert answer["errors"][0]["extensions"]["code"] == "OPERATION_UNSUPPORTED"
    assert "text/event-stream" in answer["errors"][0]["message"]


def test_every_kind_that_is_heard_is_told_of() -> None:
    heard = {kind for s in MAIN.streams.values() for h in s.heard for kind in h.kinds}
    assert heard
    assert heard <= ALL_KINDS
