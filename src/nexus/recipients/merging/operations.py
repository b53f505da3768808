"""Looking before creating, suspecting, and joining two records by a pointer, or taking it back."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import resolve_area
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid
from nexus.core.texts import check_reason
from nexus.recipients import model as recipients
from nexus.recipients.merging import model, policy, queries, rules
from nexus.recipients.merging.model import SuspicionGround
from nexus.recipients.policy import recipient_visible
from nexus.recipients.recognitions.operations import check_conflict
from nexus.recipients.vault import policy as vault_policy
from nexus.recipients.vault import queries as vault
from nexus.recipients.vault.rules import check_id_number, name_key


async def similar_recipients(
    act: Act,
    *,
    id_number: str | None = None,
    name: str | None = None,
    birth_year: int | None = None,
    area_code: str | None = None,
) -> list[recipients.Recipient]:
    """Records of the territory that may be this person: look before you create (T22).

    By ID number at once; by name with the year of birth and the county. Nobody of another
    territory is told of. A deed and not a read: who looked for whom is history.
    """
    if not vault_policy.may_find(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not look for people by who they are.")
    if id_number is None and name is None:
        raise Invalid("Give an idNumber, or a name with a birthYear.", field="name")
    found: list[recipients.Recipient] = []
    if id_number is not None:
        one = await vault.recipient_by_id_number(act, check_id_number(id_number))
        found = [one] if one else []
    if name is not None:
        if birth_year is None:
            raise Invalid("A name alone fits many: give the birthYear too.", field="birthYear")
        code = await resolve_area(act.session, area_code) if area_code else None
        hashed = name_key(vault.vault_of(act), name)
        near = await queries.like(act, name_hash=hashed, birth_year=birth_year, area_code=code)
        found += [one for one in near if one not in found]
    for one in found:
        act.record("recipient.found", one)
    return found


async def suspect_duplicate(
    act: Act, recipient_id: UUID, *, other_id: UUID
) -> model.DuplicateSuspicion:
    """Somebody who knows them says that the two are one person."""
    one = await act.find(recipients.Recipient, recipient_id, visible=recipient_visible)
    if recipient_id == other_id:
        raise Invalid("Name two records.", field="otherId")
    other = await act.find(recipients.Recipient, other_id, visible=recipient_visible)
    act.permit(policy.may_suspect, one)
    if await queries.live_between(act.session, one.id, other.id):
        raise rules.NotMergeable("These two are suspected or merged already: see duplicates.")
    later, earlier = sorted((one, other), key=lambda each: each.id, reverse=True)
    home = await act.session.get_one(recipients.Household, later.household_id)
    row = model.DuplicateSuspicion(
        no=await act.number("DS", home.area_code),
        recipient_id=later.id,
        other_id=earlier.id,
        area_code=home.area_code,
        ground=SuspicionGround.REPORTED,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("duplicate.suspected", row, **_about(row))
    return row


async def suspect_duplicates(session: AsyncSession, now: datetime, *, limit: int = 500) -> int:
    """The clock: compare names recorded since the last time, by hand or import; how many."""
    act = Act(session, system(now))
    ids = await queries.take_unexamined(session, now, limit)
    pairs = await queries.pairs_of(session, ids) if ids else []
    if pairs:
        numbers = await act.numbers("DS", [pair.area_code for pair in pairs])
        await _suspect(act, pairs, numbers)
    return len(ids)


async def _suspect(act: Act, pairs: Sequence[object], numbers: Sequence[str]) -> None:
    given = [
        {
            "id": new_id(),
            "no": number,
            **pair._mapping,  # type: ignore[attr-defined]
            "ground": SuspicionGround.NAME_AND_BIRTH,
            "state": model.SuspicionState.OPEN,
            "version": 1,
            "created_at": act.now,
            "created_by": act.actor.account_id,
        }
        for pair, number in zip(pairs, numbers, strict=True)
    ]
    row = model.DuplicateSuspicion
    made = await act.session.scalars(
        insert(row).values(given).on_conflict_do_nothing().returning(row)
    )
    for one in made:
        act.record("duplicate.suspected", one, **_about(one))


def _about(row: model.DuplicateSuspicion) -> dict[str, object]:
    return {
        "recipient_id": row.recipient_id,
        "other_id": row.other_id,
        "survivor_id": row.survivor_id,
    }


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.DuplicateSuspicion:
    return await act.take(
        model.DuplicateSuspicion,
        row_id,
        visible=policy.visible,
        expected_version=expected_version,
    )


async def propose_merge(
    act: Act, row_id: UUID, *, expected_version: int, survivor_id: UUID
) -> model.DuplicateSuspicion:
    """Say which record stays; somebody else decides. A later proposal takes its place."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_propose, row)
    act.move(row, model.TRANSITIONS, "propose")
    if survivor_id not in (row.recipient_id, row.other_id):
        raise Invalid("The one that stays is one of the two.", field="survivorId")
    row.survivor_id, row.proposed_by, row.proposed_at = survivor_id, act.actor.account_id, act.now
    act.record("duplicate.proposed", row, **_about(row))
    return row


async def merge_recipients(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DuplicateSuspicion:
    """Point the record that goes at the one that stays. Nothing else moves (scenario 21).

    A household that held nobody else goes with it, so that its help counts with the other's.
    NotMergeable where that would make a chain: merge straight into the record that stays.
    PeriodConflict where both are recognised in a way that one person cannot be (INV-34): the
    authority says first which of the two holds.
    """
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_merge, row)
    act.move(row, model.TRANSITIONS, "merge")
    _decide(act, row, reason)
    first, second = await queries.take_pair(act, row)
    await _check_free(act, first, second)
    first.merged_into_id, first.merged_at = second.id, act.now
    row.household_merged_id = await _join_homes(act, first, second)
    await act.session.flush()
    await _check_periods(act, first, second)
    act.record("duplicate.merged", row, **_about(row))
    return row


async def _check_free(act: Act, goes: recipients.Recipient, stays: recipients.Recipient) -> None:
    for one in (goes, stays):
        if one.merged_into_id is not None:
            raise rules.NotMergeable(
                f"{one.no} was merged into another record: merge that one instead.", no=one.no
            )
    if await queries.has_merged(act.session, goes.id):
        raise rules.NotMergeable(
            f"Others were merged into {goes.no}: let it be the one that stays, or unmerge them.",
            no=goes.no,
        )


async def _check_periods(act: Act, *records: recipients.Recipient) -> None:
    """PeriodConflict where what is recognised of the two cannot be of one person (INV-34)."""
    for one in records:
        for recognition in await queries.recognitions_of(act.session, one):
            await check_conflict(act, recognition, one.household_id)


async def _join_homes(
    act: Act, goes: recipients.Recipient, stays: recipients.Recipient
) -> UUID | None:
    """Point the home of who goes at that of who stays, if nobody else lives there."""
    left, kept = goes.household_id, stays.household_id
    for home_id in sorted({left, kept}):
        await queries.lock_household(act.session, home_id)
    homes = await queries.take_homes(act.session, (left, kept))
    if left == kept:
        return None
    target = homes[kept].merged_into_id or kept
    alone = await queries.lives_alone(act.session, left, goes.id)
    if homes[left].merged_into_id is not None or target == left or not alone:
        return None
    homes[left].merged_into_id, homes[left].merged_at = target, act.now
    return left


def _decide(act: Act, row: model.DuplicateSuspicion, reason: str | None) -> None:
    row.decided_by, row.decided_at, row.state_reason = act.actor.account_id, act.now, reason


async def keep_apart(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DuplicateSuspicion:
    """They are two people, and why; the clock does not suspect them again."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_keep_apart, row)
    act.move(row, model.TRANSITIONS, "keep_apart")
    _decide(act, row, check_reason(reason, most=rules.MAX_REASON))
    act.record("duplicate.kept_apart", row, **_about(row))
    return row


async def unmerge_recipients(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DuplicateSuspicion:
    """Take the pointer back: everything is where it was (scenario 21). A reason is due."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_unmerge, row)
    act.move(row, model.TRANSITIONS, "unmerge")
    _decide(act, row, check_reason(reason, most=rules.MAX_REASON))
    home_id, row.household_merged_id = row.household_merged_id, None
    goes, _ = await queries.take_pair(act, row)
    goes.merged_into_id, goes.merged_at = None, None
    if home_id is not None:
        await queries.lock_household(act.session, home_id)
        homes = await queries.take_homes(act.session, (home_id,))
        homes[home_id].merged_into_id, homes[home_id].merged_at = None, None
    await act.session.flush()
    act.record("duplicate.unmerged", row, **_about(row))
    return row
