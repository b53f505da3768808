"""What a need owes at its end, relaxations, and tranches (INV-05, 09, 22)."""

from typing import Any

from sqlalchemy import Select, and_, exists, func, or_
from sqlalchemy.orm import aliased

from nexus.emergencies.model import Relaxation, RelaxedRule, Settlement
from nexus.needs.model import Need, NeedLine, NeedState, Tranche
from nexus.obligations.model import Obligation, ObligationState
from nexus.supervision.ledger.queries import finding

_FIRST = RelaxedRule.PROVISIONAL_PUBLICATION


def _ended_owes_nothing() -> Select[Any]:
    """Nothing that was owed at its closing is open still."""
    debt = aliased(Obligation)
    return (
        finding(Need.id, "it was closed, and still owes something", obligation=debt.no)
        .join(debt, and_(debt.subject_type == "need", debt.subject_id == Need.id))
        .where(
            Need.state == NeedState.CLOSED,
            debt.state == ObligationState.OPEN,
            debt.created_at < Need.closed_at,
        )
    )


def _within_approval() -> Select[Any]:
    total = func.sum(Tranche.amount_fen)
    return (
        finding(
            Need.id,
            "its released tranches exceed what was approved",
            released=total,
            approved=Need.approval_cap_fen,
        )
        .join(Tranche, Tranche.need_id == Need.id)
        .group_by(Need.id)
        .having(total > func.coalesce(Need.approval_cap_fen, 0))
    )


def _in_order() -> Select[Any]:
    before = aliased(Tranche)
    there = exists().where(before.need_id == Tranche.need_id, before.no == Tranche.no - 1)
    return finding(Tranche.id, "the tranche before it is not released", no=Tranche.no).where(
        Tranche.no > 1, ~there
    )


def _held_until_released() -> Select[Any]:
    """Of needs that are helped in stages: a line is open to pledges only with its tranche."""
    staged, own = aliased(Tranche), aliased(Tranche)
    return finding(
        NeedLine.id, "it is open, its tranche is not", tranche=NeedLine.tranche_no
    ).where(
        ~NeedLine.held,
        exists().where(staged.need_id == NeedLine.need_id),
        ~exists().where(own.need_id == NeedLine.need_id, own.no == NeedLine.tranche_no),
    )


def _settled_with_its_need() -> Select[Any]:
    """Provisional as long as the relaxation is not supplemented, and no longer."""
    row = aliased(Relaxation)
    of_need = (row.subject_id == Need.id, row.rule == _FIRST)
    unsettled = exists().where(*of_need, row.settled_at.is_(None))
    waived = exists().where(*of_need, row.settled_as == Settlement.WAIVED)
    return finding(Need.id, "what was relaxed for it is settled otherwise than it is").where(
        or_(and_(Need.provisional, ~unsettled, ~waived), and_(~Need.provisional, unsettled))
    )


def _made_good() -> Select[Any]:
    """What was relaxed with something owed in return is unsettled as long as that is open."""
    debt = aliased(Obligation)
    return (
        finding(Relaxation.id, "it is settled, and what it owes is open", obligation=debt.no)
        .join(debt, debt.id == Relaxation.obligation_id)
        .where(Relaxation.settled_at.is_not(None), debt.state == ObligationState.OPEN)
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-05 closed need owes nothing": _ended_owes_nothing(),
    "INV-09 tranches are in order": _in_order(),
    "INV-09 tranches are within the approval": _within_approval(),
    "INV-09 lines wait for their tranche": _held_until_released(),
    "INV-22 relaxation is settled with its need": _settled_with_its_need(),
    "INV-22 relaxation is made good": _made_good(),
}
