"""Authorities, station operators, charities, stations, and an account for every role."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.cn import uscc

from nexus.accounts.model import Account
from nexus.acting import NOBODY, SHANGHAI, Actor, Role
from nexus.areas.model import COUNTRY, Area, AreaLevel
from nexus.casework.model import Station, StationLevel, StationState, Worker, WorkerGrade
from nexus.core.ids import new_id
from nexus.organizations.model import (
    CharityStatus,
    Organization,
    OrganizationState,
    OrganizationType,
    Qualification,
    QualificationKind,
)

PROVINCE = "44"
STATIONS, WORKERS, CHARITIES = 1_631, 30_000, 2_012
"""The province's counts; a world of scale 1 has as many."""
MARK = "（示范）"

CHARITY_STEMS = (
    *("珠江", "南粤", "岭南", "红棉", "木棉", "榕荫", "西江", "北江"),
    *("东江", "韩江", "鉴江", "海丝", "丹霞", "罗浮", "云髻", "白云"),
)
CHARITY_FORMS = (
    ("慈善会", OrganizationType.ASSOCIATION),
    ("慈善基金会", OrganizationType.FOUNDATION),
    ("助学基金会", OrganizationType.FOUNDATION),
    ("敬老助残协会", OrganizationType.ASSOCIATION),
    ("儿童关爱中心", OrganizationType.SOCIAL_SERVICE_AGENCY),
)
AGENCY_STEMS = ["同行", "暖阳", "邻里", "众扶", "春晖", "乐善", "启明", "安居"]


@dataclass
class StaffedStation:
    """A station with the people posted to it."""

    row: Station
    lead: Account
    workers: list[Account]
    clerk: Account
    approver: Account


@dataclass
class World:
    """What the generator has made so far, by the handles the story needs."""

    rng: random.Random
    now: datetime
    scale: float
    admin: Account
    stations: list[StaffedStation] = field(default_factory=list)
    charities: list[tuple[Organization, Account]] = field(default_factory=list)
    authorities: dict[str, Organization] = field(default_factory=dict)
    shown: list[tuple[Account, str]] = field(default_factory=list)
    """Accounts that get a password and a token, with their organization's name."""

    @property
    def today(self) -> date:
        return self.now.astimezone(SHANGHAI).date()

    def amount(self, of_province: int, least: int) -> int:
        return max(least, round(of_province * self.scale))

    def actor(self, account: Account, ago: timedelta = timedelta()) -> Actor:
        """The account as it acted some time ago."""
        area = account.area_code
        prefix = "-" if area is None else "" if area == COUNTRY else area
        organization = account.organization_id or NOBODY
        return Actor(account.role, account.id, organization, prefix, self.now - ago)


def credit_code(rng: random.Random) -> str:
    """A unified social credit code with a right check character and a region that is none."""
    stem = "53449999" + "".join(rng.choice("0123456789") for _ in range(9))
    return stem + str(uscc.calc_check_digit(stem))


class Registrar:
    """Makes the rows of parties; keeps numbers and names unique."""

    def __init__(self, session: AsyncSession, rng: random.Random, now: datetime) -> None:
        self.session, self.rng, self.now = session, rng, now
        self.count = 0

    def organization(
        self, name: str, org_type: OrganizationType, area: str, *, charity: bool = False
    ) -> Organization:
        self.count += 1
        row = Organization(
            id=new_id(),
            no=f"O-{area}-{self.now.year}-D{self.count:05d}",
            name=name + MARK,
            org_type=org_type,
            uscc=credit_code(self.rng),
            area_code=area,
            charity_status=CharityStatus.REGISTERED if charity else CharityStatus.NONE,
            state=OrganizationState.VERIFIED,
            created_at=self.now,
            created_by=NOBODY,
            verified_by=new_id(),
        )
        self.session.add(row)
        return row

    def account(
        self, role: Role, name: str, organization: Organization | None, area: str | None
    ) -> Account:
        self.count += 1
        row = Account(
            id=new_id(),
            username=f"{role.value}-{self.count}",
            name=name,
            role=role,
            organization_id=organization.id if organization else None,
            area_code=area,
            created_at=self.now,
        )
        self.session.add(row)
        return row


async def make_parties(
    session: AsyncSession, rng: random.Random, now: datetime, scale: float
) -> World:
    """Everybody who acts. The caller commits."""
    registrar = Registrar(session, rng, now - timedelta(days=400))
    operator = registrar.organization(
        "nexus 平台运营", OrganizationType.PUBLIC_INSTITUTION, PROVINCE
    )
    await session.flush()
    admin = registrar.account(Role.PLATFORM_ADMIN, "平台管理员", operator, COUNTRY)
    admin.username = "admin"
    world = World(rng, now, scale, admin)
    world.shown.append((admin, operator.name))
    await session.flush()
    await _authorities_and_stations(session, registrar, world)
    _charities(registrar, world)
    await session.flush()
    await _overseers(session, registrar, world)
    await session.flush()
    return world


async def _townships(session: AsyncSession, world: World) -> list[Area]:
    """Townships of a few counties, so that needs and help are near each other."""
    wanted = world.amount(STATIONS, 6)
    rows = (
        await session.scalars(
            select(Area)
            .where(Area.level == AreaLevel.TOWNSHIP, Area.code.startswith(PROVINCE))
            .order_by(Area.code)
        )
    ).all()
    by_county: dict[str, list[Area]] = {}
    for row in rows:
        by_county.setdefault(row.parent_code or "", []).append(row)
    counties = [code for code, towns in by_county.items() if len(towns) >= 3]
    world.rng.shuffle(counties)
    chosen: list[Area] = []
    for county in counties:
        chosen += by_county[county][: max(3, wanted // 20)]
        if len(chosen) >= wanted:
            break
    return chosen[:wanted]


async def _authority(
    session: AsyncSession, registrar: Registrar, world: World, code: str, suffix: str
) -> Organization:
    if code not in world.authorities:
        area = await session.get_one(Area, code)
        world.authorities[code] = registrar.organization(
            area.name + suffix, OrganizationType.GOVERNMENT_BODY, code
        )
        await session.flush()
    return world.authorities[code]


async def _authorities_and_stations(
    session: AsyncSession, registrar: Registrar, world: World
) -> None:
    await _authority(session, registrar, world, PROVINCE, "民政厅")
    staff: dict[str, tuple[Account, Account]] = {}
    agencies = [
        registrar.organization(
            f"{stem}社会工作服务中心", OrganizationType.SOCIAL_SERVICE_AGENCY, PROVINCE
        )
        for stem in AGENCY_STEMS[: world.amount(200, 3)]
    ]
    await session.flush()
    posts = max(2, round(world.amount(WORKERS, 18) / world.amount(STATIONS, 6)))
    for town in await _townships(session, world):
        county = town.parent_code or PROVINCE
        bureau = await _authority(session, registrar, world, county, "民政局")
        if county not in staff:
            staff[county] = (
                registrar.account(Role.GOV_CLERK, "经办员", bureau, county),
                registrar.account(Role.GOV_APPROVER, "审核员", bureau, county),
            )
        agency = world.rng.choice(agencies)
        world.stations.append(
            await _station(session, registrar, town, agency, posts, staff[county])
        )
    first, second = world.stations[0], world.stations[-1]
    names = {o.id: o.name for o in [*agencies, *world.authorities.values()]}
    for station in (first, second):
        for account in (station.clerk, station.approver, station.lead, station.workers[0]):
            if account.organization_id is not None:
                world.shown.append((account, names[account.organization_id]))


async def _station(
    session: AsyncSession,
    registrar: Registrar,
    town: Area,
    agency: Organization,
    posts: int,
    government: tuple[Account, Account],
) -> StaffedStation:
    registrar.count += 1
    row = Station(
        id=new_id(),
        no=f"S-{town.code}-{registrar.now.year}-D{registrar.count:05d}",
        name=f"{town.name}社会工作服务站{MARK}",
        level=StationLevel.TOWN_STATION,
        area_code=town.code,
        organization_id=agency.id,
        posts=posts,
        state=StationState.ACTIVE,
        created_at=registrar.now,
        created_by=NOBODY,
    )
    session.add(row)
    lead = registrar.account(Role.STATION_LEAD, f"{town.name}站长", agency, town.code)
    workers = [
        registrar.account(Role.SOCIAL_WORKER, f"{town.name}社工{n}", agency, town.code)
        for n in range(1, posts + 1)
    ]
    await session.flush()
    for account in (lead, *workers):
        grade = WorkerGrade.SOCIAL_WORKER if account is lead else WorkerGrade.ASSISTANT
        session.add(
            Worker(
                account_id=account.id,
                station_id=row.id,
                grade=grade,
                valid_from=registrar.now.date(),
            )
        )
    return StaffedStation(row, lead, workers, *government)


def _charities(registrar: Registrar, world: World) -> None:
    for number in range(world.amount(CHARITIES, 8)):
        stem = CHARITY_STEMS[number % len(CHARITY_STEMS)]
        form, org_type = CHARITY_FORMS[number % len(CHARITY_FORMS)]
        series = number // len(CHARITY_STEMS)
        name = f"{stem}{form}" + (f"第{series + 1}分会" if series else "")
        organization = registrar.organization(name, org_type, PROVINCE, charity=True)
        registrar.session.add(
            Qualification(
                organization_id=organization.id,
                kind=QualificationKind.PUBLIC_FUNDRAISING,
                certificate_no=f"示范{number:04d}",
                valid_from=world.today - timedelta(days=300),
                valid_to=world.today + timedelta(days=700),
                created_at=registrar.now,
            )
        )
        role = Role.CHARITY_CLIENT if number == 1 else Role.CHARITY_USER
        account = Account(
            id=new_id(),
            username=f"charity-{number + 1}",
            name=f"{stem}{form}项目专员",
            role=role,
            organization_id=organization.id,
            created_at=registrar.now,
        )
        world.charities.append((organization, account))
        if number < 3:
            world.shown.append((account, organization.name))


async def _overseers(session: AsyncSession, registrar: Registrar, world: World) -> None:
    """The charities' accounts, now that their organizations exist, and one for each other role."""
    session.add_all(account for _, account in world.charities)
    first = world.stations[0]
    bureau = world.authorities[first.row.area_code[:6]]
    province = world.authorities[PROVINCE]
    volunteers = registrar.organization("粤暖志愿服务队", OrganizationType.ASSOCIATION, PROVINCE)
    evaluator = registrar.organization(
        "衡正社会评估中心", OrganizationType.SOCIAL_SERVICE_AGENCY, PROVINCE
    )
    await session.flush()
    others: list[tuple[Role, str, Organization, str | None]] = [
        (Role.GOV_COORDINATOR, "综合救助中心协调员", bureau, first.row.area_code[:6]),
        (Role.SUPERVISOR, "省级监督员", province, PROVINCE),
        (Role.INVITED_SUPERVISOR, "特邀监督员", province, None),
        (Role.AUDITOR, "审计员", province, PROVINCE),
        (Role.BUYER, "购买服务负责人", bureau, first.row.area_code[:6]),
        (Role.BUYER, "购买服务复核人", bureau, first.row.area_code[:6]),
        (Role.BUYER_FINANCE, "财务", bureau, first.row.area_code[:6]),
        (Role.EVALUATOR, "第三方评估员", evaluator, None),
        (Role.AIDE, "救助协理员", bureau, first.row.area_code),
        (Role.VOL_ORG, "志愿组织管理员", volunteers, None),
        (Role.VOLUNTEER, "志愿者", volunteers, None),
        (Role.DPO, "个人信息保护负责人", province, PROVINCE),
        (Role.VOL_ORG, "志愿组织负责人", volunteers, None),
    ]
    for role, name, organization, area in others:
        world.shown.append((registrar.account(role, name, organization, area), organization.name))
