"""Ties between organizations in the graph."""

from datetime import date, datetime

import strawberry

from nexus.accounts.graphql import Account
from nexus.evaluation.independence import model, operations, policy
from nexus.graph.declare import (
    Connection,
    collection,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.volunteering.hours.graphql import of

register_enums(model.TieKind)


@node(model.OrganizationTie, visible=policy.visible)
class OrganizationTie:
    """Two organizations are or were linked: neither evaluates the other for some time."""

    kind: model.TieKind
    from_on: date
    until_on: date | None
    note: str
    declared_at: datetime
    organization: Organization | None = to_one(model.OrganizationTie.organization_id)
    other: Organization | None = to_one(model.OrganizationTie.other_id)
    declared_by: Account | None = to_one(model.OrganizationTie.declared_by)


@query
class TieQuery:
    organization_ties: Connection[OrganizationTie] = collection(
        "OrganizationTie",
        orders={"NEWEST": Order(("declared_at",), descending=True)},
        filters={
            "organization": of(model.OrganizationTie.organization_id, "Organization"),
            "other": of(model.OrganizationTie.other_id, "Organization"),
        },
        about="Links that were declared between organizations.",
    )


TieResult = result("OrganizationTie", OrganizationTie)


@strawberry.input
class DeclareTieInput:
    """`untilOn` is end-exclusive; without it the tie lasts."""

    organization_id: strawberry.ID
    other_id: strawberry.ID
    kind: model.TieKind
    from_on: date
    until_on: date | None = None
    note: str
    idempotency_key: str


@mutation(TieResult)
async def declare_tie(act, input: DeclareTieInput):  # type: ignore[no-untyped-def]
    """Say that two organizations are or were linked, without naming a person."""
    return await operations.declare_tie(
        act,
        organization_id=decode(input.organization_id, "Organization"),
        other_id=decode(input.other_id, "Organization"),
        kind=input.kind,
        from_on=input.from_on,
        until_on=input.until_on,
        note=input.note,
    )
