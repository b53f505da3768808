"""Who an import acts as: its own account, the person who vouches, the authority that publishes."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts.model import Account, AccountState
from nexus.accounts.queries import area_prefix
from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, NOBODY, Act, Actor, Role, system
from nexus.areas.model import COUNTRY
from nexus.core.db import Base
from nexus.core.refusals import Refusal
from nexus.exchange.profiles.model import ImportKind, Publisher
from nexus.organizations.model import (
    CharityStatus,
    Organization,
    OrganizationState,
    OrganizationType,
)
from nexus.organizations.operations import admit_imported, create_organization
from nexus.organizations.queries import is_called

IMPORT = "import"
ADMIN = "admin"
OPERATOR = "平台运营方 Platform operator"
"""The authority of last resort: publishes where neither profile nor voucher names one."""


class WhoRefused(Refusal):
    """Nobody can vouch for this import; the message says what to do."""

    code = "IMPORT_ACCOUNT"


@dataclass(frozen=True)
class Parties:
    """`act` writes rows as the import's own account, `vouch` as the person who vouches for them."""

    act: Act
    vouch: Act
    publisher_id: UUID
    held: tuple[Base, ...]
    """Rows that every need points at: held, so that the session reads them once."""
    own_offers: Organization | None = None
    """The charity that brings its own offers, and nothing of anybody else."""
    publishes: bool = True
    """A station's lead brings needs that others verify and publish."""


async def stand_in(
    session: AsyncSession,
    *,
    voucher: str,
    publisher: Publisher,
    now: datetime,
    asked: ImportKind | None = None,
) -> Parties:
    """The acts of an import. Who creates its rows is never who verifies them (INV-18).

    `asked`: what the voucher asked for over the API. Then a charity may bring its own offers, and
    an authority publishes under its own name only.
    """
    person = await _voucher(session, voucher, asked)
    own = await _import_account(session, now)
    actor = Actor(
        person.role,
        person.id,
        person.organization_id or NOBODY,
        "" if person.role in EVERYWHERE else area_prefix(person.area_code),
        now,
    )
    act = Act(session, Actor(Role.SYSTEM, own.id, NOBODY, "", now))
    vouch = Act(session, actor)
    if person.role in CHARITY:
        charity = await session.get_one(Organization, actor.organization_id)
        return Parties(vouch, vouch, charity.id, (person, charity), charity)
    if person.role is Role.STATION_LEAD:
        near = await _authority_over(session, actor)
        return Parties(act, vouch, near.id, (person, own, near), publishes=False)
    publisher_id = await _publisher(act, vouch, person, publisher)
    if asked and person.role not in EVERYWHERE and publisher_id != person.organization_id:
        raise WhoRefused(
            "Needs are published under your own authority's name only: it must be a verified "
            "government body, and the profile names no other publisher."
        )
    authority = await session.get_one(Organization, publisher_id)
    return Parties(act, vouch, publisher_id, (person, own, authority))


async def _voucher(session: AsyncSession, username: str, asked: ImportKind | None) -> Account:
    found = await session.scalar(select(Account).where(Account.username == username.casefold()))
    if found is None and username == ADMIN:
        found = await session.scalar(
            select(Account)
            .where(Account.role == Role.PLATFORM_ADMIN, Account.state == AccountState.ACTIVE)
            .order_by(Account.created_at, Account.id)
            .limit(1)
        )
    if found is None or found.state is not AccountState.ACTIVE:
        raise WhoRefused(
            f"There is no active account '{username}' to vouch for the file: name one with --as."
        )
    if asked is ImportKind.OFFERS and found.role in CHARITY:
        return found
    if asked is ImportKind.NEEDS and found.role is Role.STATION_LEAD:
        return found
    if found.role not in GOVERNMENT | EVERYWHERE or found.username == IMPORT:
        raise WhoRefused(
            f"Role {found.role.name} cannot vouch for an import: name an account of the platform "
            "or of an authority with --as."
        )
    return found


async def _authority_over(session: AsyncSession, actor: Actor) -> Organization:
    """The verified government body nearest above a station's territory. WhoRefused."""
    row = Organization
    found = await session.scalar(
        select(row)
        .where(
            row.org_type == OrganizationType.GOVERNMENT_BODY,
            row.state == OrganizationState.VERIFIED,
            row.area_code != COUNTRY,
            func.starts_with(literal(actor.area_prefix), row.area_code),
        )
        .order_by(func.length(row.area_code).desc(), row.created_at, row.id)
        .limit(1)
    )
    if found is None:
        raise WhoRefused(
            "No verified authority is registered for your territory: nobody could verify the "
            "needs. Ask the county to register."
        )
    return found


async def _import_account(session: AsyncSession, now: datetime) -> Account:
    """SYSTEM, and without a password: nobody can sign in as it."""
    found = await session.scalar(select(Account).where(Account.username == IMPORT))
    if found is not None:
        return found
    made = Account(
        username=IMPORT,
        name="Imports",
        role=Role.SYSTEM,
        area_code=COUNTRY,
        created_at=now,
    )
    session.add(made)
    await session.flush()
    Act(session, system(now)).record("account.created", made, role=made.role.value)
    return made


async def _publisher(act: Act, vouch: Act, person: Account, wanted: Publisher) -> UUID:
    row = Organization
    authority = (
        row.org_type == OrganizationType.GOVERNMENT_BODY,
        row.state == OrganizationState.VERIFIED,
    )
    if wanted.uscc or wanted.name:
        named = row.uscc == wanted.uscc if wanted.uscc else is_called(row, wanted.name or "")
        found = list(await act.session.scalars(select(row.id).where(named, *authority).limit(2)))
        if len(found) != 1:
            raise WhoRefused(
                f"The profile's publisher {wanted.uscc or wanted.name} is no verified government "
                "body here, or not the only one of that name: register it, or give its credit code."
            )
        return found[0]
    own = await act.session.scalar(
        select(row.id).where(row.id == person.organization_id, *authority)
    )
    if own is not None:
        return own
    known = await act.session.scalar(
        select(row.id).where(row.name == OPERATOR, *authority).order_by(row.created_at).limit(1)
    )
    return known or (await _operator(act, vouch)).id


async def _operator(act: Act, vouch: Act) -> Organization:
    return await register(act, vouch, OPERATOR, OrganizationType.GOVERNMENT_BODY, COUNTRY)


async def register(
    act: Act, vouch: Act, name: str, org_type: OrganizationType, area_code: str
) -> Organization:
    """An organization that the import enters and the voucher verifies."""
    made = await create_organization(
        act,
        name=name,
        org_type=org_type,
        area_code=area_code,
        uscc=None,
        charity_status=CharityStatus.NONE,
    )
    return await admit_imported(vouch, made.id, reason="named by an imported list")
