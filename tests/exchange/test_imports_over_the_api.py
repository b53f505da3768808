"""A file is put at a signed address and imported by the worker in its bringer's name."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.charity.model import Offer
from nexus.exchange.importing.model import ExternalRef, ImportRun
from nexus.exchange.importing.requests import operations
from nexus.exchange.importing.requests.reactions import Importer
from nexus.exchange.uploads import operations as uploads
from nexus.exchange.uploads import rules
from nexus.exchange.uploads.model import Upload, UploadChunk
from nexus.needs.model import Need
from nexus.organizations.model import Organization
from tests.conftest import Api
from tests.deeds import VAULT_KEY, count_of, events_of, reread
from tests.exchange import writing as w
from tests.making import making, now
from tests.serving import Served

KEYS = count(1)
REQUEST = """
mutation($input: RequestUploadInput!) { requestUpload(input: $input) {
  ... on Upload { id url contentType maxBytes state }
  ... on Refusal { code message field details }
} }
"""
IMPORT = """
mutation($input: ImportUploadedInput!) { importUploaded(input: $input) {
  ... on ImportRun { id state dryRun source problemsUrl }
  ... on Refusal { code message field details }
} }
"""
READ = """
query($id: ID!) { node(id: $id) { ... on ImportRun {
  state failure failureMessage rowsRead created updated unchanged duplicates rejected withdrawn
  notes problems problemsUrl dryRun rowsDone rowsTotal upload { state bytes url }
} } }
"""
REGISTER = """
mutation($input: RegisterImportProfileInput!) { registerImportProfile(input: $input) {
  ... on ImportProfile { id name edition kind }
  ... on Refusal { code message field }
} }
"""
OFFERS = """
kind = "offers"
source = "own-list"
type = "offer"
[key]
fields = ["number"]
[fields]
number = { columns = ["编号"], required = true }
organization = { columns = ["机构"], required = true }
org_type = "association"
category = { columns = ["类别"], required = true }
[area]
columns = ["区域"]
required = true
[review]
always = true
[[lines]]
columns = ["数量"]
kind = "GOODS"
unit = "KGM"
item = { columns = ["物品"], required = true }
"""
TOWNSHIP = w.TOWNSHIP.read_text("utf-8")


@pytest.fixture(scope="module")
async def clerk(engine: AsyncEngine) -> Account:
    """Of Liwan, whose towns the township's file names."""
    async with making(engine) as m:
        authority = await m.authority(area_code="440103")
        return await m.account(role="gov_approver", organization=authority, area_code="440103")


@pytest.fixture(scope="module", autouse=True)
async def station(engine: AsyncEngine, clerk: Account) -> None:
    async with making(engine) as m:
        for town in ("440103002", "440304001"):
            await m.station(area_code=town)


class Platform:
    """One account and its client."""

    def __init__(self, api: Api, client: httpx.AsyncClient, account: Account) -> None:
        self.api, self.client, self.account = api, client, account

    async def ask(self, document: str, **given: Any) -> dict[str, Any]:
        """The answer of the one mutation."""
        answer = await self.api(self.account)(
            document, input={"idempotencyKey": f"key-{next(KEYS)}", **given}
        )
        assert "errors" not in answer, answer
        found: dict[str, Any] = next(iter(answer["data"].values()))
        return found

    async def put(self, content: bytes, name: str = "list.csv") -> dict[str, Any]:
        """An upload that has come."""
        upload = await self.ask(REQUEST, fileName=name)
        headers = {"content-type": upload["contentType"]}
        answer = await self.client.put(upload["url"], content=content, headers=headers)
        assert answer.status_code == 200, answer.text
        return upload

    async def imported(self, upload: dict[str, Any], **given: Any) -> dict[str, Any]:
        """A run that is asked for."""
        wanted = {"kind": "NEEDS", "profile": {"toml": TOWNSHIP}, **given}
        return await self.ask(IMPORT, uploadId=upload["id"], **wanted)

    async def read(self, run: dict[str, Any]) -> dict[str, Any]:
        """The run as it stands."""
        answer = await self.api(self.account)(READ, id=run["id"])
        found: dict[str, Any] = answer["data"]["node"]
        return found


@pytest.fixture
def authority(api: Api, client: httpx.AsyncClient, clerk: Account) -> Platform:
    return Platform(api, client, clerk)


def id_of(node: dict[str, Any]) -> UUID:
    return UUID(urlsplit(node["url"]).path.rpartition("/")[2])


def rows(*numbers: int, **changes: Any) -> bytes:
    """The township's table with these rows."""
    listed = [w.good(户编号=f"H{number}", **changes) for number in numbers]
    return w.table(*listed).encode()


FIVE = ("created", "updated", "unchanged", "duplicates", "rejected")


async def test_a_file_becomes_needs_and_every_row_is_accounted_for(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    content = rows(1, 2, 2) + rows(3, 需求类别="不存在").partition(b"\n")[2]
    upload = await authority.put(content)
    sealed = await sealed_bytes(engine, upload)
    assert sealed
    assert "大米".encode() not in sealed
    run = await authority.imported(upload)
    assert (run["state"], run["dryRun"]) == ("REQUESTED", False)
    assert await importer.step()
    assert not await importer.step()
    done = await authority.read(run)
    assert (done["state"], done["failure"]) == ("DONE", None)
    assert [done[name] for name in FIVE] == [2, 0, 0, 1, 1]
    assert sum(done[name] for name in FIVE) == done["rowsRead"] == done["rowsDone"] == 4
    assert done["upload"] == {"state": "USED", "bytes": len(content), "url": None}
    assert await sealed_bytes(engine, upload) == b""
    again = await authority.imported(upload)
    assert again["code"] == "WRONG_STATE"


async def sealed_bytes(engine: AsyncEngine, upload: dict[str, Any]) -> bytes:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(UploadChunk.ciphertext).where(UploadChunk.upload_id == id_of(upload))
        )
        return b"".join(found)


async def test_the_rows_with_a_problem_are_a_file(
    authority: Platform, importer: Importer, client: httpx.AsyncClient
) -> None:
    upload = await authority.put(rows(21) + rows(22, 需求类别="=1+1").partition(b"\n")[2])
    run = await authority.imported(upload)
    assert run["problemsUrl"] is None
    await importer.step()
    done = await authority.read(run)
    as_csv = await client.get(done["problemsUrl"])
    assert as_csv.headers["content-type"] == "text/csv; charset=utf-8"
    (row,) = [
        row
        for row in csv.DictReader(io.StringIO(as_csv.content.decode("utf-8-sig")))
        if row["类别"] == "拒收"
    ]
    assert (row["文件"], row["行"], row["编号"]) == ("list.csv", "3", "H22 / 1")
    assert row["代码"] == "UNKNOWN_CODE"
    assert row["问题"]
    headers = {"accept": "application/jsonl"}
    as_json = await client.get(done["problemsUrl"], headers=headers)
    assert [json.loads(line)["代码"] for line in as_json.text.splitlines()].count("UNKNOWN_CODE")
    assert (await client.get(done["problemsUrl"][:-2])).status_code == 403


async def test_a_dry_run_changes_nothing_and_leaves_the_file(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    upload = await authority.put(rows(31, 32))
    before = [await count_of(engine, each) for each in (Need, ExternalRef, Organization)]
    run = await authority.imported(upload, dryRun=True)
    await importer.step()
    done = await authority.read(run)
    assert (done["state"], done["created"], done["dryRun"]) == ("DONE", 2, True)
    assert [await count_of(engine, each) for each in (Need, ExternalRef, Organization)] == before
    assert done["upload"]["state"] == "RECEIVED"
    real = await authority.imported(upload)
    await importer.step()
    assert (await authority.read(real))["created"] == 2
    same = await authority.put(rows(31, 32))
    rerun = await authority.imported(same)
    await importer.step()
    assert (await authority.read(rerun))["unchanged"] == 2


async def test_a_file_that_cannot_be_read_says_why(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    before = await count_of(engine, Need)
    upload = await authority.put(b"a,b\n1,2\n")
    run = await authority.imported(upload)
    await importer.step()
    done = await authority.read(run)
    assert (done["state"], done["failure"]) == ("FAILED", "FILE_REFUSED")
    assert "header" in done["failureMessage"]
    assert await count_of(engine, Need) == before


async def test_a_worker_that_died_is_followed_by_another(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    """Its lease runs out; a third death ends it."""
    upload = await authority.put(rows(41))
    run = await authority.imported(upload)
    lease = await leased(engine)
    assert not await importer.step()
    await forget_lease(engine)
    assert await importer.step()
    assert (await authority.read(run))["created"] == 1
    async with AsyncSession(engine) as session, session.begin():
        with pytest.raises(operations.SupersededError):
            await operations.finish_import(
                session, lease, now(), report_of(lease), rules.Chest(VAULT_KEY)
            )
    doomed = await authority.imported(await authority.put(rows(42)))
    for _ in range(3):
        await leased(engine)
        await forget_lease(engine)
    assert not await importer.step()
    done = await authority.read(doomed)
    assert (done["state"], done["failure"]) == ("FAILED", "INTERRUPTED")


async def leased(engine: AsyncEngine) -> operations.Lease:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        lease = await operations.lease_import(session, now())
    assert lease is not None
    return lease


async def forget_lease(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session, session.begin():
        past = now() - timedelta(seconds=1)
        await session.execute(
            update(ImportRun).where(ImportRun.leased_until.is_not(None)).values(leased_until=past)
        )


def report_of(lease: operations.Lease) -> Any:
    from nexus.exchange.importing.rules import Report

    return Report(lease.run.kind, lease.run.system, lease.run.dry_run)


async def test_what_cannot_be_stored_is_told_all_the_same(
    authority: Platform, importer: Importer, client: httpx.AsyncClient
) -> None:
    """A header with U+0000 in it, and a row with a half character."""
    run = await authority.imported(await authority.put(b"a\x00b,c\n1,2\n"))
    await importer.step()
    assert (await authority.read(run))["failure"] == "FILE_REFUSED"
    content = json.dumps([{"户编号": "H\ud800", "需求编号": "\u0000"}]).encode()
    odd = await authority.imported(await authority.put(content, "镇" * 70 + ".json"))
    await importer.step()
    done = await authority.read(odd)
    assert (done["state"], done["rejected"]) == ("DONE", 1)
    assert (await client.get(done["problemsUrl"])).status_code == 200


# Profiles ----------------------------------------------------------------------------------------


async def test_a_profile_is_kept_under_a_name(
    authority: Platform, importer: Importer, engine: AsyncEngine
) -> None:
    first = await authority.ask(REGISTER, name="township", toml=TOWNSHIP)
    second = await authority.ask(REGISTER, name=" township ", toml=TOWNSHIP + "\n# again\n")
    assert (first["edition"], second["edition"], second["kind"]) == (1, 2, "needs")
    upload = await authority.put(rows(51))
    run = await authority.imported(upload, profile={"name": "township"})
    await importer.step()
    assert (await authority.read(run))["created"] == 1
    row = await reread(engine, ImportRun(id=await run_id(engine)))
    assert row.profile_text.endswith("# again\n")
    other = await authority.imported(await authority.put(rows(52)), profile={"name": "none"})
    assert (other["code"], other["field"]) == ("NOT_FOUND", "profile")


async def run_id(engine: AsyncEngine) -> UUID:
    async with AsyncSession(engine) as session:
        newest = select(ImportRun.id).order_by(ImportRun.started_at.desc()).limit(1)
        return (await session.execute(newest)).scalar_one()


@pytest.mark.parametrize(
    ("toml", "code"),
    [
        ("kind = ", "PROFILE_REFUSED"),
        ('kind = "needs"\nwrong = 1', "PROFILE_REFUSED"),
        (OFFERS, "PROFILE_REFUSED"),
        ("#" * 70_000, "INVALID"),
    ],
)
async def test_a_bad_profile_is_refused_at_once(
    engine: AsyncEngine, authority: Platform, toml: str, code: str
) -> None:
    upload = await authority.put(rows(61))
    before = await count_of(engine, ImportRun)
    found = await authority.imported(upload, profile={"toml": toml})
    assert found["code"] == code
    assert await count_of(engine, ImportRun) == before


async def test_a_profile_is_named_or_given(authority: Platform) -> None:
    upload = await authority.put(rows(62))
    given = {"uploadId": upload["id"], "kind": "NEEDS", "idempotencyKey": "both"}
    for profile in ({"name": "a", "toml": "b"}, {}):
        answer = await authority.api(authority.account)(IMPORT, input={**given, "profile": profile})
        assert answer["errors"][0]["extensions"]["code"] == "VARIABLES_INVALID"


# Whose rows --------------------------------------------------------------------------------------


def offer_rows(organization: str, *numbers: int) -> bytes:
    """A charity's own table."""
    lines = [f"{number},{organization},LIV,440103,大米,{number}" for number in numbers]
    return "\n".join(["编号,机构,类别,区域,物品,数量", *lines]).encode()


async def test_a_charity_brings_its_own_offers_and_nobody_elses(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, importer: Importer
) -> None:
    async with making(engine) as m:
        own = await m.organization(name="同心慈善会（分会）")
        mine = await m.account(role="charity_user", organization=own)
        other = await m.organization()
    charity = Platform(api, client, mine)
    organization = await reread(engine, Organization(id=mine.organization_id))
    content = offer_rows(organization.name, 5) + b"\n" + offer_rows(other.name, 6).splitlines()[1]
    offers = {"kind": "OFFERS", "profile": {"toml": OFFERS}}
    run = await charity.imported(await charity.put(content), **offers)
    await importer.step()
    done = await charity.read(run)
    assert [done[name] for name in FIVE] == [1, 0, 0, 0, 1]
    async with AsyncSession(engine) as session:
        made = (await session.scalars(select(Offer).where(Offer.created_by == mine.id))).all()
    assert [(row.organization_id, row.state) for row in made] == [(mine.organization_id, "listed")]
    refused = await charity.imported(await charity.put(rows(71)))
    assert refused["code"] == "FORBIDDEN"
    changed = offer_rows(organization.uscc, 5).removesuffix(b"5") + b"8"
    again = await charity.imported(await charity.put(changed), **offers)
    await importer.step()
    assert (await charity.read(again))["updated"] == 1


async def test_sources_of_two_organizations_are_apart(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, importer: Importer
) -> None:
    """The same source and the same key, but another's need is not theirs to change."""
    async with making(engine) as m:
        accounts = [
            await m.account(
                role="gov_approver",
                organization=await m.authority(area_code="440103"),
                area_code="440103",
            )
            for _ in range(2)
        ]
    for account in accounts:
        platform = Platform(api, client, account)
        run = await platform.imported(await platform.put(rows(81)))
        await importer.step()
        assert (await platform.read(run))["created"] == 1
        assert run["source"].startswith("township@")
        other = accounts[accounts[0] is account]
        assert (await api(other)(READ, id=run["id"]))["data"]["node"] is None


async def test_rows_outside_the_territory_are_rejected(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    """Also when the need was within it, and its account is not over that area any more."""
    run = await authority.imported(await authority.put(rows(91, 镇街="440304001")))
    await importer.step()
    assert (await authority.read(run))["rejected"] == 1
    first = await authority.imported(await authority.put(rows(92)))
    await importer.step()
    assert (await authority.read(first))["created"] == 1
    async with AsyncSession(engine) as session, session.begin():
        mine = update(Account).where(Account.id == authority.account.id)
        await session.execute(mine.values(area_code="440103001"))
    second = await authority.imported(await authority.put(rows(92, 数量="7", 镇街="440103001")))
    await importer.step()
    done = await authority.read(second)
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(mine.values(area_code="440103"))
    assert (done["updated"], done["rejected"]) == (0, 1)


async def test_an_authority_publishes_as_itself(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    async with making(engine) as m:
        other = await m.authority()
    before = await count_of(engine, Need)
    toml = f'{TOWNSHIP}\n[publisher]\nuscc = "{other.uscc}"\n'
    run = await authority.imported(await authority.put(rows(95)), profile={"toml": toml})
    await importer.step()
    done = await authority.read(run)
    assert (done["state"], done["failure"]) == ("FAILED", "IMPORT_ACCOUNT")
    assert await count_of(engine, Need) == before


# The upload --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["list.exe", "", "../list.csv", ".csv", "a" * 300 + ".csv", "list"]
)
async def test_a_name_that_no_file_has_is_refused(authority: Platform, name: str) -> None:
    found = await authority.ask(REQUEST, fileName=name)
    assert (found["code"], found["field"]) == ("INVALID", "fileName")


@pytest.mark.parametrize("role", ["social_worker", "auditor", "volunteer"])
async def test_who_imports_nothing_uploads_nothing(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, role: str
) -> None:
    async with making(engine) as m:
        account = await m.account(role=role)
    before = await count_of(engine, Upload)
    found = await Platform(api, client, account).ask(REQUEST, fileName="list.csv")
    assert found["code"] == "FORBIDDEN"
    assert await count_of(engine, Upload) == before


async def test_a_file_is_put_once(
    engine: AsyncEngine, authority: Platform, client: httpx.AsyncClient
) -> None:
    upload = await authority.ask(REQUEST, fileName="list.csv")
    headers = {"content-type": "text/csv"}
    wrong = await client.put(upload["url"], content=b"x", headers={"content-type": "text/plain"})
    assert (wrong.status_code, code_of(wrong)) == (415, "UNSUPPORTED_MEDIA_TYPE")
    empty = await client.put(upload["url"], content=b"", headers=headers)
    assert empty.status_code == 400
    assert (await client.get(upload["url"])).status_code == 405
    first = await client.put(upload["url"], content=b"a,b\n", headers=headers)
    assert first.status_code == 200
    assert first.json()["bytes"] == 4
    second = await client.put(upload["url"], content=b"c,d\n", headers=headers)
    assert (second.status_code, code_of(second)) == (409, "WRONG_STATE")
    async with AsyncSession(engine) as session:
        parts = uploads.read_upload(session, rules.Chest(VAULT_KEY), id_of(upload))
        assert [part async for part in parts] == [b"a,b\n"]
    row = await reread(engine, Upload(id=id_of(upload)))
    kinds = await events_of(engine, row)
    assert kinds[0] == "upload.requested"
    assert kinds[-1] == "upload.received"


def code_of(answer: httpx.Response) -> str:
    code: str = answer.json()["errors"][0]["extensions"]["code"]
    return code


async def test_a_file_above_the_cap_leaves_nothing(
    engine: AsyncEngine,
    authority: Platform,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whether its length is declared or not."""
    monkeypatch.setattr(rules, "MAX_BYTES", 3000)
    monkeypatch.setattr(rules, "CHUNK_BYTES", 1000)
    upload = await authority.ask(REQUEST, fileName="list.csv")
    headers = {"content-type": "text/csv"}

    async def stream() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 900

    for content in (b"x" * 3001, stream()):
        answer = await client.put(upload["url"], content=content, headers=headers)
        assert (answer.status_code, code_of(answer)) == (413, "BODY_TOO_LARGE")
        assert await sealed_bytes(engine, upload) == b""
    whole = await client.put(upload["url"], content=b"y" * 3000, headers=headers)
    assert whole.status_code == 200
    async with AsyncSession(engine) as session:
        parts = uploads.read_upload(session, rules.Chest(VAULT_KEY), id_of(upload))
        assert [len(part) async for part in parts] == [1000, 1000, 1000]


async def becomes(engine: AsyncEngine, upload: dict[str, Any], *, there: bool) -> bool:
    """Whether the file is there, or gone, within five seconds."""
    for _ in range(100):
        if bool(await sealed_bytes(engine, upload)) is there:
            return True
        await asyncio.sleep(0.05)
    return False


async def test_a_sender_that_hangs_up_may_send_again(
    engine: AsyncEngine,
    authority: Platform,
    served: Served,
    client: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "CHUNK_BYTES", 10)
    upload = await authority.ask(REQUEST, fileName="list.csv")
    host, _, port = served.address.partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    head = f"PUT {upload['url']} HTTP/1.1\r\nHost: x\r\nContent-Type: text/csv\r\n"
    writer.write(f"{head}Content-Length: 1000\r\n\r\n{'x' * 100}".encode())
    await writer.drain()
    assert await becomes(engine, upload, there=True)
    writer.close()
    assert await becomes(engine, upload, there=False)
    headers = {"content-type": "text/csv"}
    answer = await client.put(upload["url"], content=b"a,b\n", headers=headers)
    assert answer.status_code == 200


async def test_what_is_not_imported_in_time_is_deleted(
    engine: AsyncEngine, authority: Platform
) -> None:
    upload = await authority.put(b"a,b\n")
    async with AsyncSession(engine) as session, session.begin():
        assert await uploads.expire_uploads(session, now() + rules.LIFE + timedelta(minutes=1))
    assert await sealed_bytes(engine, upload) == b""
    row = await reread(engine, Upload(id=id_of(upload)))
    assert row.state == "expired"


async def test_so_many_files_wait_at_most(
    engine: AsyncEngine, authority: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rules, "MAX_KEPT", 1)
    first = await authority.ask(REQUEST, fileName="list.csv")
    assert first["state"] == "REQUESTED"
    second = await authority.ask(REQUEST, fileName="list.csv")
    assert (second["code"], second["details"]["rule"]) == ("GUARD_FAILED", "upload.kept")


CONTRACTING = 'kind = "ocds"\nsource = "finder"\n'
FOUND = """
{ contractingFindings(filter: {source: ["finder@%s"]}) { nodes { code } } }
"""


async def test_open_contracting_data_comes_in_the_same_way(
    engine: AsyncEngine, authority: Platform, importer: Importer
) -> None:
    """Kept apart for each organization, with findings among the rows that have a problem."""
    release = {
        "ocid": "ocds-213czf-1",
        "id": "1",
        "date": "2026-02-01T00:00:00Z",
        "tag": ["tender"],
    }
    upload = await authority.put(json.dumps({"releases": [release, 7]}).encode(), "list.json")
    run = await authority.imported(upload, kind="OCDS", profile={"toml": CONTRACTING})
    assert await importer.step()
    done = await authority.read(run)
    assert (done["state"], done["failure"]) == ("DONE", None)
    assert [done[name] for name in FIVE] == [1, 0, 0, 0, 1]
    assert done["problems"] == 2
    async with AsyncSession(engine) as session:
        home = await session.get_one(Organization, authority.account.organization_id)
    answer = await authority.api(authority.account)(FOUND % home.no)
    found = answer["data"]["contractingFindings"]["nodes"]
    assert found == [{"code": "BUYER_BLANK"}]


async def test_a_profile_of_the_standard_says_the_source_alone(authority: Platform) -> None:
    upload = await authority.put(b"[]", "list.json")
    for wrong in (
        CONTRACTING + "[review]\nalways = true\n",
        CONTRACTING.replace("finder", "nexus"),
    ):
        refused = await authority.imported(upload, kind="OCDS", profile={"toml": wrong})
        assert refused["code"] == "PROFILE_REFUSED"
