"""Bidding, judging bids, and awarding: one person proposes, another one confirms (INV-18)."""

from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from nexus.acting import Act
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.organizations import policy as organizations_policy
from nexus.organizations.model import Organization
from nexus.purchasing.procurements import model, policy, queries, rules
from nexus.purchasing.procurements.suppliers import rules as words
from nexus.purchasing.procurements.suppliers.operations import check_verified
from nexus.purchasing.procurements.suppliers.queries import is_admitted, is_barred


async def submit_bid(
    act: Act, procurement_id: UUID, *, value_fen: int, statement: str
) -> model.Bid:
    """The actor's organization bids for all items, while the tender runs. Sealed until its end."""
    asked = await act.find(model.Procurement, procurement_id, visible=policy.visible)
    await act.session.refresh(asked, with_for_update={"read": True})
    act.permit(policy.may_bid, asked)
    supplier_id = act.actor.organization_id
    await check_verified(act, supplier_id)
    said = words.check_words(statement, field="statement")
    today = act.actor.today()
    rules.check_taking_bids(asked.state.value, asked.tender_starts_on, asked.tender_ends_on, today)
    if not 0 < value_fen <= rules.MOST_FEN:
        raise Invalid("A bid is worth at least 1 fen.", field="valueFen")
    await _check_supplier(act, asked, supplier_id)
    await _refuse_twice(act, asked, supplier_id)
    assert asked.tender_ends_on is not None
    row = model.Bid(
        id=act.row_id,
        procurement_id=asked.id,
        buyer_id=asked.buyer_id,
        supplier_id=supplier_id,
        value_fen=value_fen,
        statement=said,
        opens_on=asked.tender_ends_on,
        state=model.BidState.SUBMITTED,
        version=1,
        submitted_at=act.now,
        submitted_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    _record_bid(act, "submitted", row)
    return row


async def _check_supplier(act: Act, asked: model.Procurement, supplier_id: UUID) -> None:
    """Admitted to the procurement's list, if it has one; and not barred this year (8.12)."""
    if asked.list_id is not None and not await is_admitted(act.session, asked.list_id, supplier_id):
        raise GuardFailed(
            "Only suppliers admitted to its list may bid: apply to the list first.",
            field="procurementId",
            rule="T21c",
            list_id=asked.list_id,
        )
    year = act.actor.today().year
    if await is_barred(act.session, supplier_id=supplier_id, buyer_id=asked.buyer_id, year=year):
        raise words.SupplierBarred(
            f"An evaluation bars this supplier from the buyer's awards in {year}: "
            "supplierStandings names it.",
            rule="T21b",
            year=year,
        )


async def _refuse_twice(act: Act, asked: model.Procurement, supplier_id: UUID) -> None:
    row = model.Bid
    live = exists().where(
        row.procurement_id == asked.id,
        row.supplier_id == supplier_id,
        row.state.in_((model.BidState.SUBMITTED, model.BidState.VALID)),
    )
    if await act.session.scalar(select(live)):
        raise GuardFailed(
            "Your organization has bid already: withdraw that bid, then submit another.",
            field="procurementId",
            rule="INV-08",
        )


async def withdraw_bid(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Bid:
    """The supplier takes its bid back, before the bids are opened."""
    row = await _take_bid(act, row_id, expected_version)
    act.permit(policy.may_withdraw_bid, row)
    model.BID_TRANSITIONS.after("withdraw", row.state)
    if row.opens_on <= act.actor.today():
        raise GuardFailed(
            f"The bids were opened on {row.opens_on}: a bid binds from then on.", rule="INV-19"
        )
    act.move(row, model.BID_TRANSITIONS, "withdraw")
    row.state_reason = reason
    _record_bid(act, "withdrawn", row)
    return row


def _judging(verb: str, event: str, *, needs_reason: bool = False) -> Any:
    """The buyer says whether an opened bid counts."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.Bid:
        row = await _take_bid(act, row_id, expected_version)
        act.permit(policy.may_buy, row)
        said = check_reason(reason) if needs_reason else reason
        model.BID_TRANSITIONS.after(verb, row.state)
        await _refuse_awarded(act, row)
        act.move(row, model.BID_TRANSITIONS, verb)
        row.state_reason, row.decided_by = said, act.actor.account_id
        _record_bid(act, event, row)
        return row

    return deed


accept_bid = _judging("accept", "accepted")
disqualify_bid = _judging("disqualify", "disqualified", needs_reason=True)


async def _refuse_awarded(act: Act, row: model.Bid) -> None:
    await queries.take_procurement(act, row.procurement_id)
    standing = await queries.live_awards(act.session, row.procurement_id)
    for award in standing:
        if award.bid_id == row.id:
            raise GuardFailed(f"Award {award.no} rests on this bid: cancel it first.")


async def make_award(
    act: Act,
    procurement_id: UUID,
    *,
    expected_version: int,
    supplier_id: UUID,
    bid_id: UUID | None = None,
    value_fen: int,
    rationale: str,
) -> model.Award:
    """One person of the buyer proposes the supplier; another one confirms it."""
    asked = await queries.take_procurement(act, procurement_id, expected_version)
    act.permit(policy.may_buy, asked)
    model.TRANSITIONS.after("award", asked.state)
    said = words.check_words(rationale, field="rationale")
    rules.check_tender_over(asked.tender_ends_on, act.actor.today())
    await act.find(Organization, supplier_id, visible=organizations_policy.visible)
    if supplier_id == asked.buyer_id:
        raise Invalid("A buyer awards nothing to itself.", field="supplierId")
    await check_verified(act, supplier_id, field="supplierId")
    await _check_supplier(act, asked, supplier_id)
    await _check_bid(act, asked, supplier_id, bid_id, value_fen)
    await _check_alone(act, asked, supplier_id)
    awarded = await queries.awarded_fen(act.session, asked.id)
    rules.check_award(value_fen, awarded, asked.value_fen)
    row = model.Award(
        id=act.row_id,
        no=await act.number("AW", asked.area_code),
        procurement_id=asked.id,
        buyer_id=asked.buyer_id,
        supplier_id=supplier_id,
        bid_id=bid_id,
        value_fen=value_fen,
        rationale=said,
        state=model.AwardState.PENDING,
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    act.move(asked, model.TRANSITIONS, "award")
    await act.session.flush()
    _record_award(act, "proposed", row)
    act.record("procurement.awarded", asked, buyer_id=asked.buyer_id, award_id=row.id)
    return row


async def _check_bid(
    act: Act, asked: model.Procurement, supplier_id: UUID, bid_id: UUID | None, value_fen: int
) -> None:
    """The supplier's own valid bid, not exceeded; without one only by DIRECT."""
    if bid_id is None:
        if asked.method is not model.ProcurementMethod.DIRECT:
            raise Invalid(
                f"A procurement by {asked.method.name} is awarded to a bid: name it.",
                field="bidId",
            )
        return
    bid = await act.find(model.Bid, bid_id, visible=policy.bid_visible)
    if bid.procurement_id != asked.id or bid.supplier_id != supplier_id:
        raise Invalid("The bid is not this supplier's for this procurement.", field="bidId")
    if bid.state is not model.BidState.VALID:
        raise GuardFailed(
            f"The bid is {bid.state.value}: accept it first.",
            field="bidId",
            rule="INV-19",
            state=bid.state.name,
        )
    if value_fen > bid.value_fen:
        raise GuardFailed(
            f"The supplier bid {bid.value_fen} fen: award at most that.",
            field="valueFen",
            rule="INV-24",
            bid_fen=bid.value_fen,
        )


async def _check_alone(act: Act, asked: model.Procurement, supplier_id: UUID) -> None:
    for award in await queries.live_awards(act.session, asked.id):
        if award.supplier_id == supplier_id:
            raise GuardFailed(
                f"Award {award.no} to this supplier stands: cancel it first.",
                field="supplierId",
                rule="INV-08",
            )


async def confirm_award(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Award:
    """A second person of the buyer confirms: from today a contract may be drawn up (INV-18)."""
    row = await take_award(act, row_id, expected_version)
    act.permit(policy.may_confirm_award, row)
    model.AWARD_TRANSITIONS.after("activate", row.state)
    asked = await queries.take_procurement(act, row.procurement_id)
    await check_verified(act, row.supplier_id)
    await _check_supplier(act, asked, row.supplier_id)
    act.move(row, model.AWARD_TRANSITIONS, "activate")
    row.state_reason, row.decided_by = reason, act.actor.account_id
    row.awarded_on = act.actor.today()
    _record_award(act, "confirmed", row)
    return row


async def refuse_award(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Award:
    """A second person of the buyer does not confirm, with a reason."""
    row = await take_award(act, row_id, expected_version)
    act.permit(policy.may_confirm_award, row)
    said = check_reason(reason)
    act.move(row, model.AWARD_TRANSITIONS, "fail")
    row.state_reason, row.decided_by = said, act.actor.account_id
    _record_award(act, "refused", row)
    return row


async def take_award(act: Act, row_id: UUID, expected_version: int | None = None) -> model.Award:
    """The award, visible and locked, under its procurement, which is locked first."""
    found = await act.find(model.Award, row_id, visible=policy.award_visible)
    await queries.take_procurement(act, found.procurement_id)
    return await act.take(
        model.Award, row_id, visible=policy.award_visible, expected_version=expected_version
    )


async def _take_bid(act: Act, row_id: UUID, expected_version: int) -> model.Bid:
    return await act.take(
        model.Bid, row_id, visible=policy.bid_visible, expected_version=expected_version
    )


def _record_bid(act: Act, verb: str, row: model.Bid) -> None:
    facts = {"procurement_id": row.procurement_id, "supplier_id": row.supplier_id}
    act.record(f"bid.{verb}", row, buyer_id=row.buyer_id, **facts)


def _record_award(act: Act, verb: str, row: model.Award) -> None:
    act.record(
        f"award.{verb}",
        row,
        procurement_id=row.procurement_id,
        buyer_id=row.buyer_id,
        supplier_id=row.supplier_id,
        value_fen=row.value_fen,
    )


def record_cancelled(act: Act, row: model.Award) -> None:
    """The award was taken back."""
    _record_award(act, "cancelled", row)
