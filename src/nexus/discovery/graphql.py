"""Discovery reports in the graph, with their trail and replies."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text
from sqlalchemy import column as sql_column

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.casework.graphql import Station
from nexus.core.outbox import Event
from nexus.discovery import model, policy, queries
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_most,
    classified,
    collection,
    computed,
    derived,
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
from nexus.graph.specs import Filter, May, Order
from nexus.graph.sql import as_predicate
from nexus.recipients.graphql import Household

register_enums(model.ReportState, model.CustodyKind)
_DETAIL = policy.may_read_detail
_TEXT = policy.may_read_text


def _kept(may: May) -> May:
    """While no transfer is open, too."""

    def allowed(actor: Actor, row: Any) -> Any:
        return as_predicate(may(actor, row)) & row.offered_area_code.is_(None)

    return allowed


def _offered(may: May) -> May:
    """While a transfer is open."""

    def allowed(actor: Actor, row: Any) -> Any:
        return as_predicate(may(actor, row)) & row.offered_area_code.is_not(None)

    return allowed


def _uncontacted(actor: Actor, row: Any) -> Any:
    return as_predicate(policy.may_contact(actor, row)) & row.contacted_at.is_(None)


@node(model.CustodyStep, visible=policy.step_visible)
class CustodyStep:
    """One step of the trail of who had a report, and to whom it went."""

    position: int
    kind: model.CustodyKind
    happened_at: datetime
    from_area: Area | None = to_one(model.CustodyStep.from_area_code)
    to_area: Area | None = to_one(model.CustodyStep.to_area_code)
    to_station: Station | None = to_one(
        model.CustodyStep.to_station_id, allowed=policy.may_read_step
    )
    owner: Account | None = to_one(
        model.CustodyStep.owner_id,
        allowed=policy.may_read_step,
        about="Who owned the report after the step.",
    )
    reason: str | None = classified(model.CustodyStep.reason, allowed=policy.may_read_step)
    report: "DiscoveryReport | None" = to_one(model.CustodyStep.report_id)


@node(model.HotlineReply, visible=policy.reply_visible)
class HotlineReply:
    """What a ticket's hotline was told; `code` is of the list `hotline_reply`."""

    position: int
    code: str
    text: str
    state: model.ReportState
    replied_at: datetime
    report: "DiscoveryReport | None" = to_one(model.HotlineReply.report_id)


@node(Event, visible=policy.event_visible)
class DiscoveryEvent:
    """What happened to a report, for those who handle it. Facts are ids, codes and numbers."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@record
class SimilarReport:
    """A report that may be about the same, and what speaks for it."""

    score: int
    reasons: list[str]
    report: "DiscoveryReport | None" = to_one(sql_column("report_id"))


@node(
    model.DiscoveryReport,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "triage_report": ("triage", policy.may_triage),
        "assign_report": ("assign", policy.may_assign),
        "record_first_contact": ("contact", _uncontacted),
        "flag_danger": ("flag_danger", policy.may_flag_danger),
        "verify_report": ("verify", policy.may_verify),
        "dismiss_report": ("dismiss", _kept(policy.may_dismiss)),
        "close_report": ("close", _kept(policy.may_close)),
        "mark_duplicate": ("mark_duplicate", _kept(policy.may_mark_duplicate)),
        "transfer_report": ("offer_transfer", _kept(policy.may_offer_transfer)),
        "recall_transfer": ("recall_transfer", _offered(policy.may_recall_transfer)),
        "refuse_transfer": ("refuse_transfer", policy.may_refuse_transfer),
        "take_over_report": ("take_over", policy.may_take_over),
    },
)
class DiscoveryReport:
    """Somebody noticed hardship, or tells of their own; never without an owner after triage.

    Who told it sees where it stands; what is in it, the station and authority that have it.
    """

    no: str
    source: str
    duty_reporter: bool
    danger: bool
    received_at: datetime
    state: model.ReportState
    version: int
    created_at: datetime
    ended_at: datetime | None
    contact_due_at: datetime
    verify_due_at: datetime
    overdue: bool = computed(queries.overdue, "First contact or the visit is late at this moment.")
    contacted_at: datetime | None
    verified_at: datetime | None
    situation: str | None = classified(
        model.DiscoveryReport.situation, allowed=policy.may_read_own_words
    )
    findings: str | None = classified(model.DiscoveryReport.findings, allowed=_TEXT)
    state_reason: str | None = classified(model.DiscoveryReport.state_reason, allowed=_TEXT)
    visited_at: datetime | None = classified(model.DiscoveryReport.visited_at, allowed=_DETAIL)
    ticket_system: str | None = classified(
        model.DiscoveryReport.ticket_system, allowed=policy.may_read_place
    )
    ticket_type: str | None = classified(
        model.DiscoveryReport.ticket_type, allowed=policy.may_read_place
    )
    ticket_no: str | None = classified(
        model.DiscoveryReport.ticket_no, allowed=policy.may_read_place
    )
    reporter_known: bool = computed(
        lambda actor, row: row.contact_id.is_not(None),
        "Whether the vault has a name or phone; requestReporter asks to see it.",
    )
    area: Area | None = to_one(
        model.DiscoveryReport.area_code,
        allowed=policy.may_read_place,
        about="Where it occurred.",
    )
    custody_area: Area | None = to_one(
        model.DiscoveryReport.custody_area_code, about="Whose station or authority has it now."
    )
    offered_area: Area | None = to_one(
        model.DiscoveryReport.offered_area_code, about="To whom a transfer is offered."
    )
    station: Station | None = to_one(model.DiscoveryReport.station_id, allowed=_DETAIL)
    owner: Account | None = to_one(model.DiscoveryReport.owner_id, allowed=_DETAIL)
    household: Household | None = to_one(
        model.DiscoveryReport.household_id,
        allowed=_DETAIL,
        about="The household that it is suspected to be about.",
    )
    duplicate_of: "DiscoveryReport | None" = to_one(
        model.DiscoveryReport.duplicate_of_id, allowed=_DETAIL
    )
    duplicates: "Connection[DiscoveryReport] | None" = to_many(
        model.DiscoveryReport.duplicate_of_id, order=Order(("received_at",)), allowed=_DETAIL
    )
    custody: Connection[CustodyStep] = to_many(
        model.CustodyStep.report_id, order=Order(("position",))
    )
    replies: Connection[HotlineReply] = to_many(
        model.HotlineReply.report_id, order=Order(("position",))
    )
    similar: list[SimilarReport] = derived(
        queries.similar_to, about="Reports that may be about the same, likeliest first."
    )
    history: Connection[DiscoveryEvent] | None = to_many(
        Event.object_id, order=Order(("position",)), allowed=_DETAIL
    )


def _ticket(row: Any, number: ColumnElement[Any]) -> ColumnElement[bool]:
    return row.ticket_no == number  # type: ignore[no-any-return]


@query
class DiscoveryQuery:
    discovery_reports: Connection[DiscoveryReport] = collection(
        "DiscoveryReport",
        orders={
            "NEWEST": Order(("received_at",), descending=True),
            "CONTACT_DUE": Order(("contact_due_at",)),
            "VERIFY_DUE": Order(("verify_due_at",)),
        },
        filters={
            "state": any_of(model.DiscoveryReport.state),
            "source": any_of(model.DiscoveryReport.source),
            "area": within(model.DiscoveryReport.custody_area_code),
            "danger": holds(lambda row: row.danger),
            "open": holds(lambda row: row.state.in_(model.OPEN)),
            "contact_due": at_most(model.DiscoveryReport.contact_due_at, datetime),
            "verify_due": at_most(model.DiscoveryReport.verify_due_at, datetime),
            "ticket_no": FilterField(str, Filter(_ticket, Text())),
        },
        about="The reports you may see: your own, and those of your territory.",
    )


ReportResult = result("DiscoveryReport", DiscoveryReport)
