"""Reports of changes, answers to danger and checklists as mutations."""

from datetime import date, datetime

import strawberry

from nexus.casework.visits import rules
from nexus.casework.visits.changes import operations
from nexus.casework.visits.graphql import ChangeReportResult, ChecklistResult, VisitResult
from nexus.graph.declare import JSON, mutation, transition
from nexus.graph.identifiers import decode, decode_given


@strawberry.input
class ChangeInput:
    """What changed in the household: codes of `household_change`. `note` names nobody."""

    changes: list[str]
    major: bool = False
    note: str | None = None
    happened_on: date | None = None


def change_of(given: ChangeInput) -> rules.Change:
    """What the input says."""
    return rules.Change(given.changes, given.major, given.note, given.happened_on)


@strawberry.input
class ReportChangeInput:
    household_id: strawberry.ID
    station_id: strawberry.ID
    visit_id: strawberry.ID | None = strawberry.field(
        default=None, description="The visit at which it was learnt."
    )
    change: ChangeInput
    happened_at: datetime | None = strawberry.field(
        default=None, description="When it was entered, by the device's clock."
    )
    idempotency_key: str


@mutation(ChangeReportResult)
async def report_change(act, input: ReportChangeInput):  # type: ignore[no-untyped-def]
    """Tell the authority of a change in a household."""
    return await operations.report_change(
        act,
        change_of(input.change),
        household_id=decode(input.household_id, "Household"),
        station_id=decode(input.station_id, "Station"),
        visit_id=decode_given(input.visit_id, "Visit"),
        happened_at=input.happened_at,
    )


@strawberry.input
class AddVisitChecklistInput:
    code: str
    title: str
    items: JSON = strawberry.field(description="[{code, label, labelEn, kind, required, options}]")
    valid_from: date
    idempotency_key: str


@mutation(ChecklistResult)
async def add_visit_checklist(act, input: AddVisitChecklistInput):  # type: ignore[no-untyped-def]
    """A new version of what is asked at a visit; earlier visits keep theirs."""
    return await operations.add_checklist(
        act,
        code=input.code,
        title=input.title,
        items=input.items,
        valid_from=input.valid_from,
    )


transition(
    "handle_change",
    ChangeReportResult,
    operations.handle_change,
    "The authority says what was done about a change.",
)
transition(
    "answer_danger",
    VisitResult,
    operations.answer_danger,
    "Lead or authority says what was done about the danger that a visit told of.",
)
