"""Volunteers in the graph: what they can do and where, never who they are."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy import Uuid
from sqlalchemy.orm import InstrumentedAttribute

from nexus.acting import NOBODY, Actor
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    computed,
    containing,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_one,
    transition,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.guards import guard
from nexus.graph.identifiers import as_uuid, decode, split
from nexus.graph.specs import Filter, Order
from nexus.organizations.graphql import Organization
from nexus.volunteering import model, operations, policy, queries

register_enums(model.VolunteerState)
guard(
    "uq_volunteer_account_id",
    "You are registered already: see your volunteer.",
    rule="volunteers.once",
)
guard(
    "uq_volunteer_national_no",
    "Another volunteer has this national number: compare it with the card.",
    rule="volunteers.national_no",
    field="nationalNo",
)


def of(attribute: InstrumentedAttribute[Any], type_name: str) -> FilterField:
    """Rows whose key column points to a node, by its global id; an id that is none matches none."""
    name = attribute.key

    def key(global_id: str) -> UUID:
        parts = split(global_id)
        found = as_uuid(parts[1]) if parts and parts[0] == type_name else None
        return found or NOBODY

    return FilterField(
        strawberry.ID, Filter(lambda row, value: getattr(row, name) == value, Uuid(), key)
    )


def _guarded(actor: Actor, row: Any) -> Any:
    return queries.consents(row.id, actor.today())


@node(
    model.Volunteer,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_volunteer": (None, policy.may_update),
        "record_training": (None, policy.may_train),
        "verify_volunteer": ("verify", policy.may_verify),
        "activate_volunteer": ("activate", policy.may_activate),
        "suspend_volunteer": ("suspend", policy.may_suspend),
        "reinstate_volunteer": ("reinstate", policy.may_suspend),
        "leave_volunteering": ("leave", policy.may_leave),
        "record_guardian_consent": (None, policy.may_record_guardian),
        "request_volunteer_identity": (None, policy.may_reveal),
        "erase_volunteer": (None, policy.may_erase),
    },
)
class Volunteer:
    """One person who helps, by pseudonym: name and phone are in the vault."""

    no: str
    national_no: str | None = classified(
        model.Volunteer.national_no, allowed=policy.may_read_number
    )
    birth_year: int | None = classified(model.Volunteer.birth_year, allowed=policy.may_read_number)
    skills: list[str]
    languages: list[str]
    trained: list[str]
    real_name_verified: bool = computed(
        lambda actor, row: row.verified_at.is_not(None), "Whether a card was seen."
    )
    guardian_agrees: bool = computed(_guarded, "A guardian's consent is in force today.")
    state: model.VolunteerState
    state_reason: str | None = classified(
        model.Volunteer.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    area: Area | None = to_one(model.Volunteer.area_code)
    organization: Organization | None = to_one(
        model.Volunteer.organization_id, about="That entered them; null for who registered alone."
    )


@query
class VolunteeringQuery:
    volunteers: Connection[Volunteer] = collection(
        "Volunteer",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Volunteer.state),
            "area": within(model.Volunteer.area_code),
            "text": containing(model.Volunteer.no),
        },
        about="Yourself; those on your organization's roster; those of your territory.",
    )


VolunteerResult = result("Volunteer", Volunteer)


@strawberry.input
class AbilitiesInput:
    """What the volunteer brings. Skills are codes of `volunteer_category`."""

    area: str = strawberry.field(description="Where they wish to help: a code or a name.")
    skills: list[str] = strawberry.field(default_factory=list)
    languages: list[str] = strawberry.field(default_factory=list)
    national_no: str | None = strawberry.field(
        default=None, description="In the national volunteer system."
    )


@strawberry.input
class RegisterVolunteerInput:
    name: str = strawberry.field(description="It goes to the vault, as phone and ID number do.")
    phone: str | None = None
    id_number: str | None = None
    birth_year: int
    abilities: AbilitiesInput
    idempotency_key: str


@mutation(VolunteerResult)
async def register_volunteer(act, input: RegisterVolunteerInput):  # type: ignore[no-untyped-def]
    """Become a volunteer, or enter somebody who has no account."""
    return await operations.register_volunteer(
        act,
        person=operations.Person(name=input.name, phone=input.phone, id_number=input.id_number),
        birth_year=input.birth_year,
        abilities=operations.Abilities(**vars(input.abilities)),
    )


@strawberry.input
class UpdateVolunteerInput:
    id: strawberry.ID
    expected_version: int
    abilities: AbilitiesInput
    idempotency_key: str


@mutation(VolunteerResult)
async def update_volunteer(act, input: UpdateVolunteerInput):  # type: ignore[no-untyped-def]
    """Say anew what you can do and where."""
    return await operations.update_volunteer(
        act,
        decode(input.id, "Volunteer"),
        expected_version=input.expected_version,
        abilities=operations.Abilities(**vars(input.abilities)),
    )


@strawberry.input
class RecordTrainingInput:
    id: strawberry.ID
    expected_version: int
    training: str = strawberry.field(description="Its code, such as GD.FIRST-AID.")
    idempotency_key: str


@mutation(VolunteerResult)
async def record_training(act, input: RecordTrainingInput):  # type: ignore[no-untyped-def]
    """A volunteer passed a training with you."""
    return await operations.record_training(
        act,
        decode(input.id, "Volunteer"),
        expected_version=input.expected_version,
        training=input.training,
    )


transition(
    "verify_volunteer",
    VolunteerResult,
    operations.verify_volunteer,
    "You saw the card; not by who entered the volunteer.",
)
transition(
    "activate_volunteer",
    VolunteerResult,
    operations.activate_volunteer,
    "They may sign up; a minor with a guardian's consent.",
)
transition(
    "suspend_volunteer",
    VolunteerResult,
    operations.suspend_volunteer,
    "No sign-ups anywhere until reinstated, with a reason.",
)
transition(
    "reinstate_volunteer", VolunteerResult, operations.reinstate_volunteer, "They may sign up."
)
transition(
    "leave_volunteering",
    VolunteerResult,
    operations.leave_volunteering,
    "End it for good; hours and certificates stay.",
)
