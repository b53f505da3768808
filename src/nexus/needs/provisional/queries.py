"""Which needs are out without consent."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import any_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.needs import model
from nexus.recipients.model import Consent, Recipient


async def take_without_consent(session: AsyncSession, consent_id: UUID) -> Sequence[model.Need]:
    """The published needs, out on a legal basis, of the person who gave or refused the consent."""
    need: Any = model.Need
    person = select(Recipient).join(Consent, Consent.recipient_id == Recipient.id)
    one = person.where(Consent.id == consent_id, any_(Consent.purposes) == "PUB").subquery()
    found = await session.scalars(
        select(need)
        .where(
            need.state == model.NeedState.PUBLISHED,
            need.provisional,
            need.legal_basis.is_not(None),
            or_(
                need.recipient_id.in_(select(one.c.id)),
                need.recipient_id.is_(None) & need.household_id.in_(select(one.c.household_id)),
            ),
        )
        .order_by(need.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()
