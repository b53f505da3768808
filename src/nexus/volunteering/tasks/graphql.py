"""Tasks, positions and sign-ups in the graph."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func

from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.casework.graphql import Station
from nexus.graph.declare import (
    Connection,
    any_of,
    at_least,
    classified,
    collection,
    computed,
    containing,
    extend,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.volunteering.graphql import Volunteer, of
from nexus.volunteering.tasks import model, policy, queries
from nexus.volunteering.tasks.rules import VolunteerBusy

register_enums(model.TaskState, model.CheckInMode, model.SignupState)
guard(
    "ex_signup_inv_31_overlap",
    "The volunteer is busy at that time: cancel the other sign-up first, or take another position.",
    kind=VolunteerBusy,
    rule="INV-31",
)
guard(
    "uq_signup_live",
    "The volunteer has signed up for this position already.",
    rule="signups.once",
)


@node(
    model.Signup,
    visible=policy.signup_visible,
    transitions=model.SIGNUP_TRANSITIONS,
    actions={
        "confirm_signup": ("confirm", policy.may_decide),
        "decline_signup": ("decline", policy.may_decide),
        "cancel_signup": ("cancel", policy.may_cancel_signup),
        "mark_attended": ("attend", policy.may_attend),
        "mark_no_show": ("miss", policy.may_attend),
    },
)
class Signup:
    """A volunteer wishes to come, in one position."""

    state: model.SignupState
    state_reason: str | None = classified(
        model.Signup.state_reason, allowed=policy.may_read_signup_reason
    )
    place: int | None
    starts_at: datetime = computed(lambda actor, row: func.lower(row.period))
    ends_at: datetime = computed(lambda actor, row: func.upper(row.period))
    passed_over_at: datetime | None
    decided_at: datetime | None
    version: int
    created_at: datetime
    task: "VolunteerTask | None" = to_one(model.Signup.task_id)
    position: "TaskPosition | None" = to_one(model.Signup.position_id)
    volunteer: Volunteer | None = to_one(model.Signup.volunteer_id)


@node(model.TaskPosition, visible=policy.position_visible)
class TaskPosition:
    """One role in a task, for the whole of it or for one shift."""

    position: int
    role: str
    slots: int
    taken: int
    free: int = computed(lambda actor, row: queries.free_slots(row))
    skills: list[str]
    trainings: list[str]
    starts_at: datetime
    ends_at: datetime
    task: "VolunteerTask | None" = to_one(model.TaskPosition.task_id)
    signups: Connection[Signup] = to_many(
        model.Signup.position_id,
        order=Order(("created_at",)),
        about="Those you may see: your own, or as the organizer all, oldest first.",
    )


def _full(actor: Actor, row: Any) -> ColumnElement[bool]:
    return queries.is_full(row)


@node(
    model.VolunteerTask,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_volunteer_task": (None, policy.may_edit),
        "submit_volunteer_task": ("submit", policy.may_manage),
        "return_volunteer_task": ("return", policy.may_publish),
        "publish_volunteer_task": ("publish", policy.may_publish),
        "open_recruitment": ("recruit", policy.may_manage),
        "change_slots": (None, policy.may_resize),
        "start_volunteer_task": ("start", policy.may_run),
        "end_volunteer_task": ("end", policy.may_run),
        "confirm_task_hours": ("confirm_hours", policy.may_manage),
        "close_volunteer_task": ("close", policy.may_manage),
        "cancel_volunteer_task": ("cancel", policy.may_manage),
        "attendance_code": (None, policy.may_show_code),
    },
)
class VolunteerTask:
    """Work for volunteers at one place; its organization records and certifies the hours."""

    no: str
    name: str
    summary: str | None
    programme: str | None
    category: str
    place: str | None = classified(
        model.VolunteerTask.place,
        allowed=policy.may_read_place,
        about="Null where it is somebody's home and you are not confirmed.",
    )
    place_public: bool
    starts_at: datetime
    ends_at: datetime
    signup_deadline_at: datetime
    expected: int
    insured: bool
    by_approval: bool
    check_in_mode: model.CheckInMode
    published_at: datetime | None
    state: model.TaskState
    full: bool = computed(_full, "It recruits, and no position has a slot left.")
    state_reason: str | None = classified(
        model.VolunteerTask.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    area: Area | None = to_one(model.VolunteerTask.area_code)
    station: Station | None = to_one(model.VolunteerTask.station_id)
    organization: Organization | None = to_one(
        model.VolunteerTask.organization_id, about="That records and certifies."
    )
    parent_organization: Organization | None = to_one(
        model.VolunteerTask.parent_organization_id,
        about="That reviews days of more than eight hours.",
    )
    positions: Connection[TaskPosition] = to_many(
        model.TaskPosition.task_id, order=Order(("position",))
    )


@extend(Volunteer)
class VolunteerSignups:
    signups: Connection[Signup] = to_many(
        model.Signup.volunteer_id, order=Order(("created_at",), descending=True)
    )


@query
class TaskQuery:
    volunteer_tasks: Connection[VolunteerTask] = collection(
        "VolunteerTask",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "SOONEST": Order(("starts_at",)),
        },
        filters={
            "state": any_of(model.VolunteerTask.state),
            "category": any_of(model.VolunteerTask.category),
            "area": within(model.VolunteerTask.area_code),
            "organization": of(model.VolunteerTask.organization_id, "Organization"),
            "starts_from": at_least(model.VolunteerTask.starts_at, datetime),
            "text": containing(model.VolunteerTask.name, model.VolunteerTask.no),
        },
        about="Published tasks, and those of your organization or territory.",
    )
    signups: Connection[Signup] = collection(
        "Signup",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Signup.state),
            "task": of(model.Signup.task_id, "VolunteerTask"),
        },
        about="Your own, or those of your organization's tasks.",
    )


VolunteerTaskResult = result("VolunteerTask", VolunteerTask)
SignupResult = result("Signup", Signup)
