"""Rows of the trail and replies to tickets, written beside every step of a report."""

from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import labels
from nexus.casework.model import Station, StationState
from nexus.core.ids import new_id
from nexus.core.refusals import Invalid
from nexus.discovery import model, queries, rules


async def step(
    act: Act,
    row: model.DiscoveryReport,
    kind: model.CustodyKind,
    *,
    from_area_code: str | None = None,
    to_area_code: str | None = None,
    to_station_id: UUID | None = None,
    reason: str | None = None,
) -> None:
    """One more row of the trail. The report is locked, or new."""
    act.session.add(
        model.CustodyStep(
            id=new_id(),
            report_id=row.id,
            position=await queries.next_position(act.session, model.CustodyStep, row.id),
            kind=kind,
            from_area_code=from_area_code,
            to_area_code=to_area_code or row.custody_area_code,
            to_station_id=to_station_id or row.station_id,
            owner_id=row.owner_id,
            by_id=act.actor.account_id,
            reason=reason,
            happened_at=act.now,
        )
    )
    await act.session.flush()


async def reply(act: Act, row: model.DiscoveryReport, code: str | None = None) -> None:
    """Tell the hotline whose ticket it is, and those of its duplicates, where the report stands.

    `code` is of the list `hotline_reply`; the state's own if not given.
    """
    await act.session.flush()
    told = await queries.tickets_told(act.session, row.id)
    if not told:
        return
    words = await labels(act.session, "hotline_reply")
    said = code or rules.REPLY_OF[row.state]
    for one in told:
        made = model.HotlineReply(
            id=new_id(),
            report_id=one.id,
            position=await queries.next_position(act.session, model.HotlineReply, one.id),
            code=said,
            text=words[said],
            state=row.state,
            replied_at=act.now,
        )
        act.session.add(made)
        await act.session.flush()
        act.record(
            "discovery.replied",
            one,
            reply_id=made.id,
            code=said,
            state=row.state,
            ticket_system=one.ticket_system,
            ticket_type=one.ticket_type,
            ticket_no=one.ticket_no,
        )


def check_not_offered(row: model.DiscoveryReport) -> None:
    """TransferOpen while another area has not answered."""
    if row.offered_area_code is not None:
        raise rules.TransferOpen(
            f"The report is offered to {row.offered_area_code}: wait for the answer, or recall it.",
            area=row.offered_area_code,
        )


async def check_station(act: Act, station_id: UUID | None, area_code: str) -> UUID | None:
    """A station that works and whose division touches the report's; Invalid."""
    if station_id is None:
        return None
    station = await act.session.get(Station, station_id)
    if station is None or station.state is not StationState.ACTIVE:
        raise Invalid("There is no such station at work.", field="stationId")
    if not area_code.startswith(station.area_code) and not station.area_code.startswith(area_code):
        raise Invalid(
            f"Station {station.no} works in {station.area_code}, not in {area_code}.",
            field="stationId",
        )
    return station.id
