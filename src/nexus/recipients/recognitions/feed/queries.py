"""What is on record of the households that a slice of a feed is about."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import func, literal, union_all
from sqlalchemy.orm import join

from nexus.acting import View
from nexus.core.copying import looked_up
from nexus.recipients import model
from nexus.recipients.recognitions.feed.rules import Held


async def hold_households(view: View, ids: Collection[UUID]) -> dict[UUID, str]:
    """Household → area, locked in the order of their ids until the end of the transaction."""
    row = model.Household
    found = await view.session.execute(
        looked_up(row.id, sorted(ids), row.id, row.area_code, lock=True)
    )
    return dict(found.all())


async def households_of(view: View, recipient_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Recipient → household."""
    row = model.Recipient
    found = await view.session.execute(looked_up(row.id, recipient_ids, row.id, row.household_id))
    return dict(found.all())


async def recognitions_of(view: View, ids: Collection[UUID]) -> list[tuple[UUID, Held]]:
    """(household, recognition) of all that stand for the households or their members."""
    row, person = model.Recognition, model.Recipient
    columns: tuple[Any, ...] = (
        func.coalesce(row.household_id, row.recipient_id),
        row.category,
        row.valid_from,
        row.valid_to,
        row.no,
        row.id,
    )
    where = (row.state != model.RecognitionState.ENTERED_IN_ERROR,)
    own = looked_up(row.household_id, ids, row.household_id, literal(True), *columns, where=where)
    members = looked_up(
        person.household_id,
        ids,
        person.household_id,
        literal(False),
        *columns,
        where=where,
        source=join(person, row, row.recipient_id == person.id),
    )
    found = await view.session.execute(union_all(own, members))
    return [
        (household_id, Held(subject_id, of_household, *rest))
        for household_id, of_household, subject_id, *rest in found
    ]
