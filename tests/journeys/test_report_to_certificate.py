"""A report, a case, a need, a volunteer's hours, a certificate, and a case that is closed."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.graph.identifiers import encode
from nexus.recipients.model import Household
from nexus.worker import drain
from tests.journeys.teller import Teller
from tests.journeys.test_hotline_to_help import no_findings
from tests.journeys.test_hours_to_certificate import CHECKED, NEED, RECORD, hours_pass, key_of
from tests.journeys.test_report_to_closed_case import (
    TOWN,
    Cast,
    assessed,
    closed,
    fresh,
    planned,
    reported,
    seen,
)
from tests.journeys.test_report_to_closed_case import cast as cast
from tests.making import making, now, today

NAME = "欧阳陪伴"
RECORDS = "{ serviceRecords(first: 5) { nodes { id " + RECORD + " } } }"


@pytest.fixture
async def helpers(api: Any, engine: AsyncEngine) -> dict[str, Teller]:
    """Two people of a volunteer organization, and a volunteer."""
    async with making(engine) as m:
        own = await m.organization()
        parts: dict[str, Any] = {
            name: await m.account(Role.VOL_ORG, organization=own, area_code=None)
            for name in ("organizer", "colleague")
        }
        parts["ann"] = await m.account(Role.VOLUNTEER, organization_id=None, area_code=None)
        parts["anybody"] = None
    return {name: Teller(api, account) for name, account in parts.items()}


async def published(cast: Cast, engine: AsyncEngine, case: dict[str, Any]) -> dict[str, Any]:
    """A need of the case for a volunteer's hours, with the person's consent."""
    async with making(engine) as m:
        home = await m.session.get_one(Household, UUID(key_of({"id": cast.ids["household"]})))
        person = await m.recipient(home)
        consent = await m.consent(person)
    need = await cast.worker.do(
        "createNeed",
        "lines(first: 1) { nodes { id } }",
        subjectKind="RECIPIENT",
        recipientId=encode("Recipient", person.id),
        consentId=encode("Consent", consent.id),
        caseId=case["id"],
        areaCode=TOWN,
        origin="discovery",
        category="CAR",
        urgency="U3",
        lines=[{"kind": "HOURS", "item": "陪伴", "quantityRequired": "8", "unit": "HUR"}],
        visibility="PUBLIC",
        publicTitle="独居长者需要陪伴",
        publicSummary="行动不便，希望每周有人陪伴。",
        publisherId=cast.ids["authority"],
        stationId=cast.ids["station"],
    )
    line = need["lines"]["nodes"][0]["id"]
    need = await cast.worker.move("submitNeed", need)
    need = await cast.lead.move("verifyNeed", need, evidence="入户走访")
    return await cast.clerk.move("publishNeed", need) | {"line": line}


async def volunteer(helpers: dict[str, Teller]) -> dict[str, Any]:
    """Registered by herself, known to the organization, verified and active."""
    ann, organizer = helpers["ann"], helpers["organizer"]
    person = await ann.do(
        "registerVolunteer",
        name=NAME,
        phone="13800000000",
        birthYear=1990,
        abilities={"area": TOWN, "skills": ["elderly"]},
    )
    viewer = await organizer.see("{ viewer { organization { id } } }")
    await ann.do("joinRoster", organizationId=viewer["viewer"]["organization"]["id"])
    person = await organizer.move("verifyVolunteer", person)
    return await organizer.move("activateVolunteer", person)


async def task_begun(helpers: dict[str, Teller]) -> dict[str, Any]:
    """Published by a second person, signed up for; it begins in a quarter of an hour."""
    start = now() + timedelta(minutes=15)
    task = await helpers["organizer"].do(
        "createVolunteerTask",
        "positions(first: 1) { nodes { id } }",
        terms={
            "name": "每周陪伴独居长者",
            "category": "elderly",
            "area": TOWN,
            "place": "长者家中",
            "placePublic": False,
            "startsAt": start.isoformat(),
            "endsAt": (start + timedelta(hours=3)).isoformat(),
            "expected": 1,
            "positions": [{"role": "陪伴", "slots": 1}],
        },
    )
    position = task["positions"]["nodes"][0]["id"]
    task = await helpers["organizer"].move("submitVolunteerTask", task)
    task = await helpers["colleague"].move("publishVolunteerTask", task)
    task = await helpers["organizer"].move("openRecruitment", task)
    signup = await helpers["ann"].do("signUp", "state", positionId=position)
    assert signup["state"] == "CONFIRMED"
    return task


async def served(
    helpers: dict[str, Teller], task: dict[str, Any], owner_engine: AsyncEngine
) -> list[dict[str, Any]]:
    """In by the code on the screen, an hour's work, and out."""
    shown = await helpers["organizer"].ask(
        "mutation($t: ID!) { attendanceCode(input: {taskId: $t}) "
        "{ ... on AttendanceCode { signIn } } }",
        t=task["id"],
    )
    code = shown["data"]["attendanceCode"]["signIn"]
    pair = await helpers["ann"].do("checkIn", taskId=task["id"], code=code)
    await hours_pass(owner_engine, pair, 1)
    await helpers["organizer"].move("checkOut", pair)
    records = (await helpers["ann"].see(RECORDS))["serviceRecords"]["nodes"]
    assert {one["state"] for one in records} == {"EFFECTIVE"}
    return records  # type: ignore[no-any-return]


async def certified(helpers: dict[str, Teller], person: dict[str, Any]) -> str:
    """The code of a certificate that a second person issued."""
    paper = await helpers["organizer"].do(
        "prepareCertificate",
        volunteerId=person["id"],
        fromOn=(today() - timedelta(days=2)).isoformat(),
        untilOn=(today() + timedelta(days=1)).isoformat(),
    )
    paper = await helpers["colleague"].do(
        "issueCertificate", "verificationCode", id=paper["id"], expectedVersion=paper["version"]
    )
    return str(paper["verificationCode"])


async def test_from_a_report_to_a_certificate(
    cast: Cast, helpers: dict[str, Teller], engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    case = await planned(cast, await assessed(cast, await reported(cast)))
    need = await published(cast, engine, case)
    person, task = await volunteer(helpers), await task_begun(helpers)
    pledge = await helpers["organizer"].do("offerPledge", lineId=need["line"], quantity="8")
    await cast.worker.move("acceptPledge", pledge)
    await helpers["organizer"].do("linkTask", taskId=task["id"], pledgeId=pledge["id"])

    records = await served(helpers, task, owner_engine)
    await drain(engine)
    helped = (await cast.worker.see(NEED, id=need["id"]))["node"]["deliveries"]["nodes"]
    assert {one["evidence"]["service_record"] for one in helped} == {one["no"] for one in records}

    code = await certified(helpers, person)
    told = (await helpers["anybody"].see(CHECKED, code=code))["certificate"]
    minutes = sum(one["minutes"] for one in records)
    assert (told["standing"], told["totalMinutes"]) == ("ISSUED", minutes)
    assert NAME not in json.dumps(told, ensure_ascii=False)

    done = await closed(cast, await fresh(cast.worker, case) | {"goal": case["goal"]})
    mine = await seen(cast.worker, done)
    assert (mine["state"], [one["id"] for one in mine["needs"]["nodes"]]) == (
        "CLOSED",
        [need["id"]],
    )
    assert mine["clientToldAt"]
    await drain(engine)
    await no_findings(engine)
