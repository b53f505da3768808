"""A picture's way in and out: announced, put, looked at, removed."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, View, system
from nexus.casework.visits.model import Visit, VisitState
from nexus.casework.visits.pictures import model, policy, queries, rules
from nexus.casework.visits.pictures.model import PictureContent, PictureView, VisitPicture
from nexus.casework.visits.queries import take_visit
from nexus.core.refusals import Forbidden, GuardFailed, NotFound, WrongState
from nexus.core.signing import LinkRefused, signer_of
from nexus.core.texts import check_impersonal, check_reason, check_text

GONE = "There is no such picture, or its time is over: ask again."


def path_of(picture_id: UUID) -> str:
    """Where a picture is put, and one look at it is got."""
    return f"/pictures/{picture_id}"


async def request_picture(
    act: Act,
    *,
    visit_id: UUID,
    kind: model.PictureKind,
    signer: model.Signer | None,
    caption: str | None,
    content_type: str,
    size: int,
    sha256: str,
    taken_at: datetime,
) -> VisitPicture:
    """An address to put its bytes at. The same content of the same visit is the same picture."""
    visit = await take_visit(act, visit_id, None)
    act.permit(policy.may_request, visit)
    if visit.state in rules.CLOSED:
        raise WrongState(
            f"This visit is {visit.state.value}: nothing was seen at it.", state=visit.state.name
        )
    digest = rules.check_digest(sha256)
    expires_at = (act.now + rules.LIFE).replace(microsecond=0)
    there = await queries.known(act.session, visit.id, kind, digest)
    if there is not None:
        return _renewed(act, there, expires_at)
    row = VisitPicture(
        id=act.row_id,
        visit_id=visit.id,
        kind=kind,
        signer=rules.check_signer(kind, signer),
        caption=_caption(caption),
        content_type=rules.check_type(content_type),
        bytes=rules.check_size(size),
        sha256=digest,
        taken_at=rules.check_taken(taken_at, act.now),
        expires_at=expires_at,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await _check_number(act, visit, kind)
    row.link = _link(act, row, expires_at)
    act.session.add(row)
    await act.session.flush()
    act.record("visit_picture.requested", row, visit_id=visit.id, picture_kind=kind.value)
    return row


def _renewed(act: Act, row: VisitPicture, expires_at: datetime) -> VisitPicture:
    """One that waits for its bytes is now whose who brings them, at an address of theirs."""
    if row.state is model.PictureState.REQUESTED:
        row.expires_at, row.link = expires_at, _link(act, row, expires_at)
        row.created_by = act.actor.account_id
        act.record("visit_picture.requested", row, visit_id=row.visit_id)
    return row


def _link(act: Act, row: VisitPicture, expires_at: datetime) -> str:
    signer = signer_of(act.session.info)
    return signer.sign("PUT", path_of(row.id), act.actor.account_id, expires_at)


def _caption(text: str | None) -> str | None:
    if text is None or not text.strip():
        return None
    said = check_text(text, field="caption", most=rules.MAX_CAPTION)
    return check_impersonal(said, field="caption")


async def _check_number(act: Act, visit: Visit, kind: model.PictureKind) -> None:
    there = await queries.count(act.session, visit.id, kind, act.now)
    if there >= rules.MOST[kind]:
        raise GuardFailed(
            f"The visit has {there} of them already, and may have no more: remove one first.",
            rule="pictures.most",
            maximum=rules.MOST[kind],
        )


async def announced(view: View, picture_id: UUID) -> VisitPicture:
    """The picture of a checked address, before anything is read from it. LinkRefused."""
    try:
        row = await view.find(VisitPicture, picture_id, visible=policy.visible)
    except NotFound:
        raise LinkRefused(GONE) from None
    if row.created_by != view.actor.account_id or row.expires_at <= view.now:
        raise LinkRefused(GONE)
    return row


async def keep_picture(
    act: Act, picture_id: UUID, album: rules.Album, content: bytes
) -> VisitPicture:
    """Seal its bytes; when they are there already, nothing happens. PictureDiffers."""
    row = await act.take(VisitPicture, picture_id, visible=policy.visible)
    act.permit(policy.may_request, row)
    image = rules.checked(content, row.content_type, row.sha256)
    if row.state is model.PictureState.KEPT:
        return row
    act.move(row, model.TRANSITIONS, "keep")
    row.kept_at, row.width, row.height = act.now, image.width, image.height
    row.kept_bytes, row.kept_sha256 = len(image.content), rules.digest(image.content)
    act.session.add(
        PictureContent(
            picture_id=row.id,
            ciphertext=album.seal(image.content, row.id),
            key_version=rules.KEY_VERSION,
        )
    )
    await act.session.flush()
    act.record(
        "visit_picture.kept",
        row,
        visit_id=row.visit_id,
        picture_kind=row.kind.value,
        bytes=row.kept_bytes,
    )
    return row


async def open_picture(act: Act, picture_id: UUID) -> PictureView:
    """An address to see it at, good for five minutes; that it was asked for is recorded."""
    row = await act.find(VisitPicture, picture_id, visible=policy.visible)
    act.permit(policy.may_open, row)
    if row.state is not model.PictureState.KEPT:
        raise WrongState(
            f"This picture is {row.state.value}: there is nothing to see.", state=row.state.name
        )
    expires = (act.now + rules.SEEN_WITHIN).replace(microsecond=0)
    path = path_of(act.row_id)
    view = PictureView(
        id=act.row_id,
        picture_id=row.id,
        account_id=act.actor.account_id,
        link=signer_of(act.session.info).sign("GET", path, act.actor.account_id, expires),
        expires_at=expires,
        created_at=act.now,
    )
    act.session.add(view)
    await act.session.flush()
    act.record("visit_picture.opened", row, visit_id=row.visit_id)
    return view


async def look(act: Act, view_id: UUID, album: rules.Album) -> tuple[VisitPicture, bytes]:
    """The picture of a checked address, while its asker still sees it. LinkRefused."""
    view = await queries.view_of(act.session, view_id)
    if view is None or view.account_id != act.actor.account_id or view.expires_at <= act.now:
        raise LinkRefused(GONE)
    try:
        row = await act.find(VisitPicture, view.picture_id, visible=policy.visible)
    except NotFound:
        raise LinkRefused(GONE) from None
    content = await queries.content_of(act.session, album, row)
    if content is None:
        raise LinkRefused("This picture was removed: there is nothing to see.")
    return row, content


async def remove_picture(
    act: Act, picture_id: UUID, *, expected_version: int, reason: str | None = None
) -> VisitPicture:
    """Its bytes are deleted, with a reason; that there was one stays."""
    row = await act.take(
        VisitPicture, picture_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_remove, row)
    visit = await act.session.get_one(Visit, row.visit_id)
    if policy.may_remove_verified(act.actor) is not True and visit.state is VisitState.VERIFIED:
        raise Forbidden("The visit was verified with this picture: its lead may remove it.")
    act.move(row, model.TRANSITIONS, "remove")
    row.state_reason = check_reason(reason)
    row.removed_at, row.removed_by = act.now, act.actor.account_id
    await act.session.execute(delete(PictureContent).where(PictureContent.picture_id == row.id))
    act.record("visit_picture.removed", row, visit_id=row.visit_id)
    return row


async def expire_pictures(session: AsyncSession, now: datetime) -> int:
    """A clock: pictures whose bytes never came; how many."""
    act = Act(session, system(now))
    due = await queries.due_to_expire(session, now)
    for row in due:
        act.move(row, model.TRANSITIONS, "expire")
        act.record("visit_picture.expired", row, visit_id=row.visit_id)
    return len(due)
