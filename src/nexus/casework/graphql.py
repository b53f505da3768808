"""Stations and workers in the graph."""

from datetime import date, datetime

import strawberry

from nexus.accounts.graphql import Account
from nexus.areas.graphql import Area
from nexus.casework import model, operations, policy, queries
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    computed,
    containing,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization

register_enums(model.StationLevel, model.StationState, model.WorkerGrade)


@node(
    model.Worker,
    visible=policy.worker_visible,
    actions={"end_posting": (None, policy.may_end_posting)},
)
class Worker:
    """An account's post at a station for a time; validTo is the first day it is not held."""

    account: Account | None = to_one(model.Worker.account_id)
    station: "Station | None" = to_one(model.Worker.station_id)
    grade: model.WorkerGrade
    valid_from: date
    valid_to: date | None
    version: int


@node(
    model.Station,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "open_station": ("open", policy.may_run),
        "pause_station": ("pause", policy.may_run),
        "resume_station": ("resume", policy.may_run),
        "close_station": ("close", policy.may_run),
        "post_worker": (None, policy.may_post),
    },
)
class Station:
    """A town station, village point or comprehensive assistance centre (HSDS location)."""

    no: str
    name: str
    level: model.StationLevel
    area: Area | None = to_one(model.Station.area_code)
    parent: "Station | None" = to_one(model.Station.parent_id)
    organization: Organization | None = to_one(model.Station.organization_id)
    posts: int
    posts_filled: int = computed(queries.posts_filled, "Posts that somebody holds today.")
    posts_qualified: int = computed(
        queries.posts_qualified, "Of these, held with a grade of social work."
    )
    state: model.StationState
    version: int
    created_at: datetime
    workers: Connection[Worker] = to_many(
        model.Worker.station_id, order=Order(("valid_from",), descending=True)
    )


@query
class CaseworkQuery:
    stations: Connection[Station] = collection(
        "Station",
        orders={"NAME": Order(("name",)), "NEWEST": Order(("created_at",), descending=True)},
        filters={
            "state": any_of(model.Station.state),
            "level": any_of(model.Station.level),
            "area": within(model.Station.area_code),
            "text": containing(model.Station.name, model.Station.no),
        },
        about="The stations, points and centres.",
    )


StationResult = result("Station", Station)
WorkerResult = result("Worker", Worker)


@strawberry.input
class CreateStationInput:
    name: str
    level: model.StationLevel
    area_code: str
    organization_id: strawberry.ID
    parent_id: strawberry.ID | None = None
    posts: int = 0
    idempotency_key: str


@mutation(StationResult)
async def create_station(act, input: CreateStationInput):  # type: ignore[no-untyped-def]
    """Plan a station in your territory."""
    return await operations.create_station(
        act,
        name=input.name,
        level=input.level,
        area_code=input.area_code,
        organization_id=decode(input.organization_id, "Organization"),
        parent_id=decode_given(input.parent_id, "Station"),
        posts=input.posts,
    )


@strawberry.input
class PostWorkerInput:
    station_id: strawberry.ID
    account_id: strawberry.ID
    grade: model.WorkerGrade
    valid_from: date
    valid_to: date | None = None
    idempotency_key: str


@mutation(WorkerResult)
async def post_worker(act, input: PostWorkerInput):  # type: ignore[no-untyped-def]
    """Give an account a post at a station for a time."""
    return await operations.post_worker(
        act,
        station_id=decode(input.station_id, "Station"),
        account_id=decode(input.account_id, "Account"),
        grade=input.grade,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
    )


@strawberry.input
class EndPostingInput:
    id: strawberry.ID
    expected_version: int
    ends_on: date
    idempotency_key: str


@mutation(WorkerResult)
async def end_posting(act, input: EndPostingInput):  # type: ignore[no-untyped-def]
    """End a post; endsOn is the first day it is no longer held."""
    return await operations.end_posting(
        act,
        decode(input.id, "Worker"),
        expected_version=input.expected_version,
        ends_on=input.ends_on,
    )


transition("open_station", StationResult, operations.open_station, "It takes up its work.")
transition("pause_station", StationResult, operations.pause_station, "It rests, with a reason.")
transition("resume_station", StationResult, operations.resume_station, "It works again.")
transition("close_station", StationResult, operations.close_station, "It is gone for good.")
