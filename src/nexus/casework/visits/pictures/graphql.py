"""Photos and signatures of visits in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import case

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.casework.visits.graphql import Visit
from nexus.casework.visits.pictures import model, operations, policy
from nexus.graph.declare import (
    Connection,
    computed,
    extend,
    mutation,
    node,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order

register_enums(model.PictureKind, model.Signer, model.PictureState)


def _url(actor: Actor, row: Any) -> Any:
    """The signed path, for whom it was made, until the bytes have come."""
    waits = row.state == model.PictureState.REQUESTED
    return case(
        ((row.created_by == actor.account_id) & waits & (row.expires_at > actor.now), row.link)
    )


@node(
    model.VisitPicture,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "open_picture": (None, policy.may_open_now),
        "remove_picture": ("remove", policy.may_remove_now),
    },
)
class VisitPicture:
    """A photo or signature of a visit, for its station alone. Open it to see it."""

    kind: model.PictureKind
    signer: model.Signer | None
    caption: str | None
    content_type: str
    bytes: int
    sha256: str
    width: int | None
    height: int | None
    taken_at: datetime
    url: str | None = computed(
        _url,
        about="Where to PUT the bytes, with `contentType` as Content-Type: a signed path of this "
        "service. Putting the same bytes again changes nothing.",
    )
    expires_at: datetime
    kept_at: datetime | None
    removed_at: datetime | None
    state: model.PictureState
    state_reason: str | None
    version: int
    created_at: datetime
    visit: Visit | None = to_one(model.VisitPicture.visit_id)
    author: Account | None = to_one(model.VisitPicture.created_by)


@node(model.PictureView, visible=policy.view_visible)
class PictureView:
    """One look at a picture."""

    url: str = computed(
        lambda actor, row: row.link,
        about="Where to GET it for five minutes: a signed path of this service.",
    )
    expires_at: datetime
    created_at: datetime
    picture: VisitPicture | None = to_one(model.PictureView.picture_id)


@extend(Visit)
class VisitPictures:
    pictures: Connection[VisitPicture] = to_many(
        model.VisitPicture.visit_id,
        order=Order(("created_at",)),
        about="Photos and signatures, oldest first; empty for all but the station.",
    )


VisitPictureResult = result("VisitPicture", VisitPicture)
PictureViewResult = result("PictureView", PictureView)


@strawberry.input
class RequestPictureInput:
    """`sha256` is that of the very bytes that are put; the same again is the same picture."""

    visit_id: strawberry.ID
    kind: model.PictureKind
    signer: model.Signer | None = strawberry.field(
        default=None, description="Whose signature it is; of a photo nobody's."
    )
    caption: str | None = None
    content_type: str = strawberry.field(description="image/jpeg, image/png or image/webp")
    bytes: int
    sha256: str
    taken_at: datetime
    idempotency_key: str


@mutation(VisitPictureResult)
async def request_picture(act, input: RequestPictureInput):  # type: ignore[no-untyped-def]
    """Ask where to PUT a photo or signature of a visit: JPEG, PNG or WebP of at most 1 MiB."""
    return await operations.request_picture(
        act,
        visit_id=decode(input.visit_id, "Visit"),
        kind=input.kind,
        signer=input.signer,
        caption=input.caption,
        content_type=input.content_type,
        size=input.bytes,
        sha256=input.sha256,
        taken_at=input.taken_at,
    )


@strawberry.input
class OpenPictureInput:
    picture_id: strawberry.ID
    idempotency_key: str


@mutation(PictureViewResult)
async def open_picture(act, input: OpenPictureInput):  # type: ignore[no-untyped-def]
    """Ask to see a picture; that you did is recorded."""
    return await operations.open_picture(act, decode(input.picture_id, "VisitPicture"))


transition(
    "remove_picture",
    VisitPictureResult,
    operations.remove_picture,
    "Delete its bytes, with a reason: yours until the visit was verified, or as the lead.",
)
