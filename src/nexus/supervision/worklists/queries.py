"""The worklists recomputed from the rows that they are about."""

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    and_,
    cast,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    union_all,
)
from sqlalchemy.orm import aliased

from nexus.matching.worklist.model import WorkDesk, WorkItem
from nexus.supervision.worklists.policy import KINDS

_STATED = ("area_code", "organization_id", "station_id", "assignee_id", "urgency")


def _found(item_id: Any, kind: Any, wrong: str, about: Any) -> Select[Any]:
    return select(
        cast(item_id, Text).label("id"),
        literal(f"a worklist {wrong}").label("what"),
        func.jsonb_build_object("kind", kind, "about", about).label("numbers"),
    )


def _view(name: str) -> Any:
    names = ("kind", "subject_id", "appears_at", *_STATED)
    return table(f"work_of_{name}", *(column(one) for one in names))


def _compared(name: str) -> list[Select[Any]]:
    """What waits and is on no list (timed work may wait for the clock), and the other way."""
    wanted, item = _view(name), aliased(WorkItem)
    c: Any = wanted.c
    same = and_(item.subject_id == c.subject_id, item.kind == c.kind)
    missing = _found(c.subject_id, c.kind, "lacks what waits", c.subject_id).where(
        c.appears_at.is_(None), ~exists().where(same)
    )
    extra = _found(item.id, item.kind, "holds what does not wait", item.subject_id).where(
        item.subject_type == name, ~exists(select(c.kind).select_from(wanted).where(same))
    )
    differs: list[ColumnElement[bool]] = [
        getattr(item, one).is_distinct_from(c[one]) for one in _STATED
    ]
    other = _found(item.id, item.kind, "says something else than its row", c.subject_id)
    return [missing, extra, other.where(same, or_(*differs))]


def _tables() -> set[str]:
    found: set[Table] = {kind.table.__table__ for kind in KINDS.values()}
    return {one.name for one in found}


def _desks() -> list[Select[Any]]:
    item, desk = aliased(WorkItem), aliased(WorkDesk)
    lies = exists().where(desk.item_id == item.id)
    lost = exists().where(item.id == desk.item_id)
    return [
        _found(item.id, item.kind, "item lies on no desk", item.subject_id).where(~lies),
        _found(desk.item_id, desk.kind, "desk holds no item", desk.subject_id).where(~lost),
    ]


CHECKS: dict[str, Select[Any]] = {
    "worklists hold what waits": select(
        union_all(
            *(one for name in sorted(_tables()) for one in _compared(name)), *_desks()
        ).subquery()
    )
}
