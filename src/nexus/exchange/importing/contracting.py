"""One import of open contracting data: every release and record is kept, whatever is in it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from nexus.core.ids import new_id
from nexus.exchange.importing.rules import RowNote
from nexus.exchange.importing.running import Import
from nexus.exchange.ocds.documents import Found, NotTaken, digest_of, documents_in, storable
from nexus.exchange.ocds.model import ContractingDocument, DocumentKind
from nexus.exchange.ocds.operations import compile_processes, keep
from nexus.exchange.ocds.queries import count_processes, findings_of, known_digests
from nexus.exchange.ocds.rules import moment, ocid_of
from nexus.exchange.reading.decoding import decode
from nexus.exchange.reading.folders import DOCUMENTS
from nexus.exchange.reading.tables import LIMITS, FileRefused

MAX_NAME = 400
"""Characters of an ocid or id; nothing can be looked up by a longer one."""
MANY = 500
"""Processes whose findings are told at once."""
_TEXT = 300
"""What an ocid or id is cut to in a report."""


@dataclass(frozen=True, slots=True)
class Read:
    """A document, and what it is known by."""

    found: Found
    digest: str
    ocid: str | None


@dataclass
class Contracting(Import):
    """Takes documents; at the end the processes they tell of are computed."""

    touched: set[str] = field(default_factory=set)
    """Processes that a document of the files is of."""
    grown: set[str] = field(default_factory=set)
    """Of these, those that a document is new in."""
    slice: ClassVar[int] = 200

    def rows(self, files: list[Path], root: Path) -> Iterator[Found | NotTaken]:
        """The releases and records of the files. FileRefused at the first that is no JSON."""
        for path in files:
            if path.suffix.lower() not in DOCUMENTS:
                continue
            name = path.relative_to(root).as_posix() if root.is_dir() else path.name
            if path.stat().st_size > LIMITS.file_bytes:
                told = f"{name}: more than {LIMITS.file_bytes >> 20} MiB: split it."
                raise FileRefused(told, reason="too_large")
            encoding = self.profile.layout.encoding
            text, _ = decode(path.read_bytes(), file=name, encoding=encoding)
            yield from documents_in(text, file=name)

    def read(self, rows: list[Any]) -> list[Any]:
        """The documents with their digests."""
        return [
            Read(row, digest_of(row.content), ocid_of(row.content))
            if isinstance(row, Found)
            else row
            for row in rows
        ]

    async def take(self, rows: list[Any]) -> None:
        """Some documents: those that are not known are kept."""
        read = [row for row in rows if isinstance(row, Read)]
        source = self.profile.source
        known = await known_digests(self.session, source, {row.digest for row in read})
        new = []
        for row in rows:
            self.report.rows_read += 1
            if isinstance(row, NotTaken):
                self.report.keyless += 1
                self.report.rejected.append(
                    RowNote(row.number, row.file, None, None, row.code, row.message)
                )
            elif _too_long(row):
                told = f"Its ocid or id has more than {MAX_NAME} characters."
                self.report.rejected.append(
                    RowNote(row.found.number, row.found.file, None, "id", "TOO_LONG", told)
                )
            elif (made := self._take_document(row, known)) is not None:
                new.append(made)
        await keep(self.parties.act, new)
        for kept in new:
            self.session.expunge(kept)
        self.report.distinct_keys = len(self.touched)
        self.tell()

    def _take_document(
        self, row: Read, known: set[tuple[DocumentKind, str]]
    ) -> ContractingDocument | None:
        found = row.found
        ocid = None if row.ocid is None else storable(row.ocid)
        if ocid is not None:
            self.touched.add(ocid)
        mark = f"{found.kind} {row.digest}"
        if mark in self.seen:
            file, number = self.seen[mark]
            told = f"This repeats {file}:{number} to the letter."
            self.report.duplicates += 1
            self.report.duplicate_rows.append(
                RowNote(found.number, found.file, _cut(ocid), None, "DUPLICATE", told)
            )
            return None
        self.seen[mark] = (found.file, found.number)
        if (found.kind, row.digest) in known:
            self.report.unchanged += 1
            return None
        self.report.created += 1
        if ocid is not None:
            self.grown.add(ocid)
        return self._document(row, ocid)

    def _document(self, row: Read, ocid: str | None) -> ContractingDocument:
        found, content = row.found, row.found.content
        tags = content.get("tag")
        number = content.get("id") if found.kind is DocumentKind.RELEASE else None
        return ContractingDocument(
            id=new_id(),
            source=self.profile.source,
            kind=found.kind,
            ocid=ocid,
            release_no=None if number is None else storable(str(number)),
            released_at=moment(content.get("date")),
            tags=[storable(str(tag)) for tag in tags] if isinstance(tags, list) else [],
            digest=row.digest,
            original=found.original,
            package=found.package,
            file=found.file,
            position=found.number,
            first_run_id=self.run.id,
            first_seen_at=self.parties.act.now,
        )

    async def finish(self, passed: list[str]) -> None:
        """Compute the processes, and tell what does not add up in them."""
        source, report = self.profile.source, self.report
        changed = await compile_processes(self.parties.act, source=source, ocids=self.grown)
        codes: Counter[str] = Counter()
        ordered = sorted(self.touched)
        inside: list[RowNote] = []
        for start in range(0, len(ordered), MANY):
            some = ordered[start : start + MANY]
            for ocid, one, file, place in await findings_of(self.session, source, some):
                codes[one.code.value] += 1
                where = f"{one.message} ({one.path})" if one.path else one.message
                # What is between the documents of a process comes first, under its ocid.
                listed = inside if one.document_id else report.warnings
                of = file or ocid
                listed.append(RowNote(place or 0, of, _cut(ocid), one.path, one.code.name, where))
                self.session.expunge(one)
        report.warnings.extend(inside)
        total = await count_processes(self.session, source)
        report.notes.append(
            f"{len(self.touched)} processes are told of, {changed} of them new or changed; "
            f"{total} are known of this source."
        )
        if codes:
            told = ", ".join(f"{code} {number}" for code, number in sorted(codes.items()))
            report.notes.append(f"Findings: {told}.")
        await super().finish(passed)


def _too_long(row: Read) -> bool:
    return any(len(str(name or "")) > MAX_NAME for name in (row.ocid, row.found.content.get("id")))


def _cut(text: str | None) -> str | None:
    return None if text is None else text[:_TEXT]
