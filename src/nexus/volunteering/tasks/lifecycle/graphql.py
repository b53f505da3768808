"""What organizers do with tasks, through the graph."""

from collections.abc import Iterable
from datetime import datetime

import strawberry

from nexus.graph.declare import mutation, transition
from nexus.graph.identifiers import decode, decode_given
from nexus.volunteering.tasks import model, operations, rules
from nexus.volunteering.tasks.graphql import VolunteerTaskResult


@strawberry.input
class PositionInput:
    """A role. Without times of its own it is for the whole task."""

    role: str
    slots: int
    skills: list[str] = strawberry.field(default_factory=list)
    trainings: list[str] = strawberry.field(default_factory=list)
    starts_at: datetime | None = None
    ends_at: datetime | None = None


@strawberry.input
class VolunteerTaskTermsInput:
    """What a task says. `category` and skills are codes of `volunteer_category`."""

    name: str
    category: str
    area: str
    place: str = strawberry.field(description="One place; make a task for each.")
    place_public: bool = strawberry.field(
        default=True, description="False where it is somebody's home."
    )
    starts_at: datetime
    ends_at: datetime
    signup_deadline_at: datetime | None = None
    expected: int
    positions: list[PositionInput]
    summary: str | None = None
    insured: bool = False
    by_approval: bool = strawberry.field(
        default=False, description="Whether you decide on each sign-up."
    )
    check_in_mode: model.CheckInMode = model.CheckInMode.CODE
    parent_organization_id: strawberry.ID | None = None
    station_id: strawberry.ID | None = None
    programme: str | None = None


@strawberry.input
class CreateVolunteerTaskInput:
    terms: VolunteerTaskTermsInput
    idempotency_key: str


@strawberry.input
class UpdateVolunteerTaskInput:
    id: strawberry.ID
    expected_version: int
    terms: VolunteerTaskTermsInput
    idempotency_key: str


@strawberry.input
class ChangeSlotsInput:
    position_id: strawberry.ID
    expected_version: int = strawberry.field(description="Of the task.")
    slots: int
    idempotency_key: str


def _terms(given: VolunteerTaskTermsInput) -> operations.TaskTerms:
    parent = decode_given(given.parent_organization_id, "Organization")
    station = decode_given(given.station_id, "Station")
    return operations.TaskTerms(
        **{
            **vars(given),
            "positions": list(_positions(given.positions)),
            "parent_organization_id": parent,
            "station_id": station,
        }
    )


def _positions(given: Iterable[PositionInput]) -> Iterable[rules.PositionTerms]:
    return (rules.PositionTerms(**vars(each)) for each in given)


@mutation(VolunteerTaskResult)
async def create_volunteer_task(act, input: CreateVolunteerTaskInput):  # type: ignore[no-untyped-def]
    """Draft a task of your organization, which records and certifies its hours."""
    return await operations.create_task(act, terms=_terms(input.terms))


@mutation(VolunteerTaskResult)
async def update_volunteer_task(act, input: UpdateVolunteerTaskInput):  # type: ignore[no-untyped-def]
    """Say a draft anew; its positions are replaced."""
    return await operations.update_task(
        act,
        decode(input.id, "VolunteerTask"),
        expected_version=input.expected_version,
        terms=_terms(input.terms),
    )


@mutation(VolunteerTaskResult)
async def change_slots(act, input: ChangeSlotsInput):  # type: ignore[no-untyped-def]
    """More slots go to who waits, at once; never fewer than are taken."""
    return await operations.change_slots(
        act,
        decode(input.position_id, "TaskPosition"),
        expected_version=input.expected_version,
        slots=input.slots,
    )


transition(
    "submit_volunteer_task",
    VolunteerTaskResult,
    operations.submit_task,
    "Ask for publication by another person.",
)
transition(
    "return_volunteer_task",
    VolunteerTaskResult,
    operations.return_task,
    "Back for correction, with a reason.",
)
transition(
    "publish_volunteer_task",
    VolunteerTaskResult,
    operations.publish_task,
    "Everybody sees it; before its start, and not by who made or submitted it.",
)
transition(
    "open_recruitment", VolunteerTaskResult, operations.open_recruitment, "Sign-ups are taken."
)
transition("start_volunteer_task", VolunteerTaskResult, operations.start_task, "It has begun.")
transition("end_volunteer_task", VolunteerTaskResult, operations.end_task, "It is over.")
transition(
    "confirm_task_hours", VolunteerTaskResult, operations.confirm_task_hours, "Its hours stand."
)
transition("close_volunteer_task", VolunteerTaskResult, operations.close_task, "File it.")
transition(
    "cancel_volunteer_task",
    VolunteerTaskResult,
    operations.cancel_task,
    "Before it starts, with a reason that all who signed up read.",
)
