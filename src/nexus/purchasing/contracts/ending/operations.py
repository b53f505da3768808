"""Ending contracts: dropped before they are signed, completed, or terminated early."""

from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets.model import BudgetAccount
from nexus.purchasing.budgets.queries import held_fen
from nexus.purchasing.contracts import model, policy, queries, rules
from nexus.purchasing.contracts.operations import holds, record
from nexus.purchasing.procurements import model as procurements
from nexus.purchasing.procurements.awarding.operations import record_cancelled, take_award


def _dropping(verb: str, event: str) -> Any:
    """It was never signed: what it had reserved is free again."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.Contract:
        row = await queries.take_contract(act, row_id, expected_version)
        act.permit(policy.may_buy, row)
        said = check_reason(reason, impersonal=True)
        act.move(row, model.TRANSITIONS, verb)
        row.state_reason, row.ended_at = said, act.now
        record(act, event, row)
        held = await held_fen(act.session, row.id, BudgetAccount.RESERVED)
        for line_id, fen in held.items():
            await budgets.release(act, line_id=line_id, subject=holds(row), fen=fen)
        return row

    return deed


cancel_contract = _dropping("cancel", "cancelled")
fail_contract = _dropping("fail", "failed")


async def complete_contract(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Contract:
    """Every milestone is settled: what it does not owe is given back to its lines."""
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("complete", row.state)
    left = await queries.unsettled_milestones(act.session, row.id)
    if left:
        raise GuardFailed(
            f"{len(left)} milestones are not settled, the first is '{left[0]}': settle them first, "
            "or terminate it early.",
            rule="INV-19",
            unsettled=len(left),
        )
    return await _end(act, row, "complete", "completed", reason)


async def terminate_contract(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Contract:
    """It ends before its time, with a reason; what is accepted stays owed."""
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("terminate", row.state)
    return await _end(act, row, "terminate", "terminated", check_reason(reason, impersonal=True))


async def _end(
    act: Act, row: model.Contract, verb: str, event: str, reason: str | None
) -> model.Contract:
    act.move(row, model.TRANSITIONS, verb)
    row.state_reason, row.ended_at = reason, act.now
    owed = await queries.owed_fen(act.session, row.id)
    held = await held_fen(act.session, row.id, BudgetAccount.COMMITTED)
    back = rules.given_back(held, owed)
    record(act, event, row, given_back_fen=sum(back.values()))
    for line_id, fen in back.items():
        await budgets.decommit(act, line_id=line_id, subject=holds(row), fen=fen)
    return row


async def cancel_award(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> procurements.Award:
    """The buyer takes an award back, with a reason, while no contract stands under it."""
    row = await take_award(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    said = check_reason(reason, impersonal=True)
    procurements.AWARD_TRANSITIONS.after("cancel", row.state)
    standing = await queries.live_contracts_of(act.session, row.id)
    if standing:
        raise GuardFailed(
            f"Contract {standing[0]} stands under it: cancel that first.",
            rule="INV-19",
            contracts=list(standing),
        )
    act.move(row, procurements.AWARD_TRANSITIONS, "cancel")
    row.state_reason = said
    if row.decided_by is None:
        row.decided_by = act.actor.account_id
    record_cancelled(act, row)
    return row
