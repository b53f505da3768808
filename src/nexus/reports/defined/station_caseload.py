"""Station caseload: posts, open cases and visit coverage of each station."""

from typing import Any

from sqlalchemy import Select, and_, func, select
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, Role
from nexus.casework.cases.model import OPEN as OPEN_CASES
from nexus.casework.cases.model import Case
from nexus.casework.model import Station, StationState, Worker
from nexus.casework.visits import policy as visits
from nexus.casework.visits.model import OPEN, PERFORMED, Visit, VisitState
from nexus.recipients.model import Household
from nexus.reports.asking import NOTHING, READERS, Asked, Definition, Scope, Tables, how_many, sums
from nexus.reports.content import Chart, ChartKind, Column, Kind, Table, ratio_of
from nexus.reports.defined.columns import TOWN, counted, dated, worded
from nexus.reports.words import Words

STANDING = (StationState.ACTIVE, StationState.PAUSED)
NOT_DUE = (VisitState.CANCELLED, VisitState.RESCHEDULED, VisitState.EXCUSED)
TIERS = {
    "high": Words("高风险", "高風險", "high"),
    "medium": Words("中风险", "中風險", "medium"),
    "low": Words("低风险", "低風險", "low"),
}


def stations(scope: Scope) -> Select[Any]:
    """A row for each station of the area: people, open cases, households due and seen."""
    row, post, file, visit = aliased(Station), aliased(Worker), aliased(Case), aliased(Visit)
    today = scope.actor.today()
    filled = and_(
        post.station_id == row.id,
        post.valid_from <= today,
        func.coalesce(post.valid_to > today, True),
    )
    open_cases = and_(file.station_id == row.id, file.state.in_(OPEN_CASES))
    due = and_(visit.plan_id.is_not(None), visit.state.not_in(NOT_DUE), scope.on_days(visit.due_on))
    seen = and_(due, visit.state.in_(PERFORMED))
    late = and_(visit.state.in_(OPEN), visit.window_to <= today)
    return (
        select(
            row.no,
            row.name,
            row.area_code.label("town"),
            row.posts,
            _counted(row, post, filled).label("filled"),
            _counted(row, file, open_cases).label("cases"),
            _households(row, visit, due).label("due"),
            _households(row, visit, seen).label("seen"),
            _households(row, visit, late).label("late"),
        )
        .where(row.state.in_(STANDING), scope.within(row.area_code))
        .order_by(row.area_code, row.no)
    )


def _counted(row: Any, table: Any, condition: Any) -> Any:
    return select(func.count()).select_from(table).where(condition).correlate(row).scalar_subquery()


def _households(row: Any, visit: Any, condition: Any) -> Any:
    """Each once, under the record that stays where two were merged."""
    home = aliased(Household)
    return (
        select(func.count(func.coalesce(home.merged_into_id, home.id).distinct()))
        .select_from(visit)
        .join(home, home.id == visit.household_id)
        .where(visit.station_id == row.id, condition)
        .correlate(row)
        .scalar_subquery()
    )


def overdue(scope: Scope) -> Select[Any]:
    """Visits whose window is over, the longest first."""
    visit, row = aliased(Visit), aliased(Station)
    today = scope.actor.today()
    return (
        select(
            row.no,
            visit.no.label("visit"),
            visit.tier,
            visit.due_on,
            visit.window_to.label("closed_on"),
            (today - visit.window_to).label("days"),
        )
        .join(row, row.id == visit.station_id)
        .where(
            visit.state.in_(OPEN),
            visit.window_to <= today,
            row.state.in_(STANDING),
            scope.within(row.area_code),
            visits.visible(scope.actor, visit),
        )
        .order_by(visit.window_to, visit.no)
    )


STATION = Column("no", Kind.TEXT, Words("站点编号", "站點編號", "Station no."))
COVERAGE = Column(
    "coverage",
    Kind.PERCENT,
    Words("探访覆盖率", "探訪覆蓋率", "Coverage"),
    Words(
        "本期应访户中已访的比例",
        "本期應訪戶中已訪的比例",
        "Of the households due, those that were seen",
    ),
    ratio=("seen", "due"),
)


def _stations_say(table: Table) -> Words:
    if not table.rows:
        return NOTHING
    total = sums(table)
    return Words(
        "{count} 个站点，在岗 {filled} 人，在办个案 {cases} 个；应访 {due} 户，已访 {seen} 户。",
        "{count} 個站點，在崗 {filled} 人，在辦個案 {cases} 個；應訪 {due} 戶，已訪 {seen} 戶。",
        "{count} stations with {filled} workers and {cases} open cases; of {due} households due, "
        "{seen} were seen.",
    ).filled(count=len(table.rows), **{k: total[k] for k in ("filled", "cases", "due", "seen")})


def _headline(tables: Tables) -> Words:
    table = tables["stations"]
    total = sums(table) if table.rows else {}
    if not total.get("due"):
        return Words("本期没有应访户。", "本期沒有應訪戶。", "No household was due in this period.")
    return Words(
        "应访户中 {coverage}% 已访；现有 {late} 户逾期未访。",
        "應訪戶中 {coverage}% 已訪；現有 {late} 戶逾期未訪。",
        "{coverage}% of the households due were seen; {late} are overdue now.",
    ).filled(coverage=ratio_of(COVERAGE, total), late=total["late"])


DEFINITION = Definition(
    name="station-caseload",
    version=1,
    title=Words("站点个案与探访", "站點個案與探訪", "Station caseload and visits"),
    question=Words(
        "各站点人手够吗？该访的户都访到了吗？",
        "各站點人手夠嗎？該訪的戶都訪到了嗎？",
        "Have the stations enough hands, and was everybody seen who was due?",
    ),
    readers=READERS | {Role.STATION_LEAD},
    rows_for=GOVERNMENT | {Role.STATION_LEAD, Role.SYSTEM},
    months=1,
    tables=(
        Asked(
            "stations",
            Words("各站点", "各站點", "Stations"),
            (
                STATION,
                Column("name", Kind.TEXT, Words("站点", "站點", "Station")),
                TOWN,
                counted("posts", Words("岗位", "崗位", "Posts")),
                counted("filled", Words("在岗", "在崗", "Filled")),
                counted("cases", Words("在办个案", "在辦個案", "Open cases")),
                Column(
                    "load",
                    Kind.DAYS,
                    Words("人均个案", "人均個案", "Cases a head"),
                    Words("在办个案 ÷ 在岗", "在辦個案 ÷ 在崗", "Open cases over posts filled"),
                    ratio=("cases", "filled"),
                ),
                counted("due", Words("应访户", "應訪戶", "Due")),
                counted("seen", Words("已访户", "已訪戶", "Seen")),
                COVERAGE,
                counted("late", Words("逾期户", "逾期戶", "Overdue")),
            ),
            stations,
            _stations_say,
            Chart(
                ChartKind.BARS,
                Words("应访、已访与逾期", "應訪、已訪與逾期", "Due, seen and overdue"),
                "name",
                ("due", "seen", "late"),
            ),
            drill="no",
        ),
        Asked(
            "overdue",
            Words("逾期探访", "逾期探訪", "Overdue visits"),
            (
                STATION,
                Column("visit", Kind.TEXT, Words("探访编号", "探訪編號", "Visit no.")),
                worded("tier", Words("风险等级", "風險等級", "Risk"), TIERS),
                dated("due_on", Words("应访日", "應訪日", "Due")),
                dated("closed_on", Words("窗口截止", "窗口截止", "Window closed")),
                Column("days", Kind.COUNT, Words("逾期（天）", "逾期（天）", "Days late")),
            ),
            overdue,
            how_many,
            detail=True,
        ),
    ),
    headline=_headline,
)
