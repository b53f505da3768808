"""Papers to sign: what stands on them, who may print them, and that they hold no name."""

from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import httpx
import pypdfium2
import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.acting import Role
from nexus.casework.cases.model import CaseState
from nexus.casework.model import Worker
from nexus.casework.visits.model import VisitChecklist, VisitState
from nexus.core.signing import LinkRefused
from nexus.core.typesetting import TypesettingFailed
from nexus.exchange.printouts import content, operations, printing
from nexus.exchange.printouts.model import Printout
from nexus.graph.identifiers import encode
from nexus.recipients.consents import operations as consents
from nexus.recipients.model import Household
from tests import fonts as found
from tests.casework.desk import Station1, case_in, open_station
from tests.casework.test_pictures import Phone
from tests.casework.visiting import Place, a_place, put_visit
from tests.conftest import Api
from tests.deeds import acting, actor_of, count_of
from tests.making import making, now, today
from tests.pictures import jpeg, png
from tests.referrals.referring import ADDRESS, NAME, PHONE, Ground, prepare

KEYS = count(1)
PRINT = """
mutation($subject: PaperSubjectInput!, $key: String!) {
  printPaper(input: {subject: $subject, idempotencyKey: $key}) {
    ... on Printout { id paper url expiresAt visit { id } referral { id } case { id } }
    ... on Refusal { code message }
  }
}
"""


@pytest.fixture(scope="module", autouse=True)
def fonts() -> Any:
    return found.fonts()


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


@pytest.fixture(scope="module")
async def desk(engine: AsyncEngine) -> Station1:
    return await open_station(engine)


@pytest.fixture(scope="module")
async def ground(engine: AsyncEngine) -> Ground:
    return await prepare(engine)


async def ask(api: Api, account: Account, **subject: str) -> dict[str, Any]:
    answer = await api(account)(PRINT, subject=subject, key=f"print-{next(KEYS)}")
    assert "errors" not in answer, answer
    made: dict[str, Any] = answer["data"]["printPaper"]
    return made


async def printed(client: httpx.AsyncClient, printout: dict[str, Any]) -> str:
    """The words of the paper."""
    answer = await client.get(printout["url"])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert b"pdfuaid" in answer.content
    document = pypdfium2.PdfDocument(answer.content)
    return _tight("".join(page.get_textpage().get_text_range() for page in document))


def _tight(text: str) -> str:
    """Without white space: the typesetter puts some between Chinese and other signs."""
    return "".join(text.split())


async def test_a_visit_record_has_answers_and_the_signature(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, place: Place
) -> None:
    visit = await put_visit(
        engine,
        place,
        VisitState.DONE,
        summary="#emph[米已吃完] *需要* 尽快送米",
        minutes=40,
        findings={"FOOD": False, "HEALTH": "WORSE"},
        checklist_id=await _checklist(engine),
    )
    plain = await ask(api, place.worker, visitId=encode("Visit", visit.id))
    assert plain["paper"] == "VISIT_RECORD"
    assert plain["visit"]["id"] == encode("Visit", visit.id)
    said = await printed(client, plain)
    for words in (visit.no, place.home.no, place.station.name, "入户", "40 分钟", "变差", "否"):
        assert _tight(words) in said, words
    assert "#emph[米已吃完]*需要*尽快送米" in said
    assert "服务对象签名" in said
    assert "探访人员签名" in said
    phone = Phone(api, client, place.worker)
    before = len((await client.get(plain["url"])).content)
    await phone.keep(visit, png((9, 9)), kind="SIGNATURE", signer="FAMILY", contentType="image/png")
    signed = await client.get(plain["url"])
    assert len(signed.content) > before
    assert "家庭成员签名" in await printed(client, plain)
    assert "服务对象签名" not in await printed(client, plain)
    await phone.keep(visit, jpeg(), kind="SIGNATURE", signer="WORKER")
    assert "探访人员签名Worker（签名影像无法显示）" in await printed(client, plain)


async def _checklist(engine: AsyncEngine) -> Any:
    async with making(engine) as m:
        return await m.session.scalar(select(VisitChecklist.id))


async def test_only_a_visit_that_was_made_and_only_its_station(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, place: Place, desk: Station1
) -> None:
    visit = await put_visit(engine, place, VisitState.DONE)
    planned = await put_visit(engine, place, VisitState.SCHEDULED)
    before = await count_of(engine, Printout)
    made = await ask(api, place.worker, visitId=encode("Visit", planned.id))
    assert made["code"] == "WRONG_STATE"
    for account in (place.clerk, place.approver, desk.worker):
        refused = await ask(api, account, visitId=encode("Visit", visit.id))
        assert refused["code"] == "NOT_FOUND"
    assert await count_of(engine, Printout) == before
    good = await ask(api, place.worker, visitId=encode("Visit", visit.id))
    async with making(engine) as m:
        ends = update(Worker).where(Worker.id == place.post.id)
        await m.session.execute(ends.values(valid_to=today()))
        await m.session.commit()
    assert (await client.get(good["url"])).status_code == 403
    async with making(engine) as m:
        await m.session.execute(ends.values(valid_to=None))
        await m.session.commit()
    assert (await client.get(good["url"])).status_code == 200
    assert (await client.post(good["url"])).status_code == 405
    assert (await client.get(good["url"] + "x")).status_code == 403


async def test_a_referral_slip_holds_no_identity(
    api: Api, client: httpx.AsyncClient, ground: Ground
) -> None:
    row = await ground.requested(note="上门前请电话联系")
    subject = {"referralId": encode("Referral", row.id)}
    for who in ("clerk", "receiver"):
        made = await ask(api, ground.people[who], **subject)
        assert made["paper"] == "REFERRAL_SLIP"
        said = await printed(client, made)
        for words in (row.no, row.title, ground.rows["charity"].name, "回执", "服务对象签名", "10"):
            assert _tight(words) in said, words
        for secret in (NAME, PHONE, ADDRESS, "上门前请电话联系"):
            assert secret not in said
    assert (await ask(api, ground.people["stranger"], **subject))["code"] == "NOT_FOUND"


async def test_a_consent_that_is_withdrawn_closes_the_slip_to_the_receiver(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient
) -> None:
    own = await prepare(engine)
    row = await own.requested()
    subject = {"referralId": encode("Referral", row.id)}
    made = await ask(api, own.people["receiver"], **subject)
    consent = own.rows["consent"]
    await own.act(
        "worker", consents.withdraw_consent, consent.id, expected_version=1, reason="本人撤回"
    )
    assert (await client.get(made["url"])).status_code == 403
    assert (await ask(api, own.people["receiver"], **subject))["code"] == "NOT_FOUND"
    await printed(client, await ask(api, own.people["clerk"], **subject))


async def test_a_case_summary_is_for_the_station(
    engine: AsyncEngine, api: Api, client: httpx.AsyncClient, desk: Station1
) -> None:
    async with making(engine) as m:
        file = await case_in(m, desk, CaseState.CLOSED)
        home = await m.session.get_one(Household, file.household_id)
    subject = {"caseId": encode("Case", file.id)}
    for account in (desk.lead, desk.worker, desk.aide):
        said = await printed(client, await ask(api, account, **subject))
        for words in (file.no, home.no, "邻居告知独居", "结案", "目标达成", "督导"):
            assert _tight(words) in said, words
    for account in (desk.clerk, desk.approver, desk.stranger):
        assert (await ask(api, account, **subject))["code"] == "NOT_FOUND"


async def test_every_role_and_a_missing_subject(
    engine: AsyncEngine, api: Api, desk: Station1
) -> None:
    async with making(engine) as m:
        file = await case_in(m, desk, CaseState.INTAKE)
        others = [
            await m.account(role, desk.organization, area_code="44")
            for role in Role
            if role not in (Role.ANONYMOUS, Role.SYSTEM, Role.STATION_LEAD)
        ]
    for account in others:
        refused = await ask(api, account, caseId=encode("Case", file.id))
        assert refused["code"] in ("NOT_FOUND", "FORBIDDEN"), account.role
    for subject in (
        {"caseId": encode("Case", desk.lead.id)},
        {"visitId": encode("Visit", file.id)},
    ):
        assert (await ask(api, desk.lead, **subject))["code"] == "NOT_FOUND"
    wrong = await api(desk.lead)(PRINT, subject={}, key="none")
    assert "errors" in wrong


async def test_an_address_ends(engine: AsyncEngine, api: Api, desk: Station1) -> None:
    async with making(engine) as m:
        file = await case_in(m, desk, CaseState.INTAKE)
    made = await ask(api, desk.lead, caseId=encode("Case", file.id))
    key = UUID(made["url"].split("/")[2].split("?")[0])
    for minutes, there in ((4, True), (6, False)):
        actor = actor_of(desk.lead, now() + timedelta(minutes=minutes))
        async with acting(engine, actor) as act:
            if there:
                assert (await operations.find_printout(act, key)).case_id == file.id
            else:
                with pytest.raises(LinkRefused):
                    await operations.find_printout(act, key)


def test_text_is_never_markup_and_a_strange_sign_is_an_error(fonts: Any) -> None:
    def told(summary: str) -> dict[str, Any]:
        return content.paper(
            "case_summary",
            "C-1",
            content.Around(issuer="#panic()", printed_by="$x$"),
            facts={"项": '#read("/etc/passwd")'},
            sections=[content.section("= 题", summary, head=("a", "b"), rows=[["*1*", "_2_"]])],
            signatures=[content.place("签名")],
            printed_at=now(),
        )

    made = printing.as_pdf(told('#import "x"\n\n```raw'), fonts=fonts, made_at=now())
    said = _tight(pypdfium2.PdfDocument(made)[0].get_textpage().get_text_range())
    for words in ("#panic()", '#read("/etc/passwd")', "*1*", '#import "x"', "```raw"):
        assert _tight(words) in said, words
    with pytest.raises(TypesettingFailed):
        printing.as_pdf(told("\U0001f9ff"), fonts=fonts, made_at=now())
