"""Already helped? A question with an answer that names nobody, and leave to help once more."""

from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Numeric, Text, Uuid

from nexus.graph.declare import (
    JSON,
    Connection,
    Declared,
    collection,
    extend,
    mutation,
    node,
    query,
    record,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Found, Given, Order, camel
from nexus.matching.helped import model, operations, policy, queries
from nexus.needs.graphql import NeedLine
from nexus.organizations.graphql import Organization

NEWEST = Order(("created_at",), descending=True)


@record
class AlreadyHelped:
    """How a household stands with an item in the limit's window, whoever helped (T18b)."""

    blocked: bool
    helped: Decimal | None
    available: Decimal | None
    most: Decimal
    unit: str
    window_days: int
    rule: str


@node(model.HelpOverride, visible=policy.visible)
class HelpOverride:
    """An approver let one pledge pass the limit of help, and said why."""

    line: NeedLine | None = to_one(model.HelpOverride.line_id)
    organization: Organization | None = to_one(model.HelpOverride.organization_id)
    quantity: Decimal
    reason: str
    rule: str
    snapshot: JSON
    used_at: datetime | None
    version: int
    created_at: datetime


@extend(NeedLine)
class LineOverrides:
    help_overrides: Connection[HelpOverride] = to_many(model.HelpOverride.line_id, order=NEWEST)


def _asked(select: Any, arguments: dict[str, tuple[Any, Given]], about: str) -> Any:
    """A root field of one row: its arguments as (GraphQL type, how it is given to SQL)."""
    given = {camel(name): how for name, (_, how) in arguments.items()}
    return Declared(Found(select, 1, 1, given), {n: t for n, (t, _) in arguments.items()}, about)


_QUANTITY = (Decimal | None, Given(Numeric(14, 3)))


@query
class HelpedQuery:
    help_overrides: Connection[HelpOverride] = collection(
        "HelpOverride", orders={"NEWEST": NEWEST}, about="Overrides of the limits of help."
    )
    already_helped: AlreadyHelped | None = _asked(
        queries.of_line,
        {
            "line_id": (strawberry.ID, Given(Uuid(), lambda one: decode(one, "NeedLine"))),
            "quantity": _QUANTITY,
        },
        "Whether a pledge of `quantity` on the line would be refused because its household has had "
        "its share of the item, and how much that was; null where no limit names the item, or the "
        "line is not yours to pledge. `helped` and `most` are in `unit`, `available` in the "
        "line's.",
    )
    already_helped_alias: AlreadyHelped | None = _asked(
        queries.of_alias,
        {
            "household_alias": (str, Given(Text())),
            "item": (str, Given(Text())),
            "quantity": _QUANTITY,
            "unit": (str | None, Given(Text())),
        },
        "The same for goods to a person you hold a valid attestation of, by the alias in it: yes "
        "or no, without amounts.",
    )


HelpOverrideResult = result("HelpOverride", HelpOverride)


@strawberry.input
class OverrideDuplicateHelpInput:
    line_id: strawberry.ID
    quantity: Decimal
    reason: str
    organization_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(HelpOverrideResult)
async def override_duplicate_help(act, input: OverrideDuplicateHelpInput):  # type: ignore[no-untyped-def]
    """Let the next pledge on the line pass the limit of help, with a reason; an alert tells it."""
    return await operations.override_duplicate_help(
        act,
        decode(input.line_id, "NeedLine"),
        quantity=input.quantity,
        reason=input.reason,
        organization_id=decode_given(input.organization_id, "Organization"),
    )
