"""Operations that come over a connection which stays: asked for as at the door, told as they are.

Each operation is authenticated, paid for and held to its credential's scopes on its own: nothing
of one outlives it but the subscription it opened.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from starlette.requests import Request

from nexus.acting import Actor
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.execution import Answer, Executor
from nexus.graph.http import Authenticate, GraphQLDoor
from nexus.graph.messages import checked
from nexus.graph.quotas import address_of
from nexus.graph.streams import Opened

Recheck = Callable[[Sequence[Request]], Awaitable[list[Actor | None]]]
"""Who is behind these requests now; None for a credential that has ended."""


class Desk:
    """Answers the operations of sockets and event streams."""

    def __init__(self, door: GraphQLDoor, recheck: Recheck) -> None:
        self.executor: Executor = door.executor
        self.gate = door.gate
        self._authenticate: Authenticate = door.authenticate
        self.quotas = door.quotas
        self.documents = door.documents
        self.recheck = recheck

    async def authenticate(self, request: Request) -> Actor:
        """Who is behind the request."""
        async with self.gate:
            return await self._authenticate(request)

    async def ask(
        self, request: Request, actor: Actor, given: Any, *, only_reading: bool = False
    ) -> Answer | Opened:
        """The answer, or the subscription opened. RequestError, or what fails on our side."""
        if self.quotas is None:
            async with self.gate:
                return await self._ask(actor, checked(given), only_reading, None)
        purse = self.quotas.purse(actor, address_of(request.scope))
        await purse.enter()
        with purse:
            async with self.gate:
                return await self._ask(actor, checked(given), only_reading, purse)

    async def _ask(
        self, actor: Actor, given: dict[str, Any], only_reading: bool, purse: Any
    ) -> Answer | Opened:
        text = await self.documents.text(given, actor)
        variables, name = given.get("variables"), given.get("operationName")
        opened = self.executor.follow(text, actor, variables=variables, operation_name=name)
        if opened is None:
            return await self.executor.execute(
                text,
                actor,
                variables=variables,
                operation_name=name,
                only_queries=only_reading,
                purse=purse,
            )
        if purse is not None:
            await purse.pay(opened.cost)
        return opened


def too_many(what: str, most: int, code: RequestCode) -> RequestError:
    """429: a limit of connections or subscriptions is reached."""
    message = f"At most {most} {what} are open at once: close one you no longer need."
    return RequestError(429, code, message)
