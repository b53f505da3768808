"""Who asks: three accounts with tokens, for nexus and for the predicates that the peers run."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from bench.parties import ACCOUNT, ORGANIZATION, TOKEN, Row, uid
from nexus.accounts.queries import area_prefix
from nexus.acting import NOBODY, Actor, Role

BEYOND_CLERKS = 100_000
"""The numbers of these accounts come after those of the world's clerks."""


@dataclass(frozen=True)
class Caller:
    """An account with one bearer token."""

    place: int
    role: Role
    organization_id: UUID | None
    area_code: str | None

    @property
    def account_id(self) -> UUID:
        return uid(ACCOUNT, BEYOND_CLERKS + self.place)

    @property
    def token(self) -> str:
        """Made up and of no use elsewhere."""
        return f"bench-{self.role.value}-0123456789abcdef0123456789abcdef"

    def actor(self, now: datetime) -> Actor:
        """As nexus sees the caller."""
        prefix = area_prefix(self.area_code)
        return Actor(self.role, self.account_id, self.organization_id or NOBODY, prefix, now)

    def account(self, now: datetime) -> Row:
        """The row of the account."""
        return {
            "id": self.account_id,
            "username": f"bench-{self.role.value}",
            "name": self.role.value,
            "role": self.role.value,
            "organization_id": self.organization_id,
            "area_code": self.area_code,
            "state": "active",
            "version": 1,
            "created_at": now,
        }

    def access_token(self, now: datetime) -> Row:
        """The row of the token."""
        return {
            "id": uid(TOKEN, self.place),
            "account_id": self.account_id,
            "digest": hashlib.sha256(self.token.encode()).digest(),
            "label": "bench",
            "created_at": now,
        }


def callers(first_charity: int) -> dict[str, Caller]:
    """By name: the administrator sees all, the coordinator a province, the charity what is told."""
    charity = uid(ORGANIZATION, first_charity)
    return {
        "admin": Caller(0, Role.PLATFORM_ADMIN, None, "CN"),
        "coordinator": Caller(1, Role.GOV_COORDINATOR, uid(ORGANIZATION, 0), "44"),
        "charity": Caller(2, Role.CHARITY_CLIENT, charity, None),
    }
