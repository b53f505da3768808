"""What happened and may be counted, and how far a contract has come: SQL over the facts."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Date,
    Integer,
    Numeric,
    Select,
    Text,
    Uuid,
    case,
    cast,
    exists,
    func,
    literal,
    null,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.casework.cases.model import Case, CaseState
from nexus.casework.model import Station
from nexus.casework.visits.model import PERFORMED, Visit
from nexus.matching.pledges.model import Delivery, DeliveryState, Pledge
from nexus.needs.model import Need, NeedLine
from nexus.purchasing.contracts.model import (
    Contract,
    ContractItem,
    ContractState,
    ContractTarget,
    FactKind,
    TargetMetric,
)
from nexus.purchasing.facts import model, policy, rules
from nexus.recipients.model import Household
from nexus.volunteering.hours.model import RecordState, ServiceRecord
from nexus.volunteering.tasks.model import TaskState, VolunteerTask

HELD = (TaskState.ENDED, TaskState.HOURS_CONFIRMED, TaskState.CLOSED)
"""States of an activity that took place."""
ARRIVED = (DeliveryState.ACKNOWLEDGED, DeliveryState.VERIFIED)
KEY = {
    FactKind.VISIT: "visit_id",
    FactKind.CASE: "case_id",
    FactKind.DELIVERY: "delivery_id",
    FactKind.SERVICE_RECORD: "record_id",
    FactKind.SESSION: "task_id",
}
"""The column of a fact that repeats its key."""
_NONE: Any = cast(null(), Uuid())
_NO_MINUTES: Any = cast(null(), Integer())
_NO_QUANTITY: Any = cast(null(), Numeric(14, 3))


def _day(moment: Any) -> ColumnElement[date]:
    return cast(func.timezone("Asia/Shanghai", moment), Date)


def _visits() -> Select[Any]:
    row, station, home = Visit, Station, Household
    return (
        select(
            row.id.label("fact_id"),
            station.organization_id.label("organization_id"),
            home.area_code.label("area_code"),
            _day(row.performed_at).label("happened_on"),
            row.state.in_(PERFORMED).label("done"),
            row.performed_by.label("entered_by"),
            row.household_id.label("household_id"),
            row.minutes.label("minutes"),
            _NO_QUANTITY.label("quantity"),
            null().label("unit"),
        )
        .join(station, station.id == row.station_id)
        .join(home, home.id == row.household_id)
    )


def _cases() -> Select[Any]:
    row, station = Case, Station
    return select(
        row.id.label("fact_id"),
        station.organization_id.label("organization_id"),
        row.area_code.label("area_code"),
        _day(row.closed_at).label("happened_on"),
        (row.state == CaseState.CLOSED).label("done"),
        row.closing_requested_by.label("entered_by"),
        row.household_id.label("household_id"),
        _NO_MINUTES.label("minutes"),
        _NO_QUANTITY.label("quantity"),
        null().label("unit"),
    ).join(station, station.id == row.station_id)


def _deliveries() -> Select[Any]:
    row, need, pledge, line = Delivery, Need, Pledge, NeedLine
    return (
        select(
            row.id.label("fact_id"),
            row.organization_id.label("organization_id"),
            need.area_code.label("area_code"),
            row.delivered_on.label("happened_on"),
            row.state.in_(ARRIVED).label("done"),
            row.created_by.label("entered_by"),
            need.household_id.label("household_id"),
            _NO_MINUTES.label("minutes"),
            row.quantity.label("quantity"),
            line.unit.label("unit"),
        )
        .join(need, need.id == row.need_id)
        .join(pledge, pledge.id == row.pledge_id)
        .join(line, line.id == pledge.line_id)
    )


def _records() -> Select[Any]:
    row = ServiceRecord
    return select(
        row.id.label("fact_id"),
        row.organization_id.label("organization_id"),
        row.area_code.label("area_code"),
        row.day_on.label("happened_on"),
        (row.state == RecordState.EFFECTIVE).label("done"),
        row.recorded_by.label("entered_by"),
        _NONE.label("household_id"),
        row.minutes.label("minutes"),
        _NO_QUANTITY.label("quantity"),
        null().label("unit"),
    )


def _sessions() -> Select[Any]:
    row = VolunteerTask
    lasted = func.extract("epoch", row.ends_at - row.starts_at) / 60
    return select(
        row.id.label("fact_id"),
        row.organization_id.label("organization_id"),
        row.area_code.label("area_code"),
        _day(row.starts_at).label("happened_on"),
        row.state.in_(HELD).label("done"),
        row.created_by.label("entered_by"),
        _NONE.label("household_id"),
        cast(func.floor(lasted), Integer).label("minutes"),
        _NO_QUANTITY.label("quantity"),
        null().label("unit"),
    )


_SOURCES = {
    FactKind.VISIT: _visits,
    FactKind.CASE: _cases,
    FactKind.DELIVERY: _deliveries,
    FactKind.SERVICE_RECORD: _records,
    FactKind.SESSION: _sessions,
}
"""For each kind, a select with the columns of `rules.Happened`."""


async def happened(session: AsyncSession, kind: FactKind, fact_id: UUID) -> rules.Happened | None:
    """What the row of that kind tells; None where there is none."""
    source = _SOURCES[kind]().subquery()
    found = (await session.execute(select(source).where(source.c.fact_id == fact_id))).one_or_none()
    return None if found is None else rules.Happened(**found._mapping)


async def items_for(
    session: AsyncSession, kind: FactKind, what: rules.Happened
) -> Sequence[tuple[ContractItem, Contract]]:
    """The items in force that it can count for: of its supplier, kind, area and day."""
    item, contract = ContractItem, Contract
    found = await session.execute(
        select(item, contract)
        .join(contract, contract.id == item.contract_id)
        .where(
            item.fact_kind == kind,
            item.quantity > 0,
            contract.state == ContractState.ACTIVE,
            contract.supplier_id == what.organization_id,
            contract.starts_on <= what.happened_on,
            contract.ends_on > what.happened_on,
            func.starts_with(what.area_code, contract.area_code),
        )
        .order_by(contract.ends_on, item.id)
    )
    return [(one, of) for one, of in found]


async def counted(session: AsyncSession, kind: FactKind, fact_id: UUID) -> model.ServiceFact | None:
    """The live fact of what happened, locked."""
    row = model.ServiceFact
    found = await session.scalars(
        select(row)
        .where(row.fact_id == fact_id, row.fact_kind == kind, row.state == model.FactState.COUNTED)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


def _quantity(item: ContractItem, source: Any) -> ColumnElement[Any]:
    """`rules.quantity_of` as SQL; null where it cannot be counted in the unit."""
    one: Any = literal(1)
    if item.fact_kind is FactKind.DELIVERY:
        single = one if item.unit in rules.SINGLE else _NO_QUANTITY
        return case((source.c.unit == item.unit, source.c.quantity), else_=single)
    if item.unit == rules.HOUR:
        hours = func.trunc(cast(source.c.minutes, Numeric) / 60, 3)
        return func.nullif(hours, 0)
    found: ColumnElement[Any] = _NO_QUANTITY if item.unit == rules.MONTH else one
    return found


def claimable(
    contract: Contract, item: ContractItem, *, from_on: date, until_on: date
) -> Select[Any]:
    """What may be counted for the item in the period and is counted nowhere, earliest first."""
    source = _SOURCES[item.fact_kind]().subquery()
    taken = aliased(model.ServiceFact)
    quantity = _quantity(item, source)
    return (
        select(
            *(source.c[name] for name in ("fact_id", "happened_on", "entered_by", "household_id")),
            quantity.label("quantity"),
        )
        .where(
            source.c.done,
            source.c.organization_id == contract.supplier_id,
            func.starts_with(source.c.area_code, contract.area_code),
            source.c.happened_on >= max(from_on, contract.starts_on),
            source.c.happened_on < min(until_on, contract.ends_on),
            quantity.is_not(None),
            ~exists().where(
                taken.fact_id == source.c.fact_id,
                taken.fact_kind == item.fact_kind,
                taken.state == model.FactState.COUNTED,
            ),
        )
        .order_by(source.c.happened_on, source.c.fact_id)
    )


def _by_home(row: Any) -> Any:
    """Σ quantity and facts of a contract by item and household: its counted facts, read once."""
    fact: Any = aliased(model.ServiceFact)
    item: Any = aliased(ContractItem)
    items = select(item.id).where(item.contract_id == row.id).correlate_except(item)
    return (
        select(
            fact.contract_item_id.label("item_id"),
            fact.household_id,
            func.sum(fact.quantity).label("quantity"),
            func.count().label("facts"),
        )
        .where(fact.state == model.FactState.COUNTED, fact.contract_item_id.in_(items))
        .group_by(fact.contract_item_id, fact.household_id)
        .correlate_except(fact, item)
        .lateral("by_home")
    )


def progress(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Of a contract: each item with what was counted for it, by position."""
    item: Any = aliased(ContractItem)
    sums = _by_home(row)
    quantity = func.coalesce(func.sum(sums.c.quantity), 0)
    return (
        select(
            item.id.label("item_id"),
            item.unit,
            item.quantity.label("contracted"),
            quantity.label("quantity_counted"),
            func.coalesce(func.sum(sums.c.facts), 0).label("facts_counted"),
            func.count(sums.c.household_id).label("households_reached"),
            func.round(quantity / func.nullif(item.quantity, 0), 4).label("ratio"),
        )
        .join(sums, sums.c.item_id == item.id, isouter=True)
        .where(item.contract_id == row.id, policy.party(actor, row))
        .group_by(item.id)
        .order_by(item.position)
        .limit(limit)
    )


def target_progress(actor: Actor, row: Any, limit: Any) -> Select[Any]:
    """Of a contract: each target with what was reached; null for the clients' voice."""
    target: Any = aliased(ContractTarget)
    sums = _by_home(row)
    reached = case(
        {
            TargetMetric.QUANTITY.value: func.coalesce(func.sum(sums.c.quantity), 0),
            TargetMetric.FACTS.value: func.coalesce(func.sum(sums.c.facts), 0),
            TargetMetric.HOUSEHOLDS.value: func.count(sums.c.household_id.distinct()),
        },
        value=cast(target.metric, Text),
    )
    return (
        select(
            target.id.label("target_id"),
            target.item_id.label("item_id"),
            func.upper(target.metric).label("metric"),
            target.target_value.label("target_value"),
            reached.label("reached"),
            (reached >= target.target_value).label("met"),
        )
        .join(
            sums,
            sums.c.item_id == func.coalesce(target.item_id, sums.c.item_id),
            isouter=True,
        )
        .where(target.contract_id == row.id, policy.party(actor, row))
        .group_by(target.id)
        .order_by(target.position)
        .limit(limit)
    )
