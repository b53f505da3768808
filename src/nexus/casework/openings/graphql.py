"""Opening schedules of stations in the graph."""

from datetime import date, datetime

import strawberry

from nexus.casework.graphql import Station
from nexus.casework.openings import model, operations, policy, queries
from nexus.graph.declare import (
    Connection,
    computed,
    extend,
    mutation,
    node,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order


@node(
    model.OpeningSchedule,
    visible=policy.visible,
    actions={"end_opening_schedule": (None, policy.may_end)},
)
class OpeningSchedule:
    """On which days and from when to when a station is open (HSDS schedule).

    `rrule` is a recurrence of days by RFC 5545. With workingDays it is closed on free days and
    open on moved workdays. validTo is the first day that it does not hold.
    """

    station: Station | None = to_one(model.OpeningSchedule.station_id)
    rrule: str
    opens: str
    closes: str
    working_days: bool
    valid_from: date
    valid_to: date | None
    version: int


@extend(Station)
class StationOpenings:
    open_now: bool = computed(queries.open_now, "Whether it is open at this moment.")
    next_opens_at: datetime | None = computed(
        queries.next_opens_at, "When it opens next, within some weeks."
    )
    schedules: Connection[OpeningSchedule] = to_many(
        model.OpeningSchedule.station_id, order=Order(("valid_from",))
    )


ScheduleResult = result("OpeningSchedule", OpeningSchedule)


@strawberry.input
class AddOpeningScheduleInput:
    station_id: strawberry.ID
    rrule: str = strawberry.field(
        description="Days by RFC 5545, such as FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR."
    )
    opens: str = strawberry.field(description="HH:MM in Asia/Shanghai.")
    closes: str = strawberry.field(description="HH:MM of the same day, at most 24:00.")
    valid_from: date
    valid_to: date | None = None
    working_days: bool = True
    idempotency_key: str


@mutation(ScheduleResult)
async def add_opening_schedule(act, input: AddOpeningScheduleInput):  # type: ignore[no-untyped-def]
    """Say when a station is open; mornings and afternoons are two schedules."""
    return await operations.add_schedule(
        act,
        station_id=decode(input.station_id, "Station"),
        rrule=input.rrule,
        opens=input.opens,
        closes=input.closes,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        working_days=input.working_days,
    )


@strawberry.input
class EndOpeningScheduleInput:
    id: strawberry.ID
    expected_version: int
    ends_on: date
    idempotency_key: str


@mutation(ScheduleResult)
async def end_opening_schedule(act, input: EndOpeningScheduleInput):  # type: ignore[no-untyped-def]
    """The schedule ends; endsOn is the first day on which it does not hold."""
    return await operations.end_schedule(
        act,
        decode(input.id, "OpeningSchedule"),
        expected_version=input.expected_version,
        ends_on=input.ends_on,
    )
