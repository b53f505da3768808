"""Pairings and their contacts in the graph."""

from datetime import date, datetime

import strawberry

from nexus.casework.graphql import Station, Worker
from nexus.casework.pairing import model, operations, policy, rules
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    extend,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.recipients.graphql import Household

register_enums(model.HelperKind, model.PairingState, model.ContactMeans)


@node(model.PairingContact, visible=policy.contact_visible)
class PairingContact:
    """One contact of a helper with the household; performedAt by the device's clock."""

    means: model.ContactMeans
    performed_at: datetime
    recorded_at: datetime
    note: str | None
    pairing: "Pairing | None" = to_one(model.PairingContact.pairing_id)


@node(
    model.Pairing,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "end_pairing": ("end", policy.may_end),
        "record_pairing_contact": ("contact", policy.may_contact),
    },
)
class Pairing:
    """A helper and a household for a time (结对帮扶); validTo is the first day after it."""

    no: str
    household: Household | None = to_one(model.Pairing.household_id)
    station: Station | None = to_one(model.Pairing.station_id)
    helper_kind: model.HelperKind
    worker: Worker | None = to_one(model.Pairing.worker_id)
    organization: Organization | None = to_one(model.Pairing.organization_id)
    valid_from: date
    valid_to: date | None
    last_contact_at: datetime | None
    state: model.PairingState
    state_reason: str | None
    version: int
    created_at: datetime
    contacts: Connection[PairingContact] = to_many(
        model.PairingContact.pairing_id, order=Order(("performed_at",), descending=True)
    )


@extend(Household)
class HouseholdPairings:
    pairings: Connection[Pairing] = to_many(
        model.Pairing.household_id, order=Order(("valid_from",), descending=True)
    )


@query
class PairingQuery:
    pairings: Connection[Pairing] = collection(
        "Pairing",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Pairing.state),
            "helper_kind": any_of(model.Pairing.helper_kind),
        },
        about="The pairings of your station or territory, and those of your organization.",
    )


PairingResult = result("Pairing", Pairing)
PairingContactResult = result("PairingContact", PairingContact)


@strawberry.input
class StartPairingInput:
    """A WORKER is named by workerId, another helper by organizationId."""

    household_id: strawberry.ID
    station_id: strawberry.ID
    helper_kind: model.HelperKind
    worker_id: strawberry.ID | None = None
    organization_id: strawberry.ID | None = None
    valid_from: date
    valid_to: date | None = None
    idempotency_key: str


@mutation(PairingResult)
async def start_pairing(act, input: StartPairingInput):  # type: ignore[no-untyped-def]
    """Pair a helper with a household for a time."""
    return await operations.start_pairing(
        act,
        household_id=decode(input.household_id, "Household"),
        station_id=decode(input.station_id, "Station"),
        helper=rules.Helper(
            input.helper_kind.value,
            decode_given(input.worker_id, "Worker"),
            decode_given(input.organization_id, "Organization"),
        ),
        valid_from=input.valid_from,
        valid_to=input.valid_to,
    )


@strawberry.input
class EndPairingInput:
    id: strawberry.ID
    expected_version: int
    ends_on: date
    reason: str
    idempotency_key: str


@mutation(PairingResult)
async def end_pairing(act, input: EndPairingInput):  # type: ignore[no-untyped-def]
    """The pairing ends; endsOn is the first day on which they are paired no more."""
    return await operations.end_pairing(
        act,
        decode(input.id, "Pairing"),
        expected_version=input.expected_version,
        ends_on=input.ends_on,
        reason=input.reason,
    )


@strawberry.input
class RecordPairingContactInput:
    """`performedAt` is the device's time; the note names nobody."""

    pairing_id: strawberry.ID
    means: model.ContactMeans
    performed_at: datetime
    note: str | None = None
    idempotency_key: str


@mutation(PairingContactResult)
async def record_pairing_contact(act, input: RecordPairingContactInput):  # type: ignore[no-untyped-def]
    """The helper saw or spoke to the household."""
    return await operations.record_contact(
        act,
        pairing_id=decode(input.pairing_id, "Pairing"),
        means=input.means,
        performed_at=input.performed_at,
        note=input.note,
    )
