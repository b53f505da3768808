"""Who acts, from where and when: Actor; View, which may read; Act, which may write."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from ipaddress import IPv4Network, IPv6Network
from typing import Any, TypeVar, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    ColumnElement,
    Date,
    Text,
    Uuid,
    bindparam,
    false,
    func,
    insert,
    select,
    true,
)
from sqlalchemy import DateTime as SqlDateTime
from sqlalchemy import Sequence as SqlSequence
from sqlalchemy import cast as cast_to
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from nexus.core.copying import copy_rows
from nexus.core.db import Base
from nexus.core.ids import new_id
from nexus.core.outbox import LISTENERS, Event, jobs_for
from nexus.core.prepared import Prepared
from nexus.core.refusals import Forbidden, NotFound, VersionConflict
from nexus.core.states import Transitions
from nexus.core.texts import check_reason

T = TypeVar("T", bound=Base)
S = TypeVar("S", bound=StrEnum)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOBODY = UUID(int=0)
NOWHERE = "-"
"""An area prefix that no code has: an actor without a territory covers nothing."""

NUMBERS = SqlSequence("number_seq", metadata=Base.metadata)


class Role(StrEnum):
    """domain.md's roles; an account has exactly one, so the policy's shape is the role."""

    ANONYMOUS = "anonymous"
    PLATFORM_ADMIN = "platform_admin"
    GOV_CLERK = "gov_clerk"
    GOV_APPROVER = "gov_approver"
    GOV_COORDINATOR = "gov_coordinator"
    SUPERVISOR = "supervisor"
    INVITED_SUPERVISOR = "invited_supervisor"
    AUDITOR = "auditor"
    BUYER = "buyer"
    BUYER_FINANCE = "buyer_finance"
    EVALUATOR = "evaluator"
    CHARITY_CLIENT = "charity_client"
    CHARITY_USER = "charity_user"
    STATION_LEAD = "station_lead"
    SOCIAL_WORKER = "social_worker"
    AIDE = "aide"
    VOL_ORG = "vol_org"
    VOLUNTEER = "volunteer"
    RECIPIENT = "recipient"
    GUARDIAN = "guardian"
    DPO = "dpo"
    SYSTEM = "system"


GOVERNMENT = frozenset({Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR})
STATION = frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE})
CHARITY = frozenset({Role.CHARITY_CLIENT, Role.CHARITY_USER})
OVERSIGHT = frozenset({Role.SUPERVISOR, Role.AUDITOR})
EVERYWHERE = frozenset({Role.PLATFORM_ADMIN, Role.SYSTEM})
TERRITORIAL = GOVERNMENT | STATION | OVERSIGHT
"""Roles that see what lies in their territory."""


@dataclass(frozen=True, slots=True)
class Grant:
    """What a credential allows of what its holder's role may, and how much of it."""

    scopes: frozenset[str] | None = None
    """OAuth scopes; None: all that the role may."""
    client_id: UUID | None = None
    """The API client that holds it; None: a person."""
    cost_per_minute: int | None = None
    """Its quota; None: that of any account."""
    documents_only: bool = False
    """Whether it runs registered documents only."""
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    """Where it may come from; empty: anywhere."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One caller at one moment. `area_prefix` is the code of the territory ('' = the country)."""

    role: Role
    account_id: UUID
    organization_id: UUID
    area_prefix: str
    now: datetime
    grant: Grant | None = None
    """What the credential narrows; policies never look at it, the door does."""

    def covers(self, area_code: Any) -> Any:
        """Whether the code lies in the actor's territory: a bool of a str, SQL of a column."""
        if isinstance(area_code, str):
            return area_code.startswith(self.area_prefix)
        prefix = cast(Any, self.area_prefix)
        upper = prefix.concat("~") if isinstance(prefix, ColumnElement) else f"{prefix}~"
        return (area_code >= prefix) & (area_code < upper)

    def today(self) -> Any:
        """The business day in Asia/Shanghai: a date, or SQL where the actor is a shape."""
        now: Any = self.now
        if isinstance(now, datetime):
            return now.astimezone(SHANGHAI).date()
        return cast_to(func.timezone("Asia/Shanghai", now), Date)

    def at(self, now: datetime) -> "Actor":
        """The same actor at another moment."""
        # dataclasses.replace takes six times as long, and every request does this.
        return Actor(
            self.role,
            self.account_id,
            self.organization_id,
            self.area_prefix,
            now,
            self.grant,
        )

    def binds(self) -> dict[str, Any]:
        """The values for the parameters of `shape`."""
        return {
            "actor_account_id": self.account_id,
            "actor_organization_id": self.organization_id,
            "actor_area_prefix": self.area_prefix,
            "actor_now": self.now,
        }


@cache
def shape(role: Role) -> Actor:
    """An actor of `role` whose values are SQL parameters: what a cached statement is built from."""
    return Actor(
        role=role,
        account_id=cast(Any, bindparam("actor_account_id", None, type_=Uuid())),
        organization_id=cast(Any, bindparam("actor_organization_id", None, type_=Uuid())),
        area_prefix=cast(Any, bindparam("actor_area_prefix", None, type_=Text())),
        now=cast(Any, bindparam("actor_now", None, type_=SqlDateTime(timezone=True))),
    )


def anonymous(now: datetime) -> Actor:
    """A caller without a credential."""
    return Actor(Role.ANONYMOUS, NOBODY, NOBODY, NOWHERE, now)


def system(now: datetime) -> Actor:
    """The clocks and reactions of nexus itself; it covers the whole country."""
    return Actor(Role.SYSTEM, NOBODY, NOBODY, "", now)


Visible = Callable[[Actor, Any], ColumnElement[bool]]


class View:
    """Reads as one actor in one session."""

    def __init__(self, session: AsyncSession, actor: Actor) -> None:
        self.session = session
        self.actor = actor
        self.now = actor.now

    async def find(self, model: type[T], row_id: UUID, *, visible: Visible) -> T:
        """The row if the actor sees it; NotFound otherwise, whether foreign or missing."""
        statement = select(model).where(_key(model) == row_id, visible(self.actor, model))
        return _found((await self.session.execute(statement)).scalar_one_or_none(), model)


class Act(View):
    """Writes as one actor at one moment in one transaction."""

    def __init__(self, session: AsyncSession, actor: Actor, *, row_id: UUID | None = None) -> None:
        super().__init__(session, actor)
        self.row_id = row_id or new_id()
        """For the row that the deed makes and returns: its key bears it already."""

    async def take(
        self,
        model: type[T],
        row_id: UUID,
        *,
        visible: Visible,
        expected_version: int | None = None,
    ) -> T:
        """The row, visible and locked. NotFound; VersionConflict when it has moved on."""
        statement = (
            select(model)
            .where(_key(model) == row_id, visible(self.actor, model))
            .with_for_update()
            .execution_options(populate_existing=True)
        )
        row = _found((await self.session.execute(statement)).scalar_one_or_none(), model)
        version = getattr(row, "version", None)
        if expected_version is not None and version != expected_version:
            raise VersionConflict(
                f"This {model.__name__} is at version {version}, not {expected_version}: "
                "read it again, then decide.",
                current=version,
                expected=expected_version,
            )
        return row

    def permit(self, may: Callable[[Actor, Any], Any], row: Any) -> None:
        """Forbidden unless the policy function says yes to this row."""
        if may(self.actor, row) is not True:
            verb = may.__name__.removeprefix("may_")
            raise Forbidden(
                f"Role {self.actor.role.name} may not '{verb}' this {type(row).__name__}; "
                "allowedActions lists what is possible.",
                action=verb,
            )

    def move(self, row: Any, transitions: Transitions[S], verb: str) -> None:
        """Apply the transition to `row.state` and count the version up; WrongState otherwise."""
        row.state = transitions.after(verb, row.state)
        row.version += 1

    def record(self, kind: str, row: Any, **facts: Any) -> None:
        """Write history and one job for each listener. Facts: ids, codes and numbers only."""
        event = Event(
            id=new_id(),
            kind=kind,
            object_type=row.__tablename__,
            object_id=row.id,
            object_version=getattr(row, "version", None),
            actor_id=self.actor.account_id,
            actor_role=self.actor.role.value,
            organization_id=self.actor.organization_id,
            occurred_at=self.now,
            facts={name: _fact(value) for name, value in facts.items() if value is not None},
        )
        self.session.add(event)
        self.session.add_all(jobs_for(event, now=self.now))

    async def number(self, prefix: str, area_code: str) -> str:
        """The next human number, `prefix-area-year-sequence`."""
        (found,) = await self.numbers(prefix, [area_code])
        return found

    async def numbers(self, prefix: str, area_codes: Sequence[str]) -> list[str]:
        """A human number for each of the areas, in one round trip."""
        count = func.generate_series(1, len(area_codes))
        drawn = await self.session.scalars(select(NUMBERS.next_value()).select_from(count))
        return [
            f"{prefix}-{area_code}-{self.now.year}-{sequence:06d}"
            for area_code, sequence in zip(area_codes, drawn, strict=True)
        ]

    def told(self, kind: str, object_type: str, object_id: UUID, **facts: Any) -> dict[str, Any]:
        """The columns of an event about a row at version 1, for `record_many`."""
        return {
            "id": new_id(),
            "kind": kind,
            "object_type": object_type,
            "object_id": object_id,
            "object_version": 1,
            "actor_id": self.actor.account_id,
            "actor_role": self.actor.role.value,
            "organization_id": self.actor.organization_id,
            "occurred_at": self.now,
            "facts": {name: _fact(value) for name, value in facts.items() if value is not None},
        }

    async def record_many(self, events: Sequence[dict[str, Any]]) -> None:
        """Write history at once, with a job for each listener: `record` for many, or in haste."""
        if len(events) == 1:
            await _HISTORY.first(self.session, events[0])
        else:
            await copy_rows(self.session, Event, events)
        heard = {listener.kind for listener in LISTENERS.values()}
        for event in events:
            if event["kind"] in heard:
                self.session.add_all(jobs_for(Event(**event), now=self.now))


_TOLD = [column for column in Event.__table__.columns if column.identity is None]
_HISTORY = Prepared(
    insert(Event).values({c.key: bindparam(c.key, None, type_=c.type) for c in _TOLD})
)

Deed = Callable[..., Awaitable[Any]]


def plain_transition(
    model: type[Base],
    transitions: Transitions[Any],
    verb: str,
    *,
    event: str,
    visible: Visible,
    may: Callable[[Actor, Any], Any],
    needs_reason: bool = False,
) -> Deed:
    """A deed that only moves the state: take, permit, move, record."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> Any:
        row: Any = await act.take(model, row_id, visible=visible, expected_version=expected_version)
        act.permit(may, row)
        said = check_reason(reason) if needs_reason else reason
        act.move(row, transitions, verb)
        row.state_reason = said
        act.record(event, row)
        return row

    return deed


def _key(model: type[Base]) -> InstrumentedAttribute[UUID]:
    return cast(Any, model).id  # type: ignore[no-any-return]


def _found(row: T | None, model: type[T]) -> T:
    if row is None:
        raise NotFound(f"No such {model.__name__}, or it is not yours to see.")
    return row


def _fact(value: Any) -> Any:
    return value if isinstance(value, int | str | list) else str(value)


def always() -> ColumnElement[bool]:
    """The predicate of what everybody may see."""
    return true()


def never() -> ColumnElement[bool]:
    """The predicate of what this role never sees."""
    return false()
