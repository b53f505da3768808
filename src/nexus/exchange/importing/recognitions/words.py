"""The words of the feed and what they mean to nexus: looked up once an import, then in memory."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from nexus.areas.model import Setting
from nexus.areas.rules import Figure, Gazetteer, UnknownArea, in_force
from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import Refusal
from nexus.exchange.profiles.model import AreaEntry
from nexus.exchange.profiles.rules import RowRefused
from nexus.exchange.reading.tables import Fault

MOST_SUGGESTIONS = 500
"""So many unknown words are compared with the known ones; those after them are only refused."""


class Lookup:
    """Words to codes, each word looked up once; what is no code is remembered as refused."""

    def __init__(self, resolve: Callable[[str], str], name: str) -> None:
        self.resolve, self.name = resolve, name
        self.known: dict[str, str | Fault] = {}
        self.unknown = 0

    def code(self, text: str) -> str:
        """The code. RowRefused, which quotes the word unless it is personal data."""
        found = self.known.get(text)
        if found is None:
            found = self.known[text] = self._look_up(text)
        if isinstance(found, Fault):
            raise RowRefused([found])
        return found

    def _look_up(self, text: str) -> str | Fault:
        if self.unknown >= MOST_SUGGESTIONS or find_personal_data(text):
            told = f"This is no {self.name} that nexus knows: correct it, or add it to the profile."
            return Fault(f"UNKNOWN_{self.name.upper()}", told, self.name)
        try:
            return self.resolve(text)
        except Refusal as refusal:
            self.unknown += 1
            return Fault(refusal.code, refusal.message, self.name)


@dataclass
class Words:
    """What rows are read with, loaded once an import."""

    gazetteer: Gazetteer
    categories: Lookup
    end_reasons: Lookup
    category_periods: Mapping[str, list[tuple[date, date | None]]]
    """Code → when it is in force."""
    parameters: Mapping[str, list[Figure]]
    standards: Mapping[tuple[str, Setting], list[Figure]]
    digest: Callable[[str], str]
    """A keyed digest, so that what is compared of a person's identity tells nothing."""
    today: date
    wider: dict[str, int] = field(default_factory=dict)
    _areas: dict[tuple[str, str | None], str | Fault] = field(default_factory=dict)
    _figures: dict[tuple[str, date, str], Figure | None] = field(default_factory=dict)

    def figure(self, name: str, on: date, area: str) -> Figure:
        """The parameter in force."""
        key = (name, on, area)
        if key not in self._figures:
            self._figures[key] = in_force(self.parameters.get(name, ()), on, area)
        found = self._figures[key]
        if found is None:
            raise LookupError(f"no parameter {name} is in force in {area} on {on}")
        return found

    def standard(self, kind: str, setting: Setting, on: date, area: str) -> Decimal | None:
        """Fen a person and month, or None where no standard is on record."""
        found = in_force(self.standards.get((kind, setting), ()), on, area)
        return None if found is None else found.value

    def area(self, wanted: AreaEntry) -> str:
        """The division's code; RowRefused."""
        key = (wanted.text, wanted.within)
        found = self._areas.get(key)
        if found is None:
            found = self._areas[key] = self._look_up(wanted)
        if isinstance(found, Fault):
            raise RowRefused([found])
        return found

    def _look_up(self, wanted: AreaEntry) -> str | Fault:
        if find_personal_data(wanted.text) or len(self._areas) > 20 * MOST_SUGGESTIONS:
            return Fault("UNKNOWN_AREA", "This is no area that nexus knows.", "area")
        try:
            within = self.gazetteer.resolve(wanted.within) if wanted.within else None
            try:
                return self.gazetteer.resolve(wanted.text, within=within)
            except UnknownArea:
                if within is None or not wanted.unknown_is_within:
                    raise
                self.wider[wanted.text] = self.wider.get(wanted.text, 0) + 1
                return within
        except Refusal as refusal:
            return Fault(refusal.code, refusal.message, "area")
