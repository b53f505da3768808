"""What is kept of a source as packages: page by page, or one process."""

from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, View, system
from nexus.exchange.ocds import policy
from nexus.exchange.ocds.model import OWN, ContractingDocument, ContractingProcess, DocumentKind
from nexus.exchange.ocds.packages import Head, RecordText, pieces, record
from nexus.exchange.ocds.publishing.operations import publish_all

PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the documents, and where the next page begins; None on the last."""

    documents: Sequence[ContractingDocument]
    after: str | None


async def releases_after(
    view: View, source: str, after: UUID | None, *, ocid: str | None = None, size: int = PAGE
) -> Page:
    """The next releases that the caller sees, in the order in which they came."""
    row = ContractingDocument
    wanted = [
        row.source == source,
        row.kind == DocumentKind.RELEASE,
        policy.visible(view.actor, row),
    ]
    if after is not None:
        wanted.append(row.id > after)
    if ocid is not None:
        wanted.append(row.ocid == ocid)
    found = await view.session.scalars(select(row).where(*wanted).order_by(row.id).limit(size + 1))
    documents = found.all()
    return Page(documents[:size], str(documents[size - 1].id) if len(documents) > size else None)


async def records_after(
    view: View, source: str, after: str | None, *, ocid: str | None = None, size: int = PAGE
) -> tuple[list[RecordText], str | None]:
    """(the next processes with all their releases, the ocid that the next page begins after)."""
    process, row = ContractingProcess, ContractingDocument
    wanted = [process.source == source, policy.visible(view.actor, process)]
    if after is not None:
        wanted.append(process.ocid > after)
    if ocid is not None:
        wanted.append(process.ocid == ocid)
    found = await view.session.scalars(
        select(process).where(*wanted).order_by(process.ocid).limit(size + 1)
    )
    processes = found.all()
    some = processes[:size]
    texts: dict[str | None, list[str]] = defaultdict(list)
    documents = await view.session.scalars(
        select(row)
        .where(
            row.source == source,
            row.kind == DocumentKind.RELEASE,
            row.ocid.in_([one.ocid for one in some]),
        )
        .order_by(row.ocid, row.released_at.nulls_first(), row.release_no, row.digest)
    )
    for one in documents:
        texts[one.ocid].append(one.original)
    records = [
        RecordText(one.ocid, texts[one.ocid], one.compiled) for one in some if texts[one.ocid]
    ]
    return records, some[-1].ocid if len(processes) > size else None


async def all_releases(view: View, source: str) -> AsyncIterator[ContractingDocument]:
    """Every release of the source that the caller sees."""
    after: UUID | None = None
    while True:
        page = await releases_after(view, source, after)
        for one in page.documents:
            yield one
        if page.after is None:
            return
        after = UUID(page.after)


async def all_records(view: View, source: str) -> AsyncIterator[RecordText]:
    """Every process of the source that the caller sees."""
    after: str | None = None
    while True:
        records, after = await records_after(view, source, after)
        for one in records:
            yield one
        if after is None:
            return


async def write_package(
    engine: AsyncEngine, path: Path, now: datetime, *, source: str, records: bool, base: str | None
) -> int:
    """Write all that is kept of the source as one package; how many releases or records.

    What changed of nexus' own is released first. The file is there whole, or as it was; without
    anything to write there is none, since an empty package is not valid.
    """
    async with AsyncSession(engine) as session, session.begin():
        if source == OWN:
            await publish_all(Act(session, system(now)))
    name = "records" if records else "releases"
    begun = path.with_name(f".{path.name}.part")
    written = 0
    async with AsyncSession(engine) as session:
        view = View(session, system(now))
        row = ContractingDocument
        newest = func.max(func.coalesce(row.released_at, row.first_seen_at))
        at = await session.scalar(select(newest).where(row.source == source))
        head = Head(f"{base}/ocds/{name}" if base else f"urn:nexus:{name}", at or now, base)
        with begun.open("w", encoding="utf-8") as file:
            async for piece in pieces(head, name, _texts(view, source, records)):
                file.write(piece)
                written += 1
    if written > 2:
        begun.replace(path)
    else:
        begun.unlink()
    return written - 2


async def _texts(view: View, source: str, records: bool) -> AsyncIterator[str]:
    if records:
        async for one in all_records(view, source):
            yield record(one)
    else:
        async for document in all_releases(view, source):
            yield document.original
            view.session.expunge(document)
