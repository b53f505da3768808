"""Hours, certificates and hours on pledges of one place, in every state that a deed starts from."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select

from nexus.acting import SHANGHAI
from nexus.core.ids import new_id
from nexus.matching.tasks.model import HoursBooking, TaskLink
from nexus.needs.model import NeedKind, NeedLine
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.volunteering.certificates.model import CertificatePaper, CertificateState
from nexus.volunteering.hours.model import (
    CheckInState,
    HoursSource,
    RecordState,
    ServiceRecord,
)
from nexus.volunteering.tasks.model import CheckInMode, SignupState, TaskPosition, TaskState
from tests.house.matrix_world import Place
from tests.making import Maker, now
from tests.volunteering import keeping, made


def day_of(moment: datetime) -> date:
    """The business day."""
    return moment.astimezone(SHANGHAI).date()


MakeEvent = Callable[..., Awaitable[Any]]
RECORDS = {
    "": RecordState.EFFECTIVE,
    "/recorded": RecordState.RECORDED,
    "/parent": RecordState.PENDING_PARENT,
    "/province": RecordState.PENDING_PROVINCE,
    "/disputed": RecordState.DISPUTED,
}


async def keep_hours(m: Maker, place: Place, event: MakeEvent) -> None:
    """A pair at a large task, records by day, a certificate, and hours on a pledge."""
    await _pair(m, place)
    task = place["VolunteerTask/past"]
    for days, (key, state) in enumerate(RECORDS.items(), 10):
        place.rows[f"ServiceRecord{key}"] = await keeping.record(
            m,
            task,
            place["Volunteer"],
            state,
            started_at=keeping.morning(days),
            evidence={"sheet": place.says("ServiceRecord.evidence")},
            state_reason=place.says("ServiceRecord.stateReason"),
            **(
                {"recorded_by": place.clerk.id, "decided_by": place.giver.id}
                if state is RecordState.EFFECTIVE
                else {}
            ),
        )
    record = place["ServiceRecord"]
    await _second(m, place, record)
    place.rows["ServiceRecordEvent"] = await event(m, place, "service_record.effective", record)
    await _certificates(m, place, event)
    await _on_a_pledge(m, place)


async def _second(m: Maker, place: Place, first: ServiceRecord) -> None:
    """A record of a pair that has ended, in the place of another; the pairs are of the helper."""
    position = await m.session.get_one(TaskPosition, place["CheckIn/position"].id)
    came = now() - timedelta(minutes=40)
    if day_of(came + timedelta(minutes=20)) != day_of(came):
        came -= timedelta(minutes=20)
    pair = place.rows["CheckIn/closed"] = await keeping.check_in(
        m,
        place["VolunteerTask/large"],
        position,
        place["Volunteer/helper"],
        CheckInState.CLOSED,
        checked_in_at=came,
        in_source=HoursSource.SELF_LOCATION,
        in_area_code=place.town,
        out_area_code=place.town,
    )
    assert pair.checked_out_at is not None
    wrong = await keeping.record(
        m, place["VolunteerTask/large"], place["Volunteer/helper"], RecordState.REJECTED
    )
    place.rows["ServiceRecord/second"] = await keeping.record(
        m,
        place["VolunteerTask/large"],
        place["Volunteer/helper"],
        started_at=pair.checked_in_at,
        ended_at=pair.checked_out_at,
        minutes=19,
        check_in_id=pair.id,
        corrects_id=wrong.id,
    )


async def _pair(m: Maker, place: Place) -> None:
    home = place.authority if place.side == "need" else place.charity
    start = now() - timedelta(hours=1)
    task = await made.task(
        m,
        home,
        state=TaskState.IN_PROGRESS,
        area_code=place.town,
        starts_at=start,
        ends_at=start + timedelta(hours=9),
        expected=100,
        category="community",
        check_in_mode=CheckInMode.SELF_LOCATION,
        created_by=place.staff.id,
    )
    place.rows["VolunteerTask/large"] = task
    position = await m.session.scalar(select(TaskPosition).where(TaskPosition.task_id == task.id))
    assert position is not None
    place.rows["CheckIn/position"] = position
    there = await made.signup(m, position, place["Volunteer"], state=SignupState.ATTENDED)
    place.rows["CheckIn"] = await keeping.check_in(
        m,
        task,
        position,
        place["Volunteer"],
        signup_id=there.id,
        in_source=HoursSource.SELF_LOCATION,
        in_area_code=place.town,
    )


async def _certificates(m: Maker, place: Place, event: MakeEvent) -> None:
    why = {"state_reason": place.says("Certificate.stateReason")}
    place.rows["Certificate"] = row = await keeping.certificate(m, place["ServiceRecord"], **why)
    place.rows["CertificateEvent"] = await event(m, place, "certificate.issued", row)
    helped = await keeping.record(
        m,
        place["VolunteerTask/past"],
        place["Volunteer/helper"],
        started_at=keeping.morning(10),
    )
    place.rows["Certificate/prepared"] = await keeping.certificate(
        m, helped, CertificateState.PREPARED
    )
    asked = insert(ContactReveal).values(
        id=new_id(),
        contact_id=place["Volunteer"].contact_id,
        purpose="DELIV",
        account_id=place.staff.id,
    )
    place.rows["Certificate/second"] = await keeping.certificate(
        m, place["ServiceRecord"], supersedes_id=row.id, **why
    )
    reveal_id = (await m.session.execute(asked.returning(ContactReveal.id))).scalar_one()
    place.rows["CertificatePaper"] = paper = CertificatePaper(
        certificate_id=row.id,
        reveal_id=reveal_id,
        account_id=place.staff.id,
        link="/papers/made",
        expires_at=now() + timedelta(minutes=5),
        created_at=now(),
    )
    await m.put(paper)


async def _on_a_pledge(m: Maker, place: Place) -> None:
    pledge = place["Pledge/offered"]
    place.rows["TaskLink"] = link = TaskLink(
        task_id=place["VolunteerTask/now"].id,
        pledge_id=pledge.id,
        line_id=pledge.line_id,
        need_id=pledge.need_id,
        organization_id=pledge.organization_id,
        minutes_a_unit=60,
        state_reason=place.says("TaskLink.stateReason"),
        created_at=now(),
        created_by=place.staff.id,
    )
    await m.put(link)
    place.rows["HoursBooking"] = booking = HoursBooking(
        record_id=place["ServiceRecord"].id,
        place=1,
        link_id=link.id,
        delivery_id=place["Delivery"].id,
        minutes=60,
        quantity=Decimal(1),
        created_at=now(),
    )
    await m.put(booking)
    line = place["NeedLine"]
    place.rows["NeedLine/hours"] = wanted = NeedLine(
        id=new_id(),
        need_id=line.need_id,
        position=99,
        kind=NeedKind.HOURS,
        category=line.category,
        item="陪伴",
        quantity_required=Decimal(10),
        unit="HUR",
        area_code=line.area_code,
        published=line.published,
    )
    await m.put(wanted)
