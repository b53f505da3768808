"""Recording and correcting contributions: never changed, corrected by a later record."""

from decimal import Decimal
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.areas.queries import check_code
from nexus.casework.model import Station
from nexus.casework.pairing import model, policy, rules
from nexus.casework.pairing.operations import check_helper, served_station
from nexus.core.refusals import Forbidden, Invalid
from nexus.core.texts import check_reason

GRAIN = Decimal("0.001")


async def record_contribution(
    act: Act,
    gift: rules.Gift,
    *,
    station_id: UUID | None = None,
    helper: rules.Helper | None = None,
    pairing_id: UUID | None = None,
) -> model.Contribution:
    """What a helper gave: within a pairing, or to nobody in particular through a station."""
    if not policy.may_record(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not record contributions: the station that answers "
            "for them does."
        )
    if pairing_id is not None and (station_id, helper) != (None, None):
        raise Invalid(
            "A pairing says whose station and helper it is: name it alone, or the two.",
            field="pairingId",
        )
    if pairing_id is not None:
        pairing = await act.find(model.Pairing, pairing_id, visible=policy.visible)
        rules.check_within(gift.given_on, pairing.valid_from, pairing.valid_to, field="givenOn")
        station = await served_station(act, pairing.station_id)
        helper = rules.Helper(pairing.helper_kind.value, pairing.worker_id, pairing.organization_id)
    else:
        station, helper = await _free(act, station_id, helper)
    return await _enter(act, gift, helper, station, pairing_id)


async def _free(
    act: Act, station_id: UUID | None, helper: rules.Helper | None
) -> tuple[Station, rules.Helper]:
    if station_id is None or helper is None:
        raise Invalid("Name the pairing, or else the station and the helper.", field="pairingId")
    station = await served_station(act, station_id)
    await check_helper(act, helper, station.id)
    return station, helper


async def correct_contribution(
    act: Act,
    gift: rules.Gift,
    *,
    contribution_id: UUID,
    reason: str,
    void: bool = False,
) -> model.Contribution:
    """A record that stands in the place of another; `void`: in whose place nothing stands."""
    earlier = await act.find(
        model.Contribution, contribution_id, visible=policy.contribution_visible
    )
    act.permit(policy.may_correct, earlier)
    station = await act.take(
        Station, earlier.station_id, visible=lambda actor, row: row.id == earlier.station_id
    )
    row = model.Contribution
    found = await act.session.scalars(select(row.id).where(row.corrects_id == earlier.id))
    if found.first() is not None:
        raise rules.AlreadyCorrected(
            "This record was corrected already: correct the one that stands in its place."
        )
    said = check_reason(reason, most=rules.MAX_NOTE, impersonal=True)
    helper = rules.Helper(earlier.helper_kind.value, earlier.worker_id, earlier.organization_id)
    return await _enter(
        act, gift, helper, station, earlier.pairing_id, corrects=(earlier.id, said, void)
    )


async def _enter(
    act: Act,
    gift: rules.Gift,
    helper: rules.Helper,
    station: Station,
    pairing_id: UUID | None,
    *,
    corrects: tuple[UUID, str, bool] | None = None,
) -> model.Contribution:
    today = act.actor.today()
    rules.check_gift(gift, today)
    if gift.unit is not None:
        await check_code(act.session, "unit", gift.unit, on=today, field="unit")
    if gift.item_code is not None:
        await check_code(act.session, "item", gift.item_code, on=today, field="itemCode")
    corrects_id, reason, void = corrects or (None, None, False)
    row = model.Contribution(
        id=act.row_id,
        no=await act.number("CN", station.area_code),
        pairing_id=pairing_id,
        station_id=station.id,
        helper_kind=model.HelperKind(helper.kind),
        worker_id=helper.worker_id,
        organization_id=helper.organization_id,
        kind=model.ContributionKind(gift.kind),
        minutes=gift.minutes,
        amount_fen=gift.amount_fen,
        quantity=gift.quantity.quantize(GRAIN) if gift.quantity is not None else None,
        unit=gift.unit,
        item_code=gift.item_code,
        given_on=gift.given_on,
        corrects_id=corrects_id,
        void=void,
        reason=reason,
        recorded_at=act.now,
        recorded_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    kind = "contribution.recorded" if corrects is None else "contribution.corrected"
    act.record(kind, row, gift=gift.kind, corrects_id=corrects_id, void=void)
    return row
