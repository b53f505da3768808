"""Every document is accounted for, and nexus' own releases follow one another (INV-40)."""

from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import aliased

from nexus.exchange.ocds.model import (
    OWN,
    ContractingDocument,
    ContractingFinding,
    ContractingProcess,
)
from nexus.supervision.ledger.queries import finding

_D, _P, _F = ContractingDocument, ContractingProcess, ContractingFinding


def _counted() -> Select[Any]:
    """A process that counts other documents or findings than it has."""
    documents = (
        select(func.count())
        .select_from(_D)
        .where(_D.source == _P.source, _D.ocid == _P.ocid)
        .scalar_subquery()
    )
    findings = select(func.count()).select_from(_F).where(_F.process_id == _P.id).scalar_subquery()
    told = finding(
        _P.id,
        "a process of open contracting data counts what it does not have",
        documents=_P.documents,
        kept=documents,
        findings=_P.findings,
        found=findings,
    )
    return told.where(or_(_P.documents != documents, _P.findings != findings))


def _compiled() -> Select[Any]:
    """A document that is of a process, and the process is not there."""
    process = aliased(_P)
    there = (
        select(process.id)
        .where(process.source == _D.source, process.ocid == _D.ocid)
        .correlate(_D)
        .exists()
    )
    told = finding(_D.id, "a release or record is in no process", position=_D.position)
    return told.where(_D.ocid.is_not(None), ~there)


def _in_order() -> Select[Any]:
    """A release of nexus' own that does not follow the one before it in number and date."""
    window: dict[str, Any] = {"partition_by": _D.ocid, "order_by": _D.position}
    numbered = (
        select(
            _D.id,
            _D.position,
            _D.released_at,
            func.row_number().over(**window).label("place"),
            func.lag(_D.released_at).over(**window).label("before"),
        )
        .where(_D.source == OWN)
        .subquery()
    )
    told = finding(
        numbered.c.id,
        "a published release does not follow the one before it",
        position=numbered.c.position,
        place=numbered.c.place,
    )
    return told.where(
        or_(numbered.c.position != numbered.c.place, numbered.c.released_at <= numbered.c.before)
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-40 contracting data are counted": _counted(),
    "INV-40 contracting data are compiled": _compiled(),
    "INV-40 published releases follow one another": _in_order(),
}
