"""What the authority recognised, from the file to the pledge: tapers, re-checks, a hundred thousand
rows (scenarios 7, 8 and 15)."""

import base64
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Role
from nexus.core.embedded import Database
from nexus.recipients.rules import add_months, taper_end
from nexus.worker import drain, strike
from tests.exchange import recognition_files as files
from tests.journeys.teller import Teller
from tests.making import making, now, today

COUNTY, TOWN = "440103", "440103001"
ROOT = Path(__file__).parents[2]
PROFILE = ROOT / "examples/profiles/recognitions.toml"
LONG_AGO = date(2020, 1, 1)

NEED = """query($id: ID!) { node(id: $id) { ... on Need { id version state open confirmNeeded
  confirmReason frozenAt redactions allowedActions lines { nodes { id open } }
  history { nodes { kind facts } } } } }"""
RECOGNITION = """query($id: ID!) { node(id: $id) { ... on Recognition { id version state validTo
  taperedOn taperMonths taperRule endReason checkedOn recheckClass recheckMonths recheckRule
  recheckDueOn allowedActions history { nodes { kind facts } } } } }"""


def global_id(kind: str, row: Any) -> str:
    return base64.b64encode(f"{kind}:{row.id}".encode()).decode()


@dataclass
class Story:
    """An authority, its station and two charities; people are recognised as the tests go."""

    api: Any
    engine: AsyncEngine
    authority: Any
    approver: Teller
    clerk: Teller
    worker: Teller
    charity: Teller

    async def recognised(self, **given: Any) -> tuple[Any, dict[str, Any]]:
        """(recipient, an active dibao recognition since 2020)."""
        async with making(self.engine) as m:
            recipient = await m.recipient(await m.household(area_code=TOWN))
        row = await self.approver.do(
            "recordRecognition",
            **{
                "recipientId": global_id("Recipient", recipient),
                "category": "DB",
                "authorityId": global_id("Organization", self.authority),
                "level": "COUNTY",
                "decidedOn": LONG_AGO.isoformat(),
                "validFrom": LONG_AGO.isoformat(),
                "recheckClass": "STABLE",
                "ruleVersion": "2021",
            }
            | given,
        )
        return recipient, await self.approver.move("confirmRecognition", row)

    async def need_of(self, recipient: Any) -> dict[str, Any]:
        async with making(self.engine) as m:
            consent = await m.consent(recipient)
            need = await m.need(
                recipient_id=recipient.id,
                household_id=recipient.household_id,
                consent_id=consent.id,
                area_code=TOWN,
                publisher_id=self.authority.id,
            )
        return await self.see_need({"id": global_id("Need", need)}, self.worker)

    async def see_need(self, need: dict[str, Any], who: Teller) -> dict[str, Any]:
        found: dict[str, Any] = (await who.see(NEED, id=need["id"]))["node"]
        return found

    async def see(self, row: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = (await self.worker.see(RECOGNITION, id=row["id"]))["node"]
        return found


@pytest.fixture
async def story(api: Any, engine: AsyncEngine) -> Story:
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        agency, organization = await m.organization(), await m.organization()
        people = [
            await m.account(role=role, organization=body, area_code=area)
            for role, body, area in (
                (Role.GOV_APPROVER, authority, COUNTY),
                (Role.GOV_CLERK, authority, COUNTY),
                (Role.SOCIAL_WORKER, agency, TOWN),
                (Role.CHARITY_USER, organization, None),
            )
        ]
    approver, clerk, worker, charity = (Teller(api, each) for each in people)
    return Story(api, engine, authority, approver, clerk, worker, charity)


# --- Scenario 7 ---


def _start_of_taper_over_on(day: date) -> date:
    """A day whose six months end so that the first day after them is this one."""
    start = add_months(day, -6) - timedelta(days=1)
    while taper_end(start, 6) < day:
        start += timedelta(days=1)
    return start


@pytest.mark.parametrize(
    ("start", "over"),
    [
        (date(2025, 3, 15), date(2025, 9, 16)),
        (date(2025, 8, 31), date(2026, 3, 1)),
        (date(2023, 8, 31), date(2024, 3, 1)),
        (date(2024, 2, 29), date(2024, 8, 30)),
    ],
)
async def test_a_taper_of_six_months(story: Story, start: date, over: date) -> None:
    recipient, row = await story.recognised()
    need = await story.need_of(recipient)
    row = await story.approver.move("taperRecognition", row, taperedOn=start.isoformat())
    shown = await story.see(row)
    assert (shown["state"], shown["taperedOn"], shown["validTo"]) == (
        "TAPER",
        start.isoformat(),
        over.isoformat(),
    )
    assert (shown["taperMonths"], shown["taperRule"]) == (6, "taper_months@CN/2020-01-01")
    await strike(story.engine, now())
    await drain(story.engine)
    shown = await story.see(row)
    assert (shown["state"], shown["endReason"]) == ("ENDED", "TAPER_OVER")
    assert [each["kind"] for each in shown["history"]["nodes"]] == [
        "recognition.recorded",
        "recognition.confirmed",
        "recognition.tapered",
        "recognition.ended",
    ]
    assert (await story.see_need(need, story.worker))["confirmReason"] == "TAPER_OVER"


async def test_served_on_the_last_day_and_flagged_on_the_next(story: Story) -> None:
    """One taper's last day is today, another's was yesterday."""
    rows = []
    for over in (today() + timedelta(days=1), today()):
        recipient, row = await story.recognised()
        need = await story.need_of(recipient)
        start = _start_of_taper_over_on(over)
        if taper_end(start, 6) != over:
            pytest.skip("no day's six months end then: the month before was shorter")
        row = await story.approver.move("taperRecognition", row, taperedOn=start.isoformat())
        early = await story.approver.try_(
            "endRecognition", id=row["id"], expectedVersion=row["version"], endReason="INCOME"
        )
        rows.append((row, need, early))
    (served, served_need, refused), (over_now, flagged, _) = rows
    assert (refused["code"], refused["details"]["rule"]) == ("GUARD_FAILED", "INV-35")
    await strike(story.engine, now())
    await drain(story.engine)
    assert (await story.see(served))["state"] == "TAPER"
    assert (await story.see_need(served_need, story.charity))["open"] is True
    assert (await story.see(over_now))["state"] == "ENDED"
    assert (await story.see_need(flagged, story.worker))["confirmNeeded"] is True


async def test_pledges_are_frozen_until_the_station_confirms(story: Story) -> None:
    recipient, row = await story.recognised()
    need = await story.need_of(recipient)
    line = need["lines"]["nodes"][0]["id"]
    offered = await story.charity.do("offerPledge", lineId=line, quantity="3")
    async with making(story.engine) as m:
        other = await m.account(role=Role.CHARITY_USER, organization=await m.organization())
    second = Teller(story.api, other)
    kept = await second.do("offerPledge", lineId=line, quantity="2")
    kept = await story.clerk.move("acceptPledge", kept)

    await story.approver.move("endRecognition", row, endReason="DEATH")
    await drain(story.engine)

    seen = await story.see_need(need, story.worker)
    assert (seen["state"], seen["open"], seen["confirmNeeded"]) == ("PUBLISHED", False, True)
    assert seen["confirmReason"] == "DEATH"
    assert "confirmNeedStillStands" in seen["allowedActions"]
    assert seen["history"]["nodes"][-1]["kind"] == "need.frozen"
    outside = await story.see_need(need, story.charity)
    assert (outside["confirmNeeded"], outside["open"]) == (True, False)
    assert outside["confirmReason"] is outside["frozenAt"] is None
    assert {"confirmReason", "frozenAt"} <= set(outside["redactions"])

    delivered = {"pledgeId": kept["id"], "quantity": "1", "deliveredOn": today().isoformat()}
    for who, mutation, given in (
        (story.clerk, "acceptPledge", {"id": offered["id"], "expectedVersion": 1}),
        (second, "recordDelivery", delivered),
        (second, "offerPledge", {"lineId": line, "quantity": "1"}),
    ):
        refused = await who.try_(mutation, **given)
        assert refused["__typename"] == "Refusal", mutation
        assert refused["details"]["rule"] in ("INV-07", "confirm_needed"), mutation
    await strike(story.engine, now())
    withdrawn = await second.try_(
        "withdrawPledge", id=kept["id"], expectedVersion=kept["version"], reason="不再提供"
    )
    assert withdrawn["__typename"] == "Pledge", "what is frozen may be taken back"

    for who in (story.charity, second):
        denied = await who.try_(
            "confirmNeedStillStands", id=need["id"], expectedVersion=seen["version"], reason="是"
        )
        assert denied["code"] == "FORBIDDEN"
    empty = await story.worker.try_(
        "confirmNeedStillStands", id=need["id"], expectedVersion=seen["version"], reason=" "
    )
    assert empty["code"] == "INVALID"
    await story.worker.move("confirmNeedStillStands", seen, reason="入户走访：仍需口粮")
    seen = await story.see_need(need, story.charity)
    assert (seen["confirmNeeded"], seen["open"]) == (False, True)
    again = await story.worker.try_(
        "confirmNeedStillStands", id=need["id"], expectedVersion=seen["version"], reason="是"
    )
    assert again["details"]["rule"] == "confirm_needed"
    await story.clerk.move("acceptPledge", offered)


async def test_a_new_number_for_the_same_help_is_no_change(story: Story) -> None:
    """T24c: nothing is frozen while another recognition of the same kind holds."""
    recipient, row = await story.recognised(validTo=(today() + timedelta(days=1)).isoformat())
    need = await story.need_of(recipient)
    await story.approver.move("endRecognition", row, endReason="PERIOD_OVER")
    again = await story.approver.do(
        "recordRecognition",
        recipientId=global_id("Recipient", recipient),
        category="DB",
        authorityId=global_id("Organization", story.authority),
        level="COUNTY",
        decidedOn=today().isoformat(),
        validFrom=today().isoformat(),
        ruleVersion="2021",
    )
    await story.approver.move("confirmRecognition", again)
    await drain(story.engine)
    assert (await story.see_need(need, story.worker))["confirmNeeded"] is False


# --- Scenario 8 ---


async def test_a_member_able_to_work_halves_the_clock(story: Story) -> None:
    checked = add_months(today(), -8)
    _, row = await story.recognised()
    row = await story.approver.move("reviewRecognition", row, reason="年度复核")
    row = await story.approver.move("upholdRecognition", row, checkedOn=checked.isoformat())
    shown = await story.see(row)
    before = shown["recheckDueOn"]
    assert (shown["recheckMonths"], before) == (12, add_months(checked, 12).isoformat())
    row = await story.approver.move(
        "changeRecheckClass", row, recheckClass="CHANGEABLE", reason="家中一人恢复劳动能力"
    )
    shown = await story.see(row)
    assert shown["checkedOn"] == checked.isoformat(), "from the last check, not from today"
    assert shown["recheckDueOn"] == add_months(checked, 6).isoformat() < today().isoformat()
    assert shown["recheckRule"] == "recheck_changeable_months@CN/2020-01-01"
    last = shown["history"]["nodes"][-1]
    assert last["kind"] == "recognition.recheck_changed"
    assert last["facts"]["recheck_class_before"] == "stable"
    assert (last["facts"]["recheck_due_before"], last["facts"]["recheck_due_on"]) == (
        before,
        shown["recheckDueOn"],
    )
    due = await story.worker.see(
        """query($by: Date!) { recognitions(filter: {recheckDueBy: $by}) { nodes { id } } }""",
        by=today().isoformat(),
    )
    assert {"id": row["id"]} in due["recognitions"]["nodes"]
    for who in (story.worker, story.clerk):
        denied = await who.try_(
            "changeRecheckClass",
            id=row["id"],
            expectedVersion=row["version"],
            recheckClass="STABLE",
        )
        assert denied["code"] == "FORBIDDEN"


# --- Scenario 15 ---


def nexus(database: Database, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, over this module's database."""
    environment = os.environ | {
        "NEXUS_DATABASE_URL": database.owner_url,
        "NEXUS_APP_DATABASE_URL": database.app_url,
        "NEXUS_VAULT_KEY": base64.b64encode(bytes(range(32))).decode(),
    }
    return subprocess.run(
        [sys.executable, "-c", "from nexus.cli import main; main()", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_county_imports_its_recognitions(
    story: Story, database: Database, tmp_path: Path, torture: bool
) -> None:
    count = 100_000 if torture else 3_000
    async with making(story.engine) as m:
        account = await m.account(
            role=Role.GOV_APPROVER, organization=story.authority, area_code="4401"
        )
    made = list(files.rows(count, seed=15, first=2_000_000))
    path = files.write(tmp_path / "recognitions.csv", made)
    unknown = [n for n, each in enumerate(made, 2) if each["救助类别"] in files.UNKNOWN]
    command = ("import", "recognitions", str(path), "--profile", str(PROFILE), "--json")
    reports = []
    for _ in range(2):
        ran = nexus(database, *command, "--as", account.username)
        assert ran.returncode == 0, ran.stderr
        assert not any(each["姓名"] in ran.stdout + ran.stderr for each in made[:200])
        reports.append(json.loads(ran.stdout))
    first, second = reports
    assert first["created"] == count - len(unknown) == second["unchanged"]
    assert (second["created"], second["updated"]) == (0, 0)
    for report in reports:
        assert [one["row"] for one in report["rejected"]] == unknown
        assert report["rows_read"] == count
    counted = await story.approver.see(
        "{ " + " ".join(
            f'{code}: recognitions(filter: {{category: ["{code}"]}}) {{ totalCount }}'
            for code in files.SPELLINGS
        ) + " }"
    )  # fmt: skip
    words = {word: code for code, spelt in files.SPELLINGS.items() for word in spelt}
    stated = [words[each["救助类别"]] for each in made if each["救助类别"] in words]
    here = [each for each in made if each["救助类别"] in words and each["区划"].startswith(COUNTY)]
    for code in files.SPELLINGS:
        mine = sum(1 for each in here if words[each["救助类别"]] == code)
        assert counted[code]["totalCount"] >= mine
    assert len(stated) == first["created"]
    checked = nexus(database, "verify", "--json")
    assert (checked.returncode, json.loads(checked.stdout)) == (0, [])


async def test_a_file_that_is_refused_says_so_in_json(
    story: Story, database: Database, tmp_path: Path
) -> None:
    path = tmp_path / "recognitions.csv"
    path.write_bytes(b"\x00\x01\x02 no table")
    command = ("import", "recognitions", str(path), "--profile", str(PROFILE), "--json")
    ran = nexus(database, *command, "--as", "nobody of that name")
    assert ran.returncode == 2
    told = json.loads(ran.stdout)["refused"]
    assert told["code"]
    assert told["message"] in " ".join(ran.stderr.split())
