"""The authority's decisions as mutations."""

from datetime import date
from decimal import Decimal

import strawberry

from nexus.graph.declare import mutation, result, transition
from nexus.graph.identifiers import decode, decode_given
from nexus.recipients import model
from nexus.recipients.graphql import Recognition
from nexus.recipients.recognitions import operations

RecognitionResult = result("Recognition", Recognition)


@strawberry.input
class RecordRecognitionInput:
    household_id: strawberry.ID | None = None
    recipient_id: strawberry.ID | None = None
    category: str
    authority_id: strawberry.ID
    level: model.Level
    decided_on: date
    valid_from: date
    valid_to: date | None = None
    income_ratio: Decimal | None = None
    income_ratio_band: str | None = None
    recheck_class: model.RecheckClass | None = None
    rule_version: str
    corrects_id: strawberry.ID | None = strawberry.field(
        default=None, description="The recognition entered in error that this one corrects."
    )
    idempotency_key: str


@mutation(RecognitionResult)
async def record_recognition(act, input: RecordRecognitionInput):  # type: ignore[no-untyped-def]
    """Enter a decision of the authority about a household or a person; it is pending at first."""
    return await operations.record_recognition(
        act,
        household_id=decode_given(input.household_id, "Household"),
        recipient_id=decode_given(input.recipient_id, "Recipient"),
        category=input.category,
        authority_id=decode(input.authority_id, "Organization"),
        level=input.level,
        decided_on=input.decided_on,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        income_ratio=input.income_ratio,
        income_ratio_band=input.income_ratio_band,
        recheck_class=input.recheck_class,
        rule_version=input.rule_version,
        corrects_id=decode_given(input.corrects_id, "Recognition"),
    )


@strawberry.input
class UpholdRecognitionInput:
    id: strawberry.ID
    expected_version: int
    recheck_class: model.RecheckClass | None = None
    checked_on: date | None = None
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def uphold_recognition(act, input: UpholdRecognitionInput):  # type: ignore[no-untyped-def]
    """The review found no change; recheckClass says a new class of re-check."""
    return await operations.uphold_recognition(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        recheck_class=input.recheck_class,
        checked_on=input.checked_on,
        reason=input.reason,
    )


@strawberry.input
class ChangeRecheckClassInput:
    id: strawberry.ID
    expected_version: int
    recheck_class: model.RecheckClass
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def change_recheck_class(act, input: ChangeRecheckClassInput):  # type: ignore[no-untyped-def]
    """Circumstances grew less or more steady: the next check counts anew, from the last one."""
    return await operations.change_recheck_class(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        recheck_class=input.recheck_class,
        reason=input.reason,
    )


@strawberry.input
class ProlongRecognitionInput:
    id: strawberry.ID
    expected_version: int
    valid_to: date | None = strawberry.field(description="The first day after; null: open.")
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def prolong_recognition(act, input: ProlongRecognitionInput):  # type: ignore[no-untyped-def]
    """The authority set another end, later or earlier but not past."""
    return await operations.prolong_recognition(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        valid_to=input.valid_to,
        reason=input.reason,
    )


@strawberry.input
class TaperRecognitionInput:
    id: strawberry.ID
    expected_version: int
    tapered_on: date | None = strawberry.field(
        default=None, description="The day income rose above the line; today if not said."
    )
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def taper_recognition(act, input: TaperRecognitionInput):  # type: ignore[no-untyped-def]
    """Income rose above the line: served for exactly six months more, then it ends."""
    return await operations.taper_recognition(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        tapered_on=input.tapered_on,
        reason=input.reason,
    )


@strawberry.input
class EndRecognitionInput:
    id: strawberry.ID
    expected_version: int
    end_reason: str = strawberry.field(description="Code list recognition_end_reason.")
    ended_on: date | None = strawberry.field(
        default=None, description="The first day it does not hold; today if not said."
    )
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def end_recognition(act, input: EndRecognitionInput):  # type: ignore[no-untyped-def]
    """It holds no longer, for a reason of the code list; open needs have to be confirmed."""
    return await operations.end_recognition(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        end_reason=input.end_reason,
        ended_on=input.ended_on,
        reason=input.reason,
    )


for _verb, _deed, _about in (
    ("confirm_recognition", operations.confirm_recognition, "It holds."),
    ("review_recognition", operations.review_recognition, "Circumstances are being checked."),
    ("suspend_recognition", operations.suspend_recognition, "It rests, with a reason."),
    ("reinstate_recognition", operations.reinstate_recognition, "It holds again."),
    (
        "mark_recognition_error",
        operations.mark_recognition_error,
        "It should never have been entered; the row stays as history.",
    ),
):
    transition(_verb, RecognitionResult, _deed, _about)
