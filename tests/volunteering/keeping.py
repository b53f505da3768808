"""Hours and certificates for tests: rows that were kept as the deeds keep them."""

from datetime import date, datetime, timedelta
from typing import Any

from nexus.acting import SHANGHAI
from nexus.core.ids import new_id
from nexus.organizations.model import Organization
from nexus.volunteering.certificates import rules as certificate_rules
from nexus.volunteering.certificates.model import Certificate, CertificateLine, CertificateState
from nexus.volunteering.hours.model import (
    CheckIn,
    CheckInState,
    DayTier,
    HoursSource,
    RecordState,
    ServiceRecord,
)
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks.model import SignupState, TaskPosition, TaskState, VolunteerTask
from tests.making import Maker, now, number, today
from tests.volunteering import made

CLOSED = (RecordState.REJECTED, RecordState.CORRECTED, RecordState.REVOKED)
TIERS = {RecordState.PENDING_PARENT: DayTier.PARENT, RecordState.PENDING_PROVINCE: DayTier.PROVINCE}


def morning(days_ago: int = 3, hour: int = 8) -> datetime:
    """An hour of a past day in Shanghai."""
    day = today() - timedelta(days=days_ago)
    return datetime.combine(day, datetime.min.time(), SHANGHAI) + timedelta(hours=hour)


async def task(m: Maker, organization: Organization | None = None, **given: Any) -> VolunteerTask:
    """It ended two days ago, after a whole day's work, and takes hours."""
    values: dict[str, Any] = {
        "starts_at": morning(3, 0),
        "ends_at": morning(2, 0),
        "state": TaskState.ENDED,
        "published_at": morning(9),
    }
    return await made.task(m, organization, **(values | given))


async def running(m: Maker, organization: Organization | None = None, **given: Any) -> Any:
    """A task that goes on now, since an hour ago, with its position."""
    start = now() - timedelta(hours=1)
    values: dict[str, Any] = {
        "starts_at": start,
        "ends_at": start + timedelta(hours=20),
        "state": TaskState.IN_PROGRESS,
    }
    row = await made.task(m, organization, positions=(), **(values | given))
    return row, await made.position(m, row, slots=200)


async def signed_up(m: Maker, row: VolunteerTask, person: Volunteer) -> None:
    """The volunteer was at the task."""
    position = await made.position(m, row, position=new_place())
    await made.signup(m, position, person, state=SignupState.NO_SHOW)


_PLACES = iter(range(1000, 100_000))


def new_place() -> int:
    """A place among the positions of a task that no other has."""
    return next(_PLACES)


async def record(
    m: Maker,
    row: VolunteerTask | None = None,
    person: Volunteer | None = None,
    state: RecordState | str = RecordState.EFFECTIVE,
    **given: Any,
) -> ServiceRecord:
    """Two hours by hand at eight in the morning, with all that the state asks for."""
    state = RecordState(state)
    row = row or await task(m)
    person = person or await made.volunteer(m)
    tier = TIERS.get(state, DayTier.NONE)
    minutes = given.get("minutes", 120)
    begun = given.get("started_at", morning())
    values: dict[str, Any] = {
        "no": number("SR"),
        "volunteer_id": person.id,
        "task_id": row.id,
        "organization_id": row.organization_id,
        "parent_organization_id": row.parent_organization_id,
        "area_code": row.area_code,
        "source": HoursSource.MANUAL_MAKEUP,
        "day_on": begun.astimezone(SHANGHAI).date(),
        "started_at": begun,
        "ended_at": begun + timedelta(minutes=minutes),
        "minutes": minutes,
        "recorded_by": new_id(),
        "state": state,
        "state_reason": "made",
        "created_at": now(),
    } | given
    if state is not RecordState.RECORDED:
        judged = {DayTier.NONE: minutes, DayTier.PARENT: 540, DayTier.PROVINCE: 800}[tier]
        values |= {
            "tier": tier,
            "day_minutes": judged,
            "parent_over": 480,
            "province_over": 720,
            "rule": "made",
            "decided_by": new_id(),
            "decided_at": now(),
        }
        values |= given
    if state is RecordState.DISPUTED:
        values.setdefault("disputed_by", new_id())
    if state in CLOSED:
        values.setdefault("closed_at", now())
    found = ServiceRecord(**values)
    await m.put(found)
    return found


async def check_in(
    m: Maker,
    row: VolunteerTask,
    position: TaskPosition,
    person: Volunteer,
    state: CheckInState | str = CheckInState.OPEN,
    **given: Any,
) -> CheckIn:
    """Half an hour ago, ticked off by the organizer."""
    state = CheckInState(state)
    if "signup_id" not in given:
        there = await made.signup(m, position, person, state=SignupState.ATTENDED)
        given = given | {"signup_id": there.id}
    came = given.get("checked_in_at", now() - timedelta(minutes=30))
    values: dict[str, Any] = {
        "task_id": row.id,
        "volunteer_id": person.id,
        "organization_id": row.organization_id,
        "area_code": row.area_code,
        "day_on": came.astimezone(SHANGHAI).date(),
        "pair": 1,
        "checked_in_at": came,
        "in_source": HoursSource.SCAN,
        "checked_in_by": new_id(),
        "state": state,
    } | given
    if state is CheckInState.CLOSED:
        values |= {
            "checked_out_at": came + timedelta(minutes=20),
            "out_source": HoursSource(values["in_source"]),
            "checked_out_by": new_id(),
        }
    found = CheckIn(**values)
    await m.put(found)
    return found


async def certificate(
    m: Maker,
    served: ServiceRecord | None = None,
    state: CertificateState | str = CertificateState.ISSUED,
    **given: Any,
) -> Certificate:
    """Of one record, by its recorder."""
    state = CertificateState(state)
    served = served or await record(m)
    maker = await m.account("vol_org", organization_id=served.organization_id, area_code=None)
    day: date = served.day_on
    values: dict[str, Any] = {
        "no": number("VC"),
        "volunteer_id": served.volunteer_id,
        "organization_id": served.organization_id,
        "area_code": served.area_code,
        "from_on": day,
        "until_on": day + timedelta(days=1),
        "total_minutes": served.minutes,
        "line_count": 1,
        "prepared_by": maker.id,
        "state": state,
        "created_at": now(),
    } | given
    if state not in (CertificateState.PREPARED, CertificateState.DROPPED):
        other = await m.account("vol_org", organization_id=served.organization_id, area_code=None)
        values |= {
            "issued_at": now(),
            "issued_by": other.id,
            "code": certificate_rules.new_code(),
            "snapshot_hash": "0" * 64,
        }
    if state not in (CertificateState.PREPARED, CertificateState.ISSUED):
        values |= {"ended_at": now(), "state_reason": "made"}
    row = Certificate(**values)
    await m.put(row)
    line = CertificateLine(
        certificate_id=row.id,
        record_id=served.id,
        task_id=served.task_id,
        day_on=served.day_on,
        minutes=served.minutes,
    )
    await m.put(line)
    return row
