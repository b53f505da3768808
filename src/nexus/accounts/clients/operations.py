"""Registering, letting in, stopping API clients; their keys, scopes, quotas and documents."""

import hashlib
from datetime import datetime
from typing import Any
from uuid import UUID

from graphql import GraphQLError, parse
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert

from nexus.accounts import model as accounts
from nexus.accounts.clients import model, policy, rules
from nexus.accounts.clients.queries import Candidate
from nexus.accounts.operations import Granted, issue_token
from nexus.accounts.rules import check_expiry, check_scopes, digest
from nexus.acting import EVERYWHERE, GOVERNMENT, Act, Deed, plain_transition
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, WrongState
from nexus.graph.limits import MAX_TOKENS
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization, OrganizationState, OrganizationType

_FINAL = (OrganizationState.REJECTED, OrganizationState.DEREGISTERED)


async def register_api_client(
    act: Act,
    *,
    name: str,
    scopes: list[str],
    networks: list[str],
    documents_only: bool = False,
    organization_id: UUID | None = None,
) -> model.ApiClient:
    """A client of one's own organization, pending until the authority activates it."""
    holder = await _holder(act, organization_id)
    client_id = new_id()
    account = await _service_account(
        act, rules.check_name(name), rules.identifier(client_id), holder
    )
    client = model.ApiClient(
        id=client_id,
        account_id=account.id,
        organization_id=holder.id,
        name=account.name,
        scopes=check_scopes(scopes),
        cost_per_minute=rules.DEFAULT_COST,
        networks=rules.check_networks(networks),
        documents_only=documents_only,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(client)
    await act.session.flush()
    act.record("api_client.registered", client, scopes=client.scopes)
    return client


async def _holder(act: Act, organization_id: UUID | None) -> Organization:
    """The organization a client is registered for: one's own, or any for the platform."""
    actor = act.actor
    if not policy.may_register(actor):
        raise Forbidden(f"Role {actor.role.name} may not register API clients.")
    holder_id = organization_id or actor.organization_id
    if holder_id != actor.organization_id and actor.role not in EVERYWHERE:
        raise Forbidden("Register clients for your own organization: leave organizationId out.")
    holder = await act.find(Organization, holder_id, visible=organization_policy.visible)
    if holder.state in _FINAL:
        raise GuardFailed(
            f"This organization is {holder.state.value}: it can have no clients.",
            rule="client.organization_live",
            state=holder.state.name,
        )
    return holder


async def _service_account(
    act: Act, name: str, username: str, holder: Organization
) -> accounts.Account:
    """The account the client acts through; of the government it has its organization's area."""
    government = holder.org_type is OrganizationType.GOVERNMENT_BODY
    role = rules.service_role(act.actor.role, government=government)
    account = accounts.Account(
        username=username,
        name=name,
        password_hash=None,
        role=role,
        organization_id=holder.id,
        area_code=holder.area_code if role in GOVERNMENT else None,
        created_at=act.now,
    )
    act.session.add(account)
    await act.session.flush()
    act.record("account.created", account, role=role.value)
    return account


def _transition(verb: str, event: str, may: Any, *, needs_reason: bool) -> Deed:
    return plain_transition(
        model.ApiClient,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=may,
        needs_reason=needs_reason,
    )


_activate = _transition("activate", "api_client.activated", policy.may_activate, needs_reason=False)
_suspend = _transition("suspend", "api_client.suspended", policy.may_suspend, needs_reason=True)
reinstate_api_client = _transition(
    "reinstate", "api_client.reinstated", policy.may_reinstate, needs_reason=False
)
_revoke = _transition("revoke", "api_client.revoked", policy.may_revoke, needs_reason=True)


async def activate_api_client(act: Act, client_id: UUID, **given: Any) -> model.ApiClient:
    """Let it in. Only a verified organization has clients that act (7.2)."""
    client: model.ApiClient = await _activate(act, client_id, **given)
    holder = await act.session.get_one(Organization, client.organization_id)
    if holder.state is not OrganizationState.VERIFIED:
        raise GuardFailed(
            f"The organization is {holder.state.value}: verify it first.",
            rule="client.organization_verified",
            state=holder.state.name,
        )
    return client


async def suspend_api_client(act: Act, client_id: UUID, **given: Any) -> model.ApiClient:
    """Stop it until it is reinstated: its tokens end now, its keys stay."""
    client: model.ApiClient = await _suspend(act, client_id, **given)
    await _end_tokens(act, client)
    return client


async def revoke_api_client(act: Act, client_id: UUID, **given: Any) -> model.ApiClient:
    """Stop it for good: tokens, keys and the service account end with it."""
    client: model.ApiClient = await _revoke(act, client_id, **given)
    await _end_tokens(act, client)
    live = (model.ClientKey.api_client_id == client.id, model.ClientKey.retired_at.is_(None))
    await act.session.execute(update(model.ClientKey).where(*live).values(retired_at=act.now))
    account = await act.session.get_one(accounts.Account, client.account_id, with_for_update=True)
    if account.state is not accounts.AccountState.CLOSED:
        act.move(account, accounts.TRANSITIONS, "close")
        act.record("account.closed", account)
    return client


async def _end_tokens(act: Act, client: model.ApiClient, key_id: UUID | None = None) -> None:
    token = accounts.AccessToken
    these = [token.account_id == client.account_id, token.revoked_at.is_(None)]
    if key_id is not None:
        these.append(token.credential_id == key_id)
    await act.session.execute(update(token).where(*these).values(revoked_at=act.now))


async def _keep(
    act: Act, client_id: UUID, may: Any = policy.may_change, *, expected_version: int
) -> model.ApiClient:
    """The client, locked, for somebody who may change it while it lives."""
    client = await act.take(
        model.ApiClient, client_id, visible=policy.visible, expected_version=expected_version
    )
    if client.state is model.ApiClientState.REVOKED:
        raise WrongState("A revoked client stays as it is: register another.", state="REVOKED")
    act.permit(may, client)
    client.version += 1
    return client


async def add_client_key(
    act: Act, client_id: UUID, *, expected_version: int, expires_at: datetime | None = None
) -> dict[str, Any]:
    """A new key beside the one in use. The secret is shown now and never again."""
    client = await _keep(act, client_id, expected_version=expected_version)
    if expires_at is not None:
        check_expiry(act.now, expires_at)
    key = model.ClientKey
    expired = (key.api_client_id == client.id, key.retired_at.is_(None), key.expires_at <= act.now)
    await act.session.execute(update(key).where(*expired).values(retired_at=key.expires_at))
    live = select(key.place).where(key.api_client_id == client.id, key.retired_at.is_(None))
    secret = rules.new_secret()
    added = model.ClientKey(
        id=new_id(),
        api_client_id=client.id,
        place=rules.free_place(await act.session.scalars(live)),
        digest=digest(secret),
        hint=rules.hint(secret),
        created_at=act.now,
        created_by=act.actor.account_id,
        expires_at=expires_at,
    )
    act.session.add(added)
    act.record("api_client.key_added", client, key_id=added.id)
    return {
        "clientId": rules.identifier(client.id),
        "clientSecret": secret,
        "hint": added.hint,
        "expiresAt": expires_at.isoformat() if expires_at else None,
        "version": client.version,
    }


async def retire_client_key(act: Act, key_id: UUID) -> model.ClientKey:
    """End a key, and the tokens got with it, now."""
    seen = await act.find(model.ClientKey, key_id, visible=policy.part_visible)
    client = await act.take(model.ApiClient, seen.api_client_id, visible=policy.visible)
    act.permit(policy.may_keep, client)
    key = await act.take(model.ClientKey, key_id, visible=policy.part_visible)
    if key.retired_at is not None:
        raise Invalid("This key is retired already.", field="id")
    key.retired_at = act.now
    client.version += 1
    await _end_tokens(act, client, key.id)
    act.record("api_client.key_retired", client, key_id=key.id)
    return key


async def set_client_quota(
    act: Act, client_id: UUID, *, expected_version: int, cost_per_minute: int
) -> model.ApiClient:
    """What it may spend a minute."""
    client = await _keep(act, client_id, policy.may_set_quota, expected_version=expected_version)
    client.cost_per_minute = rules.check_cost(cost_per_minute)
    act.record("api_client.quota_set", client, cost_per_minute=cost_per_minute)
    return client


async def set_client_scopes(
    act: Act, client_id: UUID, *, expected_version: int, scopes: list[str]
) -> model.ApiClient:
    """What it may do. Its own people take scopes away; the authority gives them, once it acts.

    Tokens that had more end, and with them what was followed by them.
    """
    client = await _keep(act, client_id, policy.may_set_scopes, expected_version=expected_version)
    wanted = check_scopes(scopes)
    more = sorted(set(wanted) - set(client.scopes))
    decides = policy.may_activate(act.actor, client) is True
    if more and not decides and client.state is not model.ApiClientState.PENDING:
        raise GuardFailed(
            f"The authority approved this client without {', '.join(more)}: ask it to add them.",
            rule="client.scopes_approved",
            scopes=more,
        )
    if set(client.scopes) - set(wanted):
        await _end_tokens(act, client)
    client.scopes = wanted
    act.record("api_client.scopes_set", client, scopes=wanted)
    return client


async def restrict_api_client(
    act: Act, client_id: UUID, *, expected_version: int, networks: list[str], documents_only: bool
) -> model.ApiClient:
    """Where it may come from, and whether it runs registered documents only. Its tokens end."""
    client = await _keep(act, client_id, expected_version=expected_version)
    await _end_tokens(act, client)
    client.networks = rules.check_networks(networks)
    client.documents_only = documents_only
    act.record("api_client.restricted", client, networks=len(client.networks))
    return client


async def register_documents(
    act: Act, client_id: UUID, *, expected_version: int, documents: list[str]
) -> model.ApiClient:
    """Documents that it may run by their hash. Those it has already change nothing."""
    client = await _keep(act, client_id, expected_version=expected_version)
    if not 0 < len(documents) <= rules.MAX_DOCUMENTS:
        message = f"Register 1 to {rules.MAX_DOCUMENTS} documents at a time."
        raise Invalid(message, field="documents", maximum=rules.MAX_DOCUMENTS)
    rows = [_document(act, client, text, place) for place, text in enumerate(documents)]
    row = model.ClientDocument
    statement = insert(row).values(rows)
    await act.session.execute(statement.on_conflict_do_nothing())
    held = select(func.count()).select_from(row).where(row.api_client_id == client.id)
    if (await act.session.scalar(held) or 0) > rules.DOCUMENTS_OF_A_CLIENT:
        raise GuardFailed(
            f"A client has at most {rules.DOCUMENTS_OF_A_CLIENT} documents: register another.",
            rule="client.documents",
            maximum=rules.DOCUMENTS_OF_A_CLIENT,
        )
    act.record("api_client.documents_registered", client, documents=len(documents))
    return client


def _document(act: Act, client: model.ApiClient, text: str, place: int) -> dict[str, Any]:
    if len(text) > rules.MAX_DOCUMENT:
        message = f"A document has at most {rules.MAX_DOCUMENT} characters."
        raise Invalid(message, field=f"documents.{place}")
    try:
        parse(text, no_location=True, max_lexical_tokens=MAX_TOKENS)
    except (GraphQLError, RecursionError):
        message = f"Document {place} does not parse as GraphQL."
        raise Invalid(message, field=f"documents.{place}") from None
    return {
        "id": new_id(),
        "api_client_id": client.id,
        "digest": hashlib.sha256(text.encode()).digest(),
        "text": text,
        "created_at": act.now,
        "created_by": act.actor.account_id,
    }


async def grant_client_token(
    act: Act, candidate: Candidate, key: model.ClientKey, scopes: list[str]
) -> Granted:
    """A token of the client, which proved itself by the key and may have the scopes."""
    expires_at = rules.token_until(act.now, key.expires_at)
    token = await issue_token(
        act.session,
        candidate.account,
        label=f"key …{key.hint}",
        now=act.now,
        expires_at=expires_at,
        scopes=scopes,
        credential_id=key.id,
    )
    key.last_used_at = candidate.client.last_used_at = act.now
    act.record("api_client.signed_in", candidate.client, key_id=key.id)
    return Granted(candidate.account.id, token, expires_at)
