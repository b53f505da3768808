"""Notes, participants, contact attempts and evaluations in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry

from nexus.accounts.graphql import Account
from nexus.casework.cases.graphql import Case
from nexus.casework.cases.records import model, operations, policy
from nexus.graph.declare import (
    Connection,
    classified,
    extend,
    mutation,
    node,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization

register_enums(
    model.NoteLevel, model.NoteState, model.Party, model.ContactChannel, model.EvaluationOutcome
)


@node(
    model.CaseNote,
    visible=policy.note_visible,
    transitions=model.NOTE_TRANSITIONS,
    actions={
        "update_case_note": ("update", policy.may_keep),
        "sign_case_note": ("sign", policy.may_keep),
        "amend_case_note": ("amend", policy.may_amend),
    },
)
class CaseNote:
    """A note in a case file. Its level decides who sees it; once signed it never changes."""

    level: model.NoteLevel
    text: str
    happened_at: datetime
    amends: "CaseNote | None" = to_one(model.CaseNote.amends_id)
    amendments: "Connection[CaseNote]" = to_many(
        model.CaseNote.amends_id, order=Order(("happened_at",))
    )
    author: Account | None = to_one(model.CaseNote.author_id)
    case: Case | None = to_one(model.CaseNote.case_id)
    state: model.NoteState
    signed_at: datetime | None
    version: int
    created_at: datetime


@node(model.CaseParticipant, visible=policy.participant_visible)
class CaseParticipant:
    """One of the five linked parties (五社联动) in a case."""

    party: model.Party
    organization: Organization | None = to_one(model.CaseParticipant.organization_id)
    account: Account | None = to_one(model.CaseParticipant.account_id)
    contribution: str | None = classified(
        model.CaseParticipant.contribution, allowed=policy.may_read_words
    )
    joined_on: date
    left_on: date | None
    version: int


@node(model.ContactAttempt, visible=policy.attempt_visible)
class ContactAttempt:
    """Somebody tried to reach the client."""

    channel: model.ContactChannel
    reached: bool
    remarks: str | None
    attempted_at: datetime
    attempted_by: Account | None = to_one(model.ContactAttempt.attempted_by)


@node(model.CaseEvaluation, visible=policy.evaluation_visible)
class CaseEvaluation:
    """What a round of case work came to."""

    outcome: model.EvaluationOutcome
    summary: str | None = classified(model.CaseEvaluation.summary, allowed=policy.may_read_words)
    client_rating: int | None
    client_words: str | None = classified(
        model.CaseEvaluation.client_words, allowed=policy.may_read_words
    )
    evaluated_at: datetime
    evaluated_by: Account | None = to_one(model.CaseEvaluation.evaluated_by)


@extend(Case)
class CaseRecords:
    notes: Connection[CaseNote] = to_many(
        model.CaseNote.case_id, order=Order(("happened_at",), descending=True)
    )
    participants: Connection[CaseParticipant] = to_many(
        model.CaseParticipant.case_id, order=Order(("joined_on",))
    )
    attempts: Connection[ContactAttempt] = to_many(
        model.ContactAttempt.case_id, order=Order(("attempted_at",), descending=True)
    )
    evaluations: Connection[CaseEvaluation] = to_many(
        model.CaseEvaluation.case_id, order=Order(("evaluated_at",), descending=True)
    )


NoteResult = result("CaseNote", CaseNote)
ParticipantResult = result("CaseParticipant", CaseParticipant)
AttemptResult = result("ContactAttempt", ContactAttempt)


@strawberry.input
class CreateCaseNoteInput:
    case_id: strawberry.ID
    level: model.NoteLevel
    text: str
    happened_at: datetime | None = None
    idempotency_key: str


@mutation(NoteResult)
async def create_case_note(act, input: CreateCaseNoteInput):  # type: ignore[no-untyped-def]
    """Draft a note; only you see it until you sign it."""
    return await operations.create_note(
        act,
        case_id=decode(input.case_id, "Case"),
        level=input.level,
        text=input.text,
        happened_at=input.happened_at,
    )


@strawberry.input
class UpdateCaseNoteInput:
    id: strawberry.ID
    expected_version: int
    level: model.NoteLevel | None = strawberry.UNSET
    text: str | None = strawberry.UNSET
    happened_at: datetime | None = strawberry.field(
        default=strawberry.UNSET, description="When it happened that the note tells of."
    )
    made_at: datetime | None = strawberry.field(
        default=None, description="When you changed it, where the device was offline."
    )
    idempotency_key: str


@mutation(NoteResult)
async def update_case_note(act, input: UpdateCaseNoteInput):  # type: ignore[no-untyped-def]
    """Change your draft."""
    changes: dict[str, Any] = {
        name: value
        for name in ("level", "text", "happened_at")
        if (value := getattr(input, name)) not in (strawberry.UNSET, None)
    }
    return await operations.update_note(
        act,
        decode(input.id, "CaseNote"),
        expected_version=input.expected_version,
        changes=changes,
        made_at=input.made_at,
    )


transition("sign_case_note", NoteResult, operations.sign_note, "Sign it: it stands as it is.")


@strawberry.input
class AmendCaseNoteInput:
    id: strawberry.ID = strawberry.field(description="The signed note.")
    expected_version: int
    text: str
    happened_at: datetime | None = None
    idempotency_key: str


@mutation(NoteResult)
async def amend_case_note(act, input: AmendCaseNoteInput):  # type: ignore[no-untyped-def]
    """Draft an amendment of a signed note, which stays as it is."""
    return await operations.amend_note(
        act,
        decode(input.id, "CaseNote"),
        expected_version=input.expected_version,
        text=input.text,
        happened_at=input.happened_at,
    )


@strawberry.input
class AddCaseParticipantInput:
    case_id: strawberry.ID
    party: model.Party
    organization_id: strawberry.ID | None = None
    account_id: strawberry.ID | None = None
    contribution: str
    joined_on: date | None = None
    idempotency_key: str


@mutation(ParticipantResult)
async def add_case_participant(act, input: AddCaseParticipantInput):  # type: ignore[no-untyped-def]
    """Link one of the five parties to a case."""
    return await operations.add_participant(
        act,
        case_id=decode(input.case_id, "Case"),
        party=input.party,
        organization_id=decode_given(input.organization_id, "Organization"),
        account_id=decode_given(input.account_id, "Account"),
        contribution=input.contribution,
        joined_on=input.joined_on,
    )


@strawberry.input
class EndParticipationInput:
    id: strawberry.ID
    expected_version: int
    left_on: date = strawberry.field(description="The first day without them.")
    idempotency_key: str


@mutation(ParticipantResult)
async def end_participation(act, input: EndParticipationInput):  # type: ignore[no-untyped-def]
    """They take part no longer."""
    return await operations.end_participation(
        act,
        decode(input.id, "CaseParticipant"),
        expected_version=input.expected_version,
        left_on=input.left_on,
    )


@strawberry.input
class RecordContactAttemptInput:
    case_id: strawberry.ID
    channel: model.ContactChannel
    reached: bool
    attempted_at: datetime | None = None
    remarks: str | None = None
    idempotency_key: str


@mutation(AttemptResult)
async def record_contact_attempt(act, input: RecordContactAttemptInput):  # type: ignore[no-untyped-def]
    """Somebody tried to reach the client, and did or did not."""
    return await operations.record_attempt(
        act,
        case_id=decode(input.case_id, "Case"),
        channel=input.channel,
        reached=input.reached,
        attempted_at=input.attempted_at,
        remarks=input.remarks,
    )
