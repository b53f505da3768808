"""Tranches: in order, within what was approved, each after the one before (INV-09)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Protocol

from nexus.core.refusals import GuardFailed
from nexus.needs.model import NeedKind

RULE = "INV-09"


class Staged(Protocol):
    """A line with its tranche and what it is worth."""

    position: int
    item: str
    kind: NeedKind
    asked: bool
    tranche_no: int
    quantity_required: Decimal | None
    est_unit_value_fen: int | None
    delivered: Decimal
    confirmed: Decimal


def is_staged(lines: Iterable[Staged]) -> bool:
    """Whether the need has more than one tranche."""
    return any(line.tranche_no > 1 for line in lines)


def worth(line: Staged) -> int | None:
    """What the line is worth in fen, rounded up; None where that cannot be told."""
    if line.quantity_required is None:
        return None
    if line.kind is NeedKind.CASH:
        each = Decimal(100)
    elif line.est_unit_value_fen is None:
        return None
    else:
        each = Decimal(line.est_unit_value_fen)
    return int((line.quantity_required * each).to_integral_value(ROUND_CEILING))


def amounts(lines: Sequence[Staged]) -> dict[int, int]:
    """Tranche → fen; GuardFailed names the lines whose worth cannot be told."""
    vague = [line for line in lines if line.asked and worth(line) is None]
    if vague:
        raise GuardFailed(
            "Staged help needs the worth of every line: give quantityRequired and estUnitValueFen "
            "of " + ", ".join(f"line {line.position} ({line.item})" for line in vague) + ".",
            rule=RULE,
            lines=[str(line.position) for line in vague],
        )
    summed: dict[int, int] = defaultdict(int)
    for line in lines:
        summed[line.tranche_no] += (worth(line) or 0) if line.asked else 0
    return dict(sorted(summed.items()))


def check_plan(lines: Sequence[Staged], cap_fen: int | None) -> dict[int, int]:
    """The tranches' amounts: numbered from 1 without a hole, together within the approval."""
    summed = amounts(lines)
    if list(summed) != list(range(1, len(summed) + 1)):
        raise GuardFailed(
            f"Tranches are numbered 1, 2, 3 without a hole; this need has {_listed(summed)}.",
            rule=RULE,
            tranches=[str(no) for no in summed],
        )
    if cap_fen is None:
        raise GuardFailed(
            "Staged help rests on one approval: give approvalCapFen.",
            field="approvalCapFen",
            rule=RULE,
        )
    check_within(summed, cap_fen)
    return summed


def check_within(summed: Mapping[int, int], cap_fen: int) -> None:
    """All tranches together stay within the approved amount."""
    total = sum(summed.values())
    if total > cap_fen:
        raise GuardFailed(
            f"The tranches come to {total} fen, {cap_fen} fen are approved: ask for less, or have "
            "more approved.",
            field="approvalCapFen",
            rule=RULE,
            total_fen=total,
            approved_fen=cap_fen,
        )


def missing(lines: Iterable[Staged], no: int) -> list[Staged]:
    """The lines of the tranche that have not arrived in full."""
    return [
        line
        for line in lines
        if line.tranche_no == no
        and line.asked
        and line.delivered + line.confirmed < (line.quantity_required or 0)
    ]


def _listed(summed: Mapping[int, int]) -> str:
    return ", ".join(str(no) for no in summed)
