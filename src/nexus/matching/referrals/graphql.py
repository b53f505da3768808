"""Referrals in the graph: what each side sees now is decided in the compiled read."""

from datetime import date, datetime
from decimal import Decimal

import strawberry
from sqlalchemy import func

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.casework.graphql import Station
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_most,
    classified,
    collection,
    computed,
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
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.matching.pledges.graphql import Pledge, of
from nexus.matching.referrals import model, operations, policy, queries
from nexus.needs.graphql import Need, NeedLine
from nexus.needs.model import NeedKind, Urgency
from nexus.organizations.graphql import Organization
from nexus.recipients.consents.graphql import Consent
from nexus.recipients.model import Band, Gender

register_enums(model.ReferralDirection, model.ReferralState)

NEWEST = Order(("created_at",), descending=True)


@node(model.ReferralLine, visible=policy.line_visible)
class ReferralLine:
    """A line of the need as it stood when the referral was drawn up."""

    kind: NeedKind
    item_code: str | None
    item: str | None = classified(model.ReferralLine.item, allowed=policy.may_read_line)
    quantity: Decimal | None
    unit: str
    line: NeedLine | None = to_one(model.ReferralLine.line_id)
    pledge: Pledge | None = to_one(
        model.ReferralLine.pledge_id, about="What the acceptance reserved."
    )


@node(Event, visible=policy.event_visible)
class ReferralEvent:
    """What happened to a referral. Facts are ids, codes and numbers."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Referral,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "send_referral": ("send", policy.may_send),
        "accept_referral": ("accept", policy.may_accept),
        "reject_referral": ("reject", policy.may_reject),
        "start_referral": ("start", policy.may_start),
        "hold_referral": ("hold", policy.may_hold),
        "resume_referral": ("resume", policy.may_resume),
        "complete_referral": ("complete", policy.may_complete),
        "fail_referral": ("fail", policy.may_fail),
        "recall_referral": ("recall", policy.may_recall),
        "mark_referral_error": ("mark_error", policy.may_mark_error),
        "confirm_outcome": ("confirm_outcome", policy.may_confirm_outcome_now),
        "reopen_referral": ("reopen", policy.may_reopen),
        "refer_onward": ("refer_onward", policy.may_refer_onward),
    },
)
class Referral:
    """Lines of a need, sent by one organization or station to another (FHIR Task).

    The receiver sees a summary without identity; from acceptance until the end also the declared
    data package, each class while the consent to it stands: `openClasses` says which do now.
    """

    no: str
    direction: model.ReferralDirection
    state: model.ReferralState
    urgency: Urgency
    category: str | None = classified(model.Referral.category, allowed=policy.may_read_summary)
    title: str | None = classified(model.Referral.title, allowed=policy.may_read_summary)
    summary: str | None = classified(model.Referral.summary, allowed=policy.may_read_summary)
    shown_area: Area | None = to_one(
        model.Referral.shown_area_code, allowed=policy.may_read_summary
    )
    from_organization: Organization | None = to_one(model.Referral.from_organization_id)
    to_organization: Organization | None = to_one(model.Referral.to_organization_id)
    to_station: Station | None = to_one(model.Referral.to_station_id)
    from_station: Station | None = to_one(
        model.Referral.from_station_id, allowed=policy.may_read_note
    )
    referred_by_civil_affairs: bool
    data_classes: list[str]
    legal_basis: str | None
    capacity_warning: bool
    planned_on: date | None
    sent_at: datetime | None
    ack_due_at: datetime | None
    expires_at: datetime | None
    accepted_at: datetime | None
    reject_reason: str | None
    outcome_due_at: datetime | None
    outcome: str | None
    completed_at: datetime | None
    contacted_on: date | None
    confirmed_at: datetime | None
    version: int
    created_at: datetime
    overdue: bool = computed(
        lambda actor, row: queries.overdue(row), "The answer or the outcome is late."
    )
    closed_loop: bool = computed(
        lambda actor, row: queries.closed_loop(row),
        "There is an outcome, and the sender confirmed it with the client.",
    )
    open_classes: list[str] = computed(
        queries.open_classes, "The classes of the data package that you may read at this moment."
    )
    recipient_alias: str | None = computed(
        queries.alias, "D1: the name your organization knows the person by; no other has the same."
    )
    birth_year: int | None = computed(queries.of_recipient("D3", "birth_year"), "D3.")
    gender: Gender | None = computed(
        lambda actor, row: func.upper(queries.of_recipient("D3", "gender")(actor, row)), "D3."
    )
    household_size: int | None = computed(queries.of_household("D4", "size"), "D4.")
    living_condition: str | None = computed(queries.of_household("D4", "living_condition"), "D4.")
    disability: Band | None = computed(
        lambda actor, row: func.upper(queries.of_recipient("D5", "disability")(actor, row)), "D5."
    )
    labour_ability: Band | None = computed(
        lambda actor, row: func.upper(queries.of_recipient("D5", "labour_ability")(actor, row)),
        "D5.",
    )
    is_child: bool | None = computed(queries.is_child, "D6: under age, by the year of birth.")
    note: str | None = classified(model.Referral.note, allowed=policy.may_read_note)
    state_reason: str | None = classified(
        model.Referral.state_reason, allowed=policy.may_read_reason
    )
    owner: Account | None = to_one(model.Referral.owner_id)
    need: Need | None = to_one(model.Referral.need_id)
    consent: Consent | None = to_one(model.Referral.consent_id)
    parent: "Referral | None" = to_one(model.Referral.parent_id)
    reopens: "Referral | None" = to_one(model.Referral.reopens_id)
    lines: Connection[ReferralLine] = to_many(
        model.ReferralLine.referral_id, order=Order(("line_id",))
    )
    onward: "Connection[Referral]" = to_many(model.Referral.parent_id, order=NEWEST)
    history: Connection[ReferralEvent] = to_many(Event.object_id, order=Order(("position",)))


@extend(Need)
class NeedReferrals:
    referrals: Connection[Referral] = to_many(model.Referral.need_id, order=NEWEST)


@query
class ReferralQuery:
    referrals: Connection[Referral] = collection(
        "Referral",
        orders={"NEWEST": NEWEST, "URGENCY": Order(("urgency", "created_at"))},
        filters={
            "state": any_of(model.Referral.state),
            "direction": any_of(model.Referral.direction),
            "urgency": any_of(model.Referral.urgency),
            "need": of(model.Referral.need_id, "Need"),
            "from_organization": of(model.Referral.from_organization_id, "Organization"),
            "to_organization": of(model.Referral.to_organization_id, "Organization"),
            "owner": of(model.Referral.owner_id, "Account"),
            "ack_due_by": at_most(model.Referral.ack_due_at, datetime),
            "outcome_due_by": at_most(model.Referral.outcome_due_at, datetime),
            "overdue": holds(queries.overdue),
            "closed_loop": holds(queries.closed_loop),
            "sent_by_me": holds(queries.sent_by_me),
            "waiting_for_me": holds(queries.waiting_for_me),
        },
        about="Referrals that you sent or received, or about needs of your territory. "
        "`waitingForMe`: to be answered, or its outcome to be confirmed, by your organization.",
    )


ReferralResult = result("Referral", Referral)


@strawberry.input
class ReferredLineInput:
    line_id: strawberry.ID
    quantity: Decimal | None = None


@strawberry.input
class CreateReferralInput:
    need_id: strawberry.ID
    to_organization_id: strawberry.ID
    to_station_id: strawberry.ID | None = None
    lines: list[ReferredLineInput] = strawberry.field(default_factory=list)
    data_classes: list[str] = strawberry.field(default_factory=list)
    consent_id: strawberry.ID | None = None
    legal_basis: str | None = None
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def create_referral(act, input: CreateReferralInput):  # type: ignore[no-untyped-def]
    """Draw up a referral of a need: all its lines unless some are named. sendReferral sends it."""
    return await operations.create_referral(
        act,
        decode(input.need_id, "Need"),
        lines={decode(one.line_id, "NeedLine"): one.quantity for one in input.lines},
        package=operations.Package(
            to_organization_id=decode(input.to_organization_id, "Organization"),
            to_station_id=decode_given(input.to_station_id, "Station"),
            data_classes=input.data_classes,
            consent_id=decode_given(input.consent_id, "Consent"),
            legal_basis=input.legal_basis,
            title=input.title,
            summary=input.summary,
            note=input.note,
        ),
    )


@strawberry.input
class ReferOnwardInput:
    id: strawberry.ID
    expected_version: int
    to_organization_id: strawberry.ID
    to_station_id: strawberry.ID | None = None
    line_ids: list[strawberry.ID] = strawberry.field(default_factory=list)
    data_classes: list[str] = strawberry.field(default_factory=list)
    title: str | None = None
    summary: str | None = None
    note: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def refer_onward(act, input: ReferOnwardInput):  # type: ignore[no-untyped-def]
    """Draw up a referral that passes on what you received: same consent, no more data classes.

    `lineIds` are ids of ReferralLine; none means all.
    """
    return await operations.refer_onward(
        act,
        decode(input.id, "Referral"),
        expected_version=input.expected_version,
        line_ids=[decode(one, "ReferralLine") for one in input.line_ids],
        package=operations.Package(
            to_organization_id=decode(input.to_organization_id, "Organization"),
            to_station_id=decode_given(input.to_station_id, "Station"),
            data_classes=input.data_classes,
            title=input.title,
            summary=input.summary,
            note=input.note,
        ),
    )


@strawberry.input
class AcceptReferralInput:
    id: strawberry.ID
    expected_version: int
    planned_on: date
    offer_id: strawberry.ID | None = None
    reason: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def accept_referral(act, input: AcceptReferralInput):  # type: ignore[no-untyped-def]
    """Take it on for a date: what its lines ask for is reserved, and the data package opens."""
    return await operations.accept_referral(
        act,
        decode(input.id, "Referral"),
        expected_version=input.expected_version,
        planned_on=input.planned_on,
        offer_id=decode_given(input.offer_id, "Offer"),
        reason=input.reason,
    )


@strawberry.input
class RejectReferralInput:
    id: strawberry.ID
    expected_version: int
    code: str
    reason: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def reject_referral(act, input: RejectReferralInput):  # type: ignore[no-untyped-def]
    """Decline with a code of the list `referral_reject_reason`."""
    return await operations.reject_referral(
        act,
        decode(input.id, "Referral"),
        expected_version=input.expected_version,
        code=input.code,
        reason=input.reason,
    )


@strawberry.input
class CompleteReferralInput:
    id: strawberry.ID
    expected_version: int
    outcome: str
    reason: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def complete_referral(act, input: CompleteReferralInput):  # type: ignore[no-untyped-def]
    """Say what became of it with a code of the list `outcome`; your access to the package ends."""
    return await operations.complete_referral(
        act,
        decode(input.id, "Referral"),
        expected_version=input.expected_version,
        outcome=input.outcome,
        reason=input.reason,
    )


@strawberry.input
class ConfirmOutcomeInput:
    id: strawberry.ID
    expected_version: int
    contacted_on: date
    reason: str | None = None
    idempotency_key: str


@mutation(ReferralResult)
async def confirm_outcome(act, input: ConfirmOutcomeInput):  # type: ignore[no-untyped-def]
    """The sender asked the client on that day and agrees with the outcome: the loop is closed."""
    return await operations.confirm_outcome(
        act,
        decode(input.id, "Referral"),
        expected_version=input.expected_version,
        contacted_on=input.contacted_on,
        reason=input.reason,
    )


for _verb, _deed, _about in (
    ("send_referral", operations.send_referral, "Send it; the consent is checked now."),
    ("start_referral", operations.start_referral, "Begin with it."),
    (
        "hold_referral",
        operations.hold_referral,
        "Interrupt it, with a reason; the package is closed meanwhile.",
    ),
    ("resume_referral", operations.resume_referral, "Go on, with a reason, if consent stands."),
    ("fail_referral", operations.fail_referral, "Give it up, with a reason."),
    (
        "recall_referral",
        operations.recall_referral,
        "Take it back, with a reason: the receiver's access ends, its reservation is released.",
    ),
    (
        "mark_referral_error",
        operations.mark_referral_error,
        "It should never have been sent, with a reason.",
    ),
    (
        "reopen_referral",
        operations.reopen_referral,
        "Take a completed one up again, with a reason, as a new draft.",
    ),
):
    transition(_verb, ReferralResult, _deed, _about)
