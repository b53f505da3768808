"""Documents are kept as they came; processes and findings are computed from them anew."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from nexus.acting import Act
from nexus.core.ids import new_id
from nexus.exchange.ocds import processes, queries, rules
from nexus.exchange.ocds.documents import content_of, storable
from nexus.exchange.ocds.model import (
    ContractingDocument,
    ContractingFinding,
    ContractingProcess,
    DocumentKind,
    FindingCode,
)
from nexus.exchange.ocds.processes import Release
from nexus.exchange.ocds.rules import Told

AT_ONCE = 100
"""Processes whose documents are held in memory together."""

Finding = tuple[UUID | None, FindingCode, str, str]


def _of_document(row: ContractingDocument, content: dict[str, Any]) -> list[Told]:
    if row.kind is DocumentKind.RECORD:
        return rules.of_record(content)
    return rules.of_release(content)


def _findings(row: ContractingDocument) -> tuple[dict[str, Any], list[Finding]]:
    content, repeated = content_of(row.original)
    told = _of_document(row, content)
    if repeated:
        names = f"{len(repeated)} names stand twice in one object: the last one counts."
        told.append(Told(FindingCode.KEY_REPEATED, "", names))
    return content, [(row.id, one.code, storable(one.path), one.message) for one in told]


async def keep(act: Act, documents: Sequence[ContractingDocument]) -> None:
    """Add documents. What those without a process have wrong is found at once."""
    act.session.add_all(documents)
    await act.session.flush()
    for row in documents:
        if row.ocid is None:
            _, found = _findings(row)
            act.session.add_all(_rows(row.source, None, found))


def _rows(source: str, process_id: UUID | None, found: list[Finding]) -> list[ContractingFinding]:
    return [
        ContractingFinding(
            id=new_id(),
            source=source,
            process_id=process_id,
            document_id=document_id,
            code=code,
            path=path,
            message=message,
        )
        for document_id, code, path, message in found
    ]


async def compile_processes(act: Act, *, source: str, ocids: Collection[str]) -> int:
    """Compute what these processes come to, from all that is kept of them; how many changed."""
    changed, ordered = 0, sorted(ocids)
    for start in range(0, len(ordered), AT_ONCE):
        some = ordered[start : start + AT_ONCE]
        documents = await queries.documents_of(act.session, source, some)
        row = ContractingProcess
        known = {
            process.ocid: process
            for process in await act.session.scalars(
                select(row).where(row.source == source, row.ocid.in_(some))
            )
        }
        written = [
            done
            for ocid in some
            if ocid in documents
            and (done := await _compile(act, source, ocid, documents[ocid], known.get(ocid)))
        ]
        changed += len(written)
        await act.session.flush()
        for process, found in written:
            act.session.add_all(_rows(source, process.id, found))
        await act.session.flush()
        for document in [one for listed in documents.values() for one in listed]:
            act.session.expunge(document)
    return changed


async def _compile(
    act: Act,
    source: str,
    ocid: str,
    documents: list[ContractingDocument],
    known: ContractingProcess | None,
) -> tuple[ContractingProcess, list[Finding]] | None:
    """The process and its findings where they differ from what is known; None where not."""
    releases, found = _read(documents)
    compiled, between = processes.merged(releases)
    found.extend((None, one.code, storable(one.path), one.message) for one in between)
    stated = _stated(storable({**compiled, "ocid": ocid}), documents, len(found))
    if known is None:
        row = ContractingProcess(
            id=new_id(), source=source, ocid=ocid, changed_at=act.now, version=1, **stated
        )
        act.session.add(row)
    else:
        row = known
        if await _same(act, row, stated, found):
            return None
        for name, value in stated.items():
            setattr(row, name, value)
        row.changed_at, row.version = act.now, row.version + 1
        await act.session.execute(
            delete(ContractingFinding).where(ContractingFinding.process_id == row.id)
        )
    act.record("contracting.compiled", row, documents=row.documents, findings=row.findings)
    return row, found


def _read(documents: list[ContractingDocument]) -> tuple[list[Release], list[Finding]]:
    """The releases; where only a record is known, what it calls its compiled release."""
    releases, records, found = [], [], []
    for row in documents:
        content, told = _findings(row)
        found.extend(told)
        if row.kind is DocumentKind.RELEASE:
            releases.append(Release(row.id, row.digest, content))
        elif isinstance(content.get("compiledRelease"), dict):
            records.append(Release(row.id, row.digest, content["compiledRelease"]))
    return releases or records[-1:], found


def _stated(
    compiled: dict[str, Any], documents: list[ContractingDocument], findings: int
) -> dict[str, Any]:
    said = processes.summary(compiled)
    dated = [row.released_at for row in documents if row.released_at is not None]
    return {
        "compiled": compiled,
        "title": said.title,
        "buyer_name": said.buyer_name,
        "tender_status": said.tender_status,
        "amount": said.amount,
        "currency": said.currency,
        "first_released_at": min(dated, default=None),
        "last_released_at": max(dated, default=None),
        "documents": len(documents),
        "findings": findings,
    }


async def _same(
    act: Act, row: ContractingProcess, stated: dict[str, Any], found: list[Finding]
) -> bool:
    if any(getattr(row, name) != value for name, value in stated.items()):
        return False
    kept = await act.session.execute(
        select(
            ContractingFinding.document_id,
            ContractingFinding.code,
            ContractingFinding.path,
            ContractingFinding.message,
        ).where(ContractingFinding.process_id == row.id)
    )
    return sorted(map(str, found)) == sorted(str(tuple(one)) for one in kept)
