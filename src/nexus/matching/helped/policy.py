"""Who sees and grants overrides, and who is told whether a household was helped already."""

from typing import Any

from sqlalchemy import ColumnElement, and_, exists, false, true
from sqlalchemy.orm import aliased

from nexus.acting import CHARITY, EVERYWHERE, GOVERNMENT, STATION, TERRITORIAL, Actor, Role
from nexus.needs.model import Need, NeedLine
from nexus.needs.policy import line_visible, may_read_detail
from nexus.organizations.queries import is_verified

ASKS = CHARITY | {Role.VOL_ORG}


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """The need's side: its territory and its publisher. Never a charity: the reason may tell."""
    if actor.role in EVERYWHERE:
        return true()
    if actor.role not in TERRITORIAL:
        return false()
    return _detailed(actor, row.line_id)


def may_override(actor: Actor, row: Any) -> Any:
    """GOV_APPROVER of the need's territory who did not record the need (INV-10, INV-18)."""
    if actor.role is not Role.GOV_APPROVER:
        return False
    return actor.covers(row.area_code) & (row.created_by != actor.account_id)


def may_ask(actor: Actor, line: Any) -> ColumnElement[bool]:
    """SQL: whoever may pledge the line, or works with the need."""
    if actor.role in ASKS:
        return and_(line.published, line_visible(actor, line), is_verified(actor.organization_id))
    if actor.role in GOVERNMENT | STATION:
        return _detailed(actor, line.id)
    return true() if actor.role is Role.SYSTEM else false()


def _detailed(actor: Actor, line_id: Any) -> ColumnElement[bool]:
    line, need = aliased(NeedLine), aliased(Need)
    detail: ColumnElement[bool] = may_read_detail(actor, need)
    return exists().where(line.id == line_id, need.id == line.need_id, detail)
