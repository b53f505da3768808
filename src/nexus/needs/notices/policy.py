"""Who tells what is missing, and who reads the notice: those who handle the report or need."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.discovery import policy as discovery
from nexus.discovery.model import DiscoveryReport
from nexus.needs import policy as needs
from nexus.needs.model import Need


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Whoever sees the detail of what it is about."""
    report, need = aliased(DiscoveryReport), aliased(Need)
    of_report = discovery.as_sql(discovery.may_read_detail(actor, report))
    of_need = discovery.as_sql(needs.may_read_detail(actor, need))
    return or_(
        and_(row.report_id.is_not(None), exists().where(report.id == row.report_id, of_report)),
        and_(row.need_id.is_not(None), exists().where(need.id == row.need_id, of_need)),
    )


def may_read_note(actor: Actor, row: Any) -> Any:
    """What was added in words, but not for who runs the platform."""
    report, need = aliased(DiscoveryReport), aliased(Need)
    of_report = discovery.as_sql(discovery.may_read_text(actor, report))
    of_need = discovery.as_sql(needs.may_read_text(actor, need))
    return or_(
        exists().where(report.id == row.report_id, of_report),
        exists().where(need.id == row.need_id, of_need),
    )


def may_tell_missing(actor: Actor, row: Any) -> Any:
    """Of a need: the government and the stations of its territory."""
    return actor.covers(row.area_code) if actor.role in needs.STAFF else False
