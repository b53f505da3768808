"""Deciding on hours, in the graph."""

from datetime import datetime

import strawberry

from nexus.graph.declare import JSON, mutation, result, transition
from nexus.graph.identifiers import decode, decode_given
from nexus.volunteering.hours.graphql import ServiceRecord
from nexus.volunteering.hours.reviews import operations

ServiceRecordResult = result("ServiceRecord", ServiceRecord)


@strawberry.input
class RecordHoursInput:
    """`minutes` where breaks are left out; `evidence` an object of references."""

    task_id: strawberry.ID
    volunteer_id: strawberry.ID | None = None
    started_at: datetime
    ended_at: datetime
    minutes: int | None = None
    reason: str
    evidence: JSON | None = None
    idempotency_key: str


@mutation(ServiceRecordResult)
async def record_hours(act, input: RecordHoursInput):  # type: ignore[no-untyped-def]
    """Enter time that nobody checked in, within 30 days. A second person confirms it."""
    return await operations.record_hours(
        act,
        decode(input.task_id, "VolunteerTask"),
        volunteer_id=decode_given(input.volunteer_id, "Volunteer"),
        started_at=input.started_at,
        ended_at=input.ended_at,
        minutes=input.minutes,
        reason=input.reason,
        evidence=input.evidence,
    )


@strawberry.input
class ImportHoursInput:
    """`externalRef` is the row's key in its source."""

    task_id: strawberry.ID
    volunteer_id: strawberry.ID
    started_at: datetime
    ended_at: datetime
    minutes: int | None = None
    external_ref: str
    evidence: JSON | None = None
    idempotency_key: str


@mutation(ServiceRecordResult)
async def import_hours(act, input: ImportHoursInput):  # type: ignore[no-untyped-def]
    """Bring time kept in another system. The same row again changes nothing."""
    return await operations.import_hours(
        act,
        decode(input.task_id, "VolunteerTask"),
        volunteer_id=decode(input.volunteer_id, "Volunteer"),
        started_at=input.started_at,
        ended_at=input.ended_at,
        minutes=input.minutes,
        external_ref=input.external_ref,
        evidence=input.evidence,
    )


@strawberry.input
class CorrectHoursInput:
    id: strawberry.ID
    expected_version: int
    started_at: datetime
    ended_at: datetime
    minutes: int | None = None
    reason: str
    idempotency_key: str


@mutation(ServiceRecordResult)
async def correct_hours(act, input: CorrectHoursInput):  # type: ignore[no-untyped-def]
    """Put a new record in the place of a wrong one. A second person confirms the new one."""
    return await operations.correct_hours(
        act,
        decode(input.id, "ServiceRecord"),
        expected_version=input.expected_version,
        started_at=input.started_at,
        ended_at=input.ended_at,
        minutes=input.minutes,
        reason=input.reason,
    )


transition(
    "confirm_hours",
    ServiceRecordResult,
    operations.confirm_hours,
    "The second person of time entered by hand.",
)
transition(
    "approve_hours",
    ServiceRecordResult,
    operations.approve_hours,
    "The parent organization passes a day of more than 8 hours.",
)
transition(
    "approve_long_day",
    ServiceRecordResult,
    operations.approve_long_day,
    "The province passes a day of more than 12 hours, with a reason.",
)
transition(
    "reject_hours",
    ServiceRecordResult,
    operations.reject_hours,
    "They do not count; with a reason.",
)
transition(
    "dispute_hours",
    ServiceRecordResult,
    operations.dispute_hours,
    "Say that a record is not right, with a reason.",
)
transition(
    "uphold_hours",
    ServiceRecordResult,
    operations.uphold_hours,
    "The disputed record is right, with a reason; not by who disputed it.",
)
transition(
    "revoke_hours",
    ServiceRecordResult,
    operations.revoke_hours,
    "They should never have counted, with a reason. Certificates with them are revoked.",
)
