"""Moving a person from one household to another."""

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.core.refusals import GuardFailed, Invalid
from nexus.recipients import model, policy, rules
from nexus.recipients.merging.queries import lock_household, take_homes
from nexus.recipients.model import RecognitionState
from nexus.recipients.recognitions.operations import check_conflict


async def move_recipient(
    act: Act,
    recipient_id: UUID,
    *,
    expected_version: int,
    household_id: UUID,
    household_role: str,
    moved_on: date | None = None,
) -> model.Recipient:
    """The person lives in that household from `moved_on` on, today unless it is said.

    PeriodConflict where what is recognised of the person cannot stand beside what is of the
    household (INV-34). The needs follow as news: `needs.reactions`.
    """
    seen = await act.find(model.Recipient, recipient_id, visible=policy.recipient_visible)
    act.permit(policy.may_move, seen)
    home = await act.find(model.Household, household_id, visible=policy.visible)
    # The households first, as whoever recognises or helps them does.
    before = seen.household_id
    for one in sorted((before, home.id)):
        await lock_household(act.session, one)
    await take_homes(act.session, (before, home.id))
    row = await act.take(
        model.Recipient,
        recipient_id,
        visible=policy.recipient_visible,
        expected_version=expected_version,
    )
    today = act.actor.today()
    rules.check_person(household_role, row.birth_year, today)
    _check(row, home)
    before = row.household_id
    day = moved_on or today
    if day > today or (row.moved_on is not None and day < row.moved_on):
        raise Invalid(
            f"movedOn lies between {row.moved_on or 'the beginning'}, the last move, and today.",
            field="movedOn",
        )
    row.household_id, row.household_role, row.moved_on = home.id, household_role, day
    row.version += 1
    await act.session.flush()
    await _check_periods(act, row)
    act.record("recipient.moved", row, household_before=before, household_id=home.id, moved_on=day)
    return row


def _check(row: model.Recipient, home: model.Household) -> None:
    """Both records stand for themselves, and the person lives elsewhere."""
    for one in (row, home):
        if one.merged_into_id is not None:
            raise GuardFailed(
                f"{one.no} was merged into another record: name the one that stays.",
                rule="merged",
                no=one.no,
            )
    if row.household_id == home.id:
        raise GuardFailed(f"{row.no} lives in {home.no} already.", field="householdId")


async def _check_periods(act: Act, person: model.Recipient) -> None:
    """What is recognised of the person stands beside what is of the household joined (INV-34)."""
    row = model.Recognition
    own = await act.session.scalars(
        select(row)
        .where(row.recipient_id == person.id, row.state != RecognitionState.ENTERED_IN_ERROR)
        .order_by(row.valid_from)
    )
    for one in own:
        await check_conflict(act, one, person.household_id)


@dataclass(frozen=True, slots=True)
class Move:
    """Somebody on record elsewhere, whom the authority states to live here."""

    recipient_id: UUID
    household_id: UUID
    household_role: str


async def follow_move(act: Act, move: Move) -> None:
    """The person lives there from today on, as the authority states."""
    who = await act.session.get_one(model.Recipient, move.recipient_id, populate_existing=True)
    await move_recipient(
        act,
        who.id,
        expected_version=who.version,
        household_id=move.household_id,
        household_role=move.household_role,
    )
