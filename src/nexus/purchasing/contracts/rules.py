"""What is right for a contract: its term, its sums, and what an amendment may do to them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID

from nexus.areas.calendar.rules import months_after
from nexus.core.refusals import GuardFailed, Invalid
from nexus.purchasing.contracts.model import FactKind, MilestoneKind, TargetMetric, TermReason
from nexus.purchasing.procurements.rules import MOST_FEN
from nexus.purchasing.procurements.suppliers.rules import check_period

MOST_MILESTONES = 100
MOST_TARGETS = 100


@dataclass(frozen=True, kw_only=True)
class TextInput:
    """What a contract says besides its items, milestones and targets."""

    title: str
    area_code: str
    manager_id: UUID
    starts_on: date
    ends_on: date
    data_protection_clause: str
    term_reasons: Sequence[TermReason] = ()


@dataclass(frozen=True, kw_only=True)
class ItemInput:
    """An item to agree on."""

    catalogue_item_id: UUID
    budget_line_id: UUID
    quantity: Decimal
    unit_price_fen: int
    fact_kind: FactKind


@dataclass(frozen=True, kw_only=True)
class MilestoneInput:
    """A milestone to agree on; `position` names one that stands, to be changed."""

    kind: MilestoneKind
    title: str
    due_on: date
    value_fen: int = 0
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class TargetInput:
    """A target; `item` is the position of the item that it is of, `position` its own."""

    metric: TargetMetric
    title: str
    target_value: Decimal
    item: int | None = None
    position: int | None = None


@dataclass(frozen=True, kw_only=True)
class ItemChange:
    """New figures of the item in that position; quantity 0 drops it."""

    position: int
    quantity: Decimal
    unit_price_fen: int


@dataclass(frozen=True, kw_only=True)
class Term:
    """The longest terms in months, without reasons and with all four, and their version."""

    months: int
    reasoned_months: int
    rule: str


def check_term(starts_on: date, ends_on: date, reasons: Sequence[TermReason], term: Term) -> None:
    """At most a year; with all four reasons at most three (INV-26, MOF Order 102 art. 24)."""
    check_period(starts_on, ends_on, field="endsOn")
    plain = months_after(starts_on, term.months)
    if ends_on <= plain:
        return
    latest = months_after(starts_on, term.reasoned_months)
    missing = [one.name for one in TermReason if one not in reasons]
    if missing:
        raise GuardFailed(
            f"A term of more than {term.months} months needs all four reasons; missing: "
            f"{', '.join(missing)}. Give them, or end it by {plain}.",
            field="termReasons",
            rule="INV-26",
            missing=missing,
        )
    if ends_on > latest:
        raise GuardFailed(
            f"With all four reasons a term is at most {term.reasoned_months} months: end it by "
            f"{latest}.",
            field="endsOn",
            rule="INV-26",
            latest=latest,
        )


def check_worth(value_fen: int, awarded_fen: int) -> None:
    """A contract is worth something, and at most what was awarded."""
    if not 0 < value_fen <= MOST_FEN:
        raise Invalid("A contract is worth at least 1 fen.", field="items")
    if value_fen > awarded_fen:
        raise GuardFailed(
            f"The items come to {value_fen} fen and {awarded_fen} were awarded: take less.",
            field="items",
            rule="INV-24",
            awarded_fen=awarded_fen,
        )


def check_milestones(values: Sequence[int], value_fen: int) -> None:
    """Together the milestones are worth at most the contract (INV-24)."""
    if len(values) > MOST_MILESTONES:
        raise Invalid(f"A contract has at most {MOST_MILESTONES} milestones.", field="milestones")
    if any(value < 0 for value in values):
        raise Invalid("A milestone is worth 0 fen or more.", field="milestones")
    if sum(values) > value_fen:
        raise GuardFailed(
            f"The milestones come to {sum(values)} fen, the contract to {value_fen}: lower them.",
            field="milestones",
            rule="INV-24",
            value_fen=value_fen,
        )


def check_due(due_on: date, starts_on: date) -> None:
    """A milestone falls due in the contract's time or after it."""
    if due_on < starts_on:
        raise Invalid(
            f"A milestone is due on {starts_on} or later, not on {due_on}.", field="milestones"
        )


def check_target(target: TargetInput, positions: Sequence[int]) -> None:
    """A figure that can be reached, of an item that is there."""
    value = target.target_value
    if not value.is_finite() or value < 0 or value != round(value, 3) or value > MOST_FEN:
        raise Invalid("A target is 0 or more, with at most three decimals.", field="targets")
    if target.metric is TargetMetric.SATISFACTION and not 1 <= value <= 5:
        raise Invalid("Satisfaction is a mean from 1 to 5.", field="targets")
    if target.metric is TargetMetric.QUANTITY and target.item is None:
        raise Invalid("A quantity is of one item: name its position in item.", field="targets")
    if target.item is not None and target.item not in positions:
        raise Invalid(f"There is no item {target.item}.", field="targets")


def check_supplement(first_fen: int, value_fen: int, most_ratio: Decimal) -> None:
    """Amendments add at most that part of what was first agreed (Government Procurement Law 49)."""
    most = first_fen + int(first_fen * most_ratio)
    if value_fen > most:
        raise GuardFailed(
            f"First agreed were {first_fen} fen; amendments bring it to at most {most}: more needs "
            "a procurement of its own.",
            field="items",
            rule="INV-24",
            most_fen=most,
        )


def differences(before: Mapping[UUID, int], after: Mapping[UUID, int]) -> dict[UUID, int]:
    """Fen more or less by budget line, those that fall first, each group in the order of the ids.

    What is given back can be taken again by another line of the same contract.
    """
    found = {line: after.get(line, 0) - before.get(line, 0) for line in sorted({*before, *after})}
    ordered = sorted((fen > 0, line) for line, fen in found.items() if fen)
    return {line: found[line] for _, line in ordered}


def given_back(held: Mapping[UUID, int], owed_fen: int) -> dict[UUID, int]:
    """Fen by line to be given back when a contract ends: all but what is accepted and unpaid."""
    left: dict[UUID, int] = {}
    for line, fen in held.items():
        kept = min(fen, owed_fen)
        owed_fen -= kept
        if fen > kept:
            left[line] = fen - kept
    return left
