"""Amending a contract: more money is committed first, less is given back (INV-24)."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import parameter
from nexus.core.refusals import GuardFailed, Invalid
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.contracts import model, policy, queries, rules
from nexus.purchasing.contracts.operations import check_items, holds, put_parts, record
from nexus.purchasing.contracts.rules import (
    ItemChange,
    ItemInput,
    MilestoneInput,
    TargetInput,
    Term,
)
from nexus.purchasing.procurements.model import Award
from nexus.purchasing.procurements.operations import by_line
from nexus.purchasing.procurements.rules import check_amount
from nexus.purchasing.procurements.suppliers import rules as words

SUPPLEMENT = "contract_supplement_ratio"


async def amend_contract(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    rationale: str,
    changes: Mapping[str, Any],
    item_changes: Sequence[ItemChange] = (),
    items: Sequence[ItemInput] = (),
    milestones: Sequence[MilestoneInput] = (),
    targets: Sequence[TargetInput] = (),
) -> model.Contract:
    """What is given takes the place of what stood, as a new edition; the earlier text is kept.

    `changes`: title, ends_on, data_protection_clause, term_reasons. A milestone or target with a
    position changes the one there. BudgetExhausted names what a line has left.
    """
    row = await queries.take_contract(act, row_id, expected_version)
    act.permit(policy.may_buy, row)
    model.TRANSITIONS.after("amend", row.state)
    said = words.check_words(rationale, field="rationale")
    if not (changes or item_changes or items or milestones or targets):
        raise Invalid("Say what the amendment changes.", field="rationale")
    before, money = await _snapshot(act, row), await _by_line(act, row)
    earlier_fen = row.value_fen
    _change_text(row, changes)
    await _change_items(act, row, item_changes)
    award = await act.session.get_one(Award, row.award_id)
    values = await check_items(act, award, items) if items else []
    await _revalue(act, row, sum(values))
    await _change_milestones(act, row, [one for one in milestones if one.position is not None])
    await _change_targets(act, row, [one for one in targets if one.position is not None])
    fresh = [one for one in milestones if one.position is None]
    aims = [one for one in targets if one.position is None]
    await put_parts(act, row, items, values, fresh, aims)
    _put_edition(act, row, said, before, earlier_fen)
    await _move_money(act, row, rules.differences(money, await _by_line(act, row)))
    return row


def _put_edition(
    act: Act, row: model.Contract, rationale: str, before: dict[str, Any], earlier_fen: int
) -> None:
    act.move(row, model.TRANSITIONS, "amend")
    row.edition += 1
    act.session.add(
        model.ContractAmendment(
            contract_id=row.id,
            edition=row.edition,
            rationale=rationale,
            before=before,
            value_before_fen=earlier_fen,
            value_after_fen=row.value_fen,
            amended_on=act.actor.today(),
            created_at=act.now,
            created_by=act.actor.account_id,
        )
    )
    record(act, "amended", row, value_before_fen=earlier_fen, value_fen=row.value_fen)


async def _by_line(act: Act, row: model.Contract) -> dict[UUID, int]:
    return by_line(await queries.items_of(act.session, row.id))


async def _move_money(act: Act, row: model.Contract, differences: Mapping[UUID, int]) -> None:
    """Less is given back, more is reserved and committed; BudgetExhausted leaves all as it was."""
    for line_id, fen in differences.items():
        if fen < 0:
            await budgets.decommit(act, line_id=line_id, subject=holds(row), fen=-fen)
        else:
            await budgets.reserve(act, line_id=line_id, subject=holds(row), fen=fen)
            await budgets.commit(act, line_id=line_id, subject=holds(row), fen=fen)


def _change_text(row: model.Contract, changes: Mapping[str, Any]) -> None:
    if "title" in changes:
        row.title = words.check_words(changes["title"], field="title", most=words.TITLE)
    if "data_protection_clause" in changes:
        row.data_protection_clause = words.check_words(
            changes["data_protection_clause"], field="dataProtectionClause"
        )
    if "term_reasons" in changes or "ends_on" in changes:
        given = changes.get("term_reasons", row.term_reasons)
        reasons = [one for one in model.TermReason if one in given]
        ends_on = changes.get("ends_on", row.ends_on)
        term = Term(
            months=row.term_months,
            reasoned_months=row.reasoned_term_months,
            rule=row.term_rule,
        )
        rules.check_term(row.starts_on, ends_on, reasons, term)
        row.ends_on, row.term_reasons = ends_on, [one.value for one in reasons]


async def _change_items(act: Act, row: model.Contract, changes: Sequence[ItemChange]) -> None:
    standing = {one.position: one for one in await queries.items_of(act.session, row.id)}
    for change in changes:
        item = standing.get(change.position)
        if item is None:
            raise Invalid(f"There is no item {change.position}.", field="itemChanges")
        if change.quantity == 0:
            value = 0
            if change.unit_price_fen <= 0:
                raise Invalid("A unit price is at least 1 fen.", field="itemChanges")
        else:
            value = check_amount(change.quantity, change.unit_price_fen, field="itemChanges")
        item.quantity, item.unit_price_fen = change.quantity, change.unit_price_fen
        item.value_fen = value
    await act.session.flush()


async def _revalue(act: Act, row: model.Contract, added_fen: int) -> None:
    """The value is the sum of the items, and no more than amendments may bring it to."""
    value = added_fen + sum(one.value_fen for one in await queries.items_of(act.session, row.id))
    if value <= 0:
        raise GuardFailed(
            "Nothing would be left of it: terminate the contract instead.",
            field="itemChanges",
            rule="INV-24",
        )
    most = await parameter(act.session, SUPPLEMENT, on=act.actor.today(), area_code=row.area_code)
    if value > row.value_fen:
        rules.check_supplement(await queries.first_value(act.session, row), value, most.value)
    row.value_fen = value


async def _change_milestones(
    act: Act, row: model.Contract, changes: Sequence[MilestoneInput]
) -> None:
    standing = {one.position: one for one in await queries.milestones_of(act.session, row.id)}
    for change in changes:
        found = standing.get(change.position or 0)
        if found is None:
            raise Invalid(f"There is no milestone {change.position}.", field="milestones")
        rules.check_due(change.due_on, row.starts_on)
        rules.check_milestones([change.value_fen], row.value_fen)
        if change.kind is not found.kind:
            raise Invalid("A milestone keeps its kind: add another one.", field="milestones")
        if change.value_fen < found.accepted_fen:
            raise GuardFailed(
                f"{found.accepted_fen} fen of milestone {found.position} are accepted: it is worth "
                "at least that.",
                field="milestones",
                rule="INV-24",
                accepted_fen=found.accepted_fen,
            )
        found.title = words.check_words(change.title, field="milestones", most=words.TITLE)
        found.due_on, found.value_fen = change.due_on, change.value_fen
        found.version += 1
    await act.session.flush()


async def _change_targets(act: Act, row: model.Contract, changes: Sequence[TargetInput]) -> None:
    standing = {one.position: one for one in await queries.targets_of(act.session, row.id)}
    items = {one.id: one.position for one in await queries.items_of(act.session, row.id)}
    for change in changes:
        found = standing.get(change.position or 0)
        if found is None:
            raise Invalid(f"There is no target {change.position}.", field="targets")
        item = None if found.item_id is None else items[found.item_id]
        if change.metric is not found.metric or change.item != item:
            raise Invalid("A target keeps its metric and item: add another one.", field="targets")
        rules.check_target(change, list(items.values()))
        found.title = words.check_words(change.title, field="targets", most=words.TITLE)
        found.target_value = change.target_value
    await act.session.flush()


KEPT: dict[type[Any], tuple[str, ...]] = {
    model.Contract: (
        *("no", "edition", "title", "area_code", "manager_id", "starts_on", "ends_on"),
        *("value_fen", "data_protection_clause", "term_reasons", "signed_on", "published_on"),
    ),
    model.ContractItem: (
        *("position", "catalogue_item_id", "budget_line_id", "unit", "quantity"),
        *("unit_price_fen", "value_fen", "fact_kind"),
    ),
    model.ContractTarget: ("position", "item_id", "metric", "title", "target_value"),
    model.Milestone: (
        *("position", "kind", "title", "due_on", "value_fen", "accepted_fen", "paid_fen"),
        *("state", "met_on"),
    ),
}
"""What an edition consists of: the columns of each of its parts."""


def _kept(row: Any) -> dict[str, Any]:
    return {name: _plain(getattr(row, name)) for name in KEPT[type(row)]}


def _plain(value: Any) -> Any:
    """As JSON: numbers of fen as numbers, quantities as text, so that none is rounded."""
    if value is None or isinstance(value, int | list):
        return value
    return value.isoformat() if isinstance(value, date) else str(value)


async def _snapshot(act: Act, row: model.Contract) -> dict[str, Any]:
    """The whole text of the edition that stands."""
    return {
        "contract": _kept(row),
        "items": [_kept(one) for one in await queries.items_of(act.session, row.id)],
        "targets": [_kept(one) for one in await queries.targets_of(act.session, row.id)],
        "milestones": [_kept(one) for one in await queries.milestones_of(act.session, row.id)],
    }
