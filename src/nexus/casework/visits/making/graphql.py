"""The deeds on visits as mutations."""

from datetime import datetime
from typing import Any

import strawberry
from strawberry import UNSET

from nexus.casework.visits import model, operations, rules
from nexus.casework.visits.changes.graphql import ChangeInput, change_of
from nexus.casework.visits.graphql import VisitResult
from nexus.core.refusals import Invalid
from nexus.graph.declare import JSON, mutation, transition
from nexus.graph.identifiers import decode, decode_given

_POINTERS = {"worker_id": "Worker", "with_worker_id": "Worker"}
_NEVER_EMPTY = ("kind", "performed_at", "findings")


@strawberry.input
class RecordVisitInput:
    """A visit that nobody planned. `performedAt` is the device's time; findings by item code."""

    household_id: strawberry.ID
    station_id: strawberry.ID
    kind: model.VisitKind
    case_id: strawberry.ID | None = None
    performed_at: datetime
    minutes: int | None = None
    findings: JSON = strawberry.field(default_factory=dict, description="{item code: answer}")
    summary: str | None = None
    located_in: str | None = strawberry.field(
        default=None, description="The division the device is in; no finer place is taken."
    )
    danger: bool = False
    change: ChangeInput | None = None
    idempotency_key: str


def _told(given: Any) -> rules.Told:
    return rules.Told(
        performed_at=given.performed_at,
        minutes=given.minutes,
        findings=given.findings,
        summary=given.summary,
        located_in=given.located_in,
        danger=given.danger,
        change=change_of(given.change) if given.change else None,
    )


@mutation(VisitResult)
async def record_visit(act, input: RecordVisitInput):  # type: ignore[no-untyped-def]
    """Record a visit that nobody planned; a planned one is performed."""
    return await operations.record_visit(
        act,
        _told(input),
        household_id=decode(input.household_id, "Household"),
        station_id=decode(input.station_id, "Station"),
        kind=input.kind,
        case_id=decode_given(input.case_id, "Case"),
    )


@strawberry.input
class PerformVisitInput:
    """The planned visit was made. An older expectedVersion is taken too: nothing found is lost."""

    id: strawberry.ID
    expected_version: int
    performed_at: datetime
    kind: model.VisitKind | None = strawberry.field(
        default=None, description="How it was made, where that is not as planned."
    )
    minutes: int | None = None
    findings: JSON = strawberry.field(default_factory=dict, description="{item code: answer}")
    summary: str | None = None
    located_in: str | None = strawberry.field(
        default=None, description="The division the device is in; no finer place is taken."
    )
    danger: bool = False
    change: ChangeInput | None = None
    idempotency_key: str


@mutation(VisitResult)
async def perform_visit(act, input: PerformVisitInput):  # type: ignore[no-untyped-def]
    """The visit was made: what was found, whenever word of it arrives."""
    return await operations.perform_visit(
        act,
        decode(input.id, "Visit"),
        _told(input),
        expected_version=input.expected_version,
        kind=input.kind,
    )


@strawberry.input
class UpdateVisitInput:
    """Only the fields that were changed. `danger` is raised here, and never taken back."""

    id: strawberry.ID
    expected_version: int
    kind: model.VisitKind | None = UNSET
    worker_id: strawberry.ID | None = UNSET
    with_worker_id: strawberry.ID | None = UNSET
    performed_at: datetime | None = UNSET
    minutes: int | None = UNSET
    summary: str | None = UNSET
    findings: JSON | None = strawberry.field(
        default=UNSET, description="The answers that were changed, by item code."
    )
    danger: bool = False
    happened_at: datetime | None = strawberry.field(
        default=None, description="When it was entered, by the device's clock."
    )
    idempotency_key: str


_FIELDS = (
    *("kind", "worker_id", "with_worker_id", "performed_at", "minutes", "summary", "findings"),
)


@mutation(VisitResult)
async def update_visit(act, input: UpdateVisitInput):  # type: ignore[no-untyped-def]
    """Change who goes and how, or what was found; two values of one field are both kept."""
    changes = {name: getattr(input, name) for name in _FIELDS if getattr(input, name) is not UNSET}
    for name in _NEVER_EMPTY:
        if name in changes and changes[name] is None:
            raise Invalid(f"{name} cannot be empty.", field=name)
    for name, kind in _POINTERS.items():
        if name in changes:
            changes[name] = decode_given(changes[name], kind)
    return await operations.update_visit(
        act,
        decode(input.id, "Visit"),
        expected_version=input.expected_version,
        changes=changes,
        danger=input.danger,
        happened_at=input.happened_at,
    )


@strawberry.input
class RescheduleVisitInput:
    id: strawberry.ID
    expected_version: int
    days: int = strawberry.field(description="Within so many days from today, 1 to 90.")
    reason: str
    idempotency_key: str


@mutation(VisitResult)
async def reschedule_visit(act, input: RescheduleVisitInput):  # type: ignore[no-untyped-def]
    """A new visit takes the place of a missed one: the answer is the new one."""
    return await operations.reschedule_visit(
        act,
        decode(input.id, "Visit"),
        expected_version=input.expected_version,
        days=input.days,
        reason=input.reason,
    )


@strawberry.input
class VerifyVisitInput:
    id: strawberry.ID
    expected_version: int
    how: model.VisitCheck
    reason: str | None = None
    idempotency_key: str


@mutation(VisitResult)
async def verify_visit(act, input: VerifyVisitInput):  # type: ignore[no-untyped-def]
    """A second person made sure of a visit."""
    return await operations.verify_visit(
        act,
        decode(input.id, "Visit"),
        expected_version=input.expected_version,
        how=input.how,
        reason=input.reason,
    )


transition(
    "miss_visit", VisitResult, operations.miss_visit, "It did not take place, with a reason."
)
transition(
    "excuse_visit", VisitResult, operations.excuse_visit, "A missed one had good reason: say it."
)
transition("cancel_visit", VisitResult, operations.cancel_visit, "It is not needed, with a reason.")
