"""What a budget line and a posting must be; pure. Amounts in fen."""

from typing import NamedTuple
from uuid import UUID

from nexus.core.refusals import CapacityExhausted, GuardFailed, Invalid
from nexus.purchasing.budgets.model import BudgetAccount, JournalKind, SubjectType

A = BudgetAccount


class BudgetExhausted(CapacityExhausted):
    """The line has less left than was asked; `details.available` says how much (INV-23)."""

    code = "BUDGET_EXHAUSTED"


class Subject(NamedTuple):
    """What holds money: the table and the row."""

    type: SubjectType
    id: UUID


class Posting(NamedTuple):
    """Money in an account of a line, or with a minus out of it."""

    line_id: UUID
    account: BudgetAccount
    subject: Subject
    fen: int


WAYS: dict[JournalKind, tuple[BudgetAccount, BudgetAccount]] = {
    JournalKind.APPROVE: (A.APPROPRIATION, A.AVAILABLE),
    JournalKind.ADJUST: (A.ADJUSTMENT, A.AVAILABLE),
    JournalKind.RESERVE: (A.AVAILABLE, A.RESERVED),
    JournalKind.COMMIT: (A.RESERVED, A.COMMITTED),
    JournalKind.PAY: (A.COMMITTED, A.PAID),
    JournalKind.UNPAY: (A.PAID, A.COMMITTED),
    JournalKind.DECOMMIT: (A.COMMITTED, A.AVAILABLE),
    JournalKind.RELEASE: (A.RESERVED, A.AVAILABLE),
}
"""From which account each kind takes, and into which it puts."""


def entries_of(
    kind: JournalKind, line_id: UUID, fen: int, *, giver: Subject, taker: Subject
) -> list[Posting]:
    """Both sides: they sum to nothing."""
    source, target = WAYS[kind]
    return [Posting(line_id, source, giver, -fen), Posting(line_id, target, taker, fen)]


def check_fen(fen: int, *, field: str = "fen") -> int:
    """More than nothing; Invalid otherwise."""
    if fen <= 0:
        raise Invalid(f"{field} is more than 0 fen.", field=field)
    return fen


def check_year(year: int, this_year: int) -> int:
    """Last year's books, this year's or the next; Invalid otherwise."""
    if not this_year - 1 <= year <= this_year + 1:
        raise Invalid(f"fiscalYear is {this_year - 1} to {this_year + 1}.", field="fiscalYear")
    return year


def exhausted(available: int) -> BudgetExhausted:
    """The line has less left."""
    return BudgetExhausted(
        f"The budget line has {available} fen left: ask for less, or have it adjusted first.",
        rule="INV-23",
        available=available,
    )


def not_open(state: str) -> GuardFailed:
    """The line is a draft, frozen or closed."""
    return GuardFailed(
        f"The budget line is {state}: only an approved line takes on, commits or pays money.",
        rule="line_open",
        state=state,
    )


def holds_less(held: int) -> GuardFailed:
    """The subject itself has less in that account."""
    return GuardFailed(
        f"It holds {held} fen there: no more than that can be moved.",
        rule="INV-23",
        held=held,
    )
