"""Opening, acknowledging, addressing and waiving gaps."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Select, select, text
from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.charity.model import Offer
from nexus.core.ids import new_id
from nexus.core.refusals import Invalid
from nexus.core.texts import check_reason
from nexus.matching.suggestions import model, policy, queries
from nexus.needs.model import NeedLine


async def acknowledge_gap(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Gap:
    """The coordinator has seen it and looks for help."""
    row = await take_gap(act, row_id, expected_version)
    act.move(row, model.TRANSITIONS, "acknowledge")
    row.state_reason = reason
    act.record("gap.acknowledged", row, line_id=row.line_id)
    return row


async def address_gap(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    addressed_by: str,
    remedy: model.GapRemedy | None = None,
    reason: str | None = None,
) -> model.Gap:
    """Help is on its way; `addressed_by` is the number of the offer, plan or measure."""
    row = await take_gap(act, row_id, expected_version)
    if not addressed_by.strip():
        raise Invalid(
            "Say what addresses the gap: the number of an offer, a purchase plan or a measure.",
            field="addressedBy",
        )
    address(act, row, addressed_by.strip(), remedy)
    row.state_reason = reason
    return row


async def waive_gap(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Gap:
    """Nothing will be done about it, for a stated reason."""
    row = await take_gap(act, row_id, expected_version)
    _waive(act, row, check_reason(reason))
    return row


async def open_gaps_of_need(act: Act, need_id: UUID) -> int:
    """A gap for every open line of the need that no offer can serve; how many were new."""
    values = {**act.actor.binds(), "need_id": need_id}
    return await _open_all(act, queries.lines_of_need_without_offer(), values)


async def open_gaps_around(act: Act, offer: Offer, *, besides: Sequence[str] = ()) -> int:
    """Gaps of lines that the offer served, in its divisions and `besides`; how many were new."""
    own = (await act.session.execute(queries.areas_of(offer.id))).scalars().all()
    codes = sorted({*own, *besides})
    found = queries.lines_without_offer(
        act.actor, lambda line: queries.in_reach(offer, codes, line)
    )
    return await _open_all(act, found, {})


async def _open_all(act: Act, found: Select[NeedLine], values: dict[str, Any]) -> int:
    lines = (await act.session.execute(found, values)).scalars().all()
    return sum([await _open(act, line) for line in lines])


async def address_by_offer(act: Act, offer: Offer) -> int:
    """The live gaps that the offer can fill are addressed by it; how many."""
    values = {**act.actor.binds(), "offer_id": offer.id}
    gaps = (await act.session.execute(queries.gaps_an_offer_fills(), values)).scalars().all()
    for gap in gaps:
        address(act, gap, offer.no, model.GapRemedy.OFFER)
    return len(gaps)


async def waive_gaps_of_need(act: Act, need_id: UUID, reason: str) -> int:
    """The need is no longer asked for: its live gaps end with it; how many."""
    found = queries.take_live_gaps(lambda gap: gap.need_id == need_id)
    gaps = (await act.session.execute(found)).scalars().all()
    for gap in gaps:
        _waive(act, gap, reason)
    return len(gaps)


async def waive_gaps_unasked(act: Act, need_id: UUID) -> int:
    """Lines that an imported need's source asks for no longer: their live gaps end; how many."""
    unasked = select(NeedLine.id).where(NeedLine.need_id == need_id, NeedLine.asked.is_(False))
    found = queries.take_live_gaps(lambda gap: gap.line_id.in_(unasked))
    gaps = (await act.session.execute(found)).scalars().all()
    for gap in gaps:
        _waive(act, gap, "line_not_asked")
    return len(gaps)


async def take_gap(act: Act, row_id: UUID, expected_version: int) -> model.Gap:
    """The gap, locked, for whoever may decide about it."""
    row = await act.take(
        model.Gap, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_decide, row)
    return row


async def _open(act: Act, line: NeedLine) -> bool:
    """Whether the gap is new: the unique index lets only one live gap of a line in."""
    made = (
        insert(model.Gap)
        .values(
            id=new_id(),
            line_id=line.id,
            need_id=line.need_id,
            category=line.category,
            kind=line.kind.value,
            item_code=line.item_code,
            area_code=line.area_code,
            state=model.GapState.OPEN,
            version=1,
            opened_at=act.now,
        )
        .on_conflict_do_nothing(
            index_elements=["line_id"], index_where=text("state IN ('open', 'acknowledged')")
        )
        .returning(model.Gap)
    )
    row = (await act.session.execute(made)).scalar_one_or_none()
    if row is None:
        return False
    act.record("gap.opened", row, line_id=line.id, category=line.category, gap_kind=row.kind)
    return True


def address(act: Act, row: model.Gap, by: str, remedy: model.GapRemedy | None) -> None:
    """The gap is filled by what this number names."""
    act.move(row, model.TRANSITIONS, "address")
    row.addressed_by, row.remedy = by, remedy
    row.closed_at = act.now
    act.record("gap.addressed", row, line_id=row.line_id)


def _waive(act: Act, row: model.Gap, reason: str | None) -> None:
    act.move(row, model.TRANSITIONS, "waive")
    row.state_reason = reason
    row.closed_at = act.now
    act.record("gap.waived", row, line_id=row.line_id)
