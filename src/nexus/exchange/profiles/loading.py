"""Reads a profile and refuses what it does not understand: a misspelt key is never passed over."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields as dataclass_fields
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from nexus.core.refusals import Refusal
from nexus.exchange.profiles.model import (
    Absence,
    AreaField,
    Field,
    ImportKind,
    LineSpec,
    Meaning,
    Profile,
    PublicText,
    Publisher,
    Quantities,
    Review,
    Unlisted,
    standard,
)
from nexus.exchange.profiles.rules import places
from nexus.exchange.reading.tables import Layout, label

IDENTITY = ("name", "id_number", "phone", "address")
"""Fields for the vault: their cells are never quoted."""
_FIELDS: Mapping[ImportKind, frozenset[str]] = {
    ImportKind.NEEDS: frozenset(
        {
            *("group", "household", "household_size", "station", "number", "category"),
            *("urgency", "origin", "population_group", "temporary_type", "needed_by"),
            *("description", "evidence"),
        }
    ),
    ImportKind.OFFERS: frozenset(
        {
            *("organization", "org_type", "organization_area", "category", "title", "summary"),
            *("number", "available_from", "available_to"),
        }
    ),
    ImportKind.RECOGNITIONS: frozenset(
        {
            *("household", "household_size", "person", "household_role", "birth_year", "gender"),
            *("number", "category", "subject", "level", "decided_on", "valid_from", "valid_to"),
            *("valid_through", "income_ratio", "standard", "setting", "recheck_class"),
            *("checked_on", "status", "tapered_on", "end_reason", "ended_on", "stated_on"),
            *("rule_version", *IDENTITY),
        }
    ),
    ImportKind.TICKETS: frozenset(
        {
            *("number", "system", "ticket_type", "origin", "description", "danger"),
            *("received_at", "name", "phone"),
        }
    ),
}
_NEEDED: Mapping[ImportKind, frozenset[str]] = {
    ImportKind.NEEDS: frozenset({"category", "urgency"}),
    ImportKind.OFFERS: frozenset({"organization", "org_type", "category"}),
    ImportKind.RECOGNITIONS: frozenset({"household", "number", "category", "valid_from"}),
    ImportKind.TICKETS: frozenset({"number", "description"}),
}
_WITHOUT_LINES = (ImportKind.RECOGNITIONS, ImportKind.TICKETS)
RESERVED_SOURCE = "nexus"
RESERVED_TYPES = frozenset({"household", "recipient"})
_OF_NEEDS_AND_OFFERS = ("lines", "unlisted", "quantity", "review", "absence", "public")
_TOP = frozenset(
    {
        *("kind", "source", "type", "file", "blank", "ignore", "key", "fields", "area", "lines"),
        *("unlisted", "quantity", "review", "absence", "public", "publisher"),
    }
)
_FIELD = frozenset(
    {"columns", "collect", "join", "path", "value", "values", "only_listed", "refuse", "required"}
)


class ProfileRefused(Refusal):
    """The profile is wrong: the sentence names the table and the key."""

    code = "PROFILE_REFUSED"


def load_profile(path: Path) -> Profile:
    """The profile at `path`; ProfileRefused when it is missing, no TOML, or not understood."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ProfileRefused(f"There is no profile {path.name}.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ProfileRefused(f"{path.name} cannot be read: {error}.") from None
    except tomllib.TOMLDecodeError as error:
        raise ProfileRefused(f"{path.name} is no TOML: {error}.") from None
    try:
        return read_profile(table)
    except ProfileRefused as error:
        raise ProfileRefused(f"{path.name}: {error.message}", field=error.field) from None


def read_profile(table: Mapping[str, Any]) -> Profile:
    """A profile of a parsed TOML document."""
    _only(table, _TOP, "the profile")
    kind = _enum(ImportKind, table.get("kind"), "kind")
    if kind is ImportKind.OCDS:
        return _standard(table)
    fields = _fields(kind, _table(table, "fields"))
    if kind in _WITHOUT_LINES:
        for name in _NEEDED[kind]:
            fields[name] = replace(fields[name], required=True)
    key = _key(_table(table, "key", only=("fields",)), fields)
    type_ = _text(table.get("type"), "type")
    if type_ in RESERVED_TYPES:
        raise _wrong("type", f"{', '.join(sorted(RESERVED_TYPES))} is nexus' own")
    area = _area(table["area"]) if "area" in table else None
    if kind is not ImportKind.OFFERS and area is None:
        raise _wrong("area", f"{kind.value} lie in an area")
    lines = tuple(_line(each, at) for at, each in enumerate(_list(table, "lines"), 1))
    if kind in _WITHOUT_LINES:
        _check_without_lines(kind, table, key, fields)
    elif not lines:
        raise _wrong("lines", "at least one [[lines]] says what is asked for or offered")
    review = _review(_table(table, "review"))
    ignored = frozenset(map(label, _texts(table.get("ignore", []), "ignore")))
    absence = _table(table, "absence", only=("means", "largest_share"))
    return Profile(
        kind=kind,
        source=_text(table.get("source"), "source"),
        type=type_,
        layout=_layout(_table(table, "file"), key, fields, area, lines, review, ignored),
        blank=tuple(_texts(table.get("blank", []), "blank")),
        key=key,
        fields=fields,
        ignored=ignored,
        area=area,
        lines=lines,
        unlisted=_unlisted(table["unlisted"]) if "unlisted" in table else None,
        quantities=_quantities(_table(table, "quantity")),
        review=review,
        absence=_enum(Absence, absence.get("means", "keep"), "absence.means"),
        largest_absence=_share(absence.get("largest_share", 0.5)),
        public=_public(table["public"], fields) if "public" in table else None,
        publisher=_publisher(_table(table, "publisher", only=("uscc", "name"))),
    )


def _standard(table: Mapping[str, Any]) -> Profile:
    """Of a file whose names a standard explains."""
    _only(table, {"kind", "source", "file"}, "the profile")
    source = _text(table.get("source"), "source")
    if source == RESERVED_SOURCE:
        raise _wrong("source", "nexus is what this service publishes itself")
    return standard(
        source, _optional(_table(table, "file", only=("encoding",)), "encoding", "file")
    )


def _check_without_lines(
    kind: ImportKind, table: Mapping[str, Any], key: tuple[str, ...], fields: Mapping[str, Field]
) -> None:
    for name in _OF_NEEDS_AND_OFFERS:
        if name in table:
            raise _wrong(name, f"{kind.value} have none")
    if key != ("number",):
        raise _wrong("key.fields", f'{kind.value} are known by their number: ["number"]')
    for name in IDENTITY:
        spec = fields.get(name)
        if spec and (spec.values or spec.only_listed or spec.refuse or spec.collect):
            raise _wrong(f"fields.{name}", "identity is taken as it is: columns alone")


def _layout(
    table: Mapping[str, Any],
    key: Iterable[str],
    fields: Mapping[str, Field],
    area: AreaField | None,
    lines: Iterable[LineSpec],
    review: Review,
    ignored: frozenset[str],
) -> Layout:
    _only(table, {"encoding", "sheet", "rows_at", "labels_in_type"}, "file")
    all_fields = [*fields.values(), *((area,) if area else ())]
    for spec in lines:
        all_fields += [spec.item, spec.unit, spec.kind]
    columns = [*review.columns]
    for one in all_fields:
        columns += [*one.columns, *one.collect, *one.join]
    if area is not None and area.within is not None:
        columns += area.within.columns
    for spec in lines:
        columns += [*spec.columns, *spec.specification]
    required = [fields[name] for name in key] + [one for one in all_fields if one.required]
    return Layout(
        known=frozenset(map(label, columns)) | ignored,
        required=tuple(
            dict.fromkeys(frozenset(map(label, one.columns)) for one in required if one.columns)
        ),
        encoding=_optional(table, "encoding", "file"),
        sheet=_optional(table, "sheet", "file"),
        rows_at=_optional(table, "rows_at", "file"),
        labels_in_type=bool(table.get("labels_in_type", False)),
    )


def _fields(kind: ImportKind, table: Mapping[str, Any]) -> dict[str, Field]:
    _only(table, _FIELDS[kind], "fields")
    missing = sorted(_NEEDED[kind] - table.keys())
    if missing:
        raise _wrong("fields", f"{', '.join(missing)} must be given")
    return {name: _field(name, each, f"fields.{name}") for name, each in table.items()}


def _key(table: Mapping[str, Any], fields: Mapping[str, Field]) -> tuple[str, ...]:
    key = tuple(_texts(table.get("fields"), "key.fields"))
    if not key or not set(key) <= fields.keys():
        raise _wrong("key.fields", f"it names fields of [fields]: {', '.join(sorted(fields))}")
    return key


def _field(name: str, table: Any, where: str, *, more: Iterable[str] = ()) -> Field:
    if isinstance(table, str | int):
        return Field(name, value=table)
    if not isinstance(table, Mapping):
        raise _wrong(where, "it is a value or a table with columns, path or value")
    _only(table, _FIELD | set(more), where)
    return Field(
        name=name,
        columns=tuple(_texts(table.get("columns", []), f"{where}.columns")),
        collect=tuple(_texts(table.get("collect", []), f"{where}.collect")),
        join=tuple(_texts(table.get("join", []), f"{where}.join")),
        path=_path(table.get("path"), where),
        value=table.get("value"),
        values=_pairs(table, "values", where),
        only_listed=bool(table.get("only_listed", False)),
        refuse=tuple(_texts(table.get("refuse", []), f"{where}.refuse")),
        required=bool(table.get("required", False)),
    )


def _path(template: Any, where: str) -> str | None:
    if template is None:
        return None
    text = _text(template, f"{where}.path")
    if not places(text) <= {"folder", "stem", "sheet"} or not places(text):
        raise _wrong(f"{where}.path", "it may use {folder}, {stem} and {sheet}")
    return text


def _area(table: Any) -> AreaField:
    plain = _field("area", table, "area", more=("within", "unknown_is_within"))
    more = table if isinstance(table, Mapping) else {}
    return AreaField(
        **{each.name: getattr(plain, each.name) for each in dataclass_fields(plain)},
        within=_field("area", more["within"], "area.within") if "within" in more else None,
        unknown_is_within=bool(more.get("unknown_is_within", False)),
    )


def _line(table: Any, at: int) -> LineSpec:
    where = f"lines[{at}]"
    if not isinstance(table, Mapping):
        raise _wrong(where, "it is a table")
    _only(table, {"columns", "kind", "unit", "item", "item_code", "specification", "items"}, where)
    columns = tuple(_texts(table.get("columns", []), f"{where}.columns"))
    item = table.get("item", columns[0] if columns else None)
    if item is None or "unit" not in table or "kind" not in table:
        raise _wrong(where, "a line has kind, unit, and columns or item")
    return LineSpec(
        columns=columns,
        kind=_field("kind", table["kind"], f"{where}.kind"),
        unit=_field("unit", table["unit"], f"{where}.unit"),
        item=_field("item", item, f"{where}.item"),
        item_code=_optional(table, "item_code", where),
        specification=tuple(_texts(table.get("specification", []), f"{where}.specification")),
        items=_pairs(table, "items", where),
    )


def _unlisted(table: Any) -> Unlisted:
    if not isinstance(table, Mapping):
        raise _wrong("unlisted", "it is a table")
    _only(table, {"type", "kind", "unit"}, "unlisted")
    return Unlisted(
        *(_text(table.get(name), f"unlisted.{name}") for name in ("type", "kind", "unit"))
    )


def _quantities(table: Mapping[str, Any]) -> Quantities:
    _only(table, {"zero", "one", "blank", "words"}, "quantity")
    usual = Quantities()
    return Quantities(
        zero=_enum(Meaning, table.get("zero", usual.zero), "quantity.zero"),
        one=_enum(Meaning, table.get("one", usual.one), "quantity.one"),
        blank=_enum(Meaning, table.get("blank", usual.blank), "quantity.blank"),
        words={
            word: _enum(Meaning, meaning, f"quantity.words.{word}")
            for word, meaning in _table(table, "words").items()
        },
    )


def _review(table: Mapping[str, Any]) -> Review:
    _only(table, {"columns", "accepted", "always"}, "review")
    return Review(
        columns=tuple(_texts(table.get("columns", []), "review.columns")),
        accepted=frozenset(_texts(table.get("accepted", []), "review.accepted")),
        always=bool(table.get("always", False)),
    )


def _public(table: Any, fields: Mapping[str, Field]) -> PublicText:
    if not isinstance(table, Mapping):
        raise _wrong("public", "it is a table")
    _only(table, {"title", "summary"}, "public")
    found = PublicText(
        _text(table.get("title"), "public.title"), _text(table.get("summary"), "public.summary")
    )
    unknown = (places(found.title) | places(found.summary)) - fields.keys() - {"lines"}
    if unknown or "description" in places(found.title) | places(found.summary):
        names = ", ".join(sorted(unknown)) or "description"
        raise _wrong("public", f"{{{names}}} is no field that may be public")
    return found


def _publisher(table: Mapping[str, Any]) -> Publisher:
    return Publisher(**{name: _text(each, f"publisher.{name}") for name, each in table.items()})


def _share(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise _wrong("absence.largest_share", "it lies between 0 and 1")
    return Decimal(str(value))


def _list(table: Mapping[str, Any], name: str) -> list[Any]:
    found = table.get(name, [])
    if not isinstance(found, list):
        raise _wrong(name, "it is written with double brackets, [[" + name + "]]")
    return found


def _pairs(table: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """A table of spellings, folded as column names are, and what they mean."""
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise _wrong(f"{where}.{name}", "it is a table of spellings and codes")
    return {label(spelling): code for spelling, code in found.items()}


def _optional(table: Mapping[str, Any], name: str, where: str) -> str | None:
    return _text(table[name], f"{where}.{name}") if name in table else None


def _table(
    table: Mapping[str, Any], name: str, *, only: Iterable[str] | None = None
) -> Mapping[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, Mapping):
        raise _wrong(name, "it is a table")
    if only is not None:
        _only(found, only, name)
    return found


def _only(table: Mapping[str, Any], known: Iterable[str], where: str) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ProfileRefused(
            f"{where} does not know {', '.join(unknown)}; it knows {', '.join(sorted(known))}.",
            field=unknown[0],
        )


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise _wrong(where, "a text is missing here")
    return value.strip()


def _texts(value: Any, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _wrong(where, "it is a list of texts")
    return value


def _enum(values: Any, value: Any, where: str) -> Any:
    try:
        return values(value)
    except ValueError:
        known = ", ".join(sorted(each.value for each in values))
        raise _wrong(where, f"it is one of {known}") from None


def _wrong(where: str, what: str) -> ProfileRefused:
    return ProfileRefused(f"{where}: {what}.", field=where)
