"""Uploads in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import case, literal

from nexus.acting import Actor
from nexus.exchange.uploads import model, operations, policy, rules
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    register_enums,
    result,
)
from nexus.graph.specs import Order

register_enums(model.UploadState)


def _url(actor: Actor, row: Any) -> Any:
    """The signed path, for whom it was made, until the file has come."""
    good = (row.account_id == actor.account_id) & (row.expires_at > actor.now)
    return case((good & (row.state == model.UploadState.REQUESTED), row.link))


@node(model.Upload, visible=policy.visible, transitions=model.TRANSITIONS)
class Upload:
    """A file to import. It is deleted when it has been imported, or after a day."""

    file_name: str
    content_type: str
    state: model.UploadState
    version: int
    created_at: datetime
    expires_at: datetime
    url: str | None = computed(
        _url,
        about="Where to PUT it, with `contentType` as its Content-Type: a signed path of this "
        "service, good once.",
    )
    max_bytes: int = computed(lambda actor, row: literal(rules.MAX_BYTES))
    bytes: int | None
    sha256: str | None


@query
class UploadQuery:
    uploads: Connection[Upload] = collection(
        "Upload",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"state": any_of(model.Upload.state)},
        about="Your uploads.",
    )


UploadResult = result("Upload", Upload)


@strawberry.input
class RequestUploadInput:
    file_name: str
    idempotency_key: str


@mutation(UploadResult)
async def request_upload(act, input: RequestUploadInput):  # type: ignore[no-untyped-def]
    """Ask where to PUT a file of at most 20 MiB: CSV, TSV, JSON, JSON Lines or XLSX."""
    return await operations.request_upload(act, file_name=input.file_name)
