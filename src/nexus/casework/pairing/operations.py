"""Pairing helpers with households, ending it, and noting contacts."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import func, select

from nexus.acting import SHANGHAI, Act
from nexus.casework import policy as casework
from nexus.casework.model import Station, StationState, Worker
from nexus.casework.pairing import model, policy, rules
from nexus.core.refusals import Forbidden, Invalid
from nexus.core.texts import check_impersonal, check_reason
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization, OrganizationState
from nexus.recipients import policy as recipients
from nexus.recipients.model import Household


async def served_station(act: Act, station_id: UUID) -> Station:
    """An active station where the actor works. NotFound."""
    station = await act.find(
        Station, station_id, visible=lambda actor, row: casework.serves(actor, row.id)
    )
    if station.state is not StationState.ACTIVE:
        raise Invalid(
            f"The station is {station.state.value}: name one that is active.", field="stationId"
        )
    return station


async def check_helper(act: Act, helper: rules.Helper, station_id: UUID) -> None:
    """A posting at the station, or an organization of the register that is verified."""
    rules.check_helper(helper)
    if helper.worker_id is not None:
        worker = await act.find(Worker, helper.worker_id, visible=casework.worker_visible)
        if worker.station_id != station_id:
            raise Invalid("This posting is at another station.", field="workerId")
    if helper.organization_id is not None:
        row = await act.find(Organization, helper.organization_id, visible=organizations.visible)
        if row.state is not OrganizationState.VERIFIED:
            raise Invalid(
                f"The organization is {row.state.value}: only verified ones are paired.",
                field="organizationId",
            )


async def start_pairing(
    act: Act,
    *,
    household_id: UUID,
    station_id: UUID,
    helper: rules.Helper,
    valid_from: date,
    valid_to: date | None = None,
) -> model.Pairing:
    """One helper for one household for a time; no two pairings of the same two overlap."""
    if not policy.may_pair(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not pair helpers: the station's lead or social "
            "worker does."
        )
    home = await act.find(Household, household_id, visible=recipients.visible)
    station = await served_station(act, station_id)
    await check_helper(act, helper, station.id)
    rules.check_period(valid_from, valid_to)
    await _check_free(act, home.id, helper, valid_from, valid_to)
    row = model.Pairing(
        id=act.row_id,
        no=await act.number("PA", home.area_code),
        household_id=home.id,
        station_id=station.id,
        helper_kind=model.HelperKind(helper.kind),
        worker_id=helper.worker_id,
        organization_id=helper.organization_id,
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("pairing.started", row, helper_kind=helper.kind)
    return row


async def _check_free(
    act: Act,
    household_id: UUID,
    helper: rules.Helper,
    valid_from: date,
    valid_to: date | None,
) -> None:
    """AlreadyPaired names the period; two that pair at once take turns."""
    row = model.Pairing
    named = helper.worker_id or helper.organization_id
    pair = func.hashtextextended(f"pairing {household_id} {named}", 0)
    await act.session.execute(select(func.pg_advisory_xact_lock(pair)))
    found = await act.session.scalars(
        select(row).where(
            row.household_id == household_id,
            func.coalesce(row.worker_id, row.organization_id) == named,
            func.daterange(row.valid_from, row.valid_to).bool_op("&&")(
                func.daterange(valid_from, valid_to)
            ),
        )
    )
    other = found.first()
    if other is not None:
        raise rules.AlreadyPaired(
            f"The two are paired from {other.valid_from} to {other.valid_to or 'open end'} "
            f"already, under {other.no}.",
            field="validFrom",
            conflictingFrom=other.valid_from,
            conflictingTo=other.valid_to,
        )


async def end_pairing(
    act: Act,
    pairing_id: UUID,
    *,
    expected_version: int,
    ends_on: date,
    reason: str | None = None,
) -> model.Pairing:
    """`ends_on` is the first day on which they are paired no more, today at the latest."""
    row = await act.take(
        model.Pairing, pairing_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_end, row)
    model.TRANSITIONS.after("end", row.state)
    if not row.valid_from <= ends_on <= act.actor.today():
        raise Invalid(
            f"endsOn lies from {row.valid_from}, when it began, to today.", field="endsOn"
        )
    if row.valid_to is not None and ends_on > row.valid_to:
        raise Invalid(f"The pairing ends on {row.valid_to} already.", field="endsOn")
    act.move(row, model.TRANSITIONS, "end")
    row.valid_to = ends_on
    row.state_reason = check_reason(reason, most=rules.MAX_NOTE, impersonal=True)
    act.record("pairing.ended", row)
    return row


async def record_contact(
    act: Act,
    *,
    pairing_id: UUID,
    means: model.ContactMeans,
    performed_at: datetime,
    note: str | None = None,
) -> model.PairingContact:
    """The helper saw or spoke to the household, within the pairing, whenever word arrives."""
    pairing = await act.take(model.Pairing, pairing_id, visible=policy.visible)
    act.permit(policy.may_contact, pairing)
    moment = rules.check_moment(performed_at, act.now)
    day = moment.astimezone(SHANGHAI).date()
    rules.check_within(day, pairing.valid_from, pairing.valid_to, field="performedAt")
    kept = (note or "").strip() or None
    if kept is not None:
        if len(kept) > rules.MAX_NOTE:
            raise Invalid(f"note has at most {rules.MAX_NOTE} characters.", field="note")
        kept = check_impersonal(kept, field="note")
    row = model.PairingContact(
        id=act.row_id,
        pairing_id=pairing.id,
        means=means,
        performed_at=moment,
        recorded_at=act.now,
        recorded_by=act.actor.account_id,
        note=kept,
    )
    act.session.add(row)
    if pairing.last_contact_at is None or moment > pairing.last_contact_at:
        pairing.last_contact_at = moment
    await act.session.flush()
    act.record("pairing.contacted", pairing, contact_id=row.id, means=means.value)
    return row
