"""How the made-up world is made: one deed after another, by its account, some time ago."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.core.refusals import Refusal
from nexus.demo.parties import World

T = TypeVar("T")
Deed = Callable[[Act], Awaitable[T]]


class Deeds:
    """Does deeds, each in its own transaction (a savepoint of the world's)."""

    def __init__(self, sessions: async_sessionmaker[AsyncSession], world: World) -> None:
        self.sessions, self.world, self.rng = sessions, world, world.rng

    async def do(self, account: Account, ago: timedelta, deed: Deed[T]) -> T:
        """Do it as the account at that time."""
        async with self.sessions() as session, session.begin():
            return await deed(Act(session, self.world.actor(account, ago)))

    async def attempt(self, account: Account, ago: timedelta, deed: Deed[T]) -> T | None:
        """None where a rule refuses: the world is made by chance, the rules are not."""
        try:
            return await self.do(account, ago, deed)
        except Refusal:
            return None
