"""The rules that raise alerts, as data: what each watches, when, and how grave it is."""

from dataclasses import dataclass

from nexus.supervision.alerts.model import AlertClass, Severity, Stage


@dataclass(frozen=True, slots=True)
class Rule:
    """What raises an alert. Its `version` is kept with each one it raised."""

    id: str
    version: int
    stage: Stage
    severity: Severity
    about: str
    kind: AlertClass = AlertClass.LAPSE


_LISTED = (
    Rule("obligation.overdue", 1, Stage.IN, Severity.MAJOR, "An obligation is overdue."),
    Rule(
        "obligation.waived",
        1,
        Stage.POST,
        Severity.MINOR,
        "An authority let an obligation go.",
        AlertClass.OVERRIDE,
    ),
    Rule(
        "fundraising.lapsed",
        1,
        Stage.IN,
        Severity.MAJOR,
        "An organization raises funds in public without a valid certificate.",
    ),
    Rule("referral.overdue", 1, Stage.IN, Severity.MAJOR, "A referral waits for an answer."),
    Rule(
        "message.dead",
        1,
        Stage.IN,
        Severity.CRITICAL,
        "A message was given up after its last attempt.",
        AlertClass.FAULT,
    ),
    Rule(
        "partner.failing",
        1,
        Stage.IN,
        Severity.MAJOR,
        "An authority has not been reached for an hour.",
        AlertClass.FAULT,
    ),
    Rule("taper.ending", 1, Stage.PRE, Severity.MINOR, "A taper ends within 30 days."),
    Rule("recheck.due", 1, Stage.PRE, Severity.MINOR, "A re-check is due within 30 days."),
    Rule(
        "qualification.expiring",
        1,
        Stage.PRE,
        Severity.MAJOR,
        "An organization's certificate ends within 30 days and no later one is entered.",
    ),
    Rule(
        "consent.expiring",
        1,
        Stage.PRE,
        Severity.MINOR,
        "A consent on which a live need rests ends within 30 days.",
    ),
    Rule(
        "assertion.unconfirmed",
        1,
        Stage.IN,
        Severity.MINOR,
        "Somebody else's word for a consent is not confirmed and soon lapses.",
    ),
    Rule("disclosure.due", 1, Stage.PRE, Severity.MINOR, "A project's disclosure is due soon."),
    Rule(
        "delivery.unconfirmed",
        1,
        Stage.POST,
        Severity.MINOR,
        "A delivery was recorded seven days ago and nobody confirmed it.",
    ),
    Rule("pledge.expiring", 1, Stage.PRE, Severity.MINOR, "A pledge expires within a day."),
    Rule("offer.stale", 1, Stage.IN, Severity.MINOR, "An offer was not reviewed in time."),
    Rule("need.unmet", 1, Stage.IN, Severity.MAJOR, "A need is not met on its day."),
    Rule("report.overdue", 1, Stage.IN, Severity.MAJOR, "A report of hardship waits too long."),
    Rule("visit.danger", 1, Stage.IN, Severity.CRITICAL, "A visit found somebody in danger."),
    Rule("visit.overdue", 1, Stage.IN, Severity.MINOR, "A household was not visited in time."),
    Rule("case.review_overdue", 1, Stage.IN, Severity.MINOR, "A case's plan was not reviewed."),
    Rule(
        "case.self_approved",
        1,
        Stage.POST,
        Severity.MINOR,
        "A lead approved their own plan or closing of a case.",
        AlertClass.OVERRIDE,
    ),
    Rule(
        "money.off_purpose",
        1,
        Stage.IN,
        Severity.CRITICAL,
        "A contract is paid from a budget line that may not buy it.",
        AlertClass.SIGNAL,
    ),
    Rule(
        "money.off_payee",
        1,
        Stage.IN,
        Severity.CRITICAL,
        "A payment goes to somebody else than its contract's supplier, or to one not verified.",
        AlertClass.SIGNAL,
    ),
    Rule("money.held", 1, Stage.IN, Severity.MAJOR, "What was accepted is not paid on."),
    Rule(
        "payment.overdue", 1, Stage.IN, Severity.MAJOR, "An approved invoice is not paid in time."
    ),
    Rule("payment.critical", 1, Stage.IN, Severity.CRITICAL, "An invoice is unpaid for a month."),
    Rule("budget.committed", 1, Stage.PRE, Severity.MINOR, "A budget line is nearly used up."),
    Rule("contract.over_term", 1, Stage.IN, Severity.MAJOR, "A contract runs on after its term."),
    Rule("contract.unpublished", 1, Stage.IN, Severity.MAJOR, "A contract is published late."),
    Rule(
        "help.twice",
        1,
        Stage.IN,
        Severity.MINOR,
        "A household is helped twice with the same, on purpose.",
        AlertClass.OVERRIDE,
    ),
    Rule(
        "rule.relaxed",
        1,
        Stage.POST,
        Severity.MINOR,
        "A rule was relaxed in an emergency or by a case conference.",
        AlertClass.OVERRIDE,
    ),
)
RULES: dict[str, Rule] = {rule.id: rule for rule in _LISTED}
"""By id. A change of what a rule watches or of its severity counts its version up."""
