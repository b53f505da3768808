"""Acceptances in the graph: what was claimed, what stands behind it, and what was decided."""

from datetime import date, datetime
from decimal import Decimal

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Fen,
    any_of,
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
    transition,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.purchasing.acceptance import model, operations, policy, queries, rules
from nexus.purchasing.contracts.graphql import Contract, ContractItem, Milestone
from nexus.purchasing.facts.graphql import ServiceFact
from nexus.volunteering.hours.graphql import of

register_enums(model.AcceptanceState, model.SampleFinding, model.DeductionReason)
NEWEST = Order(("submitted_at",), descending=True)
guard(
    "uq_acceptance_open",
    "Another acceptance of this milestone is not decided: wait for that.",
    rule="one_open",
)
guard(
    "uq_accepted_fact_inv_28",
    "A fact was claimed for another acceptance at the same time: claim anew.",
    rule="INV-28",
)


@node(Event, visible=policy.event_visible)
class AcceptanceEvent:
    """What happened to an acceptance."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.AcceptedFact,
    visible=policy.part_visible,
    actions={"check_sample": (None, policy.may_check)},
)
class AcceptedFact:
    """A fact that stands behind a line; of those that were drawn, what the buyer found."""

    quantity: Decimal
    live: bool
    sampled: bool
    finding: model.SampleFinding | None
    finding_note: str | None = classified(
        model.AcceptedFact.finding_note, allowed=policy.may_read_words
    )
    found_at: datetime | None
    version: int
    fact: ServiceFact | None = to_one(model.AcceptedFact.fact_id)
    line: "AcceptanceLine | None" = to_one(model.AcceptedFact.line_id)


@node(model.AcceptanceLine, visible=policy.part_visible)
class AcceptanceLine:
    """How much of an item is claimed, what its facts come to, and how much was accepted."""

    position: int
    claimed: Decimal
    counted: Decimal
    accepted: Decimal | None
    unit_price_fen: Fen
    lost: Decimal = computed(
        queries.lost, "What of it rests on facts that were withdrawn afterwards."
    )
    item: ContractItem | None = to_one(model.AcceptanceLine.contract_item_id)
    facts: Connection[AcceptedFact] = to_many(model.AcceptedFact.line_id, order=Order(("id",)))


@node(model.AcceptanceDeduction, visible=policy.part_visible)
class AcceptanceDeduction:
    """So much is not paid, and why."""

    position: int
    quantity: Decimal | None
    fen: Fen
    reason: model.DeductionReason
    note: str | None = classified(model.AcceptanceDeduction.note, allowed=policy.may_read_words)
    created_at: datetime
    line: AcceptanceLine | None = to_one(model.AcceptanceDeduction.line_id)


@node(
    model.Acceptance,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "review_acceptance": ("review", policy.may_review),
        "accept_acceptance": ("accept", policy.may_decide),
        "accept_with_deduction": ("deduct", policy.may_decide),
        "reject_acceptance": ("reject", policy.may_decide),
        "resubmit_acceptance": ("resubmit", policy.may_resubmit),
    },
)
class Acceptance:
    """What is claimed for a milestone, and what of it was accepted (INV-28).

    `untilOn` is end-exclusive. `sampleSeed` and `frameHash` let anyone draw the sample again.
    """

    no: str
    round: int
    from_on: date
    until_on: date
    claimed_fen: Fen
    deduction_fen: Fen
    accepted_fen: Fen
    documents: JSON
    note: str | None = classified(model.Acceptance.note, allowed=policy.may_read_words)
    sample_seed: str | None
    sample_size: int | None
    frame_hash: str | None
    sample_rule: str | None
    submitted_at: datetime
    reviewed_at: datetime | None
    decided_at: datetime | None
    state: model.AcceptanceState
    state_reason: str | None = classified(
        model.Acceptance.state_reason, allowed=policy.may_read_words
    )
    version: int
    milestone: Milestone | None = to_one(model.Acceptance.milestone_id)
    contract: Contract | None = to_one(model.Acceptance.contract_id)
    area: Area | None = to_one(model.Acceptance.area_code)
    previous: "Acceptance | None" = to_one(model.Acceptance.previous_id)
    submitter: Account | None = to_one(model.Acceptance.submitted_by)
    reviewer: Account | None = to_one(model.Acceptance.reviewed_by)
    decider: Account | None = to_one(model.Acceptance.decided_by)
    lines: Connection[AcceptanceLine] = to_many(
        model.AcceptanceLine.acceptance_id, order=Order(("position",))
    )
    facts: Connection[AcceptedFact] = to_many(
        model.AcceptedFact.acceptance_id,
        order=Order(("sampled",), descending=True),
        about="Those that were drawn come first.",
    )
    deductions: Connection[AcceptanceDeduction] = to_many(
        model.AcceptanceDeduction.acceptance_id, order=Order(("position",))
    )
    history: Connection[AcceptanceEvent] = to_many(Event.object_id, order=Order(("position",)))


@extend(Milestone)
class MilestoneAcceptances:
    open_fen: Fen = computed(queries.open_fen, "What of its value may still be claimed.")
    acceptances: Connection[Acceptance] = to_many(model.Acceptance.milestone_id, order=NEWEST)


@extend(Contract)
class ContractAcceptances:
    acceptances: Connection[Acceptance] = to_many(model.Acceptance.contract_id, order=NEWEST)


@query
class AcceptanceQuery:
    acceptances: Connection[Acceptance] = collection(
        "Acceptance",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.Acceptance.state),
            "contract": of(model.Acceptance.contract_id, "Contract"),
            "milestone": of(model.Acceptance.milestone_id, "Milestone"),
            "area": within(model.Acceptance.area_code),
        },
        about="Of your own contracts, as buyer or supplier, or of your territory.",
    )


AcceptanceResult = result("Acceptance", Acceptance)
AcceptedFactResult = result("AcceptedFact", AcceptedFact)


@strawberry.input
class AcceptanceClaimInput:
    """So much of an item; without a quantity all that its free facts come to."""

    contract_item_id: strawberry.ID
    quantity: Decimal | None = None


@strawberry.input
class EvidenceDocumentInput:
    """A paper beside the facts: its title, OCDS documentType, and the SHA-256 of its bytes."""

    title: str
    document_type: str
    sha256: str


@strawberry.input
class AcceptanceTermsInput:
    """What is claimed. Without lines and sum: all free facts of the period.

    `untilOn` is end-exclusive; `claimedFen` is for milestones that are not of kind DELIVERY.
    """

    from_on: date
    until_on: date
    lines: list[AcceptanceClaimInput] | None = None
    claimed_fen: Fen | None = None
    documents: list[EvidenceDocumentInput] = strawberry.field(default_factory=list)
    note: str | None = None


def _claims(given: AcceptanceTermsInput) -> rules.Claims:
    lines = None
    if given.lines is not None:
        lines = [
            rules.Claim(decode(one.contract_item_id, "ContractItem"), one.quantity)
            for one in given.lines
        ]
    return rules.Claims(
        from_on=given.from_on,
        until_on=given.until_on,
        lines=lines,
        claimed_fen=given.claimed_fen,
        documents=[vars(one) for one in given.documents],
        note=given.note,
    )


@strawberry.input
class SubmitAcceptanceInput:
    milestone_id: strawberry.ID
    terms: AcceptanceTermsInput
    idempotency_key: str


@mutation(AcceptanceResult)
async def submit_acceptance(act, input: SubmitAcceptanceInput):  # type: ignore[no-untyped-def]
    """Claim what was done for a milestone, with the counted facts that stand behind it."""
    return await operations.submit_acceptance(
        act, decode(input.milestone_id, "Milestone"), _claims(input.terms)
    )


@strawberry.input
class ResubmitAcceptanceInput:
    id: strawberry.ID
    expected_version: int
    terms: AcceptanceTermsInput
    idempotency_key: str


@mutation(AcceptanceResult)
async def resubmit_acceptance(act, input: ResubmitAcceptanceInput):  # type: ignore[no-untyped-def]
    """A new claim in the place of a rejected one: the answer is the new one."""
    return await operations.resubmit_acceptance(
        act,
        decode(input.id, "Acceptance"),
        _claims(input.terms),
        expected_version=input.expected_version,
    )


@strawberry.input
class CheckSampleInput:
    id: strawberry.ID
    expected_version: int
    finding: model.SampleFinding
    note: str | None = strawberry.field(
        default=None, description="What was found; names nobody. Required unless CONFIRMED."
    )
    idempotency_key: str


@mutation(AcceptedFactResult)
async def check_sample(act, input: CheckSampleInput):  # type: ignore[no-untyped-def]
    """What the buyer found of one fact of the sample."""
    return await operations.check_sample(
        act,
        decode(input.id, "AcceptedFact"),
        expected_version=input.expected_version,
        finding=input.finding,
        note=input.note,
    )


@strawberry.input
class DeductionInput:
    """A quantity of a contract item, valued at its price, or a sum in fen."""

    reason: model.DeductionReason
    note: str
    contract_item_id: strawberry.ID | None = None
    quantity: Decimal | None = None
    fen: Fen | None = None


@strawberry.input
class AcceptWithDeductionInput:
    id: strawberry.ID
    expected_version: int
    deductions: list[DeductionInput]
    reason: str | None = None
    idempotency_key: str


@mutation(AcceptanceResult)
async def accept_with_deduction(act, input: AcceptWithDeductionInput):  # type: ignore[no-untyped-def]
    """So much less is accepted, each deduction with its reason."""
    cuts = [
        rules.Cut(
            reason=one.reason,
            note=one.note,
            item_id=decode_given(one.contract_item_id, "ContractItem"),
            quantity=one.quantity,
            fen=one.fen,
        )
        for one in input.deductions
    ]
    return await operations.accept_with_deduction(
        act,
        decode(input.id, "Acceptance"),
        expected_version=input.expected_version,
        cuts=cuts,
        reason=input.reason,
    )


transition(
    "review_acceptance",
    AcceptanceResult,
    operations.review_acceptance,
    "Begin to look at it: a sample of its facts is drawn, by a seed that is kept.",
)
transition(
    "accept_acceptance",
    AcceptanceResult,
    operations.accept_acceptance,
    "All that is claimed is accepted, once the sample was looked at.",
)
transition(
    "reject_acceptance",
    AcceptanceResult,
    operations.reject_acceptance,
    "Nothing of it is accepted, with a reason; it may be resubmitted.",
)
