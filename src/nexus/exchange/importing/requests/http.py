"""The door of reports: GET /imports/{id}/problems with the signature that `problemsUrl` holds.

`format=xlsx` behind it gives the rows themselves, in a workbook to correct and send again.
"""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

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
from nexus.exchange.importing.requests.sheets import SHEET_TYPE
from nexus.exchange.uploads.rules import Chest
from nexus.graph.errors import RequestCode, RequestError
from nexus.graph.quotas import address_of


class ProblemsDoor:
    """An ASGI application. CSV, or JSON Lines for those who accept application/jsonl."""

    def __init__(
        self,
        engine: AsyncEngine,
        signer: Signer,
        clock: Callable[[], datetime],
        chest: Chest,
    ) -> None:
        self.engine, self.signer, self.clock, self.chest = engine, signer, clock, chest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "GET":
            await refuse_method(send, "GET")
            return
        try:
            if b"format=xlsx" in scope["query_string"].split(b"&"):
                sheet = await self._sheet(scope)
                await answer_bytes(send, 200, sheet, SHEET_TYPE, _named("xlsx"))
                return
            report = await self._report(scope)
        except Exception as error:
            await answer_error(send, error)
            return
        accepted = dict(scope["headers"]).get(b"accept", b"")
        if b"jsonl" in accepted or b"ndjson" in accepted:
            content, kind, end = rules.problems_jsonl(report), "application/jsonl", "jsonl"
        else:
            content, kind, end = rules.problems_csv(report), "text/csv; charset=utf-8", "csv"
        await answer_bytes(send, 200, content, kind, _named(end))

    async def _report(self, scope: Scope) -> dict[str, object]:
        now = self.clock()
        async with AsyncSession(self.engine) as session:
            account_id = await self._asker(session, scope, now)
            return await operations.find_run(session, id_in(scope["path"]), account_id)

    async def _sheet(self, scope: Scope) -> bytes:
        now = self.clock()
        async with AsyncSession(self.engine) as session:
            account_id = await self._asker(session, scope, now)
            run_id = id_in(scope["path"])
            return await operations.read_sheet(session, run_id, account_id, self.chest, now)

    async def _asker(self, session: AsyncSession, scope: Scope, now: datetime) -> UUID:
        """Whose the address is, while they may act."""
        account_id = self.signer.check("GET", scope["path"], scope["query_string"], now)
        actor = await acting_again(session, account_id, None, now)
        if actor.grant and not allows(actor.grant.networks, address_of(scope)):
            message = "This client may not come from this address."
            raise RequestError(403, RequestCode.ADDRESS_NOT_ALLOWED, message)
        return account_id


def _named(end: str) -> dict[str, str]:
    return {"content-disposition": f'attachment; filename="problems.{end}"'}
