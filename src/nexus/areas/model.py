"""Administrative divisions, the code lists of the field, and the standards of assistance."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Fen, Id

COUNTRY = "CN"


class AreaLevel(StrEnum):
    COUNTRY = "country"
    PROVINCE = "province"
    CITY = "city"
    COUNTY = "county"
    TOWNSHIP = "township"


class AreaGroup(StrEnum):
    """The parts of Guangdong that policy tells apart (T3c)."""

    DELTA = "delta"
    EAST = "east"
    WEST = "west"
    NORTH = "north"


class Area(Base):
    """A division by GB/T 2260 and its statistical extension: 44, 4401, 440103, 440103001.

    A division's code begins with the code of the one above, so a territory is a prefix.
    """

    __tablename__ = "area"

    code: Mapped[AreaCode] = mapped_column(primary_key=True)
    name: Mapped[str]
    level: Mapped[AreaLevel]
    parent_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    area_group: Mapped[AreaGroup | None]
    area_class: Mapped[int | None]
    """The class 1-4 that decides the minimum guidance of standards (T14a)."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]

    __table_args__ = (
        CheckConstraint(
            "code = 'CN' OR code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9})$'", name="code_shape"
        ),
        CheckConstraint("(code = 'CN') = (parent_code IS NULL)", name="one_root"),
        CheckConstraint("parent_code = 'CN' OR starts_with(code, parent_code)", name="prefix"),
        CheckConstraint("area_class BETWEEN 1 AND 4", name="class_range"),
        CheckConstraint("valid_to > valid_from", name="period"),
    )


class AreaAlias(Base):
    """A code or name that once meant a division, or is another way to write it."""

    __tablename__ = "area_alias"

    id: Mapped[Id]
    alias: Mapped[str]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    within_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """Where a name means this: 朝阳区 is one place in Beijing and another in Changchun."""
    note: Mapped[str | None]

    __table_args__ = (UniqueConstraint("alias", "within_code", postgresql_nulls_not_distinct=True),)


class CodeEntry(Base):
    """One code of one list (HSDS `taxonomy_term`), in force for a time."""

    __tablename__ = "code_entry"

    id: Mapped[Id]
    list_name: Mapped[str]
    """HSDS `taxonomy`: recipient_category, need_category, item, unit, origin, …"""
    code: Mapped[str]
    label_zh_hans: Mapped[str]
    label_zh_hant: Mapped[str]
    label_en: Mapped[str]
    parent: Mapped[str | None]
    tier: Mapped[str | None]
    """Of recipient categories: BASIC, SPECIAL, URGENT, DISASTER, OTHER, NONE (G1)."""
    aliases: Mapped[list[str]]
    position: Mapped[int]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]

    __table_args__ = (
        UniqueConstraint("list_name", "code", "valid_from"),
        CheckConstraint("valid_to > valid_from", name="period"),
        Index("ix_code_entry_list_position", "list_name", "position", "id"),
    )


class Setting(StrEnum):
    URBAN = "urban"
    RURAL = "rural"


class AssistanceStandard(Base):
    """An amount a person and month that an area sets for a time (T1d, T14a)."""

    __tablename__ = "assistance_standard"

    id: Mapped[Id]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    kind: Mapped[str]
    """Code list `standard_kind`: dibao, tekun_living, …"""
    setting: Mapped[Setting]
    amount_fen: Mapped[Fen]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]

    __table_args__ = (
        UniqueConstraint("area_code", "kind", "setting", "valid_from"),
        CheckConstraint("amount_fen > 0", name="amount_positive"),
        CheckConstraint("valid_to > valid_from", name="period"),
    )


class Parameter(Base):
    """A figure of law or local rule, in force in an area for a time: data, never a constant.

    The narrowest area that has one counts: a city may differ from its province.
    """

    __tablename__ = "parameter"

    id: Mapped[Id]
    name: Mapped[str]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    value: Mapped[Decimal]
    unit: Mapped[str]
    """months, days, hours, ratio, count."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]

    __table_args__ = (
        UniqueConstraint("name", "area_code", "valid_from"),
        CheckConstraint("value >= 0", name="value_not_negative"),
        CheckConstraint(
            "unit IN ('months', 'days', 'working_days', 'hours', 'ratio', 'count')",
            name="unit_known",
        ),
        CheckConstraint("valid_to > valid_from", name="period"),
    )


class WorkingDayException(Base):
    """A weekday that is free, or a weekend day that is worked, as the State Council sets yearly."""

    __tablename__ = "working_day_exception"

    day: Mapped[date] = mapped_column(primary_key=True)
    is_working: Mapped[bool]
    source: Mapped[str]
    imported: Mapped[bool] = mapped_column(default=False)
    """Brought by `nexus import-calendar`: what ships with nexus never takes its place."""
