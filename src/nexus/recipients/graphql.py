"""Households and recipients in the graph: pseudonyms, for their own authority and station."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Date, DateTime, Text, exists, or_
from sqlalchemy.orm import aliased

from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    at_most,
    collection,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Filter, Order
from nexus.organizations.graphql import Organization
from nexus.recipients import model, operations, policy

register_enums(model.Gender, model.Band, model.Level, model.RecheckClass, model.RecognitionState)


@node(Event, visible=policy.recognition_event_visible)
class RecognitionEvent:
    """What happened to a recognition: decisions, reviews, ends. Facts are codes and dates."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@node(
    model.Recognition,
    visible=policy.recognition_visible,
    transitions=model.RECOGNITION_TRANSITIONS,
    actions={
        "confirm_recognition": ("confirm", policy.may_recognise),
        "review_recognition": ("review", policy.may_recognise),
        "uphold_recognition": ("uphold", policy.may_recognise),
        "taper_recognition": ("taper", policy.may_recognise),
        "suspend_recognition": ("suspend", policy.may_recognise),
        "reinstate_recognition": ("reinstate", policy.may_recognise),
        "change_recheck_class": ("change_recheck", policy.may_recognise),
        "prolong_recognition": ("prolong", policy.may_recognise),
        "end_recognition": ("end", policy.may_recognise),
        "mark_recognition_error": ("mark_error", policy.may_recognise),
    },
)
class Recognition:
    """The authority's word that a person or household belongs to a category."""

    no: str
    household: "Household | None" = to_one(model.Recognition.household_id)
    recipient: "Recipient | None" = to_one(model.Recognition.recipient_id)
    category: str
    authority: Organization | None = to_one(model.Recognition.authority_id)
    level: model.Level
    decided_on: date
    valid_from: date
    valid_to: date | None
    income_ratio: Decimal | None
    income_ratio_band: str | None
    flags: list[str]
    recheck_class: model.RecheckClass | None
    recheck_months: int | None
    recheck_rule: str | None
    checked_on: date | None
    recheck_due_on: date | None
    tapered_on: date | None
    taper_months: int | None
    taper_rule: str | None
    rule_version: str
    state: model.RecognitionState
    state_reason: str | None
    end_reason: str | None
    corrects: "Recognition | None" = to_one(
        model.Recognition.corrects_id, about="What was entered in error before it."
    )
    version: int
    created_at: datetime
    superseded_at: datetime | None
    history: Connection[RecognitionEvent] = to_many(Event.object_id, order=Order(("position",)))


_BY_START = Order(("valid_from",), descending=True)


@node(
    model.Recipient,
    visible=policy.recipient_visible,
    actions={
        "update_recipient": (None, policy.may_update),
        "move_recipient": (None, policy.may_move),
    },
)
class Recipient:
    """A person by pseudonym. Name, number, phone and address are in the vault."""

    no: str
    household: "Household | None" = to_one(model.Recipient.household_id)
    household_role: str
    birth_year: int | None
    gender: model.Gender
    disability: model.Band
    labour_ability: model.Band
    guardian: "Recipient | None" = to_one(model.Recipient.guardian_id)
    moved_on: date | None
    version: int
    created_at: datetime
    recognitions: Connection[Recognition] = to_many(model.Recognition.recipient_id, order=_BY_START)


@node(
    model.Household,
    visible=policy.visible,
    actions={
        "update_household": (None, policy.may_update),
        "create_recipient": (None, policy.may_update),
    },
)
class Household:
    """A household by pseudonym, where it lives or where help is due."""

    no: str
    size: int
    area: Area | None = to_one(model.Household.area_code)
    living_condition: str | None
    address_protected: bool
    version: int
    created_at: datetime
    recipients: Connection[Recipient] = to_many(
        model.Recipient.household_id, order=Order(("created_at",))
    )
    recognitions: Connection[Recognition] = to_many(model.Recognition.household_id, order=_BY_START)


def _lives_within() -> FilterField:
    """The household's area is the given one or lies beneath it."""

    def predicate(row: Any, value: Any) -> Any:
        home = aliased(model.Household)
        return exists().where(
            home.id == row.household_id,
            home.area_code >= value,
            home.area_code < value.concat("~"),
        )

    return FilterField(str, Filter(predicate, Text(), lambda code: "" if code == "CN" else code))


def _valid_on() -> FilterField:
    """It was true in the world on that day."""
    return FilterField(
        date,
        Filter(
            lambda row, day: (
                (row.valid_from <= day) & or_(row.valid_to.is_(None), row.valid_to > day)
            ),
            Date(),
        ),
    )


def _known_at() -> FilterField:
    """Nexus went by it at that moment."""
    return FilterField(
        datetime,
        Filter(
            lambda row, at: (
                (row.created_at <= at) & or_(row.superseded_at.is_(None), row.superseded_at > at)
            ),
            DateTime(timezone=True),
        ),
    )


@query
class RecipientQuery:
    households: Connection[Household] = collection(
        "Household",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"area": within(model.Household.area_code)},
        about="The households of your territory, by pseudonym.",
    )
    recipients: Connection[Recipient] = collection(
        "Recipient",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"area": _lives_within()},
        about="The recipients of your territory, by pseudonym.",
    )
    recognitions: Connection[Recognition] = collection(
        "Recognition",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Recognition.state),
            "category": any_of(model.Recognition.category),
            "recheck_due_by": at_most(model.Recognition.recheck_due_on, date),
            "valid_on": _valid_on(),
            "known_at": _known_at(),
        },
        about="What the authority recognised in your territory.",
    )


HouseholdResult = result("Household", Household)
RecipientResult = result("Recipient", Recipient)


@strawberry.input
class CreateHouseholdInput:
    size: int
    area_code: str
    living_condition: str | None = None
    address_protected: bool = False
    idempotency_key: str


@mutation(HouseholdResult)
async def create_household(act, input: CreateHouseholdInput):  # type: ignore[no-untyped-def]
    """Record a household by pseudonym."""
    return await operations.create_household(
        act,
        size=input.size,
        area_code=input.area_code,
        living_condition=input.living_condition,
        address_protected=input.address_protected,
    )


@strawberry.input
class UpdateHouseholdInput:
    id: strawberry.ID
    expected_version: int
    size: int | None = None
    living_condition: str | None = None
    address_protected: bool | None = None
    idempotency_key: str


@mutation(HouseholdResult)
async def update_household(act, input: UpdateHouseholdInput):  # type: ignore[no-untyped-def]
    """Change what is given; the rest stays."""
    return await operations.update_household(
        act,
        decode(input.id, "Household"),
        expected_version=input.expected_version,
        size=input.size,
        living_condition=input.living_condition,
        address_protected=input.address_protected,
    )


@strawberry.input
class CreateRecipientInput:
    household_id: strawberry.ID
    household_role: str = "head"
    birth_year: int | None = None
    gender: model.Gender = model.Gender.UNKNOWN
    disability: model.Band = model.Band.NONE
    labour_ability: model.Band = model.Band.NONE
    guardian_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(RecipientResult)
async def create_recipient(act, input: CreateRecipientInput):  # type: ignore[no-untyped-def]
    """Record a member of a household by pseudonym."""
    return await operations.create_recipient(
        act,
        household_id=decode(input.household_id, "Household"),
        household_role=input.household_role,
        birth_year=input.birth_year,
        gender=input.gender,
        disability=input.disability,
        labour_ability=input.labour_ability,
        guardian_id=decode_given(input.guardian_id, "Recipient"),
    )


@strawberry.input
class UpdateRecipientInput:
    id: strawberry.ID
    expected_version: int
    household_role: str | None = None
    birth_year: int | None = None
    gender: model.Gender | None = None
    disability: model.Band | None = None
    labour_ability: model.Band | None = None
    guardian_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(RecipientResult)
async def update_recipient(act, input: UpdateRecipientInput):  # type: ignore[no-untyped-def]
    """Change what is given; the rest stays."""
    return await operations.update_recipient(
        act,
        decode(input.id, "Recipient"),
        expected_version=input.expected_version,
        household_role=input.household_role,
        birth_year=input.birth_year,
        gender=input.gender,
        disability=input.disability,
        labour_ability=input.labour_ability,
        guardian_id=decode_given(input.guardian_id, "Recipient"),
    )
