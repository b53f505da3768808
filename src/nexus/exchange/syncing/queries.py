"""The working set as SQL: the rows of a worker's cases and visits, and which of them changed."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Integer,
    Select,
    Text,
    case,
    cast,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    type_coerce,
    union,
    union_all,
)
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased

from nexus.acting import STATION, Actor
from nexus.casework import policy as casework
from nexus.casework.assessments.model import Assessment, AssessmentState
from nexus.casework.cases.model import OPEN as OPEN_CASE
from nexus.casework.cases.model import Case, CasePlan, Goal, PlanState
from nexus.casework.cases.records import policy as records
from nexus.casework.cases.records.model import CaseNote
from nexus.casework.editing.model import EditState, FieldEdit
from nexus.casework.model import Worker
from nexus.casework.visits.model import OPEN as OPEN_VISIT
from nexus.casework.visits.model import Visit
from nexus.exchange.changes.queries import (
    SCANNED,
    end_of,
    feed_cursor,
    newest,
    scanned,
)
from nexus.graph.sql import global_id, quoted
from nexus.needs.model import Need, NeedState
from nexus.recipients.model import Household, Recipient

PERFORMED = timedelta(days=90)
NOTED = timedelta(days=180)
SETTLED = timedelta(days=30)
"""How long a performed visit, a note and a settled edit stay in the set."""
OVER_NEEDS = (NeedState.CLOSED, NeedState.CANCELLED, NeedState.REJECTED)
TYPES: dict[str, Any] = {
    table.__name__: table
    for table in (
        *(Case, Visit, FieldEdit, Household, Recipient, CasePlan, Goal, Need, Assessment),
        CaseNote,
    )
}
"""The types of a working set's rows, the most wanted first."""
PARENTS = {"CaseNote": "Case", "CasePlan": "Case", "Goal": "CasePlan"}
"""What a row belongs to, beside its household."""
NO_KEY: Any = literal_column("NULL::uuid", SqlUuid())

Given = dict[str, ColumnElement[Any]]


def window(actor: Actor, limit: ColumnElement[int], given: Given) -> Select[Any]:
    """One row: what the set holds or what of it changed, and where to go on.

    `given`: since (two numbers in a text, a cursor of the change feed).
    """
    news = _news(given) if "since" in given else None
    found = _entries(actor, news).subquery()
    rank = func.row_number().over(order_by=(found.c.place, found.c.key))
    ranked = select(found, rank.label("rank")).subquery()
    within = ranked.c["rank"] <= limit
    keys = [ranked.c["rank"]]
    columns = [
        ("kinds", "kind", Text()),
        ("keys", "key", SqlUuid()),
        ("gone", "gone", Boolean()),
        ("homes", "home", SqlUuid()),
        ("parents", "parent", SqlUuid()),
    ]
    arrays = [
        _one(func.array_agg(aggregate_order_by(ranked.c[name], *keys)).filter(within), kind).label(
            label
        )
        for label, name, kind in columns
    ]
    return select(
        *arrays,
        feed_cursor([_next(given, news, name) for name in ("xact", "position")]).label(
            "next_cursor"
        ),
        _has_more(news).label("has_more"),
        (func.count(ranked.c.key) <= limit).label("complete"),
    ).select_from(ranked)


def entries(actor: Actor, row: Any) -> Select[Any]:
    """The entries that a window found, in their order."""
    found: Any = (
        func.unnest(row.c.kinds, row.c["keys"], row.c.gone, row.c.homes, row.c.parents)
        .table_valued(
            *("kind", "key", "gone", "home", "parent"), with_ordinality="rank", name="found"
        )
        .render_derived()
    )
    key = cast(found.c.key, SqlUuid())
    names = {name: global_id(name, key) for name in TYPES}
    parents = {
        name: global_id(above, cast(found.c.parent, SqlUuid())) for name, above in PARENTS.items()
    }
    shown = case((~cast(found.c.gone, Boolean()), found.c.kind))
    return select(
        found.c.kind.label("object_type"),
        shown.label("type_name"),
        key.label("key"),
        case(names, value=found.c.kind).label("object_id"),
        found.c.gone.label("removed"),
        global_id("Household", cast(found.c.home, SqlUuid())).label("household_id"),
        case(parents, value=found.c.kind).label("parent_id"),
    ).order_by(found.c.rank)


def _news(given: Given) -> Any:
    """The next settled events after the cursor, looked for once."""
    event = scanned(given)
    names = ("object_type", "object_id", "facts", "xact", "position")
    return select(*(event.c[name] for name in names)).cte("news")


def _entries(actor: Actor, news: Any | None) -> Any:
    """(place, kind, key, home, parent, gone) of every entry; of what changed, whole households."""
    cases, visits = _cases(actor), _visits(actor)
    if news is None:
        return union_all(*_members(actor, cases.cte("cases"), visits.cte("visits")))
    changed = _changed(actor, news).cte("changed")
    homes = select(_touched(changed).cte("touched").c.home)
    near = [
        own.where(own.selected_columns.home.in_(homes)).cte(name)
        for own, name in ((cases, "cases"), (visits, "visits"))
    ]
    members = union_all(*_members(actor, *near)).cte("members")
    return union_all(select(*members.c), *_left(actor, changed, members))


def _touched(changed: Any) -> Any:
    """The households of what changed."""
    told = select(changed.c.key)
    of_case = aliased(Case)
    parts = [select(changed.c.key.label("home")).where(changed.c.kind == quoted("Household"))]
    for table in (Case, Visit, Recipient, Assessment, Need):
        row: Any = aliased(table)
        parts.append(select(row.household_id).where(row.id.in_(told)))
    for part in (CaseNote, CasePlan, Goal):
        row = aliased(part)
        parts.append(
            select(of_case.household_id).where(of_case.id == row.case_id, row.id.in_(told))
        )
    for subject in (Case, Visit, Assessment):
        edit, row = aliased(FieldEdit), aliased(subject)
        parts.append(select(row.household_id).where(row.id == edit.subject_id, edit.id.in_(told)))
    return union(*parts)


def _posts(actor: Actor) -> Select[Any]:
    """The actor's own postings of today."""
    post = aliased(Worker)
    return select(post.id).where(
        post.account_id == actor.account_id,
        post.valid_from <= actor.today(),
        or_(post.valid_to.is_(None), post.valid_to > actor.today()),
        true() if actor.role in STATION else false(),
    )


def _cases(actor: Actor) -> Any:
    own = aliased(Case)
    return select(own.id.label("key"), own.household_id.label("home")).where(
        own.worker_id.in_(_posts(actor)), own.state.in_(OPEN_CASE)
    )


def _visits(actor: Actor) -> Any:
    own = aliased(Visit)
    return select(own.id.label("key"), own.household_id.label("home")).where(
        or_(own.worker_id.in_(_posts(actor)), own.with_worker_id.in_(_posts(actor))),
        or_(own.state.in_(OPEN_VISIT), own.performed_at > actor.now - _days(PERFORMED)),
    )


def _members(actor: Actor, cases: Any, visits: Any) -> list[Select[Any]]:
    """Each row of the set: its type's place, its type, its key, its household, its parent."""
    homes = union(select(cases.c.home), select(visits.c.home)).subquery()
    return [
        _member(Case, cases.c.key, cases.c.home),
        _member(Visit, visits.c.key, visits.c.home),
        _member(Household, homes.c.home, homes.c.home),
        *_at_home(select(homes.c.home)),
        *_in_cases(actor, select(cases.c.key)),
        *(_late(actor, part) for part in (cases, visits)),
    ]


def _at_home(homes: Any) -> list[Select[Any]]:
    person, made, need = aliased(Recipient), aliased(Assessment), aliased(Need)
    return [
        _member(Recipient, person.id, person.household_id).where(person.household_id.in_(homes)),
        _member(Assessment, made.id, made.household_id).where(
            made.household_id.in_(homes), made.state != AssessmentState.SUPERSEDED
        ),
        _member(Need, need.id, need.household_id).where(
            need.household_id.in_(homes), need.state.not_in(OVER_NEEDS)
        ),
    ]


def _in_cases(actor: Actor, own: Any) -> list[Select[Any]]:
    file, note, plan, goal = aliased(Case), aliased(CaseNote), aliased(CasePlan), aliased(Goal)
    return [
        _member(CaseNote, note.id, file.household_id, note.case_id).where(
            file.id == note.case_id,
            note.case_id.in_(own),
            records.note_visible(actor, note),
            note.happened_at > actor.now - _days(NOTED),
        ),
        _member(CasePlan, plan.id, file.household_id, plan.case_id).where(
            file.id == plan.case_id, plan.case_id.in_(own), plan.state != PlanState.SUPERSEDED
        ),
        _member(Goal, goal.id, file.household_id, goal.plan_id).where(
            file.id == goal.case_id,
            goal.case_id.in_(own),
            plan.id == goal.plan_id,
            plan.state != PlanState.SUPERSEDED,
        ),
    ]


def _late(actor: Actor, part: Any) -> Select[Any]:
    """Late values of the rows of a part that wait, or were settled of late."""
    edit = aliased(FieldEdit)
    return _member(FieldEdit, edit.id, part.c.home, edit.subject_id).where(
        edit.subject_id == part.c.key,
        edit.state != EditState.APPLIED,
        edit.created_at > actor.now - _days(SETTLED),
    )


def _member(table: Any, key: Any, home: Any, parent: Any = None) -> Select[Any]:
    name = table.__name__
    return select(
        _number(list(TYPES).index(name)).label("place"),
        quoted(name).label("kind"),
        key.label("key"),
        home.label("home"),
        (NO_KEY if parent is None else parent).label("parent"),
        false().label("gone"),
    )


def _changed(actor: Actor, event: Any) -> Select[Any]:
    """Type and key of what the events are about, and whether the actor had it."""
    tables = {table.__tablename__: quoted(name) for name, table in TYPES.items()}
    mine = select(cast(_posts(actor).subquery().c.id, Text))
    had = event.c.facts["from_worker_id"].astext.in_(mine)
    return (
        select(
            case(tables, value=event.c.object_type).label("kind"),
            event.c.object_id.label("key"),
            func.coalesce(func.bool_or(had), false()).label("had"),
        )
        .where(event.c.object_type.in_(list(tables)))
        .group_by(event.c.object_type, event.c.object_id)
    )


def _left(actor: Actor, changed: Any, members: Any) -> Sequence[Select[Any]]:
    """Cases and visits that changed, are not in the set, and are still seen or were held."""
    still = select(members.c.key)
    told = []
    for table in (Case, Visit):
        row: Any = aliased(table)
        told.append(
            select(
                _number(list(TYPES).index(table.__name__)),
                changed.c.kind,
                changed.c.key,
                NO_KEY,
                NO_KEY,
                true(),
            ).where(
                changed.c.kind == quoted(table.__name__),
                changed.c.key.not_in(still),
                row.id == changed.c.key,
                or_(casework.serves(actor, row.station_id), changed.c.had),
            )
        )
    return told


def _next(given: Given, news: Any | None, name: str) -> ColumnElement[Any]:
    """Where the device goes on: after what was scanned, or at the end of the feed as it is now."""
    zero: ColumnElement[str] = literal_column("'0'")
    if news is None:
        return func.coalesce(newest(name), zero)
    part = _number(1 if name == "xact" else 2)
    start = func.split_part(given["since"], literal_column("':'"), part)
    return func.coalesce(end_of(news, name), start)


def _has_more(news: Any | None) -> ColumnElement[bool]:
    if news is None:
        return false()
    return select(func.count(news.c.xact)).scalar_subquery() == _number(SCANNED)


def _days(period: timedelta) -> ColumnElement[Any]:
    return func.make_interval(_number(0), _number(0), _number(0), _number(period.days))


def _one(array: Any, kind: Any) -> Any:
    return type_coerce(array, ARRAY(kind))


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer())
