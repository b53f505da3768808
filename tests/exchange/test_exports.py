"""A whole dataset, streamed as it is seen at that moment: consent, cells, links, limits."""

import asyncio
import csv
import gzip
import io
import json
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import AccessToken, Account, AccountState
from nexus.accounts.operations import issue_token
from nexus.accounts.rules import digest
from nexus.acting import system
from nexus.core.embedded import Database
from nexus.emergencies.model import EmergencyKind, EmergencyLevel, Relaxation
from nexus.emergencies.operations import declare_emergency
from nexus.exchange.exports import rules
from nexus.exchange.exports.http import AT_ONCE_EACH, ExportDoor
from nexus.exchange.exports.model import Export
from nexus.exchange.exports.operations import expire_exports
from nexus.exchange.exports.reactions import Download
from nexus.recipients.consents.operations import withdraw_consent
from tests.conftest import Api
from tests.deeds import acting, count_of, events_of, reread
from tests.exchange.many import key, needs_of_people
from tests.making import making, now
from tests.serving import Served

REQUEST = """
mutation($input: RequestExportInput!) { requestExport(input: $input) {
  __typename
  ... on Export { id url state rows rowsExpected progress expiresAt }
  ... on Refusal { code message field details }
} }
"""
READ = "query($id: ID!) { node(id: $id) { ... on Export { state failure rows bytes progress } } }"
MANY = 20_000


@pytest.fixture(scope="module")
async def many(engine: AsyncEngine, database: Database, torture: bool) -> int:
    """How many people there are, each with a need that partners see."""
    count = 100_000 if torture else MANY
    async with making(engine) as m:
        await needs_of_people(m, database.owner_url, count)
    return count


@pytest.fixture(scope="module")
async def charity(engine: AsyncEngine) -> Account:
    async with making(engine) as m:
        return await m.account(role="charity_user")


async def ask(api: Api, account: Any, **given: Any) -> dict[str, Any]:
    """A new export."""
    key_ = f"k{len(api._tokens)}-{now().timestamp()}"
    answer = await api(account)(REQUEST, input={"idempotencyKey": key_, **given})
    found: dict[str, Any] = answer["data"]["requestExport"]
    return found


async def rows_of(client: httpx.AsyncClient, export: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await client.get(export["url"])
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def number_of(row: dict[str, Any]) -> int:
    """The number in the title; 0 for the need that the others were made of."""
    return int((row["publicTitle"] or "").partition("#")[2] or 0)


def id_of(export: dict[str, Any]) -> UUID:
    return UUID(urlsplit(export["url"]).path.rpartition("/")[2])


async def settled(engine: AsyncEngine, export: dict[str, Any]) -> Export:
    """The export once its download has been written down."""
    for _ in range(100):
        async with AsyncSession(engine) as session:
            row = await session.get_one(Export, id_of(export))
        if row.state not in ("ready", "running"):
            return row
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {row.state}")


# Scenario 4: consent ---------------------------------------------------------------------------


async def test_no_row_of_a_person_comes_after_their_consent_ends(
    many: int, engine: AsyncEngine, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    """The withdrawal commits while the export streams: what had not been sent is not sent."""
    export = await ask(api, charity, dataset="NEEDS", filter={"needs": {"state": ["PUBLISHED"]}})
    seen: list[int] = []
    withdrawn = [many * 3 // 4, many * 3 // 4 + 1, many - 1, many]
    async with client.stream("GET", export["url"]) as answer:
        assert int(answer.headers["nexus-rows-expected"]) >= many
        async for line in answer.aiter_lines():
            seen.append(number_of(json.loads(line)))
            if len(seen) == many // 10:
                await withdraw(engine, withdrawn)
    assert not set(withdrawn) & set(seen)
    assert len(set(seen)) == len(seen) == many + 1 - len(withdrawn)
    row = await settled(engine, export)
    assert (row.state, row.rows, row.rows_expected) == ("done", len(seen), many + 1)


async def test_rows_that_waited_for_a_slow_reader_are_read_again(
    many: int,
    engine: AsyncEngine,
    api: Api,
    served: Served,
    charity: Account,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A chunk is sent piece by piece: what was not sent within its time is not sent from memory."""
    monkeypatch.setattr(rules, "FRESH_SECONDS", 0.3)
    export = await ask(api, charity, dataset="NEEDS")
    row = await reread(engine, Export(id=id_of(export)))
    exports: ExportDoor = served.state.files.exports
    download = Download(engine, exports.exporter, row, now)
    await download.begin()
    seen: list[int] = []
    victim = rules.CHUNK - 5
    async for piece in download.pieces():
        seen += [number_of(json.loads(line)) for line in piece.splitlines()]
        if len(seen) == len(piece.splitlines()):
            await withdraw(engine, [victim])
            await asyncio.sleep(0.4)
        if len(seen) > rules.CHUNK:
            break
    assert seen[: victim - 1] == list(range(1, victim))
    assert victim not in seen
    assert victim + 1 in seen


async def withdraw(engine: AsyncEngine, numbers: list[int]) -> None:
    async with acting(engine, system(now())) as act:
        for number in numbers:
            await withdraw_consent(act, UUID(key("consent", number)), expected_version=1)


async def test_a_right_that_ends_cuts_the_stream(
    many: int, engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    """No end of the body that looks like one: a part is never taken for the whole."""
    async with making(engine) as m:
        account = await m.account(role="charity_user")
    export = await ask(api, account, dataset="NEEDS")
    got = 0

    async def read() -> None:
        nonlocal got
        async with client.stream("GET", export["url"]) as answer:
            async for _ in answer.aiter_lines():
                got += 1
                if got == 100:
                    await set_state(engine, account, AccountState.SUSPENDED)

    with pytest.raises(httpx.RemoteProtocolError):
        await read()
    assert 100 <= got < many
    row = await settled(engine, export)
    assert (row.state, row.failure) == ("failed", "UNAUTHORIZED")
    again = await client.get(export["url"])
    assert (again.status_code, code_of(again)) == (403, "UNAUTHORIZED")


async def set_state(engine: AsyncEngine, account: Account, state: AccountState) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(update(Account).where(Account.id == account.id).values(state=state))


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["extensions"]["code"]
    return code


# Scenario 24: cells ------------------------------------------------------------------------------

HOSTILE = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    " =1+1",
    "＝1+1",
    "a;=1+1",
    'a";"=1+1',
    "a\n=1+1",
    "a\t=1+1",
    '=HYPERLINK("http://evil.example","a,b")',
)
ACTIVE = re.compile(r"\s*[=+\-@＝＋－＠]")


async def test_no_cell_of_an_export_is_a_formula(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    """However the spreadsheet cuts the file into cells."""
    async with making(engine) as m:
        clerk = await m.account(role="gov_clerk", area_code="4403")
        needs = [
            await m.need(
                area_code="440304001",
                state="published",
                group_name=text,
                public_title=text,
                public_summary=text,
                internal_description=text,
                lines=[{"item": text, "specification": text}],
            )
            for text in HOSTILE
        ]
    assert needs
    for dataset, column in (("NEEDS", "publicTitle"), ("LINES", "item")):
        chosen = {"needs": {"area": "440304001", "state": ["PUBLISHED"]}}
        export = await ask(api, clerk, dataset=dataset, format="CSV", filter=chosen)
        answer = await client.get(export["url"])
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.content.startswith(b"\xef\xbb\xbf")
        text = answer.content.decode("utf-8-sig")
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert len(rows) == len(HOSTILE)
        told = {row[column].replace("'", "") for row in rows}
        assert told == {t.replace("'", "") for t in HOSTILE}
        assert not [cell for row in rows for cell in row.values() if ACTIVE.match(cell)]
        pieces = [piece.strip('"') for piece in re.split(r"[;|\t\r\n]|\",\"", text)]
        assert not [piece for piece in pieces if ACTIVE.match(piece)]


async def test_json_lines_hold_the_texts_as_they_are(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    async with making(engine) as m:
        clerk = await m.account(role="gov_clerk", area_code="4406")
        await m.need(area_code="440604001", group_name="=1+1\n", state="published")
    chosen = {"needs": {"area": "440604001"}}
    rows = await rows_of(client, await ask(api, clerk, dataset="NEEDS", filter=chosen))
    assert [row["groupName"] for row in rows] == ["=1+1\n"]


# The same policy ---------------------------------------------------------------------------------

PAGE = """
query($filter: NeedFilter) { needs(first: 1000, filter: $filter) { nodes {
  id no publicTitle state origin internalDescription redactions area { code }
} } }
"""


@pytest.mark.parametrize("role", ["charity_user", "gov_clerk", "station_lead", "supervisor", "dpo"])
async def test_an_export_is_what_a_page_shows(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, role: str
) -> None:
    """Every field of it, withheld ones too, whoever asks."""
    async with making(engine) as m:
        account = await m.account(role, area_code=None if role == "charity_user" else "4407")
        for state in ("draft", "published", "paused"):
            await m.need(
                area_code="440704001",
                state=state,
                origin="committee",
                visibility="partners",
                internal_description="内部",
            )
    chosen = {"area": "4407"}
    shown = (await api(account)(PAGE, filter=chosen))["data"]["needs"]["nodes"]
    export = await ask(api, account, dataset="NEEDS", filter={"needs": chosen})
    rows = await rows_of(client, export)
    names = ("id", "no", "publicTitle", "state", "origin", "internalDescription", "redactions")
    assert sorted([{n: row[n] for n in names} for row in rows], key=lambda row: str(row["id"])) == (
        sorted([{n: row[n] for n in names} for row in shown], key=lambda row: str(row["id"]))
    )
    assert {row["area"]["code"] if row["area"] else None for row in rows} == {
        row["area"]["code"] if row["area"] else None for row in shown
    }


async def test_every_dataset_has_its_rows_and_nobody_elses(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    async with making(engine) as m:
        charity = await m.organization()
        account, other = await m.account(role="charity_user", organization=charity), None
        other = await m.account(role="charity_user")
        offer = await m.offer(charity, state="draft", title="自家草稿")
    mine = await rows_of(client, await ask(api, account, dataset="OFFERS"))
    theirs = await rows_of(client, await ask(api, other, dataset="OFFERS"))
    assert offer.no in {row["no"] for row in mine}
    assert offer.no not in {row["no"] for row in theirs}
    assert [row["areas"] for row in mine if row["no"] == offer.no] == [[{"area": {"code": "44"}}]]
    for dataset in ("PLEDGES", "DELIVERIES", "GAPS", "FEEDBACK"):
        assert await rows_of(client, await ask(api, account, dataset=dataset)) == []
    registered = await rows_of(client, await ask(api, account, dataset="ORGANIZATIONS"))
    assert charity.no in {row["no"] for row in registered}


async def test_emergencies_and_what_was_relaxed_are_exported(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    async with making(engine) as m:
        supervisor = await m.account(role="supervisor", area_code="440103")
        approver = await m.account(role="gov_approver", area_code="440103")
        charity = await m.account(role="charity_user")
        need = await m.need(area_code="440103001")
        async with acting(engine, supervisor) as act:
            event = await declare_emergency(
                act,
                name="台风",
                kind=EmergencyKind.NATURAL_DISASTER,
                level=EmergencyLevel.II,
                legal_basis="突发事件应对法",
                areas=["440103"],
                phases=[],
                relaxed_rules=[],
            )
        relaxed = Relaxation(
            rule="provisional_publication",
            rule_version="supplement_working_days@CN/2020-01-01",
            subject_type="need",
            subject_id=need.id,
            area_code="440103001",
            event_id=event.id,
            reason="桥断了",
            relaxed_at=now(),
            relaxed_by=approver.id,
        )
        await m.put(relaxed)
    events = await rows_of(client, await ask(api, charity, dataset="EMERGENCIES"))
    (mine,) = [row for row in events if row["no"] == event.no]
    assert mine["areas"] == [{"area": {"code": "440103"}}]
    wanted = {"relaxedRules": {"rule": ["PROVISIONAL_PUBLICATION"], "unsettled": True}}
    given = {"dataset": "RELAXATIONS", "filter": wanted}
    found = await rows_of(client, await ask(api, approver, **given))
    assert [row["event"]["no"] for row in found if row["reason"] == "桥断了"] == [event.no]
    assert await rows_of(client, await ask(api, charity, **given)) == []


# Asking ------------------------------------------------------------------------------------------


async def test_another_datasets_filter_is_refused(
    engine: AsyncEngine, api: Api, charity: Account
) -> None:
    before = await count_of(engine, Export)
    given = {"pledges": {"state": ["OFFERED"]}}
    found = await ask(api, charity, dataset="NEEDS", filter=given)
    assert (found["code"], found["field"]) == ("INVALID", "filter.pledges")
    anonymous = await ask(api, None, dataset="NEEDS")
    assert anonymous["code"] == "FORBIDDEN"
    assert await count_of(engine, Export) == before


async def test_an_export_and_its_address_are_the_accounts_own(
    engine: AsyncEngine, api: Api, charity: Account
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    assert (export["state"], export["progress"]) == ("READY", None)
    async with making(engine) as m:
        colleague = await m.account(role="charity_user", organization_id=charity.organization_id)
    seen = await api(colleague)(READ, id=export["id"])
    assert seen["data"]["node"] is None


async def test_what_a_token_does_not_open_is_not_in_its_exports(
    engine: AsyncEngine, served: Served, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    """The scopes of the token that asked hold for the download, which has no token."""
    async with AsyncSession(engine) as session, session.begin():
        token = await issue_token(
            session,
            await session.get_one(Account, charity.id),
            label="narrow",
            now=now(),
            expires_at=None,
        )
        narrow = update(AccessToken).where(AccessToken.digest == digest(token))
        await session.execute(narrow.values(scopes=["reports:read", "offers:read"]))
    headers = {"authorization": f"Bearer {token}"}
    for dataset, status in (("NEEDS", 403), ("LINES", 403), ("OFFERS", 200)):
        given = {"dataset": dataset, "idempotencyKey": f"narrow-{dataset}"}
        body = {"query": REQUEST, "variables": {"input": given}}
        asked = await client.post("/graphql", json=body, headers=headers)
        export = asked.json()["data"]["requestExport"]
        answer = await client.get(export["url"])
        assert answer.status_code == status
        if status == 403:
            assert code_of(answer) == "INSUFFICIENT_SCOPE"


# The address -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda url: url[:-1] + ("A" if url[-1] != "A" else "B"),
        lambda url: url.replace("expires=", "expires=9"),
        lambda url: re.sub(r"account=\w+", f"account={UUID(int=1).hex}", url),
        lambda url: url.partition("?")[0],
        lambda url: url + "&signature=x",
        lambda url: url.replace("signature=", "signature=%FF"),
    ],
)
async def test_a_changed_address_is_none(
    api: Api, charity: Account, client: httpx.AsyncClient, change: Any
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    answer = await client.get(change(export["url"]))
    assert (answer.status_code, code_of(answer)) == (403, "LINK_REFUSED")


async def test_the_signature_is_of_one_export(
    api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    first, second = [await ask(api, charity, dataset="NEEDS") for _ in range(2)]
    mixed = second["url"].partition("?")[0] + "?" + first["url"].partition("?")[2]
    assert (await client.get(mixed)).status_code == 403
    assert (await client.post(first["url"])).status_code == 405


async def test_after_its_time_there_is_nothing(
    engine: AsyncEngine, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    row = await reread(engine, Export(id=id_of(export)))
    async with AsyncSession(engine) as session, session.begin():
        assert await expire_exports(session, row.expires_at) >= 1
    assert await events_of(engine, row) == ["export.requested", "export.expired"]
    answer = await client.get(export["url"])
    assert (answer.status_code, code_of(answer)) == (403, "LINK_REFUSED")
    seen = await api(charity)("query($id: ID!) { node(id: $id) { ... on Export { url state } } }",
                              id=export["id"])  # fmt: skip
    assert seen["data"]["node"] == {"url": None, "state": "EXPIRED"}


# The stream --------------------------------------------------------------------------------------


async def test_it_is_packed_for_those_who_say_so(
    many: int, engine: AsyncEngine, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    plain = await client.get(export["url"], headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    await settled(engine, export)
    chunks = []
    headers = {"accept-encoding": "gzip;q=0.5"}
    async with client.stream("GET", export["url"], headers=headers) as answer:
        assert answer.headers["content-encoding"] == "gzip"
        chunks = [chunk async for chunk in answer.aiter_raw()]
    packed = b"".join(chunks)
    assert gzip.decompress(packed) == plain.content
    assert len(packed) < len(plain.content) / 8
    row = await settled(engine, export)
    assert (row.downloads, row.bytes) == (2, len(plain.content))
    kinds = await events_of(engine, row)
    assert kinds == ["export.requested", *["export.started", "export.finished"] * 2]


async def test_too_many_rows_are_said_before_the_first_one(
    many: int,
    engine: AsyncEngine,
    api: Api,
    charity: Account,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Never a part in silence."""
    monkeypatch.setattr(rules, "MAX_ROWS", 50)
    export = await ask(api, charity, dataset="NEEDS")
    answer = await client.get(export["url"])
    assert (answer.status_code, code_of(answer)) == (409, "EXPORT_TOO_LARGE")
    assert answer.json()["errors"][0]["extensions"]["details"] == {"rows": 51, "maximum": 50}


async def test_who_hangs_up_ends_it(
    many: int, engine: AsyncEngine, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    async with client.stream("GET", export["url"]) as answer:
        async for _ in answer.aiter_raw():
            break
    row = await settled(engine, export)
    assert (row.state, row.failure) == ("failed", "INTERRUPTED")
    assert row.rows is not None
    assert row.rows < many
    assert len(await rows_of(client, export)) > many - 50


async def test_one_download_of_an_export_at_a_time(
    many: int, engine: AsyncEngine, api: Api, charity: Account, client: httpx.AsyncClient
) -> None:
    export = await ask(api, charity, dataset="NEEDS")
    others = [await ask(api, charity, dataset="NEEDS") for _ in range(AT_ONCE_EACH)]
    async with client.stream("GET", export["url"]) as first:
        assert first.status_code == 200
        second = await client.get(export["url"])
        assert (second.status_code, code_of(second)) == (409, "EXPORT_RUNNING")
        async with client.stream("GET", others[0]["url"]) as more:
            assert more.status_code == 200
            full = await client.get(others[1]["url"])
            assert (full.status_code, code_of(full)) == (429, "TOO_MANY_AT_ONCE")
            assert full.headers["retry-after"]
