"""Keeping a report as it was found."""

from dataclasses import replace
from datetime import date

from nexus.acting import NOBODY, Act
from nexus.core.refusals import Forbidden
from nexus.reports import policy, queries
from nexus.reports.content import Report, canonical
from nexus.reports.model import ReportSnapshot


async def freeze_report(
    act: Act,
    name: str,
    *,
    area: str | None = None,
    from_on: date | None = None,
    until_on: date | None = None,
    with_rows: bool = True,
) -> ReportSnapshot:
    """Run the report and keep it whole, with its hash. As `queries.run` refuses; Forbidden.

    `with_rows` False leaves out the rows of the ledger, so that every reader may have it.
    """
    if not policy.may_freeze(act.actor):
        raise Forbidden("Reports are kept by those who may read them: ask your authority.")
    report = await queries.run(act, name, area=area, from_on=from_on, until_on=until_on)
    return await keep(act, report if with_rows else without_rows(report))


async def keep(act: Act, report: Report) -> ReportSnapshot:
    """The report as a row."""
    organization = act.actor.organization_id
    row = ReportSnapshot(
        id=act.row_id,
        no=await act.number("RPT", report.area.code),
        name=report.name,
        definition_version=report.version,
        area_code=report.area.code,
        from_on=report.from_on,
        until_on=report.until_on,
        found_at=report.as_of,
        with_rows=any(table.detail for table in report.tables),
        content=canonical(report),
        hash=report.hash,
        organization_id=None if organization == NOBODY else organization,
        created_by=act.actor.account_id,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("report_snapshot.frozen", row, name=row.name, hash=row.hash)
    return row


def without_rows(report: Report) -> Report:
    """The same numbers, without the rows of the ledger behind them."""
    return replace(report, tables=tuple(table for table in report.tables if not table.detail))
