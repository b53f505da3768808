"""API clients, their keys and documents in the graph."""

from datetime import datetime

import strawberry
from sqlalchemy import Text, func
from sqlalchemy import cast as cast_to

from nexus.accounts.clients import model, operations, policy
from nexus.accounts.graphql import Account
from nexus.accounts.rules import MACHINES
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.graph.trusted import PREFIX
from nexus.organizations.graphql import Organization

register_enums(model.ApiClientState)

_NEWEST = Order(("created_at",), descending=True)


@node(
    model.ClientKey,
    visible=policy.part_visible,
    actions={"retire_client_key": (None, policy.may_retire)},
)
class ClientKey:
    """A client secret by its last characters and dates. The secret itself is not kept."""

    hint: str
    created_at: datetime
    expires_at: datetime | None
    retired_at: datetime | None
    last_used_at: datetime | None


@node(model.ClientDocument, visible=policy.part_visible)
class ClientDocument:
    """A GraphQL document that the client runs by its hash."""

    document_id: str = computed(
        lambda actor, row: PREFIX + func.encode(row.digest, "hex"),
        about="What the client sends as `documentId`.",
    )
    text: str
    created_at: datetime


@node(
    model.ApiClient,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "activate_api_client": ("activate", policy.may_activate),
        "suspend_api_client": ("suspend", policy.may_suspend),
        "reinstate_api_client": ("reinstate", policy.may_reinstate),
        "revoke_api_client": ("revoke", policy.may_revoke),
        "add_client_key": (None, policy.may_change),
        "set_client_quota": (None, policy.may_set_quota),
        "set_client_scopes": (None, policy.may_set_scopes),
        "restrict_api_client": (None, policy.may_change),
        "register_documents": (None, policy.may_change),
    },
)
class ApiClient:
    """A program of an organization: what it may do, how much, from where, and its keys."""

    client_id: str = computed(
        lambda actor, row: MACHINES + func.replace(cast_to(row.id, Text), "-", ""),
        about="Its OAuth 2.0 client_id.",
    )
    name: str
    organization: Organization | None = to_one(model.ApiClient.organization_id)
    account: Account | None = to_one(
        model.ApiClient.account_id, about="The service account it acts through."
    )
    scopes: list[str]
    cost_per_minute: int
    networks: list[str]
    documents_only: bool
    state: model.ApiClientState
    state_reason: str | None
    version: int
    created_at: datetime
    last_used_at: datetime | None
    keys: Connection[ClientKey] = to_many(model.ClientKey.api_client_id, order=_NEWEST)
    documents: Connection[ClientDocument] = to_many(
        model.ClientDocument.api_client_id, order=_NEWEST
    )


@query
class ApiClientQuery:
    api_clients: Connection[ApiClient] = collection(
        "ApiClient",
        orders={"OLDEST": Order(("created_at",))},
        filters={"state": any_of(model.ApiClient.state)},
        about="The API clients of your organization and territory.",
    )


ApiClientResult = result("ApiClient", ApiClient)
ClientKeyResult = result("ClientKey", ClientKey)


@record
class IssuedClientKey:
    """A new client secret, shown this once."""

    client_id: str
    client_secret: str
    hint: str
    expires_at: datetime | None
    version: int


IssuedClientKeyResult = result("IssuedClientKey", IssuedClientKey)


@strawberry.input
class RegisterApiClientInput:
    name: str
    scopes: list[str]
    networks: list[str] = strawberry.field(default_factory=list)
    documents_only: bool = False
    organization_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(ApiClientResult)
async def register_api_client(act, input: RegisterApiClientInput):  # type: ignore[no-untyped-def]
    """Register a program of your organization. The authority activates it; you add its keys."""
    given = input.organization_id
    return await operations.register_api_client(
        act,
        name=input.name,
        scopes=input.scopes,
        networks=input.networks,
        documents_only=input.documents_only,
        organization_id=decode_given(given, "Organization"),
    )


@strawberry.input
class AddClientKeyInput:
    id: strawberry.ID
    expected_version: int
    expires_at: datetime | None = None


@mutation(IssuedClientKeyResult)
async def add_client_key(act, input: AddClientKeyInput):  # type: ignore[no-untyped-def]
    """Make a secret, shown once. Two may be live, so that one is replaced without a pause."""
    return await operations.add_client_key(
        act,
        decode(input.id, "ApiClient"),
        expected_version=input.expected_version,
        expires_at=input.expires_at,
    )


@strawberry.input
class RetireClientKeyInput:
    id: strawberry.ID
    idempotency_key: str


@mutation(ClientKeyResult)
async def retire_client_key(act, input: RetireClientKeyInput):  # type: ignore[no-untyped-def]
    """End a secret now, with every token got by it."""
    return await operations.retire_client_key(act, decode(input.id, "ClientKey"))


@strawberry.input
class SetClientQuotaInput:
    id: strawberry.ID
    expected_version: int
    cost_per_minute: int
    idempotency_key: str


@mutation(ApiClientResult)
async def set_client_quota(act, input: SetClientQuotaInput):  # type: ignore[no-untyped-def]
    """Set what the client may spend a minute, in the cost that `extensions.cost` tells."""
    return await operations.set_client_quota(
        act,
        decode(input.id, "ApiClient"),
        expected_version=input.expected_version,
        cost_per_minute=input.cost_per_minute,
    )


@strawberry.input
class SetClientScopesInput:
    id: strawberry.ID
    expected_version: int
    scopes: list[str]
    idempotency_key: str


@mutation(ApiClientResult)
async def set_client_scopes(act, input: SetClientScopesInput):  # type: ignore[no-untyped-def]
    """Set what the client may do; tokens that are out have no more than this within seconds."""
    return await operations.set_client_scopes(
        act,
        decode(input.id, "ApiClient"),
        expected_version=input.expected_version,
        scopes=input.scopes,
    )


@strawberry.input
class RestrictApiClientInput:
    id: strawberry.ID
    expected_version: int
    networks: list[str]
    documents_only: bool
    idempotency_key: str


@mutation(ApiClientResult)
async def restrict_api_client(act, input: RestrictApiClientInput):  # type: ignore[no-untyped-def]
    """Set where the client may come from (CIDR), and whether it runs registered documents only."""
    return await operations.restrict_api_client(
        act,
        decode(input.id, "ApiClient"),
        expected_version=input.expected_version,
        networks=input.networks,
        documents_only=input.documents_only,
    )


@strawberry.input
class RegisterDocumentsInput:
    id: strawberry.ID
    expected_version: int
    documents: list[str]
    idempotency_key: str


@mutation(ApiClientResult)
async def register_documents(act, input: RegisterDocumentsInput):  # type: ignore[no-untyped-def]
    """Register documents that the client may then run by the SHA-256 of their text."""
    return await operations.register_documents(
        act,
        decode(input.id, "ApiClient"),
        expected_version=input.expected_version,
        documents=input.documents,
    )


transition(
    "activate_api_client",
    ApiClientResult,
    operations.activate_api_client,
    "Let the client in. Not for who registered it.",
)
transition(
    "suspend_api_client",
    ApiClientResult,
    operations.suspend_api_client,
    "Stop the client: its tokens end now, its keys stay.",
)
transition(
    "reinstate_api_client",
    ApiClientResult,
    operations.reinstate_api_client,
    "End a suspension.",
)
transition(
    "revoke_api_client",
    ApiClientResult,
    operations.revoke_api_client,
    "Stop the client for good, with its keys and its account.",
)
