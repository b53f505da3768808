"""Exchange partners in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.exchange.messages import model, operations, policy
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
    to_one,
    transition,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization

register_enums(model.PartnerMode, model.PartnerState)


def _waiting(actor: Actor, row: Any) -> ColumnElement[Any]:
    message = aliased(model.ExchangeMessage)
    counted = select(func.count()).where(
        message.partner_id == row.id,
        message.direction == model.MessageDirection.OUT,
        message.state.in_(model.LIVE),
    )
    return counted.correlate_except(message).scalar_subquery()


@node(
    model.ExchangePartner,
    visible=policy.visible,
    transitions=model.PARTNER_TRANSITIONS,
    actions={
        "update_exchange_partner": ("update", policy.may_keep),
        "rotate_exchange_secret": ("rotate", policy.may_keep),
        "pause_exchange_partner": ("pause", policy.may_keep),
        "resume_exchange_partner": ("resume", policy.may_keep),
        "close_exchange_partner": ("close", policy.may_keep),
    },
)
class ExchangePartner:
    """An authority with which messages are exchanged, and how it is reached."""

    mode: model.PartnerMode
    url: str | None
    folder: str | None
    state: model.PartnerState
    state_reason: str | None
    version: int
    created_at: datetime
    failures: int
    failing_at: datetime | None
    retry_at: datetime | None
    last_success_at: datetime | None
    waiting: int = computed(_waiting, about="Messages to it that are not acknowledged yet.")
    organization: Organization | None = to_one(model.ExchangePartner.organization_id)


@record
class IssuedExchangeSecret:
    """A signing secret: it cannot be read again."""

    secret: str
    version: int
    live_secrets: int


@query
class PartnerQuery:
    exchange_partners: Connection[ExchangePartner] = collection(
        "ExchangePartner",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.ExchangePartner.state),
            "mode": any_of(model.ExchangePartner.mode),
        },
        about="Your authority's exchange of messages with nexus.",
    )


ExchangePartnerResult = result("ExchangePartner", ExchangePartner)
IssuedExchangeSecretResult = result("IssuedExchangeSecret", IssuedExchangeSecret)


@strawberry.input(
    description="Without an organization, your own. CALL_OUT: url. FILE_DROP: folder."
)
class CreateExchangePartnerInput:
    mode: model.PartnerMode
    organization_id: strawberry.ID | None = None
    url: str | None = None
    folder: str | None = None
    idempotency_key: str


@strawberry.input(description="The whole way anew: what is left out is nothing.")
class UpdateExchangePartnerInput:
    id: strawberry.ID
    expected_version: int
    mode: model.PartnerMode
    url: str | None = None
    folder: str | None = None
    idempotency_key: str


@strawberry.input
class RotateExchangeSecretInput:
    id: strawberry.ID
    expected_version: int


@mutation(ExchangePartnerResult)
async def create_exchange_partner(act, input: CreateExchangePartnerInput):  # type: ignore[no-untyped-def]
    """Exchange messages with an authority. Calls out start when there is a secret."""
    return await operations.create_exchange_partner(
        act,
        organization_id=decode_given(input.organization_id, "Organization"),
        mode=model.PartnerMode(input.mode),
        url=input.url,
        folder=input.folder,
    )


@mutation(ExchangePartnerResult)
async def update_exchange_partner(act, input: UpdateExchangePartnerInput):  # type: ignore[no-untyped-def]
    """Another way to the same authority; what waits goes there."""
    return await operations.update_exchange_partner(
        act,
        decode(input.id, "ExchangePartner"),
        expected_version=input.expected_version,
        mode=model.PartnerMode(input.mode),
        url=input.url,
        folder=input.folder,
    )


@mutation(IssuedExchangeSecretResult)
async def rotate_exchange_secret(act, input: RotateExchangeSecretInput):  # type: ignore[no-untyped-def]
    """A new secret, shown this once; the old one signs beside it for 24 hours."""
    return await operations.rotate_exchange_secret(
        act, decode(input.id, "ExchangePartner"), expected_version=input.expected_version
    )


transition(
    "pause_exchange_partner",
    ExchangePartnerResult,
    operations.pause_exchange_partner,
    "Send nothing until resumed; messages are kept meanwhile.",
)
transition(
    "resume_exchange_partner",
    ExchangePartnerResult,
    operations.resume_exchange_partner,
    "Send again, from what waits.",
)
transition(
    "close_exchange_partner",
    ExchangePartnerResult,
    operations.close_exchange_partner,
    "Close it for good, with a reason; what waits is dead.",
)
