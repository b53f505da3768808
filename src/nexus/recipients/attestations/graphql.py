"""Attestations in the graph, and the check of a token that anybody may ask for."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import LargeBinary

from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Declared,
    any_of,
    collection,
    computed,
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
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Found, Given, Order
from nexus.organizations.graphql import Organization
from nexus.recipients.attestations import model, operations, policy, queries, rules
from nexus.recipients.consents.graphql import Consent
from nexus.recipients.graphql import Recipient, Recognition

register_enums(model.AttestationState, model.AttestationStatus)
_SUBJECT = policy.may_read_subject


@node(Event, visible=policy.event_visible)
class AttestationEvent:
    """What happened to an attestation."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Attestation,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={"revoke_attestation": ("revoke", policy.may_revoke)},
)
class Attestation:
    """What a recognition says, signed for one organization and purpose. `token` is a compact JWS:
    check it offline with the keys at /.well-known/jwks.json."""

    no: str
    organization: Organization | None = to_one(model.Attestation.organization_id)
    alias: str
    purpose: str
    category: str
    area: Area | None = to_one(model.Attestation.area_code)
    valid_until: date
    validity_rule: str
    legal_basis: str | None
    token: str
    status: model.AttestationStatus = computed(
        queries.status, about="As of now: also when what it rests on has just ended."
    )
    state: model.AttestationState
    state_reason: str | None
    revoked_at: datetime | None
    version: int
    created_at: datetime
    recognition: Recognition | None = to_one(model.Attestation.recognition_id, allowed=_SUBJECT)
    recipient: Recipient | None = to_one(model.Attestation.recipient_id, allowed=_SUBJECT)
    consent: Consent | None = to_one(model.Attestation.consent_id, allowed=_SUBJECT)
    history: Connection[AttestationEvent] | None = to_many(
        Event.object_id, order=Order(("position",)), allowed=_SUBJECT
    )


@record
class AttestationCheck:
    """What whoever holds a token is told of it."""

    status: model.AttestationStatus
    valid_until: date
    revoked_at: datetime | None


@extend(Recognition)
class RecognitionAttestations:
    attestations: Connection[Attestation] = to_many(
        model.Attestation.recognition_id, order=Order(("created_at",), descending=True)
    )


_CHECK: Any = Declared(
    Found(queries.checked, 1, 1, {"token": Given(LargeBinary(), rules.digest)}),
    {"token": str},
    "Whether a token still holds, for whoever has it; null when none like it was issued.",
)


@query
class AttestationQuery:
    attestations: Connection[Attestation] = collection(
        "Attestation",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"state": any_of(model.Attestation.state)},
        about="Those for your organization, or of your territory's recognitions.",
    )
    attestation: AttestationCheck | None = _CHECK


AttestationResult = result("Attestation", Attestation)


@strawberry.input
class IssueAttestationInput:
    recognition_id: strawberry.ID
    organization_id: strawberry.ID
    purpose: str = strawberry.field(description="Code list consent_purpose.")
    recipient_id: strawberry.ID | None = strawberry.field(
        default=None, description="Of a household's recognition: the member who consented."
    )
    consent_id: strawberry.ID | None = None
    legal_basis: str | None = strawberry.field(
        default=None, description="Code list legal_basis, where the law needs no consent."
    )
    idempotency_key: str


@mutation(AttestationResult)
async def issue_attestation(act, input: IssueAttestationInput):  # type: ignore[no-untyped-def]
    """Sign what a recognition says, for one organization and purpose, on consent or law."""
    return await operations.issue_attestation(
        act,
        decode(input.recognition_id, "Recognition"),
        organization_id=decode(input.organization_id, "Organization"),
        purpose=input.purpose,
        recipient_id=decode_given(input.recipient_id, "Recipient"),
        consent_id=decode_given(input.consent_id, "Consent"),
        legal_basis=input.legal_basis,
    )


transition(
    "revoke_attestation",
    AttestationResult,
    operations.revoke_attestation,
    "It holds no longer, with a reason.",
)
