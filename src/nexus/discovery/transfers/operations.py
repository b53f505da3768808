"""Offering a report to another area, and its answer."""

from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import resolve_area
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.discovery import model, policy, queries, rules
from nexus.discovery.trail.operations import check_not_offered, check_station, reply, step

COARSEST = 4
"""Digits of the coarsest division that has a station or authority to take a report: a city."""


async def offer_transfer(
    act: Act,
    report_id: UUID,
    *,
    expected_version: int,
    area_code: str,
    station_id: UUID | None = None,
    reason: str | None = None,
) -> model.DiscoveryReport:
    """Offer it to the station or authority of another area, with a reason fit for them to read."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_offer_transfer, row)
    model.TRANSITIONS.after("offer_transfer", row.state)
    check_not_offered(row)
    told = check_reason(reason, most=rules.MAX_REASON, impersonal=True)
    code = await resolve_area(act.session, area_code)
    if code == row.custody_area_code or not code[:COARSEST].isdigit() or len(code) < COARSEST:
        raise Invalid(
            f"Name another city, county or town than {row.custody_area_code}.", field="areaCode"
        )
    row.offered_station_id = await check_station(act, station_id, code)
    row.offered_area_code = code
    row.offered_at = act.now
    act.move(row, model.TRANSITIONS, "offer_transfer")
    await step(
        act,
        row,
        model.CustodyKind.OFFERED,
        from_area_code=row.custody_area_code,
        to_area_code=code,
        to_station_id=row.offered_station_id,
        reason=told,
    )
    act.record("discovery.transfer_offered", row, area=code)
    return row


async def recall_transfer(
    act: Act, report_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DiscoveryReport:
    """The sender keeps it after all, before an answer came."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_recall_transfer, row)
    told = check_reason(reason, most=rules.MAX_REASON, impersonal=True) if reason else None
    return await _turned_down(act, row, model.CustodyKind.RECALLED, told)


async def refuse_transfer(
    act: Act, report_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.DiscoveryReport:
    """The receiver says why it is not theirs; the sender owns it on."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_refuse_transfer, row)
    told = check_reason(reason, most=rules.MAX_REASON, impersonal=True)
    return await _turned_down(act, row, model.CustodyKind.REFUSED, told)


async def take_over_report(
    act: Act, report_id: UUID, *, expected_version: int
) -> model.DiscoveryReport:
    """It is theirs from now on: the receiver sees all of it, and answers for it (INV-20)."""
    row = await queries.take_report(act, report_id, expected_version)
    act.permit(policy.may_take_over, row)
    model.TRANSITIONS.after("take_over", row.state)
    code = row.offered_area_code
    assert code is not None
    before, row.custody_area_code = row.custody_area_code, code
    row.station_id = row.offered_station_id
    row.owner_id = act.actor.account_id
    _withdraw_offer(row)
    act.move(row, model.TRANSITIONS, "take_over")
    await step(act, row, model.CustodyKind.TAKEN_OVER, from_area_code=before)
    act.record("discovery.taken_over", row, area=code, owner_id=row.owner_id)
    await reply(act, row, "TRANSFERRED")
    return row


async def _turned_down(
    act: Act, row: model.DiscoveryReport, kind: model.CustodyKind, reason: str | None
) -> model.DiscoveryReport:
    verb, event = _TURNED_DOWN[kind]
    model.TRANSITIONS.after(verb, row.state)
    code = row.offered_area_code
    if code is None:
        raise GuardFailed("The report is not offered to anybody.")
    _withdraw_offer(row)
    act.move(row, model.TRANSITIONS, verb)
    await step(act, row, kind, from_area_code=code, reason=reason)
    act.record(event, row, area=code)
    return row


_TURNED_DOWN = {
    model.CustodyKind.RECALLED: ("recall_transfer", "discovery.transfer_recalled"),
    model.CustodyKind.REFUSED: ("refuse_transfer", "discovery.transfer_refused"),
}


def _withdraw_offer(row: model.DiscoveryReport) -> None:
    row.offered_area_code = row.offered_station_id = row.offered_at = None
