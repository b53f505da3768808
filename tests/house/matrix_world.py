"""Who asks and what stands where: an object of every type in every relation to the actors.

Roles of the need's side belong to one authority and share one account, those of the supply's side
to one charity and one account: so "own" and "same" mean the same rows for each role of a side, and
only the role differs from cell to cell. All people made up.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.accounts.model import Account
from nexus.accounts.queries import area_prefix
from nexus.acting import CHARITY, NOBODY, STATION, Actor, Role, anonymous, system
from nexus.graph.identifiers import encode
from nexus.organizations.model import Organization
from tests.making import Maker, making, now

RELATIONS = ("own", "same", "other", "beside", "away", "elsewhere")
"""own: made by or about the actor's account · same: of the actor's organization · other: of
another organization, in the actor's area · beside: of another, in the next town of the county ·
away: of the actor's organization, in another city · elsewhere: of another, in another city."""
SIDES = ("need", "supply")
PRIVATE = frozenset({Role.RECIPIENT, Role.GUARDIAN})
SUPPLY = CHARITY | {Role.VOL_ORG, Role.VOLUNTEER}
COUNTY, HOME, BESIDE, AWAY = "440103", "440103001", "440103002", "440304001"
TOWNS = {"beside": BESIDE, "away": AWAY, "elsewhere": AWAY}
VARIANT = r"\w+\[\w+\]"
CANARY = re.compile(r"canary:([A-Za-z\[\]]+\.[A-Za-z]+):(\w+):(\w+)#")


def kind_of(key: str) -> str:
    """The type of a row's key."""
    return re.split(r"[\[/]", key)[0]


def canary(coordinate: str, side: str, relation: str) -> str:
    """A text that tells where it stood; `coordinate` is `Type.field`."""
    return f"canary:{coordinate}:{side}:{relation}#"


@dataclass
class Place:
    """One relation to one side: where, whose, and by whom its rows are made."""

    side: str
    relation: str
    authority: Organization
    charity: Organization
    clerk: Account
    """Of the authority."""
    giver: Account
    """Of the charity."""
    rows: dict[str, Any] = field(default_factory=dict)
    """By type; `Type[variant]` is a row whose visibility the table tells as well, `Type/use` one
    that only a deed needs."""
    id_number: str = ""

    @property
    def town(self) -> str:
        return TOWNS.get(self.relation, HOME)

    @property
    def county(self) -> str:
        return self.town[:6]

    @property
    def staff(self) -> Account:
        """The account on this side that the relation speaks of."""
        return self.clerk if self.side == "need" else self.giver

    def says(self, coordinate: str) -> str:
        """A canary of this place."""
        return canary(coordinate, self.side, self.relation)

    def __getitem__(self, key: str) -> Any:
        return self.rows[key]

    def id(self, key: str) -> str:
        """The global id of a row."""
        assert key in self.rows, f"the world has no {key}: add one in tests/house/matrix_rows.py"
        row = self.rows[key]
        return encode(kind_of(key), row.code if key == "Area" else row.id)


@dataclass
class World:
    """Every place, and the two accounts that all roles share."""

    places: dict[tuple[str, str], Place]
    accounts: dict[str, Account]
    secrets: set[str] = field(default_factory=set)
    """Values that no answer to a query may hold, whoever asks."""
    signing_key: Any = None
    counter: Iterator[int] = field(default_factory=lambda: count(1_000_000))

    def of(self, role: Role) -> list[Place]:
        """The places by their relation to an actor of the role, in the order of RELATIONS."""
        return [self.places[side_of(role), relation] for relation in RELATIONS]

    def actor(self, role: Role) -> Actor:
        """The role as it asks: in its county, a station in its town, administrators anywhere."""
        moment = now()
        if role is Role.ANONYMOUS:
            return anonymous(moment)
        if role is Role.SYSTEM:
            return system(moment)
        account = self.accounts[side_of(role)]
        organization = None if role in PRIVATE else account.organization_id
        area = area_prefix(territory(role))
        return Actor(role, account.id, organization or NOBODY, area, moment)

    def variants(self) -> list[str]:
        """The keys of rows whose visibility the table tells beside that of their type."""
        places = self.places.values()
        return sorted({key for one in places for key in one.rows if re.fullmatch(VARIANT, key)})

    def relations(self, role: Role, side: str, relation: str) -> tuple[str, ...]:
        """What a row of a side's relation is to an actor, who may be of the other side.

        What is away there lies elsewhere, but belongs to an organization of this county.
        """
        if side == side_of(role):
            return (relation,)
        if relation == "away":
            return ("other", "elsewhere")
        town = TOWNS.get(relation, HOME)
        return ({HOME: "other", BESIDE: "beside", AWAY: "elsewhere"}[town],)


def side_of(role: Role) -> str:
    """The side of the bridge a role stands on; who stands on none asks from the need's."""
    return "supply" if role in SUPPLY else "need"


def territory(role: Role) -> str | None:
    """The area of the role's account."""
    if role in CHARITY | PRIVATE:
        return None
    if role in STATION:
        return HOME
    return "CN" if role is Role.PLATFORM_ADMIN else COUNTY


async def build_world(engine: AsyncEngine) -> World:
    """Make it, once for all tests of the house."""
    from tests.house.matrix_rows import furnish

    async with making(engine) as m:
        places = {(place.side, place.relation): place async for place in _places(m)}
        accounts = {
            "need": places["need", "own"].clerk,
            "supply": places["supply", "own"].giver,
        }
        world = World(places, accounts)
        for place in places.values():
            await furnish(m, engine, world, place)
    return world


async def _places(m: Maker) -> AsyncIterator[Place]:
    for side in SIDES:
        own = await _organization(m, side, COUNTY)
        for relation in RELATIONS:
            mine = own if relation in ("own", "same", "away") else None
            town = TOWNS.get(relation, HOME)
            first = mine or await _organization(m, side, town[:6])
            second = await _organization(m, "supply" if side == "need" else "need", town[:6])
            authority, charity = (first, second) if side == "need" else (second, first)
            told = {
                "username": canary("Account.username", side, relation),
                "name": canary("Account.name", side, relation),
                "state_reason": canary("Account.stateReason", side, relation),
                "password_hash": canary("Account.passwordHash", side, relation),
                "area_code": town,
            }
            clerk, giver = Role.GOV_CLERK, Role.CHARITY_USER
            yield Place(
                side,
                relation,
                authority,
                charity,
                await m.account(clerk, authority, **(told if side == "need" else {})),
                await m.account(giver, charity, **(told if side == "supply" else {})),
            )


async def _organization(m: Maker, side: str, county: str) -> Organization:
    return await (m.authority if side == "need" else m.organization)(area_code=county)
