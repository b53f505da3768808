"""The doors of certificates. What may be asked by address alone costs its asker quota."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.clients.queries import acting_again
from nexus.accounts.model import Account
from nexus.acting import SHANGHAI, Act
from nexus.core.signing import LinkRefused, Signer
from nexus.core.typesetting import fonts_in
from nexus.exchange.answering import (
    Receive,
    Scope,
    Send,
    answer_bytes,
    answer_error,
    id_in,
    refuse_method,
)
from nexus.exchange.certificates import pages
from nexus.graph.quotas import Quotas, address_of
from nexus.organizations.model import Organization
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.recipients.vault.contacts.operations import open_contact
from nexus.recipients.vault.model import IdentityField
from nexus.volunteering.certificates import policy, printing, queries, rules
from nexus.volunteering.certificates.model import Certificate, CertificatePaper
from nexus.volunteering.model import Volunteer

PATHS = ("/papers/{id}", "/certificates", "/certificates/{code}")
AT_ONCE = 2
"""Pages typeset at once in a process; each takes a fifth of a second of a core."""
CHECK_COST = 2_000
"""Of the quota of an anonymous address, so that nobody tries codes."""
HTML = "text/html; charset=utf-8"


class CertificateDoors:
    """An ASGI application over the paths. `info` opens the vault; `fonts` None: the system's."""

    def __init__(
        self,
        engine: AsyncEngine,
        signer: Signer,
        info: dict[str, Any],
        clock: Callable[[], datetime],
        *,
        quotas: Quotas | None,
        fonts: Path | None,
        public_url: str | None,
    ) -> None:
        self.engine, self.signer, self.info, self.clock = engine, signer, info, clock
        self.quotas, self.fonts, self.public_url = quotas, fonts, public_url
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            await refuse_method(send, "GET")
            return
        try:
            if scope["path"].startswith("/papers/"):
                content = await self._paper(scope)
                name = {"content-disposition": 'inline; filename="certificate.pdf"'}
                await answer_bytes(send, 200, content, "application/pdf", name)
            else:
                status, content = await self._check(scope)
                await answer_bytes(send, status, content, HTML, pages.HEADERS)
        except Exception as error:
            await answer_error(send, error)

    async def _check(self, scope: Scope) -> tuple[int, bytes]:
        """The form, or what is told of the certificate with the code."""
        given = unquote(scope["path"].removeprefix("/certificates").strip("/"))
        if not given:
            asked = parse_qs(scope["query_string"].decode("ascii", "replace"), max_num_fields=5)
            given = asked.get("code", [""])[0]
        if not given.strip():
            return 200, pages.form()
        if self.quotas is not None:
            await self.quotas.purse_of(address_of(scope)).pay(CHECK_COST)
        async with AsyncSession(self.engine) as session:
            told = await queries.told_of(session, rules.read_code(given))
        if told is None:
            return 404, pages.form(
                "没有这样的验证码，请核对后重试。 There is no certificate with this code: check it."
            )
        return 200, pages.standing(told)

    async def _paper(self, scope: Scope) -> bytes:
        """The PDF, with the name read under the reveal that was asked for."""
        now, path = self.clock(), scope["path"]
        account_id = self.signer.check("GET", path, scope["query_string"], now)
        fonts = fonts_in(self.fonts)
        session_of = AsyncSession(self.engine, expire_on_commit=False, info=dict(self.info))
        async with session_of as session, session.begin():
            actor = await acting_again(session, account_id, None, now)
            paper = await session.get(CertificatePaper, id_in(path))
            if paper is None or paper.account_id != account_id:
                raise LinkRefused("There is nothing at this address.")
            act = Act(session, actor)
            row = await act.find(Certificate, paper.certificate_id, visible=policy.visible)
            act.permit(policy.may_print, row)
            reveal = await session.get_one(ContactReveal, paper.reveal_id)
            known = await open_contact(act, reveal)
            told = await self._told(session, row, known.get(IdentityField.NAME, "—"), scope)
        async with self._turn:
            return await asyncio.to_thread(printing.as_pdf, told, fonts=fonts, made_at=now)

    async def _told(
        self, session: AsyncSession, row: Certificate, name: str, scope: Scope
    ) -> dict[str, Any]:
        volunteer = await session.get_one(Volunteer, row.volunteer_id)
        issuer = await session.get_one(Organization, row.organization_id)
        handler = await session.get_one(Account, row.prepared_by)
        in_charge = await session.get_one(Account, row.issued_by)
        assert row.issued_at is not None
        return printing.content(
            row,
            name=name,
            national_no=volunteer.national_no,
            issuer=issuer.name,
            handler=handler.name,
            in_charge=in_charge.name,
            issued_on=row.issued_at.astimezone(SHANGHAI).date(),
            lines=await queries.printed_lines(session, row.id),
            address=f"{self.public_url or _origin(scope)}/certificates",
        )


def _origin(scope: Scope) -> str:
    host = dict(scope["headers"]).get(b"host", b"").decode("latin-1")
    return f"{scope.get('scheme', 'http')}://{host}"
