"""A process that spends one caller's quota as fast as it can, then prints what it could spend."""

import asyncio
import sys
from time import monotonic
from uuid import UUID

from nexus.acting import Actor, Role
from nexus.core.db import make_engine
from nexus.graph.errors import RequestError
from nexus.graph.quotas import Quotas, Rates
from tests.making import now


async def spend(url: str, account: str, quota: int, cost: int, until: float) -> int:
    """What was paid, in requests of this cost, until the time by the wall clock."""
    engine = make_engine(url, pool_size=2)
    quotas = Quotas(engine, Rates(account=quota), b"spender")
    actor = Actor(Role.CHARITY_CLIENT, UUID(account), UUID(int=1), "-", now())
    spent = 0
    begun = monotonic()
    while monotonic() - begun < until:
        purse = quotas.purse(actor, "")
        try:
            await purse.pay(cost)
            spent += cost
        except RequestError as error:
            if error.status != 429:
                raise
            await asyncio.sleep(0.01)
    await engine.dispose()
    return spent


if __name__ == "__main__":
    url, account, *numbers = sys.argv[1:]
    quota, cost, seconds = map(int, numbers)
    sys.stdout.write(str(asyncio.run(spend(url, account, quota, cost, seconds))))
