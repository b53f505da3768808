"""History within the statement that makes a row: its events and their jobs, in one round trip."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, Insert, Text, Uuid, bindparam, func, insert, literal, select, true
from sqlalchemy import cast as cast_to
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.core.ids import new_id
from nexus.core.outbox import LISTENERS, Event, Job, JobState

_COMMON = (
    *("object_type", "object_version", "actor_id", "actor_role", "organization_id"),
    *("occurred_at", "facts"),
)


def events_of(made: CTE) -> Insert:
    """The events of the row whose id `made` returns; none when it returns no row.

    In the order of the ids, by one INSERT: a trigger counts the object's events.
    """
    columns = Event.__table__.columns
    given = _listed("given", event_id=Uuid(), event_kind=Text())
    common = [bindparam(f"event_{name}", None, type_=columns[name].type) for name in _COMMON]
    rows = select(given.c.event_id, given.c.event_kind, made.c.id, *common)
    return insert(Event).from_select(
        ["id", "kind", "object_id", *_COMMON],
        rows.select_from(given.join(made, true())),
        include_defaults=False,
    )


def jobs_of(made: CTE) -> Insert:
    """The jobs of those events."""
    given = _listed("jobs", job_id=Uuid(), job_event_id=Uuid(), job_listener=Text())
    state = cast_to(literal(JobState.PENDING.value), Text())
    due_at = bindparam("event_occurred_at", None, type_=Job.__table__.columns["due_at"].type)
    rows = select(*given.c, state, literal(0), due_at).select_from(given.join(made, true()))
    names = ["id", "event_id", "listener", "state", "attempts", "due_at"]
    return insert(Job).from_select(names, rows, include_defaults=False)


def telling(events: Sequence[Mapping[str, Any]], *, now: datetime) -> dict[str, Any]:
    """The values of both: events of one row that differ in their kind only."""
    jobs = [
        (event["id"], listener.name)
        for event in events
        for listener in LISTENERS.values()
        if listener.kind == event["kind"]
    ]
    return {
        **{f"event_{name}": events[0][name] for name in _COMMON},
        "event_occurred_at": now,
        "event_id": [event["id"] for event in events],
        "event_kind": [event["kind"] for event in events],
        "job_id": [new_id() for _ in jobs],
        "job_event_id": [event_id for event_id, _ in jobs],
        "job_listener": [name for _, name in jobs],
    }


def _listed(alias: str, **columns: Any) -> Any:
    """Rows from as many arrays of one length, each a parameter of its column's name."""
    arrays = [bindparam(name, None, type_=ARRAY(kind)) for name, kind in columns.items()]
    return func.unnest(*arrays).table_valued(*columns).render_derived(name=alias)
