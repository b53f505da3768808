"""Open contracting data of elsewhere: a process, its release, and what is wrong in it."""

import hashlib

from nexus.core.ids import new_id
from nexus.exchange.ocds.model import (
    ContractingDocument,
    ContractingFinding,
    ContractingProcess,
    DocumentKind,
    FindingCode,
)
from tests.house.matrix_world import Place
from tests.making import Maker, now


async def bring_releases(m: Maker, place: Place) -> None:
    """Imported by the run of the place."""
    digest = place.says("ContractingDocument.digest")
    document = ContractingDocument(
        id=new_id(),
        source=place.says("ContractingDocument.source"),
        kind=DocumentKind.RELEASE,
        ocid=place.says("ContractingDocument.ocid"),
        release_no=place.says("ContractingDocument.releaseNo"),
        released_at=now(),
        tags=[place.says("ContractingDocument.tags")],
        digest=f"{digest}{hashlib.sha256(digest.encode()).hexdigest()}",
        original=place.says("ContractingDocument.original"),
        package=place.says("ContractingDocument.package"),
        file=place.says("ContractingDocument.file"),
        position=1,
        first_run_id=place["ImportRun"].id,
        first_seen_at=now(),
    )
    process = ContractingProcess(
        id=new_id(),
        source=place.says("ContractingProcess.source"),
        ocid=place.says("ContractingProcess.ocid"),
        compiled={"title": place.says("ContractingProcess.compiled")},
        title=place.says("ContractingProcess.title"),
        buyer_name=place.says("ContractingProcess.buyerName"),
        tender_status=place.says("ContractingProcess.tenderStatus"),
        amount=1,
        currency=place.says("ContractingProcess.currency"),
        first_released_at=now(),
        last_released_at=now(),
        documents=1,
        findings=1,
        changed_at=now(),
    )
    await m.put(document, process)
    finding = ContractingFinding(
        id=new_id(),
        source=place.says("ContractingFinding.source"),
        process_id=process.id,
        document_id=document.id,
        code=FindingCode.BUYER_BLANK,
        path=place.says("ContractingFinding.path"),
        message=place.says("ContractingFinding.message"),
    )
    await m.put(finding)
    place.rows |= {
        "ContractingDocument": document,
        "ContractingProcess": process,
        "ContractingFinding": finding,
    }
