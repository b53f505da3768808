"""Contributions of helpers in the graph, and their totals."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Date, column

from nexus.casework.graphql import Station, Worker
from nexus.casework.pairing import model, policy, rules
from nexus.casework.pairing.contributions import operations, queries
from nexus.casework.pairing.graphql import Pairing
from nexus.core.refusals import Invalid
from nexus.graph.declare import (
    Connection,
    Fen,
    any_of,
    at_least,
    collection,
    computed,
    extend,
    found,
    listed,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Given, Order
from nexus.organizations.graphql import Organization

register_enums(model.ContributionKind)


@node(model.Contribution, visible=policy.contribution_visible)
class Contribution:
    """What a helper gave (贡献记录). It is never changed: a later record may stand in its place."""

    no: str
    pairing: Pairing | None = to_one(model.Contribution.pairing_id)
    station: Station | None = to_one(model.Contribution.station_id)
    helper_kind: model.HelperKind
    worker: Worker | None = to_one(model.Contribution.worker_id)
    organization: Organization | None = to_one(model.Contribution.organization_id)
    kind: model.ContributionKind
    minutes: int | None
    amount_fen: Fen | None
    quantity: Decimal | None
    unit: str | None
    item_code: str | None
    given_on: date
    corrects: "Contribution | None" = to_one(model.Contribution.corrects_id)
    void: bool
    reason: str | None
    stands: bool = computed(queries.stands, "It counts: no later record stands in its place.")
    recorded_at: datetime


@extend(Pairing)
class PairingContributions:
    contributions: Connection[Contribution] = to_many(
        model.Contribution.pairing_id, order=Order(("given_on",), descending=True)
    )


@record
class ContributionTotal:
    """What one helper gave that counts: whole minutes, and fen of money and of goods' worth."""

    records: int
    minutes: int
    amount_fen: Fen
    worker: Worker | None = to_one(column("worker_id"))
    organization: Organization | None = to_one(column("organization_id"))


@record
class ContributionTotals:
    """What helpers gave from `since` up to `until`, for awards."""

    since: date | None
    until: date | None
    helpers: list[ContributionTotal] = listed(queries.totals)


@query
class ContributionQuery:
    contributions: Connection[Contribution] = collection(
        "Contribution",
        orders={"NEWEST": Order(("recorded_at",), descending=True)},
        filters={
            "kind": any_of(model.Contribution.kind),
            "helper_kind": any_of(model.Contribution.helper_kind),
            "given_since": at_least(model.Contribution.given_on, date),
        },
        about="What helpers gave, as far as your station, territory or organization is concerned.",
    )
    contribution_totals: ContributionTotals = found(
        queries.over,
        default=1,
        maximum=1,
        arguments={"since": (date, Given(Date())), "until": (date, Given(Date()))},
        about="What each helper gave that counts; `until` is not counted.",
    )


ContributionResult = result("Contribution", Contribution)


@strawberry.input
class GiftInput:
    """HOURS in minutes, CASH in amountFen, GOODS and SERVICE in quantity and unit."""

    kind: model.ContributionKind
    given_on: date
    minutes: int | None = None
    amount_fen: Fen | None = None
    quantity: Decimal | None = None
    unit: str | None = None
    item_code: str | None = None


def _gift(given: GiftInput) -> rules.Gift:
    return rules.Gift(
        given.kind.value,
        given.given_on,
        given.minutes,
        given.amount_fen,
        given.quantity,
        given.unit,
        given.item_code,
    )


@strawberry.input
class RecordContributionInput:
    """Within a pairing, or without one through a station: then name the helper too."""

    pairing_id: strawberry.ID | None = None
    station_id: strawberry.ID | None = None
    helper_kind: model.HelperKind | None = None
    worker_id: strawberry.ID | None = None
    organization_id: strawberry.ID | None = None
    gift: GiftInput
    idempotency_key: str


def _helper(given: Any) -> rules.Helper | None:
    if given.helper_kind is None:
        if (given.worker_id, given.organization_id) != (None, None):
            raise Invalid("Say what kind of helper it is.", field="helperKind")
        return None
    return rules.Helper(
        given.helper_kind.value,
        decode_given(given.worker_id, "Worker"),
        decode_given(given.organization_id, "Organization"),
    )


@mutation(ContributionResult)
async def record_contribution(act, input: RecordContributionInput):  # type: ignore[no-untyped-def]
    """Record what a helper gave."""
    return await operations.record_contribution(
        act,
        _gift(input.gift),
        station_id=decode_given(input.station_id, "Station"),
        helper=_helper(input),
        pairing_id=decode_given(input.pairing_id, "Pairing"),
    )


@strawberry.input
class CorrectContributionInput:
    """What was given, as it should be. `void`: nothing stands in the wrong record's place."""

    contribution_id: strawberry.ID
    gift: GiftInput
    void: bool = False
    reason: str
    idempotency_key: str


@mutation(ContributionResult)
async def correct_contribution(act, input: CorrectContributionInput):  # type: ignore[no-untyped-def]
    """A new record stands in the place of a wrong one, by a second person and with a reason."""
    return await operations.correct_contribution(
        act,
        _gift(input.gift),
        contribution_id=decode(input.contribution_id, "Contribution"),
        reason=input.reason,
        void=input.void,
    )
