"""Suspected duplicates in the graph, and what a record is merged into."""

from datetime import datetime

import strawberry
from sqlalchemy import Uuid, or_

from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_one,
    transition,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode, encode
from nexus.graph.specs import Filter, Order
from nexus.recipients import model as recipients
from nexus.recipients.graphql import Household, Recipient
from nexus.recipients.merging import model, operations, policy

register_enums(model.SuspicionState, model.SuspicionGround)


@node(
    model.DuplicateSuspicion,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "propose_merge": ("propose", policy.may_propose),
        "merge_recipients": ("merge", policy.may_merge),
        "keep_apart": ("keep_apart", policy.may_keep_apart),
        "unmerge_recipients": ("unmerge", policy.may_unmerge),
    },
)
class DuplicateSuspicion:
    """Two records that may be one person; whoever sees both decides."""

    no: str
    recipient: Recipient | None = to_one(model.DuplicateSuspicion.recipient_id)
    other: Recipient | None = to_one(model.DuplicateSuspicion.other_id)
    survivor: Recipient | None = to_one(model.DuplicateSuspicion.survivor_id)
    ground: model.SuspicionGround
    state: model.SuspicionState
    state_reason: str | None
    proposed_at: datetime | None
    decided_at: datetime | None
    version: int
    created_at: datetime


@extend(Recipient)
class RecipientMerging:
    merged_into: Recipient | None = to_one(
        recipients.Recipient.merged_into_id, about="The record of the same person that stays."
    )
    merged_at: datetime | None


@extend(Household)
class HouseholdMerging:
    merged_into: Household | None = to_one(
        recipients.Household.merged_into_id, about="The record of the same household that stays."
    )
    merged_at: datetime | None


def _about() -> FilterField:
    """The recipient is one of the two."""
    spec = Filter(
        lambda row, value: or_(row.recipient_id == value, row.other_id == value),
        Uuid(),
        lambda given: decode(given, "Recipient"),
    )
    return FilterField(strawberry.ID, spec)


@query
class MergingQuery:
    duplicates: Connection[DuplicateSuspicion] = collection(
        "DuplicateSuspicion",
        orders={
            "OLDEST": Order(("created_at",)),
            "NEWEST": Order(("created_at",), descending=True),
        },
        filters={
            "state": any_of(model.DuplicateSuspicion.state),
            "ground": any_of(model.DuplicateSuspicion.ground),
            "recipient": _about(),
        },
        about="Records of your territory that may be one person.",
    )


SuspicionResult = result("DuplicateSuspicion", DuplicateSuspicion)


@record
class SimilarRecipients:
    """Records that may be the person asked for; read them with `nodes`."""

    ids: list[strawberry.ID]


SimilarRecipientsResult = result("SimilarRecipients", SimilarRecipients)


@strawberry.input
class SimilarRecipientsInput:
    id_number: str | None = None
    name: str | None = None
    birth_year: int | None = None
    area: str | None = None


@mutation(SimilarRecipientsResult)
async def similar_recipients(act, input: SimilarRecipientsInput):  # type: ignore[no-untyped-def]
    """Look before you create: who of your territory may be this person. Your search is recorded."""
    found = await operations.similar_recipients(
        act,
        id_number=input.id_number,
        name=input.name,
        birth_year=input.birth_year,
        area_code=input.area,
    )
    return {"ids": [encode("Recipient", one.id) for one in found]}


@strawberry.input
class SuspectDuplicateInput:
    recipient_id: strawberry.ID
    other_id: strawberry.ID
    idempotency_key: str


@mutation(SuspicionResult)
async def suspect_duplicate(act, input: SuspectDuplicateInput):  # type: ignore[no-untyped-def]
    """Say that two records are one person."""
    return await operations.suspect_duplicate(
        act,
        decode(input.recipient_id, "Recipient"),
        other_id=decode(input.other_id, "Recipient"),
    )


@strawberry.input
class ProposeMergeInput:
    id: strawberry.ID
    expected_version: int
    survivor_id: strawberry.ID
    idempotency_key: str


@mutation(SuspicionResult)
async def propose_merge(act, input: ProposeMergeInput):  # type: ignore[no-untyped-def]
    """Propose to merge, and which record stays; the authority's approver decides."""
    return await operations.propose_merge(
        act,
        decode(input.id, "DuplicateSuspicion"),
        expected_version=input.expected_version,
        survivor_id=decode(input.survivor_id, "Recipient"),
    )


transition(
    "merge_recipients",
    SuspicionResult,
    operations.merge_recipients,
    "Point the record that goes at the one that stays. Nothing else moves.",
)
transition(
    "keep_apart", SuspicionResult, operations.keep_apart, "They are two people, with a reason."
)
transition(
    "unmerge_recipients",
    SuspicionResult,
    operations.unmerge_recipients,
    "Take the merge back, with a reason: everything is where it was.",
)
