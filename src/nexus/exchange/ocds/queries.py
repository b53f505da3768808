"""What is kept already, and what a process consists of."""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ARRAY, Text, any_, func, literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.exchange.ocds.model import (
    ContractingDocument,
    ContractingFinding,
    ContractingProcess,
    DocumentKind,
)


async def known_digests(
    session: AsyncSession, source: str, digests: Collection[str]
) -> set[tuple[DocumentKind, str]]:
    """Which of the contents are kept under this source."""
    row = ContractingDocument
    # By digest alone: beside it a source says little, and new rows are in no statistics yet.
    wanted = row.digest == any_(literal(list(digests), ARRAY(Text)))
    found = await session.execute(select(row.source, row.kind, row.digest).where(wanted))
    return {(kind, digest) for of, kind, digest in found if of == source}


async def documents_of(
    session: AsyncSession, source: str, ocids: Collection[str]
) -> dict[str, list[ContractingDocument]]:
    """The releases and records of each process, oldest first."""
    row = ContractingDocument
    found = await session.scalars(
        select(row)
        .where(row.source == source, row.ocid.in_(ocids))
        .order_by(row.ocid, row.released_at.nulls_first(), row.release_no, row.digest)
    )
    by_process: dict[str, list[ContractingDocument]] = defaultdict(list)
    for document in found:
        assert document.ocid is not None
        by_process[document.ocid].append(document)
    return by_process


async def findings_of(
    session: AsyncSession, source: str, ocids: Collection[str]
) -> Sequence[tuple[str, ContractingFinding, str | None, int | None]]:
    """(ocid, finding, file and place of the document it is in), by process and code."""
    row, process, document = ContractingFinding, ContractingProcess, ContractingDocument
    found = await session.execute(
        select(process.ocid, row, document.file, document.position)
        .join(process, process.id == row.process_id)
        .outerjoin(document, document.id == row.document_id)
        .where(process.source == source, process.ocid.in_(ocids))
        .order_by(process.ocid, row.code, row.path, row.id)
    )
    return [(ocid, finding, file, place) for ocid, finding, file, place in found]


async def count_processes(session: AsyncSession, source: str) -> int:
    """How many processes the source tells of."""
    row = ContractingProcess
    counted = await session.scalar(
        select(func.count()).select_from(row).where(row.source == source)
    )
    return counted or 0
