"""Which kinds of work there are, who sees each and for whom it waits: one line a kind."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, false, func, or_, select, true
from sqlalchemy.orm import aliased

from nexus.acting import GOVERNMENT, TERRITORIAL, Actor, Role, Visible
from nexus.casework.assessments import policy as assessments
from nexus.casework.assessments.model import Assessment
from nexus.casework.cases import policy as cases
from nexus.casework.cases.model import Case, CasePlan
from nexus.casework.visits import policy as visits
from nexus.casework.visits.model import ChangeReport, Visit
from nexus.charity import policy as charity
from nexus.charity.model import Offer
from nexus.discovery import policy as discovery
from nexus.discovery.model import DiscoveryReport
from nexus.graph.specs import May
from nexus.graph.sql import as_predicate
from nexus.matching.deliveries import policy as deliveries
from nexus.matching.feedback import policy as feedback
from nexus.matching.feedback.model import Feedback
from nexus.matching.pledges import policy as pledges
from nexus.matching.pledges.model import Delivery, Pledge
from nexus.matching.referrals import policy as referrals
from nexus.matching.referrals.model import Referral
from nexus.matching.suggestions import policy as gaps
from nexus.matching.suggestions.model import Gap
from nexus.needs import policy as needs
from nexus.needs.model import Need
from nexus.obligations import policy as obligations
from nexus.obligations.model import Obligation
from nexus.recipients import policy as recipients
from nexus.recipients.merging import policy as merging
from nexus.recipients.merging.model import DuplicateSuspicion
from nexus.recipients.model import Consent, Recognition

BY_PLACE = TERRITORIAL | {Role.DPO, Role.PLATFORM_ADMIN}
"""Roles whose desk is a territory; that of the others is their organization."""
TWO_DESKS = GOVERNMENT
"""Roles that act for a territory, and for what their organization publishes elsewhere."""


class Desk(StrEnum):
    """On whose desk a kind waits; oversight by place sees it everywhere."""

    PLACE = "place"
    """Of everybody of the territory who may do it; a charity's territory is its organization."""
    ORGANIZATION = "organization"
    """Of the organization that must do it."""
    PERSON = "person"
    """Of the one to whom it is assigned."""


@dataclass(frozen=True)
class Kind:
    """One kind of work: the row it is about, who sees the row, and who may do it."""

    name: str
    table: Any
    visible: Visible
    mays: tuple[May, ...]
    sentence: str
    """Why an entry is on the list, for people."""
    desk: Desk = Desk.PLACE
    own: frozenset[Role] = frozenset()
    """Roles that do it only where it is assigned to them, whatever its desk is for others."""

    def seen(self, actor: Actor, desk: Any) -> ColumnElement[bool]:
        """SQL: the actor sees the row of this entry."""
        return self._of_row(actor, desk, lambda row: self.visible(actor, row))

    def waits(self, actor: Actor, desk: Any) -> ColumnElement[bool]:
        """SQL: the actor sees the row, and may do what waits."""

        def both(row: Any) -> ColumnElement[bool]:
            doable = or_(*(as_predicate(may(actor, row)) for may in self.mays))
            return self.visible(actor, row) & doable

        return self._of_row(actor, desk, both)

    def _of_row(
        self, actor: Actor, desk: Any, condition: Callable[[Any], Any]
    ) -> ColumnElement[bool]:
        row = aliased(self.table)
        found = select(true()).where(row.id == desk.subject_id, condition(row))
        # A scalar by the key: for an EXISTS the planner would hash the whole table to show a page.
        return func.coalesce(found.correlate_except(row).scalar_subquery(), false())

    def is_seen_by(self, role_shape: Actor) -> bool:
        """Whether the role sees any such row."""
        return not isinstance(
            as_predicate(self.visible(role_shape, aliased(self.table))), type(false())
        )

    def waits_for(self, role_shape: Actor) -> bool:
        """Whether the role may do such work on any row."""
        row = aliased(self.table)
        return self.is_seen_by(role_shape) and any(
            may(role_shape, row) is not False for may in self.mays
        )


KINDS: dict[str, Kind] = {}
"""By name. Slices above add theirs."""


def waits(
    name: str,
    table: Any,
    visible: Visible,
    *mays: May,
    say: str,
    desk: Desk = Desk.PLACE,
    own: frozenset[Role] = frozenset(),
) -> Kind:
    """Declare a kind of work; its rows come from the view `work_of_<table>`."""
    KINDS[name] = Kind(name, table, visible, mays, say, desk, own)
    return KINDS[name]


def _helper_may_deliver(actor: Actor, row: Any) -> Any:
    """A station may record a delivery as well, but it waits for who pledged it."""
    return pledges.may_record_delivery(actor, row) if actor.role in pledges.PLEDGERS else False


def _keeper_may_renew(actor: Actor, row: Any) -> Any:
    """Whoever records what people say."""
    return recipients.may_record(actor, row)


def _first_contact(actor: Actor, row: Any) -> Any:
    return discovery.may_contact(actor, row)


waits(
    *("need.amend", Need, needs.visible, needs.may_submit),
    say="The need was returned: amend it and submit it again.",
)
waits(
    *("need.verify", Need, needs.visible, needs.may_verify),
    say="The need was submitted and waits to be verified.",
)
waits(
    *("need.publish", Need, needs.visible, needs.may_publish),
    say="The need is verified and waits to be published.",
)
waits(
    *("need.confirm", Need, needs.visible, needs.may_confirm_now),
    say="The recognition ended: confirm that the need still stands, or close it.",
)
waits(
    *("need.review", Need, needs.visible, needs.may_confirm_now),
    say="The household changed: confirm that the need still stands, or close it.",
)
waits(
    *("need.verify_later", Need, needs.visible, needs.may_verify_later_now),
    say="Help came first: the verification is still to be made.",
)
waits(
    *("need.decide", Need, needs.visible, needs.may_close),
    say="The day by which help was needed has passed: set a new one, or close the need.",
    own=frozenset({Role.SOCIAL_WORKER, Role.AIDE}),
)
waits(
    *("pledge.accept", Pledge, pledges.visible, pledges.may_accept),
    say="A pledge waits to be accepted or rejected.",
)
waits(
    *("pledge.release", Pledge, pledges.visible, pledges.may_release),
    say="The release of a pledge was asked for: release it or keep it.",
)
waits(
    *("pledge.deliver", Pledge, pledges.visible, _helper_may_deliver),
    say="The pledge is accepted: deliver, and record it.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("delivery.acknowledge", Delivery, deliveries.visible, deliveries.may_acknowledge),
    say="A delivery was recorded: ask the recipient, then acknowledge or dispute it.",
)
waits(
    *("delivery.settle", Delivery, deliveries.visible, deliveries.may_settle),
    say="The recipient disputes a delivery: uphold or reverse it.",
)
waits(
    *("feedback.read", Feedback, feedback.visible, feedback.may_read),
    say="Feedback came in and nobody has read it.",
)
waits(
    *("feedback.handle", Feedback, feedback.visible, feedback.may_handle),
    say="Feedback was read and waits to be handled.",
)
waits(
    *("gap.acknowledge", Gap, gaps.visible, gaps.may_decide),
    say="No offer can serve a line: look for help.",
)
waits(
    *("gap.address", Gap, gaps.visible, gaps.may_decide),
    say="A gap is acknowledged and not filled yet.",
)
waits(
    *("recognition.confirm", Recognition, recipients.recognition_visible),
    *(recipients.may_recognise,),
    say="A recognition waits to be confirmed.",
)
waits(
    *("recognition.decide", Recognition, recipients.recognition_visible),
    *(recipients.may_recognise,),
    say="A recognition is under review: uphold, taper or end it.",
)
waits(
    *("recognition.recheck", Recognition, recipients.recognition_visible),
    *(recipients.may_recognise,),
    say="The circumstances are to be checked again.",
)
waits(
    *("consent.ask", Consent, recipients.consent_visible, _keeper_may_renew),
    say="Consent was asked for and not answered.",
)
waits(
    *("consent.confirm", Consent, recipients.consent_visible, recipients.may_confirm),
    say="Somebody else said yes: have the person confirm it.",
)
waits(
    *("consent.renew", Consent, recipients.consent_visible, _keeper_may_renew),
    say="The consent expires: ask whether it is renewed.",
)
waits(
    *("offer.confirm", Offer, charity.visible, charity.may_keep),
    say="Confirm that the offer still holds: once stale it is not suggested.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("obligation.settle", Obligation, obligations.visible, obligations.may_discharge),
    say="Something is still owed: do it, and say by what one can tell.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("report.triage", DiscoveryReport, discovery.visible, discovery.may_triage),
    say="Hardship was reported: triage the report.",
)
waits(
    *("report.contact", DiscoveryReport, discovery.visible, _first_contact),
    say="Nobody has spoken to the person yet.",
)
waits(
    *("report.assign", DiscoveryReport, discovery.visible, discovery.may_assign),
    say="The report is triaged: assign it to who visits.",
)
waits(
    *("report.visit", DiscoveryReport, discovery.visible, discovery.may_verify),
    say="The report is assigned to you: visit, and say what you found.",
    desk=Desk.PERSON,
)
waits(
    *("report.conclude", DiscoveryReport, discovery.visible),
    *(discovery.may_convert, discovery.may_dismiss, discovery.may_close),
    say="The report is verified: convert, transfer or close it.",
)
waits(
    *("report.take_over", DiscoveryReport, discovery.visible, discovery.may_take_over),
    say="Another area offers a report: take it over or refuse it.",
)
waits(
    *("referral.send", Referral, referrals.visible, referrals.may_send),
    say="The referral is drawn up and not sent.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("referral.answer", Referral, referrals.visible, referrals.may_accept, referrals.may_reject),
    say="A referral waits for your answer: accept or reject it.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("referral.start", Referral, referrals.visible, referrals.may_start),
    say="The referral is accepted: start.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("referral.complete", Referral, referrals.visible, referrals.may_complete),
    say="The referral is under way: complete it, with its outcome.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("referral.confirm", Referral, referrals.visible, referrals.may_confirm_outcome_now),
    say="The referral came back: ask the client, and confirm the outcome.",
    desk=Desk.ORGANIZATION,
)
waits(
    *("duplicate.propose", DuplicateSuspicion, merging.visible),
    *(merging.may_propose, merging.may_keep_apart),
    say="Two records may be one person: propose to merge them, or keep them apart.",
)
waits(
    *("duplicate.decide", DuplicateSuspicion, merging.visible),
    *(merging.may_merge, merging.may_keep_apart),
    say="A merge was proposed: decide, as a second person.",
)
waits(
    *("assessment.countersign", Assessment, assessments.visible, assessments.may_countersign),
    say="The risk is high: countersign the assessment as the lead.",
)
waits(
    *("plan.approve", CasePlan, cases.plan_visible, cases.may_approve_plan, cases.may_return_plan),
    say="The plan of a case waits for the lead: approve it or return it.",
)
waits(
    *("case.review", Case, cases.visible, cases.may_review),
    say="The plan of a case is to be looked at again.",
    own=frozenset({Role.SOCIAL_WORKER}),
)
waits(
    *("case.assign", Case, cases.visible, cases.may_assign),
    say="The worker's post ends: assign the case to another.",
)
waits(
    *("case.close", Case, cases.visible, cases.may_close, cases.may_decline_closing),
    say="Somebody asks to close a case: approve it or decline.",
)
waits(
    *("visit.perform", Visit, visits.visible, visits.may_perform),
    say="A visit is due: make it within its window, and say what you found.",
    own=frozenset({Role.SOCIAL_WORKER, Role.AIDE}),
)
waits(
    *("visit.settle", Visit, visits.visible, visits.may_reschedule, visits.may_excuse),
    say="A visit did not take place: put it off, or excuse it.",
)
waits(
    *("visit.verify", Visit, visits.visible, visits.may_verify),
    say="A visit was drawn for a check: make sure of it, as a second person.",
)
waits(
    *("visit.danger", Visit, visits.visible, visits.may_answer_danger),
    say="A visit found danger: act now, and say what was done.",
)
waits(
    *("change.handle", ChangeReport, visits.visible, visits.may_handle),
    say="A household changed: look at what it is entitled to, and say what was done.",
)
