"""Case files with their plans, goals and trail, in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import Uuid

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.casework.assessments.graphql import Assessment
from nexus.casework.cases import model, policy, queries
from nexus.casework.graphql import Station, Worker
from nexus.casework.model import RiskTier
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_most,
    classified,
    collection,
    computed,
    containing,
    derived,
    extend,
    holds,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode
from nexus.graph.specs import Filter, May, Order
from nexus.graph.sql import as_predicate
from nexus.recipients.graphql import Household, Recipient

register_enums(
    model.CaseType,
    model.CaseState,
    model.CaseCloseReason,
    model.PlanState,
    model.GoalState,
    model.ReviewOutcome,
)
_WORDS = policy.may_read_words
NEWEST = Order(("created_at",), descending=True)


def _asked(may: May) -> May:
    """While somebody asked to close it."""

    def allowed(actor: Actor, row: Any) -> Any:
        return as_predicate(may(actor, row)) & row.closing_requested_at.is_not(None)

    return allowed


def _unrevoked(actor: Actor, row: Any) -> Any:
    return as_predicate(policy.may_revoke(actor, row)) & row.revoked_at.is_(None)


@node(
    model.Goal,
    visible=policy.goal_visible,
    transitions=model.GOAL_TRANSITIONS,
    actions={"settle_goal": ("achieve", policy.may_work)},
)
class Goal:
    """What a plan wants to reach, and by when."""

    position: int
    text: str
    measure: str | None
    target_on: date | None
    carried_from: "Goal | None" = to_one(model.Goal.carried_from_id)
    state: model.GoalState
    state_reason: str | None
    settled_at: datetime | None
    version: int
    plan: "CasePlan | None" = to_one(model.Goal.plan_id)


@node(
    model.CasePlan,
    visible=policy.plan_visible,
    transitions=model.PLAN_TRANSITIONS,
    actions={
        "update_plan": ("update", policy.may_plan),
        "submit_plan": ("submit", policy.may_plan),
        "return_plan": ("return", policy.may_return_plan),
        "approve_plan": ("approve", policy.may_approve_plan),
    },
)
class CasePlan:
    """One version of what is to be done; the station's lead approves it."""

    number: int
    summary: str | None = classified(model.CasePlan.summary, allowed=_WORDS)
    state: model.PlanState
    state_reason: str | None = classified(model.CasePlan.state_reason, allowed=_WORDS)
    submitted_at: datetime | None
    submitted_by: Account | None = to_one(model.CasePlan.submitted_by)
    approved_at: datetime | None
    approved_by: Account | None = to_one(model.CasePlan.approved_by)
    approved_by_self: bool
    version: int
    created_at: datetime
    case: "Case | None" = to_one(model.CasePlan.case_id)
    goals: Connection[Goal] = to_many(model.Goal.plan_id, order=Order(("position",)))


@node(model.PlanReview, visible=policy.review_visible)
class PlanReview:
    """Somebody looked at the approved plan again."""

    outcome: model.ReviewOutcome
    remarks: str | None = classified(model.PlanReview.remarks, allowed=_WORDS)
    due_at: datetime | None
    reviewed_at: datetime
    reviewed_by: Account | None = to_one(model.PlanReview.reviewed_by)


@node(model.CaseStep, visible=policy.step_visible)
class CaseStep:
    """One move of a case: a reopening leaves to be read how it was closed."""

    position: int
    verb: str
    from_state: model.CaseState | None
    to_state: model.CaseState
    reason: str | None = classified(model.CaseStep.reason, allowed=_WORDS)
    close_reason: model.CaseCloseReason | None
    happened_at: datetime
    by: Account | None = to_one(model.CaseStep.by_id)


@node(
    model.SelfApproval,
    visible=policy.grant_visible,
    actions={"revoke_self_approval": (None, _unrevoked)},
)
class SelfApproval:
    """The explicit right of a lead to approve their own work at a station, for a time."""

    account: Account | None = to_one(model.SelfApproval.account_id)
    station: Station | None = to_one(model.SelfApproval.station_id)
    reason: str
    valid_from: date
    valid_to: date
    granted_at: datetime
    granted_by: Account | None = to_one(model.SelfApproval.granted_by)
    revoked_at: datetime | None
    version: int


@node(Event, visible=policy.event_visible)
class CaseEvent:
    """What happened to a case, for its station. Facts are ids, codes and numbers."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Case,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_case": ("update", policy.may_update),
        "assign_case": ("assign", policy.may_assign),
        "reject_case": ("reject", policy.may_reject),
        "begin_assessment": ("begin_assessment", policy.may_begin),
        "begin_planning": ("begin_planning", policy.may_begin),
        "create_plan": ("plan", policy.may_plan),
        "begin_intervention": ("begin_intervention", policy.may_begin),
        "review_plan": ("review", policy.may_review),
        "begin_evaluation": ("begin_evaluation", policy.may_begin),
        "evaluate_case": ("evaluate", policy.may_evaluate),
        "request_closing": ("request_closing", policy.may_request_closing),
        "decline_closing": ("decline_closing", _asked(policy.may_decline_closing)),
        "close_case": ("close", _asked(policy.may_close)),
        "reopen_case": ("reopen", policy.may_reopen),
        "hold_case": ("hold", policy.may_hold),
        "resume_case": ("resume_intake", policy.may_resume),
        "refer_out_case": ("refer_out", policy.may_refer_out),
    },
)
class Case:
    """A case file (个案). The territory's authority sees its stage and outcome, not its words."""

    no: str
    case_type: model.CaseType
    risk_tier: RiskTier | None
    state: model.CaseState
    state_reason: str | None = classified(model.Case.state_reason, allowed=_WORDS)
    held_from: model.CaseState | None
    stage_at: datetime
    opening: str | None = classified(model.Case.opening, allowed=_WORDS)
    plan_version: int
    review_due_at: datetime | None
    review_overdue: bool = computed(
        lambda actor, row: queries.review_overdue(row, actor.now),
        "The approved plan should have been looked at again by now.",
    )
    evaluated_at: datetime | None
    client_told_at: datetime | None
    close_reason: model.CaseCloseReason | None
    closing_requested_at: datetime | None
    closed_at: datetime | None
    closed_by_self: bool
    referred_to: str | None = classified(model.Case.referred_to, allowed=_WORDS)
    version: int
    created_at: datetime
    household: Household | None = to_one(model.Case.household_id)
    recipient: Recipient | None = to_one(model.Case.recipient_id)
    area: Area | None = to_one(model.Case.area_code)
    station: Station | None = to_one(model.Case.station_id)
    worker: Worker | None = to_one(model.Case.worker_id, about="The posting that owns it.")
    supervisor: Account | None = to_one(model.Case.supervisor_id)
    assessment: Assessment | None = to_one(model.Case.assessment_id)
    plans: Connection[CasePlan] = to_many(
        model.CasePlan.case_id, order=Order(("number",), descending=True)
    )
    reviews: Connection[PlanReview] = to_many(
        model.PlanReview.case_id, order=Order(("reviewed_at",), descending=True)
    )
    steps: Connection[CaseStep] = to_many(model.CaseStep.case_id, order=Order(("position",)))
    history: Connection[CaseEvent] | None = to_many(
        Event.object_id, order=Order(("position",)), allowed=_WORDS
    )


@record
class CaseLoad:
    """How many open cases of a tier there are; UNASSESSED before an assessment."""

    tier: str
    cases: int


@extend(Worker)
class WorkerCases:
    case_load: list[CaseLoad] = derived(
        queries.load_of("worker_id"), about="The open cases of the posting that you see, by tier."
    )
    cases: Connection[Case] = to_many(model.Case.worker_id, order=NEWEST)


@extend(Station)
class StationCases:
    case_load: list[CaseLoad] = derived(
        queries.load_of("station_id"), about="The open cases of the station that you see, by tier."
    )


@extend(Household)
class HouseholdCases:
    cases: Connection[Case] = to_many(model.Case.household_id, order=NEWEST)


def _worker_id(global_id: str) -> Any:
    return decode(global_id, "Worker")


def _household_id(global_id: str) -> Any:
    return decode(global_id, "Household")


@query
class CaseQuery:
    cases: Connection[Case] = collection(
        "Case",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.Case.state),
            "tier": any_of(model.Case.risk_tier),
            "area": within(model.Case.area_code),
            "open": holds(lambda row: row.state.in_(model.OPEN)),
            "worker": FilterField(
                strawberry.ID,
                Filter(lambda row, value: row.worker_id == value, Uuid(), _worker_id),
            ),
            "household": FilterField(
                strawberry.ID, Filter(queries.of_household, Uuid(), _household_id)
            ),
            "review_due": at_most(model.Case.review_due_at, datetime),
            "text": containing(model.Case.no),
        },
        about="The cases of your station, or of your territory as far as an authority sees them. "
        "`household` finds those of its merged records too.",
    )
    self_approvals: Connection[SelfApproval] = collection(
        "SelfApproval",
        orders={"NEWEST": Order(("granted_at",), descending=True)},
        about="Who may approve their own work, where and until when.",
    )


CaseResult = result("Case", Case)
PlanResult = result("CasePlan", CasePlan)
GoalResult = result("Goal", Goal)
SelfApprovalResult = result("SelfApproval", SelfApproval)
