"""Check-ins and service records in the graph."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Numeric, Uuid, cast, func
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_least,
    at_most,
    classified,
    collection,
    computed,
    extend,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.filters import FilterField
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Filter, Order
from nexus.organizations.graphql import Organization
from nexus.volunteering.graphql import Volunteer
from nexus.volunteering.hours import model, operations, policy
from nexus.volunteering.hours.rules import HoursOverlap
from nexus.volunteering.tasks.graphql import VolunteerTask

register_enums(model.CheckInState, model.RecordState, model.DayTier, model.HoursSource)
NEWEST = Order(("created_at",), descending=True)
guard(
    "inv_19_hours_settled",
    "Hours of this task still wait for a decision, or somebody has not checked out: "
    "serviceRecords and checkIns list them.",
    rule="INV-19",
)
guard(
    "ex_service_record_inv_31_overlap",
    "The volunteer's time is taken there by another record: correct the times.",
    kind=HoursOverlap,
    rule="INV-31",
)
guard(
    "uq_check_in_open",
    "The volunteer has checked in and not out: check out there first.",
    kind=HoursOverlap,
    rule="INV-31",
)


def of(attribute: Any, type_name: str) -> FilterField:
    """Rows whose key column points at one of these global ids; a foreign id matches nothing."""
    name = attribute.key

    def keys(ids: list[str]) -> list[UUID]:
        return [decode(one, type_name) for one in ids]

    spec = Filter(lambda row, value: getattr(row, name) == value.any_(), ARRAY(Uuid()), keys)
    return FilterField(list[strawberry.ID], spec)


@node(Event, visible=policy.event_visible)
class ServiceRecordEvent:
    """What happened to a service record."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.CheckIn,
    visible=policy.visible,
    transitions=model.CHECK_IN_TRANSITIONS,
    actions={"check_out": ("check_out", policy.may_check_out)},
)
class CheckIn:
    """One coming of a volunteer to a task, and their going."""

    day_on: date
    pair: int
    checked_in_at: datetime
    in_source: model.HoursSource
    in_area: Area | None = to_one(model.CheckIn.in_area_code)
    checked_out_at: datetime | None
    out_source: model.HoursSource | None
    out_area: Area | None = to_one(model.CheckIn.out_area_code)
    state: model.CheckInState
    version: int
    volunteer: Volunteer | None = to_one(model.CheckIn.volunteer_id)
    task: VolunteerTask | None = to_one(model.CheckIn.task_id)
    organization: Organization | None = to_one(model.CheckIn.organization_id)


@node(
    model.ServiceRecord,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "confirm_hours": ("confirm", policy.may_confirm),
        "approve_hours": ("approve", policy.may_approve),
        "approve_long_day": ("approve_long_day", policy.may_approve_long_day),
        "reject_hours": ("reject", policy.may_reject),
        "dispute_hours": ("dispute", policy.may_dispute),
        "uphold_hours": ("uphold", policy.may_uphold),
        "correct_hours": ("correct", policy.may_correct),
        "revoke_hours": ("revoke", policy.may_revoke),
    },
)
class ServiceRecord:
    """Minutes that one volunteer served at one task on one day, with their source.

    `tier` says what the day's total asked for when it was judged: up to 8 hours nothing, up to 12
    the parent organization's word, above that the province's.
    """

    no: str
    source: model.HoursSource
    day_on: date
    started_at: datetime
    ended_at: datetime
    minutes: int
    hours: Decimal = computed(
        lambda actor, row: func.trunc(cast(row.minutes, Numeric) / 60, 2, type_=Numeric()),
        about="With two decimals, the rest cut off.",
    )
    tier: model.DayTier | None
    day_minutes: int | None
    rule: str | None
    evidence: JSON | None = classified(model.ServiceRecord.evidence, allowed=policy.may_read_words)
    state: model.RecordState
    state_reason: str | None = classified(
        model.ServiceRecord.state_reason, allowed=policy.may_read_words
    )
    decided_at: datetime | None
    closed_at: datetime | None
    version: int
    created_at: datetime
    recorded_by: Account | None = to_one(model.ServiceRecord.recorded_by)
    decided_by: Account | None = to_one(model.ServiceRecord.decided_by)
    volunteer: Volunteer | None = to_one(model.ServiceRecord.volunteer_id)
    task: VolunteerTask | None = to_one(model.ServiceRecord.task_id)
    organization: Organization | None = to_one(
        model.ServiceRecord.organization_id, about="The recorder; only it certifies."
    )
    check_in: CheckIn | None = to_one(model.ServiceRecord.check_in_id)
    corrects: "ServiceRecord | None" = to_one(
        model.ServiceRecord.corrects_id, about="The wrong record in whose place it stands."
    )
    history: Connection[ServiceRecordEvent] = to_many(Event.object_id, order=Order(("position",)))


@extend(Volunteer)
class VolunteerHours:
    service_records: Connection[ServiceRecord] = to_many(
        model.ServiceRecord.volunteer_id, order=NEWEST
    )


@extend(VolunteerTask)
class TaskHours:
    check_ins: Connection[CheckIn] = to_many(
        model.CheckIn.task_id, order=Order(("checked_in_at",), descending=True)
    )
    service_records: Connection[ServiceRecord] = to_many(model.ServiceRecord.task_id, order=NEWEST)


@query
class HoursQuery:
    service_records: Connection[ServiceRecord] = collection(
        "ServiceRecord",
        orders={"NEWEST": NEWEST, "OLDEST": Order(("created_at",))},
        filters={
            "state": any_of(model.ServiceRecord.state),
            "source": any_of(model.ServiceRecord.source),
            "volunteer": of(model.ServiceRecord.volunteer_id, "Volunteer"),
            "task": of(model.ServiceRecord.task_id, "VolunteerTask"),
            "organization": of(model.ServiceRecord.organization_id, "Organization"),
            "from_day": at_least(model.ServiceRecord.day_on, date),
            "until_day": at_most(model.ServiceRecord.day_on, date),
        },
        about="Hours: your own, your organization's, or your territory's.",
    )


CheckInResult = result("CheckIn", CheckIn)


@strawberry.input
class CheckInInput:
    """A volunteer gives the code, or at a large task the town; an organizer the volunteer."""

    task_id: strawberry.ID
    volunteer_id: strawberry.ID | None = None
    code: str | None = None
    area: str | None = strawberry.field(
        default=None, description="The town one is in; no finer place is kept."
    )
    idempotency_key: str


@mutation(CheckInResult)
async def check_in(act, input: CheckInInput):  # type: ignore[no-untyped-def]
    """A volunteer has come to a task."""
    return await operations.check_in(
        act,
        decode(input.task_id, "VolunteerTask"),
        volunteer_id=decode_given(input.volunteer_id, "Volunteer"),
        code=input.code,
        area=input.area,
    )


@strawberry.input
class CheckOutInput:
    id: strawberry.ID
    expected_version: int
    code: str | None = None
    area: str | None = None
    idempotency_key: str


@mutation(CheckInResult)
async def check_out(act, input: CheckOutInput):  # type: ignore[no-untyped-def]
    """The volunteer goes: the minutes are recorded and count, or wait for who decides."""
    return await operations.check_out(
        act,
        decode(input.id, "CheckIn"),
        expected_version=input.expected_version,
        code=input.code,
        area=input.area,
    )
