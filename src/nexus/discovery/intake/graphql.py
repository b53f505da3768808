"""Telling of hardship through the graph, and asking first whether it was told before."""

from datetime import datetime

import strawberry

from nexus.discovery.graphql import ReportResult
from nexus.discovery.intake import operations
from nexus.discovery.rules import check_ticket
from nexus.graph.declare import mutation, record, result
from nexus.graph.identifiers import decode_given, encode


@strawberry.input
class CreateDiscoveryReportInput:
    source: str = strawberry.field(description="A code of the list `origin`.")
    area_code: str
    situation: str = strawberry.field(description="For the station and authority of the area only.")
    duty_reporter: bool = strawberry.field(
        default=False, description="You are one of those who must report in time."
    )
    danger: bool = strawberry.field(
        default=False, description="Somebody is in danger: first contact is due at once."
    )
    reporter_name: str | None = strawberry.field(default=None, description="For the vault.")
    reporter_phone: str | None = strawberry.field(default=None, description="For the vault.")
    household_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(ReportResult)
async def create_discovery_report(act, input: CreateDiscoveryReportInput):  # type: ignore[no-untyped-def]
    """Tell of hardship, yours or somebody's. You can follow where it stands by its number."""
    return await operations.create_report(
        act,
        operations.Told(
            source=input.source,
            area_code=input.area_code,
            situation=input.situation,
            duty_reporter=input.duty_reporter,
            danger=input.danger,
            reporter_name=input.reporter_name,
            reporter_phone=input.reporter_phone,
            household_id=decode_given(input.household_id, "Household"),
        ),
    )


@strawberry.input
class RecordHotlineTicketInput:
    ticket_system: str = strawberry.field(description="The hotline, such as 12345 or 12345.gz.")
    ticket_no: str
    ticket_type: str | None = None
    source: str = strawberry.field(
        default="12345", description="A code of the list `origin`: 12345 or 12349."
    )
    area_code: str
    situation: str
    danger: bool = False
    reporter_name: str | None = None
    reporter_phone: str | None = None
    household_id: strawberry.ID | None = None
    received_at: datetime | None = None
    idempotency_key: str


@mutation(ReportResult)
async def record_hotline_ticket(act, input: RecordHotlineTicketInput):  # type: ignore[no-untyped-def]
    """Enter a ticket of a hotline. The same ticket again gives the report that there is."""
    return await operations.record_ticket(
        act,
        operations.Told(
            source=input.source,
            area_code=input.area_code,
            situation=input.situation,
            danger=input.danger,
            reporter_name=input.reporter_name,
            reporter_phone=input.reporter_phone,
            household_id=decode_given(input.household_id, "Household"),
            received_at=input.received_at,
        ),
        check_ticket(input.ticket_system, input.ticket_no, input.ticket_type),
    )


@record
class SimilarReports:
    """The reports that may be about the same, likeliest first; `reasons` say for each what speaks
    for it: ticket, household, phone, area."""

    ids: list[strawberry.ID]
    reasons: list[str]


SimilarReportsResult = result("SimilarReports", SimilarReports)


@strawberry.input
class SimilarReportsInput:
    area_code: str | None = None
    household_id: strawberry.ID | None = None
    recipient_alias: str | None = None
    ticket_no: str | None = None
    phone: str | None = strawberry.field(default=None, description="Compared by its hash.")


@mutation(SimilarReportsResult)
async def similar_reports(act, input: SimilarReportsInput):  # type: ignore[no-untyped-def]
    """Before you tell: the reports of your territory that may be about the same. It is recorded
    which of them were found by a phone number."""
    found = await operations.find_similar(
        act,
        area_code=input.area_code,
        household_id=decode_given(input.household_id, "Household"),
        alias=input.recipient_alias,
        ticket_no=input.ticket_no,
        phone=input.phone,
    )
    return {
        "ids": [encode("DiscoveryReport", one.report_id) for one in found],
        "reasons": [",".join(one.reasons) for one in found],
    }
