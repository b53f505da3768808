"""Webhook endpoints in the graph."""

from datetime import datetime
from typing import Any

import strawberry

from nexus.accounts.graphql import Account
from nexus.exchange.webhooks import model, operations, policy
from nexus.graph.declare import (
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_one,
    transition,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order

register_enums(model.WebhookEndpointState)


@node(
    model.WebhookEndpoint,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_webhook_endpoint": ("update", policy.may_manage),
        "rotate_webhook_secret": ("rotate", policy.may_manage),
        "pause_webhook_endpoint": ("pause", policy.may_stop),
        "resume_webhook_endpoint": ("resume", policy.may_manage),
        "delete_webhook_endpoint": ("delete", policy.may_stop),
        "redeliver_failed": ("update", policy.may_manage),
    },
)
class WebhookEndpoint:
    """Where an account has its changes sent, signed by Standard Webhooks."""

    url: str
    kinds: list[str]
    label: str | None
    state: model.WebhookEndpointState
    state_reason: str | None
    version: int
    created_at: datetime
    failures: int
    failing: bool = computed(
        lambda actor, row: row.retry_at.is_not(None),
        about="So many attempts failed in a row that it is only tried now and then.",
    )
    retry_at: datetime | None
    last_success_at: datetime | None
    account: Account | None = to_one(model.WebhookEndpoint.account_id)


@query
class WebhookQuery:
    webhook_endpoints: Connection[WebhookEndpoint] = collection(
        "WebhookEndpoint",
        orders={"OLDEST": Order(("created_at",))},
        filters={"state": any_of(model.WebhookEndpoint.state)},
        about="The webhook endpoints of your account or charity.",
    )


WebhookEndpointResult = result("WebhookEndpoint", WebhookEndpoint)


@record
class IssuedWebhookSecret:
    """A new signing secret, shown this once. `liveSecrets` counts those that sign now."""

    secret: str
    version: int
    live_secrets: int


IssuedWebhookSecretResult = result("IssuedWebhookSecret", IssuedWebhookSecret)


@strawberry.input(description="No kinds: all of them.")
class CreateWebhookEndpointInput:
    url: str
    kinds: list[str] = strawberry.field(default_factory=list)
    label: str | None = None
    idempotency_key: str


@strawberry.input(description="What is left out stays.")
class UpdateWebhookEndpointInput:
    id: strawberry.ID
    expected_version: int
    url: str | None = None
    kinds: list[str] | None = None
    label: str | None = strawberry.UNSET
    idempotency_key: str


@strawberry.input
class RotateWebhookSecretInput:
    id: strawberry.ID
    expected_version: int


@mutation(WebhookEndpointResult)
async def create_webhook_endpoint(act, input: CreateWebhookEndpointInput):  # type: ignore[no-untyped-def]
    """Have your changes sent to an address. It starts when rotateWebhookSecret gave a secret."""
    return await operations.create_webhook_endpoint(
        act, url=input.url, kinds=input.kinds, label=input.label
    )


@mutation(WebhookEndpointResult)
async def update_webhook_endpoint(act, input: UpdateWebhookEndpointInput):  # type: ignore[no-untyped-def]
    """Change the address, the kinds or the label."""
    changes: Any = {
        name: value for name in ("url", "kinds") if (value := getattr(input, name)) is not None
    }
    if input.label is not strawberry.UNSET:
        changes["label"] = input.label
    return await operations.update_webhook_endpoint(
        act,
        decode(input.id, "WebhookEndpoint"),
        expected_version=input.expected_version,
        **changes,
    )


@mutation(IssuedWebhookSecretResult)
async def rotate_webhook_secret(act, input: RotateWebhookSecretInput):  # type: ignore[no-untyped-def]
    """A new secret, shown this once; the old one signs beside it for 24 hours."""
    return await operations.rotate_webhook_secret(
        act, decode(input.id, "WebhookEndpoint"), expected_version=input.expected_version
    )


transition(
    "pause_webhook_endpoint",
    WebhookEndpointResult,
    operations.pause_webhook_endpoint,
    "Send nothing until resumed; changes are kept meanwhile.",
)
transition(
    "resume_webhook_endpoint",
    WebhookEndpointResult,
    operations.resume_webhook_endpoint,
    "Send again, from what is pending.",
)
transition(
    "delete_webhook_endpoint",
    WebhookEndpointResult,
    operations.delete_webhook_endpoint,
    "Close it for good; what is pending is dead.",
)
