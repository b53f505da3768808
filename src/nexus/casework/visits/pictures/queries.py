"""Pictures of a visit: how many there are, which of them is known, and their bytes."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.casework.visits.pictures import model, rules
from nexus.casework.visits.pictures.model import PictureContent, PictureView, VisitPicture

SLICE = 200


async def known(
    session: AsyncSession, visit_id: UUID, kind: model.PictureKind, sha256: str
) -> VisitPicture | None:
    """The live picture of this content, locked."""
    row = VisitPicture
    found = await session.scalars(
        select(row)
        .where(
            row.visit_id == visit_id,
            row.kind == kind,
            row.sha256 == sha256,
            row.state.in_(model.LIVE),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def count(
    session: AsyncSession, visit_id: UUID, kind: model.PictureKind, now: datetime
) -> int:
    """Those that are kept, or may still come."""
    row = VisitPicture
    found = await session.scalar(
        select(func.count())
        .select_from(row)
        .where(
            row.visit_id == visit_id,
            row.kind == kind,
            (row.state == model.PictureState.KEPT)
            | ((row.state == model.PictureState.REQUESTED) & (row.expires_at > now)),
        )
    )
    return found or 0


async def due_to_expire(session: AsyncSession, now: datetime) -> Sequence[VisitPicture]:
    """Requested pictures whose bytes never came, locked, at most 200."""
    row = VisitPicture
    found = await session.scalars(
        select(row)
        .where(row.state == model.PictureState.REQUESTED, row.expires_at <= now)
        .order_by(row.expires_at)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    return found.all()


async def content_of(session: AsyncSession, album: rules.Album, row: VisitPicture) -> bytes | None:
    """The bytes of a picture; None when they are not kept."""
    sealed = await session.scalar(
        select(PictureContent.ciphertext).where(PictureContent.picture_id == row.id)
    )
    if sealed is None or row.kept_sha256 is None:
        return None
    return rules.opened(album, sealed, row.id, row.kept_sha256)


async def signatures_of(session: AsyncSession, visit_id: UUID) -> Sequence[VisitPicture]:
    """The signatures that are kept, oldest first."""
    row = VisitPicture
    found = await session.scalars(
        select(row)
        .where(
            row.visit_id == visit_id,
            row.kind == model.PictureKind.SIGNATURE,
            row.state == model.PictureState.KEPT,
        )
        .order_by(row.taken_at, row.id)
    )
    return found.all()


async def view_of(session: AsyncSession, view_id: UUID) -> PictureView | None:
    """What was asked for."""
    return await session.get(PictureView, view_id)
