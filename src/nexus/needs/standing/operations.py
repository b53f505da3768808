"""Freezing needs whose subject is recognised no longer, and confirming that they still stand."""

from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.needs import model, policy, queries, rules
from nexus.needs.publication.operations import show
from nexus.recipients.model import Recognition

DEATH = "DEATH"
ENTERED_IN_ERROR = "ENTERED_IN_ERROR"


async def freeze_after_end(act: Act, recognition: Recognition) -> int:
    """Freeze the live needs of the recognition's subject (domain.md 7.3); how many.

    Not while another recognition of the same kind holds: a new number for the same help is no
    change (T24c). A death is one always, for the household's own needs too.
    """
    reason = recognition.end_reason or ENTERED_IN_ERROR
    if reason != DEATH and await queries.is_still_recognised(act, recognition):
        return 0
    rows = await queries.take_live_of(act.session, recognition, with_household=reason == DEATH)
    for row in rows:
        await _freeze(act, row, reason, recognition.id)
    return len(rows)


async def _freeze(act: Act, row: model.Need, reason: str, recognition_id: UUID) -> None:
    lines = await queries.take_lines(act.session, row.id)
    row.confirm_needed, row.confirm_reason, row.frozen_at = True, reason, act.now
    row.version += 1
    show(lines, published=False)
    act.record("need.frozen", row, reason=reason, recognition_id=recognition_id)


async def flag_after_change(act: Act, household_id: UUID, *, report_id: UUID) -> int:
    """Mark the household's open needs as to be looked at, since it changed (T24); how many.

    Help goes on: a change is no end. Whoever works with the household confirms the need, or closes
    it.
    """
    rows = await queries.take_open_of_household(act.session, household_id)
    for row in rows:
        row.changed_at = row.changed_at or act.now
        row.version += 1
        act.record("need.change_reported", row, change_id=report_id)
    return len(rows)


async def confirm_need_still_stands(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Need:
    """Somebody has asked: the need stands. Its pledges go on. The reason says what it rests on."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_confirm, row)
    if not row.confirm_needed and row.changed_at is None:
        raise GuardFailed("This need is not waiting to be confirmed.", rule="confirm_needed")
    told = rules.check_text(reason, field="reason")
    lines = await queries.take_lines(act.session, row.id)
    before = row.confirm_reason
    row.confirm_needed, row.confirm_reason, row.frozen_at = False, None, None
    row.changed_at = None
    row.state_reason = told
    row.version += 1
    show(lines, published=row.state is model.NeedState.PUBLISHED)
    act.record("need.confirmed", row, reason=before)
    return row
