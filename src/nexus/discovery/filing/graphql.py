"""Opening a case from a report, through the graph."""

import strawberry

from nexus.casework.cases import model as cases
from nexus.casework.cases.graphql import Case, CaseResult
from nexus.discovery import model, policy
from nexus.discovery.filing import operations
from nexus.discovery.graphql import DiscoveryReport
from nexus.graph.declare import Connection, extend, mutation, to_many, to_one
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order


@extend(DiscoveryReport)
class CaseOfReport:
    case: Case | None = to_one(
        model.DiscoveryReport.case_id,
        allowed=policy.may_read_detail,
        about="The case that was opened from it.",
    )


@extend(Case)
class ReportsOfCase:
    reports: Connection[DiscoveryReport] = to_many(
        model.DiscoveryReport.case_id,
        order=Order(("received_at",)),
        about="The reports that it was opened from.",
    )


@strawberry.input
class OpenCaseFromReportInput:
    id: strawberry.ID = strawberry.field(description="The verified report.")
    expected_version: int
    household_id: strawberry.ID | None = strawberry.field(
        default=None, description="The report's if left out."
    )
    recipient_id: strawberry.ID | None = None
    worker_id: strawberry.ID | None = strawberry.field(
        default=None, description="The posting that owns the case; your own if left out."
    )
    case_type: cases.CaseType = cases.CaseType.INDIVIDUAL
    opening: str | None = strawberry.field(
        default=None, description="What the visit found, if left out."
    )
    idempotency_key: str


@mutation(CaseResult)
async def open_case_from_report(act, input: OpenCaseFromReportInput):  # type: ignore[no-untyped-def]
    """Open a case from a verified report, which is converted by this."""
    return await operations.open_case_from_report(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        household_id=decode_given(input.household_id, "Household"),
        recipient_id=decode_given(input.recipient_id, "Recipient"),
        worker_id=decode_given(input.worker_id, "Worker"),
        case_type=input.case_type,
        opening=input.opening,
    )
