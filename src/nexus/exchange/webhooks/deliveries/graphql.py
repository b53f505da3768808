"""The delivery log in the graph, and delivering again."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Text, case, cast, func, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor
from nexus.exchange.changes import rules as changes_rules
from nexus.exchange.changes.rules import ChangedType
from nexus.exchange.webhooks import model, policy
from nexus.exchange.webhooks.deliveries import operations
from nexus.exchange.webhooks.graphql import WebhookEndpoint, WebhookEndpointResult
from nexus.graph.declare import (
    Connection,
    any_of,
    at_least,
    collection,
    computed,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    static,
    to_many,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order

register_enums(model.WebhookDeliveryState)


def _webhook_id(actor: Actor, row: Any) -> ColumnElement[Any]:
    return func.concat("msg_", func.replace(cast(row.id, Text), "-", ""))


def _next_attempt(actor: Actor, row: Any) -> ColumnElement[Any]:
    endpoint = aliased(model.WebhookEndpoint)
    retry = select(endpoint.retry_at).where(endpoint.id == row.endpoint_id)
    waits = func.greatest(row.due_at, retry.correlate_except(endpoint).scalar_subquery())
    return case((row.state == model.WebhookDeliveryState.PENDING, waits))


@node(
    model.WebhookDelivery,
    visible=policy.delivery_visible,
    transitions=model.DELIVERY_TRANSITIONS,
    actions={"redeliver_webhook": ("redeliver", policy.may_manage)},
)
class WebhookDelivery:
    """One change on its way to one endpoint: how often it was tried, and what came of it."""

    webhook_id: str = computed(
        _webhook_id, about="The webhook-id header: the same at every attempt."
    )
    kind: str
    state: model.WebhookDeliveryState
    attempts: int
    created_at: datetime
    last_attempt_at: datetime | None
    last_status: int | None
    last_error: str | None
    last_duration_ms: int | None
    finished_at: datetime | None
    next_attempt_at: datetime | None = computed(
        _next_attempt, about="When it is tried next, at the earliest; null when it is finished."
    )
    endpoint: WebhookEndpoint | None = to_one(model.WebhookDelivery.endpoint_id)


@extend(WebhookEndpoint)
class EndpointLog:
    deliveries: Connection[WebhookDelivery] = to_many(
        model.WebhookDelivery.endpoint_id,
        order=Order(("position",), descending=True),
        about="The delivery log, the latest change first; kept for ninety days.",
    )


@record
class ChangeKind:
    """A kind of change that can be told: in the feed and by webhook."""

    kind: str
    object_type: ChangedType


def _kinds() -> list[dict[str, str]]:
    return [
        {"kind": kind, "objectType": table.upper()}
        for table in changes_rules.NOUNS
        for kind in changes_rules.kinds(table)
    ]


@query
class DeliveryQuery:
    webhook_deliveries: Connection[WebhookDelivery] = collection(
        "WebhookDelivery",
        orders={"NEWEST": Order(("position",), descending=True), "OLDEST": Order(("position",))},
        filters={
            "state": any_of(model.WebhookDelivery.state),
            "kind": any_of(model.WebhookDelivery.kind),
            "created_since": at_least(model.WebhookDelivery.created_at, datetime),
        },
        about="The delivery log of all your endpoints.",
    )
    change_kinds: list[ChangeKind] = static(_kinds, about="Every kind of change that is told.")


WebhookDeliveryResult = result("WebhookDelivery", WebhookDelivery)


@strawberry.input
class RedeliverWebhookInput:
    id: strawberry.ID
    idempotency_key: str


@strawberry.input
class RedeliverFailedInput:
    id: strawberry.ID
    since: datetime
    idempotency_key: str


@mutation(WebhookDeliveryResult)
async def redeliver_webhook(act, input: RedeliverWebhookInput):  # type: ignore[no-untyped-def]
    """Send a delivered or dead delivery again, under the same webhook-id."""
    return await operations.redeliver_webhook(act, decode(input.id, "WebhookDelivery"))


@mutation(WebhookEndpointResult)
async def redeliver_failed(act, input: RedeliverFailedInput):  # type: ignore[no-untyped-def]
    """Send everything again that died since a moment; `id` is the endpoint's."""
    return await operations.redeliver_failed(
        act, decode(input.id, "WebhookEndpoint"), since=input.since
    )
