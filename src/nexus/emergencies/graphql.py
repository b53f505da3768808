"""Emergency events and relaxed rules in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import Text, Uuid, column, func
from sqlalchemy.dialects.postgresql import ARRAY

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.emergencies import model, operations, policy, queries
from nexus.emergencies.rules import PhaseInput
from nexus.graph.declare import (
    Connection,
    any_of,
    at_least,
    classified,
    collection,
    computed,
    containing,
    derived,
    holds,
    mutation,
    node,
    query,
    record,
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
from nexus.obligations.graphql import Obligation
from nexus.organizations.graphql import Organization

register_enums(
    model.EmergencyKind,
    model.EmergencyLevel,
    model.EmergencyPhase,
    model.EmergencyState,
    model.RelaxedRule,
    model.Settlement,
)
NEWEST = Order(("relaxed_at",), descending=True)


@record
class EmergencyArea:
    """A division an emergency covers, with everything below it."""

    area: Area | None = to_one(column("area_code"))


@record
class EmergencyPeriod:
    """When a phase begins and ends, end-exclusive; without an end it runs on."""

    phase: model.EmergencyPhase
    starts_on: date
    ends_on: date | None


@node(model.Relaxation, visible=policy.relaxation_visible)
class Relaxation:
    """One rule relaxed once: for whom, by whom, why, by which version, and how it was settled."""

    rule: model.RelaxedRule
    rule_version: str
    legal_basis: str | None
    reason: str | None = classified(model.Relaxation.reason, allowed=policy.may_read_words)
    relaxed_at: datetime
    settled_at: datetime | None
    settled_as: model.Settlement | None
    area: Area | None = to_one(model.Relaxation.area_code)
    event: "EmergencyEvent | None" = to_one(model.Relaxation.event_id)
    obligation: Obligation | None = to_one(
        model.Relaxation.obligation_id, about="What must be made good, and until when."
    )
    relaxed_by: Account | None = to_one(model.Relaxation.relaxed_by)


@node(
    model.EmergencyEvent,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "amend_emergency": ("amend", policy.may_amend),
        "activate_emergency": ("activate", policy.may_activate),
        "stand_down_emergency": ("stand_down", policy.may_stand_down),
        "end_emergency": ("end", policy.may_end),
        "review_emergency": ("review", policy.may_review),
    },
)
class EmergencyEvent:
    """An emergency that an authority declared for divisions, with the rules it relaxes."""

    no: str
    name: str
    kind: model.EmergencyKind
    level: model.EmergencyLevel
    legal_basis: str
    relaxed_rules: list[model.RelaxedRule] = computed(
        lambda actor, row: func.upper(row.relaxed_rules.cast(Text)).cast(ARRAY(Text())),
        about="What may be relaxed for needs in its areas while it is active.",
    )
    state: model.EmergencyState
    state_reason: str | None = classified(
        model.EmergencyEvent.state_reason, allowed=policy.may_read_reason
    )
    review: str | None
    starts_at: datetime
    ends_at: datetime | None
    reviewed_at: datetime | None
    version: int
    created_at: datetime
    seat: Area | None = to_one(
        model.EmergencyEvent.seat_code, about="The narrowest division that holds all its areas."
    )
    authority: Organization | None = to_one(model.EmergencyEvent.authority_id)
    areas: list[EmergencyArea] = derived(queries.areas_of, default=100, maximum=1000)
    phases: list[EmergencyPeriod] = derived(queries.phases_of, default=4, maximum=4)
    phase: model.EmergencyPhase | None = computed(
        lambda actor, row: func.upper(queries.phase_on(row.id, actor.today())),
        about="The phase it is in today.",
    )
    relaxations: Connection[Relaxation] = to_many(
        model.Relaxation.event_id,
        order=NEWEST,
        about="Every rule that was relaxed under it, in your territory.",
    )


def _reaching() -> FilterField:
    """It covers the division or a part of it."""
    return FilterField(str, Filter(queries.reaches, Text()))


def _event_id(global_id: str) -> Any:
    return decode(global_id, "EmergencyEvent")


@query
class EmergencyQuery:
    emergencies: Connection[EmergencyEvent] = collection(
        "Emergency",
        orders={"NEWEST": Order(("starts_at",), descending=True)},
        filters={
            "state": any_of(model.EmergencyEvent.state),
            "kind": any_of(model.EmergencyEvent.kind),
            "level": any_of(model.EmergencyEvent.level),
            "area": _reaching(),
            "text": containing(model.EmergencyEvent.name, model.EmergencyEvent.no),
        },
        about="Emergency events. `area`: those that cover it or a part of it.",
    )
    relaxed_rules: Connection[Relaxation] = collection(
        "Relaxation",
        orders={"NEWEST": NEWEST, "OLDEST": Order(("relaxed_at",))},
        filters={
            "rule": any_of(model.Relaxation.rule),
            "event": FilterField(
                strawberry.ID,
                Filter(lambda row, value: row.event_id == value, Uuid(), _event_id),
            ),
            "area": within(model.Relaxation.area_code),
            "unsettled": holds(queries.is_unsettled),
            "settled_as": any_of(model.Relaxation.settled_as),
            "since": at_least(model.Relaxation.relaxed_at, datetime),
        },
        about="Every rule that was relaxed in your territory, under an event or for one need.",
    )


EmergencyResult = result("Emergency", EmergencyEvent)


@strawberry.input
class EmergencyPhaseInput:
    """End-exclusive; without `endsOn` the phase runs on."""

    phase: model.EmergencyPhase
    starts_on: date
    ends_on: date | None = None


def _phases(given: list[EmergencyPhaseInput] | None) -> list[PhaseInput] | None:
    if given is None:
        return None
    return [PhaseInput(phase=p.phase, starts_on=p.starts_on, ends_on=p.ends_on) for p in given]


@strawberry.input
class DeclareEmergencyInput:
    name: str
    kind: model.EmergencyKind
    level: model.EmergencyLevel
    legal_basis: str = strawberry.field(description="The decision or plan it rests on.")
    areas: list[str] = strawberry.field(description="Codes, names or aliases of divisions.")
    phases: list[EmergencyPhaseInput] | None = None
    relaxed_rules: list[model.RelaxedRule] | None = None
    starts_at: datetime | None = None
    idempotency_key: str


@mutation(EmergencyResult)
async def declare_emergency(act, input: DeclareEmergencyInput):  # type: ignore[no-untyped-def]
    """Declare an emergency for divisions of your territory. It relaxes nothing until activated."""
    return await operations.declare_emergency(
        act,
        name=input.name,
        kind=input.kind,
        level=input.level,
        legal_basis=input.legal_basis,
        areas=input.areas,
        phases=_phases(input.phases) or (),
        relaxed_rules=input.relaxed_rules or (),
        starts_at=input.starts_at,
    )


@strawberry.input
class AmendEmergencyInput:
    """What is given replaces what the event has."""

    id: strawberry.ID
    expected_version: int
    reason: str
    level: model.EmergencyLevel | None = None
    areas: list[str] | None = None
    phases: list[EmergencyPhaseInput] | None = None
    relaxed_rules: list[model.RelaxedRule] | None = None
    idempotency_key: str


@mutation(EmergencyResult)
async def amend_emergency(act, input: AmendEmergencyInput):  # type: ignore[no-untyped-def]
    """Change level, areas, phases or relaxed rules, with a reason, until it ends."""
    return await operations.amend_emergency(
        act,
        decode(input.id, "EmergencyEvent"),
        expected_version=input.expected_version,
        reason=input.reason,
        level=input.level,
        areas=input.areas,
        phases=_phases(input.phases),
        relaxed_rules=input.relaxed_rules,
    )


@strawberry.input
class ReviewEmergencyInput:
    id: strawberry.ID
    expected_version: int
    review: str = strawberry.field(description="What was learnt. It is public.")
    idempotency_key: str


@mutation(EmergencyResult)
async def review_emergency(act, input: ReviewEmergencyInput):  # type: ignore[no-untyped-def]
    """Close the book on it, once every relaxed rule under it is settled."""
    return await operations.review_emergency(
        act,
        decode(input.id, "EmergencyEvent"),
        expected_version=input.expected_version,
        review=input.review,
    )


transition(
    "activate_emergency",
    EmergencyResult,
    operations.activate_emergency,
    "From now on its rules may be relaxed for needs in its areas.",
)
transition(
    "stand_down_emergency",
    EmergencyResult,
    operations.stand_down_emergency,
    "No rule is relaxed under it any more, with a reason.",
)
transition(
    "end_emergency",
    EmergencyResult,
    operations.end_emergency,
    "It is over, with a reason: the clocks of the obligations that waited for it start.",
)
