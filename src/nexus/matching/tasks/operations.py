"""Tying a task to a pledge, and booking each effective minute once (T20a, INV-01)."""

from datetime import date, datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.refusals import GuardFailed, NotFound
from nexus.core.texts import check_reason
from nexus.matching.deliveries.operations import deliver, take_back
from nexus.matching.helped.operations import check_not_already_helped
from nexus.matching.pledges import policy as pledge_policy
from nexus.matching.pledges.model import DELIVERY_TRANSITIONS, DeliveryState, Pledge
from nexus.matching.pledges.operations import book, draw_up
from nexus.matching.pledges.queries import lock_counters, pledge_ground
from nexus.matching.pledges.rules import check_ground, check_planned, check_quantity
from nexus.matching.tasks import model, policy, queries, rules
from nexus.matching.tasks.model import HoursBooking, TaskLink
from nexus.needs.model import NeedLine
from nexus.needs.policy import line_visible
from nexus.volunteering.hours.model import COUNTING, RecordState, ServiceRecord
from nexus.volunteering.tasks.model import TaskState, VolunteerTask
from nexus.volunteering.tasks.queries import share_task

OVER = (TaskState.CLOSED, TaskState.CANCELLED)
GONE = (RecordState.REVOKED, RecordState.CORRECTED)


async def pledge_station_help(
    act: Act, line_id: UUID, *, quantity: Decimal, planned_on: date | None = None
) -> Pledge:
    """A station takes up hours or services of a published line, as a charity takes up goods.

    Somebody of another organization accepts it (INV-18); its task is tied to it after that.
    """
    line = await act.find(NeedLine, line_id, visible=line_visible)
    act.permit(policy.may_pledge_help, line)
    ground = await pledge_ground(act, line_id, None)
    if ground is None:
        raise NotFound("No such NeedLine, or it is not yours to see.")
    rules.check_kind(ground.kind)
    quantity = check_quantity(quantity)
    check_planned(planned_on, act.actor.today())
    check_ground(ground, quantity, None, act.actor.today())
    pledge = draw_up(
        act,
        ground,
        line_id=line_id,
        override_id=await check_not_already_helped(act, line_id, ground, quantity),
        quantity=quantity,
        amount_fen=None,
        planned_on=planned_on,
        note=None,
    )
    await book(act, pledge, number=f"P-{ground.shown_area_code}-{act.now.year}-")
    return pledge


async def link_task(
    act: Act, task_id: UUID, *, pledge_id: UUID, minutes_a_unit: int | None = None
) -> TaskLink:
    """A task of the pledge's own organization does what the pledge promised.

    From now on its effective hours become deliveries on the pledge, also those served before.
    """
    pledge = await act.take(Pledge, pledge_id, visible=pledge_policy.visible)
    act.permit(policy.may_link, pledge)
    task = await share_task(act, task_id)
    await _check_tie(act, task, pledge)
    line = await act.session.get_one(NeedLine, pledge.line_id)
    rules.check_kind(line.kind.value)
    row = TaskLink(
        id=act.row_id,
        task_id=task.id,
        pledge_id=pledge.id,
        line_id=pledge.line_id,
        need_id=pledge.need_id,
        organization_id=pledge.organization_id,
        minutes_a_unit=rules.check_minutes_a_unit(line.unit, minutes_a_unit),
        state=model.TaskLinkState.LINKED,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "task_link.created", row, task_id=task.id, pledge_id=pledge.id, need_id=pledge.need_id
    )
    return row


async def _check_tie(act: Act, task: VolunteerTask, pledge: Pledge) -> None:
    """Task and pledge are of one organization and not over, and nothing else works on it."""
    if task.organization_id != pledge.organization_id or task.state in OVER:
        raise GuardFailed(
            "A pledge is worked on by a task of its own organization that is not over.",
            rule="task_of_the_pledge",
            field="taskId",
            state=task.state.name,
        )
    if pledge.state not in queries.TAKING:
        raise GuardFailed(
            f"The pledge is {pledge.state.value}: tie a task to one that is accepted.",
            rule="INV-19",
            field="pledgeId",
            state=pledge.state.name,
        )
    if await queries.live_link(act.session, pledge.id) is not None:
        raise GuardFailed(
            "A task works on this pledge already: unlink it first.", rule="one_task_a_pledge"
        )


async def unlink_task(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> TaskLink:
    """The task works on the pledge no longer, with a reason; what was delivered stays."""
    row = await act.take(
        TaskLink, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_unlink, row)
    model.TRANSITIONS.after("unlink", row.state)
    row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, "unlink")
    act.record("task_link.ended", row, task_id=row.task_id, pledge_id=row.pledge_id)
    return row


async def book_hours(act: Act, record_id: UUID) -> int:
    """Book a record's minutes on the pledges its task works on; how many bookings.

    Once: the record's lock and its bookings say so. What no pledge owes is surplus (INV-01). None
    while one of the needs is not published: its help is frozen, and the clock comes again.
    """
    record = await queries.take_record(act.session, record_id)
    if record is None or record.state not in COUNTING:
        return 0
    if await queries.is_booked(act.session, record.id):
        return 0
    found = await queries.take_links(act.session, record.task_id)
    allocations = await queries.allocations_of(act.session, [pledge for _, pledge, _ in found])
    open_ = {
        pledge.id: allocations[pledge.id].committed
        if pledge.state in queries.TAKING
        else Decimal(0)
        for _, pledge, _ in found
    }
    if not found or any(open_[pledge.id] and not published for _, pledge, published in found):
        return 0
    await lock_counters(act.session, [pledge for _, pledge, _ in found])
    parts, left = rules.shares(
        record.minutes, [(link.minutes_a_unit, open_[pledge.id]) for link, pledge, _ in found]
    )
    place = 0
    for (link, pledge, _), part in zip(found, parts, strict=True):
        if part.quantity:
            place += 1
            await _deliver(act, record, link, pledge, part, place)
    if left:
        place += 1
        await _set_down(act, record, found[-1][0], left, place)
    return place


async def _deliver(
    act: Act,
    record: ServiceRecord,
    link: TaskLink,
    pledge: Pledge,
    part: rules.Share,
    place: int,
) -> None:
    row = await deliver(
        act,
        pledge,
        quantity=part.quantity,
        delivered_on=record.day_on,
        evidence={"service_record": record.no, "task_link": str(link.id)},
    )
    await _write(act, record, link, part, place, delivery_id=row.id)


async def _set_down(
    act: Act, record: ServiceRecord, link: TaskLink, minutes: int, place: int
) -> None:
    """Surplus: served, and asked for by nobody."""
    part = rules.Share(minutes, rules.units(minutes, link.minutes_a_unit))
    await _write(act, record, link, part, place, delivery_id=None)


async def _write(
    act: Act,
    record: ServiceRecord,
    link: TaskLink,
    part: rules.Share,
    place: int,
    *,
    delivery_id: UUID | None,
) -> None:
    row = HoursBooking(
        record_id=record.id,
        place=place,
        link_id=link.id,
        delivery_id=delivery_id,
        minutes=part.minutes,
        quantity=part.quantity,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    kind = "hours_booking.delivered" if delivery_id else "hours_booking.surplus"
    act.record(
        kind,
        row,
        record_id=record.id,
        task_id=record.task_id,
        delivery_id=delivery_id,
        need_id=link.need_id,
        minutes=part.minutes,
    )


async def take_hours_back(act: Act, record_id: UUID) -> int:
    """A record counts no longer: what it delivered is reversed, as far as nobody confirmed it.

    What the recipient confirmed did arrive, and stays.
    """
    record = await queries.take_record(act.session, record_id)
    if record is None or record.state not in GONE:
        return 0
    reversed_ = 0
    for row in await queries.take_deliveries(act.session, record.id):
        if row.state is DeliveryState.RECORDED:
            act.move(row, DELIVERY_TRANSITIONS, "dispute")
            row.state_reason = f"record_{record.state.value}"
            act.record("delivery.disputed", row)
        if row.state is DeliveryState.DISPUTED:
            await take_back(act, row, f"record_{record.state.value}")
            reversed_ += 1
    return reversed_


async def book_due_hours(session: AsyncSession, now: datetime, *, limit: int = 100) -> int:
    """A clock: book what waited for its need to be published again; how many records.

    The caller commits.
    """
    act = Act(session, system(now))
    due = (await session.scalars(queries.unbooked(limit))).all()
    return sum([bool(await book_hours(act, record_id)) for record_id in due])
