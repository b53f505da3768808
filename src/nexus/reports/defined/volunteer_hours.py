"""Volunteer hours: what was served, for what, and by whose volunteers."""

from decimal import Decimal
from typing import Any

from sqlalchemy import Numeric, Select, case, cast, func, literal_column, select
from sqlalchemy.orm import aliased

from nexus.organizations.model import Organization
from nexus.reports.asking import (
    NOTHING,
    ROWS_FOR,
    Asked,
    Definition,
    Scope,
    Tables,
    how_many,
    named,
    sums,
)
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table, tenth
from nexus.reports.defined.columns import MONTH, counted, dated
from nexus.reports.words import Words
from nexus.volunteering.hours import policy
from nexus.volunteering.hours.model import COUNTING, PENDING, ServiceRecord
from nexus.volunteering.tasks.model import VolunteerTask


def _records(scope: Scope) -> Any:
    """Records of the period that count or wait, with their task and organization."""
    row, task, body = aliased(ServiceRecord), aliased(VolunteerTask), aliased(Organization)
    found = (
        select(
            row.no,
            row.volunteer_id,
            row.day_on,
            row.minutes,
            row.state,
            task.category,
            body.name.label("organization"),
            func.to_char(row.day_on, literal_column("'YYYY-MM'")).label("month"),
        )
        .join(task, task.id == row.task_id)
        .join(body, body.id == row.organization_id)
        .where(
            row.state.in_((*COUNTING, *PENDING)),
            scope.within(row.area_code),
            scope.on_days(row.day_on),
        )
    )
    if scope.actor.role in ROWS_FOR:
        found = found.where(policy.visible(scope.actor, row))
    return found.subquery()


def _sums(row: Any) -> tuple[Any, ...]:
    counts = row.c.state.in_(COUNTING)
    minutes = func.coalesce(func.sum(row.c.minutes).filter(counts), literal_column("0"))
    return (
        func.count(case((counts, row.c.volunteer_id)).distinct()).label("volunteers"),
        func.count().filter(counts).label("records"),
        minutes.label("minutes"),
        (cast(minutes, Numeric) / 60).label("hours"),
        func.count().filter(row.c.state.in_(PENDING)).label("waiting"),
    )


def _by(key: str) -> Any:
    def asked(scope: Scope) -> Select[Any]:
        row = _records(scope)
        column = row.c[key]
        return select(column, *_sums(row)).group_by(column).order_by(column)

    return asked


def rows(scope: Scope) -> Select[Any]:
    """The records themselves, the newest first."""
    row = _records(scope)
    return (
        select(
            row.c.no, row.c.month, row.c.organization, row.c.category, row.c.day_on, row.c.minutes
        )
        .where(row.c.state.in_(COUNTING))
        .order_by(row.c.day_on.desc(), row.c.no)
    )


FIGURES = (
    Column("volunteers", Kind.COUNT, Words("志愿者人数", "志願者人數", "Volunteers")),
    counted("records", Words("有效记录", "有效記錄", "Records")),
    counted(
        "minutes",
        Words("有效分钟", "有效分鐘", "Minutes"),
        Words(
            "状态为有效或有争议的服务记录的分钟数",
            "狀態為有效或有爭議的服務記錄的分鐘數",
            "Minutes of records that are effective or disputed",
        ),
    ),
    Column("hours", Kind.HOURS, Words("折合小时", "折合小時", "Hours")),
    counted("waiting", Words("待审记录", "待審記錄", "Waiting")),
)
CATEGORY = Column(
    "category", Kind.LABEL, Words("服务类别", "服務類別", "Kind"), listed="volunteer_category"
)
BODY = Column("organization", Kind.TEXT, Words("组织", "組織", "Organization"))


def _say(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "{records} 条有效记录，合计 {hours} 小时；{waiting} 条待审。",
        "{records} 條有效記錄，合計 {hours} 小時；{waiting} 條待審。",
        "{records} records of {hours} hours in all; {waiting} wait for a review.",
    ).filled(
        records=total["records"],
        hours=tenth(Decimal(total["minutes"]) / 60),
        waiting=total["waiting"],
    )


def _headline(tables: Tables) -> Words:
    table = tables["categories"]
    if not table.rows:
        return NOTHING
    place = table.at("minutes")
    top = max(table.rows, key=lambda row: row[place] or 0)  # type: ignore[arg-type, return-value]
    total = sums(table)
    return Words(
        "本期志愿服务 {hours} 小时，最多的是{what}。",
        "本期志願服務 {hours} 小時，最多的是{what}。",
        "{hours} hours were served, most of them as {what}.",
    ).filled(hours=tenth(Decimal(total["minutes"]) / 60), what=named(top[0]))


DEFINITION = Definition(
    name="volunteer-hours",
    version=1,
    title=Words("志愿服务时长", "志願服務時長", "Volunteer hours"),
    question=Words(
        "志愿者做了什么？做了多久？",
        "志願者做了什麼？做了多久？",
        "What was served, and for how long?",
    ),
    tables=(
        Asked(
            "months",
            Words("按月份", "按月份", "By month"),
            (MONTH, *FIGURES),
            _by("month"),
            _say,
            Chart(
                ChartKind.BARS,
                Words("各月人数与分钟", "各月人數與分鐘", "Volunteers and minutes by month"),
                "month",
                ("minutes",),
            ),
            drill="month",
        ),
        Asked(
            "categories",
            Words("按服务类别", "按服務類別", "By kind"),
            (CATEGORY, *FIGURES),
            _by("category"),
            _say,
            drill="category",
        ),
        Asked(
            "organizations",
            Words("按组织", "按組織", "By organization"),
            (BODY, *FIGURES),
            _by("organization"),
            _say,
            drill="organization",
        ),
        Asked(
            "records",
            Words("记录明细", "記錄明細", "The records"),
            (
                Column("no", Kind.TEXT, Words("记录编号", "記錄編號", "Record no.")),
                MONTH,
                BODY,
                CATEGORY,
                dated("day_on", Words("服务日期", "服務日期", "Day")),
                counted("minutes", Words("分钟", "分鐘", "Minutes")),
            ),
            rows,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
