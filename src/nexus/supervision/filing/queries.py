"""Assessments by their instrument, cases by trail, plan and right, conferences by what they owe."""

from typing import Any

from sqlalchemy import Date, Select, Text, and_, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import aliased

from nexus.casework.assessments.model import Assessment, AssessmentState, Instrument
from nexus.casework.cases.model import (
    PLANNED,
    Case,
    CasePlan,
    CaseState,
    CaseStep,
    PlanState,
    SelfApproval,
)
from nexus.casework.cases.records.model import CaseEvaluation, CaseNote
from nexus.casework.conferences.model import (
    CaseConference,
    ConferenceDecision,
    ConferenceException,
    ConferenceParty,
    ConferenceState,
)
from nexus.casework.model import RiskTier
from nexus.core.outbox import Event
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.recipients.merging.queries import canonical_household
from nexus.supervision.alerts.model import Alert
from nexus.supervision.ledger.queries import finding

_COMPLETED = (AssessmentState.COMPLETED, AssessmentState.SUPERSEDED)


def _tier_follows_score() -> Select[Any]:
    """T23c: the tier is what the instrument's thresholds make of the score."""
    row, by = Assessment, Instrument
    high, medium = row.score >= by.high_from, row.score >= by.medium_from
    right = or_(
        and_(high, row.risk_tier == RiskTier.HIGH),
        and_(~high, medium, row.risk_tier == RiskTier.MEDIUM),
        and_(~medium, row.risk_tier == RiskTier.LOW),
    )
    signed = row.countersign_needed == (row.score >= by.countersign_from)
    named = row.rule_version == by.code + "/" + cast(by.revision, Text)
    return (
        finding(row.id, "its tier is not what its instrument makes of the score", score=row.score)
        .join(by, by.id == row.instrument_id)
        .where(row.state.in_(_COMPLETED), or_(~right, ~signed, ~named))
    )


def _trail_ends_where_it_stands() -> Select[Any]:
    step = CaseStep
    last = (
        select(step.case_id, step.to_state)
        .ext(distinct_on(step.case_id))
        .order_by(step.case_id, step.position.desc())
        .subquery()
    )
    return (
        finding(Case.id, "its trail ends in another state than it is in", state=Case.state)
        .join(last, last.c.case_id == Case.id, isouter=True)
        .where(or_(last.c.to_state.is_(None), last.c.to_state != Case.state))
    )


def _assessed() -> Select[Any]:
    """What is planned rests on a settled assessment of its own household (a person may move)."""
    row, found = Case, Assessment
    unsigned = and_(found.countersign_needed, found.countersigned_at.is_(None))
    stranger = canonical_household(found.household_id) != canonical_household(row.household_id)
    return (
        finding(row.id, "it rests on an assessment that is not settled, or not its own")
        .join(found, found.id == row.assessment_id)
        .where(
            or_(
                found.state == AssessmentState.DRAFT,
                unsigned,
                and_(row.recipient_id.is_(None), stranger),
            )
        )
    )


def _by_its_plan() -> Select[Any]:
    plan = aliased(CasePlan)
    standing = exists().where(
        plan.case_id == Case.id,
        plan.number == Case.plan_version,
        plan.state == PlanState.APPROVED,
    )
    stage = func.coalesce(Case.held_from, Case.state)
    return finding(Case.id, "its plan version is not that of an approved plan").where(
        or_(stage.in_(PLANNED), Case.plan_version > 0), ~standing
    )


def _evaluated() -> Select[Any]:
    made = aliased(CaseEvaluation)
    there = exists().where(made.case_id == Case.id, made.evaluated_at == Case.evaluated_at)
    return finding(Case.id, "it was closed, and nothing says what came of it").where(
        Case.state == CaseState.CLOSED, ~there
    )


def _right_held(account_id: Any, station_id: Any, at: Any) -> Any:
    right, day = aliased(SelfApproval), cast(func.timezone("Asia/Shanghai", at), Date)
    return exists().where(
        right.account_id == account_id,
        right.station_id == station_id,
        right.valid_from <= day,
        right.valid_to > day,
        right.granted_at <= at,
        or_(right.revoked_at.is_(None), right.revoked_at >= at),
    )


def _plan_alone_by_right() -> Select[Any]:
    """The station is that of the case now; who moves a case keeps the grant's trail."""
    held = _right_held(CasePlan.approved_by, Case.station_id, CasePlan.approved_at)
    return (
        finding(CasePlan.id, "its writer approved it without the right to")
        .join(Case, Case.id == CasePlan.case_id)
        .where(CasePlan.approved_by_self, ~held)
    )


def _closed_alone_by_right() -> Select[Any]:
    return finding(Case.id, "who asked to close it closed it, without the right to").where(
        Case.closed_by_self, ~_right_held(Case.closed_by, Case.station_id, Case.closed_at)
    )


def _alone_is_told() -> Select[Any]:
    told = aliased(Event)
    of_case = exists().where(told.object_id == Case.id, told.kind == "case.self_approved")
    alone = exists().where(CasePlan.case_id == Case.id, CasePlan.approved_by_self)
    return finding(Case.id, "somebody approved their own work, and history does not say so").where(
        or_(Case.closed_by_self, alone), ~of_case
    )


def _amendment_fits() -> Select[Any]:
    first = aliased(CaseNote)
    return (
        finding(CaseNote.id, "it amends a note of another case or level, or one not signed")
        .join(first, first.id == CaseNote.amends_id)
        .where(
            or_(
                first.case_id != CaseNote.case_id,
                first.level != CaseNote.level,
                first.state != "signed",
            )
        )
    )


def _decision_is_owed() -> Select[Any]:
    row, debt, party = ConferenceDecision, Obligation, aliased(ConferenceParty)
    asked = exists().where(
        party.conference_id == row.conference_id, party.organization_id == row.organization_id
    )
    wrong = or_(
        debt.kind != ObligationKind.CONFERENCE_FOLLOW_UP,
        debt.subject_id != row.id,
        debt.organization_id != row.organization_id,
        ~asked,
    )
    return (
        finding(row.id, "what it decided is owed by nobody, or by another", no=debt.no)
        .join(debt, debt.id == row.obligation_id)
        .where(wrong)
    )


def _followed_up() -> Select[Any]:
    row, debt = CaseConference, Obligation
    return (
        finding(row.id, "it was followed up, and something it decided is open", no=debt.no)
        .join(ConferenceDecision, ConferenceDecision.conference_id == row.id)
        .join(debt, debt.id == ConferenceDecision.obligation_id)
        .where(
            row.state.in_((ConferenceState.FOLLOWED_UP, ConferenceState.CLOSED)),
            debt.state == ObligationState.OPEN,
        )
    )


def _exception_is_told() -> Select[Any]:
    told, alert = aliased(Event), aliased(Alert)
    heard = exists().where(alert.rule == "rule.relaxed", alert.subject_id == ConferenceException.id)
    recorded = exists().where(
        told.object_id == ConferenceException.conference_id,
        told.kind == "conference.exception_granted",
    )
    late = ConferenceException.granted_at < func.now() - func.make_interval(0, 0, 0, 0, 1)
    return finding(ConferenceException.id, "a rule was relaxed and nobody was told").where(
        or_(~recorded, and_(late, ~heard))
    )


CHECKS: dict[str, Select[Any]] = {
    "T23c tier follows the score": _tier_follows_score(),
    "INV-17 case trail ends at its state": _trail_ends_where_it_stands(),
    "INV-19 case rests on its assessment": _assessed(),
    "INV-19 case goes by its plan": _by_its_plan(),
    "INV-19 closed case is evaluated": _evaluated(),
    "INV-18 plan approved alone by right": _plan_alone_by_right(),
    "INV-18 case closed alone by right": _closed_alone_by_right(),
    "INV-22 approval alone is told": _alone_is_told(),
    "INV-21 amendment fits its note": _amendment_fits(),
    "INV-20 decision is owed": _decision_is_owed(),
    "INV-19 conference is followed up": _followed_up(),
    "INV-22 exception is told": _exception_is_told(),
}
