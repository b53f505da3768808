"""Releasing the tranches of a staged need, one after the other (T15e, INV-09)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Act, Role, system
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.emergencies.model import RelaxedRule, Settlement
from nexus.emergencies.operations import relax
from nexus.needs import model, policy, queries
from nexus.needs.model import NeedState, TrancheGround
from nexus.needs.rules import check_text
from nexus.needs.staging import rules

POLICY = "T15e"


async def release_first(act: Act, row: model.Need, lines: Sequence[model.NeedLine]) -> None:
    """With its publication a staged need's first tranche is free; later ones stay held."""
    if not rules.is_staged(lines) or await released(act.session, row.id):
        return
    summed = rules.check_plan(lines, row.approval_cap_fen)
    _release(act, row, 1, summed[1], TrancheGround.FIRST, None)


async def release_tranche(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Need:
    """Free the next tranche: the one before has arrived, or an approver decides, with a reason.

    GuardFailed names the lines that are missing; Forbidden when another than GOV_APPROVER would
    decide in spite of them.
    """
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_release_tranche, row)
    model.TRANSITIONS.after("release_tranche", row.state)
    lines = await queries.take_lines(act.session, row.id)
    last = await released(act.session, row.id)
    if not any(line.held for line in lines):
        raise GuardFailed("Every tranche of this need is released.", rule=rules.RULE, released=last)
    ground, told = TrancheGround.ARRIVED, None
    if late := rules.missing(lines, last):
        ground, told = TrancheGround.DECIDED, _decide(act, late, last, reason)
    await _free(act, row, lines, last + 1, ground, told)
    return row


def _decide(act: Act, late: Sequence[rules.Staged], last: int, reason: str | None) -> str:
    """The approver's reason to go on although lines of the last tranche are missing."""
    named = ", ".join(f"line {line.position} ({line.item})" for line in late)
    if not (reason or "").strip():
        raise GuardFailed(
            f"Tranche {last} has not arrived: {named}. Wait for it, or let an approver decide with "
            "a reason.",
            field="reason",
            rule=rules.RULE,
            lines=[str(line.position) for line in late],
        )
    if act.actor.role is not Role.GOV_APPROVER:
        raise Forbidden(
            f"Tranche {last} has not arrived: {named}. Only an approver releases the next one "
            "before that.",
            action="release_tranche",
        )
    return check_text(reason, field="reason")


async def release_due_tranches(session: AsyncSession, now: datetime) -> int:
    """A clock: free the next tranche of up to 500 published needs whose last one has arrived."""
    act = Act(session, system(now))
    found = await session.scalars(
        _due().order_by(model.Need.id).limit(500).with_for_update(skip_locked=True)
    )
    rows = list(found)
    for row in rows:
        lines = await queries.take_lines(session, row.id)
        last = await released(session, row.id)
        await _free(act, row, lines, last + 1, TrancheGround.ARRIVED, None)
    return len(rows)


def _due() -> Select[model.Need]:
    """Published needs with a held line, and none missing of those that are free."""
    held, free = aliased(model.NeedLine), aliased(model.NeedLine)
    waits = select(held.id).where(held.need_id == model.Need.id, held.held, held.asked).exists()
    lacks = (
        select(free.id)
        .where(
            free.need_id == model.Need.id,
            ~free.held,
            free.asked,
            free.delivered + free.confirmed < free.quantity_required,
        )
        .exists()
    )
    return select(model.Need).where(
        model.Need.state == NeedState.PUBLISHED, ~model.Need.confirm_needed, waits, ~lacks
    )


async def _free(
    act: Act,
    row: model.Need,
    lines: Sequence[model.NeedLine],
    no: int,
    ground: TrancheGround,
    reason: str | None,
) -> None:
    summed = rules.check_plan(lines, row.approval_cap_fen)
    act.move(row, model.TRANSITIONS, "release_tranche")
    _release(act, row, no, summed[no], ground, reason)
    await act.session.flush()
    shown = row.state is NeedState.PUBLISHED and not row.confirm_needed
    for line in lines:
        if line.tranche_no == no:
            line.held = False
            line.published = shown and line.asked
    if ground is TrancheGround.DECIDED:
        await relax(
            act,
            RelaxedRule.TRANCHE_EARLY,
            rule_version=POLICY,
            subject=row,
            reason=reason or "",
            settled_as=Settlement.DECIDED,
        )


def _release(
    act: Act, row: model.Need, no: int, amount: int, ground: TrancheGround, reason: str | None
) -> None:
    act.session.add(
        model.Tranche(
            need_id=row.id,
            no=no,
            amount_fen=amount,
            ground=ground,
            reason=reason,
            released_at=act.now,
            released_by=act.actor.account_id,
        )
    )
    act.record("need.tranche_released", row, tranche_no=no, amount_fen=amount, ground=ground)


async def recount(
    act: Act, row: model.Need, line: model.NeedLine, quantity: Decimal | None
) -> None:
    """A staged need's line asks for `quantity` from now on: within the approval, or GuardFailed."""
    lines = await queries.take_lines(act.session, row.id)
    if not rules.is_staged(lines):
        return
    before = line.quantity_required
    with act.session.no_autoflush:
        line.quantity_required = quantity
        try:
            summed = rules.check_plan(lines, row.approval_cap_fen)
        finally:
            line.quantity_required = before
    tranche = model.Tranche
    await act.session.execute(
        update(tranche)
        .where(tranche.need_id == row.id, tranche.no == line.tranche_no)
        .values(amount_fen=summed[line.tranche_no])
    )


async def released(session: AsyncSession, need_id: UUID) -> int:
    """The number of the last released tranche; 0 before the first."""
    tranche = model.Tranche
    last = select(func.coalesce(func.max(tranche.no), 0)).where(tranche.need_id == need_id)
    return int((await session.execute(last)).scalar_one())
