"""What a coordination meeting has before it: where an area is stuck, as `coordinationPack` says."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from sqlalchemy import Select, func, literal, literal_column, select, union_all

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT
from nexus.matching.meeting import queries as meeting
from nexus.reports.asking import Asked, Definition, Scope, Tables, day_of, how_many, sums
from nexus.reports.content import Column, Kind, Table
from nexus.reports.defined.columns import counted, dated
from nexus.reports.words import Words

READERS = GOVERNMENT | OVERSIGHT | EVERYWHERE
MOST = 5_000
Listed = Callable[[Any, Any], Select[Any]]
LISTS: dict[str, tuple[Listed, Words]] = {
    "urgent": (meeting.urgent_needs, Words("紧急需求", "緊急需求", "Urgent needs")),
    "referrals": (meeting.stuck_referrals, Words("停滞的转介", "停滯的轉介", "Stuck referrals")),
    "gaps": (meeting.open_gaps, Words("缺口", "缺口", "Gaps")),
    "overdue": (meeting.overdue_obligations, Words("逾期义务", "逾期義務", "Overdue obligations")),
}


def _rows(scope: Scope, listed: Listed) -> Any:
    size, prefix = literal(MOST), literal(scope.prefix)
    pack = SimpleNamespace(c=SimpleNamespace(size=size, prefix=prefix))
    return listed(scope.actor, pack).subquery()


def counts(scope: Scope) -> Select[Any]:
    """How many of each kind."""
    found = union_all(
        *(
            select(
                literal(key).label("kind"),
                literal_column(str(place)).label("place"),
                func.count().label("rows"),
            ).select_from(_rows(scope, listed))
            for place, (key, (listed, _)) in enumerate(LISTS.items())
        )
    ).subquery()
    return select(found.c.kind, found.c.rows).order_by(found.c.place)


def _list(listed: Listed) -> Callable[[Scope], Select[Any]]:
    def asked(scope: Scope) -> Select[Any]:
        row = _rows(scope, listed)
        return select(
            row.c.no,
            row.c.why,
            day_of(row.c.since_at).label("since"),
            day_of(row.c.due_at).label("due"),
        ).order_by(row.c.due_at, row.c.since_at, row.c.no)

    return asked


def _counts_say(table: Table) -> Words:
    return Words(
        "共 {rows} 件需要会商。", "共 {rows} 件需要會商。", "{rows} matters want a decision."
    ).filled(rows=sums(table)["rows"])


def _headline(tables: Tables) -> Words:
    found = dict(zip(LISTS, tables["counts"].column("rows"), strict=True))
    return Words(
        "紧急需求 {urgent} 项，停滞转介 {referrals} 件，缺口 {gaps} 个，逾期义务 {overdue} 项。",
        "緊急需求 {urgent} 項，停滯轉介 {referrals} 件，缺口 {gaps} 個，逾期義務 {overdue} 項。",
        "{urgent} urgent needs, {referrals} stuck referrals, {gaps} gaps and {overdue} overdue "
        "obligations.",
    ).filled(**found)


COLUMNS = (
    Column("no", Kind.TEXT, Words("编号", "編號", "No.")),
    Column("why", Kind.TEXT, Words("状态或种类", "狀態或種類", "State or kind")),
    dated("since", Words("自", "自", "Since")),
    dated("due", Words("期限", "期限", "Due")),
)
DEFINITION = Definition(
    name="coordination",
    version=1,
    title=Words("会商材料", "會商材料", "For a coordination meeting"),
    question=Words("哪里卡住了？", "哪裡卡住了？", "Where is the area stuck?"),
    readers=READERS,
    rows_for=READERS,
    own=True,
    tables=(
        Asked(
            "counts",
            Words("总览", "總覽", "Overview"),
            (
                Column(
                    "kind",
                    Kind.LABEL,
                    Words("事项", "事項", "Matter"),
                    words={key: words for key, (_, words) in LISTS.items()},
                ),
                counted("rows", Words("件数", "件數", "How many")),
            ),
            counts,
            _counts_say,
        ),
        *(
            Asked(key, words, COLUMNS, _list(listed), how_many, detail=True)
            for key, (listed, words) in LISTS.items()
        ),
    ),
    headline=_headline,
)
