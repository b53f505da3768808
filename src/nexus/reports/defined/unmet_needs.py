"""Unmet needs by county and category, and what a buyer could buy to meet them."""

from typing import Any

from sqlalchemy import BigInteger, Select, and_, case, cast, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.matching.suggestions import policy as gaps_policy
from nexus.matching.suggestions.model import Gap, GapState
from nexus.needs.model import Need, NeedLine, NeedState
from nexus.recipients.model import Household, Recipient, Recognition, RecognitionState
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
    named,
    sums,
)
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table
from nexus.reports.defined.columns import CATEGORY, COUNTY, NEED_NO, UNIT, counted, dated
from nexus.reports.words import Words

STANDING = (NeedState.PUBLISHED, NeedState.PAUSED)
OPEN_GAPS = (GapState.OPEN, GapState.ACKNOWLEDGED)
RECOGNISED = (RecognitionState.ACTIVE, RecognitionState.UNDER_REVIEW, RecognitionState.TAPER)


def _left(line: Any) -> Any:
    """SQL: what of a line nobody has taken up; null where it has no quantity."""
    bound = line.reserved + line.committed + line.delivered + line.confirmed
    return line.quantity_required - bound


def _unmet(scope: Scope) -> Any:
    """Needs that stand and have a line with something left, and whether a gap of theirs is open."""
    need, line, gap = aliased(Need), aliased(NeedLine), aliased(Gap)
    bound = line.reserved + line.committed + line.delivered + line.confirmed
    short = or_(_left(line) > 0, and_(line.quantity_required.is_(None), bound == 0))
    open_gap = and_(gap.need_id == need.id, gap.state.in_(OPEN_GAPS))
    return (
        select(
            county_of(need.area_code).label("county"),
            need.category,
            exists().where(open_gap).label("gap"),
            exists().where(open_gap, gap.purchase_ref.is_not(None)).label("planned"),
        )
        .where(
            need.state.in_(STANDING),
            scope.within(need.area_code),
            exists().where(line.need_id == need.id, line.asked, short),
        )
        .subquery()
    )


def _counts(row: Any) -> tuple[Any, ...]:
    return (
        func.count().label("unmet"),
        func.count().filter(row.c.gap).label("gaps"),
        func.count().filter(row.c.planned).label("planned"),
    )


def _persons(scope: Scope) -> Any:
    """How many persons of each county are recognised, themselves or with their household."""
    person, home, word = aliased(Recipient), aliased(Household), aliased(Recognition)
    recognised = exists().where(
        or_(word.recipient_id == person.id, word.household_id == home.id),
        word.state.in_(RECOGNISED),
    )
    return (
        select(county_of(home.area_code).label("county"), func.count().label("persons"))
        .select_from(person)
        .join(home, home.id == person.household_id)
        .where(person.merged_into_id.is_(None), scope.within(home.area_code), recognised)
        .group_by(county_of(home.area_code))
        .subquery()
    )


def counties(scope: Scope) -> Select[Any]:
    """A row for each county with an unmet need, the most first."""
    row, persons = _unmet(scope), _persons(scope)
    found = select(row.c.county, *_counts(row)).group_by(row.c.county).subquery()
    return (
        select(
            found.c.county,
            func.coalesce(persons.c.persons, 0).label("persons"),
            found.c.unmet,
            found.c.gaps,
            found.c.planned,
        )
        .outerjoin(persons, persons.c.county == found.c.county)
        .order_by(found.c.unmet.desc(), found.c.county)
    )


def categories(scope: Scope) -> Select[Any]:
    """A row for each category with an unmet need, the most first."""
    row = _unmet(scope)
    return (
        select(row.c.category, *_counts(row))
        .group_by(row.c.category)
        .order_by(func.count().desc(), row.c.category)
    )


def _gaps(scope: Scope) -> Any:
    """Open gaps with what is left of their lines."""
    gap, line, need = aliased(Gap), aliased(NeedLine), aliased(Need)
    left = func.greatest(_left(line), 0)
    rows = (
        select(
            gap.id,
            need.no,
            gap.category,
            func.coalesce(gap.item_code, line.item_code, "").label("item"),
            line.unit,
            county_of(gap.area_code).label("county"),
            gap.opened_at,
            gap.purchase_ref,
            left.label("left"),
            cast(func.round(left * line.est_unit_value_fen), BigInteger).label("fen"),
        )
        .join(line, line.id == gap.line_id)
        .join(need, need.id == gap.need_id)
        .where(gap.state.in_(OPEN_GAPS), scope.within(gap.area_code))
    )
    if scope.actor.role in ROWS_FOR:
        rows = rows.where(gaps_policy.counts_visible(scope.actor, gap))
    return rows.subquery()


def plan(scope: Scope) -> Select[Any]:
    """What would have to be bought: a row for each category, item and unit, the dearest first."""
    row = _gaps(scope)
    unplanned = row.c.purchase_ref.is_(None)
    fen = func.coalesce(func.sum(row.c.fen).filter(unplanned), 0)
    return (
        select(
            row.c.category,
            case((row.c.item == "", None), else_=row.c.item).label("item"),
            row.c.unit,
            func.count().label("gaps"),
            func.count(row.c.purchase_ref).label("planned"),
            func.coalesce(func.sum(row.c.left).filter(unplanned), 0).label("quantity"),
            cast(fen, BigInteger).label("value"),
            func.count().filter(unplanned, row.c.fen.is_(None)).label("unpriced"),
        )
        .group_by(row.c.category, row.c.item, row.c.unit)
        .order_by(fen.desc(), func.count().desc(), row.c.category, row.c.item, row.c.unit)
    )


def rows(scope: Scope) -> Select[Any]:
    """The gaps themselves, the oldest first."""
    row = _gaps(scope)
    opened = day_of(row.c.opened_at)
    return select(
        row.c.no,
        row.c.category,
        case((row.c.item == "", None), else_=row.c.item).label("item"),
        row.c.county,
        opened.label("opened_on"),
        (scope.actor.today() - opened).label("waiting"),
        row.c.left.label("quantity"),
        row.c.unit,
        row.c.purchase_ref.label("purchase"),
    ).order_by(row.c.opened_at, row.c.id)


UNMET = counted(
    "unmet",
    Words("未满足需求", "未滿足需求", "Unmet needs"),
    Words(
        "已发布（含暂停）且至少一行尚有数量无人认领的需求数，截至生成时",
        "已發佈（含暫停）且至少一行尚有數量無人認領的需求數，截至生成時",
        "Needs published or paused with a line that is not wholly taken up, at the moment of the "
        "report",
    ),
)
GAPS = counted(
    "gaps",
    Words("存在缺口", "存在缺口", "With a gap"),
    Words(
        "其中无任何合格供给可匹配的需求数",
        "其中無任何合格供給可匹配的需求數",
        "Of them, those that no offer can serve",
    ),
)
PLANNED = counted(
    "planned",
    Words("已列入采购", "已列入採購", "In a purchase plan"),
    Words(
        "其中缺口已关联采购计划的需求数",
        "其中缺口已關聯採購計劃的需求數",
        "Of them, those whose gap is in a purchase plan",
    ),
)
ITEM = Column("item", Kind.LABEL, Words("品目", "品目", "Item"), listed="item")


def _counties_say(table: Table) -> Words:
    top = greatest(table, "unmet")
    if top is None:
        return NOTHING
    total = table.totals()
    return Words(
        "{count} 项需求未满足；最多的是{what}，{unmet} 项。",
        "{count} 項需求未滿足；最多的是{what}，{unmet} 項。",
        "{count} needs are unmet; most of them in {what}: {unmet}.",
    ).filled(count=total[table.at("unmet")], what=named(top[0]), unmet=top[table.at("unmet")])


def _categories_say(table: Table) -> Words:
    top = greatest(table, "gaps")
    if top is None:
        return Words(
            "没有无供给可匹配的需求。",
            "沒有無供給可匹配的需求。",
            "There is no need that no offer can serve.",
        )
    return Words(
        "缺口最多的是{what}：{gaps} 项，其中 {planned} 项已列入采购。",
        "缺口最多的是{what}：{gaps} 項，其中 {planned} 項已列入採購。",
        "Most gaps are in {what}: {gaps}, of which {planned} are in a purchase plan.",
    ).filled(what=named(top[0]), gaps=top[table.at("gaps")], planned=top[table.at("planned")])


def _plan_says(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "尚未列入采购的缺口按估价合计 {yuan} 元；{unpriced} 项没有估价。",
        "尚未列入採購的缺口按估價合計 {yuan} 元；{unpriced} 項沒有估價。",
        "What is not yet planned comes to {yuan} yuan by the estimates; {unpriced} have none.",
    ).filled(yuan=f"{total['value'] / 100:,.2f}", unpriced=total["unpriced"])


def _headline(tables: Tables) -> Words:
    table = tables["counties"]
    if not table.rows:
        return Words(
            "所有已发布需求都有人认领。",
            "所有已發佈需求都有人認領。",
            "Every published need is taken up.",
        )
    total = sums(table)
    return Words(
        "{unmet} 项需求未满足，其中 {gaps} 项无供给可匹配，{planned} 项已列入采购。",
        "{unmet} 項需求未滿足，其中 {gaps} 項無供給可匹配，{planned} 項已列入採購。",
        "{unmet} needs are unmet: no offer can serve {gaps} of them, and {planned} are in a "
        "purchase plan.",
    ).filled(**{key: total[key] for key in ("unmet", "gaps", "planned")})


DEFINITION = Definition(
    name="unmet-needs",
    version=1,
    title=Words("未满足需求与采购建议", "未滿足需求與採購建議", "Unmet needs and buying plan"),
    question=Words(
        "哪里还缺什么？购买什么服务可以补上？",
        "哪裡還缺什麼？購買什麼服務可以補上？",
        "What is lacking where, and what could be bought to fill it?",
    ),
    tables=(
        Asked(
            "counties",
            Words("按县（市、区）", "按縣（市、區）", "By county"),
            (
                COUNTY,
                counted(
                    "persons",
                    Words("认定对象人数", "認定對象人數", "Recognised persons"),
                    Words(
                        "本人或所在家庭有有效认定的人数",
                        "本人或所在家庭有有效認定的人數",
                        "Persons recognised themselves or with their household",
                    ),
                ),
                UNMET,
                Column(
                    "rate",
                    Kind.RATE,
                    Words("每千人未满足", "每千人未滿足", "Unmet per 1,000"),
                    Words(
                        "未满足需求 ÷ 认定对象人数 × 1000",
                        "未滿足需求 ÷ 認定對象人數 × 1000",
                        "Unmet needs over recognised persons, times 1,000",
                    ),
                    ratio=("unmet", "persons"),
                ),
                GAPS,
                PLANNED,
            ),
            counties,
            _counties_say,
            Chart(
                ChartKind.TILES,
                Words("各地未满足需求", "各地未滿足需求", "Unmet needs by county"),
                "county",
                ("unmet",),
            ),
            drill="county",
        ),
        Asked(
            "categories",
            Words("按需求类别", "按需求類別", "By category"),
            (CATEGORY, UNMET, GAPS, PLANNED),
            categories,
            _categories_say,
            Chart(
                ChartKind.BARS,
                Words(
                    "各类未满足需求与缺口",
                    "各類未滿足需求與缺口",
                    "Unmet needs and gaps by category",
                ),
                "category",
                ("unmet", "gaps", "planned"),
            ),
            drill="category",
        ),
        Asked(
            "plan",
            Words("采购建议", "採購建議", "Buying plan"),
            (
                CATEGORY,
                ITEM,
                UNIT,
                counted("gaps", Words("缺口数", "缺口數", "Gaps")),
                counted("planned", Words("已列入采购", "已列入採購", "Planned")),
                Column(
                    "quantity",
                    Kind.QUANTITY,
                    Words("待购数量", "待購數量", "Quantity to buy"),
                    Words(
                        "尚未列入采购的缺口中无人认领的数量",
                        "尚未列入採購的缺口中無人認領的數量",
                        "What nobody has taken up of the gaps that are not in a plan",
                    ),
                ),
                Column(
                    "value",
                    Kind.FEN,
                    Words("估价（元）", "估價（元）", "Estimate (yuan)"),
                    Words(
                        "待购数量 × 需求行估计单价",
                        "待購數量 × 需求行估計單價",
                        "Quantity to buy times the line's estimated unit value",
                    ),
                    total=True,
                ),
                counted(
                    "unpriced",
                    Words("无估价", "無估價", "Without estimate"),
                    Words(
                        "没有估计单价的缺口数",
                        "沒有估計單價的缺口數",
                        "Gaps whose line has no estimate",
                    ),
                ),
            ),
            plan,
            _plan_says,
            drill="category",
        ),
        Asked(
            "gaps",
            Words("缺口明细", "缺口明細", "The gaps"),
            (
                NEED_NO,
                CATEGORY,
                ITEM,
                COUNTY,
                dated("opened_on", Words("出现日期", "出現日期", "Opened")),
                Column(
                    "waiting", Kind.COUNT, Words("已等待（天）", "已等待（天）", "Days waiting")
                ),
                Column("quantity", Kind.QUANTITY, Words("数量", "數量", "Quantity")),
                UNIT,
                Column("purchase", Kind.TEXT, Words("采购计划", "採購計劃", "Purchase plan")),
            ),
            rows,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
