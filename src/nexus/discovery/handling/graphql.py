"""Triage, assignment, visit and end of a report through the graph."""

from datetime import datetime

import strawberry

from nexus.discovery import operations
from nexus.discovery.graphql import ReportResult
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class TriageReportInput:
    id: strawberry.ID
    expected_version: int
    owner_id: strawberry.ID | None = None
    station_id: strawberry.ID | None = None
    household_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(ReportResult)
async def triage_report(act, input: TriageReportInput):  # type: ignore[no-untyped-def]
    """Take it on: you answer for it from now on, or the owner you name."""
    return await operations.triage_report(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        owner_id=decode_given(input.owner_id, "Account"),
        station_id=decode_given(input.station_id, "Station"),
        household_id=decode_given(input.household_id, "Household"),
    )


@strawberry.input
class AssignReportInput:
    id: strawberry.ID
    expected_version: int
    worker_id: strawberry.ID = strawberry.field(description="A social worker or aide of the area.")
    reason: str | None = None
    idempotency_key: str


@mutation(ReportResult)
async def assign_report(act, input: AssignReportInput):  # type: ignore[no-untyped-def]
    """Have a social worker or aide visit; again to have another one do it."""
    return await operations.assign_report(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        worker_id=decode(input.worker_id, "Account"),
        reason=input.reason,
    )


@strawberry.input
class RecordFirstContactInput:
    id: strawberry.ID
    expected_version: int
    contacted_at: datetime | None = None
    idempotency_key: str


@mutation(ReportResult)
async def record_first_contact(act, input: RecordFirstContactInput):  # type: ignore[no-untyped-def]
    """Somebody spoke to the person; now if you do not say when."""
    return await operations.record_first_contact(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        contacted_at=input.contacted_at,
    )


@strawberry.input
class FlagDangerInput:
    id: strawberry.ID
    expected_version: int
    danger: bool = True
    idempotency_key: str


@mutation(ReportResult)
async def flag_danger(act, input: FlagDangerInput):  # type: ignore[no-untyped-def]
    """Somebody is in danger: first contact is due at once. `danger: false`: not after all."""
    return await operations.flag_danger(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        danger=input.danger,
    )


@strawberry.input
class VerifyReportInput:
    id: strawberry.ID
    expected_version: int
    visited_at: datetime
    findings: str
    idempotency_key: str


@mutation(ReportResult)
async def verify_report(act, input: VerifyReportInput):  # type: ignore[no-untyped-def]
    """You were there: say when, and what you found."""
    return await operations.verify_report(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        visited_at=input.visited_at,
        findings=input.findings,
    )


@strawberry.input
class MarkDuplicateInput:
    id: strawberry.ID
    expected_version: int
    original_id: strawberry.ID
    idempotency_key: str


@mutation(ReportResult)
async def mark_duplicate(act, input: MarkDuplicateInput):  # type: ignore[no-untyped-def]
    """It tells of what another report tells; its ticket hears what becomes of that one."""
    return await operations.mark_duplicate(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        original_id=decode(input.original_id, "DiscoveryReport"),
    )


transition(
    "dismiss_report",
    ReportResult,
    operations.dismiss_report,
    "The visit did not confirm it: another person than the visitor says so, with a reason.",
)
transition(
    "close_report",
    ReportResult,
    operations.close_report,
    "Settled without a need, with a reason.",
)
