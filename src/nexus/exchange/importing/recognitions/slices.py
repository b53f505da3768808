"""One slice of the feed: what is on record of it, where new rows find their place, and writing."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import update

from nexus.core.copying import copy_rows
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.exchange.importing.model import ExternalRef, ImportRun, ObjectType
from nexus.exchange.importing.parties import Parties
from nexus.exchange.importing.recognitions import queries
from nexus.exchange.importing.recognitions.model import RECOGNITION_PARTS, Ref, Stated
from nexus.exchange.profiles.model import Profile
from nexus.exchange.reading.tables import Fault
from nexus.recipients.model import Recognition
from nexus.recipients.moving.operations import Move, follow_move
from nexus.recipients.recognitions.feed import operations as feed
from nexus.recipients.recognitions.feed import queries as record
from nexus.recipients.recognitions.feed.rules import Held, Periods
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.operations import record_identities
from nexus.recipients.vault.queries import recipients_by_id_number

MOVED = ("MOVED", "the person was on record in another household: moved to this one")
HOUSEHOLD, RECIPIENT = ObjectType.HOUSEHOLD.value, ObjectType.RECIPIENT.value


class Refused(Refusal):
    """Why one row is not taken."""

    def __init__(self, code: str, message: str, field: str) -> None:
        super().__init__(message, field=field)
        self.fault = Fault(code, message, field)


class Clash(Refusal):
    """It cannot stand beside `held`; after other rows of the file perhaps it can (INV-34)."""

    def __init__(self, held: Held) -> None:
        super().__init__(held.told())
        self.held = held


@dataclass
class Found:
    """What is on record of a slice; it grows as new rows find their place."""

    recognitions: queries.Refs
    households: queries.Refs
    persons: queries.Refs
    areas: dict[UUID, str] = field(default_factory=dict)
    """Household → area."""
    homes: dict[UUID, UUID] = field(default_factory=dict)
    """Recipient → household."""
    periods: Periods = field(default_factory=Periods)
    numbers: dict[str, UUID] = field(default_factory=dict)
    """ID number → the recipient who has it."""
    named: dict[UUID, str] = field(default_factory=dict)
    """Of those: the number this source knows them by."""

    def parties_of(self, each: Stated) -> tuple[Ref | None, Ref | None]:
        """The household and the person that a row names, as far as they are on record."""
        person = self.persons.get(each.person) if each.person else None
        return self.households.get(each.household), person


@dataclass
class New:
    """What a slice adds, written as a whole at its end."""

    households: list[feed.NewHousehold] = field(default_factory=list)
    recipients: list[feed.NewRecipient] = field(default_factory=list)
    recognitions: list[feed.NewRecognition] = field(default_factory=list)
    identities: dict[UUID, dict[IdentityField, str]] = field(default_factory=dict)
    moves: list[Move] = field(default_factory=list)
    refs: list[dict[str, Any]] = field(default_factory=list)
    parts: dict[UUID, dict[str, str]] = field(default_factory=dict)
    """External reference of somebody who moved → what the person is compared by now."""


@dataclass(frozen=True)
class Slice:
    """The parties and the source that a slice belongs to, with what is found and what is new."""

    parties: Parties
    profile: Profile
    run: ImportRun
    found: Found
    new: New

    def refer(
        self, type_: str, value: str, object_type: ObjectType, object_id: UUID, parts: Any
    ) -> Ref:
        """A new external reference, for the end of the slice."""
        row_id = new_id()
        self.new.refs.append(
            {
                "id": row_id,
                "system": self.profile.source,
                "type": type_,
                "value": value,
                "object_type": object_type.value,
                "object_id": object_id,
                "parts": parts,
                "first_seen_at": self.parties.act.now,
                "last_run_id": self.run.id,
            }
        )
        return Ref(row_id, object_id, parts)

    async def write(self) -> None:
        """Everything new, at once."""
        act, new = self.parties.act, self.new
        await feed.admit_people(act, new.households, new.recipients)
        for move in new.moves:
            await follow_move(act, move)
        await feed.admit(act, new.recognitions)
        if new.identities:
            await record_identities(act, new.identities)
        await copy_rows(act.session, ExternalRef, new.refs)
        for ref_id, parts in new.parts.items():
            await act.session.execute(
                update(ExternalRef).where(ExternalRef.id == ref_id).values(parts=parts)
            )


async def find(parties: Parties, profile: Profile, stated: Sequence[Stated]) -> Found:
    """The references of the rows, their households and persons."""
    session, source = parties.act.session, profile.source
    households, persons = queries.numbers_of(stated)
    return Found(
        await queries.refs_of(session, source, profile.type, [each.key for each in stated]),
        await queries.refs_of(session, source, HOUSEHOLD, households),
        await queries.refs_of(session, source, RECIPIENT, persons),
    )


async def hold(parties: Parties, profile: Profile, found: Found, touched: Sequence[Stated]) -> None:
    """Lock the households of the rows that are written, and read what else decides about them."""
    act = parties.act
    people = {ref.object_id for ref in found.persons.values() if ref.object_id}
    wanted = [each.id_number for each in touched if each.id_number is not None]
    if wanted:
        found.numbers = await recipients_by_id_number(act, wanted)
        theirs = found.numbers.values()
        found.named = await queries.named_otherwise(act.session, profile.source, set(theirs))
        people.update(theirs)
    found.homes = await record.households_of(act, people)
    households = {
        ref.object_id
        for each in touched
        if (ref := found.households.get(each.household)) and ref.object_id
    }
    households.update(found.homes[each] for each in found.numbers.values())
    households.update(
        found.homes[ref.object_id]
        for each in touched
        if each.person and (ref := found.persons.get(each.person)) and ref.object_id
    )
    found.areas = await record.hold_households(act, households)
    found.periods.joined = await record.joined_of(act, households)
    beside = set().union(*found.periods.joined.beside.values()) - households
    if beside:
        found.areas |= await record.hold_households(act, beside)


def check_subject(
    each: Stated, row: Recognition, household_id: UUID | None, recipient_id: UUID | None
) -> None:
    """The row is about whom its number was given to, and names somebody known."""
    subject = (None, recipient_id) if each.of_person else (household_id, None)
    if subject != (row.household_id, row.recipient_id):
        raise Refused(
            "SUBJECT_DIFFERS",
            "This number was given to another household or person: a recognition keeps its own. "
            "The authority gives a new number.",
            "number",
        )
    if each.person and recipient_id is None:
        raise Refused(
            "PERSON_ELSEWHERE",
            f"Person {each.person} is not on record in household {each.household}.",
            "person",
        )


def check_territory(slice_: Slice, each: Stated, household_id: UUID | None = None) -> None:
    """The voucher's: where the row says the household lives, and where it is on record."""
    covers = slice_.parties.vouch.actor.covers
    here = slice_.found.areas.get(household_id) if household_id else None
    for area in (each.area, here):
        if area is not None and not covers(area):
            raise Refused(
                "FORBIDDEN",
                f"Area {area} is not in the territory of the account that vouches.",
                "area",
            )


def place(slice_: Slice, each: Stated, authority_id: UUID) -> None:
    """Find the row its household and person, make those that are new, and put it beside them.

    Refused, or Clash with what stands in its way; then nothing is added.
    """
    found, new = slice_.found, slice_.new
    home = found.households.get(each.household)
    person_id, known = _person(slice_, each)
    linked = found.homes.get(person_id) if person_id and not known else None
    household_id = home.object_id if home else linked
    check_territory(slice_, each, household_id)
    fresh = household_id is None
    household_id = household_id or new_id()
    recipient_id = person_id or (new_id() if each.person else None)
    subject_id = recipient_id if each.of_person else household_id
    assert subject_id is not None
    said = each.said
    held = Held(
        subject_id, not each.of_person, said.category, said.valid_from, said.valid_to, each.key
    )
    left = moves_from(slice_, each, person_id, household_id)
    listed = household_id
    if each.of_person and left is None and person_id in found.homes:
        listed = found.homes[person_id]
    clash = _join(slice_, person_id, left, listed, held)
    if clash is not None:
        raise Clash(clash)
    found.periods.extend([(listed, held)])
    if left is not None and person_id is not None:
        _move_in(slice_, each, person_id, household_id, known=known)
    if home is None:
        add_household(slice_, each, household_id, fresh=fresh)
    if each.person is not None and not known:
        assert recipient_id is not None
        _add_person(slice_, each, recipient_id, household_id, fresh=person_id is None)
    row_id, subject = new_id(), recipient_id if each.of_person else None
    new.recognitions.append(
        feed.NewRecognition(row_id, household_id, subject, each.area, authority_id, said)
    )
    parts = recognition_parts(each)
    slice_.refer(slice_.profile.type, each.key, ObjectType.RECOGNITION, row_id, parts)


def _move_in(
    slice_: Slice, each: Stated, person_id: UUID, household_id: UUID, *, known: bool
) -> None:
    """The person joins the row's household when the slice is written."""
    found, new = slice_.found, slice_.new
    new.moves.append(Move(person_id, household_id, each.role))
    found.homes[person_id] = household_id
    each.warnings.append(MOVED)
    if known and each.person:
        ref = found.persons[each.person]
        new.parts[ref.id] = person_parts(each)
        found.persons[each.person] = replace(ref, parts=person_parts(each))


def recognition_parts(each: Stated) -> dict[str, str]:
    """What a known recognition is compared by, and how old the statement is."""
    parts = {name: each.parts[name] for name in RECOGNITION_PARTS}
    return parts | {"stated_on": each.stated_on.isoformat()} if each.stated_on else parts


def moves_from(
    slice_: Slice, each: Stated, person_id: UUID | None, household_id: UUID
) -> UUID | None:
    """The household that the row's person leaves for the one it names; None where they stay.

    Also where they were moved here and the row says what it said before. Refused where the voucher
    has no say over the household left, or an earlier row of the import names another one.
    """
    found = slice_.found
    left = found.homes.get(person_id) if person_id else None
    if left is None or left == household_id:
        return None
    ref = found.persons.get(each.person) if each.person else None
    if ref is not None and ref.parts.get("home") == each.household:
        return None
    area = found.areas.get(left)
    if each.contradicted or not (area is None or slice_.parties.vouch.actor.covers(area)):
        raise Refused(
            "PERSON_ELSEWHERE",
            f"Person {each.person} is on record in another household than {each.household}, which "
            "an earlier row names or which lies outside the territory of the account that vouches.",
            "household",
        )
    return left


def _join(
    slice_: Slice, person_id: UUID | None, left: UUID | None, household_id: UUID, held: Held
) -> Held | None:
    """What the row cannot stand beside once its person has moved; then they have not."""
    periods = slice_.found.periods
    if left is None or person_id is None:
        return periods.conflict(household_id, held)
    today = slice_.parties.act.actor.today()
    since = periods.joined.since.get(person_id)
    clash = periods.move(person_id, left, household_id, today)
    if clash is None and (clash := periods.conflict(household_id, held)) is not None:
        periods.move(person_id, household_id, left, since or date.min)
    return clash


def _person(slice_: Slice, each: Stated) -> tuple[UUID | None, bool]:
    """(the recipient, whether this source knows them); (None, False) for somebody new."""
    found = slice_.found
    if each.person is None:
        return None, False
    ref = found.persons.get(each.person)
    recipient_id = ref.object_id if ref else None
    taken = found.numbers.get(each.id_number) if each.id_number else None
    if taken is not None and taken != recipient_id:
        other = found.named.get(taken)
        if other is not None or recipient_id is not None:
            who = f"person {other}" if other else "another recipient"
            raise Refused(
                "ID_NUMBER_TAKEN",
                f"The ID number is that of {who}: one of the two is wrong.",
                "id_number",
            )
        recipient_id = taken
        each.warnings.append(("KNOWN_PERSON", "the person was on record here already: linked"))
    return recipient_id, ref is not None


def add_household(slice_: Slice, each: Stated, household_id: UUID, *, fresh: bool) -> None:
    found = slice_.found
    if fresh:
        slice_.new.households.append(feed.NewHousehold(household_id, each.size, each.area))
        found.areas[household_id] = each.area
    parts = {"household": each.parts["household"]}
    ref = slice_.refer(HOUSEHOLD, each.household, ObjectType.HOUSEHOLD, household_id, parts)
    found.households[each.household] = ref


def _add_person(
    slice_: Slice, each: Stated, recipient_id: UUID, household_id: UUID, *, fresh: bool
) -> None:
    found = slice_.found
    assert each.person is not None
    if fresh:
        slice_.new.recipients.append(
            feed.NewRecipient(
                recipient_id, household_id, each.area, each.role, each.birth_year, each.gender
            )
        )
        found.homes[recipient_id] = household_id
        if each.identity:
            slice_.new.identities[recipient_id] = each.identity
    if each.id_number:
        found.numbers[each.id_number] = recipient_id
    found.named[recipient_id] = each.person
    parts = person_parts(each)
    ref = slice_.refer(RECIPIENT, each.person, ObjectType.RECIPIENT, recipient_id, parts)
    found.persons[each.person] = ref


def person_parts(each: Stated) -> dict[str, str]:
    """What a known person is compared by: identity by a keyed digest, and the household's number.

    Where somebody moved the person here, that stands until the source names another household.
    """
    return {name: each.parts[name] for name in ("person", "identity", "home")}
