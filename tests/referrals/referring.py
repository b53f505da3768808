"""Two sides, a person who consents, and a need to refer between them."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.core.refusals import Refusal
from nexus.matching.referrals import operations, reactions
from nexus.matching.referrals.model import Referral, ReferralState
from nexus.recipients.vault import operations as vault
from nexus.recipients.vault.model import IdentityField
from tests.deeds import acting, actor_of, reread
from tests.making import making, today

HEARD = reactions
"""Registered by its import."""
COUNTY, TOWN, ELSEWHERE = "440103", "440103001", "445102"
NAME, PHONE, ADDRESS = "欧阳示范", "13800000000", "示范路99号之九"

SNAPSHOT = text(
    """
    SELECT json_build_object(
        'referrals', (SELECT json_agg(r ORDER BY id) FROM referral r),
        'lines', (SELECT json_agg(l ORDER BY id) FROM referral_line l),
        'pledges', (SELECT json_agg(p ORDER BY id) FROM pledge p),
        'needs', (SELECT json_agg(n ORDER BY id) FROM need_line n),
        'moves', (SELECT count(*) FROM allocation_move),
        'events', (SELECT count(*) FROM event)
    )::text
    """
)


@dataclass
class Ground:
    """A published need of 10 kg of a consenting person, its clerk, and a charity."""

    engine: AsyncEngine
    people: dict[str, Account]
    rows: dict[str, Any]
    sender: str = "clerk"
    answerer: str = "receiver"
    marker: str = "lead"
    package: dict[str, Any] = field(default_factory=dict)
    """What every draft is given."""

    async def act(
        self,
        who: str | Account,
        deed: Callable[..., Awaitable[Any]],
        *given: Any,
        at: datetime | None = None,
        **more: Any,
    ) -> Any:
        """Do it in one transaction, as the door does."""
        account = self.people[who] if isinstance(who, str) else who
        async with acting(self.engine, actor_of(account, at)) as act:
            return await deed(act, *given, **more)

    async def snapshot(self) -> str:
        """Everything a refused deed must leave alone."""
        async with self.engine.connect() as connection:
            return str((await connection.execute(SNAPSHOT)).scalar_one())

    async def refused(
        self, who: str | Account, deed: Callable[..., Awaitable[Any]], *given: Any, **more: Any
    ) -> Refusal:
        """The refusal, after making sure that nothing changed."""
        before = await self.snapshot()
        try:
            await self.act(who, deed, *given, **more)
        except Refusal as refusal:
            assert await self.snapshot() == before
            return refusal
        raise AssertionError(f"{deed.__name__} was not refused to {who}")

    async def draft(self, who: str | None = None, **more: Any) -> Referral:
        """To the charity, with name, phone and economy in the package."""
        lines = more.pop("lines", {})
        given: dict[str, Any] = {
            "to_organization_id": self.rows["charity"].id,
            "data_classes": ["D2", "D3", "D4"],
            "note": "上午去比较好。",
        }
        given |= self.package | more
        made: Referral = await self.act(
            who or self.sender,
            operations.create_referral,
            self.rows["need"].id,
            lines=lines,
            package=operations.Package(**given),
        )
        return made

    async def step(self, who: str | Account, deed: Any, row: Referral, **more: Any) -> Referral:
        """A move at the row's own version."""
        given = {"reason": "说明"} | more
        made: Referral = await self.act(who, deed, row.id, expected_version=row.version, **given)
        return made

    async def requested(self, **more: Any) -> Referral:
        return await self.step(self.sender, operations.send_referral, await self.draft(**more))

    async def accepted(self, **more: Any) -> Referral:
        row = await self.requested(**more)
        return await self.step(
            self.answerer, operations.accept_referral, row, planned_on=today() + timedelta(days=2)
        )

    async def in_state(self, state: ReferralState, **more: Any) -> Referral:
        """A referral that came to the state by deeds."""
        s, o = ReferralState, operations
        if state is s.DRAFT:
            return await self.draft(**more)
        if state is s.ENTERED_IN_ERROR:
            return await self.step(self.marker, o.mark_referral_error, await self.draft(**more))
        row = await self.requested(**more)
        if state is s.REQUESTED:
            return row
        if state is s.REJECTED:
            return await self.step(self.answerer, o.reject_referral, row, code="no_capacity")
        if state is s.CANCELLED:
            return await self.step(self.sender, o.recall_referral, row)
        if state is s.EXPIRED:
            return await self.expired(row)
        row = await self.step(
            self.answerer, o.accept_referral, row, planned_on=today() + timedelta(days=2)
        )
        if state is s.FAILED:
            return await self.step(self.answerer, o.fail_referral, row)
        if state is s.ON_HOLD:
            return await self.step(self.answerer, o.hold_referral, row)
        if state is not s.ACCEPTED:
            row = await self.step(self.answerer, o.start_referral, row)
        if state is s.COMPLETED:
            row = await self.step(self.answerer, o.complete_referral, row, outcome="no_show")
        assert row.state is state
        return row

    async def expired(self, row: Referral) -> Referral:
        """The clock strikes when the request's time is over."""
        assert row.expires_at is not None
        async with AsyncSession(self.engine) as session, session.begin():
            await operations.expire_referrals(session, row.expires_at)
        found: Referral = await reread(self.engine, row)
        return found


async def prepare(engine: AsyncEngine, **need: Any) -> Ground:
    """A ground of its own; rows of others in the database do not matter to it."""
    async with making(engine) as m:
        authority = await m.authority(area_code=COUNTY)
        agency = await m.organization()
        charity, other = await m.organization(), await m.organization()
        recipient = await m.recipient(
            await m.household(area_code=TOWN, living_condition="住房漏雨"), birth_year=1950
        )
        consent = await m.consent(
            recipient,
            purposes=["PUB", "MATCH", "REF"],
            data_classes=["D1", "D2", "D3", "D4"],
        )
        station = await m.station(agency, area_code=TOWN)
        given: dict[str, Any] = {
            "recipient_id": recipient.id,
            "household_id": recipient.household_id,
            "consent_id": consent.id,
            "publisher_id": authority.id,
            "station_id": station.id,
            "area_code": TOWN,
            "lines": [{"quantity_required": Decimal(10)}],
        } | need
        made = await m.need(**given)
        people = {
            "clerk": await m.account("gov_clerk", authority, area_code=COUNTY),
            "second_clerk": await m.account("gov_clerk", authority, area_code=COUNTY),
            "lead": await m.account("gov_approver", authority, area_code=COUNTY),
            "worker": await m.account("social_worker", agency, area_code=TOWN),
            "dpo": await m.account("dpo", authority, area_code=COUNTY),
            "receiver": await m.account("charity_user", charity),
            "client": await m.account("charity_client", charity),
            "stranger": await m.account("charity_user", other),
        }
    async with acting(engine, people["worker"]) as act:
        known = {
            IdentityField.NAME: NAME,
            IdentityField.PHONE: PHONE,
            IdentityField.ADDRESS: ADDRESS,
        }
        await vault.record_identity(act, recipient.id, given=known)
    rows = {
        "need": made,
        "consent": consent,
        "recipient": recipient,
        "charity": charity,
        "other": other,
        "authority": authority,
        "agency": agency,
        "station": station,
    }
    return Ground(engine, people, rows)
