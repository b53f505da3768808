"""Kept reports in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import cast
from sqlalchemy.dialects import postgresql

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    result,
    to_one,
)
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.reports import model, operations, policy


def _content(actor: Actor, row: Any) -> Any:
    return cast(row.content, postgresql.JSON)


@node(model.ReportSnapshot, visible=policy.visible)
class ReportSnapshot:
    """A report as it was found once. It never changes; `/reports/frozen/` issues it again."""

    no: str
    name: str
    definition_version: int
    from_on: date
    until_on: date
    found_at: datetime
    with_rows: bool
    hash: str
    content: JSON = computed(
        _content,
        about="Headline, tables and sentences; words in zh-CN, zh-Hant and en, money in fen.",
    )
    created_at: datetime
    area: Area | None = to_one(model.ReportSnapshot.area_code)
    organization: Organization | None = to_one(model.ReportSnapshot.organization_id)
    frozen_by: Account | None = to_one(model.ReportSnapshot.created_by)


@query
class ReportQuery:
    report_snapshots: Connection[ReportSnapshot] = collection(
        "ReportSnapshot",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"name": any_of(model.ReportSnapshot.name)},
        about="Kept reports of your territory.",
    )


ReportSnapshotResult = result("ReportSnapshot", ReportSnapshot)


@strawberry.input
class FreezeReportInput:
    """`untilOn` is end-exclusive; without an area, your whole territory."""

    name: str
    area: str | None = None
    from_on: date | None = None
    until_on: date | None = None
    with_rows: bool = True
    idempotency_key: str


@mutation(ReportSnapshotResult)
async def freeze_report(act, input: FreezeReportInput):  # type: ignore[no-untyped-def]
    """Run a report and keep it whole, with its hash: what is issued later is the same."""
    return await operations.freeze_report(
        act,
        input.name,
        area=input.area,
        from_on=input.from_on,
        until_on=input.until_on,
        with_rows=input.with_rows,
    )
