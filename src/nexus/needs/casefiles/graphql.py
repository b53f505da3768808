"""Needs of a case in the graph."""

import strawberry

from nexus.casework.cases.graphql import Case
from nexus.graph.declare import Connection, extend, mutation, to_many, to_one
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.needs import model, policy
from nexus.needs.casefiles import operations
from nexus.needs.graphql import Need, NeedResult


@extend(Need)
class CaseOfNeed:
    case: Case | None = to_one(
        model.Need.case_id,
        allowed=policy.may_read_detail,
        about="The case that the need is part of.",
    )


@extend(Case)
class NeedsOfCase:
    needs: Connection[Need] = to_many(
        model.Need.case_id,
        order=Order(("created_at",)),
        about="What is wanted for the case: pledges and referrals of these are its resources.",
    )


@strawberry.input
class LinkNeedToCaseInput:
    id: strawberry.ID
    expected_version: int
    case_id: strawberry.ID
    idempotency_key: str


@mutation(NeedResult)
async def link_need_to_case(act, input: LinkNeedToCaseInput):  # type: ignore[no-untyped-def]
    """Make a need part of an open case of its household."""
    return await operations.link_need_to_case(
        act,
        decode(input.id, "Need"),
        expected_version=input.expected_version,
        case_id=decode(input.case_id, "Case"),
    )
