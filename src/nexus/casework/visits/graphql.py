"""Visits, plans, checklists and reports of changes in the graph."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Text, exists
from sqlalchemy.orm import aliased

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.casework.cases.graphql import Case
from nexus.casework.graphql import Station, Worker
from nexus.casework.model import RiskTier
from nexus.casework.visits import model, policy, queries
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_least,
    at_most,
    classified,
    collection,
    computed,
    extend,
    holds,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.filters import FilterField
from nexus.graph.specs import Filter, Order
from nexus.graph.sql import as_predicate
from nexus.organizations.graphql import Organization
from nexus.recipients.graphql import Household
from nexus.recipients.model import Household as Home

register_enums(
    model.VisitKind,
    model.VisitState,
    model.VisitCheck,
    model.VisitPlanState,
    model.ChangeState,
    RiskTier,
)


def _danger_waits(actor: Any, row: Any) -> Any:
    waits = row.danger & row.danger_answered_at.is_(None)
    return as_predicate(policy.may_answer_danger(actor, row)) & waits


@node(model.VisitChecklist, visible=policy.checklist_visible)
class VisitChecklist:
    """What is asked at a visit: one version of a list, which never changes."""

    code: str
    list_version: int
    title: str
    items: JSON
    valid_from: date


@node(
    model.Visit,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "perform_visit": ("perform", policy.may_perform),
        "update_visit": ("update", policy.may_update),
        "miss_visit": ("miss", policy.may_miss),
        "reschedule_visit": ("reschedule", policy.may_reschedule),
        "excuse_visit": ("excuse", policy.may_excuse),
        "cancel_visit": ("cancel", policy.may_cancel),
        "verify_visit": ("verify", policy.may_verify),
        "answer_danger": ("answer_danger", _danger_waits),
    },
)
class Visit:
    """A visit to a household: due within a window, then what was found.

    windowTo is the first day that is too late, dueOn the last day in time.
    """

    no: str
    household: Household | None = to_one(model.Visit.household_id)
    plan: "VisitPlan | None" = to_one(model.Visit.plan_id)
    case: Case | None = to_one(model.Visit.case_id)
    station: Station | None = to_one(model.Visit.station_id)
    worker: Worker | None = to_one(model.Visit.worker_id)
    with_worker: Worker | None = to_one(
        model.Visit.with_worker_id, about="Who comes along to a joint visit."
    )
    kind: model.VisitKind
    tier: RiskTier | None
    window_from: date
    window_to: date
    due_on: date
    overdue: bool = computed(queries.overdue, "The window is over and nothing was settled.")
    rule: str | None
    follow_up: bool
    previous: "Visit | None" = to_one(model.Visit.previous_id)
    performed_at: datetime | None
    recorded_at: datetime | None
    performer: Account | None = to_one(model.Visit.performed_by)
    minutes: int | None
    checklist: VisitChecklist | None = to_one(model.Visit.checklist_id)
    findings: JSON | None = classified(model.Visit.findings, allowed=policy.may_read_findings)
    summary: str | None = classified(model.Visit.summary, allowed=policy.may_read_summary)
    located_in: Area | None = to_one(model.Visit.located_in)
    located_near: bool | None
    change_reported: bool
    danger: bool
    danger_answered_at: datetime | None
    danger_answer: str | None = classified(
        model.Visit.danger_answer, allowed=policy.may_read_findings
    )
    to_verify: bool
    verified_at: datetime | None
    verified_how: model.VisitCheck | None
    verifier: Account | None = to_one(model.Visit.verified_by)
    state: model.VisitState
    state_reason: str | None = classified(
        model.Visit.state_reason, allowed=policy.may_read_findings
    )
    version: int
    created_at: datetime
    changes: "Connection[ChangeReport]" = to_many(
        model.ChangeReport.visit_id, order=Order(("recorded_at",))
    )


@node(
    model.VisitPlan,
    visible=policy.visible,
    transitions=model.PLAN_TRANSITIONS,
    actions={
        "change_visit_plan": ("change", policy.may_change_plan),
        "end_visit_plan": ("end", policy.may_end_plan),
    },
)
class VisitPlan:
    """How often a household is visited, and by whom. One active plan a household."""

    no: str
    household: Household | None = to_one(model.VisitPlan.household_id)
    case: Case | None = to_one(model.VisitPlan.case_id)
    station: Station | None = to_one(model.VisitPlan.station_id)
    worker: Worker | None = to_one(model.VisitPlan.worker_id)
    tier: RiskTier
    kind: model.VisitKind
    starts_on: date
    next_due_on: date | None = computed(
        queries.next_due, "The last day in time of the visit that is scheduled."
    )
    state: model.VisitPlanState
    state_reason: str | None = classified(
        model.VisitPlan.state_reason, allowed=policy.may_read_findings
    )
    ended_at: datetime | None
    version: int
    created_at: datetime
    visits: Connection[Visit] = to_many(
        model.Visit.plan_id, order=Order(("due_on",), descending=True)
    )


@node(
    model.ChangeReport,
    visible=policy.visible,
    transitions=model.CHANGE_TRANSITIONS,
    actions={"handle_change": ("handle", policy.may_handle)},
)
class ChangeReport:
    """What changed in a household, told to the authority; `changes` are of `household_change`."""

    no: str
    household: Household | None = to_one(model.ChangeReport.household_id)
    visit: Visit | None = to_one(model.ChangeReport.visit_id)
    station: Station | None = to_one(model.ChangeReport.station_id)
    authority: Organization | None = to_one(model.ChangeReport.authority_id)
    changes: list[str]
    major: bool
    note: str | None = classified(model.ChangeReport.note, allowed=policy.may_read_findings)
    happened_on: date | None
    reported_at: datetime
    recorded_at: datetime
    follow_up: Visit | None = to_one(model.ChangeReport.follow_up_id)
    handled_at: datetime | None
    state: model.ChangeState
    state_reason: str | None = classified(
        model.ChangeReport.state_reason, allowed=policy.may_read_findings
    )
    version: int


@extend(Household)
class HouseholdVisits:
    visits: Connection[Visit] = to_many(
        model.Visit.household_id, order=Order(("due_on",), descending=True)
    )
    visit_plans: Connection[VisitPlan] = to_many(
        model.VisitPlan.household_id, order=Order(("created_at",), descending=True)
    )
    change_reports: Connection[ChangeReport] = to_many(
        model.ChangeReport.household_id, order=Order(("recorded_at",), descending=True)
    )


def _lives_within() -> FilterField:
    """The household's area is the given one or lies beneath it."""

    def predicate(row: Any, value: Any) -> Any:
        home = aliased(Home)
        return exists().where(
            home.id == row.household_id,
            home.area_code >= value,
            home.area_code < value.concat("~"),
        )

    return FilterField(str, Filter(predicate, Text(), lambda code: "" if code == "CN" else code))


_NEWEST = Order(("created_at",), descending=True)


@query
class VisitQuery:
    visits: Connection[Visit] = collection(
        "Visit",
        orders={"DUE": Order(("due_on",)), "NEWEST": _NEWEST},
        filters={
            "state": any_of(model.Visit.state),
            "tier": any_of(model.Visit.tier),
            "kind": any_of(model.Visit.kind),
            "area": _lives_within(),
            "danger": holds(lambda row: row.danger & row.danger_answered_at.is_(None)),
            "open": holds(lambda row: row.state.in_(model.OPEN)),
            "due": at_most(model.Visit.due_on, date),
            "performed_since": at_least(model.Visit.performed_at, datetime),
        },
        about="The visits of your station, or of your territory.",
    )
    visit_plans: Connection[VisitPlan] = collection(
        "VisitPlan",
        orders={"NEWEST": _NEWEST},
        filters={
            "state": any_of(model.VisitPlan.state),
            "tier": any_of(model.VisitPlan.tier),
            "area": _lives_within(),
        },
        about="Who is visited how often.",
    )
    change_reports: Connection[ChangeReport] = collection(
        "ChangeReport",
        orders={"NEWEST": Order(("recorded_at",), descending=True)},
        filters={
            "state": any_of(model.ChangeReport.state),
            "major": holds(lambda row: row.major),
            "area": _lives_within(),
        },
        about="What stations told of changes in households.",
    )
    visit_checklists: Connection[VisitChecklist] = collection(
        "VisitChecklist",
        orders={"NEWEST": Order(("valid_from",), descending=True)},
        about="What is asked at a visit, by version.",
    )


VisitResult = result("Visit", Visit)
VisitPlanResult = result("VisitPlan", VisitPlan)
ChangeReportResult = result("ChangeReport", ChangeReport)
ChecklistResult = result("VisitChecklist", VisitChecklist)
