"""Charity contribution: what each organization pledged and delivered, and whether it disclosed."""

from typing import Any

from sqlalchemy import Select, case, exists, func, literal_column, select
from sqlalchemy.orm import aliased

from nexus.charity.model import CharityProject, ProjectState
from nexus.matching.pledges import policy as pledges
from nexus.matching.pledges.model import Delivery, DeliveryState, Pledge, PledgeState
from nexus.needs.model import Need
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.organizations.model import Organization
from nexus.reports.asking import (
    NOTHING,
    ROWS_FOR,
    Asked,
    Definition,
    Scope,
    Tables,
    greatest,
    how_many,
    named,
    sums,
)
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table
from nexus.reports.defined.columns import CATEGORY, NEED_NO, counted, dated, money
from nexus.reports.words import Words

KEPT = (PledgeState.ACCEPTED, PledgeState.PARTLY_FULFILLED, PledgeState.FULFILLED)
BROKEN = (PledgeState.WITHDRAWN, PledgeState.EXPIRED, PledgeState.RELEASED)
CONFIRMED = (DeliveryState.ACKNOWLEDGED, DeliveryState.VERIFIED)
RUNNING = (ProjectState.ACTIVE, ProjectState.PAUSED, ProjectState.COMPLETED)


def _pledges(scope: Scope) -> Any:
    """Pledges made in the period for needs of the area, with whether help came of them."""
    row, need, gift, body = (
        aliased(Pledge),
        aliased(Need),
        aliased(Delivery),
        aliased(Organization),
    )
    came = exists().where(gift.pledge_id == row.id, gift.state != DeliveryState.REVERSED)
    found = (
        select(
            body.name.label("organization"),
            need.no,
            need.category,
            row.state,
            came.label("came"),
            exists().where(gift.pledge_id == row.id, gift.state.in_(CONFIRMED)).label("confirmed"),
        )
        .join(need, need.id == row.need_id)
        .join(body, body.id == row.organization_id)
        .where(scope.within(need.area_code), scope.during(row.created_at))
    )
    if scope.actor.role in ROWS_FOR:
        found = found.where(pledges.visible(scope.actor, row))
    return found.subquery()


def _by(key: str) -> Any:
    def asked(scope: Scope) -> Select[Any]:
        row = _pledges(scope)
        column = row.c[key]
        return (
            select(
                column,
                func.count().label("pledges"),
                func.count().filter(row.c.state.in_(KEPT)).label("kept"),
                func.count().filter(row.c.came).label("delivered"),
                func.count().filter(row.c.confirmed).label("confirmed"),
                func.count().filter(row.c.state.in_(BROKEN)).label("broken"),
            )
            .group_by(column)
            .order_by(func.count().desc(), column)
        )

    return asked


def disclosures(scope: Scope) -> Select[Any]:
    """Running and completed projects of the area: funds, and disclosures that are late."""
    row, body, debt = aliased(CharityProject), aliased(Organization), aliased(Obligation)
    late = (
        select(func.count())
        .where(
            debt.subject_id == row.id,
            debt.kind == ObligationKind.DISCLOSURE,
            debt.state == ObligationState.OPEN,
            debt.due_at <= scope.actor.now,
        )
        .correlate(row)
        .scalar_subquery()
    )
    return (
        select(
            row.no,
            row.name,
            body.name.label("organization"),
            row.ends_on,
            row.received_fen.label("received"),
            row.spent_fen.label("spent"),
            late.label("late"),
        )
        .join(body, body.id == row.organization_id)
        .where(row.state.in_(RUNNING), scope.within(row.area_code))
        .order_by(late.desc(), row.no)
    )


def rows(scope: Scope) -> Select[Any]:
    """The pledges themselves."""
    row = _pledges(scope)
    word = case(
        (row.c.confirmed, literal_column("'confirmed'")),
        (row.c.came, literal_column("'delivered'")),
        (row.c.state.in_(BROKEN), literal_column("'broken'")),
        else_=literal_column("'open'"),
    )
    return select(row.c.organization, row.c.no, row.c.category, word.label("outcome")).order_by(
        row.c.organization, row.c.no
    )


BODY = Column("organization", Kind.TEXT, Words("组织", "組織", "Organization"))
FIGURES = (
    counted("pledges", Words("认领", "認領", "Pledges")),
    counted("kept", Words("已受理", "已受理", "Standing")),
    counted(
        "delivered",
        Words("已送达", "已送達", "Delivered"),
        Words(
            "至少有一次送达且未撤销的认领",
            "至少有一次送達且未撤銷的認領",
            "Pledges that help came of",
        ),
    ),
    counted("confirmed", Words("已确认", "已確認", "Confirmed")),
    counted(
        "broken",
        Words("撤回或逾期", "撤回或逾期", "Given up"),
        Words("撤回、逾期或解除的认领", "撤回、逾期或解除的認領", "Withdrawn, expired or released"),
    ),
)
OUTCOMES = {
    "confirmed": Words("已确认", "已確認", "confirmed"),
    "delivered": Words("已送达", "已送達", "delivered"),
    "broken": Words("撤回或逾期", "撤回或逾期", "given up"),
    "open": Words("进行中", "進行中", "open"),
}


def _say(table: Table) -> Words:
    top = greatest(table, "delivered")
    if top is None:
        return NOTHING
    return Words(
        "送达最多的是{what}：{delivered} 项，其中 {confirmed} 项已确认。",
        "送達最多的是{what}：{delivered} 項，其中 {confirmed} 項已確認。",
        "Most came from or for {what}: {delivered} delivered, {confirmed} confirmed.",
    ).filled(
        what=named(top[0]),
        delivered=top[table.at("delivered")],
        confirmed=top[table.at("confirmed")],
    )


def _disclosures_say(table: Table) -> Words:
    late = sum(1 for cell in table.column("late") if cell)
    return Words(
        "{count} 个项目，{late} 个信息公开逾期。",
        "{count} 個項目，{late} 個資訊公開逾期。",
        "{count} projects, of which {late} are late to disclose.",
    ).filled(count=len(table.rows), late=late)


def _headline(tables: Tables) -> Words:
    table = tables["organizations"]
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "{count} 家组织认领 {pledges} 项，送达 {delivered} 项，确认 {confirmed} 项。",
        "{count} 家組織認領 {pledges} 項，送達 {delivered} 項，確認 {confirmed} 項。",
        "{count} organizations pledged {pledges} times: help came {delivered} times and was "
        "confirmed {confirmed} times.",
    ).filled(
        count=len(table.rows), **{key: total[key] for key in ("pledges", "delivered", "confirmed")}
    )


DEFINITION = Definition(
    name="charity-contribution",
    version=1,
    title=Words(
        "慈善力量贡献与信息公开", "慈善力量貢獻與資訊公開", "Charity contribution and disclosure"
    ),
    question=Words(
        "慈善组织承诺了什么、送到了什么？按期公开了吗？",
        "慈善組織承諾了什麼、送到了什麼？按期公開了嗎？",
        "What did charities promise and bring, and did they disclose in time?",
    ),
    tables=(
        Asked(
            "organizations",
            Words("按组织", "按組織", "By organization"),
            (BODY, *FIGURES),
            _by("organization"),
            _say,
            Chart(
                ChartKind.BARS,
                Words("认领与送达", "認領與送達", "Pledged and delivered"),
                "organization",
                ("pledges", "delivered", "confirmed"),
            ),
            drill="organization",
        ),
        Asked(
            "categories",
            Words("按需求类别", "按需求類別", "By category"),
            (CATEGORY, *FIGURES),
            _by("category"),
            _say,
            drill="category",
        ),
        Asked(
            "projects",
            Words("项目与信息公开", "項目與資訊公開", "Projects and disclosure"),
            (
                Column("no", Kind.TEXT, Words("项目编号", "項目編號", "Project no.")),
                Column("name", Kind.TEXT, Words("项目", "項目", "Project")),
                BODY,
                dated("ends_on", Words("结束", "結束", "Ends")),
                money("received", Words("募得（元）", "募得（元）", "Received (yuan)")),
                money("spent", Words("支出（元）", "支出（元）", "Spent (yuan)")),
                counted("late", Words("逾期公开", "逾期公開", "Late")),
            ),
            disclosures,
            _disclosures_say,
        ),
        Asked(
            "pledges",
            Words("认领明细", "認領明細", "The pledges"),
            (
                BODY,
                NEED_NO,
                CATEGORY,
                Column("outcome", Kind.LABEL, Words("结果", "結果", "Outcome"), words=OUTCOMES),
            ),
            rows,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
