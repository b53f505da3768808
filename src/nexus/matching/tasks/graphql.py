"""Tasks on pledges and their booked hours, in the graph."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from nexus.graph.declare import (
    Connection,
    classified,
    extend,
    mutation,
    node,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.matching.deliveries.graphql import Delivery
from nexus.matching.pledges.graphql import Pledge, PledgeResult
from nexus.matching.tasks import model, operations, policy
from nexus.needs.graphql import Need, NeedLine
from nexus.organizations.graphql import Organization
from nexus.volunteering.hours.graphql import ServiceRecord
from nexus.volunteering.tasks.graphql import VolunteerTask

register_enums(model.TaskLinkState)
NEWEST = Order(("created_at",), descending=True)
guard(
    "uq_task_link_live",
    "A task works on this pledge already: unlink it first.",
    rule="one_task_a_pledge",
)


@node(model.HoursBooking, visible=policy.booking_visible)
class HoursBooking:
    """Minutes of one service record on one pledge. Without a delivery: surplus, asked by nobody."""

    minutes: int
    quantity: Decimal
    created_at: datetime
    service_record: ServiceRecord | None = to_one(model.HoursBooking.record_id)
    delivery: Delivery | None = to_one(model.HoursBooking.delivery_id)


@node(
    model.TaskLink,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={"unlink_task": ("unlink", policy.may_unlink)},
)
class TaskLink:
    """A task does what a pledge of its organization promised: its hours are delivered there."""

    minutes_a_unit: int
    state: model.TaskLinkState
    state_reason: str | None = classified(
        model.TaskLink.state_reason, allowed=policy.may_read_words
    )
    version: int
    created_at: datetime
    task: VolunteerTask | None = to_one(model.TaskLink.task_id)
    pledge: Pledge | None = to_one(model.TaskLink.pledge_id)
    line: NeedLine | None = to_one(model.TaskLink.line_id)
    need: Need | None = to_one(model.TaskLink.need_id)
    organization: Organization | None = to_one(model.TaskLink.organization_id)
    bookings: Connection[HoursBooking] = to_many(model.HoursBooking.link_id, order=NEWEST)


@extend(Pledge)
class PledgeTasks:
    task_links: Connection[TaskLink] = to_many(model.TaskLink.pledge_id, order=NEWEST)


@extend(VolunteerTask)
class TaskPledges:
    links: Connection[TaskLink] = to_many(
        model.TaskLink.task_id, order=NEWEST, about="The pledges it works on, as far as you see."
    )


@extend(ServiceRecord)
class RecordBookings:
    bookings: Connection[HoursBooking] = to_many(
        model.HoursBooking.record_id, order=NEWEST, about="To which needs its minutes went."
    )


TaskLinkResult = result("TaskLink", TaskLink)


@strawberry.input
class PledgeStationHelpInput:
    line_id: strawberry.ID
    quantity: Decimal
    planned_on: date | None = None
    idempotency_key: str


@mutation(PledgeResult)
async def pledge_station_help(act, input: PledgeStationHelpInput):  # type: ignore[no-untyped-def]
    """Take up hours or services of a line for your station. Another organization accepts it."""
    return await operations.pledge_station_help(
        act,
        decode(input.line_id, "NeedLine"),
        quantity=input.quantity,
        planned_on=input.planned_on,
    )


@strawberry.input
class LinkTaskInput:
    """`minutesAUnit` where the line counts services: how long one is; 60 if left out."""

    task_id: strawberry.ID
    pledge_id: strawberry.ID
    minutes_a_unit: int | None = None
    idempotency_key: str


@mutation(TaskLinkResult)
async def link_task(act, input: LinkTaskInput):  # type: ignore[no-untyped-def]
    """Let a task do what your organization pledged: its effective hours become deliveries."""
    return await operations.link_task(
        act,
        decode(input.task_id, "VolunteerTask"),
        pledge_id=decode(input.pledge_id, "Pledge"),
        minutes_a_unit=input.minutes_a_unit,
    )


transition(
    "unlink_task",
    TaskLinkResult,
    operations.unlink_task,
    "The task works on the pledge no longer, with a reason. What was delivered stays.",
)
