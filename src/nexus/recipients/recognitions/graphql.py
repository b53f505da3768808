"""The authority's decisions as mutations."""

from datetime import date

import strawberry

from nexus.graph.declare import mutation, result, transition
from nexus.graph.identifiers import decode
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
    income_ratio_band: str | None = None
    recheck_months: int | None = None
    rule_version: str
    idempotency_key: str


@mutation(RecognitionResult)
async def record_recognition(act, input: RecordRecognitionInput):  # type: ignore[no-untyped-def]
    """Enter a decision of the authority about a household or a person; it is pending at first."""
    return await operations.record_recognition(
        act,
        household_id=decode(input.household_id, "Household") if input.household_id else None,
        recipient_id=decode(input.recipient_id, "Recipient") if input.recipient_id else None,
        category=input.category,
        authority_id=decode(input.authority_id, "Organization"),
        level=input.level,
        decided_on=input.decided_on,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        income_ratio_band=input.income_ratio_band,
        recheck_months=input.recheck_months,
        rule_version=input.rule_version,
    )


@strawberry.input
class UpholdRecognitionInput:
    id: strawberry.ID
    expected_version: int
    recheck_months: int | None = None
    reason: str | None = None
    idempotency_key: str


@mutation(RecognitionResult)
async def uphold_recognition(act, input: UpholdRecognitionInput):  # type: ignore[no-untyped-def]
    """The review found no change; recheckMonths says a new class of re-check, 6 or 12."""
    return await operations.uphold_recognition(
        act,
        decode(input.id, "Recognition"),
        expected_version=input.expected_version,
        recheck_months=input.recheck_months,
        reason=input.reason,
    )


for _verb, _deed, _about in (
    ("confirm_recognition", operations.confirm_recognition, "It holds."),
    ("review_recognition", operations.review_recognition, "Circumstances are being checked."),
    ("taper_recognition", operations.taper_recognition, "Income rose: six months more."),
    ("suspend_recognition", operations.suspend_recognition, "It rests, with a reason."),
    ("reinstate_recognition", operations.reinstate_recognition, "It holds again."),
    ("end_recognition", operations.end_recognition, "It holds no longer, with a reason."),
    (
        "mark_recognition_error",
        operations.mark_recognition_error,
        "It should never have been entered; the row stays as history.",
    ),
):
    transition(_verb, RecognitionResult, _deed, _about)
