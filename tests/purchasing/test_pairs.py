"""Every state × verb × role of procurements, bids, awards, lists, contracts and milestones."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.acting import Actor, Role
from nexus.purchasing.contracts import model as contracts_model
from nexus.purchasing.contracts import operations as contracts
from nexus.purchasing.contracts.amending.operations import amend_contract
from nexus.purchasing.contracts.ending import operations as ending
from nexus.purchasing.contracts.milestones import operations as milestones
from nexus.purchasing.contracts.model import ContractState, MilestoneState
from nexus.purchasing.contracts.queries import milestones_of
from nexus.purchasing.procurements import model as procurements_model
from nexus.purchasing.procurements import operations as procurements
from nexus.purchasing.procurements.awarding import operations as awarding
from nexus.purchasing.procurements.model import AwardState, ProcurementState
from tests.deeds import acting, actor_of
from tests.making import making, today
from tests.pairs import ROLES, Verbs, every_pair, somebody
from tests.purchasing.contracting import Market, market

SEES = {Role.PLATFORM_ADMIN, Role.SYSTEM, Role.SUPERVISOR, Role.AUDITOR}
GOVERNS = {Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR}
WHY = {"reason": "说明"}


@pytest.fixture(scope="module")
async def made(engine: AsyncEngine) -> Market:
    return await market(engine)


@pytest.fixture(scope="module")
async def actors(engine: AsyncEngine, made: Market) -> dict[Any, Actor]:
    """One of every role in the buyer, and people of the supplier and of another buyer."""
    found: dict[Any, Actor] = {role: somebody(role, made.buyer.id, "440103") for role in ROLES}
    async with making(engine) as m:
        third = await m.account(Role.BUYER, made.buyer, area_code="440103")
    found[Role.BUYER] = actor_of(third)
    found["supplier"] = somebody(Role.STATION_LEAD, made.supplier.id, "440103")
    found["stranger"] = somebody(Role.BUYER, made.item.id, "440105")
    return found


def expecting(transitions: Any, leads: dict[str, str], sees: Any) -> Any:
    """What the table says: BUYER of the buyer moves, who sees is forbidden, others find nothing."""

    def expected(row: Any, verb: str, who: Any) -> str:
        if who != Role.BUYER:
            return "FORBIDDEN" if sees(row, who) else "NOT_FOUND"
        after = transitions.moves[leads[verb]].get(row.state)
        return "WRONG_STATE" if after is None else str(after.value)

    return expected


async def test_contracts(engine: AsyncEngine, made: Market, actors: dict[Any, Actor]) -> None:
    rows = [await made.contract(state) for state in ContractState]
    verbs: Verbs = {
        "sign": (contracts.sign_contract, {"signed_on": today()}),
        "publish": (contracts.publish_contract, WHY),
        "amend": (amend_contract, {"rationale": "改名", "changes": {"title": "新名称"}}),
        "reassign": (contracts.reassign_contract, {"manager_id": made.colleague.id}),
        "suspend": (contracts.suspend_contract, WHY),
        "resume": (contracts.resume_contract, WHY),
        "terminate": (ending.terminate_contract, WHY),
        "cancel": (ending.cancel_contract, WHY),
        "fail": (ending.fail_contract, WHY),
    }
    expected = expecting(
        contracts_model.TRANSITIONS,
        {verb: verb for verb in verbs},
        lambda row, who: who in SEES | GOVERNS | {Role.BUYER_FINANCE, "supplier"},
    )
    assert await every_pair(engine, rows, verbs, actors, expected) == []
    assert {*verbs, "complete"} == set(contracts_model.TRANSITIONS.moves)


async def test_contracts_are_completed(
    engine: AsyncEngine, made: Market, actors: dict[Any, Actor]
) -> None:
    rows = [await made.contract(state) for state in ContractState]
    for row in rows:
        if row.state is ContractState.ACTIVE:
            await made.settle(row)
    verbs: Verbs = {"complete": (ending.complete_contract, WHY)}
    expected = expecting(
        contracts_model.TRANSITIONS,
        {"complete": "complete"},
        lambda row, who: who in SEES | GOVERNS | {Role.BUYER_FINANCE, "supplier"},
    )
    assert await every_pair(engine, rows, verbs, actors, expected) == []


async def test_milestones(engine: AsyncEngine, made: Market, actors: dict[Any, Actor]) -> None:
    rows = []
    for state in (MilestoneState.SCHEDULED, MilestoneState.MET, MilestoneState.NOT_MET):
        contract = await made.signed(10)
        async with acting(engine, made.clerk) as act:
            row = (await milestones_of(act.session, contract.id))[1]
        if state is MilestoneState.MET:
            row = await made.move(milestones.meet_milestone, row)
        if state is MilestoneState.NOT_MET:
            row = await made.move(milestones.miss_milestone, row)
        rows.append(row)
    verbs: Verbs = {
        "meet": (milestones.meet_milestone, WHY),
        "miss": (milestones.miss_milestone, WHY),
    }
    expected = expecting(
        contracts_model.MILESTONE_TRANSITIONS,
        {verb: verb for verb in verbs},
        lambda row, who: who in SEES | GOVERNS | {Role.BUYER_FINANCE, "supplier"},
    )
    assert await every_pair(engine, rows, verbs, actors, expected) == []


async def test_procurements(engine: AsyncEngine, made: Market, actors: dict[Any, Actor]) -> None:
    rows = [
        await made.procurement(state)
        for state in ProcurementState
        if state is not ProcurementState.AWARD
    ]
    verbs: Verbs = {
        "revise": (procurements.revise_procurement, {"changes": {"title": "新名称"}}),
        "publish": (
            procurements.publish_procurement,
            {"tender_starts_on": today(), "tender_ends_on": today() + timedelta(days=9)},
        ),
        "fail": (procurements.fail_procurement, WHY),
        "cancel": (procurements.cancel_procurement, WHY),
        "withdraw": (procurements.withdraw_procurement, WHY),
    }

    def sees(row: Any, who: Any) -> bool:
        own = who in SEES | GOVERNS | {Role.BUYER_FINANCE}
        return own or row.published_at is not None

    expected = expecting(procurements_model.TRANSITIONS, {verb: verb for verb in verbs}, sees)
    assert await every_pair(engine, rows, verbs, actors, expected) == []


async def test_awards(engine: AsyncEngine, made: Market, actors: dict[Any, Actor]) -> None:
    rows = [await made.award(state) for state in AwardState]
    verbs: Verbs = {
        "activate": (awarding.confirm_award, WHY),
        "fail": (awarding.refuse_award, WHY),
        "cancel": (ending.cancel_award, WHY),
    }

    def sees(row: Any, who: Any) -> bool:
        return who in SEES | {Role.BUYER_FINANCE} or row.awarded_on is not None

    expected = expecting(procurements_model.AWARD_TRANSITIONS, {verb: verb for verb in verbs}, sees)
    assert await every_pair(engine, rows, verbs, actors, expected) == []
