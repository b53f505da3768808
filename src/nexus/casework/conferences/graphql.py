"""Case conferences, what they decided and which rules they relaxed, in the graph."""

from datetime import date, datetime

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.casework.cases.graphql import Case
from nexus.casework.conferences import model, operations, policy
from nexus.graph.declare import (
    Connection,
    any_of,
    at_least,
    classified,
    collection,
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
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.obligations.graphql import Obligation
from nexus.organizations.graphql import Organization

register_enums(model.ConferenceState, model.ExceptedRule)


@node(model.ConferenceParty, visible=policy.party_visible)
class ConferenceParty:
    """An organization that was asked to a conference; `attended` is null until it was held."""

    organization: Organization | None = to_one(model.ConferenceParty.organization_id)
    attended: bool | None
    invited_at: datetime


@node(model.ConferenceDecision, visible=policy.decision_visible)
class ConferenceDecision:
    """A measure that the conference decided, and the obligation it made."""

    position: int
    measure: str
    organization: Organization | None = to_one(
        model.ConferenceDecision.organization_id, about="Who owes it."
    )
    due_on: date
    obligation: Obligation | None = to_one(model.ConferenceDecision.obligation_id)
    decided_at: datetime
    conference: "CaseConference | None" = to_one(model.ConferenceDecision.conference_id)


@node(model.ConferenceException, visible=policy.exception_visible)
class ConferenceException:
    """A rule relaxed for a case by its conference: who, why, which version, until when."""

    rule: model.ExceptedRule
    rule_version: str
    reason: str | None = classified(
        model.ConferenceException.reason, allowed=policy.may_read_reason
    )
    valid_to: date
    granted_at: datetime
    granted_by: Account | None = to_one(model.ConferenceException.granted_by)
    area: Area | None = to_one(model.ConferenceException.area_code)
    conference: "CaseConference | None" = to_one(model.ConferenceException.conference_id)


@node(
    model.CaseConference,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "invite_parties": ("invite", policy.may_invite),
        "hold_conference": ("hold", policy.may_hold),
        "record_conference_decision": ("decide", policy.may_decide),
        "grant_conference_exception": ("grant_exception", policy.may_grant_exception),
        "follow_up_conference": ("follow_up", policy.may_follow_up),
        "close_conference": ("close", policy.may_close),
        "cancel_conference": ("cancel", policy.may_cancel),
    },
)
class CaseConference:
    """Those who could help sit down about one case (个案会商). A party does not see the case."""

    no: str
    agenda: str
    meets_at: datetime
    held_at: datetime | None
    minutes: str | None = classified(model.CaseConference.minutes, allowed=policy.may_read_minutes)
    state: model.ConferenceState
    state_reason: str | None = classified(
        model.CaseConference.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    case: Case | None = to_one(model.CaseConference.case_id)
    area: Area | None = to_one(model.CaseConference.area_code, allowed=policy.may_read_area)
    organization: Organization | None = to_one(
        model.CaseConference.organization_id, about="Who convened it."
    )
    parties: Connection[ConferenceParty] = to_many(
        model.ConferenceParty.conference_id, order=Order(("invited_at",))
    )
    decisions: Connection[ConferenceDecision] = to_many(
        model.ConferenceDecision.conference_id, order=Order(("position",))
    )
    exceptions: Connection[ConferenceException] = to_many(
        model.ConferenceException.conference_id, order=Order(("granted_at",))
    )


@extend(Case)
class ConferencesOfCase:
    conferences: Connection[CaseConference] = to_many(
        model.CaseConference.case_id, order=Order(("created_at",), descending=True)
    )


@query
class ConferenceQuery:
    case_conferences: Connection[CaseConference] = collection(
        "CaseConference",
        orders={
            "NEWEST": Order(("created_at",), descending=True),
            "MEETS": Order(("meets_at",)),
        },
        filters={
            "state": any_of(model.CaseConference.state),
            "area": within(model.CaseConference.area_code),
            "meets_from": at_least(model.CaseConference.meets_at, datetime),
        },
        about="The conferences of your cases and territory, and those you were asked to.",
    )
    conference_exceptions: Connection[ConferenceException] = collection(
        "ConferenceException",
        orders={"NEWEST": Order(("granted_at",), descending=True)},
        filters={
            "rule": any_of(model.ConferenceException.rule),
            "area": within(model.ConferenceException.area_code),
        },
        about="Every rule that a conference relaxed in your territory.",
    )


ConferenceResult = result("CaseConference", CaseConference)


@strawberry.input
class ConveneConferenceInput:
    case_id: strawberry.ID
    agenda: str = strawberry.field(description="Without personal data: all who are asked read it.")
    meets_at: datetime
    organization_ids: list[strawberry.ID]
    idempotency_key: str


@mutation(ConferenceResult)
async def convene_conference(act, input: ConveneConferenceInput):  # type: ignore[no-untyped-def]
    """Ask organizations to sit down about an open case."""
    return await operations.convene_conference(
        act,
        case_id=decode(input.case_id, "Case"),
        agenda=input.agenda,
        meets_at=input.meets_at,
        organization_ids=[decode(one, "Organization") for one in input.organization_ids],
    )


@strawberry.input
class InvitePartiesInput:
    id: strawberry.ID
    expected_version: int
    organization_ids: list[strawberry.ID]
    idempotency_key: str


@mutation(ConferenceResult)
async def invite_parties(act, input: InvitePartiesInput):  # type: ignore[no-untyped-def]
    """Ask more organizations."""
    return await operations.invite_parties(
        act,
        decode(input.id, "CaseConference"),
        expected_version=input.expected_version,
        organization_ids=[decode(one, "Organization") for one in input.organization_ids],
    )


@strawberry.input
class HoldConferenceInput:
    id: strawberry.ID
    expected_version: int
    minutes: str
    attended_ids: list[strawberry.ID] = strawberry.field(description="The organizations that came.")
    held_at: datetime | None = None
    idempotency_key: str


@mutation(ConferenceResult)
async def hold_conference(act, input: HoldConferenceInput):  # type: ignore[no-untyped-def]
    """It took place: who came, and what was said."""
    return await operations.hold_conference(
        act,
        decode(input.id, "CaseConference"),
        expected_version=input.expected_version,
        minutes=input.minutes,
        attended_ids=[decode(one, "Organization") for one in input.attended_ids],
        held_at=input.held_at,
    )


@strawberry.input
class RecordConferenceDecisionInput:
    id: strawberry.ID
    expected_version: int
    measure: str
    organization_id: strawberry.ID = strawberry.field(description="Who owes it.")
    due_on: date
    idempotency_key: str


@mutation(ConferenceResult)
async def record_conference_decision(act, input: RecordConferenceDecisionInput):  # type: ignore[no-untyped-def]
    """A measure that one of those asked owes from now on."""
    return await operations.record_decision(
        act,
        decode(input.id, "CaseConference"),
        expected_version=input.expected_version,
        measure=input.measure,
        organization_id=decode(input.organization_id, "Organization"),
        due_on=input.due_on,
    )


@strawberry.input
class GrantConferenceExceptionInput:
    id: strawberry.ID
    expected_version: int
    rule: model.ExceptedRule
    rule_version: str = strawberry.field(description="The rule's version that is relaxed.")
    valid_to: date = strawberry.field(description="The first day without it.")
    reason: str | None = None
    idempotency_key: str


@mutation(ConferenceResult)
async def grant_conference_exception(act, input: GrantConferenceExceptionInput):  # type: ignore[no-untyped-def]
    """Relax a rule for this case, as its authority: an alert tells of it."""
    return await operations.grant_exception(
        act,
        decode(input.id, "CaseConference"),
        expected_version=input.expected_version,
        rule=input.rule,
        rule_version=input.rule_version,
        valid_to=input.valid_to,
        reason=input.reason,
    )


transition(
    "follow_up_conference",
    ConferenceResult,
    operations.follow_up_conference,
    "Everything that was decided is done.",
)
transition("close_conference", ConferenceResult, operations.close_conference, "It is done with.")
transition(
    "cancel_conference",
    ConferenceResult,
    operations.cancel_conference,
    "It does not take place, with a reason.",
)
