"""The door of reports: GET /imports/{id}/problems with the signature that `problemsUrl` holds."""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.accounts.clients.rules import allows
from nexus.core.signing import Signer
from nexus.exchange.answering import (
    Receive,
    Scope,
    Send,
    answer_bytes,
    answer_error,
    id_in,
    refuse_method,
)
from nexus.exchange.importing.requests import operations, rules
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.quotas import address_of


class ProblemsDoor:
    """An ASGI application. CSV, or JSON Lines for those who accept application/jsonl."""

    def __init__(self, engine: AsyncEngine, signer: Signer, clock: Callable[[], datetime]) -> None:
        self.engine, self.signer, self.clock = engine, signer, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await refuse_method(send, "GET")
            return
        try:
            report = await self._report(scope)
        except Exception as error:
            await answer_error(send, error)
            return
        accepted = dict(scope["headers"]).get(b"accept", b"")
        if b"jsonl" in accepted or b"ndjson" in accepted:
            content, kind, end = rules.problems_jsonl(report), "application/jsonl", "jsonl"
        else:
            content, kind, end = rules.problems_csv(report), "text/csv; charset=utf-8", "csv"
        name = f'attachment; filename="problems.{end}"'
        await answer_bytes(send, 200, content, kind, {"content-disposition": name})

    async def _report(self, scope: Scope) -> dict[str, object]:
        now, path = self.clock(), scope["path"]
        account_id = self.signer.check("GET", path, scope["query_string"], now)
        async with AsyncSession(self.engine) as session:
            actor = await acting_again(session, account_id, None, now)
            if actor.grant and not allows(actor.grant.networks, address_of(scope)):
                message = "This client may not come from this address."
                raise RequestError(403, RequestCode.ADDRESS_NOT_ALLOWED, message)
            return await operations.find_run(session, id_in(path), account_id)
