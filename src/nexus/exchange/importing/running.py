"""One run of an import: rows are looked up, written or refused, and every one is counted."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.areas.model import COUNTRY
from nexus.areas.queries import resolve_area
from nexus.areas.rules import UnknownArea
from nexus.core.refusals import Refusal
from nexus.exchange.importing import needs, offers, tickets
from nexus.exchange.importing.model import ExternalRef, ImportRun
from nexus.exchange.importing.parties import Parties
from nexus.exchange.importing.rules import (
    GIVEN_BACK,
    Report,
    RowNote,
    changed_parts,
    digests,
    fault_of,
)
from nexus.exchange.profiles.model import Absence, AreaEntry, Entry, ImportKind, Profile
from nexus.exchange.profiles.rules import RowRefused, entry_of, key_of
from nexus.exchange.profiles.values import is_blank
from nexus.exchange.reading.folders import rows_of
from nexus.exchange.reading.tables import Fault, FileRefused, Row

CHUNK = 200
"""Rows looked up and flushed together."""
FEW = 10
"""So few may always be absent; above that the profile's largest share counts."""


class Wanted(Protocol):
    """A row with its codes looked up, of any kind."""

    notes: list[str]

    def parts(self) -> dict[str, Any]:
        """Part of the content → plain value."""


@dataclass(frozen=True)
class Target:
    """What a kind of import does with its rows."""

    read: Callable[[Parties, Profile, Entry, str], Awaitable[Wanted]]
    create: Callable[[Parties, Any, ExternalRef, Profile], Awaitable[None]]
    update: Callable[[Parties, Any, ExternalRef, Profile, list[str]], Awaitable[None]]
    withdraw: Callable[[Parties, ExternalRef], Awaitable[None]]


TARGETS = {
    ImportKind.NEEDS: Target(needs.read, needs.create, needs.update, needs.withdraw),
    ImportKind.OFFERS: Target(offers.read, offers.create, offers.update, offers.withdraw),
    ImportKind.TICKETS: Target(tickets.read, tickets.create, tickets.update, tickets.withdraw),
}


@dataclass
class Import:
    """One run: what was seen so far, and what is done with the next rows."""

    session: AsyncSession
    profile: Profile
    report: Report
    parties: Parties
    run: ImportRun
    before: dict[str, Any]
    """The figures of the import of this source before this one."""
    keys: set[str] = field(default_factory=set)
    seen: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Key → where it stood first: file and row."""
    wider: Counter[str] = field(default_factory=Counter)
    """Names that are no division, for which the wider one was taken → rows."""
    unknown: Counter[str] = field(default_factory=Counter)
    """Columns that the profile does not name → rows that have something in them."""
    tell: Callable[[], None] = lambda: None
    slice: ClassVar[int] = CHUNK

    @property
    def target(self) -> Target:
        return TARGETS[self.profile.kind]

    async def open(self) -> None:
        """Before the first row: look up what reading needs."""

    def rows(self, files: list[Path], root: Path) -> Iterator[Any]:
        """What the files hold, one after the other. FileRefused at the first bad file."""
        return rows_of(files, root, self.profile.layout)

    def read(self, rows: list[Row]) -> list[Any]:
        """What is made of rows without the database: in a thread, while those before are taken."""
        return rows

    async def take(self, rows: list[Any]) -> None:
        """Some rows: read them, then write what is new or changed."""
        keyed = []
        for row in rows:
            self.report.rows_read += 1
            self._note_columns(row)
            try:
                keyed.append((row, key_of(self.profile, row)))
            except RowRefused as refused:
                self.report.keyless += 1
                self.report.refuse(row, None, refused.faults)
        self.keys.update(key for _, key in keyed)
        self.report.distinct_keys = len(self.keys)
        refs = await self._refs([key for _, key in keyed])
        for row, key in keyed:
            await self._take_one(row, key, refs)
        await self.session.flush()
        self.tell()

    async def _refs(self, keys: list[str]) -> dict[str, ExternalRef]:
        found = await self.session.scalars(
            select(ExternalRef).where(
                ExternalRef.system == self.profile.source,
                ExternalRef.type == self.profile.type,
                ExternalRef.value.in_(keys),
            )
        )
        return {ref.value: ref for ref in found}

    async def _take_one(self, row: Row, key: str, refs: dict[str, ExternalRef]) -> None:
        ref = refs.get(key)
        if ref is not None:
            ref.last_run_id = self.run.id
        try:
            entry = entry_of(self.profile, row, key)
            area = await self._area(entry.area)
            wanted = await self.target.read(self.parties, self.profile, entry, area)
        except RowRefused as refused:
            self._refuse(row, key, refused.faults)
            return
        except Refusal as refusal:
            self._refuse(row, key, [fault_of(refusal)])
            return
        parts = digests(wanted.parts())
        self._count_lines(entry)
        if key in self.seen:
            self._repeat(row, key, changed_parts(refs[key].parts, parts))
            return
        if ref is None:
            done = await self._create(row, key, wanted, parts, refs)
        else:
            done = await self._update(row, ref, wanted, parts)
        if done:
            self.seen[key] = (row.file, row.number)

    async def _area(self, area: AreaEntry | None) -> str:
        if area is None:
            return COUNTRY
        within = await resolve_area(self.session, area.within) if area.within else None
        try:
            return await resolve_area(self.session, area.text, within=within)
        except UnknownArea:
            if within is None or not area.unknown_is_within:
                raise
            self.wider[area.text] += 1
            return within

    async def _create(
        self,
        row: Row,
        key: str,
        wanted: Wanted,
        parts: dict[str, str],
        refs: dict[str, ExternalRef],
    ) -> bool:
        ref = ExternalRef(
            system=self.profile.source,
            type=self.profile.type,
            value=key,
            parts=parts,
            first_seen_at=self.parties.act.now,
            last_run_id=self.run.id,
        )

        async def deed() -> None:
            await self.target.create(self.parties, wanted, ref, self.profile)
            self.session.add(ref)

        done = await self._done(row, key, wanted, deed)
        if done:
            refs[key] = ref
            self.report.created += 1
            self.report.show(row, key, "created", wanted)
        return done

    async def _update(
        self, row: Row, ref: ExternalRef, wanted: Wanted, parts: dict[str, str]
    ) -> bool:
        changed = changed_parts(ref.parts, parts)
        returns = ref.absent_since is not None
        if not changed and not returns:
            self.report.unchanged += 1
            self.report.show(row, ref.value, "unchanged", wanted)
            return True

        async def deed() -> None:
            await self.target.update(self.parties, wanted, ref, self.profile, changed)
            ref.parts = parts
            ref.absent_since = None

        done = await self._done(row, ref.value, wanted, deed)
        if done:
            self.report.updated += 1
            self.report.show(row, ref.value, "updated", wanted)
            self.report.resumed += returns
            for part in changed:
                self.report.changed[part] = self.report.changed.get(part, 0) + 1
        else:
            await self.session.refresh(ref)
        return done

    async def _done(
        self, row: Row, key: str, wanted: Wanted, deed: Callable[[], Awaitable[None]]
    ) -> bool:
        """Do it in a savepoint of the row's own: what is refused leaves nothing behind."""
        try:
            async with self.session.begin_nested():
                await deed()
                await self.session.flush()
        except Refusal as refusal:
            self._refuse(row, key, [fault_of(refusal)])
            return False
        for note in dict.fromkeys(wanted.notes):
            self.report.warn(row, key, note)
        return True

    def _repeat(self, row: Row, key: str, differs: list[str]) -> None:
        file, number = self.seen[key]
        told = (
            f"This repeats {file}:{number} with other content ({', '.join(differs)}): the first "
            "one stands. Keep the right one of the two."
            if differs
            else f"This repeats {file}:{number}."
        )
        code = "DUPLICATE_DIFFERS" if differs else "DUPLICATE"
        self.report.duplicates += 1
        self.report.keep(row)
        self.report.show(row, key, "duplicate")
        self.report.duplicate_rows.append(
            RowNote(row.number, row.file, key, self.profile.key[0], code, told)
        )

    def _refuse(self, row: Row, key: str, faults: list[Fault]) -> None:
        self.report.refuse(row, key, faults)

    def _count_lines(self, entry: Entry) -> None:
        self.report.lines["read"] += len(entry.lines)
        self.report.lines["blank"] += len(entry.blanks)
        self.report.lines["open_ended"] += sum(1 for line in entry.lines if line.quantity is None)

    def _note_columns(self, row: Row) -> None:
        unlisted = self.profile.unlisted.type if self.profile.unlisted else None
        known = self.profile.layout.known | GIVEN_BACK
        for name, cell in row.cells.items():
            if name in known or is_blank(cell.value, self.profile.blank):
                continue
            if unlisted is None or cell.kind != unlisted:
                self.unknown[cell.name] += 1

    # --- The end of the file ---

    async def finish(self, passed: list[str]) -> None:
        """Withdraw what is absent, say what there is to say, and keep the figures."""
        if self.profile.absence is Absence.WITHDRAW:
            await self._withdraw_absent()
        self._tell_the_rest(passed)
        self.run.counts = self.report.figures()
        self.parties.vouch.record(
            "import.finished", self.run, rows=self.report.rows_read, created=self.report.created
        )
        await self.session.flush()

    async def _withdraw_absent(self) -> None:
        row = ExternalRef
        known = (
            row.system == self.profile.source,
            row.type == self.profile.type,
            row.absent_since.is_(None),
        )
        gone = (*known, row.last_run_id != self.run.id)
        absent, before = (
            await self.session.execute(
                select(
                    func.count().filter(row.last_run_id != self.run.id),
                    func.count().filter(row.first_seen_at < self.parties.act.now),
                ).where(*known)
            )
        ).one()
        if absent and self.report.keyless:
            self.report.notes.append(
                f"{absent} known rows are absent, and kept: {self.report.keyless} rows of the file "
                "have no readable key and may be among them. Correct these and import again."
            )
            return
        if absent > FEW and absent > self.profile.largest_absence * before:
            raise FileRefused(
                f"{absent} of {before} known rows are absent from this file: it looks cut off, or "
                "is of another source. If it is complete, raise absence.largest_share in the "
                "profile.",
                reason="too_many_absent",
                absent=absent,
                known=before,
            )
        while refs := list(await self.session.scalars(select(row).where(*gone).limit(CHUNK))):
            for ref in refs:
                await self._withdraw(ref)
            await self.session.flush()

    async def _withdraw(self, ref: ExternalRef) -> None:
        try:
            async with self.session.begin_nested():
                await self.target.withdraw(self.parties, ref)
                await self.session.flush()
        except Refusal as refusal:
            await self.session.refresh(ref)
            ref.last_run_id = self.run.id
            self.report.notes.append(f"{ref.value} is absent, and kept: {refusal.message}")
            return
        ref.absent_since = self.parties.act.now
        self.report.withdrawn += 1

    def _tell_the_rest(self, passed: list[str]) -> None:
        report, tell = self.report, self.report.notes.append
        keyless = int(self.before.get("keyless", 0))
        if report.keyless:
            tell(
                f"{report.distinct_keys} different keys were read. The {report.keyless} rows "
                "without a readable key are not among them; as one nameless key they would make "
                f"{report.distinct_keys + 1}."
            )
        if report.withdrawn and keyless:
            tell(
                f"{report.withdrawn} known rows are gone. The import before this one rejected "
                f"{keyless} rows without a readable key; as one nameless key they would make "
                f"{report.withdrawn + 1}."
            )
        if report.updated:
            told = ", ".join(f"{name} in {rows}" for name, rows in sorted(report.changed.items()))
            tell(f"Of the {report.updated} updated rows differ: {told or 'none (they are back)'}.")
        if self.wider:
            told = ", ".join(f"{name} ({rows})" for name, rows in self.wider.most_common())
            tell(f"Names that are no division, taken as the wider one: {told}.")
        if self.unknown:
            told = ", ".join(f"{name} ({rows} rows)" for name, rows in self.unknown.most_common(30))
            tell(f"Columns that the profile does not name were left out: {told}.")
        if passed:
            tell(f"Files that were not read: {', '.join(passed[:20])}.")
