"""Transfers through the graph."""

import strawberry

from nexus.discovery.graphql import ReportResult
from nexus.discovery.transfers import operations
from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class TransferReportInput:
    id: strawberry.ID
    expected_version: int
    area_code: str
    station_id: strawberry.ID | None = None
    reason: str
    idempotency_key: str


@mutation(ReportResult)
async def transfer_report(act, input: TransferReportInput):  # type: ignore[no-untyped-def]
    """Offer it to another area. You own it until they take it over; until then they see no more
    than that it is, how urgent, and your reason."""
    return await operations.offer_transfer(
        act,
        decode(input.id, "DiscoveryReport"),
        expected_version=input.expected_version,
        area_code=input.area_code,
        station_id=decode_given(input.station_id, "Station"),
        reason=input.reason,
    )


@strawberry.input
class TakeOverReportInput:
    id: strawberry.ID
    expected_version: int
    idempotency_key: str


@mutation(ReportResult)
async def take_over_report(act, input: TakeOverReportInput):  # type: ignore[no-untyped-def]
    """It is yours from now on, with all that is in it."""
    return await operations.take_over_report(
        act, decode(input.id, "DiscoveryReport"), expected_version=input.expected_version
    )


transition("refuse_transfer", ReportResult, operations.refuse_transfer, "It is not yours; say why.")
transition("recall_transfer", ReportResult, operations.recall_transfer, "Keep it after all.")
