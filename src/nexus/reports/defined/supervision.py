"""Supervision: alerts by rule, overrides, and the rules that were relaxed."""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import aliased

from nexus.acting import EVERYWHERE, GOVERNMENT, OVERSIGHT
from nexus.emergencies import policy as emergencies
from nexus.emergencies.model import Relaxation
from nexus.reports.asking import (
    NOTHING,
    Asked,
    Definition,
    Scope,
    Tables,
    county_of,
    day_of,
    greatest,
    how_many,
    sums,
)
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table
from nexus.reports.defined.columns import COUNTY, counted, dated, worded
from nexus.reports.words import Words
from nexus.supervision.alerts import policy
from nexus.supervision.alerts.model import LIVE, Alert, AlertState

READERS = GOVERNMENT | OVERSIGHT | EVERYWHERE
SEVERITIES = {
    "critical": Words("严重", "嚴重", "critical"),
    "major": Words("较重", "較重", "major"),
    "minor": Words("一般", "一般", "minor"),
}


def _alerts(scope: Scope) -> Any:
    row = aliased(Alert)
    return (
        select(row)
        .where(
            scope.within(row.area_code),
            scope.during(row.opened_at),
            policy.visible(scope.actor, row),
        )
        .subquery()
    )


def rules(scope: Scope) -> Select[Any]:
    """A row for each rule and severity, the most raised first."""
    row = _alerts(scope)
    return (
        select(
            row.c.rule,
            row.c.severity,
            func.count().label("raised"),
            func.count().filter(row.c.state.in_(LIVE)).label("open"),
            func.count(row.c.escalated_at).label("escalated"),
            func.count().filter(row.c.state == AlertState.RESOLVED).label("resolved"),
            func.count().filter(row.c.state == AlertState.DISMISSED).label("dismissed"),
        )
        .group_by(row.c.rule, row.c.severity)
        .order_by(func.count().desc(), row.c.rule, row.c.severity)
    )


def relaxations(scope: Scope) -> Select[Any]:
    """A row for each rule that was relaxed in the period."""
    row: Any = aliased(Relaxation)
    return (
        select(
            row.rule,
            func.count().label("relaxed"),
            func.count(row.settled_at).label("settled"),
            (func.count() - func.count(row.settled_at)).label("open"),
        )
        .where(
            scope.within(row.area_code),
            scope.during(row.relaxed_at),
            emergencies.relaxation_visible(scope.actor, row),
        )
        .group_by(row.rule)
        .order_by(row.rule)
    )


def rows(scope: Scope) -> Select[Any]:
    """The alerts themselves: those that are open first, the longest overdue first."""
    row = _alerts(scope)
    return select(
        row.c.no,
        row.c.rule,
        row.c.severity,
        county_of(row.c.area_code).label("county"),
        day_of(row.c.opened_at).label("opened_on"),
        day_of(row.c.due_at).label("due_on"),
        row.c.state,
    ).order_by(row.c.state.in_(LIVE).desc(), row.c.due_at, row.c.no)


STATES = {
    "open": Words("未确认", "未確認", "open"),
    "acknowledged": Words("已确认", "已確認", "acknowledged"),
    "handling": Words("处理中", "處理中", "handling"),
    "resolved": Words("已解决", "已解決", "resolved"),
    "dismissed": Words("已驳回", "已駁回", "dismissed"),
}
RULE = Column(
    "rule",
    Kind.TEXT,
    Words("规则", "規則", "Rule"),
    Words(
        "提示查看的原因，不是结论", "提示查看的原因，不是結論", "A reason to check, never a verdict"
    ),
)
SEVERITY = worded("severity", Words("程度", "程度", "Severity"), SEVERITIES)


def _rules_say(table: Table) -> Words:
    top = greatest(table, "raised")
    if top is None:
        return NOTHING
    return Words(
        "最多的是 {rule}：{raised} 条，{open} 条未结。",
        "最多的是 {rule}：{raised} 條，{open} 條未結。",
        "Most are of {rule}: {raised}, of which {open} are open.",
    ).filled(rule=top[0], raised=top[table.at("raised")], open=top[table.at("open")])


def _relaxed_say(table: Table) -> Words:
    if not table.rows:
        return Words(
            "本期没有放宽规则。", "本期沒有放寬規則。", "No rule was relaxed in this period."
        )
    total = sums(table)
    return Words(
        "放宽规则 {relaxed} 次，{open} 次尚未补齐。",
        "放寬規則 {relaxed} 次，{open} 次尚未補齊。",
        "Rules were relaxed {relaxed} times; {open} are still to be made good.",
    ).filled(relaxed=total["relaxed"], open=total["open"])


def _headline(tables: Tables) -> Words:
    table = tables["rules"]
    if not table.rows:
        return Words("本期没有预警。", "本期沒有預警。", "There was no alert in this period.")
    total = sums(table)
    return Words(
        "{raised} 条预警中 {open} 条未结，{escalated} 条已升级。",
        "{raised} 條預警中 {open} 條未結，{escalated} 條已升級。",
        "Of {raised} alerts {open} are open and {escalated} were escalated.",
    ).filled(**{key: total[key] for key in ("raised", "open", "escalated")})


DEFINITION = Definition(
    name="supervision",
    version=1,
    title=Words("监督情况", "監督情況", "Supervision"),
    question=Words(
        "出现了哪些预警？处理到哪一步？放宽了哪些规则？",
        "出現了哪些預警？處理到哪一步？放寬了哪些規則？",
        "What was raised, how far is it handled, and which rules were relaxed?",
    ),
    readers=READERS,
    rows_for=READERS,
    months=3,
    tables=(
        Asked(
            "rules",
            Words("按规则", "按規則", "By rule"),
            (
                RULE,
                SEVERITY,
                counted("raised", Words("预警", "預警", "Raised")),
                counted("open", Words("未结", "未結", "Open")),
                counted("escalated", Words("已升级", "已升級", "Escalated")),
                counted("resolved", Words("已解决", "已解決", "Resolved")),
                counted("dismissed", Words("已驳回", "已駁回", "Dismissed")),
            ),
            rules,
            _rules_say,
            Chart(
                ChartKind.BARS,
                Words("预警与未结", "預警與未結", "Raised and open"),
                "rule",
                ("raised", "open", "escalated"),
            ),
            drill="rule",
        ),
        Asked(
            "relaxations",
            Words("放宽的规则", "放寬的規則", "Relaxed rules"),
            (
                RULE,
                counted("relaxed", Words("放宽", "放寬", "Relaxed")),
                counted("settled", Words("已补齐", "已補齊", "Made good")),
                counted("open", Words("未补齐", "未補齊", "Open")),
            ),
            relaxations,
            _relaxed_say,
        ),
        Asked(
            "alerts",
            Words("预警明细", "預警明細", "The alerts"),
            (
                Column("no", Kind.TEXT, Words("预警编号", "預警編號", "Alert no.")),
                RULE,
                SEVERITY,
                COUNTY,
                dated("opened_on", Words("出现", "出現", "Opened")),
                dated("due_on", Words("期限", "期限", "Due")),
                worded("state", Words("状态", "狀態", "State"), STATES),
            ),
            rows,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
