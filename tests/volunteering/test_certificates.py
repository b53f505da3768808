"""Certificates: who makes and ends them, what they show, and who may ask about them."""

import asyncio
import re
import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.volunteering.certificates.reactions  # noqa: F401
from nexus.acting import NOBODY, Act, Actor, Role
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, Refusal
from nexus.core.typesetting import FontMissing, TypesettingFailed, fonts_in
from nexus.recipients.vault.contacts.operations import record_contact
from nexus.volunteering.certificates import operations, printing, rules
from nexus.volunteering.certificates.model import (
    TRANSITIONS,
    Certificate,
    CertificateLine,
    CertificateState,
)
from nexus.volunteering.hours.reviews import operations as reviews
from nexus.volunteering.policy import ORGANIZERS
from tests.deeds import acting, actor_of, events_of, hear_all, reread
from tests.fonts import fonts as found_fonts
from tests.making import making, now, today
from tests.volunteering import keeping, made
from tests.volunteering.test_hours_states import ROLES, SEEING, tried

S = CertificateState
REVIEWERS = {Role.GOV_COORDINATOR, Role.GOV_APPROVER}
WHY = {"reason": "the list of the day says otherwise"}
DEEDS: dict[str, tuple[Any, dict[str, Any]]] = {
    "issue": (operations.issue_certificate, {}),
    "drop": (operations.drop_certificate, WHY),
    "revoke": (operations.revoke_certificate, WHY),
}
MAY = {"issue": ORGANIZERS, "drop": ORGANIZERS, "revoke": ORGANIZERS | REVIEWERS}
CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
NAME = "欧阳示例"


def national_no() -> str:
    return f"4401{secrets.randbelow(10**12):012d}"


class Office:
    """An organization with a handler and a person in charge, and a volunteer's records there."""

    own: Any
    handler: Any
    head: Any
    account: Any
    person: Any
    records: list[Any]


async def office_of(engine: AsyncEngine, *minutes: int) -> Office:
    found = Office()
    async with making(engine) as m:
        found.own = await m.organization(name="同心义工服务中心")
        found.handler, found.head = [
            await m.account(Role.VOL_ORG, organization=found.own, area_code=None) for _ in range(2)
        ]
        found.account = await made.volunteer_account(m)
        async with acting(engine, found.account) as act:
            contact = await record_contact(act, name=NAME, phone="13800138000")
        found.person = await made.volunteer(
            m, found.account, found.own, contact_id=contact, national_no=national_no()
        )
        task = await keeping.task(m, found.own, name="陪诊 #1 *特别*")
        found.records = [
            await keeping.record(
                m,
                task,
                found.person,
                minutes=length,
                started_at=keeping.morning(3, 6 + place * 3),
            )
            for place, length in enumerate(minutes or (120, 100))
        ]
    return found


def period() -> dict[str, Any]:
    return {"from_on": today() - timedelta(days=20), "until_on": today()}


async def prepared(engine: AsyncEngine, office: Office, **given: Any) -> Certificate:
    async with acting(engine, office.handler) as act:
        return await operations.prepare_certificate(act, office.person.id, **(period() | given))


async def issued(engine: AsyncEngine, office: Office, at: Any = None, **given: Any) -> Certificate:
    row = await prepared(engine, office, **given)
    async with acting(engine, actor_of(office.head, at)) as act:
        return await operations.issue_certificate(act, row.id, expected_version=row.version)


async def revoked(engine: AsyncEngine, office: Office, place: int = 0) -> None:
    row = office.records[place]
    async with acting(engine, office.handler) as act:
        await reviews.revoke_hours(act, row.id, expected_version=row.version, **WHY)


# States ------------------------------------------------------------------------------------------


def expected(role: Role, verb: str, state: CertificateState) -> str:
    hidden = state in (S.PREPARED, S.DROPPED)
    if role not in SEEING or (role is Role.VOLUNTEER and hidden):
        return "NOT_FOUND"
    if role not in MAY[verb]:
        return "FORBIDDEN"
    after = TRANSITIONS.moves[verb].get(state)
    return after.value if after else "WRONG_STATE"


def test_the_table() -> None:
    """domain.md 7.9, said again by hand."""
    assert set(DEEDS) | {"supersede"} == set(TRANSITIONS.moves)
    assert {state: TRANSITIONS.verbs(state) for state in S} == {
        S.PREPARED: ["issue", "drop"],
        S.ISSUED: ["revoke", "supersede"],
        S.DROPPED: [],
        S.REVOKED: [],
        S.SUPERSEDED: [],
    }


async def test_each_verb_is_done_by_its_roles_from_its_states(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own, other = await m.organization(), await m.organization()
        await m.area("4501")
        account = await made.volunteer_account(m)
        person = await made.volunteer(m, account, own)
        task = await keeping.task(m, own)
        rows = {}
        for place, state in enumerate(S):
            served = await keeping.record(m, task, person, started_at=keeping.morning(3 + place))
            rows[state] = await keeping.certificate(m, served, state)
        near, away = {}, {}
        for role in ROLES:
            one = account if role is Role.VOLUNTEER else await m.account(role, area_code="44")
            home = own.id if role in ORGANIZERS else one.organization_id or NOBODY
            near[role] = Actor(role, one.id, home, "44", now())
            stranger = await m.account(role, organization=other, area_code="4501")
            away[role] = Actor(role, stranger.id, other.id, "4501", now())

    def attempt(verb: str, row: Certificate) -> Callable[[Act], Any]:
        deed, given = DEEDS[verb]
        return lambda act: deed(act, row.id, expected_version=row.version, **given)

    got, want = {}, {}
    for verb in DEEDS:
        for state, row in rows.items():
            for role in ROLES:
                got[verb, state, role] = await tried(engine, near[role], attempt(verb, row))
                want[verb, state, role] = expected(role, verb, state)
    assert got == want
    for role in set(ROLES) - {Role.PLATFORM_ADMIN, Role.SYSTEM}:
        for verb in DEEDS:
            assert await tried(engine, away[role], attempt(verb, rows[S.ISSUED])) == "NOT_FOUND"
    assert [(await reread(engine, row)).version for row in rows.values()] == [1] * len(rows)


# Contents ----------------------------------------------------------------------------------------


async def test_it_shows_all_effective_hours_of_its_own_organization(engine: AsyncEngine) -> None:
    """INV-33: the total is that of its lines, which are the issuer's effective records."""
    office = await office_of(engine, 120, 100)
    async with making(engine) as m:
        elsewhere = await keeping.task(m)
        await keeping.record(
            m, elsewhere, office.person, started_at=keeping.morning(3, 14), minutes=60
        )
        task = await keeping.task(m, office.own)
        await keeping.record(
            m, task, office.person, "pending_parent", started_at=keeping.morning(3, 16)
        )
    row = await issued(engine, office)
    assert (row.total_minutes, row.line_count, row.state) == (220, 2, S.ISSUED)
    assert CODE.fullmatch(row.code or "")
    async with AsyncSession(engine) as session:
        lines = await session.scalars(
            select(CertificateLine.record_id).where(CertificateLine.certificate_id == row.id)
        )
        assert set(lines) == {one.id for one in office.records}
    assert await events_of(engine, row) == ["certificate.prepared", "certificate.issued"]
    assert len(row.snapshot_hash or "") == 64


async def test_the_handler_is_not_the_person_in_charge(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    row = await prepared(engine, office)
    with pytest.raises(Forbidden):
        async with acting(engine, office.handler) as act:
            await operations.issue_certificate(act, row.id, expected_version=1)
    async with AsyncSession(engine) as session:
        with pytest.raises(DBAPIError, match="handler_not_in_charge"):
            await session.execute(
                text("UPDATE certificate SET issued_by = prepared_by WHERE id = :id"),
                {"id": row.id},
            )
    assert (await reread(engine, row)).state is S.PREPARED


async def test_only_who_recorded_certifies(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    async with making(engine) as m:
        other = await m.organization()
        stranger = await m.account(Role.VOL_ORG, organization=other, area_code=None)
        charity = await m.account(Role.CHARITY_USER)
        await made.roster(m, office.person, other)
    for account in (stranger, charity):
        with pytest.raises(Forbidden):
            async with acting(engine, account) as act:
                await operations.prepare_certificate(act, office.person.id, **period())
    with pytest.raises(GuardFailed) as caught:
        await prepared(engine, office, until_on=today() - timedelta(days=9))
    assert caught.value.details["rule"] == "INV-33"


async def test_a_publicity_runs_its_days_first(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    with pytest.raises(Invalid):
        await prepared(engine, office, publicity_days=6)
    row = await prepared(engine, office, publicity_days=7)
    for days, done in ((0, False), (6, False), (7, True)):
        at = actor_of(office.head, now() + timedelta(days=days))
        deed = acting(engine, at)
        if done:
            async with deed as act:
                got = await operations.issue_certificate(act, row.id, expected_version=1)
            assert got.state is S.ISSUED
        else:
            with pytest.raises(GuardFailed):
                async with deed as act:
                    await operations.issue_certificate(act, row.id, expected_version=1)


async def test_hours_that_changed_since_are_prepared_anew(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    row = await prepared(engine, office)
    with pytest.raises(GuardFailed):
        await prepared(engine, office)
    async with making(engine) as m:
        task = await keeping.task(m, office.own)
        await keeping.record(m, task, office.person, started_at=keeping.morning(3, 20))
    with pytest.raises(rules.HoursChanged):
        async with acting(engine, office.head) as act:
            await operations.issue_certificate(act, row.id, expected_version=1)
    assert (await reread(engine, row)).state is S.PREPARED


# Marks -------------------------------------------------------------------------------------------


async def test_a_revoked_record_revokes_in_the_same_moment(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    first = await issued(engine, office)
    waiting = await prepared(engine, office)
    await revoked(engine, office)
    assert [(await reread(engine, row)).state for row in (first, waiting)] == [S.REVOKED, S.DROPPED]
    await hear_all(engine)
    assert (await events_of(engine, first))[-1] == "certificate.revoked"
    assert (await events_of(engine, waiting))[-1] == "certificate.dropped"
    await revoked(engine, office, 1)
    await hear_all(engine)
    assert (await events_of(engine, first)).count("certificate.revoked") == 1


async def test_a_corrected_record_supersedes_and_a_new_one_follows(engine: AsyncEngine) -> None:
    office = await office_of(engine)
    first = await issued(engine, office)
    old = office.records[0]
    async with acting(engine, office.handler) as act:
        new = await reviews.correct_hours(
            act,
            old.id,
            expected_version=old.version,
            started_at=old.started_at,
            ended_at=old.ended_at,
            minutes=90,
            reason="a break of half an hour",
        )
    assert (await reread(engine, first)).state is S.SUPERSEDED
    async with acting(engine, office.head) as act:
        await reviews.confirm_hours(act, new.id, expected_version=1)
    second = await issued(engine, office, supersedes_id=first.id)
    assert (second.total_minutes, second.supersedes_id) == (190, first.id)
    with pytest.raises(GuardFailed):
        await prepared(engine, office, supersedes_id=second.id)


async def test_a_record_revoked_while_it_is_prepared_is_never_certified(
    engine: AsyncEngine,
) -> None:
    """INV-33 under concurrency: whoever is first, nothing stays issued with a revoked record."""
    for _ in range(6):
        office = await office_of(engine)
        row = await prepared(engine, office)

        async def issue(office: Office = office, row: Certificate = row) -> Any:
            async with acting(engine, office.head) as act:
                return await operations.issue_certificate(act, row.id, expected_version=1)

        _, ended = await asyncio.gather(issue(), revoked(engine, office), return_exceptions=True)
        assert ended is None
        assert (await reread(engine, row)).state in (S.REVOKED, S.DROPPED)


# Anybody -----------------------------------------------------------------------------------------

CHECK = """query($code: String!) { certificate(code: $code) {
  standing no totalMinutes totalHours issuer issuedOn endedOn } }"""


async def test_anybody_checks_a_code_and_nobody_learns_whose_it_is(
    engine: AsyncEngine, api: Any
) -> None:
    office = await office_of(engine)
    row = await issued(engine, office)
    code = str(row.code)
    told = (await api(None)(CHECK, code=rules.shown_code(code).lower()))["data"]["certificate"]
    assert told == {
        "standing": "ISSUED",
        "no": row.no,
        "totalMinutes": 220,
        "totalHours": "3.66",
        "issuer": "同心义工服务中心",
        "issuedOn": today().isoformat(),
        "endedOn": None,
    }
    page = await api.client.get(f"/certificates/{rules.shown_code(code)}")
    assert page.status_code == 200
    for secret in (NAME, office.person.no, str(office.person.national_no), "陪诊"):
        assert secret not in page.text
    assert "有效" in page.text
    assert "3.66" in page.text
    await revoked(engine, office)
    assert (await api(None)(CHECK, code=code))["data"]["certificate"]["standing"] == "REVOKED"
    assert "revoked" in (await api.client.get(f"/certificates?code={code}")).text


async def test_a_code_that_was_never_given_out_says_nothing(engine: AsyncEngine, api: Any) -> None:
    office = await office_of(engine)
    row = await prepared(engine, office)
    for wrong in ("0" * 26, "", "x" * 3000, row.no, "'; DROP TABLE certificate; --"):
        assert (await api(None)(CHECK, code=wrong))["data"]["certificate"] is None
    page = await api.client.get(f"/certificates/{'0' * 26}")
    assert page.status_code == 404
    assert (await api.client.get("/certificates")).status_code == 200
    assert (await api.client.post("/certificates")).status_code == 405
    assert "<script" not in (await api.client.get("/certificates/%3Cscript%3E")).text


async def test_who_tries_codes_runs_out_of_quota(engine: AsyncEngine, api: Any) -> None:
    """60 a minute from one address, against 130 bits."""
    statuses = [
        (await api.client.get(f"/certificates/{rules.new_code()}")).status_code for _ in range(80)
    ]
    assert statuses[0] == 404
    assert statuses[-1] == 429


def test_codes_are_long_and_forgive_the_eye() -> None:
    found = {rules.new_code() for _ in range(500)}
    assert len(found) == 500
    assert all(CODE.fullmatch(one) for one in found)
    assert 5 * rules.CODE_LENGTH >= 80
    assert rules.read_code("o1 iL-0") == "01110"


# On paper ----------------------------------------------------------------------------------------

PRINT = """mutation($id: ID!, $key: String!) {
  printCertificate(input: {id: $id, idempotencyKey: $key}) {
    __typename ... on CertificatePaper { url } ... on Refusal { code } } }"""


@pytest.fixture(scope="module")
def fonts() -> Any:
    """The font of the PDF. Without it these tests fail, and say which package is missing."""
    return found_fonts()


async def test_the_paper_has_the_name_and_reading_it_is_recorded(
    engine: AsyncEngine, api: Any, fonts: Any
) -> None:
    from nexus.core.ids import new_id
    from nexus.graph.identifiers import encode

    office = await office_of(engine)
    row = await issued(engine, office)
    given = {"id": encode("Certificate", row.id), "key": str(new_id())}
    asked = (await api(office.account)(PRINT, **given))["data"]["printCertificate"]
    paper = await api.client.get(asked["url"])
    assert (paper.status_code, paper.headers["content-type"]) == (200, "application/pdf")
    assert paper.content.startswith(b"%PDF-")
    assert b"pdfuaid" in paper.content
    async with AsyncSession(engine) as session:
        seen = await session.scalar(
            text(
                "SELECT count(*) FROM event WHERE kind = 'identity.contact_revealed' "
                "AND facts ->> 'contact_id' = :id"
            ),
            {"id": str(office.person.contact_id)},
        )
    assert seen == 1
    for wrong in (asked["url"][:-2], asked["url"].replace("papers/", "papers/0"), "/papers/x"):
        assert (await api.client.get(wrong)).status_code == 403
    async with making(engine) as m:
        clerk = await m.account(Role.GOV_CLERK, area_code="44")
    refused = (await api(clerk)(PRINT, **given | {"key": str(new_id())}))["data"]
    assert refused["printCertificate"]["code"] == "FORBIDDEN"
    await revoked(engine, office)
    assert (await api.client.get(asked["url"])).status_code in (403, 409)


def _content(**given: Any) -> dict[str, Any]:
    row = Certificate(
        no="VC-1",
        from_on=today() - timedelta(days=30),
        until_on=today(),
        total_minutes=60,
        code="0" * 26,
    )
    values: dict[str, Any] = {
        "name": NAME,
        "national_no": None,
        "issuer": "中心",
        "handler": "甲",
        "in_charge": "乙",
        "issued_on": today(),
        "lines": [("陪诊", today(), 60)],
        "address": "https://nexus.example",
    }
    return printing.content(row, **(values | given))


def test_what_people_typed_is_never_markup(fonts: Any) -> None:
    """A task may be called what it likes: it changes nothing but the words."""
    plain = printing.as_pdf(_content(), fonts=fonts, made_at=now())
    wild = ("#panic()", "= x", "$ x", "*x", '#read("/etc/passwd")', "@x", "]", "\\", "`", "//")
    for one in wild:
        made_of = printing.as_pdf(_content(lines=[(one, today(), 60)]), fonts=fonts, made_at=now())
        assert abs(len(made_of) - len(plain)) < 12_000


def test_a_character_that_no_font_has_is_an_error(fonts: Any) -> None:
    with pytest.raises(TypesettingFailed):
        printing.as_pdf(_content(name="\U0001f9ff"), fonts=fonts, made_at=now())


def test_a_missing_font_says_what_to_install(tmp_path: Any) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(FontMissing, match="fonts-noto-cjk"):
            fonts_in(folder)
    assert issubclass(FontMissing, Refusal)
