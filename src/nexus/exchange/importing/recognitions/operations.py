"""One import of a feed: known rows are followed where they differ, new ones are admitted."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, literal, update

from nexus.accounts.model import Account
from nexus.accounts.rules import MACHINES
from nexus.acting import EVERYWHERE, Role
from nexus.core.ids import new_id
from nexus.core.refusals import Refusal
from nexus.exchange.importing.model import ExternalRef
from nexus.exchange.importing.parties import WhoRefused
from nexus.exchange.importing.recognitions import queries, rules
from nexus.exchange.importing.recognitions.model import RECOGNITION_PARTS, Ref, Stated
from nexus.exchange.importing.recognitions.slices import (
    MOVED,
    Clash,
    Found,
    New,
    Refused,
    Slice,
    add_household,
    check_subject,
    check_territory,
    find,
    hold,
    moves_from,
    person_parts,
    place,
    recognition_parts,
)
from nexus.exchange.importing.recognitions.words import Words
from nexus.exchange.importing.rules import fault_of
from nexus.exchange.importing.running import Import
from nexus.exchange.profiles.loading import IDENTITY
from nexus.exchange.profiles.rules import RowRefused, entry_of, key_of
from nexus.exchange.reading.tables import Fault, Row
from nexus.recipients.model import Household, Recipient, Recognition
from nexus.recipients.moving.operations import Move, follow_move
from nexus.recipients.operations import update_household, update_recipient
from nexus.recipients.recognitions.feed.operations import NewHousehold, admit_people, follow
from nexus.recipients.recognitions.feed.queries import recognitions_of
from nexus.recipients.recognitions.operations import PeriodConflict
from nexus.recipients.vault.operations import record_identity

UNQUOTED = {
    "DATE": "This is no date: write it as 2020-02-05.",
    "UNKNOWN_VALUE": "This is not among the values the profile knows: correct it, or add it there.",
}
"""Faults whose usual message repeats the cell: where columns have slipped it may hold a name."""
PARTIES = ("household", "person", "identity", "home")
VOUCHERS = EVERYWHERE | {Role.GOV_APPROVER}
"""Who speaks for the authority in person; its system is an API client (INV-17)."""


@dataclass
class Feed(Import):
    """Takes the rows of a feed in slices; what clashes is tried again at the end."""

    words: Words | None = None
    stated: dict[str, int] = field(default_factory=dict)
    """Key → a hash of what its first row says."""
    parties_stated: dict[int, int] = field(default_factory=dict)
    """Household or person → what the first row about them says, both as hashes."""
    deferred: list[tuple[Stated, Refusal]] = field(default_factory=list)
    slice: ClassVar[int] = 2_000

    async def open(self) -> None:
        """The codes and figures that rows are read with. WhoRefused unless the authority speaks."""
        person = self.parties.held[0]
        assert isinstance(person, Account)
        if person.role not in VOUCHERS and not person.username.startswith(MACHINES):
            raise WhoRefused(
                f"Role {person.role.name} cannot vouch for recognitions: the authority's approver "
                "does, its own API client, or the platform. Name one with --as."
            )
        with_identity = any(name in self.profile.fields for name in IDENTITY)
        self.words = await queries.words_of(self.parties.act, with_identity=with_identity)

    def read(self, rows: list[Row]) -> list[Stated]:
        """The statements of the rows; what is refused here is not among them."""
        assert self.words is not None
        read = [one for row in rows if (one := self._read(row, self.words)) is not None]
        self.report.distinct_keys = len(self.keys)
        return read

    async def take(self, rows: list[Stated]) -> None:
        """Some statements: write what is new or changed."""
        await self._settle(rows)
        self.tell()

    async def finish(self, passed: list[str]) -> None:
        """What clashed is tried again as long as that helps; then as every import ends."""
        waiting = len(self.deferred) + 1
        while 0 < len(self.deferred) < waiting:
            waiting = len(self.deferred)
            again = [each for each, _ in self.deferred]
            self.deferred = []
            for start in range(0, len(again), self.slice):
                await self._settle(again[start : start + self.slice])
        await self._refuse_deferred()
        self.report.rejected.sort(key=lambda note: (note.file, note.row))
        self.wider.update(self.words.wider if self.words else {})
        await super().finish(passed)

    def _read(self, row: Row, words: Words) -> Stated | None:
        """The row's statement; None when it is refused, or repeats another."""
        self.report.rows_read += 1
        self._note_columns(row)
        try:
            key = key_of(self.profile, row)
        except RowRefused as refused:
            self.report.keyless += 1
            self._refuse(row, "", refused.faults)
            return None
        self.keys.add(key)
        try:
            one = rules.read(row, entry_of(self.profile, row, key), words)
        except RowRefused as refused:
            self._refuse(row, key, [_unquoted(fault) for fault in refused.faults])
            return None
        said = hash(tuple(one.parts.values()))
        if key in self.seen:
            self._repeat(row, key, [] if self.stated[key] == said else ["content"])
            return None
        self.seen[key], self.stated[key] = (row.file, row.number), said
        self._note_parties(one)
        return one

    def _note_parties(self, each: Stated) -> None:
        """Of several rows about one household or person the first counts; the others are told."""
        for name in PARTIES if each.person else PARTIES[:1]:
            said = hash(each.parts[name])
            if self.parties_stated.setdefault(_party(name, each), said) != said:
                told = f"an earlier row says something else of this {name}: the first one counts"
                self.report.warn(each.row, each.key, told, code="DIFFERS")
                each.contradicted = each.contradicted or name == "home"

    async def _settle(self, stated: Sequence[Stated]) -> None:
        found = await find(self.parties, self.profile, stated)
        known_ids = [ref.id for ref in found.recognitions.values()]
        slice_ = Slice(self.parties, self.profile, self.run, found, New())
        touched = [each for each in stated if not self._is_unchanged(each, found)]
        if touched:
            await hold(self.parties, self.profile, found, touched)
            fresh = [each for each in touched if each.key not in found.recognitions]
            for each in touched:
                if (ref := found.recognitions.get(each.key)) is not None:
                    await self._follow(slice_, each, ref)
            if fresh:
                found.periods.extend(await recognitions_of(self.parties.act, found.areas))
                await self._place(slice_, fresh)
        await slice_.write()
        if known_ids:
            await self.session.execute(
                update(ExternalRef)
                .where(ExternalRef.id == any_(literal(known_ids, ARRAY(Uuid()))))
                .values(last_run_id=self.run.id)
                .execution_options(synchronize_session=False)
            )
        await self.session.flush()

    def _is_unchanged(self, each: Stated, found: Found) -> bool:
        """Nothing to do: as it was, or older than what is known."""
        ref = found.recognitions.get(each.key)
        if ref is None:
            return False
        newer = ref.parts.get("stated_on")
        if newer and each.stated_on and each.stated_on.isoformat() < newer:
            told = f"stated on {each.stated_on}, older than what is known of {newer}: left as it is"
            self.report.warn(each.row, each.key, told, code="OUT_OF_DATE")
        elif self._changed(each, found, ref):
            return False
        self.report.unchanged += 1
        self.report.show(each.row, each.key, "unchanged")
        return True

    def _changed(self, each: Stated, found: Found, ref: Ref) -> list[str]:
        changed = [name for name in RECOGNITION_PARTS if ref.parts.get(name) != each.parts[name]]
        return changed + self._changed_parties(each, found)

    def _changed_parties(self, each: Stated, found: Found) -> list[str]:
        changed = []
        household, person = found.parties_of(each)
        for name in PARTIES:
            known = household if name == "household" else person
            if known is None:
                if name == "household" or (name == "person" and each.person):
                    changed.append(name)
            elif not each.identity if name == "identity" else name not in known.parts:
                continue
            elif each.parts[name] != known.parts.get(name) and self._is_first(name, each):
                changed.append(name)
        return changed

    def _is_first(self, name: str, each: Stated) -> bool:
        return self.parties_stated[_party(name, each)] == hash(each.parts[name])

    # --- Known rows ---

    async def _follow(self, slice_: Slice, each: Stated, ref: Ref) -> None:
        changed = self._changed(each, slice_.found, ref)
        try:
            async with self.session.begin_nested():
                await self._bring(slice_, each, ref, changed)
                await self.session.flush()
        except PeriodConflict as refusal:
            self.deferred.append((each, refusal))
            return
        except Refused as refusal:
            self._refuse(each.row, each.key, [refusal.fault])
            return
        except Refusal as refusal:
            self._refuse(each.row, each.key, [fault_of(refusal)])
            return
        self.report.updated += 1
        self.report.show(each.row, each.key, "updated")
        for part in changed:
            self.report.changed[part] = self.report.changed.get(part, 0) + 1
        self._warn(each)

    async def _bring(self, slice_: Slice, each: Stated, ref: Ref, changed: list[str]) -> None:
        """The household, the person and the recognition to what the row says."""
        found = slice_.found
        assert ref.object_id is not None
        row = await self.session.get_one(Recognition, ref.object_id, populate_existing=True)
        household, person = found.parties_of(each)
        household_id = household.object_id if household else None
        recipient_id = person.object_id if person else None
        check_territory(slice_, each, household_id)
        check_subject(each, row, household_id, recipient_id)
        fresh = household_id is None
        if household_id is None:
            household_id = await self._new_household(each)
            changed.remove("household")
        moved = await self._moved(slice_, each, recipient_id, household_id)
        lives = household_id
        if recipient_id is not None and not moved:
            lives = found.homes.get(recipient_id, household_id)
        await self._bring_parties(each, changed, household_id, recipient_id)
        if said := _news(row, each, changed):
            row = await follow(
                self.parties.act,
                row.id,
                each.said,
                said,
                household_id=lives if each.of_person else household_id,
                recipient_id=recipient_id if each.of_person else None,
            )
        await self._keep(ref.id, recognition_parts(each), row.id)
        await self.session.flush()
        if fresh:
            add_household(slice_, each, household_id, fresh=False)
            found.areas[household_id] = each.area
        if moved and recipient_id is not None:
            found.homes[recipient_id] = household_id
            found.periods.joined.since[recipient_id] = self.parties.act.actor.today()

    async def _new_household(self, each: Stated) -> UUID:
        """A household of which no row is known yet, for a person on record who joins it."""
        household_id = new_id()
        home = NewHousehold(household_id, each.size, each.area)
        await admit_people(self.parties.act, [home], [])
        return household_id

    async def _moved(
        self, slice_: Slice, each: Stated, recipient_id: UUID | None, household_id: UUID
    ) -> bool:
        """Bring the person to the household that the row newly names; whether they moved."""
        if recipient_id is None or moves_from(slice_, each, recipient_id, household_id) is None:
            return False
        await follow_move(self.parties.act, Move(recipient_id, household_id, each.role))
        each.warnings.append(MOVED)
        return True

    async def _bring_parties(
        self,
        each: Stated,
        changed: list[str],
        household_id: UUID | None,
        recipient_id: UUID | None,
    ) -> None:
        act = self.parties.act
        if "household" in changed and household_id is not None:
            home = await self.session.get_one(Household, household_id, populate_existing=True)
            await update_household(
                act, home.id, expected_version=home.version, size=each.size, area_code=each.area
            )
            await self._keep_of(household_id, {"household": each.parts["household"]})
        if recipient_id is None:
            return
        if "person" in changed:
            who = await self.session.get_one(Recipient, recipient_id, populate_existing=True)
            await update_recipient(
                act,
                who.id,
                expected_version=who.version,
                household_role=each.role,
                birth_year=each.birth_year,
                gender=each.gender,
            )
        if "identity" in changed and each.identity:
            await record_identity(act, recipient_id, given=each.identity)
        if {"person", "identity", "home"}.intersection(changed):
            await self._keep_of(recipient_id, person_parts(each))

    async def _keep(self, ref_id: UUID, parts: dict[str, str], object_id: UUID) -> None:
        await self.session.execute(
            update(ExternalRef)
            .where(ExternalRef.id == ref_id)
            .values(parts=parts, object_id=object_id)
            .execution_options(synchronize_session=False)
        )

    async def _keep_of(self, object_id: UUID, parts: dict[str, str]) -> None:
        row = ExternalRef
        await self.session.execute(
            update(row)
            .where(row.system == self.profile.source, row.object_id == object_id)
            .values(parts=parts)
            .execution_options(synchronize_session=False)
        )

    # --- New rows ---

    async def _place(self, slice_: Slice, fresh: Sequence[Stated]) -> None:
        for each in fresh:
            try:
                place(slice_, each, self.parties.publisher_id)
            except Clash as clash:
                self.deferred.append((each, clash))
            except Refused as refusal:
                self._refuse(each.row, each.key, [refusal.fault])
            else:
                await self._bring_known(slice_.found, each)
                self.report.created += 1
                self.report.show(each.row, each.key, "created")
                self._warn(each)

    async def _bring_known(self, found: Found, each: Stated) -> None:
        """What a new row says of the household and the person on record, as a known row does."""
        household, person = found.parties_of(each)
        await self._bring_parties(
            each,
            self._changed_parties(each, found),
            household.object_id if household else None,
            person.object_id if person else None,
        )

    def _warn(self, each: Stated) -> None:
        for code, message in dict.fromkeys(each.warnings):
            self.report.warn(each.row, each.key, message, code=code)

    async def _refuse_deferred(self) -> None:
        ids = {
            clash.held.recognition_id
            for _, clash in self.deferred
            if isinstance(clash, Clash) and clash.held.recognition_id
        }
        numbers = await queries.numbers_by_recognition(self.session, self.profile.source, ids)
        for each, refusal in self.deferred:
            told = refusal.message
            if isinstance(refusal, Clash):
                held = refusal.held
                if held.recognition_id in numbers:
                    told = told.replace(held.name, f"{numbers[held.recognition_id]}, {held.name}")
                told = (
                    f"{each.said.category} ({each.key}) from {each.said.valid_from} cannot stand "
                    f"beside {told}: end one of them, or correct its period."
                )
            self._refuse(each.row, each.key, [Fault("PERIOD_CONFLICT", told, "valid_from")])
        self.deferred = []


def _news(row: Recognition, each: Stated, changed: Collection[str]) -> list[str]:
    """What the row says of the recognition itself: that its person has moved is none of it."""
    said = [name for name in RECOGNITION_PARTS if name in changed]
    same = (row.category, row.valid_from) == (each.said.category, each.said.valid_from)
    if each.of_person and same and "subject" in said:
        said.remove("subject")
    return said


def _party(name: str, each: Stated) -> int:
    return hash((name, each.household if name == "household" else each.person))


def _unquoted(fault: Fault) -> Fault:
    return Fault(fault.code, UNQUOTED.get(fault.code, fault.message), fault.field)
