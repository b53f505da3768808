"""Publishing and resuming needs through the graph."""

from datetime import date

import strawberry

from nexus.graph.declare import mutation
from nexus.graph.identifiers import decode, decode_given
from nexus.needs.graphql import NeedResult
from nexus.needs.publication import operations


@strawberry.input
class PublishNeedInput:
    """The public text, unless the need carries it already; what is given replaces it."""

    id: strawberry.ID
    expected_version: int
    public_title: str | None = None
    public_summary: str | None = None
    consent_id: strawberry.ID | None = None
    publish_from: date | None = None
    publish_until: date | None = None
    emergency_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(NeedResult)
async def publish_need(act, input: PublishNeedInput):  # type: ignore[no-untyped-def]
    """Release the public text, within a valid consent and without personal data."""
    return await operations.publish_need(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        public_title=input.public_title,
        public_summary=input.public_summary,
        consent_id=decode_given(input.consent_id, "Consent"),
        publish_from=input.publish_from,
        publish_until=input.publish_until,
        emergency_id=decode_given(input.emergency_id, "EmergencyEvent"),
    )


@strawberry.input
class ResumeNeedInput:
    """`consentId` and `publishUntil` where the earlier ones no longer hold."""

    id: strawberry.ID
    expected_version: int
    reason: str | None = None
    consent_id: strawberry.ID | None = None
    publish_until: date | None = None
    idempotency_key: str


@mutation(NeedResult)
async def resume_need(act, input: ResumeNeedInput):  # type: ignore[no-untyped-def]
    """Publish it again after a pause, with a reason and every check of its publication."""
    return await operations.resume_need(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        reason=input.reason,
        consent_id=decode_given(input.consent_id, "Consent"),
        publish_until=input.publish_until,
    )
