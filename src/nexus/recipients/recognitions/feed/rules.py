"""What a statement of the authority says, what cannot stand beside it, and the way to its state."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from uuid import UUID

from nexus.core.refusals import GuardFailed
from nexus.recipients.model import (
    RECOGNITION_TRANSITIONS,
    Level,
    RecheckClass,
    RecognitionState,
)
from nexus.recipients.rules import excluded_by, kind_of, recheck_due, taper_end

WAYS = ("confirm", "uphold", "taper", "suspend", "reinstate", "end")
"""Verbs by which a statement may move a recognition."""
PERSONAL = ("TK", "GE", "SW", "LL")
"""Categories of single persons; the others are of households unless the statement says so."""
SINGLE = "DB-S"
FOREVER = date.max


class FinalState(GuardFailed):
    """The recognition is over here: a statement that it holds again needs a number of its own."""

    code = "FINAL_STATE"


@dataclass(frozen=True, slots=True)
class Statement:
    """One recognition as the authority states it, codes and figures looked up."""

    category: str
    level: Level
    decided_on: date
    valid_from: date
    valid_to: date | None
    state: RecognitionState
    rule_version: str
    income_ratio: Decimal | None = None
    flags: tuple[str, ...] = ()
    checked_on: date | None = None
    recheck_class: RecheckClass | None = None
    recheck_months: int | None = None
    recheck_rule: str | None = None
    tapered_on: date | None = None
    taper_months: int | None = None
    taper_rule: str | None = None
    end_reason: str | None = None
    reason: str | None = None

    @property
    def recheck_due_on(self) -> date | None:
        """Last check + months of the class (INV-35)."""
        return recheck_due(self.checked_on, self.recheck_months)


def of_person(category: str) -> bool:
    """Whether the category is one of single persons, such as tekun and single-person dibao."""
    return category == SINGLE or category.partition("-")[0] in PERSONAL


@dataclass(slots=True)
class Ending:
    """How far a recognition reaches by a statement, and the state it is in today."""

    state: RecognitionState
    valid_to: date | None
    end_reason: str | None


def settle(
    state: RecognitionState,
    *,
    valid_from: date,
    valid_to: date | None,
    tapered_on: date | None,
    taper_months: int,
    ended_on: date | None,
    end_reason: str | None,
    today: date,
) -> Ending:
    """The end that follows from what is stated, and whether it is reached already."""
    if state is RecognitionState.ENDED and ended_on is not None and ended_on > today:
        state, valid_to = RecognitionState.ACTIVE, ended_on
    if state is RecognitionState.ENDED:
        over = ended_on or (valid_to if valid_to and valid_to <= today else today)
        return Ending(state, max(over, valid_from + timedelta(days=1)), end_reason or "OTHER")
    if state is RecognitionState.TAPER and tapered_on is not None:
        valid_to = taper_end(tapered_on, taper_months)
        if valid_to <= today:
            return Ending(RecognitionState.ENDED, valid_to, "TAPER_OVER")
        return Ending(state, valid_to, None)
    if valid_to is not None and valid_to <= today:
        return Ending(RecognitionState.ENDED, valid_to, "PERIOD_OVER")
    return Ending(state, valid_to, None)


def way(state: RecognitionState, target: RecognitionState) -> list[str]:
    """The verbs that lead from a state to another, fewest first; FinalState where none do."""
    table = RECOGNITION_TRANSITIONS
    reached: dict[RecognitionState, list[str]] = {state: []}
    queue = deque([state])
    while queue:
        here = queue.popleft()
        if here is target:
            return reached[here]
        for verb in WAYS:
            there = table.moves[verb].get(here)
            if there is not None and there not in reached:
                reached[there] = [*reached[here], verb]
                queue.append(there)
    raise FinalState(
        f"This recognition is {state.value} here, and stays so: if it holds again, the authority "
        f"gives it a new number.",
        rule="INV-21",
        state=state.name,
    )


@dataclass(frozen=True, slots=True)
class Held:
    """A recognition on record or about to be: of whom, what, from when to when."""

    subject_id: UUID
    of_household: bool
    category: str
    valid_from: date
    valid_to: date | None
    name: str
    """The authority's number of it, or ours."""
    recognition_id: UUID | None = None
    """Null while it is not written yet."""

    def overlaps(self, valid_from: date, valid_to: date | None) -> bool:
        """Whether a day lies in both periods, ends excluded."""
        return self.valid_from < (valid_to or FOREVER) and valid_from < (self.valid_to or FOREVER)

    def told(self) -> str:
        """As a message names it."""
        until = f"until {self.valid_to}" if self.valid_to else "without an end"
        return f"{self.category} ({self.name}) from {self.valid_from} {until}"


@dataclass(slots=True)
class Joined:
    """Records that were merged, and who moved in when, of the households of a slice."""

    same: dict[UUID, UUID] = field(default_factory=dict)
    """Recipient or household → the record that stays for it."""
    beside: dict[UUID, set[UUID]] = field(default_factory=dict)
    """Household → others in which a record of it, or of a member, lives."""
    homes: dict[UUID, set[UUID]] = field(default_factory=dict)
    """Merged person, by the record that stays → their households, likewise."""
    since: dict[UUID, date] = field(default_factory=dict)
    """Recipient → the day since which they live where they do."""

    def root(self, key: UUID) -> UUID:
        """The record that stays for it."""
        return self.same.get(key, key)

    def lives(self, person: UUID, home: UUID, listed: UUID) -> bool:
        """Whether the person, listed with a household, lives in `home`."""
        known = self.homes.get(self.root(person))
        return self.root(home) in (known or {self.root(listed)})


def beside_of(groups: Iterable[set[UUID]]) -> dict[UUID, set[UUID]]:
    """Household → the others that groups with common households join it with."""
    whole: list[set[UUID]] = []
    for group in groups:
        touching = [one for one in whole if one & group]
        whole = [one for one in whole if not one & group] + [group.union(*touching)]
    return {one: group - {one} for group in whole for one in group}


@dataclass(slots=True)
class Periods:
    """The recognitions of some households and their members, by household."""

    by_household: dict[UUID, list[Held]] = field(default_factory=dict)
    joined: Joined = field(default_factory=Joined)

    def extend(self, found: Iterable[tuple[UUID, Held]]) -> None:
        """(household, recognition) of each."""
        for household_id, held in found:
            self.by_household.setdefault(household_id, []).append(held)

    def conflict(self, household_id: UUID, wanted: Held) -> Held | None:
        """One that cannot stand beside it, on any day of its period (INV-34).

        The same kind of the same subject; or dibao beside tekun of one person, whose own and
        whose household's count together.
        """
        kind, excluded = kind_of(wanted.category), excluded_by(wanted.category)
        for listed in (household_id, *self.joined.beside.get(household_id, ())):
            for held in self.by_household.get(listed, ()):
                if not held.overlaps(wanted.valid_from, wanted.valid_to):
                    continue
                if self.joined.root(held.subject_id) == self.joined.root(wanted.subject_id):
                    if kind_of(held.category) == kind:
                        return held
                elif held.category.partition("-")[0] in excluded and self._together(
                    held, listed, wanted, household_id
                ):
                    return held
        return None

    def _together(self, held: Held, listed: UUID, wanted: Held, household_id: UUID) -> bool:
        """One is of a household, the other of who lives there, on a day that both hold."""
        if held.of_household == wanted.of_household:
            return False
        if held.of_household:
            home, person, where = held.subject_id, wanted.subject_id, household_id
        else:
            home, person, where = wanted.subject_id, held.subject_id, listed
        since = self.joined.since.get(person, date.min)
        late = all(one.valid_to is None or one.valid_to > since for one in (held, wanted))
        return late and self.joined.lives(person, home, where)

    def move(self, recipient_id: UUID, before: UUID, after: UUID, today: date) -> Held | None:
        """List what is the person's with the household joined; or what it cannot stand beside."""
        mine = [
            held
            for held in self.by_household.get(before, ())
            if held.subject_id == recipient_id and not held.of_household
        ]
        since = self.joined.since.get(recipient_id)
        self.joined.since[recipient_id] = today
        for held in mine:
            self.by_household[before].remove(held)
        clash = next((one for held in mine if (one := self.conflict(after, held))), None)
        self.by_household.setdefault(before if clash else after, []).extend(mine)
        if clash is not None and since is None:
            del self.joined.since[recipient_id]
        elif clash is not None and since is not None:
            self.joined.since[recipient_id] = since
        return clash
