"""What may be published, by whom; and who volunteers are, which only the vault knows."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from stdnum.cn import ric

from nexus.acting import Role
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal
from nexus.graph.identifiers import encode
from nexus.organizations.model import OrganizationState
from nexus.recipients.vault.contacts.operations import AlreadyKnown
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import IdentityErased
from nexus.volunteering import operations as volunteering
from nexus.volunteering.guardians import operations as guardians
from nexus.volunteering.guardians.operations import Agreement
from nexus.volunteering.identity import operations as identity
from nexus.volunteering.model import GuardianConsentState, GuardianMethod, Guardianship, Volunteer
from nexus.volunteering.operations import Abilities, Person
from nexus.volunteering.tasks import operations as tasking
from nexus.volunteering.tasks.model import CheckInMode, TaskState, VolunteerTask
from nexus.volunteering.tasks.operations import TaskTerms
from nexus.volunteering.tasks.rules import PositionTerms
from nexus.volunteering.teams import operations as teaming
from nexus.worker import CLOCKS
from tests.deeds import acting, actor_of, count_of, reread
from tests.making import TOWN, making, now, today
from tests.volunteering import made

DAY = timedelta(days=1)
NAME, PHONE = "欧阳助人", "13800001234"
NUMBERS = iter(f"4499{n:02d}19900101{n:03d}" for n in range(1, 99))
"""A county that does not exist: nobody's numbers."""


def terms(**given: Any) -> TaskTerms:
    start = now() + 2 * DAY
    row: dict[str, Any] = {
        "name": "周末探访",
        "category": "elderly",
        "area": TOWN,
        "place": "示范社区服务中心",
        "starts_at": start,
        "ends_at": start + DAY,
        "expected": 10,
        "positions": [PositionTerms(role="陪伴", slots=3)],
    }
    return TaskTerms(**row | given)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"name": "补录九月探访"}, "name"),
        ({"name": "联系张三 13800001234"}, "name"),
        ({"summary": "电话 13800001234"}, "summary"),
        ({"place": ""}, "place"),
        ({"place": "甲社区；乙社区"}, "place"),
        ({"place": "示范社区,电话 13800001234"}, "place"),
        ({"starts_at": now() - DAY}, "startsAt"),
        ({"ends_at": now() + DAY}, "endsAt"),
        ({"ends_at": now() + 400 * DAY}, "endsAt"),
        ({"signup_deadline_at": now() - DAY}, "signupDeadlineAt"),
        ({"check_in_mode": CheckInMode.SELF_LOCATION, "expected": 99}, "checkInMode"),
        ({"category": "gardening"}, "category"),
        ({"positions": []}, "positions"),
        ({"positions": [PositionTerms(role="陪伴", slots=0)]}, "slots"),
        ({"positions": [PositionTerms(role="陪", slots=1, starts_at=now())]}, "positions"),
    ],
)
async def test_what_a_task_may_not_say(
    engine: AsyncEngine, given: dict[str, Any], field: str
) -> None:
    async with making(engine) as m:
        organizer = await m.account(Role.VOL_ORG, await m.organization(), area_code=None)
        await m.area(TOWN)
    before = await count_of(engine, VolunteerTask)
    with pytest.raises(Invalid) as refused:
        async with acting(engine, organizer) as act:
            await tasking.create_task(act, terms=terms(**given))
    assert refused.value.field == field
    assert PHONE not in str(refused.value.as_dict())
    assert await count_of(engine, VolunteerTask) == before


async def test_by_place_is_for_a_hundred_and_more(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        organizer = await m.account(Role.VOL_ORG, await m.organization(), area_code=None)
    async with acting(engine, organizer) as act:
        large = terms(check_in_mode=CheckInMode.SELF_LOCATION, expected=100)
        assert (await tasking.create_task(act, terms=large)).state is TaskState.DRAFT


async def test_only_a_verified_organization_organizes(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        suspended = await m.organization(state=OrganizationState.SUSPENDED)
        organizer = await m.account(Role.VOL_ORG, suspended, area_code=None)
        row = await made.task(m, suspended, state=TaskState.DRAFT)
    for deed in (
        lambda act: tasking.create_task(act, terms=terms()),
        lambda act: tasking.submit_task(act, row.id, expected_version=1),
        lambda act: teaming.create_team(act, name="邻里队", area=TOWN),
        _registered,
    ):
        with pytest.raises(GuardFailed) as refused:
            async with acting(engine, organizer) as act:
                await deed(act)
        assert refused.value.details["rule"] == "volunteering.organization_verified"


async def test_who_made_or_submitted_a_task_does_not_publish_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own, parent = await m.organization(), await m.organization()
        maker, submitter, third = [
            await m.account(Role.VOL_ORG, own, area_code=None) for _ in range(3)
        ]
        above = await m.account(Role.VOL_ORG, parent, area_code=None)
        row = await made.task(
            m, own, state=TaskState.DRAFT, created_by=maker.id, parent_organization_id=parent.id
        )
    async with acting(engine, submitter) as act:
        await tasking.submit_task(act, row.id, expected_version=1)
    for nobody in (maker, submitter):
        with pytest.raises(Forbidden):
            async with acting(engine, nobody) as act:
                await tasking.publish_task(act, row.id, expected_version=2)
    assert (await reread(engine, row)).state is TaskState.SUBMITTED
    async with acting(engine, above) as act:
        await tasking.return_task(act, row.id, expected_version=2, reason="地点不清楚")
    async with acting(engine, maker) as act:
        await tasking.submit_task(act, row.id, expected_version=3)
    async with acting(engine, third) as act:
        done = await tasking.publish_task(act, row.id, expected_version=4)
    assert (done.state, done.published_by) == (TaskState.PUBLISHED, third.id)


async def test_nothing_is_published_after_its_start(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        other = await m.account(Role.VOL_ORG, own, area_code=None)
        row = await made.task(m, own, state=TaskState.SUBMITTED)
    with pytest.raises(GuardFailed) as refused:
        async with acting(engine, actor_of(other, row.starts_at)) as act:
            await tasking.publish_task(act, row.id, expected_version=1)
    assert refused.value.details["rule"] == "tasks.not_started"


async def test_a_draft_is_said_anew_with_its_positions(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        organizer = await m.account(Role.VOL_ORG, await m.organization(), area_code=None)
    async with acting(engine, organizer) as act:
        row = await tasking.create_task(act, terms=terms())
    again = terms(positions=[PositionTerms(role=role, slots=1) for role in ("陪伴", "登记")])
    async with acting(engine, organizer) as act:
        await tasking.update_task(act, row.id, expected_version=1, terms=again)
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT role FROM task_position WHERE task_id = :id ORDER BY position"),
            {"id": row.id},
        )
        assert list(found.scalars()) == ["陪伴", "登记"]


# --- Volunteers ---


async def _registered(act: Any, **given: Any) -> Volunteer:
    person: dict[str, Any] = {"name": NAME, "phone": PHONE} | given
    return await volunteering.register_volunteer(
        act, person=Person(**person), birth_year=1990, abilities=Abilities(area=TOWN)
    )


def _id_number() -> str:
    stem = next(NUMBERS)
    return stem + str(ric.calc_check_digit(stem + "0"))


async def test_one_person_is_one_volunteer_and_the_number_stands_nowhere(
    engine: AsyncEngine, owner_engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        organizer = await m.account(Role.VOL_ORG, await m.organization(), area_code=None)
        alone = await made.volunteer_account(m)
        await m.area(TOWN)
    number = _id_number()
    async with acting(engine, alone) as act:
        await _registered(act, id_number=number)
    before = await count_of(engine, Volunteer)
    with pytest.raises(AlreadyKnown) as refused:
        async with acting(engine, organizer) as act:
            await _registered(act, id_number=number.lower())
    assert number not in str(refused.value.as_dict())
    assert await count_of(engine, Volunteer) == before
    async with owner_engine.connect() as connection:
        for table in ("volunteer", "vault.contact", "event", "idempotency_key"):
            found = await connection.exec_driver_sql(f"SELECT t::text FROM {table} t")
            kept = "".join(found.scalars())
            assert not [secret for secret in (number, NAME, PHONE) if secret in kept], table


async def test_the_year_of_birth_is_that_of_the_card(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        alone = await made.volunteer_account(m)
        await m.area(TOWN)
    with pytest.raises(Invalid) as refused:
        async with acting(engine, alone) as act:
            await volunteering.register_volunteer(
                act,
                person=Person(name=NAME, id_number=_id_number()),
                birth_year=1991,
                abilities=Abilities(area=TOWN),
            )
    assert refused.value.field == "idNumber"


async def test_a_name_is_read_by_two_recorded_acts_and_erased_for_good(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, own, area_code=None)
        stranger = await m.account(Role.VOL_ORG, area_code=None)
        officer = await m.account(Role.DPO)
        await m.area(TOWN)
    async with acting(engine, organizer) as act:
        row = await _registered(act)
    with pytest.raises(NotFound):
        async with acting(engine, stranger) as act:
            await identity.request_volunteer_identity(act, row.id, purpose="DELIV")
    reveals = []
    for _ in range(2):
        async with acting(engine, organizer) as act:
            reveals.append(await identity.request_volunteer_identity(act, row.id, purpose="DELIV"))
    async with acting(engine, organizer) as act:
        plain = await identity.open_volunteer_identity(act, reveals[0].id)
    assert plain == {IdentityField.NAME: NAME, IdentityField.PHONE: PHONE}
    with pytest.raises(Forbidden):
        async with acting(engine, officer) as act:
            await identity.erase_volunteer(act, row.id, reason="本人要求")
    async with acting(engine, organizer) as act:
        await volunteering.leave_volunteering(act, row.id, expected_version=1)
    async with acting(engine, officer) as act:
        await identity.erase_volunteer(act, row.id, reason="本人要求")
    with pytest.raises(IdentityErased):
        async with acting(engine, organizer) as act:
            await identity.open_volunteer_identity(act, reveals[1].id)


def _agreement(**given: Any) -> Agreement:
    row: dict[str, Any] = {
        "given_by": Guardianship.PARENT,
        "name": "欧阳家长",
        "phone": None,
        "text_version": "2026-1",
        "text_hash": "0" * 64,
        "method": GuardianMethod.PAPER_SCAN,
    }
    return Agreement(**row | given)


async def test_a_minor_is_activated_with_a_guardians_word_and_until_it_ends(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, own, area_code=None)
        minor = await made.volunteer(m, None, own, state="verified", birth_year=today().year - 15)
        grown = await made.volunteer(m, None, own)
    with pytest.raises(GuardFailed) as refused:
        async with acting(engine, organizer) as act:
            await volunteering.activate_volunteer(act, minor.id, expected_version=1)
    assert refused.value.details["rule"] == "volunteers.guardian"
    for row, given in (
        (grown, {}),
        (minor, {"text_hash": "x"}),
        (minor, {"expires_on": today()}),
        (minor, {"expires_on": today() + 400 * DAY}),
    ):
        with pytest.raises(Refusal):
            async with acting(engine, organizer) as act:
                await guardians.record_guardian_consent(act, row.id, agreement=_agreement(**given))
    async with acting(engine, organizer) as act:
        consent = await guardians.record_guardian_consent(act, minor.id, agreement=_agreement())
    with pytest.raises(GuardFailed):
        async with acting(engine, organizer) as act:
            await guardians.record_guardian_consent(act, minor.id, agreement=_agreement())
    async with acting(engine, organizer) as act:
        await volunteering.activate_volunteer(act, minor.id, expected_version=1)
    assert guardians.expire_guardian_consents in CLOCKS
    for moment, count in ((now(), 0), (now() + 380 * DAY, 1), (now() + 380 * DAY, 0)):
        async with AsyncSession(engine) as session, session.begin():
            assert await guardians.expire_guardian_consents(session, moment) == count
    assert (await reread(engine, consent)).state is GuardianConsentState.EXPIRED


async def test_a_member_belongs_to_a_team_once_at_a_time(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, own, area_code=None)
        person = await made.volunteer(m, None, own)
        team = await made.team(m, own)
    async with acting(engine, organizer) as act:
        row = await teaming.add_team_member(act, team.id, volunteer_id=person.id)
    with pytest.raises(GuardFailed):
        async with acting(engine, organizer) as act:
            await teaming.add_team_member(act, team.id, volunteer_id=person.id)
    async with acting(engine, actor_of(organizer, now() + 3 * DAY)) as act:
        await teaming.end_team_membership(act, row.id, expected_version=1)
    with pytest.raises(Forbidden):
        async with acting(engine, actor_of(organizer, now() + 4 * DAY)) as act:
            await teaming.end_team_membership(act, row.id, expected_version=2)
    async with acting(engine, actor_of(organizer, now() + 5 * DAY)) as act:
        await teaming.add_team_member(act, team.id, volunteer_id=person.id)


async def test_a_home_is_shown_to_who_is_confirmed_and_to_nobody_who_is_not(
    api: Any, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        parts = {
            "organizer": await m.account(Role.VOL_ORG, own, area_code=None),
            "elsewhere": await m.account(Role.VOL_ORG, area_code=None),
            "approver": await m.account(Role.GOV_APPROVER, area_code=TOWN[:6]),
            "clerk": await m.account(Role.GOV_CLERK, area_code=TOWN[:6]),
            "confirmed": await made.volunteer_account(m),
            "waiting": await made.volunteer_account(m),
        }
        row = await made.task(m, own, place="示范新村三座", place_public=False, positions=[])
        at = await made.position(m, row)
        await made.signup(m, at, await made.volunteer(m, parts["confirmed"]))
        await made.signup(m, at, await made.volunteer(m, parts["waiting"]), state="waitlisted")
    read = {}
    for name, account in [*parts.items(), ("anybody", None)]:
        answer = await api(account)(
            "query($id: ID!) { node(id: $id) { ... on VolunteerTask { name place redactions } } }",
            id=encode("VolunteerTask", row.id),
        )
        shown = answer["data"]["node"]
        assert shown["name"] == row.name
        assert ("place" in shown["redactions"]) == (shown["place"] is None)
        read[name] = shown["place"] is not None
    assert {name for name, seen in read.items() if seen} == {"organizer", "approver", "confirmed"}
