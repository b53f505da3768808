"""What of an event a caller may know: the change itself, a tombstone, or nothing.

Both are decided at the moment of reading, from the object as it stands then.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, any_, case, exists, false, func, or_, select, true
from sqlalchemy.orm import aliased
from sqlalchemy.sql.elements import False_

from nexus.acting import CHARITY, Actor, Role, Visible, shape
from nexus.casework import policy as casework_policy
from nexus.casework.assessments import policy as assessments_policy
from nexus.casework.assessments.model import Assessment
from nexus.casework.cases import policy as cases_policy
from nexus.casework.cases.model import Case, CasePlan
from nexus.casework.conferences import policy as conferences_policy
from nexus.casework.conferences.model import CaseConference
from nexus.casework.model import Station
from nexus.casework.pairing import policy as pairing_policy
from nexus.casework.pairing.model import Contribution, Pairing
from nexus.casework.visits import policy as visits_policy
from nexus.casework.visits.model import ChangeReport, Visit, VisitPlan
from nexus.charity import policy as charity_policy
from nexus.charity.model import CharityProject, Offer
from nexus.core.outbox import Event
from nexus.discovery import policy as discovery_policy
from nexus.discovery.model import DiscoveryReport
from nexus.emergencies import policy as emergencies_policy
from nexus.emergencies.model import EmergencyEvent, Relaxation, RelaxedRule
from nexus.evaluation.evaluations import policy as evaluations_policy
from nexus.evaluation.evaluations.model import Evaluation
from nexus.evaluation.rectifications import policy as rectifications_policy
from nexus.evaluation.rectifications.model import Rectification
from nexus.exchange.changes.rules import NOUNS, kinds
from nexus.graph.sql import as_predicate
from nexus.matching.deliveries import policy as deliveries_policy
from nexus.matching.feedback import policy as feedback_policy
from nexus.matching.feedback.model import Feedback
from nexus.matching.pledges import policy as pledges_policy
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.referrals import policy as referrals_policy
from nexus.matching.referrals.model import Referral
from nexus.matching.replies import policy as replies_policy
from nexus.matching.replies.model import AuthorityReply
from nexus.matching.suggestions import policy as suggestions_policy
from nexus.matching.suggestions.model import Gap
from nexus.matching.tasks import policy as links_policy
from nexus.matching.tasks.model import TaskLink
from nexus.needs import policy as needs_policy
from nexus.needs.model import Need, SubjectKind, Visibility
from nexus.needs.notices import policy as notices_policy
from nexus.needs.notices.model import MissingNotice
from nexus.obligations import policy as obligations_policy
from nexus.obligations.model import Obligation
from nexus.organizations import policy as organizations_policy
from nexus.organizations.model import Organization, Qualification
from nexus.organizations.queries import is_verified
from nexus.purchasing.acceptance import policy as acceptance_policy
from nexus.purchasing.acceptance.model import Acceptance
from nexus.purchasing.budgets import policy as budgets_policy
from nexus.purchasing.budgets.model import BudgetLine
from nexus.purchasing.catalogue import policy as catalogue_policy
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.contracts import policy as contracts_policy
from nexus.purchasing.contracts.model import Contract, Milestone
from nexus.purchasing.facts import policy as facts_policy
from nexus.purchasing.facts.model import ServiceFact
from nexus.purchasing.payments import policy as payments_policy
from nexus.purchasing.payments.model import Invoice, Payment
from nexus.purchasing.procurements import policy as procurements_policy
from nexus.purchasing.procurements.model import Award, Bid, Procurement
from nexus.purchasing.procurements.suppliers import policy as suppliers_policy
from nexus.purchasing.procurements.suppliers.model import (
    SupplierAdmission,
    SupplierList,
    SupplierStanding,
)
from nexus.recipients import policy as recipients_policy
from nexus.recipients.model import Consent, Household, Recipient, Recognition
from nexus.supervision.alerts import policy as alerts_policy
from nexus.supervision.alerts.model import Alert
from nexus.volunteering import policy as volunteers_policy
from nexus.volunteering.certificates import policy as certificates_policy
from nexus.volunteering.certificates.model import Certificate
from nexus.volunteering.hours import policy as hours_policy
from nexus.volunteering.hours.model import CheckIn, ServiceRecord
from nexus.volunteering.model import Volunteer
from nexus.volunteering.tasks import policy as tasks_policy
from nexus.volunteering.tasks.model import Signup, VolunteerTask

Judge = Callable[[Actor, Any], Any]


@dataclass(frozen=True)
class Source:
    """How the objects of one table are judged.

    `insider` sees the inner history too; `audience` could see the object while it was shown.
    """

    table: Any
    visible: Visible
    insider: Judge = lambda actor, row: True
    audience: Judge | None = None


def _need_audience(actor: Actor, row: Any) -> Any:
    """Whom the publication was for, whatever became of the consent since."""
    consent = aliased(Consent)
    to_all = func.cardinality(consent.receiver_ids) == 0
    named_here = any_(consent.receiver_ids) == actor.organization_id
    group = row.subject_kind == SubjectKind.GROUP

    def consented(*, partner: bool) -> ColumnElement[bool]:
        purposes = ("PUB", "MATCH") if partner else ("PUB",)
        receivers = or_(to_all, named_here) if partner else to_all
        found = select(true()).where(
            consent.id == row.consent_id, consent.purposes.overlap(list(purposes)), receivers
        )
        return func.coalesce(found.correlate_except(consent).scalar_subquery(), false())

    relaxed = aliased(Relaxation)
    on_a_basis = exists().where(
        relaxed.subject_id == row.id, relaxed.rule == RelaxedRule.CONSENT_LATER
    )
    open_to_all = or_(group, on_a_basis)
    public = and_(row.visibility == Visibility.PUBLIC, or_(open_to_all, consented(partner=False)))
    if actor.role not in CHARITY:
        return public
    named_only = select(named_here).where(consent.id == row.consent_id)
    wide = row.visibility.in_((Visibility.PUBLIC, Visibility.PARTNERS))
    partners = or_(
        and_(wide, or_(open_to_all, consented(partner=True))),
        and_(
            row.visibility == Visibility.NAMED,
            func.coalesce(named_only.correlate_except(consent).scalar_subquery(), false()),
        ),
    )
    return or_(public, and_(partners, is_verified(actor.organization_id)))


def _gap_audience(actor: Actor, row: Any) -> Any:
    """Who could see the need it is a gap of: charities only."""
    if actor.role not in CHARITY:
        return False
    need = aliased(Need)
    found = select(as_predicate(_need_audience(actor, need))).where(need.id == row.need_id)
    return func.coalesce(found.correlate_except(need).scalar_subquery(), false())


SOURCES: dict[str, Source] = {
    "organization": Source(
        Organization, organizations_policy.visible, organizations_policy.may_read_reason
    ),
    "qualification": Source(Qualification, organizations_policy.qualification_visible),
    "station": Source(Station, casework_policy.visible),
    "charity_project": Source(
        CharityProject, charity_policy.project_visible, charity_policy.may_read_reason
    ),
    "offer": Source(
        Offer,
        charity_policy.visible,
        charity_policy.may_read_reason,
        audience=lambda actor, row: True,
    ),
    "need": Source(Need, needs_policy.visible, needs_policy.may_read_detail, _need_audience),
    "pledge": Source(Pledge, pledges_policy.visible),
    "delivery": Source(Delivery, deliveries_policy.visible),
    "feedback": Source(Feedback, feedback_policy.visible),
    "referral": Source(Referral, referrals_policy.visible),
    "authority_reply": Source(AuthorityReply, replies_policy.visible),
    "gap": Source(Gap, suggestions_policy.visible, audience=_gap_audience),
    "household": Source(Household, recipients_policy.visible),
    "recipient": Source(Recipient, recipients_policy.recipient_visible),
    "recognition": Source(Recognition, recipients_policy.recognition_visible),
    "consent": Source(Consent, recipients_policy.consent_visible),
    "obligation": Source(Obligation, obligations_policy.visible),
    "alert": Source(Alert, alerts_policy.visible),
    "discovery_report": Source(
        DiscoveryReport, discovery_policy.visible, discovery_policy.may_read_detail
    ),
    "emergency_event": Source(
        EmergencyEvent, emergencies_policy.visible, emergencies_policy.may_read_reason
    ),
    "volunteer": Source(Volunteer, volunteers_policy.visible),
    "volunteer_task": Source(VolunteerTask, tasks_policy.visible, tasks_policy.may_read_reason),
    "signup": Source(Signup, tasks_policy.signup_visible),
    "check_in": Source(CheckIn, hours_policy.visible),
    "service_record": Source(ServiceRecord, hours_policy.visible),
    "certificate": Source(
        Certificate, certificates_policy.visible, certificates_policy.may_read_inner
    ),
    "evaluation": Source(
        Evaluation, evaluations_policy.visible, evaluations_policy.may_read_report
    ),
    "service_fact": Source(ServiceFact, facts_policy.visible),
    "acceptance": Source(Acceptance, acceptance_policy.visible),
    "rectification": Source(Rectification, rectifications_policy.visible),
    "task_link": Source(TaskLink, links_policy.visible),
    "case_file": Source(Case, cases_policy.visible, cases_policy.may_read_words),
    "case_plan": Source(CasePlan, cases_policy.plan_visible),
    "assessment": Source(Assessment, assessments_policy.visible),
    "case_conference": Source(CaseConference, conferences_policy.visible),
    "visit": Source(Visit, visits_policy.visible),
    "visit_plan": Source(VisitPlan, visits_policy.visible),
    "change_report": Source(ChangeReport, visits_policy.visible),
    "pairing": Source(Pairing, pairing_policy.visible),
    "contribution": Source(Contribution, pairing_policy.contribution_visible),
    "missing_notice": Source(MissingNotice, notices_policy.visible),
    "catalogue_item": Source(CatalogueItem, catalogue_policy.visible),
    "budget_line": Source(BudgetLine, budgets_policy.visible),
    "supplier_list": Source(
        SupplierList, suppliers_policy.list_visible, procurements_policy.may_read_plan
    ),
    "supplier_admission": Source(SupplierAdmission, suppliers_policy.admission_visible),
    "supplier_standing": Source(SupplierStanding, suppliers_policy.standing_visible),
    "procurement": Source(
        Procurement, procurements_policy.visible, procurements_policy.may_read_plan
    ),
    "bid": Source(Bid, procurements_policy.bid_visible),
    "award": Source(
        Award, procurements_policy.award_visible, procurements_policy.may_read_proposal
    ),
    "contract": Source(Contract, contracts_policy.visible),
    "milestone": Source(Milestone, contracts_policy.part_visible),
    "invoice": Source(Invoice, payments_policy.visible),
    "payment": Source(Payment, payments_policy.payment_visible),
}


def seen(actor: Actor, event: Any) -> ColumnElement[bool]:
    """SQL: the object is visible to the actor, and so is this kind of change of it."""
    return _by_table(event, lambda table, source: _seen(actor, event, table, source))


def gone(actor: Actor, event: Any) -> ColumnElement[bool]:
    """SQL: the event may have taken the object out of the actor's sight: it is a tombstone.

    Only where the object had been shown before, to an audience the actor belonged to, and is not
    to be seen now. Whoever sees the object gets the change, not a tombstone.
    """
    return _by_table(event, lambda table, source: _gone(actor, event, table, source))


@cache
def told_tables(role: Role) -> list[str]:
    """The tables some of whose objects an actor of the role may see."""
    actor = shape(role)
    return [
        table
        for table, source in SOURCES.items()
        if not isinstance(as_predicate(source.visible(actor, aliased(source.table))), False_)
    ]


def _by_table(event: Any, judge: Callable[[str, Source], Any]) -> ColumnElement[bool]:
    branches = {table: judge(table, source) for table, source in SOURCES.items()}
    told = {t: as_predicate(answer) for t, answer in branches.items() if answer is not False}
    return case(told, value=event.object_type, else_=false())


def _seen(actor: Actor, event: Any, table: str, source: Source) -> Any:
    row: Any = aliased(source.table)
    inner = NOUNS[table].kinds(table, NOUNS[table].inner)
    shown = as_predicate(source.visible(actor, row))
    if inner:
        insider = as_predicate(source.insider(actor, row))
        shown = and_(shown, or_(event.kind.not_in(inner), insider))
    return and_(event.kind.in_(kinds(table)), _of(event, row, shown))


def _gone(actor: Actor, event: Any, table: str, source: Source) -> Any:
    noun = NOUNS[table]
    if source.audience is None or not noun.ending:
        return False
    row: Any = aliased(source.table)
    audience = source.audience(actor, row)
    if audience is False:
        return False
    before = aliased(Event)
    opened = (
        select(true())
        .where(
            before.object_type == event.object_type,
            before.object_id == event.object_id,
            before.sequence < event.sequence,
            before.kind.in_(noun.kinds(table, noun.opening)),
        )
        .limit(1)
        .correlate_except(before)
        .scalar_subquery()
    )
    shown = func.coalesce(as_predicate(source.visible(actor, row)), false())
    hidden = and_(as_predicate(audience), ~shown)
    return and_(
        event.kind.in_(noun.kinds(table, noun.ending)),
        func.coalesce(opened, false()),
        _of(event, row, hidden),
    )


def _of(event: Any, row: Any, holds: ColumnElement[bool]) -> ColumnElement[bool]:
    """SQL: it holds for the event's object. A scalar subquery by the key, so it is never hashed."""
    found = select(holds).where(row.id == event.object_id)
    return func.coalesce(found.correlate_except(row).scalar_subquery(), false())
