"""Counting what happened, once: by hand, for a period, by itself; and taking it out again."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from nexus.acting import Act
from nexus.core.ids import new_id
from nexus.core.refusals import NotFound
from nexus.core.texts import check_reason
from nexus.purchasing.contracts.model import Contract, ContractItem, FactKind
from nexus.purchasing.facts import model, policy, queries, rules
from nexus.purchasing.facts.model import ClaimWay, FactState, ServiceFact


async def take_item(act: Act, item_id: UUID, may: Any) -> tuple[Contract, ContractItem]:
    """The item, and its contract held as it is; NotFound, or Forbidden by `may(contract)`."""
    item = await act.session.get(ContractItem, item_id)
    contract = None if item is None else await _hold(act, item.contract_id)
    if item is None or contract is None:
        raise NotFound("No such ContractItem, or it is not yours to see.")
    act.permit(may, contract)
    rules.check_open(contract.state)
    return contract, item


async def _hold(act: Act, contract_id: UUID) -> Contract | None:
    """The contract that the actor is a party to, held against changes but not against readers."""
    found = await act.session.scalars(
        select(Contract)
        .where(Contract.id == contract_id, policy.party(act.actor, Contract))
        .with_for_update(read=True)
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def claim_fact(
    act: Act, item_id: UUID, *, kind: FactKind | None, fact_id: UUID
) -> ServiceFact:
    """Count one thing that happened for the item. AlreadyCounted where it counts elsewhere."""
    contract, item = await take_item(act, item_id, policy.may_claim)
    what = None if kind is None else await queries.happened(act.session, kind, fact_id)
    if what is None or kind is None or what.organization_id != contract.supplier_id:
        raise NotFound("No such visit, case, delivery, record or session of this supplier.")
    if kind is not item.fact_kind:
        raise rules.other_kind(item.fact_kind, kind)
    quantity = rules.check_counts(
        what,
        rules.quantity_of(item.unit, kind, what),
        area_code=contract.area_code,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
    )
    row = await _count(act, contract, item, what, quantity, ClaimWay.HAND)
    if row is None:
        raise await _already(act, kind, fact_id)
    return row


async def _already(act: Act, kind: FactKind, fact_id: UUID) -> rules.AlreadyCounted:
    """The refusal; it names the contract where the actor is a party to that one too."""
    fact = await queries.counted(act.session, kind, fact_id)
    other = None if fact is None else await _hold(act, fact.contract_id)
    named = f" under contract {other.no}" if other else ""
    return rules.AlreadyCounted(
        f"It is counted already{named}: what happened counts once. Withdraw it there first if it "
        "belongs here.",
        rule="INV-27",
        contract=other.no if other else None,
    )


async def _count(
    act: Act,
    contract: Contract,
    item: ContractItem,
    what: rules.Happened,
    quantity: Any,
    way: ClaimWay,
) -> ServiceFact | None:
    """Write the fact; None where it is counted already: the unique index decides (INV-27)."""
    values = _values(act, contract, item, way) | {
        "id": act.row_id if way is ClaimWay.HAND else new_id(),
        "fact_id": what.fact_id,
        queries.KEY[item.fact_kind]: what.fact_id,
        "happened_on": what.happened_on,
        "quantity": quantity,
        "household_id": what.household_id,
        "entered_by": what.entered_by,
    }
    row: ServiceFact | None = await act.session.scalar(
        upsert(ServiceFact).values(values).on_conflict_do_nothing().returning(ServiceFact)
    )
    if row is not None:
        act.record("service_fact.counted", row, **about(row), way=way)
    return row


def _values(act: Act, contract: Contract, item: ContractItem, way: ClaimWay) -> dict[str, Any]:
    return {
        "contract_id": contract.id,
        "contract_item_id": item.id,
        "fact_kind": item.fact_kind,
        "claim": way,
        "claimed_at": act.now,
        "claimed_by": act.actor.account_id,
        "state": FactState.COUNTED,
        "version": 1,
    }


def about(row: ServiceFact) -> dict[str, Any]:
    """What events tell of it: whose it is, never whom it reached."""
    return {
        "contract_id": row.contract_id,
        "contract_item_id": row.contract_item_id,
        "fact_kind": row.fact_kind,
        "quantity": row.quantity,
    }


async def claim_period(act: Act, item_id: UUID, *, from_on: date, until_on: date) -> ContractItem:
    """Count all that may count for the item in the period, at most `MOST_AT_ONCE` at a time.

    What is counted already, wherever, stays as it is: a second call counts the rest, or nothing.
    """
    rules.check_period(from_on, until_on)
    contract, item = await take_item(act, item_id, policy.may_claim_period)
    free = queries.claimable(contract, item, from_on=from_on, until_on=until_on)
    found = (await act.session.execute(free.limit(rules.MOST_AT_ONCE))).all()
    if not found:
        return item
    fixed = _values(act, contract, item, ClaimWay.BULK)
    key = queries.KEY[item.fact_kind]
    values = [{**fixed, "id": new_id(), key: row.fact_id, **row._mapping} for row in found]
    made = await act.session.execute(
        upsert(ServiceFact)
        .values(values)
        .on_conflict_do_nothing()
        .returning(ServiceFact.id, ServiceFact.quantity)
    )
    told = {
        "contract_id": contract.id,
        "contract_item_id": item.id,
        "fact_kind": item.fact_kind,
        "way": ClaimWay.BULK,
    }
    kind, table = "service_fact.counted", ServiceFact.__tablename__
    await act.record_many(
        [act.told(kind, table, row.id, **told, quantity=row.quantity) for row in made]
    )
    return item


async def count_news(act: Act, kind: FactKind, fact_id: UUID) -> ServiceFact | None:
    """It happened: it counts for the one item that can take it.

    Where several can, nothing is guessed: their parties claim it. None where nothing was counted.
    """
    what = await queries.happened(act.session, kind, fact_id)
    if what is None or not what.done:
        return None
    possible = [
        (contract, item, quantity)
        for item, contract in await queries.items_for(act.session, kind, what)
        if (quantity := rules.quantity_of(item.unit, kind, what)) is not None
    ]
    if len(possible) != 1:
        return None
    contract, item, quantity = possible[0]
    return await _count(act, contract, item, what, quantity, ClaimWay.AUTO)


async def drop_news(act: Act, kind: FactKind, fact_id: UUID, reason: str) -> ServiceFact | None:
    """It was undone or disputed where it comes from: it counts no longer."""
    row = await queries.counted(act.session, kind, fact_id)
    return None if row is None else _withdraw(act, row, reason)


async def withdraw_fact(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ServiceFact:
    """It was counted wrongly: it may be claimed anew where it belongs."""
    row = await act.take(
        ServiceFact, row_id, visible=policy.visible, expected_version=expected_version
    )
    await permit(act, ServiceFact, policy.may_withdraw, row)
    model.TRANSITIONS.after("withdraw", row.state)
    return _withdraw(act, row, check_reason(reason, impersonal=True))


def _withdraw(act: Act, row: ServiceFact, reason: str) -> ServiceFact:
    act.move(row, model.TRANSITIONS, "withdraw")
    row.state_reason = reason
    row.withdrawn_at, row.withdrawn_by = act.now, act.actor.account_id
    act.record("service_fact.withdrawn", row, **about(row))
    return row


async def permit(act: Act, table: Any, may: Callable[[Any, Any], Any], row: Any) -> None:
    """Forbidden unless the policy says yes; one that asks for the contract is asked in SQL."""
    answer = may(act.actor, table)
    if not isinstance(answer, bool):
        answer = await act.session.scalar(select(answer).where(table.id == row.id))
    act.permit(wraps(may)(lambda actor, row: answer), row)
