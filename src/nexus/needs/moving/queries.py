"""The needs that a person's move concerns."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.needs.model import Need, NeedState, SubjectKind
from nexus.recipients.model import Consent

OVER = (NeedState.REJECTED, NeedState.CLOSED, NeedState.CANCELLED)


async def take_open_of(
    session: AsyncSession, recipient_id: UUID, household_id: UUID
) -> Sequence[Need]:
    """The person's needs that are not over and still count for that household, locked by id."""
    found = await session.scalars(
        select(Need)
        .where(
            Need.recipient_id == recipient_id,
            Need.household_id == household_id,
            Need.state.not_in(OVER),
        )
        .order_by(Need.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def take_published_of_household(
    session: AsyncSession, household_id: UUID, recipient_id: UUID
) -> Sequence[Need]:
    """The household's own needs published under a consent of the person, locked by id."""
    found = await session.scalars(
        select(Need)
        .join(Consent, Consent.id == Need.consent_id)
        .where(
            Need.household_id == household_id,
            Need.subject_kind == SubjectKind.HOUSEHOLD,
            Need.state == NeedState.PUBLISHED,
            Consent.recipient_id == recipient_id,
        )
        .order_by(Need.id)
        .with_for_update(of=Need)
        .execution_options(populate_existing=True)
    )
    return found.all()
