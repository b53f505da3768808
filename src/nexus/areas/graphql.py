"""Areas, codes and standards in the graph."""

from datetime import date
from decimal import Decimal

from sqlalchemy import Date, Text, or_

from nexus.areas import model, policy
from nexus.graph.declare import (
    Connection,
    Fen,
    any_of,
    collection,
    containing,
    node,
    query,
    register_enums,
    to_many,
    to_one,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.specs import Filter, Order

register_enums(model.AreaLevel, model.AreaGroup, model.Setting)


def _in_force() -> FilterField:
    """The row is in force on the day given."""
    return FilterField(
        date,
        Filter(
            lambda row, day: (
                (row.valid_from <= day) & or_(row.valid_to.is_(None), row.valid_to > day)
            ),
            Date(),
        ),
    )


@node(model.Area, visible=policy.visible, key="code")
class Area:
    """A division: country, province, city, county or township. Its code begins all below it."""

    code: str
    name: str
    level: model.AreaLevel
    area_group: model.AreaGroup | None
    area_class: int | None
    valid_from: date
    valid_to: date | None
    parent: "Area | None" = to_one(model.Area.parent_code)
    children: Connection["Area"] = to_many(
        model.Area.parent_code, parent_key="code", order=Order(("code",))
    )


@node(model.CodeEntry, visible=policy.visible)
class CodeEntry:
    """One code of one list, in force from `validFrom` until before `validTo`."""

    list_name: str
    code: str
    label_zh_hans: str
    label_zh_hant: str
    label_en: str
    parent: str | None
    tier: str | None
    aliases: list[str]
    position: int
    valid_from: date
    valid_to: date | None
    source: str


@node(model.AssistanceStandard, visible=policy.visible)
class AssistanceStandard:
    """An amount a person and month that an area sets for a time."""

    area: Area | None = to_one(model.AssistanceStandard.area_code)
    kind: str
    setting: model.Setting
    amount_fen: Fen
    valid_from: date
    valid_to: date | None
    source: str


@node(model.Parameter, visible=policy.visible)
class Parameter:
    """A figure of law or local rule, in force in an area for a time; the narrowest area counts."""

    name: str
    area: Area | None = to_one(model.Parameter.area_code)
    value: Decimal
    unit: str
    valid_from: date
    valid_to: date | None
    source: str


@query
class AreaQuery:
    areas: Connection[Area] = collection(
        "Area",
        orders={"CODE": Order(("code",)), "NAME": Order(("name",))},
        filters={
            "level": any_of(model.Area.level),
            "within": within(model.Area.code),
            "text": containing(model.Area.name, model.Area.code),
        },
        about="The administrative divisions.",
    )
    code_entries: Connection[CodeEntry] = collection(
        "CodeEntry",
        orders={"POSITION": Order(("list_name", "position"))},
        filters={
            "list_name": FilterField(str, Filter(lambda row, name: row.list_name == name, Text())),
            "code": any_of(model.CodeEntry.code),
            "parent": any_of(model.CodeEntry.parent),
            "text": containing(
                model.CodeEntry.code,
                model.CodeEntry.label_zh_hans,
                model.CodeEntry.label_zh_hant,
                model.CodeEntry.label_en,
            ),
            "in_force_on": _in_force(),
        },
        about="The code lists; filter by `listName`.",
    )
    assistance_standards: Connection[AssistanceStandard] = collection(
        "AssistanceStandard",
        orders={"AREA": Order(("area_code", "kind", "valid_from"))},
        filters={
            "area": within(model.AssistanceStandard.area_code),
            "kind": any_of(model.AssistanceStandard.kind),
            "setting": any_of(model.AssistanceStandard.setting),
            "in_force_on": _in_force(),
        },
        about="Amounts of assistance by area, kind, setting and period.",
    )
    parameters: Connection[Parameter] = collection(
        "Parameter",
        orders={"NAME": Order(("name", "area_code", "valid_from"))},
        filters={
            "name": any_of(model.Parameter.name),
            "area": within(model.Parameter.area_code),
            "in_force_on": _in_force(),
        },
        about="The figures that rules go by: months, ratios, hours, by area and period.",
    )
