"""Which record stands for a person or household, and which records look like one person."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, View
from nexus.recipients import model as recipients
from nexus.recipients.merging import model
from nexus.recipients.policy import recipient_visible
from nexus.recipients.vault.model import BlindIndex, IdentityField, NameIndex

COUNTY_DIGITS = 6
NEAR_MOST = 20


def canonical_household(household_id: Any) -> ColumnElement[UUID]:
    """SQL: the household's record that stays; itself where it was not merged."""
    return _canonical(recipients.Household, household_id)


def canonical_recipient(recipient_id: Any) -> ColumnElement[UUID]:
    """SQL: the person's record that stays; itself where it was not merged."""
    return _canonical(recipients.Recipient, recipient_id)


def _canonical(table: Any, key: Any) -> ColumnElement[UUID]:
    row = aliased(table)
    found = select(func.coalesce(row.merged_into_id, row.id)).where(row.id == key)
    return found.correlate_except(row).scalar_subquery()


async def lock_household(session: AsyncSession, household_id: UUID) -> None:
    """Until the commit nobody helps or merges the household: see `helped_under_lock`."""
    await session.execute(text("SELECT lock_household(:id)"), {"id": household_id})


async def take_pair(act: Act, suspicion: model.DuplicateSuspicion) -> list[recipients.Recipient]:
    """The records that go and that stay, locked by id; the one that goes first.

    The lock leaves the key alone: what refers to a record waits for its household.
    """
    row = recipients.Recipient
    found = await act.session.scalars(
        select(row)
        .where(row.id.in_((suspicion.recipient_id, suspicion.other_id)))
        .order_by(row.id)
        .with_for_update(key_share=True)
        .execution_options(populate_existing=True)
    )
    return sorted(found, key=lambda one: one.id == suspicion.survivor_id)


async def take_homes(
    session: AsyncSession, ids: Sequence[UUID]
) -> dict[UUID, recipients.Household]:
    """The households by id, locked in that order."""
    row = recipients.Household
    found = await session.scalars(
        select(row)
        .where(row.id.in_(ids))
        .order_by(row.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return {one.id: one for one in found}


async def recognitions_of(
    session: AsyncSession, person: recipients.Recipient
) -> Sequence[recipients.Recognition]:
    """What stands of the person and of the household they live in, oldest first."""
    row = recipients.Recognition
    found = await session.scalars(
        select(row)
        .where(
            or_(row.recipient_id == person.id, row.household_id == person.household_id),
            row.state != recipients.RecognitionState.ENTERED_IN_ERROR,
        )
        .order_by(row.valid_from, row.id)
    )
    return found.all()


async def lives_alone(session: AsyncSession, household_id: UUID, recipient_id: UUID) -> bool:
    """Nobody else is in the household, and no other household was merged into it."""
    person, home = recipients.Recipient, recipients.Household
    others = await session.scalar(
        select(
            or_(
                exists().where(person.household_id == household_id, person.id != recipient_id),
                exists().where(home.merged_into_id == household_id),
            )
        )
    )
    return not others


async def has_merged(session: AsyncSession, recipient_id: UUID) -> bool:
    """Whether other records point at this one."""
    row = recipients.Recipient
    return bool(await session.scalar(select(exists().where(row.merged_into_id == recipient_id))))


async def live_between(session: AsyncSession, one: UUID, other: UUID) -> UUID | None:
    """The suspicion about the two that is open or was followed by a merge."""
    row = model.DuplicateSuspicion
    found: UUID | None = await session.scalar(
        select(row.id).where(
            func.least(row.recipient_id, row.other_id) == min(one, other),
            func.greatest(row.recipient_id, row.other_id) == max(one, other),
            row.state != model.SuspicionState.KEPT_APART,
        )
    )
    return found


async def like(
    view: View, *, name_hash: bytes | None, birth_year: int | None, area_code: str | None
) -> list[recipients.Recipient]:
    """Records of the territory with this name, year of birth (if both are known) and county."""
    if name_hash is None:
        return []
    row, home, index = recipients.Recipient, recipients.Household, NameIndex
    wanted = [index.hmac == name_hash, recipient_visible(view.actor, row)]
    if birth_year is not None:
        wanted.append(or_(row.birth_year.is_(None), row.birth_year == birth_year))
    if area_code is not None:
        wanted.append(func.starts_with(home.area_code, area_code[:COUNTY_DIGITS]))
    found = await view.session.scalars(
        select(row)
        .join(index, index.recipient_id == row.id)
        .join(home, home.id == row.household_id)
        .where(*wanted)
        .order_by(row.created_at, row.id)
        .limit(NEAR_MOST)
    )
    return list(found)


async def take_unexamined(session: AsyncSession, now: datetime, limit: int) -> list[UUID]:
    """Recipients whose name was not compared yet; from here on it was."""
    index = NameIndex
    waiting = (
        select(index.recipient_id)
        .where(index.examined_at.is_(None))
        .order_by(index.recipient_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    done = await session.scalars(
        update(index)
        .where(index.recipient_id.in_(waiting))
        .values(examined_at=now)
        .returning(index.recipient_id)
        .execution_options(synchronize_session=False)
    )
    return list(done)


async def pairs_of(session: AsyncSession, ids: Sequence[UUID]) -> list[Any]:
    """(later, earlier, area of the later) records of one name, birth year and county.

    Not two who both have an ID number: the numbers differ, so the people do. Not a pair that was
    looked at before, whatever came of it.
    """
    mine, other = aliased(NameIndex), aliased(NameIndex)
    one, two = aliased(recipients.Recipient), aliased(recipients.Recipient)
    home, there = aliased(recipients.Household), aliased(recipients.Household)
    known = aliased(model.DuplicateSuspicion)
    before = exists().where(
        func.least(known.recipient_id, known.other_id) == func.least(one.id, two.id),
        func.greatest(known.recipient_id, known.other_id) == func.greatest(one.id, two.id),
    )
    later = one.id > two.id
    found = await session.execute(
        select(
            func.greatest(one.id, two.id).label("recipient_id"),
            func.least(one.id, two.id).label("other_id"),
            func.min(home.area_code).label("area_code"),
        )
        .select_from(mine)
        .join(other, and_(other.hmac == mine.hmac, other.recipient_id != mine.recipient_id))
        .join(one, one.id == mine.recipient_id)
        .join(two, two.id == other.recipient_id)
        .join(home, home.id == one.household_id)
        .join(there, there.id == two.household_id)
        .where(
            mine.recipient_id.in_(ids),
            one.birth_year == two.birth_year,
            func.left(home.area_code, COUNTY_DIGITS) == func.left(there.area_code, COUNTY_DIGITS),
            one.merged_into_id.is_(None),
            two.merged_into_id.is_(None),
            ~and_(_numbered(one.id), _numbered(two.id)),
            ~before,
            # Of a pair examined together once, by the later.
            or_(later, other.recipient_id.not_in(ids)),
        )
        .group_by(one.id, two.id)
    )
    return list(found)


def _numbered(recipient_id: Any) -> ColumnElement[bool]:
    row = aliased(BlindIndex)
    return exists().where(row.recipient_id == recipient_id, row.field == IdentityField.ID_NUMBER)
