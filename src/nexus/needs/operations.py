"""Moving needs through verification to their end; drafts and publication are beside it."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import true, update

from nexus.acting import NOBODY, Act, Deed, Role, plain_transition
from nexus.core.refusals import GuardFailed, Invalid
from nexus.needs import model, policy, queries, rules
from nexus.needs.debts.operations import check_free
from nexus.needs.drafts.operations import (
    add_need_line,
    create_need,
    remove_need_line,
    update_need,
)
from nexus.needs.publication.operations import (
    Release,
    check_reviewed,
    pause,
    pause_expired_needs,
    pause_need,
    pause_under_consent,
    publish,
    publish_need,
    release_of,
    resume,
    resume_need,
    show,
)
from nexus.needs.staging.operations import recount, release_due_tranches
from nexus.needs.staging.rules import check_plan, is_staged

__all__ = [
    "add_need_line",
    "cancel_need",
    "change_quantity",
    "close_need",
    "create_need",
    "pause_expired_needs",
    "pause_need",
    "pause_under_consent",
    "publish_need",
    "reject_need",
    "release_due_tranches",
    "release_imported",
    "remove_need_line",
    "reopen_need",
    "restore_imported",
    "resume_need",
    "return_need",
    "submit_need",
    "update_need",
    "verify_need",
    "withdraw_imported",
]


def _plain(verb: str, event: str, *, needs_reason: bool = False) -> Deed:
    return plain_transition(
        model.Need,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=getattr(policy, f"may_{verb}"),
        needs_reason=needs_reason,
    )


submit_need = _plain("submit", "need.submitted")
return_need = _plain("return", "need.returned", needs_reason=True)
reject_need = _plain("reject", "need.rejected", needs_reason=True)


async def verify_need(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    evidence: str,
    approval_cap_fen: int | None = None,
) -> model.Need:
    """A second person vouches for it, on a visit or a document. This is its review, too."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_verify, row)
    model.TRANSITIONS.after("verify", row.state)
    lines = await queries.take_lines(act.session, row.id)
    if is_staged(lines):
        check_plan(lines, approval_cap_fen)
    _verify(act, row, act.actor.account_id, evidence, approval_cap_fen)
    return row


async def close_need(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    close_reason: model.CloseReason,
    reason: str | None = None,
) -> model.Need:
    """INV-05. What is not confirmed in full is closed by another person than the owner; what still
    owes something, by nobody."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_close, row)
    model.TRANSITIONS.after("close", row.state)
    lines = await queries.take_lines(act.session, row.id)
    rules.check_closable(close_reason, lines)
    await check_free(act, row)
    if row.owner_id == act.actor.account_id and not all(map(rules.is_met, lines)):
        raise GuardFailed(
            "Not every line is confirmed: a second person closes it, not the owner.", rule="INV-18"
        )
    act.move(row, model.TRANSITIONS, "close")
    row.close_reason = close_reason
    row.state_reason = reason
    row.closed_at = act.now
    show(lines, published=False)
    act.record("need.closed", row, close_reason=close_reason)
    return row


async def reopen_need(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Need:
    """Back to verified within 90 days; it is published anew, with every check."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_reopen, row)
    model.TRANSITIONS.after("reopen", row.state)
    told = rules.check_text(reason, field="reason")
    rules.check_reopen(row.closed_at, act.now)
    if row.provisional:
        raise GuardFailed(
            "It was published provisionally and never verified: record a new need.", rule="T15c"
        )
    act.move(row, model.TRANSITIONS, "reopen")
    row.close_reason = row.closed_at = None
    row.state_reason = told
    act.record("need.reopened", row)
    return row


async def cancel_need(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Need:
    """A duplicate or an error, on which no help was ever bound and for which nothing is owed."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_cancel, row)
    model.TRANSITIONS.after("cancel", row.state)
    told = rules.check_text(reason, field="reason")
    lines = await queries.take_lines(act.session, row.id)
    rules.check_untouched(lines)
    await check_free(act, row)
    act.move(row, model.TRANSITIONS, "cancel")
    row.state_reason = told
    show(lines, published=False)
    act.record("need.cancelled", row)
    return row


async def change_quantity(
    act: Act, line_id: UUID, *, expected_version: int, quantity: Decimal | None
) -> model.Need:
    """Ask for more or less on a line, never below what is bound to it (INV-06). None: open-ended.

    The guard is in the UPDATE itself: a pledge that books at this moment cannot slip between.
    `expected_version` is the need's.
    """
    rules.check_quantity(quantity, field="quantity")
    line = await act.find(model.NeedLine, line_id, visible=policy.line_visible)
    row = await queries.take_need(act, line.need_id, expected_version)
    act.permit(policy.may_change_quantity, row)
    act.move(row, model.TRANSITIONS, "change_quantity")
    await recount(act, row, line, quantity)
    before = line.quantity_required
    table = model.NeedLine
    fits = true() if quantity is None else queries.live_quantity(table) <= quantity
    changed = await act.session.execute(
        update(table)
        .where(table.id == line_id, fits)
        .values(quantity_required=quantity)
        .returning(table.id)
        .execution_options(synchronize_session=False)
    )
    done = changed.first() is not None
    await act.session.refresh(line)
    if not done:
        least = rules.plain(rules.live(line))
        raise GuardFailed(
            f"{least} {line.unit} of line {line.position} ({line.item}) are pledged or delivered: "
            f"ask for at least that much, or release pledges first.",
            field="quantity",
            rule="INV-06",
            line=line.position,
            minimum=least,
        )
    act.record("need.quantity_changed", row, line_id=line_id, before=before, quantity=quantity)
    return row


# --- Imports, news and clocks ---


async def release_imported(
    act: Act,
    need: model.Need,
    *,
    title: str,
    summary: str,
    evidence: str,
    voucher_id: UUID | None = None,
) -> model.Need:
    """Verify and publish a row whose source says that it is reviewed, with every guard.

    The person who runs the import vouches (`voucher_id` where SYSTEM runs it for them); the row's
    creator is the import's own account.
    """
    row = await queries.take_need(act, need.id)
    act.permit(policy.may_release, row)
    named = voucher_id if act.actor.role is Role.SYSTEM else None
    voucher = named or act.actor.account_id
    if voucher in (NOBODY, row.created_by):
        raise GuardFailed(
            "An import is released by a person who did not create its rows.", rule="INV-18"
        )
    check_reviewed(row)
    given = Release(title, summary, row.consent_id, row.publish_from, row.publish_until)
    if row.state in model.TRANSITIONS.sources("submit"):
        act.move(row, model.TRANSITIONS, "submit")
        act.record("need.submitted", row)
    if row.state in model.TRANSITIONS.sources("verify"):
        _verify(act, row, voucher, evidence, None)
        await act.session.flush()
    await publish(act, row, given, releaser_id=voucher)
    return row


async def withdraw_imported(act: Act, need: model.Need, reason: str = rules.ABSENT) -> bool:
    """Pause a need that its source no longer lists; whether it was published. It is kept."""
    row = await queries.take_need(act, need.id)
    act.permit(policy.may_release, row)
    if row.state is not model.NeedState.PUBLISHED:
        return False
    await pause(act, row, reason)
    return True


async def restore_imported(act: Act, need: model.Need, reason: str = rules.ABSENT) -> bool:
    """Resume a need that was paused for `reason` and is listed again; whether it was."""
    row = await queries.take_need(act, need.id)
    act.permit(policy.may_release, row)
    if row.state is not model.NeedState.PAUSED or row.state_reason != reason:
        return False
    await resume(act, row, release_of(row), None)
    return True


def _verify(act: Act, row: model.Need, verifier: UUID, evidence: str, cap: int | None) -> None:
    model.TRANSITIONS.after("verify", row.state)
    told = rules.check_text(evidence, field="evidence")
    if cap is not None and cap < 0:
        raise Invalid("An approval cap cannot be negative.", field="approvalCapFen")
    act.move(row, model.TRANSITIONS, "verify")
    row.evidence = told
    row.approval_cap_fen = cap
    row.reviewed = True
    row.verified_at = act.now
    row.verified_by = verifier
    row.state_reason = None
    act.record("need.verified", row, verifier_id=verifier)
