"""Instruments, assessments and what they propose, in the graph."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import and_

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.casework.assessments import model, operations, policy
from nexus.casework.graphql import Station, Worker
from nexus.casework.model import RiskTier
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    classified,
    collection,
    extend,
    holds,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.graph.sql import as_predicate
from nexus.recipients.graphql import Household, Recipient

register_enums(RiskTier, model.AssessmentState, model.Channel)


def _unsigned(row: Any) -> Any:
    """A countersignature is due and missing."""
    return and_(row.countersign_needed, row.countersigned_at.is_(None))


def _countersignable(actor: Actor, row: Any) -> Any:
    return as_predicate(policy.may_countersign(actor, row)) & _unsigned(row)


@node(model.Instrument, visible=policy.instrument_visible)
class Instrument:
    """One version of a questionnaire: its items, how they score, and where the tiers begin."""

    code: str
    revision: int
    title: str
    content: JSON
    medium_from: Decimal
    high_from: Decimal
    countersign_from: Decimal
    valid_from: date
    valid_to: date | None


@node(model.ProposedMeasure, visible=policy.measure_visible)
class ProposedMeasure:
    """What would help, and through which channel; `category` is of the list `need_category`."""

    position: int
    category: str
    channel: model.Channel
    measure: str


@node(
    model.Assessment,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_assessment": ("update", policy.may_update),
        "complete_assessment": ("complete", policy.may_complete),
        "countersign_assessment": ("countersign", _countersignable),
    },
)
class Assessment:
    """What an instrument found about a household or one of its people, on five dimensions."""

    no: str
    household: Household | None = to_one(model.Assessment.household_id)
    recipient: Recipient | None = to_one(model.Assessment.recipient_id)
    area: Area | None = to_one(model.Assessment.area_code)
    station: Station | None = to_one(model.Assessment.station_id)
    worker: Worker | None = to_one(model.Assessment.worker_id)
    instrument: Instrument | None = to_one(model.Assessment.instrument_id)
    assessed_on: date
    answers: JSON
    remarks: str | None = classified(model.Assessment.remarks, allowed=policy.may_read_remarks)
    score: Decimal | None
    dimension_scores: JSON | None
    risk_tier: RiskTier | None
    rule_version: str | None
    countersign_needed: bool
    countersigned_at: datetime | None
    countersigned_by: Account | None = to_one(model.Assessment.countersigned_by)
    completed_at: datetime | None
    completed_by: Account | None = to_one(model.Assessment.completed_by)
    supersedes: "Assessment | None" = to_one(model.Assessment.supersedes_id)
    state: model.AssessmentState
    state_reason: str | None = classified(
        model.Assessment.state_reason, allowed=policy.may_read_remarks
    )
    version: int
    created_at: datetime
    measures: Connection[ProposedMeasure] = to_many(
        model.ProposedMeasure.assessment_id, order=Order(("position",))
    )


@extend(Household)
class HouseholdAssessments:
    assessments: Connection[Assessment] = to_many(
        model.Assessment.household_id, order=Order(("created_at",), descending=True)
    )


@query
class AssessmentQuery:
    instruments: Connection[Instrument] = collection(
        "Instrument",
        orders={"CODE": Order(("code", "revision"))},
        about="The questionnaires, with every revision.",
    )
    assessments: Connection[Assessment] = collection(
        "Assessment",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Assessment.state),
            "tier": any_of(model.Assessment.risk_tier),
            "area": within(model.Assessment.area_code),
            "unsigned": holds(_unsigned),
        },
        about="The assessments of your station or territory.",
    )


AssessmentResult = result("Assessment", Assessment)


@strawberry.input
class MeasureInput:
    category: str
    channel: model.Channel
    measure: str


def _measures(given: list[MeasureInput]) -> list[operations.Measure]:
    return [operations.Measure(each.category, each.channel, each.measure) for each in given]


@strawberry.input
class CreateAssessmentInput:
    household_id: strawberry.ID
    recipient_id: strawberry.ID | None = None
    worker_id: strawberry.ID | None = strawberry.field(
        default=None, description="Whose posting it is made from; your own if left out."
    )
    instrument: str | None = strawberry.field(
        default=None, description="Its code; WUWEI if left out."
    )
    assessed_on: date | None = None
    answers: JSON = strawberry.field(default_factory=dict, description="{item key: answer}")
    measures: list[MeasureInput] = strawberry.field(default_factory=list)
    remarks: str | None = None
    idempotency_key: str


@mutation(AssessmentResult)
async def create_assessment(act, input: CreateAssessmentInput):  # type: ignore[no-untyped-def]
    """Begin an assessment of a household, or of one of its people."""
    return await operations.create_assessment(
        act,
        household_id=decode(input.household_id, "Household"),
        recipient_id=decode_given(input.recipient_id, "Recipient"),
        worker_id=decode_given(input.worker_id, "Worker"),
        instrument=input.instrument,
        assessed_on=input.assessed_on,
        answers=operations.as_answers(input.answers),
        measures=_measures(input.measures),
        remarks=input.remarks,
    )


@strawberry.input
class UpdateAssessmentInput:
    id: strawberry.ID
    expected_version: int
    assessed_on: date | None = strawberry.UNSET
    remarks: str | None = strawberry.UNSET
    answers: JSON | None = strawberry.field(
        default=strawberry.UNSET,
        description="The answers that changed; null takes one back. The others stay.",
    )
    measures: list[MeasureInput] | None = strawberry.field(
        default=strawberry.UNSET, description="All of them: they replace the earlier ones."
    )
    happened_at: datetime | None = None
    idempotency_key: str


@mutation(AssessmentResult)
async def update_assessment(act, input: UpdateAssessmentInput):  # type: ignore[no-untyped-def]
    """Change what you give of a draft; it may come late, from a device that was offline."""
    changes: dict[str, Any] = {}
    if input.assessed_on not in (strawberry.UNSET, None):
        changes["assessed_on"] = input.assessed_on
    if input.remarks is not strawberry.UNSET:
        changes["remarks"] = input.remarks
    if input.answers not in (strawberry.UNSET, None):
        answers = operations.as_answers(input.answers)
        changes |= {f"answers.{item}": answer for item, answer in answers.items()}
    measures = None if input.measures in (strawberry.UNSET, None) else _measures(input.measures)
    return await operations.update_assessment(
        act,
        decode(input.id, "Assessment"),
        expected_version=input.expected_version,
        changes=changes,
        measures=measures,
        happened_at=input.happened_at,
    )


transition(
    "complete_assessment",
    AssessmentResult,
    operations.complete_assessment,
    "The instrument reckons score and tier; from here on it does not change.",
)
transition(
    "countersign_assessment",
    AssessmentResult,
    operations.countersign_assessment,
    "The lead stands by a high risk too.",
)
