"""What can happen to which object, and who is told of it: plain tables, no database.

A kind is `outward` when everybody who sees the object may know that it happened; the others are
the object's inner history, told only to those who see that. An `ending` kind may take the object
out of somebody's sight: where it did, a tombstone is told. An `opening` kind brings it into sight.
"""

from dataclasses import dataclass, field
from enum import StrEnum

VISIBILITY = "visibility_changed"
"""The verb of news from elsewhere: a consent, a party or a day changed who sees the object."""


class ChangedType(StrEnum):
    """The objects that changes are told of, by table."""

    ORGANIZATION = "organization"
    QUALIFICATION = "qualification"
    STATION = "station"
    CHARITY_PROJECT = "charity_project"
    OFFER = "offer"
    NEED = "need"
    PLEDGE = "pledge"
    DELIVERY = "delivery"
    FEEDBACK = "feedback"
    AUTHORITY_REPLY = "authority_reply"
    GAP = "gap"
    HOUSEHOLD = "household"
    RECIPIENT = "recipient"
    RECOGNITION = "recognition"
    CONSENT = "consent"
    OBLIGATION = "obligation"
    ALERT = "alert"
    DISCOVERY_REPORT = "discovery_report"
    MISSING_NOTICE = "missing_notice"
    REFERRAL = "referral"
    EMERGENCY_EVENT = "emergency_event"
    VOLUNTEER = "volunteer"
    VOLUNTEER_TASK = "volunteer_task"
    SIGNUP = "signup"
    CASE_FILE = "case_file"
    CASE_PLAN = "case_plan"
    ASSESSMENT = "assessment"
    CASE_CONFERENCE = "case_conference"
    VISIT = "visit"
    VISIT_PLAN = "visit_plan"
    CHANGE_REPORT = "change_report"
    PAIRING = "pairing"
    CONTRIBUTION = "contribution"
    CHECK_IN = "check_in"
    SERVICE_RECORD = "service_record"
    CERTIFICATE = "certificate"
    TASK_LINK = "task_link"
    CATALOGUE_ITEM = "catalogue_item"
    BUDGET_LINE = "budget_line"
    INVOICE = "invoice"
    PAYMENT = "payment"
    EVALUATION = "evaluation"
    RECTIFICATION = "rectification"
    SUPPLIER_LIST = "supplier_list"
    SUPPLIER_ADMISSION = "supplier_admission"
    SUPPLIER_STANDING = "supplier_standing"
    PROCUREMENT = "procurement"
    BID = "bid"
    AWARD = "award"
    CONTRACT = "contract"
    MILESTONE = "milestone"
    SERVICE_FACT = "service_fact"
    ACCEPTANCE = "acceptance"


@dataclass(frozen=True)
class Noun:
    """An object that changes are told of: its GraphQL type and the verbs of its events."""

    type_name: str
    outward: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    opening: tuple[str, ...] = ()
    ending: tuple[str, ...] = ()
    kind_noun: str | None = None
    """The noun of its events' kinds, where that is not the table's name."""
    verbs: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "verbs", (*self.outward, *self.inner))

    def kinds(self, table: str, verbs: tuple[str, ...]) -> tuple[str, ...]:
        """The verbs as kinds, such as need.published."""
        return tuple(f"{self.kind_noun or table}.{verb}" for verb in verbs)


NOUNS: dict[str, Noun] = {
    "organization": Noun(
        "Organization",
        outward=("verified", "suspended", "reinstated", "deregistered", "updated"),
        inner=("created", "submitted", "rejected", "qualification_lapsed"),
    ),
    "qualification": Noun("Qualification", outward=("added",)),
    "station": Noun("Station", outward=("created", "opened", "paused", "resumed", "closed")),
    "charity_project": Noun(
        "CharityProject",
        outward=("started", "paused", "resumed", "completed", "disclosed", "archived", "updated"),
        inner=("created", "filed", "cancelled", "funds_recorded"),
        kind_noun="project",
    ),
    "offer": Noun(
        "Offer",
        outward=(
            *("listed", "updated", "areas_set", "capacity_set", "confirmed", "paused", "resumed"),
            *("withdrawn", "blocked", "unblocked", "expired", "turned_stale", VISIBILITY),
        ),
        inner=("created", "approved", "approval_ended"),
        opening=("listed",),
        ending=("paused", "withdrawn", "blocked", "expired", VISIBILITY),
    ),
    "need": Noun(
        "Need",
        outward=(
            *("published", "paused", "resumed", "closed", "reopened", "cancelled"),
            *("quantity_changed", "revised", "frozen", "confirmed", VISIBILITY),
            *("verified_later", "tranche_released"),
        ),
        inner=(
            *("created", "updated", "submitted", "verified", "returned", "rejected"),
            *("line_added", "line_removed", "linked_to_case", "moved"),
            "change_reported",
        ),
        opening=("published",),
        ending=(
            *("paused", "closed", "reopened", "cancelled", "revised", "verified_later"),
            VISIBILITY,
        ),
    ),
    "pledge": Noun(
        "Pledge",
        outward=(
            *("offered", "accepted", "rejected", "withdrawn", "expired", "release_requested"),
            *("released", "kept", "partly_fulfilled", "fulfilled", "unfulfilled"),
        ),
    ),
    "delivery": Noun(
        "Delivery",
        outward=("recorded", "acknowledged", "disputed", "upheld", "reversed", "verified"),
    ),
    "feedback": Noun("Feedback", outward=("given", "read", "handled")),
    "authority_reply": Noun("AuthorityReply", outward=("recorded",)),
    "gap": Noun(
        "Gap",
        outward=("opened", "addressed", "waived", "acknowledged", "purchase_planned"),
        opening=("opened",),
        ending=("addressed", "waived"),
    ),
    "household": Noun("Household", outward=("created", "updated")),
    "recipient": Noun("Recipient", outward=("created", "updated", "moved")),
    "recognition": Noun(
        "Recognition",
        outward=(
            *("recorded", "confirmed", "under_review", "upheld", "tapered", "suspended"),
            *("reinstated", "ended", "entered_in_error", "prolonged", "recheck_changed"),
            "admitted",
        ),
    ),
    "obligation": Noun("Obligation", outward=("opened", "done", "waived", "overdue")),
    "alert": Noun(
        "Alert",
        outward=(
            *("raised", "acknowledged", "handling", "resolved", "dismissed", "reopened"),
            *("cleared", "escalated"),
        ),
    ),
    "consent": Noun(
        "Consent",
        outward=(
            *("recorded", "granted", "confirmed", "refused", "withdrawn", "expired"),
            *("lapsed", "superseded"),
        ),
    ),
    "discovery_report": Noun(
        "DiscoveryReport",
        outward=(
            *("received", "triaged", "assigned", "contacted", "verified", "converted", "dismissed"),
            *("closed", "marked_duplicate", "transfer_offered", "taken_over", "replied"),
        ),
        inner=(
            *("danger_flagged", "supplemented", "linked", "overdue"),
            *("transfer_recalled", "transfer_refused"),
        ),
        opening=("received", "transfer_offered", "taken_over"),
        kind_noun="discovery",
    ),
    "emergency_event": Noun(
        "EmergencyEvent",
        outward=("declared", "amended", "activated", "stood_down", "ended", "reviewed"),
        kind_noun="emergency",
    ),
    "volunteer": Noun(
        "Volunteer",
        outward=(
            *("registered", "updated", "trained", "verified", "activated", "suspended"),
            *("reinstated", "left"),
        ),
    ),
    "volunteer_task": Noun(
        "VolunteerTask",
        outward=(
            *("published", "recruiting", "started", "ended", "slots_changed", "cancelled"),
            *("hours_confirmed", "closed"),
        ),
        inner=("created", "updated", "submitted", "returned"),
        opening=("published",),
        kind_noun="task",
    ),
    "signup": Noun(
        "Signup",
        outward=(
            *("applied", "confirmed", "waitlisted", "declined", "promoted", "passed_over"),
            *("cancelled", "attended", "missed"),
        ),
    ),
    "check_in": Noun("CheckIn", outward=("opened", "closed", "lapsed")),
    "service_record": Noun(
        "ServiceRecord",
        outward=(
            *("recorded", "sent_to_parent", "sent_to_province", "effective", "rejected"),
            *("disputed", "upheld", "corrected", "revoked"),
        ),
    ),
    "certificate": Noun(
        "Certificate",
        outward=("issued", "revoked", "superseded"),
        inner=("prepared", "dropped", "printed"),
        opening=("issued",),
    ),
    "task_link": Noun("TaskLink", outward=("created", "ended")),
    "catalogue_item": Noun(
        "CatalogueItem",
        outward=("published", "superseded", "retired"),
        inner=("drafted",),
        opening=("published",),
    ),
    "supplier_list": Noun(
        "SupplierList",
        outward=("opened", "closed", "ended"),
        inner=("created",),
        opening=("opened",),
    ),
    "supplier_admission": Noun(
        "SupplierAdmission",
        outward=(
            *("applied", "admitted", "refused", "suspended", "reinstated", "withdrawn"),
            "removed",
        ),
        opening=("admitted", "reinstated"),
        ending=("suspended", "withdrawn", "removed"),
    ),
    "supplier_standing": Noun("SupplierStanding", outward=("recorded",)),
    "procurement": Noun(
        "Procurement",
        outward=("published", "awarded", "contracted", "failed", "cancelled", "withdrawn"),
        inner=("planned", "revised", "gap_linked"),
        opening=("published",),
    ),
    "bid": Noun(
        "Bid",
        outward=("submitted", "withdrawn", "accepted", "disqualified"),
        ending=("withdrawn",),
    ),
    "award": Noun(
        "Award",
        outward=("confirmed", "cancelled"),
        inner=("proposed", "refused"),
        opening=("confirmed",),
    ),
    "contract": Noun(
        "Contract",
        outward=(
            *("drawn_up", "signed", "published", "amended", "reassigned", "suspended"),
            *("resumed", "completed", "terminated", "cancelled", "failed"),
        ),
        opening=("published",),
    ),
    "milestone": Noun("Milestone", outward=("met", "partially_met", "not_met")),
    "service_fact": Noun("ServiceFact", outward=("counted", "withdrawn")),
    "acceptance": Noun(
        "Acceptance",
        outward=(
            *("submitted", "reviewing", "checked", "accepted", "accepted_with_deduction"),
            *("rejected", "resubmitted", "fact_lost"),
        ),
    ),
    "evaluation": Noun(
        "Evaluation",
        outward=(
            *("planned", "started", "response_opened", "responded", "response_over"),
            *("redrafted", "finalized", "published", "corrected", "rectifying", "closed"),
        ),
        inner=("scored", "drafted", "clients_asked", "voice_tallied"),
        opening=("published",),
    ),
    "rectification": Noun(
        "Rectification",
        outward=("opened", "submitted", "sent_back", "verified", "overdue", "escalated"),
    ),
    "invoice": Noun("Invoice", outward=("submitted", "matched", "approved", "rejected")),
    "payment": Noun(
        "Payment",
        outward=(
            *("requested", "approved", "executed", "reconciled", "failed", "requested_again"),
            "reversed",
        ),
    ),
    "budget_line": Noun(
        "BudgetLine",
        outward=("drafted", "amended", "approved", "adjusted", "frozen", "unfrozen", "closed"),
    ),
    "case_file": Noun(
        "Case",
        outward=(
            *("created", "assigned", "rejected", "assessment_begun", "planning_begun"),
            *("intervention_begun", "evaluation_begun", "evaluated", "closing_requested"),
            *("closing_declined", "closed", "reopened", "held", "resumed", "referred_out"),
            *("moved", "review_due", "review_overdue", "handover_due", "reviewed", "self_approved"),
            *("participant_added", "participant_left"),
        ),
        inner=("updated", "contact_attempted"),
        opening=("created", "assigned", "moved"),
        ending=("assigned", "moved"),
        kind_noun="case",
    ),
    "case_plan": Noun(
        "CasePlan",
        outward=("created", "updated", "submitted", "returned", "approved", "superseded"),
    ),
    "assessment": Noun(
        "Assessment",
        outward=("created", "updated", "completed", "superseded", "countersigned"),
    ),
    "case_conference": Noun(
        "CaseConference",
        outward=(
            *("convened", "invited", "held", "decided", "exception_granted", "followed_up"),
            *("closed", "cancelled"),
        ),
        opening=("convened", "invited"),
        kind_noun="conference",
    ),
    "visit": Noun(
        "Visit",
        outward=(
            *("scheduled", "replanned", "performed", "updated", "missed", "rescheduled"),
            *("excused", "cancelled", "verified", "overdue", "danger_flagged", "danger_answered"),
        ),
    ),
    "visit_plan": Noun("VisitPlan", outward=("started", "changed", "ended")),
    "change_report": Noun("ChangeReport", outward=("reported", "handled"), kind_noun="change"),
    "pairing": Noun("Pairing", outward=("started", "contacted", "moved", "ended")),
    "contribution": Noun("Contribution", outward=("recorded", "corrected")),
    "missing_notice": Noun("MissingNotice", outward=("given",), kind_noun="notice"),
    "referral": Noun(
        "Referral",
        outward=(
            *("created", "sent", "accepted", "rejected", "expired", "started", "held", "resumed"),
            *("completed", "outcome_confirmed", "failed", "recalled", "reopened", "overdue"),
            "reminded",
            *("entered_in_error", "identity_requested", "identity_read"),
        ),
    ),
}
"""By table."""

NEVER_TOLD = frozenset(
    {"account", "access_token", "api_client", "identity", "worker", "attestation"}
    | {"relaxation", "field_edit", "case_note", "goal", "self_approval"}
    | {"schedule", "training", "visit_checklist"}
    | {"guardian", "roster", "team", "hours_booking"}
    | {"contracting"}
    | {"evaluation_scheme", "organization_tie", "evaluation_sample", "client_feedback"}
    | {"evaluation_addendum"}
    | {"visit_picture", "printout", "report_snapshot"}
    | {"import", "import_profile", "export", "upload", "webhook_endpoint", "webhook_delivery"}
    | {"exchange_partner", "message"}
    | {"exchange_partner", "message", "helped", "duplicate"}
)
"""Nouns of events that stay history: credentials, identity, postings, files, endpoints.

Who relies on an attestation asks for its standing when it matters.
"""
KEPT_BACK = frozenset({"recipient.found", "discovery.found_by_phone", "task.code_shown"})
"""Kinds that stay history though their object is told of: who looked for somebody by number, and
who showed the code of a minute."""


def kinds(table: str) -> tuple[str, ...]:
    """Every kind told of the table's objects."""
    return NOUNS[table].kinds(table, NOUNS[table].verbs)


ALL_KINDS = frozenset(kind for table in NOUNS for kind in kinds(table))
