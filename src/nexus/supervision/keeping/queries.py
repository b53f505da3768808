"""Hours, certificates and hours on pledges, recomputed (INV-01, 18, 19, 27, 31, 32, 33)."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from nexus.matching.pledges.model import Delivery, DeliveryState, Pledge
from nexus.matching.tasks.model import HoursBooking, TaskLink, TaskLinkState
from nexus.matching.tasks.queries import TAKING
from nexus.needs.model import NeedLine
from nexus.supervision.ledger.queries import finding
from nexus.volunteering.certificates.model import Certificate, CertificateLine, CertificateState
from nexus.volunteering.hours.model import (
    BY_HAND,
    COUNTING,
    LIVE,
    PAIRS_A_DAY,
    PENDING,
    CheckIn,
    CheckInState,
    DayTier,
    HoursSource,
    RecordState,
    ServiceRecord,
)
from nexus.volunteering.tasks.model import TaskState, VolunteerTask

_GONE = (RecordState.CORRECTED, RecordState.REVOKED)
_SETTLED = timedelta(hours=1)
"""By then the news of a record's end, or of its effect, has been heard."""


def _one_place_at_a_time() -> Select[Any]:
    other = aliased(ServiceRecord)
    row = ServiceRecord
    return finding(row.id, "another record has some of its time").join(
        other,
        and_(
            other.volunteer_id == row.volunteer_id,
            other.id > row.id,
            other.state.in_(LIVE),
            row.state.in_(LIVE),
            other.started_at < row.ended_at,
            row.started_at < other.ended_at,
        ),
    )


def _minutes() -> Select[Any]:
    """No more than lie between its times, nor than its pair has."""
    row, pair = ServiceRecord, CheckIn
    seconds = func.extract("epoch", row.ended_at - row.started_at)
    outside = or_(row.started_at < pair.checked_in_at, row.ended_at > pair.checked_out_at)
    return (
        finding(row.id, "it has more minutes than were served", minutes=row.minutes)
        .join(pair, pair.id == row.check_in_id, isouter=True)
        .where(or_(row.minutes > func.floor(seconds / 60), outside))
    )


def _pairs() -> Select[Any]:
    row = CheckIn
    return (
        finding(row.task_id, "somebody has too many pairs there on one day", pairs=func.count())
        .group_by(row.task_id, row.volunteer_id, row.day_on)
        .having(func.count() > PAIRS_A_DAY)
    )


def _makeup_in_its_task() -> Select[Any]:
    row, task = ServiceRecord, VolunteerTask
    return (
        finding(row.id, "entered by hand, it lies outside its task")
        .join(task, task.id == row.task_id)
        .where(
            row.source == HoursSource.MANUAL_MAKEUP,
            row.corrects_id.is_(None),
            row.state.in_(LIVE),
            or_(row.started_at < task.starts_at, row.ended_at > task.ends_at),
        )
    )


def _second_person() -> Select[Any]:
    row = ServiceRecord
    alone = and_(row.source.in_(BY_HAND), row.state.in_(COUNTING), row.decided_by.is_(None))
    return finding(row.id, "nobody but its recorder decided on it").where(
        or_(alone, row.decided_by == row.recorded_by)
    )


def _tier() -> Select[Any]:
    row = ServiceRecord
    asked = case(
        (row.day_minutes > row.province_over, DayTier.PROVINCE.value),
        (row.day_minutes > row.parent_over, DayTier.PARENT.value),
        else_=DayTier.NONE.value,
    )
    counts = row.state.in_(COUNTING)
    undecided = and_(counts, row.tier != DayTier.NONE, row.decided_by.is_(None))
    return finding(row.id, "its day asked for another decision", day=row.day_minutes).where(
        or_(row.tier != asked, and_(counts, row.tier.is_(None)), undecided)
    )


def _day_was_judged() -> Select[Any]:
    """What counts on a day was all there when one of its records was judged."""
    row = ServiceRecord
    total, judged = func.sum(row.minutes), func.max(row.day_minutes)
    return (
        finding(row.volunteer_id, "a day counts more than was judged", minutes=total, judged=judged)
        .where(row.state.in_(COUNTING))
        .group_by(row.volunteer_id, row.day_on)
        .having(total > judged)
    )


def _total() -> Select[Any]:
    row, line = Certificate, CertificateLine
    total = func.coalesce(func.sum(line.minutes), 0)
    return (
        finding(row.id, "its total is not that of its lines", total=row.total_minutes, lines=total)
        .join(line, line.certificate_id == row.id, isouter=True)
        .group_by(row.id)
        .having(or_(total != row.total_minutes, func.count(line.record_id) != row.line_count))
    )


def _lines() -> Select[Any]:
    row, line, record = Certificate, CertificateLine, ServiceRecord
    return (
        finding(row.id, "it shows what its issuer did not record so")
        .join(line, line.certificate_id == row.id)
        .join(record, record.id == line.record_id)
        .where(
            or_(
                record.organization_id != row.organization_id,
                record.volunteer_id != row.volunteer_id,
                record.minutes != line.minutes,
                record.day_on != line.day_on,
                line.day_on < row.from_on,
                line.day_on >= row.until_on,
            )
        )
    )


def _marked() -> Select[Any]:
    row, line, record = Certificate, CertificateLine, ServiceRecord
    return (
        finding(row.id, "a record on it was revoked or corrected, and it says nothing")
        .join(line, line.certificate_id == row.id)
        .join(record, record.id == line.record_id)
        .where(
            row.state.in_((CertificateState.PREPARED, CertificateState.ISSUED)),
            record.state.in_((*_GONE, RecordState.REJECTED)),
        )
    )


def _in_charge() -> Select[Any]:
    return finding(Certificate.id, "its handler issued it").where(
        Certificate.issued_by == Certificate.prepared_by
    )


def _settled() -> Select[Any]:
    task, row, pair = VolunteerTask, ServiceRecord, CheckIn
    waits = exists().where(
        row.task_id == task.id, row.state.in_(PENDING), row.corrects_id.is_(None)
    )
    there = exists().where(pair.task_id == task.id, pair.state == CheckInState.OPEN)
    return finding(task.id, "its hours were confirmed, and some are open").where(
        task.state.in_((TaskState.HOURS_CONFIRMED, TaskState.CLOSED)), or_(waits, there)
    )


def _booked_once() -> Select[Any]:
    row, booking = ServiceRecord, HoursBooking
    booked = func.sum(booking.minutes)
    return (
        finding(row.id, "more minutes are booked than it has", minutes=row.minutes, booked=booked)
        .join(booking, booking.record_id == row.id)
        .group_by(row.id)
        .having(booked > row.minutes)
    )


def _booked_as_delivered() -> Select[Any]:
    booking, link, delivery = HoursBooking, TaskLink, Delivery
    return (
        finding(booking.id, "its delivery is not of its pledge and quantity")
        .join(link, link.id == booking.link_id)
        .join(delivery, delivery.id == booking.delivery_id)
        .where(or_(delivery.pledge_id != link.pledge_id, delivery.quantity != booking.quantity))
    )


def _taken_back() -> Select[Any]:
    row, booking, delivery = ServiceRecord, HoursBooking, Delivery
    return (
        finding(row.id, "it counts no longer, and what it delivered stands unconfirmed")
        .join(booking, booking.record_id == row.id)
        .join(delivery, delivery.id == booking.delivery_id)
        .where(
            row.state.in_(_GONE),
            row.closed_at < func.now() - _SETTLED,
            delivery.state.in_((DeliveryState.RECORDED, DeliveryState.DISPUTED)),
        )
    )


def _reaches_its_need() -> Select[Any]:
    """Effective, on a task that works on a pledge whose need takes help, and booked nowhere."""
    row, link = ServiceRecord, TaskLink
    waits = (
        select(link.id)
        .join(NeedLine, NeedLine.id == link.line_id)
        .join(Pledge, Pledge.id == link.pledge_id)
        .where(
            link.task_id == row.task_id,
            link.state == TaskLinkState.LINKED,
            link.created_at < func.now() - _SETTLED,
            NeedLine.published,
            Pledge.state.in_(TAKING),
        )
        .correlate(row)
    )
    return finding(row.id, "its hours reached no need").where(
        row.state.in_(COUNTING),
        row.created_at < func.now() - _SETTLED,
        waits.exists(),
        ~exists().where(HoursBooking.record_id == row.id),
    )


CHECKS: dict[str, Select[Any]] = {
    "INV-01 booked hours are delivered": _booked_as_delivered(),
    "INV-18 certificate has a second person": _in_charge(),
    "INV-19 hours of a confirmed task are settled": _settled(),
    "INV-21 ended hours are taken back": _taken_back(),
    "INV-27 hours are booked once": _booked_once(),
    "INV-27 hours reach their need": _reaches_its_need(),
    "INV-31 no two service records at once": _one_place_at_a_time(),
    "INV-32 minutes were served": _minutes(),
    "INV-32 three pairs a day": _pairs(),
    "INV-32 time by hand within its task": _makeup_in_its_task(),
    "INV-32 time by hand has a second person": _second_person(),
    "INV-32 tier of the day": _tier(),
    "INV-32 day was judged whole": _day_was_judged(),
    "INV-33 certificate equals its lines": _total(),
    "INV-33 certificate shows its issuer's records": _lines(),
    "INV-33 ended record marks the certificate": _marked(),
}
