"""Exports in the graph."""

from dataclasses import is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

import strawberry
from sqlalchemy import Float, case, cast, literal

import nexus.charity.graphql
import nexus.emergencies.graphql
import nexus.matching.deliveries.graphql
import nexus.matching.feedback.graphql
import nexus.matching.pledges.graphql
import nexus.matching.suggestions.graphql
import nexus.needs.graphql  # noqa: F401
from nexus.acting import Actor
from nexus.core.refusals import Invalid
from nexus.exchange.exports import model, operations, policy, rules
from nexus.graph import specs
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    register_enums,
    result,
)
from nexus.graph.registering import MAIN
from nexus.graph.specs import Order

register_enums(model.ExportDataset, model.ExportFormat, model.ExportState)


def _url(actor: Actor, row: Any) -> Any:
    """The signed path, for whom it was made and while it is good."""
    good = (row.account_id == actor.account_id) & (row.expires_at > actor.now)
    return case((good & (row.state != model.ExportState.EXPIRED), row.link))


def _progress(actor: Actor, row: Any) -> Any:
    """From 0 to 1; more rows than expected count as expected."""
    share = cast(row.rows, Float) / cast(row.rows_expected, Float)
    return case(
        (row.state == model.ExportState.DONE, literal(1.0, Float())),
        (row.rows_expected > 0, case((share > 1, literal(1.0, Float())), else_=share)),
    )


@node(model.Export, visible=policy.visible, transitions=model.TRANSITIONS)
class Export:
    """A whole dataset to download, as you see it at the moment of the download.

    The figures are of the last download: it is whole when the state is DONE and `rows` is the
    number of rows you got.
    """

    dataset: model.ExportDataset
    format: model.ExportFormat
    filter: JSON
    state: model.ExportState
    failure: str | None
    version: int
    created_at: datetime
    expires_at: datetime
    url: str | None = computed(
        _url, about="Where to GET it: a signed path of this service, good until expiresAt."
    )
    rows_expected: int | None
    rows: int | None
    bytes: float | None = computed(
        lambda actor, row: cast(row.bytes, Float), about="Before compression."
    )
    progress: float | None = computed(_progress, about="From 0 to 1.")
    started_at: datetime | None
    finished_at: datetime | None


@query
class ExportQuery:
    exports: Connection[Export] = collection(
        "Export",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"state": any_of(model.Export.state)},
        about="The exports you asked for.",
    )


ExportResult = result("Export", Export)


def _filter_of(name: str) -> Any:
    """The filter argument of a root collection."""
    arguments = MAIN.roots[name].arguments
    found = next(argument for argument in arguments if argument.python_name == "filter")
    return found.type_annotation.annotation


_NAMES = sorted(set(rules.FILTERS.values()))
DatasetFilter: Any = strawberry.input(
    type(
        "DatasetFilter",
        (),
        {
            "__annotations__": {name: _filter_of(name) for name in _NAMES},
            **dict.fromkeys(_NAMES, strawberry.UNSET),
        },
    ),
    description="The filter of the dataset's collection; lines are chosen by `needs`.",
)


@strawberry.input
class RequestExportInput:
    dataset: model.ExportDataset
    format: model.ExportFormat = model.ExportFormat.JSONL
    filter: DatasetFilter | None = None
    idempotency_key: str


@mutation(ExportResult)
async def request_export(act, input: RequestExportInput):  # type: ignore[no-untyped-def]
    """Ask for a whole dataset. GET the `url` of the answer within an hour: it streams as it is."""
    return await operations.request_export(
        act,
        dataset=input.dataset,
        format=input.format,
        filter=_chosen(input.dataset, input.filter),
    )


def _chosen(dataset: model.ExportDataset, given: Any) -> dict[str, Any]:
    """The dataset's filter as the JSON that the caller wrote. Invalid for another dataset's."""
    filters = {} if given is None else _plain(given)
    wanted = specs.camel(rules.FILTERS[dataset])
    if others := sorted(filters.keys() - {wanted}):
        raise Invalid(
            f"{dataset.name} is filtered by '{wanted}', not by '{others[0]}'.",
            field=f"filter.{others[0]}",
        )
    found: dict[str, Any] = filters.get(wanted, {})
    return found


def _plain(given: Any) -> Any:
    """The value as JSON, under the names of GraphQL."""
    if is_dataclass(given):
        return {
            specs.camel(name): _plain(value)
            for name, value in vars(given).items()
            if value is not None and value is not strawberry.UNSET
        }
    match given:
        case list():
            return [_plain(one) for one in given]
        case Enum():
            return given.name
        case date():
            return given.isoformat()
        case bool() | int():
            return given
    return str(given)
