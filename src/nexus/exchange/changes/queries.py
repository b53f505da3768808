"""The feed as SQL: a window of settled events after a cursor, judged one by one for the actor."""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Integer,
    Select,
    Text,
    any_,
    case,
    cast,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)
from sqlalchemy import Uuid as SqlUuid
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.core.db import TransactionId
from nexus.core.following import settled
from nexus.core.outbox import Event
from nexus.exchange.changes import policy, rules
from nexus.graph.identifiers import read_cursor, read_key
from nexus.graph.sql import base64, global_id, quoted
from nexus.needs.model import Need, NeedState

ORDER = "changes"
SCANNED = 10_000
"""Events looked through for one page: a page may be short, or empty, with more to come."""

Given = dict[str, ColumnElement[Any]]


def read_since(cursor: str) -> str:
    """A feed cursor as its two numbers, with a colon between; BadCursor otherwise."""
    numbers = read_cursor(cursor, ORDER, 2)
    for number in numbers:
        if not 0 <= read_key(number, BigInteger()) < 2**63:
            read_key("", BigInteger())
    return ":".join(numbers)


def window(actor: Actor, limit: ColumnElement[int], given: Given) -> Select[Any]:
    """One row: ids of the page's changes, which are tombstones, where to go on, whether there is
    more, and where the feed ends now.

    `given`: since (two numbers in a text), types (tables), kinds.
    """
    page = _page(actor, limit, given).subquery()
    rank, texts = page.c.rank, [cast(page.c.xact, Text), cast(page.c.position, Text)]
    within = rank <= limit
    found = func.count(rank)
    at_limit = [_one(func.array_agg(aggregate_order_by(t, rank)), Text())[limit] for t in texts]
    start = [cast(n, Text) for n in _start(given)]
    last = [
        func.coalesce(end_of(scanned(given), name), first)
        for name, first in zip(("xact", "position"), start, strict=True)
    ]
    on = case(
        (
            found > limit,
            case((limit > _number(0), feed_cursor(at_limit)), else_=feed_cursor(start)),
        ),
        else_=feed_cursor(last),
    )
    return select(
        _one(func.array_agg(aggregate_order_by(page.c.id, rank)).filter(within), SqlUuid()).label(
            "ids"
        ),
        _one(
            func.array_agg(aggregate_order_by(page.c.tombstone, rank)).filter(within), Boolean()
        ).label("tombstones"),
        on.label("next_cursor"),
        or_(found > limit, _count(scanned(given)) == _number(SCANNED)).label("has_more"),
        feed_cursor(
            [func.coalesce(newest(n), literal_column("'0'")) for n in ("xact", "position")]
        ).label("latest_cursor"),
    ).select_from(page)


def entries(actor: Actor, row: Any) -> Select[Any]:
    """The changes that a window found, in their order."""
    event = aliased(Event)
    found: Any = (
        func.unnest(row.c.ids, row.c.tombstones)
        .table_valued("id", "tombstone", with_ordinality="rank", name="found")
        .render_derived()
    )
    gone = found.c.tombstone
    return (
        select(
            feed_cursor([cast(event.xact, Text), cast(event.position, Text)]).label("cursor"),
            event.kind,
            func.upper(event.object_type).label("object_type"),
            type_name(event).label("type_name"),
            event.object_id.label("key"),
            object_id(event).label("object_id"),
            case((~gone, event.object_version)).label("version"),
            event.sequence.label("sequence"),
            event.occurred_at,
            gone.label("tombstone"),
        )
        .select_from(found.join(event, event.id == cast(found.c.id, SqlUuid())))
        .order_by(found.c.rank)
    )


def status(actor: Actor, event: Any) -> ColumnElement[Any]:
    """SQL: false for a change the actor may know, true for a tombstone, null for nothing."""
    return case((policy.seen(actor, event), false()), (policy.gone(actor, event), true()))


def type_name(event: Any) -> ColumnElement[str]:
    """SQL: the GraphQL type of the event's object."""
    names = {table: quoted(noun.type_name) for table, noun in rules.NOUNS.items()}
    return case(names, value=event.object_type)


def object_id(event: Any) -> ColumnElement[str]:
    """SQL: the global id of the event's object."""
    ids = {table: global_id(n.type_name, event.object_id) for table, n in rules.NOUNS.items()}
    return case(ids, value=event.object_type)


def scanned(given: Given) -> Any:
    """The next settled events after the cursor, whoever may know of them."""
    event = aliased(Event)
    wanted = select(event).where(settled(event))
    if "since" in given:
        wanted = wanted.where(tuple_(event.xact, event.position) > tuple_(*_start(given)))
    return wanted.order_by(event.xact, event.position).limit(SCANNED).subquery()


def _start(given: Given) -> list[Any]:
    """Where the page begins: the numbers of the cursor, or the beginning."""
    if "since" not in given:
        return [cast(literal_column("'0'"), TransactionId()), _number(0)]
    xact, position = (
        func.split_part(given["since"], literal_column("':'"), _number(part)) for part in (1, 2)
    )
    return [cast(xact, TransactionId()), cast(position, BigInteger())]


def _page(actor: Actor, limit: ColumnElement[int], given: Given) -> Select[Any]:
    """The changes of the page and one more. The policies are asked until these are found."""
    event = aliased(Event, scanned(given))
    judged = select(
        event.id, event.xact, event.position, status(actor, event).label("tombstone")
    ).where(event.object_type.in_(policy.told_tables(actor.role)))
    if "types" in given:
        judged = judged.where(event.object_type == any_(given["types"]))
    if "kinds" in given:
        judged = judged.where(event.kind == any_(given["kinds"]))
    told = judged.subquery()
    rank = func.row_number().over(order_by=(told.c.xact, told.c.position))
    return (
        select(told, rank.label("rank"))
        .where(told.c.tombstone.is_not(None))
        .order_by(told.c.xact, told.c.position)
        .limit(limit + _number(1))
    )


def end_of(events: Any, name: str) -> Any:
    """SQL: where the last of the scanned events stands, by one of the cursor's numbers."""
    last = select(cast(events.c[name], Text))
    return last.order_by(events.c.xact.desc(), events.c.position.desc()).limit(1).scalar_subquery()


def newest(name: str) -> Any:
    """SQL: where the feed ends now, by one of the cursor's numbers; null while it is empty."""
    event = aliased(Event)
    order = (event.xact.desc(), event.position.desc())
    last = select(cast(getattr(event, name), Text)).where(settled(event))
    return last.order_by(*order).limit(1).scalar_subquery()


def _count(scanned: Any) -> Any:
    return select(func.count(scanned.c.id)).scalar_subquery()


def feed_cursor(texts: list[Any]) -> ColumnElement[str]:
    """SQL: the cursor of its two numbers, as texts."""
    return base64(cast(func.json_build_array(quoted(ORDER), *texts), Text))


def _one(array: Any, kind: Any) -> Any:
    """An aggregate as an array of known type."""
    return type_coerce(array, ARRAY(kind))


def _number(value: int) -> ColumnElement[int]:
    return literal_column(str(value), Integer())


def begun(today: date) -> Select[Any]:
    """Published needs whose period began after their publication and of which that is not told."""
    told = aliased(Event)
    kind = f"need.{rules.VISIBILITY}"
    begins = func.timezone("Asia/Shanghai", cast(Need.publish_from, DateTime()))
    return (
        select(Need)
        .where(
            Need.state == NeedState.PUBLISHED,
            Need.publish_from.in_((today, today - timedelta(days=1))),
            Need.published_at < begins,
            ~exists().where(
                told.object_type == "need",
                told.object_id == Need.id,
                told.kind == kind,
                told.occurred_at >= begins,
            ),
        )
        .order_by(Need.id)
        .limit(500)
    )
