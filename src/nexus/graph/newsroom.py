"""The newsroom of a server process: follows the events, and tells each subscription its news.

While somebody follows, the event table is asked a few times a second by one statement, whatever
the number of subscriptions; every process does so for its own. News is matched in memory, then the
row is read once for all who would run the same statement with the same values. Credentials are
checked again all the time: a right that ended stops its subscriptions within five seconds.
"""

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from time import monotonic
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncEngine
from starlette.requests import Request

from nexus.acting import NOBODY, Actor
from nexus.core.following import News, Place, here, news_after
from nexus.graph import specs
from nexus.graph.desk import Desk, too_many
from nexus.graph.errors import RequestCode
from nexus.graph.execution import Answer, utcnow
from nexus.graph.plans import Statement
from nexus.graph.quotas import address_of
from nexus.graph.streams import ROW, Opened
from nexus.graph.waiting import unavailable

log = logging.getLogger(__name__)

POLL_SECONDS = 0.3
RECHECK_SECONDS = 3.0
"""How long a credential is trusted before it is checked again; with a poll, less than five."""
NEWS_AT_ONCE = 500
CLOSING_SECONDS = 2.0
READS_AT_ONCE = 4
"""Connections of the pool that telling may use."""
READ_SECONDS = 1.5
READ_ATTEMPTS = 5
PAUSE_SECONDS = 0.5
CONNECTIONS_EACH = 20
"""Sockets and event streams of one account, or of one address without an account."""
SUBSCRIPTIONS_EACH = 50
"""Operations under way on one connection."""


class Ending(Enum):
    """Why a connection is ended from our side."""

    REVOKED = "The credential has ended or was revoked."
    BEHIND = "This connection is too slow for its news."
    LOST = "News could not be read: connect again and read what you follow."
    CLOSING = "The server is being restarted."


class Follower:
    """A connection that follows: whose it is, and how it is ended."""

    def __init__(self, request: Request, actor: Actor) -> None:
        self.request = request
        self.actor = actor
        self.checked_at = 0.0

    def end(self, why: Ending) -> None:
        """Tell the peer why and close."""
        raise NotImplementedError


@dataclass(eq=False, slots=True)
class Subscription:
    """One subscription of a follower; `tell` gets each answer's body."""

    follower: Follower
    opened: Opened
    tell: Callable[[bytes], None]


class Newsroom:
    """The subscriptions of one process."""

    def __init__(self, desk: Desk, engine: AsyncEngine) -> None:
        self.desk = desk
        self.engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._open: set[Subscription] = set()
        self._by_kind: dict[str, dict[Subscription, None]] = defaultdict(dict)
        self._followers: Counter[Follower] = Counter()
        self._seats: dict[Follower, UUID | str] = {}
        self._taken: Counter[UUID | str] = Counter()
        self._place: Place | None = None
        self._starting = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._next_check = 0.0
        self.closing = False

    # Seats ---------------------------------------------------------------------------------

    def sit(self, follower: "Follower") -> None:
        """Give the connection a seat. RequestError 429 when its account has too many."""
        actor = follower.actor
        anonymous = actor.account_id == NOBODY
        holder = address_of(follower.request.scope) if anonymous else actor.account_id
        if self._taken[holder] >= CONNECTIONS_EACH:
            raise too_many("connections", CONNECTIONS_EACH, RequestCode.TOO_MANY_CONNECTIONS)
        self._taken[holder] += 1
        self._seats[follower] = holder

    def rise(self, follower: "Follower") -> None:
        """Take the seat back, if it has one."""
        holder = self._seats.pop(follower, None)
        if holder is not None:
            self._taken[holder] -= 1
            if not self._taken[holder]:
                del self._taken[holder]

    # Following -----------------------------------------------------------------------------

    async def follow(self, subscription: Subscription) -> None:
        """From now on the subscription is told its news. RequestError 503 while closing."""
        if self.closing:
            raise unavailable(Ending.CLOSING.value)
        if self._place is None:
            async with self._starting:
                if self._place is None:
                    async with self.engine.connect() as connection:
                        self._place = await here(connection)
        follower = subscription.follower
        if follower not in self._followers:
            follower.checked_at = self._next_check = 0.0
        self._followers[follower] += 1
        self._open.add(subscription)
        for kind in _kinds(subscription):
            self._by_kind[kind][subscription] = None
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, subscription: Subscription) -> None:
        """It is told no more."""
        if subscription not in self._open:
            return
        self._open.discard(subscription)
        for kind in _kinds(subscription):
            del self._by_kind[kind][subscription]
        follower = subscription.follower
        self._followers[follower] -= 1
        if not self._followers[follower]:
            del self._followers[follower]

    async def close(self) -> None:
        """End every connection, and wait a moment until they are closed."""
        self.closing = True
        for follower in list(self._seats):
            follower.end(Ending.CLOSING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_SECONDS):
                while self._seats:  # noqa: ASYNC110 - each goes in its own time
                    await asyncio.sleep(0.02)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    # Telling -------------------------------------------------------------------------------

    async def _run(self) -> None:
        failures = 0
        while self._followers:
            more = False
            try:
                more = await self._round()
                failures = 0
            except Exception as error:
                failures += 1
                log.warning("news could not be fetched: %s", type(error).__name__)
            await asyncio.sleep(0 if more else POLL_SECONDS * (1 + min(failures, 10)))
        self._place = self._task = None

    async def _round(self) -> bool:
        """Tell what is new; whether there is more."""
        assert self._place is not None
        await self._make_sure()
        async with self.engine.connect() as connection:
            news, place = await news_after(connection, self._place, limit=NEWS_AT_ONCE)
        await self._tell(news)
        self._place = place
        return len(news) == NEWS_AT_ONCE

    async def _make_sure(self) -> None:
        """Check again the credentials whose time has come: one statement for all of them."""
        now = monotonic()
        if now < self._next_check:
            return
        due = [f for f in self._followers if f.checked_at + RECHECK_SECONDS / 2 <= now]
        actors = await self.desk.recheck([follower.request for follower in due])
        for follower, actor in zip(due, actors, strict=True):
            if actor is None:
                follower.end(Ending.REVOKED)
            else:
                follower.actor, follower.checked_at = actor, now
        oldest = min((f.checked_at for f in self._followers), default=now)
        self._next_check = oldest + RECHECK_SECONDS

    async def _tell(self, news: Iterable[News]) -> None:
        """Changes of one row that come together are told once."""
        rows: dict[tuple[str, UUID], _Wanted] = defaultdict(dict)
        for one in news:
            for subscription in self._by_kind.get(one.kind, ()):
                for heard, row_id in subscription.opened.rows(one):
                    rows[heard.type_name, row_id][subscription] = heard
        for (_, row_id), wanted in rows.items():
            for attempt in range(READ_ATTEMPTS):
                await self._make_sure()
                wanted = await self._tell_of(row_id, wanted)
                if not wanted:
                    break
                await asyncio.sleep(PAUSE_SECONDS * (attempt + 1))
            for subscription in wanted:
                subscription.follower.end(Ending.LOST)

    async def _tell_of(self, row_id: UUID, wanted: "_Wanted") -> "_Wanted":
        """Read the row for each who wants it; those for whom it could not be read."""
        now = utcnow()
        groups: dict[Any, _Group] = {}
        for subscription, heard in wanted.items():
            if subscription not in self._open:
                continue
            try:
                group = self._group(subscription, heard, row_id, now)
            except Exception as error:
                # Its role has changed since, and with it what it may ask.
                log.warning("a subscription ended: %s", type(error).__name__)
                subscription.follower.end(Ending.LOST)
                continue
            groups.setdefault(group.key, group).members.append(subscription)
        turns = asyncio.Semaphore(READS_AT_ONCE)
        told = await asyncio.gather(*(self._read(group, turns) for group in groups.values()))
        untold = [g for g, done in zip(groups.values(), told, strict=True) if not done]
        return {subscription: wanted[subscription] for g in untold for subscription in g.members}

    def _group(
        self, subscription: Subscription, heard: specs.Heard, row_id: UUID, now: datetime
    ) -> "_Group":
        opened, actor = subscription.opened, subscription.follower.actor.at(now)
        statement = self.desk.executor.streams.statement(opened, heard, actor.role)
        parameters = statement.parameters({**opened.values, ROW: row_id}, actor)
        key = (statement.sql, *map(_hashable, parameters))
        return _Group(key, statement, parameters, statement.total(opened.values), [])

    async def _read(self, group: "_Group", turns: asyncio.Semaphore) -> bool:
        """Read the row and tell it; False when it could not be read in time."""
        async with turns:
            reader, statement = self.desk.executor.reader, group.statement
            try:
                async with asyncio.timeout(READ_SECONDS):
                    row = await reader.fetch(statement.sql, group.parameters, statement.course)
            except Exception as error:
                log.warning("news could not be read: %s", type(error).__name__)
                return False
        if row == b"null":
            return True
        bodies: dict[bytes, bytes] = {}
        for subscription in group.members:
            data = subscription.opened.data(row)
            if data not in bodies:
                bodies[data] = Answer(data, group.cost).body()
            if subscription in self._open:
                subscription.tell(bodies[data])
        return True


_Wanted = dict[Subscription, specs.Heard]


@dataclass(slots=True)
class _Group:
    """Subscriptions whose statement and values are the same: one read is for all."""

    key: tuple[Any, ...]
    statement: Statement
    parameters: list[Any]
    cost: int
    members: list[Subscription]


def _kinds(subscription: Subscription) -> set[str]:
    return {kind for heard in subscription.opened.declared.heard for kind in heard.kinds}


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
