"""Alerts in the graph."""

from datetime import datetime

import strawberry
from sqlalchemy import DateTime, Text, Uuid

from nexus.accounts.graphql import Account
from nexus.acting import NOBODY
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    JSON,
    Connection,
    Node,
    any_of,
    collection,
    computed,
    node,
    node_of,
    query,
    register_enums,
    result,
    to_one,
    transition,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import as_uuid, split
from nexus.graph.specs import Filter, Order
from nexus.obligations.graphql import SUBJECTS
from nexus.supervision.alerts import model, operations, policy, queries
from nexus.supervision.alerts.rules import RULES

register_enums(model.AlertState, model.AlertClass, model.Severity, model.Stage)


_ALSO = (
    *("Obligation", "Relaxation", "HelpOverride", "ExchangePartner", "ExchangeMessage"),
    *("Qualification", "Delivery", "Offer", "Case", "ConferenceException"),
)
"""Types of rows that only alerts are about."""


@node(
    model.Alert,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "acknowledge_alert": ("acknowledge", policy.may_acknowledge),
        "handle_alert": ("handle", policy.may_handle),
        "resolve_alert": ("resolve", policy.may_handle),
        "dismiss_alert": ("dismiss", policy.may_dismiss),
        "reopen_alert": ("reopen", policy.may_reopen),
    },
)
class Alert:
    """Something that an authority should look at, raised by a rule about a row."""

    no: str
    rule: str
    rule_version: int
    kind: model.AlertClass
    stage: model.Stage
    severity: model.Severity
    subject_type: str
    subject: Node | None = node_of(
        (*SUBJECTS, *_ALSO),
        "subject_type",
        "subject_id",
        about="The row it is about; null when you do not see it.",
    )
    evidence: JSON
    area: Area | None = to_one(model.Alert.area_code)
    owner: Account | None = to_one(model.Alert.owner_id)
    due_at: datetime
    overdue: bool = computed(
        lambda actor, row: queries.is_late(row, actor.now), about="Live, and its time is up."
    )
    escalated_at: datetime | None
    state: model.AlertState
    state_reason: str | None
    version: int
    opened_at: datetime
    closed_at: datetime | None


def _rule() -> FilterField:
    """Alerts of one rule."""
    return FilterField(str, Filter(lambda row, name: row.rule == name, Text()))


def _owned_by() -> FilterField:
    """Alerts that an account looks after, by its global id; an id that is none matches nothing."""

    def key(global_id: str) -> object:
        parts = split(global_id)
        return (as_uuid(parts[1]) if parts and parts[0] == "Account" else None) or NOBODY

    return FilterField(strawberry.ID, Filter(lambda row, value: row.owner_id == value, Uuid(), key))


@query
class AlertQuery:
    alerts: Connection[Alert] = collection(
        "Alert",
        orders={
            "DUE": Order(("due_at",)),
            "NEWEST": Order(("opened_at",), descending=True),
        },
        filters={
            "state": any_of(model.Alert.state),
            "kind": any_of(model.Alert.kind),
            "severity": any_of(model.Alert.severity),
            "rule": _rule(),
            "owner": _owned_by(),
            "area": within(model.Alert.area_code),
            "late_at": FilterField(datetime, Filter(queries.is_late, DateTime(timezone=True))),
        },
        about="What the authorities of your territory should look at. The rules: "
        + "; ".join(f"{rule.id}: {rule.about}" for rule in RULES.values()),
    )


AlertResult = result("Alert", Alert)

for _verb, _deed, _about in (
    ("acknowledge_alert", operations.acknowledge_alert, "Take it on: you own it from here on."),
    ("handle_alert", operations.handle_alert, "Work on it has begun: you own it."),
    ("resolve_alert", operations.resolve_alert, "It is settled: `reason` says how."),
    ("dismiss_alert", operations.dismiss_alert, "It needs nothing: `reason` says why."),
    ("reopen_alert", operations.reopen_alert, "It was not settled after all: open again."),
):
    transition(_verb, AlertResult, _deed, _about)
