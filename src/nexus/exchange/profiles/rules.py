"""A row of labelled cells becomes an Entry by its profile, or is refused with the reason."""

import re
from collections.abc import Iterator
from decimal import Decimal
from functools import lru_cache
from typing import Any

from nexus.core.personal_data import find_numbers
from nexus.core.refusals import Refusal
from nexus.exchange.profiles.model import (
    AreaEntry,
    Entry,
    Field,
    LineEntry,
    LineSpec,
    Meaning,
    Profile,
)
from nexus.exchange.profiles.values import (
    Unreadable,
    day_of,
    is_blank,
    quantity_of,
    shown,
    text_of,
)
from nexus.exchange.reading.tables import Cell, Fault, Row, damage, label, plain

DAYS = frozenset(
    {
        *("needed_by", "available_from", "available_to"),
        *("decided_on", "valid_from", "valid_to", "valid_through", "checked_on", "tapered_on"),
        *("ended_on", "stated_on"),
    }
)
KEPT_IN_CLEAR = frozenset({"household", "person"})
MULTILINE = frozenset({"description"})
AS_PUBLISHED = frozenset({"organization"})
"""Names are kept in the characters they were published with, and compared folded."""
KEY_SEPARATOR = " / "
LONGEST_KEY = 300
LONGEST_ITEM = 200
_PLACE = re.compile(r"\{(\w+)\}")


class RowRefused(Refusal):
    """Why a row is not imported: its faults, the first of them first."""

    def __init__(self, faults: list[Fault], key: str | None = None) -> None:
        super().__init__(faults[0].message)
        self.faults = faults
        self.key = key


def key_of(profile: Profile, row: Row) -> str:
    """What makes this row the same row in the next file. RowRefused when it cannot be read.

    An identity number, a phone or a card is no key: a key is kept in clear (domain.md 7.0).
    """
    parts = []
    for name in profile.key:
        spec = profile.fields[name]
        try:
            value = _read(profile, spec, row)
        except Unreadable as error:
            raise RowRefused([Fault(error.reason, error.message, name)]) from None
        if value is None:
            raise RowRefused([*row.faults, _missing(spec)])
        if damage(value) is not None:
            raise RowRefused(row.faults)
        parts.append(plain(str(value)))
    key = KEY_SEPARATOR.join(parts)
    if len(key) > LONGEST_KEY:
        told = f"The key has {len(key)} characters, more than {LONGEST_KEY}: it is no name."
        raise RowRefused([Fault("KEY_TOO_LONG", told, profile.key[0])])
    fault = _identity_in(key, profile.key[0])
    if fault is not None:
        raise RowRefused([fault])
    return key


def entry_of(profile: Profile, row: Row, key: str) -> Entry:
    """The whole row, read by the profile; RowRefused with every fault of it."""
    faults = list(row.faults)
    fields: dict[str, Any] = {}
    for name, spec in profile.fields.items():
        try:
            value = _read(profile, spec, row)
            if value is None and spec.required:
                raise Unreadable(*_parts(_missing(spec)))
            fault = _identity_in(str(value), name) if name in KEPT_IN_CLEAR else None
            if fault is not None:
                raise Unreadable(*_parts(fault))
            fields[name] = value
        except Unreadable as error:
            faults.append(Fault(error.reason, error.message, name))
    lines, blanks = _lines(profile, row, faults)
    area = _area(profile, row, faults)
    if faults:
        raise RowRefused(faults, key)
    return Entry(
        key=key,
        fields=fields,
        lines=tuple(lines),
        blanks=tuple(blanks),
        area=area,
        reviewed=_reviewed(profile, row),
    )


def _identity_in(text: str, name: str) -> Fault | None:
    kinds = _kinds_in(text)
    if not kinds:
        return None
    return Fault(
        "PERSONAL_KEY",
        f"This number is personal data ({', '.join(kinds)}), and what rows are known by is kept in "
        "clear: use a file number instead.",
        name,
    )


@lru_cache(maxsize=4096)
def _kinds_in(text: str) -> tuple[str, ...]:
    return tuple(sorted({one.kind.value for one in find_numbers(text)}))


def _missing(spec: Field) -> Fault:
    names = " or ".join(f"'{name}'" for name in spec.columns) or f"'{spec.name}'"
    return Fault("MISSING", f"Nothing stands under {names}: fill it in.", spec.name)


def _parts(fault: Fault) -> tuple[str, str]:
    return fault.code, fault.message


def _cell(profile: Profile, row: Row, columns: tuple[str, ...]) -> tuple[str, Cell] | None:
    """The first of the columns that the row has with something in it."""
    for name in columns:
        cell = row.cells.get(label(name))
        if cell is not None and not is_blank(cell.value, profile.blank):
            return name, cell
    return None


def _read(profile: Profile, spec: Field, row: Row) -> Any:
    if spec.collect:
        return _collected(profile, spec, row)
    if spec.join:
        found_all = [_cell(profile, row, (name,)) for name in spec.join]
        text = "".join(text_of(found[1]) for found in found_all if found)
        return _translated(spec, text) if text else spec.value
    found = _cell(profile, row, spec.columns)
    if found is None:
        return _translated(spec, _placed(spec.path, row)) if spec.path else spec.value
    _, cell = found
    if spec.name in DAYS:
        return day_of(cell)
    return _translated(
        spec,
        text_of(cell, multiline=spec.name in MULTILINE, as_published=spec.name in AS_PUBLISHED),
    )


def _translated(spec: Field, text: str) -> Any:
    if text in spec.refuse or plain(text) in spec.refuse:
        raise Unreadable("NOT_TAKEN", f"The profile does not take {shown(text)} here.")
    folded = label(text)
    if folded in spec.values:
        return spec.values[folded]
    if spec.only_listed:
        raise Unreadable(
            "UNKNOWN_VALUE",
            f"{shown(text)} is not among the values this profile knows: correct it, "
            "or add it to the profile.",
        )
    return text


def _placed(template: str, row: Row) -> str:
    return _PLACE.sub(lambda found: row.place.get(found[1], ""), template)


def _collected(profile: Profile, spec: Field, row: Row) -> str | None:
    told = []
    for name in spec.collect:
        found = _cell(profile, row, (name,))
        if found is not None:
            told.append(f"{name}: {text_of(found[1], multiline=True)}")
    return "\n".join(told) or None


def _area(profile: Profile, row: Row, faults: list[Fault]) -> AreaEntry | None:
    spec = profile.area
    if spec is None:
        return None
    try:
        within = _read(profile, spec.within, row) if spec.within else None
        text = _read(profile, spec, row)
    except Unreadable as error:
        faults.append(Fault(error.reason, error.message, "area"))
        return None
    if text is None and spec.unknown_is_within:
        text = within
    if text is None:
        faults.append(_missing(spec))
        return None
    return AreaEntry(str(text), within and str(within), spec.unknown_is_within)


def _reviewed(profile: Profile, row: Row) -> bool:
    if profile.review.always:
        return True
    found = _cell(profile, row, profile.review.columns)
    return found is not None and plain(str(found[1].value)) in profile.review.accepted


def _lines(profile: Profile, row: Row, faults: list[Fault]) -> tuple[list[LineEntry], list[str]]:
    """(lines, columns left blank); what cannot be read goes to the faults."""
    lines: list[LineEntry] = []
    blanks: list[str] = []
    for spec in profile.lines:
        column, cell = _quantity_cell(spec, row)
        if spec.columns and cell is None:
            continue
        try:
            if cell is not None and is_blank(cell.value, profile.blank):
                if cell.value != []:
                    blanks.append(column)
                if profile.quantities.blank is not Meaning.OPEN:
                    continue
                cell = None
            lines += _read_lines(profile, spec, row, cell)
        except Unreadable as error:
            faults.append(Fault(error.reason, error.message, column or spec.item.name))
    _add_unlisted(profile, row, lines, blanks, faults)
    return lines, blanks


def _quantity_cell(spec: LineSpec, row: Row) -> tuple[str, Cell | None]:
    for name in spec.columns:
        cell = row.cells.get(label(name))
        if cell is not None:
            return name, cell
    return (spec.columns[0] if spec.columns else ""), None


def _read_lines(
    profile: Profile, spec: LineSpec, row: Row, cell: Cell | None
) -> Iterator[LineEntry]:
    if cell is not None and isinstance(cell.value, list):
        for entry in cell.value:
            yield from _of_entry(profile, spec, row, entry)
        return
    quantity = None
    if cell is not None:
        meaning, quantity = quantity_of(cell, profile.quantities)
        if meaning is Meaning.NOT_ASKED:
            return
    item = _read(profile, spec.item, row)
    if item is None:
        raise Unreadable(*_parts(_missing(spec.item)))
    specification = cell.specification if cell is not None else None
    if spec.specification:
        found = _cell(profile, row, spec.specification)
        specification = text_of(found[1]) if found else specification
    yield _line(profile, spec, row, str(item), quantity, specification, of_list=False)


def _of_entry(profile: Profile, spec: LineSpec, row: Row, entry: Any) -> Iterator[LineEntry]:
    """One entry of a list cell: {"specification": …, "value": …}."""
    if not isinstance(entry, dict) or "value" not in entry:
        raise Unreadable("NOT_AN_ENTRY", "An entry of this list has no value: correct the file.")
    named = entry.get("specification")
    item = plain(named) if isinstance(named, str) and named.strip() else spec.columns[0]
    if is_blank(entry["value"], profile.blank):
        raise Unreadable("QUANTITY", f"{shown(item)} has no quantity in this list.")
    meaning, quantity = quantity_of(Cell(entry["value"]), profile.quantities)
    if meaning is not Meaning.NOT_ASKED:
        yield _line(profile, spec, row, item, quantity, None, of_list=True)


def _line(
    profile: Profile,
    spec: LineSpec,
    row: Row,
    item: str,
    quantity: Decimal | None,
    specification: str | None,
    *,
    of_list: bool,
) -> LineEntry:
    """`of_list`: the item's words are the entry's own, and the code is that of their group."""
    if len(item) > LONGEST_ITEM:
        told = f"The item has {len(item)} characters, more than {LONGEST_ITEM}: shorten it."
        raise Unreadable("TOO_LONG", told)
    own = None if of_list else spec.item_code
    return LineEntry(
        item=item,
        item_code=spec.items.get(label(item), own),
        kind=str(_needed(profile, spec.kind, row)),
        unit=str(_needed(profile, spec.unit, row)),
        quantity=quantity,
        specification=plain(specification) if specification else None,
        group_code=spec.item_code,
    )


def _needed(profile: Profile, spec: Field, row: Row) -> Any:
    value = _read(profile, spec, row)
    if value is None:
        raise Unreadable(*_parts(_missing(spec)))
    return value


def _add_unlisted(
    profile: Profile, row: Row, lines: list[LineEntry], blanks: list[str], faults: list[Fault]
) -> None:
    """Cells of the quantity type whose column no profile line names: kept in their own words."""
    spec = profile.unlisted
    if spec is None:
        return
    for name, cell in row.cells.items():
        if cell.kind != spec.type or name in profile.layout.known:
            continue
        try:
            if is_blank(cell.value, profile.blank):
                blanks.append(cell.name)
                continue
            meaning, quantity = quantity_of(cell, profile.quantities)
        except Unreadable as error:
            faults.append(Fault(error.reason, error.message, cell.name))
            continue
        if meaning is not Meaning.NOT_ASKED:
            lines.append(
                LineEntry(cell.name, None, spec.kind, spec.unit, quantity, cell.specification)
            )


def filled(template: str, entry: Entry, lines: str) -> str:
    """A public text: {field} is the field's text, {lines} the lines; nothing for what is empty."""

    def value(found: re.Match[str]) -> str:
        return lines if found[1] == "lines" else entry.text(found[1]) or ""

    return " ".join(_PLACE.sub(value, template).split())


def places(template: str) -> set[str]:
    """The names in braces."""
    return set(_PLACE.findall(template))
