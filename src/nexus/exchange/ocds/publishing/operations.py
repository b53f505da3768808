"""A purchase that changed is released anew. No release is ever changed."""

import json
from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from nexus.acting import Act
from nexus.core.ids import new_id
from nexus.exchange.ocds.documents import content_of, digest_of
from nexus.exchange.ocds.model import OWN, ContractingDocument, DocumentKind
from nexus.exchange.ocds.operations import compile_processes, keep
from nexus.exchange.ocds.publishing import queries, rules
from nexus.exchange.ocds.publishing.tagging import tags_of

HEAD = ("id", "date", "tag")


async def publish(act: Act, procurement_id: UUID) -> ContractingDocument | None:
    """Release the purchase where the public sees something new of it; None where not.

    Two at once take turns at the procurement, so one change has one release.
    """
    lock = func.hashtextextended(f"ocds {procurement_id}", 0)
    await act.session.execute(select(func.pg_advisory_xact_lock(lock)))
    purchase = await queries.purchase_of(act.session, procurement_id)
    if purchase is None:
        return None
    content, ocid = rules.content_of(purchase), purchase.procurement.ocid
    last = await _last(act, ocid)
    told = content_of(last.original)[0] if last else {}
    before = {name: value for name, value in told.items() if name not in HEAD}
    if before == json.loads(json.dumps(content)):
        return None
    row = _document(act, ocid, content, tags_of(before, content), last)
    await keep(act, [row])
    await compile_processes(act, source=OWN, ocids=[ocid])
    return row


async def _last(act: Act, ocid: str) -> ContractingDocument | None:
    row = ContractingDocument
    return await act.session.scalar(
        select(row)
        .where(row.source == OWN, row.ocid == ocid)
        .order_by(row.position.desc())
        .limit(1)
    )


def _document(
    act: Act,
    ocid: str,
    content: dict[str, Any],
    tags: list[str],
    last: ContractingDocument | None,
) -> ContractingDocument:
    """The next release. Its date is later than that of the one before, whatever the clock says."""
    position = last.position + 1 if last else 1
    at = act.now.replace(microsecond=0)
    if last is not None and last.released_at is not None and at <= last.released_at:
        at = last.released_at + rules.SECOND
    name = f"{ocid}-{position:04d}"
    release = {
        "ocid": ocid,
        "id": name,
        "date": rules.stamp(at),
        "tag": tags,
        **{key: value for key, value in content.items() if key != "ocid"},
    }
    return ContractingDocument(
        id=new_id(),
        source=OWN,
        kind=DocumentKind.RELEASE,
        ocid=ocid,
        release_no=name,
        released_at=at,
        tags=tags,
        digest=digest_of(release),
        original=json.dumps(release, ensure_ascii=False),
        package=None,
        file=None,
        position=position,
        first_run_id=None,
        first_seen_at=act.now,
    )


async def publish_all(act: Act) -> int:
    """Release whatever the public sees anew; how many releases it took."""
    made = 0
    for procurement_id in await queries.public_procurements(act.session):
        made += await publish(act, procurement_id) is not None
    return made
