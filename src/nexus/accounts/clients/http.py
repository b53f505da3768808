"""OAuth 2.0 for machines: tokens (RFC 6749, 4.4), revocation (RFC 7009), metadata (RFC 8414).

Authlib knows the protocol and asks synchronously; the database answers asynchronously. So what
Authlib may ask is read first, Authlib decides over those values, and what it decided is written
last, all in one transaction that holds the client's lock.
"""

from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import AuthorizationServer, ClientMixin, OAuth2Request
from authlib.oauth2.rfc6749.errors import InvalidClientError, InvalidScopeError
from authlib.oauth2.rfc6749.grants import ClientCredentialsGrant
from authlib.oauth2.rfc6749.requests import BasicOAuth2Payload
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from nexus.accounts import model as accounts
from nexus.accounts.clients import model, operations, queries, rules
from nexus.accounts.http import NO_STORE, OAuthError
from nexus.accounts.rules import MACHINES, SCOPES, digest
from nexus.acting import Act, anonymous
from nexus.graph.errors import RequestError
from nexus.graph.execution import utcnow
from nexus.graph.quotas import Quotas, address_of

METHODS = ["client_secret_basic", "client_secret_post"]
GRANT = "client_credentials"
GRANT_COST = 200
"""Of a token, from the client's quota: two rows, an event and a lock."""


class _Request(OAuth2Request):  # type: ignore[misc]
    """What Authlib reads of a request. Whether it came by TLS is the proxy's to see."""

    def __init__(self, request: Request, form: dict[str, str]) -> None:
        super().__init__("POST", "https://nexus.invalid", headers=request.headers)
        self.payload = BasicOAuth2Payload(form)

    @property
    def form(self) -> dict[str, str]:
        return self.payload.data  # type: ignore[no-any-return]


class _Client(ClientMixin):  # type: ignore[misc]
    """A client as Authlib asks it. One that does not exist answers as one with another secret."""

    def __init__(self, candidate: queries.Candidate | None, address: str) -> None:
        self.candidate = candidate
        self.address = address
        self.key: model.ClientKey | None = None

    def check_client_secret(self, client_secret: str) -> bool:
        """Only the right secret hears why the client gets no token."""
        self.key = self.candidate.key_of(client_secret) if self.candidate else None
        if self.candidate is None or self.key is None:
            raise InvalidClientError("Unknown client or wrong secret.", status_code=401)
        if inactive := self.candidate.inactive:
            raise InvalidClientError(f"This client is {inactive}.", status_code=401)
        if not rules.allows(rules.as_networks(self.candidate.client.networks), self.address):
            raise InvalidClientError("This client may not come from here.", status_code=401)
        return True

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in METHODS

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type == GRANT


class _Grant(ClientCredentialsGrant):  # type: ignore[misc]
    TOKEN_ENDPOINT_AUTH_METHODS = METHODS

    def validate_requested_scope(self) -> None:
        """What was asked for, or all that the client has; more is refused, not cut."""
        held = self.client.candidate.client.scopes
        asked = (self.request.payload.scope or "").split() or held
        if not set(asked) <= set(held):
            raise InvalidScopeError(f"This client may ask for: {' '.join(held)}")
        self.server.granted = sorted(set(asked))


class _Token:
    """The token to revoke, as Authlib asks it."""

    def __init__(self, row: accounts.AccessToken) -> None:
        self.row = row

    def check_client(self, client: _Client) -> bool:
        """Whether it is the client's."""
        assert client.candidate is not None
        return self.row.account_id == client.candidate.account.id


class _Revocation(RevocationEndpoint):  # type: ignore[misc]
    CLIENT_AUTH_METHODS = METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> _Token | None:
        return self.server.token  # type: ignore[no-any-return]

    def revoke_token(self, token: _Token, request: _Request) -> None:
        self.server.revoked = token.row


class _Server(AuthorizationServer):  # type: ignore[misc]
    """Authlib over what was read for one request. It never sees the token: it would log it."""

    def __init__(self, client: _Client, token: _Token | None = None) -> None:
        super().__init__(scopes_supported=list(SCOPES))
        self.known = client
        self.token = token
        self.granted: list[str] | None = None
        self.revoked: accounts.AccessToken | None = None
        self.register_grant(_Grant)
        self.register_endpoint(_Revocation)

    def query_client(self, client_id: str) -> _Client:
        return self.known

    def generate_token(self, **given: Any) -> dict[str, Any]:
        return {"token_type": "Bearer"}

    def save_token(self, token: dict[str, Any], request: _Request) -> None:
        """`granted` says what is to be saved."""

    def send_signal(self, name: str, *args: Any, **given: Any) -> None:
        """Nobody listens."""

    def create_oauth2_request(self, request: _Request) -> _Request:
        return request

    def handle_response(self, status: int, body: Any, headers: Any) -> tuple[int, Any, Any]:
        return status, body, headers


class Machines:
    """The answers to API clients, beside those that `SignInDoor` gives to people."""

    def __init__(self, quotas: Quotas | None) -> None:
        self.quotas = quotas

    def knows(self, client_id: str) -> bool:
        """Whether a machine asks, not a person."""
        return client_id.startswith(MACHINES)

    async def token(
        self, engine: AsyncEngine, request: Request, form: dict[str, str], client_id: str
    ) -> Response:
        """A token for a right secret."""
        now = utcnow()
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            client = await _read(session, client_id, request)
            server = _Server(client)
            status, body, headers = server.create_token_response(_Request(request, form))
            if status == 200 and client.candidate and client.key and server.granted:
                await self._pay(client.candidate)
                act = Act(session, anonymous(now))
                granted = await operations.grant_client_token(
                    act, client.candidate, client.key, server.granted
                )
                body["access_token"] = granted.token
                body["expires_in"] = int((granted.expires_at - now).total_seconds())
                body["scope"] = " ".join(server.granted)
        return _answer(status, body, headers)

    async def _pay(self, candidate: queries.Candidate) -> None:
        if self.quotas is None:
            return
        purse = self.quotas.purse_for(candidate.account.id, candidate.client.cost_per_minute)
        try:
            await purse.pay(GRANT_COST)
        except RequestError as error:
            message = "Keep a token for as long as it lives: the quota is spent."
            raise OAuthError(429, "temporarily_unavailable", message, error.headers) from None

    async def revoke(
        self, engine: AsyncEngine, request: Request, form: dict[str, str], client_id: str
    ) -> Response:
        """End a token; one that is unknown or has ended is answered alike (RFC 7009, 2.2)."""
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            client = await _read(session, client_id, request)
            row = accounts.AccessToken
            found = await session.scalar(
                select(row).where(row.digest == digest(form.get("token", ""))).with_for_update()
            )
            server = _Server(client, _Token(found) if found else None)
            response = server.create_endpoint_response("revocation", _Request(request, form))
            if server.revoked is not None and server.revoked.revoked_at is None:
                act = Act(session, anonymous(utcnow()))
                server.revoked.revoked_at = act.now
                act.record("access_token.revoked", server.revoked)
        return _answer(*response)


async def _read(session: AsyncSession, client_id: str, request: Request) -> _Client:
    named: UUID | None = rules.client_of(client_id)
    candidate = await queries.take_candidate(session, named, utcnow()) if named else None
    return _Client(candidate, address_of(request.scope))


def _answer(status: int, body: Any, headers: list[tuple[str, str]]) -> Response:
    return JSONResponse(body, status, {**dict(headers), **NO_STORE})


def metadata(issuer: str) -> dict[str, Any]:
    """What a client can learn of the server (RFC 8414, 2). `issuer` is the service's address."""
    told: dict[str, Any] = AuthorizationServerMetadata(
        issuer=issuer,
        token_endpoint=f"{issuer}/oauth/token",
        token_endpoint_auth_methods_supported=METHODS,
        revocation_endpoint=f"{issuer}/oauth/revoke",
        revocation_endpoint_auth_methods_supported=METHODS,
        grant_types_supported=[GRANT],
        # Required, although no grant here has an authorization endpoint.
        response_types_supported=["none"],
        scopes_supported=list(SCOPES),
    )
    return told
