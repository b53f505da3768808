"""Help first through the graph: provisional publication, its supplement, what was relaxed."""

from datetime import date

import strawberry

from nexus.emergencies import model as emergencies
from nexus.emergencies.graphql import NEWEST, Relaxation
from nexus.graph.declare import Connection, Fen, extend, mutation, to_many, to_one
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.needs import policy
from nexus.needs.graphql import Need, NeedResult
from nexus.needs.provisional import operations
from nexus.obligations.graphql import Obligation
from nexus.obligations.model import Obligation as ObligationRow


@extend(Need)
class NeedDebts:
    obligations: Connection[Obligation] | None = to_many(
        ObligationRow.subject_id,
        order=Order(("created_at",)),
        allowed=policy.may_read_detail,
        about="What it owes and owed: while one is open, it is not closed.",
    )
    relaxations: Connection[Relaxation] | None = to_many(
        emergencies.Relaxation.subject_id,
        order=NEWEST,
        allowed=policy.may_read_detail,
        about="The rules that were relaxed for it.",
    )


@extend(Relaxation)
class RelaxedFor:
    need: Need | None = to_one(emergencies.Relaxation.subject_id)


@strawberry.input
class PublishNeedProvisionallyInput:
    """The public text, unless the need carries it already. Without `consentId`: `legalBasis`."""

    id: strawberry.ID
    expected_version: int
    reason: str = strawberry.field(description="Why it cannot wait for its verification.")
    legal_basis: str | None = strawberry.field(
        default=None, description="A code of the list legal_basis, until the consent is there."
    )
    consent_id: strawberry.ID | None = None
    emergency_id: strawberry.ID | None = strawberry.field(
        default=None, description="The active event under which it is published, if there is one."
    )
    public_title: str | None = None
    public_summary: str | None = None
    publish_until: date | None = None
    idempotency_key: str


@mutation(NeedResult)
async def publish_need_provisionally(act, input: PublishNeedProvisionallyInput):  # type: ignore[no-untyped-def]
    """Help first: publish an urgent draft at once. Its verification is owed by a date."""
    return await operations.publish_need_provisionally(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        reason=input.reason,
        legal_basis=input.legal_basis,
        consent_id=decode_given(input.consent_id, "Consent"),
        emergency_id=decode_given(input.emergency_id, "EmergencyEvent"),
        public_title=input.public_title,
        public_summary=input.public_summary,
        publish_until=input.publish_until,
    )


@strawberry.input
class VerifyNeedLaterInput:
    id: strawberry.ID
    expected_version: int
    evidence: str = strawberry.field(description="The visit or document it rests on.")
    approval_cap_fen: Fen | None = None
    consent_id: strawberry.ID | None = strawberry.field(
        default=None, description="Needed where the need is out on a legal basis."
    )
    idempotency_key: str


@mutation(NeedResult)
async def verify_need_later(act, input: VerifyNeedLaterInput):  # type: ignore[no-untyped-def]
    """Bring the verification that a provisional publication owes; not by who recorded it."""
    return await operations.verify_need_later(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        evidence=input.evidence,
        approval_cap_fen=input.approval_cap_fen,
        consent_id=decode_given(input.consent_id, "Consent"),
    )
