"""Consents in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Select, Uuid, column, func, select

from nexus.acting import Actor
from nexus.graph.declare import (
    Connection,
    any_of,
    at_most,
    collection,
    derived,
    extend,
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
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.obligations.graphql import Obligation
from nexus.obligations.model import Obligation as ObligationRow
from nexus.organizations.graphql import Organization
from nexus.recipients import model, policy
from nexus.recipients.consents import operations
from nexus.recipients.graphql import Recipient

register_enums(model.ConsentKind, model.GivenBy, model.ConsentMethod, model.ConsentState)


@record
class ConsentReceiver:
    """An organization that a consent names."""

    organization: Organization | None = to_one(column("organization_id"))


def _receivers(actor: Actor, row: Any, limit: ColumnElement[int]) -> Select[Any]:
    named = func.unnest(row.receiver_ids).table_valued(column("organization_id", Uuid()))
    return select(named.render_derived(name="named").c.organization_id).limit(limit)


@node(
    model.Consent,
    visible=policy.consent_visible,
    transitions=model.CONSENT_TRANSITIONS,
    actions={
        "grant_consent": ("grant", policy.may_record),
        "refuse_consent": ("refuse", policy.may_record),
        "withdraw_consent": ("withdraw", policy.may_withdraw),
        "supersede_consent": ("supersede", policy.may_record),
        "confirm_consent": ("confirm", policy.may_confirm),
    },
)
class Consent:
    """Purpose, data class, receiver and time, given by the person or for them."""

    no: str
    recipient: Recipient | None = to_one(model.Consent.recipient_id)
    given_by: model.GivenBy
    kind: model.ConsentKind
    purposes: list[str]
    data_classes: list[str]
    receivers: list[ConsentReceiver] = derived(
        _receivers,
        default=20,
        about="The organizations named; none means every verified organization.",
    )
    text_version: str
    text_hash: str
    method: model.ConsentMethod
    obtained_at: datetime
    expires_on: date
    state: model.ConsentState
    state_reason: str | None
    withdrawn_at: datetime | None
    version: int
    created_at: datetime
    obligations: Connection[Obligation] = to_many(
        ObligationRow.subject_id,
        order=Order(("created_at",)),
        about="Once it has ended: who held data under it, and whether they have stopped.",
    )


@extend(Recipient)
class RecipientConsents:
    consents: Connection[Consent] = to_many(
        model.Consent.recipient_id, order=Order(("created_at",), descending=True)
    )


@query
class ConsentQuery:
    consents: Connection[Consent] = collection(
        "Consent",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "EXPIRING": Order(("expires_on",)),
        },
        filters={
            "state": any_of(model.Consent.state),
            "expires_by": at_most(model.Consent.expires_on, date),
        },
        about="The consents of your territory's recipients.",
    )


ConsentResult = result("Consent", Consent)


@strawberry.input
class RecordConsentInput:
    recipient_id: strawberry.ID
    given_by: model.GivenBy
    kind: model.ConsentKind = model.ConsentKind.OWN
    purposes: list[str]
    data_classes: list[str]
    receiver_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    text_version: str
    text_hash: str
    method: model.ConsentMethod
    obtained_at: datetime
    expires_on: date
    idempotency_key: str


@mutation(ConsentResult)
async def record_consent(act, input: RecordConsentInput):  # type: ignore[no-untyped-def]
    """Record a consent put before a person; grantConsent or refuseConsent says the answer."""
    return await operations.record_consent(
        act,
        recipient_id=decode(input.recipient_id, "Recipient"),
        given_by=input.given_by,
        kind=input.kind,
        purposes=input.purposes,
        data_classes=input.data_classes,
        receiver_ids=[decode(one, "Organization") for one in input.receiver_ids],
        text_version=input.text_version,
        text_hash=input.text_hash,
        method=input.method,
        obtained_at=input.obtained_at,
        expires_on=input.expires_on,
    )


for _verb, _deed, _about in (
    ("grant_consent", operations.grant_consent, "The person said yes."),
    ("refuse_consent", operations.refuse_consent, "The person said no."),
    (
        "withdraw_consent",
        operations.withdraw_consent,
        "The person takes it back: reads under it end at once. No reason is needed.",
    ),
    ("supersede_consent", operations.supersede_consent, "A newer consent takes its place."),
    (
        "confirm_consent",
        operations.confirm_consent,
        "The person confirms what somebody else had said for them.",
    ),
):
    transition(_verb, ConsentResult, _deed, _about)
