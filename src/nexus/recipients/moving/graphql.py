"""Moving a person, in the graph."""

from datetime import date

import strawberry

from nexus.graph.declare import mutation
from nexus.graph.identifiers import decode
from nexus.recipients.graphql import RecipientResult
from nexus.recipients.moving import operations


@strawberry.input
class MoveRecipientInput:
    """`householdRole` is the person's in the household joined."""

    id: strawberry.ID
    expected_version: int
    household_id: strawberry.ID
    household_role: str
    moved_on: date | None = None
    idempotency_key: str


@mutation(RecipientResult)
async def move_recipient(act, input: MoveRecipientInput):  # type: ignore[no-untyped-def]
    """The person leaves one household and joins another; what is theirs goes along."""
    return await operations.move_recipient(
        act,
        decode(input.id, "Recipient"),
        expected_version=input.expected_version,
        household_id=decode(input.household_id, "Household"),
        household_role=input.household_role,
        moved_on=input.moved_on,
    )
