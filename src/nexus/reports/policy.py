"""Who reads which report, and who sees what was kept."""

from typing import Any

from sqlalchemy import ColumnElement, and_, false, or_, true

from nexus.acting import EVERYWHERE, OVERSIGHT, Actor, Role
from nexus.reports.asking import Definition
from nexus.reports.defined.catalogue import DEFINITIONS


def readable(actor: Actor) -> list[Definition]:
    """The reports that are for the actor's role."""
    return [one for one in DEFINITIONS if actor.role in one.readers]


def visible(actor: Actor, row: Any) -> ColumnElement[bool]:
    """Whoever may read the report, in their territory; with rows, only who is shown rows."""
    if actor.role is Role.SYSTEM:
        return true()
    names = [one.name for one in readable(actor)]
    if not names:
        return false()
    shown = [one.name for one in DEFINITIONS if actor.role in one.rows_for]
    near = true() if actor.role in EVERYWHERE else actor.covers(row.area_code)
    seen = and_(near, row.name.in_(names), or_(~row.with_rows, row.name.in_(shown)))
    if actor.role in OVERSIGHT | EVERYWHERE:
        return seen
    own = [one.name for one in DEFINITIONS if one.own]
    return and_(seen, or_(row.name.not_in(own), row.organization_id == actor.organization_id))


def may_freeze(actor: Actor) -> bool:
    """Any person who reads reports."""
    return actor.role is not Role.SYSTEM and bool(readable(actor))
