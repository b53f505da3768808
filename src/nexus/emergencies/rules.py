"""What is right in an emergency event: its words, its divisions, its phases, its relaxed rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

from nexus.core.personal_data import find_personal_data
from nexus.core.refusals import GuardFailed, Invalid
from nexus.emergencies.model import OF_EVENTS, EmergencyPhase, RelaxedRule

MAX_NAME = 200
MAX_TEXT = 5000
DIVISION_LENGTHS = (12, 9, 6, 4, 2)


@dataclass(frozen=True, kw_only=True)
class PhaseInput:
    """When a phase begins and ends, end-exclusive; `ends_on` None: it runs on."""

    phase: EmergencyPhase
    starts_on: date
    ends_on: date | None = None


def seat_of(codes: Sequence[str]) -> str:
    """The narrowest division that holds all of these; CN when nothing smaller does."""
    if "CN" in codes:
        return "CN"
    first = min(codes, key=len)
    starts = (first[:length] for length in DIVISION_LENGTHS if length <= len(first))
    return next((s for s in starts if all(code.startswith(s) for code in codes)), "CN")


def check_areas(codes: Sequence[str]) -> list[str]:
    """At least one; what another one holds is left out."""
    if not codes:
        raise Invalid("An emergency covers at least one area: name it in areas.", field="areas")
    if "CN" in codes:
        return ["CN"]
    known = sorted(set(codes))
    return [c for c in known if not any(c != o and c.startswith(o) for o in known)]


def check_phases(phases: Sequence[PhaseInput]) -> list[PhaseInput]:
    """Each phase once, in their order, none beginning before the one before it has ended."""
    order = list(EmergencyPhase)
    kept = sorted(phases, key=lambda one: order.index(one.phase))
    if len({one.phase for one in kept}) < len(kept):
        raise Invalid("Each phase has one period: merge those of the same phase.", field="phases")
    for one in kept:
        if one.ends_on is not None and one.ends_on <= one.starts_on:
            raise Invalid(f"Phase {one.phase.name} must end after it begins.", field="phases")
    for first, second in pairwise(kept):
        if first.ends_on is None or second.starts_on < first.ends_on:
            raise Invalid(
                f"Phase {second.phase.name} begins before {first.phase.name} has ended: the phases "
                "follow each other.",
                field="phases",
            )
    return kept


def check_rules(rules: Sequence[RelaxedRule]) -> list[str]:
    """The values, each once, in the order of the enum."""
    foreign = [rule.name for rule in rules if rule not in OF_EVENTS]
    if foreign:
        raise Invalid(
            f"An event does not relax {', '.join(foreign)}: that is decided for one need.",
            field="relaxedRules",
        )
    return [rule.value for rule in OF_EVENTS if rule in rules]


def check_words(texts: Mapping[str, str | None]) -> dict[str, str]:
    """Every text there, trimmed, and free of personal data: events are public (INV-13)."""
    kept = {}
    for field, text in texts.items():
        told = (text or "").strip()
        most = MAX_NAME if field == "name" else MAX_TEXT
        if not told:
            raise Invalid(f"{field} is missing: say it in a sentence.", field=field)
        if len(told) > most:
            raise Invalid(f"{field} has {len(told)} characters; at most {most} fit.", field=field)
        kinds = sorted({one.kind.value for one in find_personal_data(told)})
        if kinds:
            raise GuardFailed(
                f"{field} contains personal data ({', '.join(kinds)}). Take it out: an emergency "
                "event is public.",
                field=field,
                rule="INV-13",
                kinds=kinds,
            )
        kept[field] = told
    return kept
