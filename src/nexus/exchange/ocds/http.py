"""The doors of open contracting data: what nexus publishes, for anybody, as OCDS packages.

GET /ocds/releases and /ocds/records (pages, `links.next` leads on), and the same with an ocid.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, unquote
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View, anonymous
from nexus.core.refusals import NotFound
from nexus.exchange.answering import (
    Receive,
    Scope,
    Send,
    answer,
    answer_bytes,
    answer_error,
    refuse_method,
)
from nexus.exchange.ocds.exporting import records_after, releases_after
from nexus.exchange.ocds.model import OWN, ContractingProcess
from nexus.exchange.ocds.packages import Head, record_package, release_package
from nexus.graph.errors import told
from nexus.graph.identifiers import as_uuid
from nexus.graph.quotas import Quotas, address_of

PATHS = ("/ocds/releases", "/ocds/records", "/ocds/releases/{ocid}", "/ocds/records/{ocid}")
COST = 100
"""Of the quota of an anonymous address, a page."""
HEADERS = {"access-control-allow-origin": "*", "cache-control": "public, max-age=60"}
_SOME = datetime(1970, 1, 1, tzinfo=UTC)


class ContractingDoor:
    """An ASGI application over the paths."""

    def __init__(
        self,
        engine: AsyncEngine,
        clock: Callable[[], datetime],
        *,
        quotas: Quotas | None,
        public_url: str | None,
    ) -> None:
        self.engine, self.clock = engine, clock
        self.quotas, self.public_url = quotas, public_url

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await refuse_method(send, "GET")
            return
        try:
            if self.quotas is not None:
                await self.quotas.purse_of(address_of(scope)).pay(COST)
            content = await self._package(scope)
        except Exception as error:
            await answer_error(send, error)
            return
        if content is None:
            message = "Nothing is published at this address: /ocds/records lists what is."
            await answer(send, 404, {"errors": [told(message, NotFound.code)]})
            return
        await answer_bytes(send, 200, content.encode(), "application/json", HEADERS)

    async def _package(self, scope: Scope) -> str | None:
        """The page that is asked for; None where there is nothing."""
        parts = scope["path"].strip("/").split("/", 2)
        ocid = unquote(parts[2]) if len(parts) > 2 else None
        asked = parse_qs(scope["query_string"].decode("ascii", "replace"), max_num_fields=5)
        after = asked.get("after", [None])[0]
        base = f"{self.public_url or _origin(scope)}/{'/'.join(map(quote, parts))}"
        async with AsyncSession(self.engine) as session:
            view = View(session, anonymous(self.clock()))
            if parts[1] == "releases":
                return await self._releases(view, base, as_uuid(after) if after else None, ocid)
            return await self._records(view, base, after, ocid)

    async def _releases(
        self, view: View, base: str, after: UUID | None, ocid: str | None
    ) -> str | None:
        page = await releases_after(view, OWN, after, ocid=ocid)
        if not page.documents:
            return None
        at = max(one.released_at or _SOME for one in page.documents)
        head = self._head(base, at, str(after) if after else None, page.after)
        return release_package(head, [one.original for one in page.documents])

    async def _records(
        self, view: View, base: str, after: str | None, ocid: str | None
    ) -> str | None:
        records, further = await records_after(view, OWN, after, ocid=ocid)
        if not records:
            return None
        process = ContractingProcess
        at = await view.session.scalar(
            select(func.max(process.last_released_at)).where(
                process.source == OWN, process.ocid.in_([one.ocid for one in records])
            )
        )
        return record_package(self._head(base, at or _SOME, after, further), records)

    def _head(self, base: str, at: datetime, after: str | None, further: str | None) -> Head:
        uri = f"{base}?after={quote(after)}" if after else base
        return Head(uri, at, self.public_url, f"{base}?after={quote(further)}" if further else None)


def _origin(scope: Scope) -> str:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}"
