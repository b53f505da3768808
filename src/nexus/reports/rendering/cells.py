"""How cells and stamps are written for people: one way in every format."""

from datetime import date, datetime, timedelta
from decimal import Decimal

from nexus.acting import SHANGHAI
from nexus.reports.content import NUMBERS, Cell, Kind, Label, Report
from nexus.reports.words import Language, Words

EMPTY = "—"
SUFFIX = {Kind.PERCENT: "%"}


def shown(cell: Cell, kind: Kind, language: Language) -> str:
    """The cell as text. Money in yuan, to the fen; thousands with commas."""
    match cell:
        case None:
            return EMPTY
        case Label():
            return cell.words.said(language)
        case date():
            return cell.isoformat()
        case str():
            return cell
    if kind is Kind.FEN:
        return f"{Decimal(cell) / 100:,.2f}"
    if kind is Kind.COUNT:
        return f"{cell:,}"
    return f"{cell:,f}{SUFFIX.get(kind, '')}"


def amount(cell: Cell) -> float:
    """The number in a cell, nought where there is none: the length of a bar."""
    return float(cell) if isinstance(cell, int | Decimal) else 0.0


def is_number(kind: Kind) -> bool:
    """Whether cells of the kind stand at the right."""
    return kind in NUMBERS


def moment(at: datetime) -> str:
    """A moment in Shanghai, to the minute."""
    return at.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M")


AS_OF = Words("数据截至", "數據截至", "Data as of")
PERIOD = Words("统计期间", "統計期間", "Period")
AREA = Words("范围", "範圍", "Area")
VERSION = Words("口径版本", "口徑版本", "Definition version")
HASH = Words("校验值 SHA-256", "校驗值 SHA-256", "SHA-256")
NUMBER = Words("报告编号", "報告編號", "Report no.")
LIVE = Words("实时，未固定", "實時，未固定", "live, not frozen")
TOTAL = Words("合计", "合計", "Total")
QUESTION = Words("要回答的问题", "要回答的問題", "Question")
MEANINGS = Words("指标口径", "指標口徑", "Definitions")
CUT = Words(
    "显示前 {shown} 行，共 {found} 行。",
    "顯示前 {shown} 行，共 {found} 行。",
    "The first {shown} of {found} rows.",
)


def stamps(report: Report, no: str | None, language: Language) -> list[tuple[str, str]]:
    """What every copy bears: area, period, moment, version of the definition, number and hash."""
    last = report.until_on - timedelta(days=1)
    pairs: list[tuple[Words, str]] = [
        (AREA, f"{report.area.words.said(language)} ({report.area.code})"),
        (PERIOD, f"{report.from_on.isoformat()} – {last.isoformat()}"),
        (AS_OF, moment(report.as_of)),
        (VERSION, f"{report.name} v{report.version}"),
        (NUMBER, no or LIVE.said(language)),
        (HASH, report.hash),
    ]
    return [(label.said(language), value) for label, value in pairs]


def meanings(report: Report, language: Language) -> list[tuple[str, str]]:
    """Every figure that is defined, once: what it is called and what it means."""
    told: dict[str, str] = {}
    for table in report.tables:
        for column in table.columns:
            if column.about is not None:
                told[column.title.said(language)] = column.about.said(language)
    return list(told.items())
