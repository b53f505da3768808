"""The lists as SQL: for every kind one range of the desks' key, merged in their common order.

An entry's row is asked for its policy only when the merge comes to it, so a page costs what it
shows, however much waits. The order is the key's: late first, then urgency, then due.
"""

from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    SmallInteger,
    Text,
    Uuid,
    any_,
    case,
    cast,
    column,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    type_coerce,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, aggregate_order_by
from sqlalchemy.orm import aliased

from nexus.acting import STATION, Actor, Role, shape
from nexus.casework.model import Worker
from nexus.graph.identifiers import decode, read_cursor, read_key
from nexus.graph.sql import base64, build_object, quoted
from nexus.matching.pledges.policy import PLEDGERS
from nexus.matching.worklist import policy
from nexus.matching.worklist.model import LATE, WorkDesk, WorkItem
from nexus.matching.worklist.policy import KINDS, Desk, Kind

ORDER = "work"
COUNTED = 200
"""Counting a kind stops here: a longer list is longer than anybody works off today."""

Given = dict[str, ColumnElement[Any]]
_KEY: tuple[Any, ...] = (SmallInteger(), DateTime(timezone=True), Uuid())


class List(StrEnum):
    """The four worklists."""

    WAITING = "waiting"
    SENT = "sent"
    OVERDUE = "overdue"
    TEAM = "team"


def read_after(cursor: str) -> str:
    """A cursor as its three sort keys, with bars between; BadCursor otherwise."""
    texts = read_cursor(cursor, ORDER, len(_KEY))
    for text, kind in zip(texts, _KEY, strict=True):
        read_key(text, kind)
    return "|".join(texts)


def read_station(global_id: str) -> str:
    """The desk of a station; that of nobody for what is no station's id."""
    return f"t:{decode(global_id, 'Station')}"


def window(which: List) -> Callable[[Actor, ColumnElement[int], Given], Select[Any]]:
    """One row of that list: the ids of a page, whether there is more, where it ends."""

    def of_list(actor: Actor, limit: ColumnElement[int], given: Given) -> Select[Any]:
        page = _page(actor, which, limit, given).subquery()
        shown = page.c.place <= limit

        def gathered(column: Any, kind: Any) -> Any:
            made: Any = func.array_agg(aggregate_order_by(column, page.c.place)).filter(shown)
            return type_coerce(made, ARRAY(kind))

        keys = [page.c.rank, page.c.due_at, page.c.item_id]
        last = [gathered(cast(key, Text), Text())[func.count().filter(shown)] for key in keys]
        cursor = base64(cast(func.json_build_array(quoted(ORDER), *last), Text))
        return select(
            gathered(page.c.item_id, Uuid()).label("ids"),
            (func.count() > limit).label("has_more"),
            case((func.count().filter(shown) > literal_column("0"), cursor)).label("end_cursor"),
        ).select_from(page)

    return of_list


def _page(actor: Actor, which: List, limit: ColumnElement[int], given: Given) -> Select[Any]:
    merged = _merged(actor, which, kinds_of(actor, which), given).subquery()
    keys = [merged.c.rank, merged.c.due_at, merged.c.item_id]
    # On two desks an item has the same key: equal ones are neighbours in the merge.
    more = select(*keys).distinct().order_by(*keys).limit(limit + literal_column("1"))
    page = more.subquery()
    place = func.row_number().over(order_by=list(page.c)).label("place")
    return select(page, place)


def _merged(actor: Actor, which: List, kinds: Iterable[Kind], given: Given) -> Any:
    parts = [
        _branch(actor, which, kind, desk, given)
        for kind in kinds
        for desk in _desks(actor, which, kind, given)
    ]
    return union_all(*parts) if parts else _nothing()


def kinds_of(actor: Actor, which: List) -> tuple[Kind, ...]:
    """The kinds that the list of this role can hold."""
    return _kinds(actor.role, which is List.WAITING)


@cache
def _kinds(role: Role, waiting: bool) -> tuple[Kind, ...]:
    one = shape(role)
    wanted = Kind.waits_for if waiting else Kind.is_seen_by
    return tuple(kind for kind in KINDS.values() if wanted(kind, one))


def _branch(actor: Actor, which: List, kind: Kind, desk: Any, given: Given) -> Select[Any]:
    """The entries of one kind on one desk, in the order of the key."""
    entry, ranged = _range_of(actor, which is List.WAITING, kind)
    found: Select[Any] = ranged.where(entry.desk == desk)
    if which is List.OVERDUE:
        found = found.where(entry.rank < literal_column(str(LATE)))
    if "kinds" in given:
        found = found.where(quoted(kind.name) == any_(given["kinds"]))
    if "after" in given:
        values = [_key(given["after"], at, kind) for at, kind in enumerate(_KEY, start=1)]
        found = found.where(tuple_(entry.rank, entry.due_at, entry.item_id) > tuple_(*values))
    return found


@lru_cache(maxsize=4096)
def _range_of(actor: Actor, waiting: bool, kind: Kind) -> tuple[Any, Select[Any]]:
    """The entries of one kind on all desks. Kept, because a policy's aliases take long to make."""
    entry: Any = aliased(WorkDesk)
    fits = kind.waits if waiting else kind.seen
    return entry, (
        select(entry.rank, entry.due_at, entry.item_id)
        .where(entry.kind == quoted(kind.name), fits(actor, entry))
        .order_by(entry.rank, entry.due_at, entry.item_id)
    )


def _key(cursor: Any, place: int, kind: Any) -> Any:
    part = func.split_part(cursor, quoted("|"), literal_column(str(place)))
    return cast(part, kind)


def _nothing() -> Select[Any]:
    entry: Any = aliased(WorkDesk)
    nobody = literal_column("false", Boolean())
    return select(entry.rank, entry.due_at, entry.item_id).where(nobody)


def _of(prefix: str, key: Any) -> ColumnElement[str]:
    """The desk of an organization, a person or a station."""
    return quoted(prefix).concat(cast(type_coerce(key, Uuid()), Text))


def _desks(actor: Actor, which: List, kind: Kind, given: Given) -> list[Any]:
    """The desks on which entries of the kind lie for this list."""
    here, home = quoted("a:").concat(actor.area_prefix), _of("o:", actor.organization_id)
    match which:
        case List.WAITING if kind.desk is Desk.PERSON or actor.role in kind.own:
            return [_of("u:", actor.account_id)]
        case List.WAITING if kind.desk is Desk.ORGANIZATION:
            return [home]
        case List.SENT if actor.role in PLEDGERS:
            return [_of("so:", actor.organization_id)]
        case List.SENT:
            return [_of("su:", actor.account_id)]
        case List.TEAM if "station" in given:
            return [given["station"]]
        case List.TEAM if actor.role in STATION:
            return [_of("t:", _post(actor))]
        case List.TEAM:
            return [home]
        case List.OVERDUE if actor.role in PLEDGERS:
            return [home, _of("so:", actor.organization_id)]
    if actor.role in policy.TWO_DESKS:
        return [here, home]
    return [here] if actor.role in policy.BY_PLACE else [home]


def _post(actor: Actor) -> Any:
    """The station at which the account is posted now; of several the latest."""
    post = aliased(Worker)
    return (
        select(post.station_id)
        .where(
            post.account_id == actor.account_id,
            post.valid_from <= actor.today(),
            or_(post.valid_to.is_(None), post.valid_to > actor.today()),
        )
        .order_by(post.valid_from.desc(), post.id)
        .limit(1)
        .scalar_subquery()
    )


def entries(actor: Actor, row: Any) -> Select[Any]:
    """The items that a window found, in their order."""
    item = aliased(WorkItem)
    found: Any = (
        func.unnest(row.c.ids)
        .table_valued("id", with_ordinality="place", name="found")
        .render_derived()
    )
    sentences = {kind.name: quoted(kind.sentence) for kind in KINDS.values()}
    types = {kind.name: quoted(kind.table.__name__) for kind in KINDS.values()}
    return (
        select(
            item.kind,
            case(sentences, value=item.kind, else_=item.kind).label("sentence"),
            item.no,
            item.subject_type,
            case(types, value=item.kind, else_=quoted("")).label("type_name"),
            item.subject_id,
            item.assignee_id,
            quoted("U").concat(cast(item.urgency, Text)).label("urgency"),
            item.due_at,
            item.since_at,
            func.coalesce(item.due_at <= actor.now, literal_column("false")).label("overdue"),
        )
        .select_from(found.join(item, item.id == cast(found.c.id, Uuid())))
        .order_by(found.c.place)
    )


def counts(actor: Actor, row: Any) -> Select[Any]:
    """How much of each kind a window counted."""
    columns: list[Any] = [
        column("kind", Text()),
        column("items", Integer()),
        column("overdue", Integer()),
        column("more", Boolean()),
    ]
    counted: Any = (
        func.json_to_recordset(row.c.counts)
        .table_valued(*columns, name="counted")
        .render_derived(with_types=True)
    )
    return select(*counted.c).order_by(counted.c.kind)


def counted(which: List) -> Callable[[Actor, Given], Any]:
    """JSON: each kind of which something is on the list, those overdue, whether there is more.

    Apart from the page: its statement is the longest of all, and few ask for it.
    """
    return lambda actor, given: _counts(actor, which, given)


def _counts(actor: Actor, which: List, given: Given) -> Any:
    whole = {name: value for name, value in given.items() if name != "after"}
    parts = [_counted(actor, which, kind, whole) for kind in kinds_of(actor, which)]
    if not parts:
        return cast(quoted("[]"), JSON)
    found = union_all(*parts).subquery()
    some = found.c["items"] > literal_column("0")
    listed = func.json_agg(build_object([(one.key, one) for one in found.c])).filter(some)
    return func.coalesce(
        select(listed).select_from(found).scalar_subquery(), cast(quoted("[]"), JSON)
    )


def _counted(actor: Actor, which: List, kind: Kind, given: Given) -> Select[Any]:
    most = literal_column(str(COUNTED), Integer())
    merged = _merged(actor, which, [kind], given).subquery()
    some = (
        select(merged.c.rank, merged.c.due_at, merged.c.item_id).distinct().limit(most).subquery()
    )
    name: Any = quoted(kind.name)
    return select(
        name.label("kind"),
        func.count().label("items"),
        func.count().filter(some.c.rank < literal_column(str(LATE))).label("overdue"),
        (func.count() == most).label("more"),
    ).select_from(some)
