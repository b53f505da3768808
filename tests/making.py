"""Makes valid rows for tests, with defaults that keyword arguments override. All people made up.

    from tests.making import making

    async with making(engine) as m:
        charity = await m.account(role="charity_user")
        need = await m.need(state="published", lines=[{"quantity_required": 5}])

Each row is committed when the call returns, with whatever it must point at.
"""

import secrets
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import CHARITY, SHANGHAI, STATION, Role
from nexus.areas.model import COUNTRY, Area, AreaLevel
from nexus.casework.model import Station, StationLevel, StationState, Worker, WorkerGrade
from nexus.charity.model import (
    CharityProject,
    Offer,
    OfferArea,
    OfferKind,
    OfferState,
    ProjectState,
)
from nexus.core.ids import new_id
from nexus.discovery.model import OPEN, UNVERIFIED, DiscoveryReport, ReportState
from nexus.needs.model import (
    CloseReason,
    Need,
    NeedKind,
    NeedLine,
    NeedState,
    SubjectKind,
    Urgency,
)
from nexus.organizations.model import (
    CharityStatus,
    Organization,
    OrganizationState,
    OrganizationType,
)
from nexus.recipients.model import (
    Consent,
    ConsentKind,
    ConsentMethod,
    ConsentState,
    GivenBy,
    Household,
    Level,
    Recipient,
    Recognition,
    RecognitionState,
)
from nexus.recipients.rules import taper_end

TOWN = "440103001"
COUNTY = "440103"
LEVELS = {2: AreaLevel.PROVINCE, 4: AreaLevel.CITY, 6: AreaLevel.COUNTY, 9: AreaLevel.TOWNSHIP}
CODE_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
COUNTER = count(1)
VERIFIED = frozenset({NeedState.VERIFIED, NeedState.PUBLISHED, NeedState.PAUSED, NeedState.CLOSED})


def now() -> datetime:
    """This moment, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """The business day in Asia/Shanghai."""
    return now().astimezone(SHANGHAI).date()


@dataclass(frozen=True)
class FromToday:
    """A day told from the business day of the asking: `dated` makes it a date."""

    days: int

    def __repr__(self) -> str:
        return f"today{self.days:+}"


def from_today(days: int = 0) -> Any:
    """A day for tables of cases: they are read at collection, and a run may cross midnight."""
    return FromToday(days)


def dated(value: Any) -> Any:
    """The value with every `from_today` in it as the date that it is now."""
    match value:
        case FromToday(days):
            return today() + timedelta(days=days)
        case dict():
            return {key: dated(each) for key, each in value.items()}
        case list() | tuple() if type(value) in (list, tuple):
            return type(value)(dated(each) for each in value)
        case _ if is_dataclass(value) and not isinstance(value, type):
            told = {f.name: getattr(value, f.name) for f in fields(value) if f.init}
            new = {name: dated(each) for name, each in told.items()}
            return replace(value, **new) if new != told else value
        case _:
            return value


def number(prefix: str) -> str:
    """A human number that no other row has."""
    return f"{prefix}-T-{next(COUNTER):06d}-{secrets.token_hex(4)}"


def credit_code(start: str = "53440000") -> str:
    """A unified social credit code with both check characters right (GB 32100, GB 11714)."""
    body = "".join(secrets.choice(CODE_ALPHABET[:20]) for _ in range(8))
    places = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    weighed = sum(w * places.index(c) for w, c in zip((3, 7, 9, 10, 5, 8, 4, 2), body, strict=True))
    check = (11 - weighed % 11) % 11
    code = start + body + ("X" if check == 10 else str(check))
    total = sum(CODE_ALPHABET.index(c) * 3**i for i, c in enumerate(code))
    return code + CODE_ALPHABET[-total % 31]


@asynccontextmanager
async def making(engine: AsyncEngine) -> AsyncIterator["Maker"]:
    """A maker over connections of `engine`."""
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield Maker(session)


class Maker:
    """One method a noun; each returns the row it made."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def put(self, *rows: Any) -> None:
        """Insert the rows in this order, and commit."""
        for row in rows:
            self.session.add(row)
            await self.session.flush()
        await self.session.commit()

    async def area(self, code: str) -> str:
        """The division and those above it, if they are not there yet."""
        chain = [COUNTRY, *(code[:end] for end in LEVELS if end <= len(code) and code != COUNTRY)]
        for above, each in zip([None, *chain], chain, strict=False):
            row: dict[str, Any] = {
                "code": each,
                "name": f"区划{each}",
                "level": LEVELS.get(len(each), AreaLevel.COUNTRY) if above else AreaLevel.COUNTRY,
                "parent_code": above,
                "valid_from": date(2000, 1, 1),
            }
            await self.session.execute(insert(Area).values(row).on_conflict_do_nothing())
        await self.session.commit()
        return code

    async def organization(self, **fields: Any) -> Organization:
        """A verified charity of Guangdong."""
        row: dict[str, Any] = {
            "no": number("ORG"),
            "name": f"同心慈善会{next(COUNTER)}",
            "org_type": OrganizationType.ASSOCIATION,
            "uscc": credit_code(),
            "area_code": "44",
            "charity_status": CharityStatus.REGISTERED,
            "state": OrganizationState.VERIFIED,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        state = OrganizationState(row["state"])
        if state in (OrganizationState.VERIFIED, OrganizationState.SUSPENDED):
            row.setdefault("verified_by", new_id())
        await self.area(row["area_code"])
        organization = Organization(**row)
        await self.put(organization)
        return organization

    async def authority(self, **fields: Any) -> Organization:
        """A verified government body."""
        return await self.organization(
            **{
                "name": f"民政局{next(COUNTER)}",
                "org_type": OrganizationType.GOVERNMENT_BODY,
                "charity_status": CharityStatus.NONE,
                "uscc": credit_code("11440000"),
            }
            | fields
        )

    async def account(
        self,
        role: Role | str = Role.GOV_CLERK,
        organization: Organization | None = None,
        **fields: Any,
    ) -> Account:
        """An active account over Guangdong; without an organization it gets a fitting one."""
        role = Role(role)
        if organization is None and "organization_id" not in fields:
            if role in CHARITY:
                organization = await self.organization()
            elif role in STATION:
                organization = await self.organization(
                    org_type=OrganizationType.SOCIAL_SERVICE_AGENCY
                )
            else:
                organization = await self.authority()
        row: dict[str, Any] = {
            "username": f"user{next(COUNTER)}-{secrets.token_hex(4)}",
            "name": f"测试员{next(COUNTER)}",
            "role": role,
            "organization_id": organization.id if organization else None,
            "area_code": None if role in CHARITY else "44",
            "created_at": now(),
        } | fields
        if row["area_code"]:
            await self.area(row["area_code"])
        account = Account(**row)
        await self.put(account)
        return account

    async def household(self, **fields: Any) -> Household:
        """Three people in a town."""
        row: dict[str, Any] = {
            "no": number("HH"),
            "size": 3,
            "area_code": TOWN,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        await self.area(row["area_code"])
        household = Household(**row)
        await self.put(household)
        return household

    async def recipient(self, household: Household | None = None, **fields: Any) -> Recipient:
        """A grown person, by default in a household of their own."""
        household = household or await self.household()
        recipient = Recipient(
            **{
                "no": number("RC"),
                "household_id": household.id,
                "birth_year": 1960,
                "created_at": now(),
                "created_by": new_id(),
            }
            | fields
        )
        await self.put(recipient)
        return recipient

    async def consent(self, recipient: Recipient | None = None, **fields: Any) -> Consent:
        """Granted by the person for publishing, matching and delivery, to every receiver."""
        recipient = recipient or await self.recipient()
        consent = Consent(
            **{
                "no": number("CO"),
                "recipient_id": recipient.id,
                "given_by": GivenBy.SELF,
                "kind": ConsentKind.OWN,
                "purposes": ["PUB", "MATCH", "DELIV"],
                "data_classes": ["D1"],
                "receiver_ids": [],
                "text_version": "2026-1",
                "text_hash": "0" * 64,
                "method": ConsentMethod.PAPER_SCAN,
                "obtained_by": new_id(),
                "obtained_at": now(),
                "expires_on": today() + timedelta(days=300),
                "state": ConsentState.GRANTED,
                "created_at": now(),
                "created_by": new_id(),
            }
            | fields
        )
        await self.put(consent)
        return consent

    async def recognition(self, recipient: Recipient | None = None, **fields: Any) -> Recognition:
        """An active dibao recognition of a person; `household_id=` makes it a household's."""
        if "household_id" not in fields:
            fields.setdefault("recipient_id", (recipient or await self.recipient()).id)
        if "authority_id" not in fields:
            fields["authority_id"] = (await self.authority()).id
        row: dict[str, Any] = {
            "no": number("RG"),
            "category": "DB",
            "level": Level.COUNTY,
            "decided_on": today() - timedelta(days=30),
            "valid_from": today() - timedelta(days=30),
            "rule_version": "2026-1",
            "state": RecognitionState.ACTIVE,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        if row["state"] is RecognitionState.TAPER:
            start = row.setdefault("tapered_on", today())
            row |= {"taper_months": 6, "taper_rule": "taper_months@CN/2020-01-01"}
            row["valid_to"] = taper_end(start, 6)
        if row["state"] is RecognitionState.ENDED:
            row.setdefault("end_reason", "OTHER")
        if row["state"] is RecognitionState.ENTERED_IN_ERROR:
            row.setdefault("superseded_at", now())
        recognition = Recognition(**row)
        await self.put(recognition)
        return recognition

    async def report(
        self, state: ReportState | str = ReportState.RECEIVED, **fields: Any
    ) -> DiscoveryReport:
        """A report of a town, in the state, with all that the state asks for."""
        state = ReportState(state)
        row: dict[str, Any] = {
            "no": number("DR"),
            "source": "committee",
            "area_code": TOWN,
            "situation": "独居老人,屋顶漏水",
            "state": state,
            "received_at": now(),
            "contact_due_at": now() + timedelta(hours=24),
            "verify_due_at": now() + timedelta(days=3),
            "clock_rules": ["made"],
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        row.setdefault("custody_area_code", row["area_code"])
        for code in (row["area_code"], row["custody_area_code"], row.get("offered_area_code")):
            if code:
                await self.area(code)
        if state is not ReportState.RECEIVED and "owner_id" not in row:
            owner = await self.account(Role.SOCIAL_WORKER, area_code=row["custody_area_code"])
            row["owner_id"] = owner.id
        if state not in (*UNVERIFIED, ReportState.DUPLICATE_OF):
            row = {"verified_at": now(), "verified_by": new_id(), "visited_at": now()} | row
            row.setdefault("findings", "屋顶确实漏水")
        if state is ReportState.DUPLICATE_OF and "duplicate_of_id" not in row:
            row["duplicate_of_id"] = (await self.report()).id
        if state not in OPEN:
            row.setdefault("ended_at", now())
        if row.get("offered_area_code"):
            row.setdefault("offered_at", now())
        report = DiscoveryReport(**row)
        await self.put(report)
        return report

    async def station(self, organization: Organization | None = None, **fields: Any) -> Station:
        """An active town station."""
        if organization is None and "organization_id" not in fields:
            organization = await self.organization(org_type=OrganizationType.SOCIAL_SERVICE_AGENCY)
        row: dict[str, Any] = {
            "no": number("ST"),
            "name": f"社工站{next(COUNTER)}",
            "level": StationLevel.TOWN_STATION,
            "area_code": TOWN,
            "organization_id": organization.id if organization else None,
            "posts": 4,
            "state": StationState.ACTIVE,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        await self.area(row["area_code"])
        station = Station(**row)
        await self.put(station)
        return station

    async def worker(
        self, account: Account | None = None, station: Station | None = None, **fields: Any
    ) -> Worker:
        """A social worker's post since a year ago."""
        account = account or await self.account(role=Role.SOCIAL_WORKER)
        station = station or await self.station()
        worker = Worker(
            **{
                "account_id": account.id,
                "station_id": station.id,
                "grade": WorkerGrade.SOCIAL_WORKER,
                "valid_from": today() - timedelta(days=365),
            }
            | fields
        )
        await self.put(worker)
        return worker

    async def need(
        self,
        state: NeedState | str = NeedState.PUBLISHED,
        lines: Sequence[dict[str, Any]] = ({},),
        **fields: Any,
    ) -> Need:
        """A need of a person with consent, or of a group when `group_name` is given.

        `need.lines` are there to read. Every column that its state asks for is filled.
        """
        state = NeedState(state)
        fields = await self._subject(fields)
        if "publisher_id" not in fields:
            fields["publisher_id"] = (await self.authority()).id
        if "owner_id" not in fields:
            fields["owner_id"] = (await self.account(organization_id=fields["publisher_id"])).id
        row: dict[str, Any] = {
            "no": number("ND"),
            "origin": "committee",
            "category": "LIV",
            "urgency": Urgency.U3,
            "public_title": "大米和食用油",
            "public_summary": "一户家庭需要两个月的口粮。",
            "area_code": TOWN,
            "created_at": now(),
            "created_by": new_id(),
            "state": state,
        } | fields
        group = row["subject_kind"] is SubjectKind.GROUP
        row.setdefault("shown_area_code", row["area_code"] if group else row["area_code"][:6])
        if state in VERIFIED:
            row = {"verified_at": now(), "verified_by": new_id(), "evidence": "visit"} | row
        if state in VERIFIED - {NeedState.VERIFIED}:
            until = today() + timedelta(days=90)
            row = {"published_at": now(), "released_by": new_id(), "publish_until": until} | row
            row.setdefault("publish_from", today())
        if state is NeedState.CLOSED:
            row = {"close_reason": CloseReason.NO_LONGER_NEEDED, "closed_at": now()} | row
        await self.area(row["area_code"])
        need = Need(**row)
        need.lines = [self._line(need, place, given) for place, given in enumerate(lines, start=1)]
        await self.put(need)
        return need

    async def _subject(self, fields: dict[str, Any]) -> dict[str, Any]:
        if fields.get("group_name"):
            return {"subject_kind": SubjectKind.GROUP} | fields
        if fields.get("household_id") and not fields.get("recipient_id"):
            return {"subject_kind": SubjectKind.HOUSEHOLD} | fields
        if not fields.get("recipient_id"):
            town = fields.get("area_code", TOWN)
            recipient = await self.recipient(await self.household(area_code=town))
            household: UUID | None = recipient.household_id
            fields = {"recipient_id": recipient.id, "household_id": household} | fields
        if "consent_id" not in fields:
            recipient = await self.session.get_one(Recipient, fields["recipient_id"])
            fields["consent_id"] = (await self.consent(recipient)).id
        return {"subject_kind": SubjectKind.RECIPIENT} | fields

    def _line(self, need: Need, position: int, given: dict[str, Any]) -> NeedLine:
        row: dict[str, Any] = {
            "id": new_id(),
            "position": position,
            "kind": NeedKind.GOODS,
            "category": need.category,
            "item": "大米",
            "quantity_required": Decimal(10),
            "unit": "KGM",
            "area_code": need.area_code,
            "published": need.state is NeedState.PUBLISHED,
        } | given
        return NeedLine(**row)

    async def project(
        self, organization: Organization | None = None, **fields: Any
    ) -> CharityProject:
        """An active project of a charity."""
        organization = organization or await self.organization()
        row: dict[str, Any] = {
            "no": number("PR"),
            "organization_id": organization.id,
            "name": f"暖冬行动{next(COUNTER)}",
            "field": "poverty",
            "area_code": "44",
            "starts_on": today() - timedelta(days=60),
            "budget_fen": 10_000_000,
            "state": ProjectState.ACTIVE,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        await self.area(row["area_code"])
        project = CharityProject(**row)
        await self.put(project)
        return project

    async def offer(
        self,
        organization: Organization | None = None,
        areas: Sequence[str] = ("44",),
        **fields: Any,
    ) -> Offer:
        """A listed offer of 100 kg of rice that serves Guangdong."""
        organization = organization or await self.organization()
        row: dict[str, Any] = {
            "no": number("OF"),
            "organization_id": organization.id,
            "title": "大米",
            "kind": OfferKind.GOODS,
            "category": "LIV",
            "unit": "KGM",
            "recipient_categories": [],
            "tiers": [],
            "required_documents": [],
            "capacity_maximum": Decimal(100),
            "available_from": today() - timedelta(days=10),
            "review_due_on": today() + timedelta(days=170),
            "state": OfferState.LISTED,
            "created_at": now(),
            "created_by": new_id(),
        } | fields
        for code in areas:
            await self.area(code)
        offer = Offer(**row)
        self.session.add(offer)
        await self.session.flush()
        await self.put(*(OfferArea.of(offer, code) for code in areas))
        return offer
