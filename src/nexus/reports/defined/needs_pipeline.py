"""Needs pipeline: how far the needs published in each month have come, and how soon."""

from typing import Any

from sqlalchemy import (
    Float,
    Integer,
    Numeric,
    Select,
    case,
    cast,
    exists,
    func,
    select,
    values,
)
from sqlalchemy import column as sql_column
from sqlalchemy.orm import aliased

from nexus.matching.feedback.model import Feedback
from nexus.matching.pledges.model import Delivery, DeliveryState, Pledge
from nexus.needs import policy as needs
from nexus.needs.model import Need
from nexus.reports.asking import (
    NOTHING,
    ROWS_FOR,
    Asked,
    Definition,
    Scope,
    Tables,
    county_of,
    day_of,
    greatest,
    how_many,
    month_of,
    named,
    sums,
)
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table, ratio_of, tenth
from nexus.reports.defined.columns import CATEGORY, COUNTY, MONTH, NEED_NO, URGENCY, counted, dated
from nexus.reports.words import Words

STAGES = ("published", "matched", "accepted", "delivered", "confirmed", "evaluated")
HORIZONS = (1, 3, 7, 14, 30, 60, 90)
CONFIRMED = (DeliveryState.ACKNOWLEDGED, DeliveryState.VERIFIED)


def _needs(scope: Scope) -> Any:
    """Every need published in the period, with the first moment of each stage."""
    need, pledge = aliased(Need), aliased(Pledge)
    gift, word = aliased(Delivery), aliased(Feedback)
    confirmed = _first(need, gift, gift.acknowledged_at, gift.state.in_(CONFIRMED))
    rated = exists().where(word.need_id == need.id, word.rating.is_not(None))
    given = gift.state != DeliveryState.REVERSED
    rows = select(
        need.id,
        need.no,
        need.category,
        need.area_code,
        need.urgency,
        need.state,
        need.published_at,
        month_of(need.published_at).label("month"),
        county_of(need.area_code).label("county"),
        _first(need, pledge, pledge.created_at).label("matched_at"),
        _first(need, pledge, pledge.accepted_at).label("accepted_at"),
        _first(need, gift, gift.delivered_on, given).label("delivered_on"),
        confirmed.label("confirmed_at"),
        case((rated, confirmed)).label("evaluated_at"),
        func.coalesce(need.closed_at, scope.actor.now).label("seen_at"),
    )
    if scope.actor.role in ROWS_FOR:
        rows = rows.where(needs.visible(scope.actor, need))
    return rows.where(
        need.published_at.is_not(None),
        scope.within(need.area_code),
        scope.during(need.published_at),
    ).subquery()


def _first(need: Any, row: Any, moment: Any, *conditions: Any) -> Any:
    return (
        select(func.min(moment))
        .where(row.need_id == need.id, *conditions)
        .correlate(need)
        .scalar_subquery()
    )


def _stages(row: Any) -> tuple[Any, ...]:
    return (
        func.count().label("published"),
        func.count(row.c.matched_at).label("matched"),
        func.count(row.c.accepted_at).label("accepted"),
        func.count(row.c.delivered_on).label("delivered"),
        func.count(row.c.confirmed_at).label("confirmed"),
        func.count(row.c.evaluated_at).label("evaluated"),
    )


def cohorts(scope: Scope) -> Select[Any]:
    """A row for each month of publication."""
    row = _needs(scope)
    return select(row.c.month, *_stages(row)).group_by(row.c.month).order_by(row.c.month)


def categories(scope: Scope) -> Select[Any]:
    """A row for each category, the most published first."""
    row = _needs(scope)
    published = func.count()
    return (
        select(row.c.category, *_stages(row))
        .group_by(row.c.category)
        .order_by(published.desc(), row.c.category)
    )


def times(scope: Scope) -> Select[Any]:
    """By each horizon, how many needs had been matched and delivered: a need that is still open
    counts as long as it was watched (Kaplan and Meier)."""
    row = _needs(scope)
    start = day_of(row.c.published_at)
    last = day_of(row.c.seen_at) - start
    match = day_of(row.c.matched_at) - start
    arrival = row.c.delivered_on - start
    horizon = values(sql_column("days", Integer), name="horizon").data([(d,) for d in HORIZONS])
    reached = [_reached(row, ended, last, horizon.c.days) for ended in (match, arrival)]
    return select(
        horizon.c.days.label("days"), reached[0].label("matched"), reached[1].label("delivered")
    ).order_by(horizon.c.days)


def _reached(row: Any, ended: Any, last: Any, days: Any) -> Any:
    """One less the product, over the days up to the horizon, of those who stayed without, in %."""
    stay = func.greatest(func.coalesce(ended, last), 0)
    one = select(stay.label("stay"), ended.is_not(None).label("came")).select_from(row).subquery()
    daily = (
        select(
            one.c.stay,
            func.count().filter(one.c.came).label("came"),
            func.sum(func.count()).over(order_by=one.c.stay.desc()).label("watched"),
        )
        .group_by(one.c.stay)
        .subquery()
    )
    stayed = cast(1 - daily.c.came / daily.c.watched, Float)
    # The product as a sum of logarithms; once nobody stays without, it is nought for good.
    log = func.sum(func.ln(func.nullif(stayed, 0)))
    product = case((func.bool_or(stayed == 0), 0.0), else_=func.exp(func.coalesce(log, 0.0)))
    share = func.round(cast((1 - product) * 100, Numeric), 1)
    return (
        select(case((func.count() > 0, share)))
        .select_from(daily)
        .where(daily.c.stay <= days)
        .scalar_subquery()
    )


def rows(scope: Scope) -> Select[Any]:
    """The needs themselves, the newest first."""
    row = _needs(scope)
    start = day_of(row.c.published_at)
    return select(
        row.c.no,
        row.c.month,
        row.c.category,
        row.c.county,
        func.upper(row.c.urgency).label("urgency"),
        start.label("published_on"),
        (day_of(row.c.matched_at) - start).label("to_match"),
        (row.c.delivered_on - start).label("to_delivery"),
        day_of(row.c.confirmed_at).label("confirmed_on"),
    ).order_by(row.c.published_at.desc(), row.c.no.desc())


STAGE_COLUMNS = (
    counted(
        "published",
        Words("已发布", "已發佈", "Published"),
        Words(
            "本期首次或再次发布的需求数",
            "本期首次或再次發佈的需求數",
            "Needs published in the period",
        ),
    ),
    counted(
        "matched",
        Words("已认领", "已認領", "Taken up"),
        Words("其中至少有一项认领", "其中至少有一項認領", "Of them, with a pledge or more"),
    ),
    counted(
        "accepted",
        Words("已受理", "已受理", "Accepted"),
        Words(
            "其中至少有一项认领被受理",
            "其中至少有一項認領被受理",
            "Of them, with a pledge accepted",
        ),
    ),
    counted(
        "delivered",
        Words("已送达", "已送達", "Delivered"),
        Words(
            "其中至少有一次送达且未撤销",
            "其中至少有一次送達且未撤銷",
            "Of them, with help delivered and not reversed",
        ),
    ),
    counted(
        "confirmed",
        Words("已确认", "已確認", "Confirmed"),
        Words(
            "其中至少有一次送达经受助人确认",
            "其中至少有一次送達經受助人確認",
            "Of them, with a delivery confirmed by the recipient",
        ),
    ),
    counted(
        "evaluated",
        Words("已评价", "已評價", "Rated"),
        Words("其中确认后有评分", "其中確認後有評分", "Of them, confirmed and rated"),
    ),
)
SHARE = Column(
    "share",
    Kind.PERCENT,
    Words("确认率", "確認率", "Confirmed share"),
    Words("已确认 ÷ 已发布", "已確認 ÷ 已發佈", "Confirmed over published"),
    ratio=("confirmed", "published"),
)


def _cohorts_say(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "本期发布 {published} 项需求，{delivered} 项已送达，{confirmed} 项经受助人确认。",
        "本期發佈 {published} 項需求，{delivered} 項已送達，{confirmed} 項經受助人確認。",
        "Of {published} needs published, help reached {delivered} and {confirmed} were confirmed.",
    ).filled(**{key: total[key] for key in ("published", "delivered", "confirmed")})


def _categories_say(table: Table) -> Words:
    top = greatest(table, "published")
    if top is None:
        return NOTHING
    return Words(
        "最多的是{what}：发布 {published} 项，确认 {confirmed} 项。",
        "最多的是{what}：發佈 {published} 項，確認 {confirmed} 項。",
        "Most were for {what}: {published} published, {confirmed} confirmed.",
    ).filled(
        what=named(top[0]),
        published=top[table.at("published")],
        confirmed=top[table.at("confirmed")],
    )


def _times_say(table: Table) -> Words:
    at = {row[0]: row for row in table.rows}
    week = at.get(7)
    if week is None or week[1] is None:
        return NOTHING
    return Words(
        "发布后 7 天内，{matched}% 的需求被认领，{delivered}% 已送达；"
        "仍未解决的需求按观察时间计入。",
        "發佈後 7 天內，{matched}% 的需求被認領，{delivered}% 已送達；"
        "仍未解決的需求按觀察時間計入。",
        "Within 7 days {matched}% were taken up and {delivered}% were delivered; needs still open "
        "count as long as they were watched.",
    ).filled(matched=week[1], delivered=week[2] if week[2] is not None else "—")


def _headline(tables: Tables) -> Words:
    table = tables["cohorts"]
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "每发布 100 项需求，有 {delivered} 项送达、{confirmed} 项得到确认。",
        "每發佈 100 項需求，有 {delivered} 項送達、{confirmed} 項得到確認。",
        "Of every 100 needs published, help reached {delivered} and was confirmed for {confirmed}.",
    ).filled(
        delivered=tenth(total["delivered"] * 100 / total["published"]),
        confirmed=ratio_of(SHARE, total),
    )


_BARS = Chart(
    ChartKind.BARS,
    Words("各月需求到哪一步", "各月需求到哪一步", "How far each month's needs have come"),
    "month",
    STAGES,
)
DEFINITION = Definition(
    name="needs-pipeline",
    version=1,
    title=Words("需求办理进程", "需求辦理進程", "Needs pipeline"),
    question=Words(
        "发布的需求有多少得到认领、送达和确认？需要多久？",
        "發佈的需求有多少得到認領、送達和確認？需要多久？",
        "How many published needs are taken up, delivered and confirmed, and how soon?",
    ),
    tables=(
        Asked(
            "cohorts",
            Words("按发布月份", "按發佈月份", "By month of publication"),
            (MONTH, *STAGE_COLUMNS, SHARE),
            cohorts,
            _cohorts_say,
            _BARS,
            drill="month",
        ),
        Asked(
            "categories",
            Words("按需求类别", "按需求類別", "By category"),
            (CATEGORY, *STAGE_COLUMNS, SHARE),
            categories,
            _categories_say,
            drill="category",
        ),
        Asked(
            "times",
            Words("多久得到帮助", "多久得到幫助", "How soon help came"),
            (
                Column(
                    "days", Kind.COUNT, Words("发布后天数", "發佈後天數", "Days since publication")
                ),
                Column(
                    "matched",
                    Kind.PERCENT,
                    Words("被认领的比例", "被認領的比例", "Taken up"),
                    Words(
                        "截至该天被认领的比例；未解决的需求按观察时间计入（Kaplan–Meier）",
                        "截至該天被認領的比例；未解決的需求按觀察時間計入（Kaplan–Meier）",
                        "Share taken up by that day; open needs count as long as they were watched "
                        "(Kaplan–Meier)",
                    ),
                ),
                Column(
                    "delivered",
                    Kind.PERCENT,
                    Words("已送达的比例", "已送達的比例", "Delivered"),
                    Words("同上，送达", "同上，送達", "The same, of delivery"),
                ),
            ),
            times,
            _times_say,
            Chart(
                ChartKind.CURVE,
                Words(
                    "认领与送达所需天数",
                    "認領與送達所需天數",
                    "Days to be taken up, and to be delivered",
                ),
                "days",
                ("matched", "delivered"),
            ),
        ),
        Asked(
            "needs",
            Words("需求明细", "需求明細", "The needs"),
            (
                NEED_NO,
                MONTH,
                CATEGORY,
                COUNTY,
                URGENCY,
                dated("published_on", Words("发布日期", "發佈日期", "Published")),
                Column(
                    "to_match",
                    Kind.COUNT,
                    Words("认领用时（天）", "認領用時（天）", "Days to pledge"),
                ),
                Column(
                    "to_delivery",
                    Kind.COUNT,
                    Words("送达用时（天）", "送達用時（天）", "Days to delivery"),
                ),
                dated("confirmed_on", Words("确认日期", "確認日期", "Confirmed")),
            ),
            rows,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
