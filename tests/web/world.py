"""A town station at work: its people, referrals to answer, pledges to accept, a board of needs."""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.accounts.rules import hash_password
from nexus.acting import Role
from nexus.casework.cases.model import Case, CasePlan, Goal, PlanState
from nexus.casework.cases.operations import create_case
from nexus.casework.cases.records.model import NoteLevel
from nexus.casework.cases.records.operations import create_note
from nexus.casework.model import RiskTier, Station, Worker
from nexus.casework.visits.model import Visit, VisitKind, VisitState
from nexus.matching.pledges.operations import offer_pledge
from nexus.matching.referrals import operations as referrals
from nexus.matching.referrals.model import Referral
from nexus.needs.model import Need, Urgency
from nexus.organizations.model import Organization
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks.model import VolunteerTask
from tests.deeds import acting
from tests.making import making, now, number, today
from tests.volunteering import made
from tests.volunteering.keeping import running

PASSWORD = "示范-口令-2026"
LEAD, WORKER = "zhan.zhang", "she.gong"
TOWN = "440103001"
UNIT = {"unit": "KGM", "item": "大米", "item_code": "FOOD.RICE"}
NEEDS = (
    (Urgency.U2, "独居老人需要口粮", "独居老人，行动不便，需要两个月的大米。"),
    (Urgency.U3, "低保家庭需要大米", "五口之家，主要劳动力住院，需要大米。"),
    (Urgency.U4, "留守儿童家庭需要大米", "祖孙三人，日常口粮不足。"),
)
HASHED = hash_password(PASSWORD)


@dataclass
class World:
    """Who and what the tests of the client meet."""

    engine: AsyncEngine
    station: Station
    lead: Account
    worker: Account
    needs: list[Need]
    referrals: list[Referral]
    pledges: list[Any]
    post: Worker
    case: Case | None = None
    visit: Visit | None = None
    record: Visit | None = None


async def make_world(engine: AsyncEngine) -> World:
    """The rows, made as their deeds make them."""
    async with making(engine) as m:
        agency = await m.organization(
            name="邻里社会工作服务中心（示范）", org_type="social_service_agency"
        )
        station = await m.station(agency, name="金花街道社会工作服务站（示范）")
        people = {}
        for role, username, name in (
            ("station_lead", LEAD, "站长甲"),
            ("social_worker", WORKER, "社工乙"),
        ):
            people[username] = await m.account(
                role,
                agency,
                username=username,
                name=name,
                area_code=TOWN,
                password_hash=HASHED,
            )
            post = await m.worker(people[username], station)
        authority = await m.authority(area_code="440103", name="荔湾区民政局（示范）")
        clerk = await m.account("gov_clerk", authority, area_code="440103")
        charity = await m.account("charity_user")
        needs = []
        for urgency, title, summary in NEEDS:
            person = await m.recipient(await m.household(area_code=TOWN))
            consent = await m.consent(person, purposes=["PUB", "MATCH", "DELIV", "REF"])
            need = await m.need(
                recipient_id=person.id,
                household_id=person.household_id,
                consent_id=consent.id,
                publisher_id=authority.id,
                owner_id=clerk.id,
                station_id=station.id,
                category="LIV",
                urgency=urgency,
                public_title=title,
                public_summary=summary,
                lines=[{"quantity_required": 50, **UNIT}],
            )
            needs.append(need)
        offer = await m.offer(
            organization_id=charity.organization_id,
            title="大米帮扶（示范）",
            category="LIV",
            unit="KGM",
            item_code="FOOD.RICE",
            capacity_maximum=800,
        )
    world = World(engine, station, people[LEAD], people[WORKER], needs, [], [], post)
    for need in needs[:2]:
        async with acting(engine, charity) as act:
            pledge = await offer_pledge(
                act,
                need.lines[0].id,
                quantity=Decimal(20),
                offer_id=offer.id,
                planned_on=today() + timedelta(days=6),
            )
        world.pledges.append(pledge)
    for need in needs[1:]:
        world.referrals.append(await refer(world, clerk, need))
    await open_case(world)
    return world


async def open_case(world: World) -> None:
    """A household that the worker follows, with a plan, a note and a visit that is due."""
    async with making(world.engine) as m:
        home = await m.household(area_code=TOWN, size=2)
    async with acting(world.engine, world.worker) as act:
        world.case = await create_case(
            act, household_id=home.id, opening="社区反映：两位老人独居，行动不便，三餐无着。"
        )
    async with acting(world.engine, world.worker) as act:
        await create_note(
            act,
            case_id=world.case.id,
            level=NoteLevel.TEAM,
            text="首次上门，与老人商定每周探访，先解决送餐。",
            happened_at=now() - timedelta(hours=2),
        )
    async with making(world.engine) as m:
        plan = CasePlan(
            case_id=world.case.id,
            number=1,
            summary="每周探访，链接助餐",
            state=PlanState.DRAFT,
            created_at=now(),
            created_by=world.worker.id,
        )
        await m.put(plan)
        goal = Goal(case_id=world.case.id, plan_id=plan.id, position=1, text="三餐有着落")
        await m.put(goal)
        world.visit = Visit(
            no=number("V"),
            household_id=home.id,
            case_id=world.case.id,
            station_id=world.station.id,
            worker_id=world.post.id,
            kind=VisitKind.HOME,
            tier=RiskTier.HIGH,
            window_from=today() - timedelta(days=2),
            window_to=today() + timedelta(days=3),
            due_on=today() + timedelta(days=2),
            findings={},
            created_at=now(),
            created_by=world.lead.id,
        )
        await m.put(world.visit)


async def refer(world: World, clerk: Account, need: Need) -> Referral:
    """The authority asks the station to help with a need."""
    async with acting(world.engine, clerk) as act:
        drafted = await referrals.create_referral(
            act,
            need.id,
            lines={},
            package=referrals.Package(
                to_organization_id=world.station.organization_id,
                to_station_id=world.station.id,
                data_classes=["D1"],
                title=f"请上门了解：{need.public_title}",
                summary="请在三天内联系，了解还缺什么。",
            ),
        )
    async with acting(world.engine, clerk) as act:
        return await referrals.send_referral(act, drafted.id, expected_version=drafted.version)


async def made_visit(world: World) -> Visit:
    """A visit that the worker made today."""
    assert world.visit is not None
    row = Visit(
        no=number("V"),
        household_id=world.visit.household_id,
        case_id=world.visit.case_id,
        station_id=world.station.id,
        worker_id=world.post.id,
        kind=VisitKind.HOME,
        window_from=today(),
        window_to=today() + timedelta(days=1),
        due_on=today(),
        performed_at=now() - timedelta(hours=1),
        recorded_at=now(),
        performed_by=world.worker.id,
        minutes=1,
        summary="示范小结",
        findings={},
        state=VisitState.DONE,
        created_at=now(),
        created_by=world.worker.id,
    )
    async with making(world.engine) as m:
        await m.put(row)
    return row


async def running_task(world: World) -> tuple[VolunteerTask, Volunteer, str]:
    """A task of the station's that goes on, and who is confirmed for it, with their username."""
    async with making(world.engine) as m:
        agency = await m.session.get_one(Organization, world.lead.organization_id)
        task, position = await running(m, agency, name="陪老人散步（示范）")
        account = await m.account(
            Role.VOLUNTEER, organization_id=None, area_code=None, password_hash=HASHED
        )
        person = await made.volunteer(m, account, agency)
        await made.signup(m, position, person)
    return task, person, account.username
