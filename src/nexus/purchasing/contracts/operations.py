"""Drawing up contracts, signing them, publishing them, and holding them up."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from nexus.accounts.model import Account, AccountState
from nexus.acting import Act, plain_transition
from nexus.areas.queries import due_after, resolve_area
from nexus.core.refusals import GuardFailed, Invalid
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.budgets import policy as budgets_policy
from nexus.purchasing.budgets.model import BudgetAccount, BudgetLine, SubjectType
from nexus.purchasing.budgets.queries import held_fen
from nexus.purchasing.budgets.rules import Subject
from nexus.purchasing.catalogue import policy as catalogue_policy
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.catalogue.queries import not_in_force
from nexus.purchasing.contracts import model, policy, queries, rules
from nexus.purchasing.contracts.rules import ItemInput, MilestoneInput, TargetInput, TextInput
from nexus.purchasing.procurements import model as procurements
from nexus.purchasing.procurements.awarding.operations import take_award
from nexus.purchasing.procurements.operations import (
    by_line,
    check_line,
    check_pairs,
    holder,
    release_all,
)
from nexus.purchasing.procurements.queries import items_of as procured_items
from nexus.purchasing.procurements.queries import lines_of, take_procurement
from nexus.purchasing.procurements.rules import check_amount
from nexus.purchasing.procurements.suppliers import rules as words
from nexus.purchasing.procurements.suppliers.operations import check_verified

PUBLICATION = "contract_publication_working_days"


async def draw_up_contract(
    act: Act,
    award_id: UUID,
    *,
    expected_version: int,
    text: TextInput,
    items: Sequence[ItemInput],
    milestones: Sequence[MilestoneInput] = (),
    targets: Sequence[TargetInput] = (),
) -> model.Contract:
    """The text of a contract under an award in force; the money of its lines is reserved for it.

    BudgetExhausted names what a line has left; the award's version is expected (INV-24, INV-26).
    """
    award = await take_award(act, award_id, expected_version)
    act.permit(policy.may_buy, award)
    await _check_award(act, award)
    await check_manager(act, award.buyer_id, text.manager_id)
    values = await check_items(act, award, items)
    rules.check_worth(sum(values), award.value_fen)
    row = await _put_text(act, award, text, sum(values))
    await put_parts(act, row, items, values, milestones, targets)
    await _reserve(act, row)
    record(act, "drawn_up", row, value_fen=row.value_fen)
    return row


async def _put_text(
    act: Act, award: procurements.Award, text: TextInput, value_fen: int
) -> model.Contract:
    area = await resolve_area(act.session, text.area_code)
    term = await queries.term_figures(act.session, on=act.actor.today(), area_code=area)
    rules.check_term(text.starts_on, text.ends_on, text.term_reasons, term)
    row = model.Contract(
        id=act.row_id,
        no=await act.number("CT", area),
        procurement_id=award.procurement_id,
        award_id=award.id,
        buyer_id=award.buyer_id,
        supplier_id=award.supplier_id,
        area_code=area,
        manager_id=text.manager_id,
        title=words.check_words(text.title, field="title", most=words.TITLE),
        starts_on=text.starts_on,
        ends_on=text.ends_on,
        value_fen=value_fen,
        data_protection_clause=words.check_words(
            text.data_protection_clause, field="dataProtectionClause"
        ),
        term_reasons=[one.value for one in model.TermReason if one in text.term_reasons],
        term_months=term.months,
        reasoned_term_months=term.reasoned_months,
        term_rule=term.rule,
        state=model.ContractState.PENDING,
        edition=1,
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    return row


async def _check_award(act: Act, award: procurements.Award) -> None:
    """In force, with no contract of its own yet, to a supplier who still is one."""
    if award.state is not procurements.AwardState.ACTIVE:
        raise GuardFailed(
            f"Award {award.no} is {award.state.value}: a contract needs one that is confirmed.",
            field="awardId",
            rule="INV-19",
            state=award.state.name,
        )
    standing = await queries.live_contracts_of(act.session, award.id)
    if standing:
        raise GuardFailed(
            f"Contract {standing[0]} stands under award {award.no}: amend it, or cancel it first.",
            field="awardId",
            rule="INV-08",
        )
    await check_verified(act, award.supplier_id, field="awardId")


async def check_manager(act: Act, buyer_id: UUID, manager_id: UUID) -> None:
    """An active account of the buyer (contractImplementationManager)."""
    manager = await act.session.get(Account, manager_id)
    if (
        manager is None
        or manager.organization_id != buyer_id
        or manager.state is not AccountState.ACTIVE
    ):
        raise Invalid(
            "The manager of a contract is an active account of the buyer's own organization.",
            field="managerId",
        )


async def check_items(act: Act, award: procurements.Award, items: Sequence[ItemInput]) -> list[int]:
    """The items' values in fen: procured, in force on the day of the award, paid for (INV-26)."""
    if not 0 < len(items) <= 100:
        raise Invalid("A contract has 1 to 100 items.", field="items")
    values = [check_amount(one.quantity, one.unit_price_fen, field="items") for one in items]
    bought = await procured_items(act.session, award.procurement_id)
    for one in items:
        await act.find(CatalogueItem, one.catalogue_item_id, visible=catalogue_policy.visible)
        await act.find(BudgetLine, one.budget_line_id, visible=budgets_policy.visible)
    strangers = {one.catalogue_item_id for one in items} - {one.catalogue_item_id for one in bought}
    if strangers:
        raise GuardFailed(
            "Only what was put out to tender can be agreed on: take the procurement's items.",
            field="items",
            rule="INV-19",
        )
    gone = await not_in_force(act.session, [one.catalogue_item_id for one in items], _day(award))
    if gone:
        raise GuardFailed(
            f"Not in the catalogue on {_day(award)}, the day of the award: {', '.join(gone)}.",
            field="items",
            rule="INV-26",
            codes=gone,
        )
    lines = await lines_of(act.session, [one.budget_line_id for one in items])
    for line in lines.values():
        check_line(line, award.buyer_id, approved=True)
    await check_pairs(act, [(one.catalogue_item_id, one.budget_line_id) for one in items])
    return values


def _day(award: procurements.Award) -> date:
    assert award.awarded_on is not None
    return award.awarded_on


async def put_parts(
    act: Act,
    row: model.Contract,
    items: Sequence[ItemInput],
    values: Sequence[int],
    milestones: Sequence[MilestoneInput],
    targets: Sequence[TargetInput],
) -> None:
    """Items, milestones and targets behind those that stand, in the order given."""
    session = act.session
    standing = [one.position for one in await queries.items_of(session, row.id)]
    for position, (one, value) in enumerate(
        zip(items, values, strict=True), start=len(standing) + 1
    ):
        named = await session.get_one(CatalogueItem, one.catalogue_item_id)
        session.add(
            model.ContractItem(
                contract_id=row.id,
                position=position,
                catalogue_item_id=one.catalogue_item_id,
                budget_line_id=one.budget_line_id,
                unit=named.unit,
                quantity=one.quantity,
                unit_price_fen=one.unit_price_fen,
                value_fen=value,
                fact_kind=one.fact_kind,
            )
        )
    await session.flush()
    await _put_milestones(act, row, milestones)
    await _put_targets(act, row, targets)
    total = [one.value_fen for one in await queries.milestones_of(session, row.id)]
    rules.check_milestones(total, row.value_fen)


async def _put_milestones(
    act: Act, row: model.Contract, milestones: Sequence[MilestoneInput]
) -> None:
    standing = len(await queries.milestones_of(act.session, row.id))
    for position, one in enumerate(milestones, start=standing + 1):
        rules.check_due(one.due_on, row.starts_on)
        rules.check_milestones([one.value_fen], row.value_fen)
        act.session.add(
            model.Milestone(
                contract_id=row.id,
                buyer_id=row.buyer_id,
                position=position,
                kind=one.kind,
                title=words.check_words(one.title, field="milestones", most=words.TITLE),
                due_on=one.due_on,
                value_fen=one.value_fen,
                accepted_fen=0,
                paid_fen=0,
                state=model.MilestoneState.SCHEDULED,
                version=1,
            )
        )
    await act.session.flush()


async def _put_targets(act: Act, row: model.Contract, targets: Sequence[TargetInput]) -> None:
    items = {one.position: one.id for one in await queries.items_of(act.session, row.id)}
    standing = len(await queries.targets_of(act.session, row.id))
    if standing + len(targets) > rules.MOST_TARGETS:
        raise Invalid(f"A contract has at most {rules.MOST_TARGETS} targets.", field="targets")
    for position, one in enumerate(targets, start=standing + 1):
        rules.check_target(one, list(items))
        act.session.add(
            model.ContractTarget(
                contract_id=row.id,
                position=position,
                item_id=None if one.item is None else items[one.item],
                metric=one.metric,
                title=words.check_words(one.title, field="targets", most=words.TITLE),
                target_value=one.target_value,
            )
        )
    await act.session.flush()


def holds(row: model.Contract) -> Subject:
    """The contract as one who holds money."""
    return Subject(SubjectType.CONTRACT, row.id)


async def _reserve(act: Act, row: model.Contract) -> None:
    """What its procurement had reserved on each line is the contract's now; the rest is new."""
    items = await queries.items_of(act.session, row.id)
    procurement = await act.session.get_one(procurements.Procurement, row.procurement_id)
    held = await held_fen(act.session, procurement.id, BudgetAccount.RESERVED)
    for line_id, fen in by_line(items).items():
        handed = min(fen, held.get(line_id, 0))
        if handed:
            await budgets.release(act, line_id=line_id, subject=holder(procurement), fen=handed)
        await budgets.reserve(act, line_id=line_id, subject=holds(row), fen=fen)


async def sign_contract(
    act: Act, row_id: UUID, *, expected_version: int, signed_on: date
) -> model.Contract:
    """A second person of the buyer has signed it with the supplier: its money is committed."""
    found = await act.find(model.Contract, row_id, visible=policy.visible)
    award = await take_award(act, found.award_id)
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_sign, row)
    model.TRANSITIONS.after("sign", row.state)
    today: date = act.actor.today()
    if not _day(award) <= signed_on <= today:
        raise Invalid(
            f"It was signed between {award.awarded_on}, the day of the award, and today.",
            field="signedOn",
        )
    await check_verified(act, row.supplier_id)
    procurement = await take_procurement(act, row.procurement_id)
    due = await due_after(act.session, PUBLICATION, act.now, area_code=row.area_code)
    act.move(row, model.TRANSITIONS, "sign")
    row.signed_on, row.signed_by = signed_on, act.actor.account_id
    row.publish_due_at, row.publish_rule = due.at, due.rule
    record(act, "signed", row, value_fen=row.value_fen)
    act.move(procurement, procurements.TRANSITIONS, "contract")
    act.record("procurement.contracted", procurement, buyer_id=row.buyer_id, contract_id=row.id)
    await act.session.flush()
    held = await held_fen(act.session, row.id, BudgetAccount.RESERVED)
    for line_id, fen in held.items():
        await budgets.commit(act, line_id=line_id, subject=holds(row), fen=fen)
    if not await queries.unsigned_awards(act.session, procurement.id):
        await release_all(act, procurement)
    return row


async def publish_contract(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Contract:
    """Everybody may read it from today on."""
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("publish", row.state)
    if row.published_on is not None:
        raise GuardFailed(f"It was published on {row.published_on}: nothing is left to do.")
    act.move(row, model.TRANSITIONS, "publish")
    row.published_on = act.actor.today()
    record(act, "published", row, late=int(_is_late(act, row)))
    return row


def _is_late(act: Act, row: model.Contract) -> bool:
    return row.publish_due_at is not None and act.now >= row.publish_due_at


async def reassign_contract(
    act: Act, row_id: UUID, *, expected_version: int, manager_id: UUID
) -> model.Contract:
    """Somebody else of the buyer looks after it."""
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("reassign", row.state)
    await check_manager(act, row.buyer_id, manager_id)
    act.move(row, model.TRANSITIONS, "reassign")
    row.manager_id = manager_id
    record(act, "reassigned", row, manager_id=manager_id)
    return row


def _moving(verb: str, event: str, *, needs_reason: bool = False) -> Any:
    return plain_transition(
        model.Contract,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=policy.may_buy,
        needs_reason=needs_reason,
    )


suspend_contract = _moving("suspend", "contract.suspended", needs_reason=True)
resume_contract = _moving("resume", "contract.resumed")


def record(act: Act, verb: str, row: model.Contract, **facts: Any) -> None:
    """News of the contract, with its parties."""
    act.record(
        f"contract.{verb}",
        row,
        buyer_id=row.buyer_id,
        supplier_id=row.supplier_id,
        edition=row.edition,
        **facts,
    )
