"""What a slice of the feed is compared with: codes, figures, and the references already known."""

from collections.abc import Collection, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import View
from nexus.areas.model import CodeEntry
from nexus.areas.queries import code_list, gazetteer, parameters, standards
from nexus.core.copying import looked_up
from nexus.exchange.importing.model import ExternalRef, ObjectType
from nexus.exchange.importing.recognitions.model import Ref, Stated
from nexus.exchange.importing.recognitions.words import Lookup, Words
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import vault_of

Refs = dict[str, Ref]


async def words_of(view: View, *, with_identity: bool) -> Words:
    """Everything rows are read with. VaultClosed where identity would have nowhere to go."""
    session = view.session
    categories = await code_list(session, "recipient_category")
    end_reasons = await code_list(session, "recognition_end_reason")
    vault = vault_of(view) if with_identity else None
    row = CodeEntry
    periods: dict[str, list[tuple[object, object]]] = {}
    found = await session.execute(
        select(row.code, row.valid_from, row.valid_to).where(row.list_name == "recipient_category")
    )
    for code, start, end in found:
        periods.setdefault(code, []).append((start, end))

    def digest(text: str) -> str:
        assert vault is not None
        return vault.blind(IdentityField.NAME, text).hex()[:32]

    return Words(
        gazetteer=await gazetteer(session),
        categories=Lookup(lambda text: categories.resolve(text, field="category"), "category"),
        end_reasons=Lookup(
            lambda text: end_reasons.resolve(text, field="end_reason"), "end_reason"
        ),
        category_periods=periods,  # type: ignore[arg-type]
        parameters=await parameters(session),
        standards=await standards(session),
        digest=digest,
        today=view.actor.today(),
    )


async def refs_of(session: AsyncSession, system: str, type_: str, values: Iterable[str]) -> Refs:
    """Value → what is known of it."""
    row = ExternalRef
    found = await session.execute(
        looked_up(
            row.value,
            set(values),
            *(row.value, row.id, row.object_id, row.parts),
            where=(row.system == system, row.type == type_),
        )
    )
    return {value: Ref(ref_id, object_id, parts) for value, ref_id, object_id, parts in found}


async def named_otherwise(
    session: AsyncSession, system: str, recipient_ids: Collection[UUID]
) -> dict[UUID, str]:
    """Recipient → the number that this source knows them by."""
    found = await session.execute(_numbers(system, ObjectType.RECIPIENT, recipient_ids))
    return {recipient_id: value for recipient_id, value in found if recipient_id is not None}


def numbers_of(stated: Iterable[Stated]) -> tuple[set[str], set[str]]:
    """The household and person numbers the rows name."""
    households, persons = set(), set()
    for each in stated:
        households.add(each.household)
        if each.person is not None:
            persons.add(each.person)
    return households, persons


async def numbers_by_recognition(
    session: AsyncSession, system: str, ids: Collection[UUID]
) -> dict[UUID, str]:
    """Recognition → the number that this source knows it by."""
    found = await session.execute(_numbers(system, ObjectType.RECOGNITION, ids))
    return {object_id: value for object_id, value in found if object_id is not None}


def _numbers(system: str, object_type: ObjectType, ids: Collection[UUID]) -> Select[Any]:
    row = ExternalRef
    where = (row.object_type == object_type, row.system == system)
    return looked_up(row.object_id, ids, row.object_id, row.value, where=where)
