"""Columns that several reports have."""

from collections.abc import Mapping

from nexus.reports.content import Column, Kind
from nexus.reports.words import Words

MONTH = Column("month", Kind.TEXT, Words("月份", "月份", "Month"))
CATEGORY = Column(
    "category", Kind.LABEL, Words("需求类别", "需求類別", "Need"), listed="need_category"
)
COUNTY = Column(
    "county", Kind.LABEL, Words("县（市、区）", "縣（市、區）", "County"), listed="area"
)
TOWN = Column("town", Kind.LABEL, Words("镇（街）", "鎮（街）", "Town"), listed="area")
NEED_NO = Column("no", Kind.TEXT, Words("需求编号", "需求編號", "Need no."))
UNIT = Column("unit", Kind.LABEL, Words("单位", "單位", "Unit"), listed="unit")
URGENCY = Column("urgency", Kind.LABEL, Words("紧急程度", "緊急程度", "Urgency"), listed="urgency")


def counted(key: str, title: Words, about: Words | None = None) -> Column:
    """A number of rows, with its sum at the foot."""
    return Column(key, Kind.COUNT, title, about, total=True)


def dated(key: str, title: Words) -> Column:
    """A day."""
    return Column(key, Kind.DATE, title)


def money(key: str, title: Words, about: Words | None = None) -> Column:
    """Fen, shown in yuan, with its sum at the foot."""
    return Column(key, Kind.FEN, title, about, total=True)


def worded(
    key: str, title: Words, words: Mapping[str, Words], about: Words | None = None
) -> Column:
    """Codes that no list has, with what they are called."""
    return Column(key, Kind.LABEL, title, about, words=words)
