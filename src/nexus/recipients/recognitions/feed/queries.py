"""What is on record of the households that a slice of a feed is about."""

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, any_, exists, func, literal, or_, select, union_all
from sqlalchemy.orm import aliased, join

from nexus.acting import View
from nexus.core.copying import looked_up
from nexus.recipients import model
from nexus.recipients.recognitions.feed.rules import Held, Joined, beside_of


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


async def joined_of(view: View, ids: Collection[UUID]) -> Joined:
    """The merged records among the households and their members, and who moved in when."""
    person, home = model.Recipient, model.Household
    here = person.household_id == any_(literal(sorted(ids), ARRAY(Uuid())))
    moved = await view.session.execute(
        select(person.id, person.moved_on).where(here, person.moved_on.is_not(None))
    )
    people = await _joined(view, person, here, person.household_id)
    lived = {household_id for _, _, household_id in people}
    known = home.id == any_(literal(sorted({*ids, *lived}), ARRAY(Uuid())))
    homes = await _joined(view, home, known, home.id)
    joined = Joined(since={key: day for key, day in moved if day is not None})
    joined.same = {key: root for key, root, _ in (*homes, *people)}
    groups: dict[UUID, set[UUID]] = {}
    for _, root, household_id in (*homes, *people):
        groups.setdefault(root, set()).add(household_id)
    for _, root, household_id in people:
        joined.homes.setdefault(root, set()).add(joined.root(household_id))
    joined.beside = beside_of(groups.values())
    return joined


async def _joined(view: View, table: Any, among: Any, where: Any) -> list[Any]:
    """(record, the one that stays for it, `where`) of all that are joined with one `among` them."""
    gone = aliased(table)
    merged = exists().where(gone.merged_into_id == table.id).correlate(table)
    roots = await view.session.scalars(
        select(func.coalesce(table.merged_into_id, table.id)).where(
            among, or_(table.merged_into_id.is_not(None), merged)
        )
    )
    wanted = set(roots)
    if not wanted:
        return []
    found = await view.session.execute(
        select(table.id, func.coalesce(table.merged_into_id, table.id), where).where(
            or_(table.id.in_(wanted), table.merged_into_id.in_(wanted))
        )
    )
    return list(found.all())


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
