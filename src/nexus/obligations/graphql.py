"""Obligations in the graph."""

from datetime import datetime

import strawberry
from sqlalchemy import DateTime, Text

from nexus.areas.graphql import Area
from nexus.graph.declare import (
    JSON,
    Connection,
    Node,
    any_of,
    at_most,
    collection,
    computed,
    extend,
    mutation,
    node,
    node_of,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode
from nexus.graph.specs import Filter, Order
from nexus.obligations import model, operations, policy, queries
from nexus.organizations.graphql import Organization

register_enums(model.ObligationKind, model.ObligationState)

SUBJECTS = (
    *("CharityProject", "Consent", "DiscoveryReport", "EmergencyEvent", "Need", "Organization"),
    *("ConferenceDecision", "Pledge", "Recognition", "Referral"),
)
"""The types of rows that obligations are about, by their names: most stand above this slice."""


@node(
    model.Obligation,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "discharge_obligation": ("discharge", policy.may_discharge),
        "waive_obligation": ("waive", policy.may_waive),
    },
)
class Obligation:
    """What one organization must still do about a row, and until when."""

    no: str
    kind: model.ObligationKind
    subject_type: str
    subject: Node | None = node_of(
        SUBJECTS,
        "subject_type",
        "subject_id",
        about="The row it is about; null when you do not see it.",
    )
    owner: Organization | None = to_one(model.Obligation.organization_id)
    area: Area | None = to_one(model.Obligation.area_code, allowed=policy.may_read_area)
    due_at: datetime | None
    overdue: bool = computed(
        lambda actor, row: queries.is_overdue(row, actor.now), about="Open, and its time is up."
    )
    rule: str | None
    details: JSON | None
    evidence: str | None
    state: model.ObligationState
    state_reason: str | None
    version: int
    created_at: datetime
    closed_at: datetime | None


@extend(Organization)
class OrganizationObligations:
    obligations: Connection[Obligation] = to_many(
        model.Obligation.organization_id,
        order=Order(("sorts_at",)),
        about="What it must still do or did, the most urgent first, as far as you see it.",
    )


def _overdue() -> FilterField:
    """Open obligations whose time was up at the moment given."""
    spec = Filter(queries.is_overdue, DateTime(timezone=True))
    return FilterField(datetime, spec)


@query
class ObligationQuery:
    obligations: Connection[Obligation] = collection(
        "Obligation",
        orders={
            "DUE": Order(("sorts_at",)),
            "NEWEST": Order(("created_at",), descending=True),
        },
        filters={
            "kind": any_of(model.Obligation.kind),
            "state": any_of(model.Obligation.state),
            "due_by": at_most(model.Obligation.due_at, datetime),
            "overdue_at": _overdue(),
            "area": within(model.Obligation.area_code),
            "subject_type": FilterField(
                str, Filter(lambda row, name: row.subject_type == name, Text())
            ),
        },
        about="What your organization must still do, and what is owed in your territory.",
    )


ObligationResult = result("Obligation", Obligation)


@strawberry.input
class DischargeObligationInput:
    id: strawberry.ID
    expected_version: int
    evidence: str
    idempotency_key: str


@mutation(ObligationResult)
async def discharge_obligation(act, input: DischargeObligationInput):  # type: ignore[no-untyped-def]
    """It is done: `evidence` says by what one can tell, without personal data."""
    return await operations.discharge_obligation(
        act,
        decode(input.id, "Obligation"),
        expected_version=input.expected_version,
        evidence=input.evidence,
    )


transition(
    "waive_obligation",
    ObligationResult,
    operations.waive_obligation,
    "Let it go, with a reason: an alert tells of it.",
)
