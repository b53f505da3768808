"""What a caller may spend in a minute: token buckets that count cost, shared by all processes.

A bucket is one row that says when it will be full again. A process takes a slice of it in one
guarded statement and spends the slice without asking again, so that most requests cost no
statement. What is taken is never given back; a slice unspent after a minute is void, for by then
the bucket has refilled as much. So no minute sees more than the quota and one slice a process.
"""

import asyncio
import hashlib
import hmac
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic
from types import TracebackType
from typing import Any
from uuid import UUID

from sqlalchemy import delete, extract, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import NOBODY, Actor
from nexus.graph.caching import Recent
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.model import QuotaBucket
from nexus.graph.waiting import connection_of, unavailable

WINDOW = 60.0
"""Seconds in which an empty bucket fills."""
_SECONDS = int(WINDOW)
SLICES = 20
"""A process takes a twentieth of the bucket at a time, or what a request needs if that is more."""
LEAST_COST = 1
FAILED_COST = 50
"""Of a request that could not be executed: it was read, and perhaps parsed and validated."""
PURSES = 10_000
RETRIED_AFTER = "1"
"""Seconds, where too much is under way at once."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Rates:
    """Cost a minute and requests at once in a process, for accounts and for anonymous addresses."""

    account: int = 600_000
    anonymous: int = 120_000
    at_once: int = 100
    anonymous_at_once: int = 20


USUAL = Rates()


class Purse:
    """What one caller can spend in this process. `with purse:` counts a request as under way."""

    __slots__ = ("_bucket", "_turn", "at_once", "policy", "quota", "under_way", "units", "until")

    def __init__(self, bucket: "_Bucket", at_once: int) -> None:
        self._bucket = bucket
        self._turn = asyncio.Lock()
        self.at_once = at_once
        self.under_way = 0
        self.units = 0
        """Taken from the bucket and not spent; below zero after failed requests."""
        self.until = 0.0
        self.set_quota(bucket.quota)

    def set_quota(self, quota: int) -> None:
        """Cost a minute, and the most that can be saved up."""
        self.quota = self._bucket.quota = quota
        self.policy = (
            f'"cost";q={quota};qu="cost";w={WINDOW:.0f}, '
            f'"at-once";q={self.at_once};qu="concurrent-requests"'
        ).encode()

    def spend(self, cost: int) -> bool:
        """Pay from what was taken; False when that is not enough."""
        left = self.units - cost
        if left < 0 or monotonic() > self.until:
            return False
        self.units = left
        return True

    async def pay(self, cost: int) -> None:
        """Spend the cost, taking more if need be. RequestError: 429 when the bucket has too little,
        422 when it never holds so much."""
        cost = max(cost, LEAST_COST)
        if self.spend(cost):
            return
        if cost > self.quota:
            message = f"This request may cost {cost}; your quota is {self.quota} a minute."
            raise RequestError(422, RequestCode.COST_EXCEEDED, message)
        async with self._turn:
            if not self.spend(cost):
                await self._take(cost)

    @property
    def open(self) -> bool:
        """Whether a request may begin without more ado; else `enter` decides."""
        return self.under_way < self.at_once and self.units >= 0

    async def enter(self) -> None:
        """Settle what failed requests cost. RequestError 429 when that cannot be, or when too many
        requests are under way."""
        if self.under_way >= self.at_once:
            message = f"You have {self.under_way} requests under way: wait for one to end."
            headers = {"Retry-After": RETRIED_AFTER}
            raise RequestError(429, RequestCode.TOO_MANY_AT_ONCE, message, headers)
        if self.units < 0:
            async with self._turn:
                if self.units < 0:
                    await self._take(0)

    def __enter__(self) -> "Purse":
        self.under_way += 1
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.under_way -= 1
        if isinstance(error, RequestError) and error.status not in (429, 503):
            self.units -= FAILED_COST

    async def _take(self, cost: int) -> None:
        if monotonic() > self.until:
            self.units = min(self.units, 0)
        need = cost - self.units
        taken = await self._bucket.take(need)
        self.units += taken - cost
        self.until = monotonic() + WINDOW

    def headers(self, retry_after: str | None = None) -> Headers:
        """`RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).

        The time is until all is there again or, beside a Retry-After, until then.
        """
        quota = self.quota
        left = self._bucket.left() + self.units
        left = 0 if left < 0 else quota if left > quota else left
        seconds = -((left - quota) * _SECONDS // quota)
        if retry_after is not None:
            seconds = int(retry_after)
        limit = b'"cost";r=%d;t=%d' % (left, seconds)
        return [(b"ratelimit-policy", self.policy), (b"ratelimit", limit)]


class _Bucket:
    """The row, and the most that can be in it as far as this process knows."""

    def __init__(self, engine: AsyncEngine, holder: UUID, quota: int) -> None:
        self.engine = engine
        self.holder = holder
        self.quota = quota
        self._left = quota
        self._at = monotonic()

    def left(self) -> int:
        """At most this much is in it now: others may have taken some, nobody puts any in."""
        left = self._left + int((monotonic() - self._at) * self.quota / WINDOW)
        return left if left < self.quota else self.quota

    async def take(self, need: int) -> int:
        """Take `need` or more; RequestError 429 when there is less."""
        slice_ = self.quota // SLICES
        for _ in range(2):
            left = self.left()
            if left < need:
                break
            amount = max(need, min(slice_, left))
            if await self._take(amount):
                return amount
        short = need - self.left()
        seconds = max(1, math.ceil(short * WINDOW / self.quota))
        message = f"Your quota of {self.quota} a minute is spent: try again in {seconds} seconds."
        headers = {"Retry-After": str(seconds)}
        raise RequestError(429, RequestCode.QUOTA_EXHAUSTED, message, headers)

    async def _take(self, amount: int) -> bool:
        """Take all of it or nothing, and learn what is left."""
        row, now = QuotaBucket, func.statement_timestamp()
        more = timedelta(seconds=amount * WINDOW / self.quota)
        later = func.greatest(row.full_at, now) + more
        empty_in = extract("epoch", row.full_at - now)
        taking = (
            insert(row)
            .values(holder=self.holder, full_at=now + more)
            .on_conflict_do_update(
                index_elements=[row.holder],
                set_={"full_at": later},
                where=later <= now + timedelta(seconds=WINDOW),
            )
            .returning(empty_in)
        )
        try:
            async with connection_of(self.engine) as plain:
                connection = await plain.execution_options(isolation_level="AUTOCOMMIT")
                seconds = await connection.scalar(taking)
                taken = seconds is not None
                if not taken:
                    asked = select(empty_in).where(row.holder == self.holder)
                    seconds = await connection.scalar(asked)
        except (DBAPIError, OSError):
            raise unavailable("The database cannot be reached.") from None
        full_in = max(0.0, float(seconds or 0))
        self._left = int(self.quota * (1 - full_in / WINDOW))
        self._at = monotonic()
        return taken


class Quotas:
    """The purses of one process. `secret` keys the hashes by which addresses are known."""

    def __init__(self, engine: AsyncEngine, rates: Rates, secret: bytes) -> None:
        self.engine = engine
        self.rates = rates
        self.secret = secret
        self._purses: Recent[Any, Purse] = Recent(PURSES)

    def purse(self, actor: Actor, address: str) -> Purse:
        """The caller's: by account, without one by address."""
        if actor.account_id == NOBODY:
            return self.purse_of(address)
        granted = actor.grant.cost_per_minute if actor.grant else None
        return self.purse_for(actor.account_id, granted)

    def purse_for(self, account_id: UUID, quota: int | None) -> Purse:
        """An account's; `quota` where it has one of its own."""
        purse = self._purses.get(account_id)
        if purse is None:
            return self._open(account_id, account_id, quota or self.rates.account)
        if quota is not None and quota != purse.quota:
            purse.set_quota(quota)
        return purse

    def purse_of(self, address: str) -> Purse:
        """That of callers without a credential."""
        return self._purses.get(address) or self._open(address, self._holder(address), None)

    def _open(self, key: Any, holder: UUID, quota: int | None) -> Purse:
        rates = self.rates
        at_once = rates.anonymous_at_once if quota is None else rates.at_once
        bucket = _Bucket(self.engine, holder, quota or rates.anonymous)
        return self._purses.put(key, Purse(bucket, at_once))

    def _holder(self, address: str) -> UUID:
        """Not the address: it says who called. Of IPv6 the network counts, for who has one address
        has them all."""
        try:
            known = ipaddress.ip_address(address)
        except ValueError:
            known = ipaddress.IPv4Address(0)
        if isinstance(known, ipaddress.IPv6Address):
            known = known.ipv4_mapped or ipaddress.ip_network((known, 64), strict=False)[0]
        digest = hmac.digest(self.secret, b"quota " + known.packed, hashlib.sha256)
        return UUID(bytes=digest[:16])


def address_of(scope: Any) -> str:
    """Where the request comes from: the peer, or whom a trusted proxy named."""
    client = scope.get("client")
    return str(client[0]) if client else ""


async def forget_full_buckets(session: AsyncSession, now: datetime) -> int:
    """Drop the buckets that are full: they say nothing. A clock calls it; how many there were."""
    full = QuotaBucket.full_at < now - timedelta(seconds=WINDOW)
    dropped = await session.execute(delete(QuotaBucket).where(full).returning(QuotaBucket.holder))
    return len(dropped.all())
