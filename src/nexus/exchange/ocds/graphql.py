"""Open contracting in the graph: processes, what they consist of, what is wrong with them."""

from datetime import datetime
from typing import Any

from sqlalchemy import Float, cast

from nexus.exchange.ocds import model, policy
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    collection,
    computed,
    node,
    query,
    register_enums,
    to_many,
    to_one,
)
from nexus.graph.specs import Order

register_enums(model.DocumentKind, model.FindingCode)


@node(model.ContractingProcess, visible=policy.visible)
class ContractingProcess:
    """What the releases of one ocid come to when merged in the order of their dates (OCDS 1.1)."""

    source: str
    ocid: str
    title: str | None
    buyer_name: str | None
    tender_status: str | None
    amount: float | None = computed(
        lambda actor, row: cast(row.amount, Float),
        about="Of the contracts, else the awards, else the tender; null where currencies differ.",
    )
    currency: str | None
    first_released_at: datetime | None
    last_released_at: datetime | None
    compiled: JSON
    document_count: int = computed(lambda actor, row: row.documents)
    finding_count: int = computed(lambda actor, row: row.findings)
    changed_at: datetime
    version: int
    findings: "Connection[ContractingFinding]" = to_many(
        model.ContractingFinding.process_id, order=Order(("code", "path"))
    )


@node(model.ContractingDocument, visible=policy.visible)
class ContractingDocument:
    """One release or record exactly as it came."""

    source: str
    kind: model.DocumentKind
    ocid: str | None
    release_no: str | None
    released_at: datetime | None
    tags: list[str]
    digest: str
    original: str
    package: str | None
    file: str | None
    position: int
    first_seen_at: datetime


@node(model.ContractingFinding, visible=policy.visible)
class ContractingFinding:
    """Something that does not add up. `path` is a JSON pointer into the document or the process."""

    source: str
    code: model.FindingCode
    path: str
    message: str
    process: ContractingProcess | None = to_one(model.ContractingFinding.process_id)
    document: ContractingDocument | None = to_one(model.ContractingFinding.document_id)


def _newest(*columns: str) -> dict[str, Any]:
    return {"NEWEST": Order(columns, descending=True)}


@query
class ContractingQuery:
    contracting_processes: Connection[ContractingProcess] = collection(
        "ContractingProcess",
        orders=_newest("changed_at"),
        filters={
            "source": any_of(model.ContractingProcess.source),
            "ocid": any_of(model.ContractingProcess.ocid),
            "tender_status": any_of(model.ContractingProcess.tender_status),
        },
        about="Purchases as open contracting data: those published here, and those imported.",
    )
    contracting_documents: Connection[ContractingDocument] = collection(
        "ContractingDocument",
        orders=_newest("first_seen_at"),
        filters={
            "source": any_of(model.ContractingDocument.source),
            "kind": any_of(model.ContractingDocument.kind),
            "ocid": any_of(model.ContractingDocument.ocid),
            "release_no": any_of(model.ContractingDocument.release_no),
        },
        about="Releases and records, to the letter.",
    )
    contracting_findings: Connection[ContractingFinding] = collection(
        "ContractingFinding",
        orders={"CODE": Order(("code",))},
        filters={
            "source": any_of(model.ContractingFinding.source),
            "code": any_of(model.ContractingFinding.code),
        },
        about="What does not add up in open contracting data.",
    )
