"""Settling milestones by the buyer's word: met where no money rests on it, or not met."""

from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.purchasing.contracts import model, policy, queries


async def meet_milestone(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Milestone:
    """The buyer says that a milestone without money is met."""
    row, contract = await queries.take_milestone(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.MILESTONE_TRANSITIONS.after("meet", row.state)
    check_running(contract)
    if row.value_fen:
        raise GuardFailed(
            f"{row.value_fen} fen rest on it: it is met by an acceptance.", rule="INV-19"
        )
    act.move(row, model.MILESTONE_TRANSITIONS, "meet")
    row.met_on, row.state_reason = act.actor.today(), reason
    record(act, "met", row)
    return row


async def miss_milestone(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Milestone:
    """The buyer says, with a reason, that a milestone was not met."""
    row, contract = await queries.take_milestone(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    said = check_reason(reason)
    model.MILESTONE_TRANSITIONS.after("miss", row.state)
    check_running(contract)
    if row.due_on > act.actor.today():
        raise GuardFailed(f"It is due on {row.due_on}: wait until then.", rule="INV-19")
    act.move(row, model.MILESTONE_TRANSITIONS, "miss")
    row.state_reason = said
    record(act, "not_met", row)
    return row


def check_running(contract: model.Contract) -> None:
    """GuardFailed unless the contract is active: its milestones rest with it (INV-19)."""
    if contract.state is not model.ContractState.ACTIVE:
        raise GuardFailed(
            f"Contract {contract.no} is {contract.state.value}: only those of an active one are "
            "settled.",
            rule="INV-19",
            state=contract.state.name,
        )


def record(act: Act, verb: str, row: model.Milestone, **facts: Any) -> None:
    """News of the milestone."""
    act.record(
        f"milestone.{verb}", row, contract_id=row.contract_id, buyer_id=row.buyer_id, **facts
    )
