"""One-time notices in the graph, and the way from a report to its needs."""

from datetime import datetime

import strawberry

from nexus.discovery import policy as discovery_policy
from nexus.discovery.graphql import DiscoveryReport
from nexus.graph.declare import (
    Connection,
    classified,
    extend,
    mutation,
    node,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode_given
from nexus.graph.specs import Order
from nexus.needs import model as needs
from nexus.needs import policy as need_policy
from nexus.needs.graphql import Need
from nexus.needs.notices import model, operations, policy


@node(model.MissingNotice, visible=policy.visible)
class MissingNotice:
    """Everything that was missing, told once (T23b); `items` are of the list `missing_material`."""

    items: list[str]
    note: str | None = classified(model.MissingNotice.note, allowed=policy.may_read_note)
    given_at: datetime
    due_at: datetime
    late: bool
    report: DiscoveryReport | None = to_one(model.MissingNotice.report_id)
    need: Need | None = to_one(model.MissingNotice.need_id)


@extend(DiscoveryReport)
class ReportNeeds:
    needs: Connection[Need] | None = to_many(
        needs.Need.discovery_report_id,
        order=Order(("created_at",)),
        allowed=discovery_policy.may_read_detail,
        about="The needs recorded from it, for who handles it: others may know whom it was about.",
    )
    missing_notices: Connection[MissingNotice] = to_many(
        model.MissingNotice.report_id,
        order=Order(("given_at",)),
        about="The one-time notice, when it was given.",
    )


@extend(Need)
class NeedSource:
    discovery_report: DiscoveryReport | None = to_one(
        needs.Need.discovery_report_id,
        allowed=need_policy.may_read_detail,
        about="The report that the need was recorded from.",
    )
    missing_notices: Connection[MissingNotice] = to_many(
        model.MissingNotice.need_id,
        order=Order(("given_at",)),
        about="The one-time notice, when it was given.",
    )


MissingNoticeResult = result("MissingNotice", MissingNotice)


@strawberry.input
class RecordMissingMaterialInput:
    report_id: strawberry.ID | None = None
    need_id: strawberry.ID | None = None
    items: list[str] = strawberry.field(description="Codes of the list `missing_material`.")
    note: str | None = strawberry.field(default=None, description="What OTHER means.")
    idempotency_key: str


@mutation(MissingNoticeResult)
async def record_missing_material(act, input: RecordMissingMaterialInput):  # type: ignore[no-untyped-def]
    """List everything that is missing of a report or a need, with the first response. Only once."""
    return await operations.record_missing_material(
        act,
        items=input.items,
        report_id=decode_given(input.report_id, "DiscoveryReport"),
        need_id=decode_given(input.need_id, "Need"),
        note=input.note,
    )
