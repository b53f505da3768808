"""Planning procurements, putting them out to tender, and ending them without a contract."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import delete

from nexus.acting import Act
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.matching.suggestions.register.operations import plan_gap_purchase
from nexus.organizations.model import Organization
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets import policy as budgets_policy
from nexus.purchasing.budgets.model import (
    BudgetAccount,
    BudgetLine,
    BudgetLineState,
    SubjectType,
)
from nexus.purchasing.budgets.queries import held_fen, may_buy
from nexus.purchasing.budgets.rules import Subject
from nexus.purchasing.catalogue import policy as catalogue_policy
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.catalogue.queries import not_in_force
from nexus.purchasing.procurements import model, policy, queries, rules
from nexus.purchasing.procurements.rules import ItemInput
from nexus.purchasing.procurements.suppliers import rules as words
from nexus.purchasing.procurements.suppliers.operations import check_verified
from nexus.purchasing.procurements.suppliers.queries import items_of as list_items
from nexus.purchasing.procurements.suppliers.queries import take_list


async def plan_procurement(
    act: Act,
    *,
    title: str,
    rationale: str,
    method: model.ProcurementMethod,
    method_details: str | None = None,
    items: Sequence[ItemInput],
    list_id: UUID | None = None,
    contract_starts_on: date | None = None,
    contract_ends_on: date | None = None,
) -> model.Procurement:
    """What the buyer means to buy: items of the catalogue in force, from its own budget lines."""
    if not policy.may_plan(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} plans no procurement: a BUYER does.")
    buyer_id = act.actor.organization_id
    await check_verified(act, buyer_id)
    values = rules.check_items(items)
    await _check_items(act, buyer_id, items)
    if list_id is not None:
        await _check_list(act, list_id, buyer_id, method, items)
    buyer = await act.session.get_one(Organization, buyer_id)
    no = await act.number("PR", buyer.area_code)
    row = model.Procurement(
        id=act.row_id,
        no=no,
        ocid=f"{rules.OCID_PREFIX}-{no}",
        title=words.check_words(title, field="title", most=words.TITLE),
        rationale=words.check_words(rationale, field="rationale"),
        method=method,
        method_details=_details(method_details),
        buyer_id=buyer_id,
        area_code=buyer.area_code,
        list_id=list_id,
        value_fen=sum(values),
        contract_starts_on=contract_starts_on,
        contract_ends_on=contract_ends_on,
        state=model.ProcurementState.PLANNING,
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    _check_contract_period(row)
    act.session.add(row)
    await act.session.flush()
    await _put_items(act, row, items, values)
    _record(act, "planned", row, value_fen=row.value_fen)
    return row


async def revise_procurement(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    items: Sequence[ItemInput] | None = None,
    changes: Mapping[str, Any],
) -> model.Procurement:
    """What is given takes the place of what stood, while nothing is out yet."""
    row = await queries.take_procurement(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("revise", row.state)
    for name, value in _revised(changes).items():
        setattr(row, name, value)
    _check_contract_period(row)
    if items is not None:
        values = rules.check_items(items)
        await _check_items(act, row.buyer_id, items)
        await act.session.execute(
            delete(model.ProcurementItem).where(model.ProcurementItem.procurement_id == row.id)
        )
        row.value_fen = sum(values)
        await _put_items(act, row, items, values)
    if row.list_id is not None:
        now = items or [_input(one) for one in await queries.items_of(act.session, row.id)]
        await _check_list(act, row.list_id, row.buyer_id, row.method, now)
    act.move(row, model.TRANSITIONS, "revise")
    _record(act, "revised", row, value_fen=row.value_fen)
    return row


async def publish_procurement(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    tender_starts_on: date,
    tender_ends_on: date,
) -> model.Procurement:
    """The tender goes out, and the money of its items is reserved until it is contracted."""
    row = await queries.take_procurement(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("publish", row.state)
    rules.check_tender(tender_starts_on, tender_ends_on, act.actor.today())
    items = await queries.items_of(act.session, row.id)
    await _check_items(act, row.buyer_id, [_input(one) for one in items], approved=True)
    for line_id, fen in by_line(items).items():
        await budgets.reserve(act, line_id=line_id, subject=holder(row), fen=fen)
    act.move(row, model.TRANSITIONS, "publish")
    row.tender_starts_on, row.tender_ends_on = tender_starts_on, tender_ends_on
    row.published_at = act.now
    _record(act, "published", row, value_fen=row.value_fen)
    return row


async def link_procurement_gap(
    act: Act, row_id: UUID, *, expected_version: int, gap_id: UUID, gap_version: int
) -> model.Procurement:
    """The procurement is to fill the gap (T18c): its first delivery closes it."""
    row = await queries.take_procurement(act, row_id, expected_version)
    act.permit(policy.may_link_gap, row)
    model.TRANSITIONS.after("link_gap", row.state)
    if await act.session.get(model.ProcurementGap, (row.id, gap_id)) is not None:
        raise GuardFailed(
            f"Procurement {row.no} is to fill this gap already: nothing is left to do.",
            field="gapId",
            rule="T18c",
        )
    await plan_gap_purchase(act, gap_id, expected_version=gap_version, reference=row.no)
    act.session.add(
        model.ProcurementGap(
            procurement_id=row.id,
            gap_id=gap_id,
            linked_at=act.now,
            linked_by=act.actor.account_id,
        )
    )
    act.move(row, model.TRANSITIONS, "link_gap")
    _record(act, "gap_linked", row, gap_id=gap_id)
    return row


def _ending(verb: str, event: str) -> Any:
    """A deed that ends the process without a contract and gives its money back."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.Procurement:
        row = await queries.take_procurement(act, row_id, expected_version)
        act.permit(policy.may_buy, row)
        model.TRANSITIONS.after(verb, row.state)
        said = check_reason(reason, impersonal=True)
        standing = await queries.live_awards(act.session, row.id)
        if standing:
            raise GuardFailed(
                f"Award {standing[0].no} stands: cancel it first.",
                rule="INV-19",
                awards=[one.no for one in standing],
            )
        await release_all(act, row)
        act.move(row, model.TRANSITIONS, verb)
        row.state_reason, row.ended_at = said, act.now
        _record(act, event, row)
        return row

    return deed


fail_procurement = _ending("fail", "failed")
cancel_procurement = _ending("cancel", "cancelled")
withdraw_procurement = _ending("withdraw", "withdrawn")


async def release_all(act: Act, row: model.Procurement) -> None:
    """What the procurement has reserved is free again."""
    held = await held_fen(act.session, row.id, BudgetAccount.RESERVED)
    for line_id, fen in held.items():
        await budgets.release(act, line_id=line_id, subject=holder(row), fen=fen)


def holder(row: model.Procurement) -> Subject:
    """The procurement as one who holds money."""
    return Subject(SubjectType.PROCUREMENT, row.id)


def by_line(items: Sequence[Any]) -> dict[UUID, int]:
    """Fen by budget line, in the order of the lines' ids: the order in which they are locked."""
    sums: dict[UUID, int] = {}
    for one in items:
        sums[one.budget_line_id] = sums.get(one.budget_line_id, 0) + one.value_fen
    return {line: sums[line] for line in sorted(sums) if sums[line]}


def _details(text: str | None) -> str | None:
    if text is None:
        return None
    return words.check_words(text, field="methodDetails", most=words.TITLE)


def _revised(changes: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(changes)
    if "title" in kept:
        kept["title"] = words.check_words(kept["title"], field="title", most=words.TITLE)
    if "rationale" in kept:
        kept["rationale"] = words.check_words(kept["rationale"], field="rationale")
    if "method_details" in kept:
        kept["method_details"] = _details(kept["method_details"])
    return kept


def _check_contract_period(row: model.Procurement) -> None:
    if (row.contract_starts_on is None) != (row.contract_ends_on is None):
        raise Invalid(
            "Give both contractStartsOn and contractEndsOn, or neither.", field="contractEndsOn"
        )
    if row.contract_starts_on is not None and row.contract_ends_on is not None:
        words.check_period(row.contract_starts_on, row.contract_ends_on, field="contractEndsOn")


async def _check_list(
    act: Act,
    list_id: UUID,
    buyer_id: UUID,
    method: model.ProcurementMethod,
    items: Sequence[ItemInput],
) -> None:
    """The buyer's own list, in use, which holds all of the items; whoever is on it may bid."""
    row = await take_list(act, list_id)
    if row.buyer_id != buyer_id:
        raise GuardFailed(
            f"List {row.no} is another buyer's: draw on one of your own.", field="listId"
        )
    words.check_in_use(row.state.value, row.valid_from, row.valid_to, act.actor.today())
    if method is model.ProcurementMethod.OPEN:
        raise Invalid(
            "Whoever draws on a list does not ask everybody: the method is SELECTIVE, LIMITED or "
            "DIRECT.",
            field="method",
        )
    held = await list_items(act.session, row.id)
    if not {one.catalogue_item_id for one in items} <= held:
        raise GuardFailed(
            f"List {row.no} does not hold all of the items: take them out, or buy without it.",
            field="listId",
            rule="T21c",
        )


async def _check_items(
    act: Act, buyer_id: UUID, items: Sequence[ItemInput], *, approved: bool = False
) -> None:
    """In force today, and paid for by lines of the buyer that may buy them (INV-26, T21d)."""
    for one in items:
        await act.find(CatalogueItem, one.catalogue_item_id, visible=catalogue_policy.visible)
        await act.find(BudgetLine, one.budget_line_id, visible=budgets_policy.visible)
    ids = [one.catalogue_item_id for one in items]
    gone = await not_in_force(act.session, ids, act.actor.today())
    if gone:
        raise GuardFailed(
            f"Not in force in the catalogue today: {', '.join(gone)}. Take the edition that is.",
            field="items",
            rule="INV-26",
            codes=gone,
        )
    lines = await queries.lines_of(act.session, [one.budget_line_id for one in items])
    for line in lines.values():
        check_line(line, buyer_id, approved=approved)
    pairs = [(one.catalogue_item_id, one.budget_line_id) for one in items]
    await check_pairs(act, pairs)


async def check_pairs(act: Act, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """GuardFailed unless each budget line may buy the catalogue item beside it (T21d)."""
    for item, line in dict.fromkeys(pairs):
        if not await may_buy(act.session, line, item):
            raise GuardFailed(
                "The budget line does not list this catalogue item, or the item may not be paid "
                "from its source: take another line.",
                field="items",
                rule="T21d",
                catalogue_item=item,
                budget_line=line,
            )


def check_line(line: BudgetLine, buyer_id: UUID, *, approved: bool) -> None:
    """GuardFailed unless the line is the buyer's and, where asked for, approved."""
    if line.buyer_id != buyer_id:
        raise GuardFailed(
            f"Budget line {line.no} is another buyer's: take one of your own.",
            field="items",
            rule="INV-23",
        )
    if approved and line.state is not BudgetLineState.APPROVED:
        raise GuardFailed(
            f"Budget line {line.no} is {line.state.value}: only an approved one pays.",
            field="items",
            rule="INV-23",
            state=line.state.name,
        )


async def _put_items(
    act: Act, row: model.Procurement, items: Sequence[ItemInput], values: Sequence[int]
) -> None:
    units = {
        one.catalogue_item_id: (
            await act.session.get_one(CatalogueItem, one.catalogue_item_id)
        ).unit
        for one in items
    }
    act.session.add_all(
        [
            model.ProcurementItem(
                procurement_id=row.id,
                position=position,
                catalogue_item_id=one.catalogue_item_id,
                budget_line_id=one.budget_line_id,
                quantity=one.quantity,
                unit=units[one.catalogue_item_id],
                unit_price_fen=one.unit_price_fen,
                value_fen=value,
            )
            for position, (one, value) in enumerate(zip(items, values, strict=True), start=1)
        ]
    )
    await act.session.flush()


def _input(row: model.ProcurementItem) -> ItemInput:
    return ItemInput(
        catalogue_item_id=row.catalogue_item_id,
        budget_line_id=row.budget_line_id,
        quantity=row.quantity,
        unit_price_fen=row.unit_price_fen,
    )


def _record(act: Act, verb: str, row: model.Procurement, **facts: Any) -> None:
    act.record(f"procurement.{verb}", row, buyer_id=row.buyer_id, **facts)
