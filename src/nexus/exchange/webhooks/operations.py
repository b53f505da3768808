"""Setting up endpoints, and the change of their secrets."""

from collections.abc import Callable, Sequence
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from nexus.accounts.model import Account
from nexus.acting import NOBODY, Act, Actor, Deed, plain_transition
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.exchange.webhooks import model, policy, queries, rules


class EndpointChanges(TypedDict, total=False):
    """What `update_webhook_endpoint` can change; what is absent stays."""

    url: str
    kinds: Sequence[str]
    label: str | None


async def create_webhook_endpoint(
    act: Act, *, url: str, kinds: Sequence[str], label: str | None
) -> model.WebhookEndpoint:
    """An endpoint of the actor's own. It sends nothing before `rotate_webhook_secret`."""
    if not policy.may_create(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} has no webhooks: a charity, an authority or a volunteer "
            "organization sets them up with an account of its own."
        )
    # Two at once take turns at the account, so that the limit holds.
    await act.session.execute(
        select(Account.id).where(Account.id == act.actor.account_id).with_for_update(key_share=True)
    )
    if await queries.open_endpoints(act.session, act.actor.account_id) >= rules.MAX_ENDPOINTS:
        raise GuardFailed(
            f"An account has at most {rules.MAX_ENDPOINTS} endpoints: delete one first.",
            rule="webhook.endpoints",
            maximum=rules.MAX_ENDPOINTS,
        )
    organization_id = act.actor.organization_id
    row = model.WebhookEndpoint(
        account_id=act.actor.account_id,
        organization_id=None if organization_id == NOBODY else organization_id,
        url=queries.mailroom_of(act).check_url(url),
        kinds=rules.check_kinds(kinds),
        label=rules.check_label(label),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("webhook_endpoint.created", row, kinds=row.kinds)
    return row


async def update_webhook_endpoint(
    act: Act, row_id: UUID, *, expected_version: int, **changes: Unpack[EndpointChanges]
) -> model.WebhookEndpoint:
    """Change address, kinds or label; what is pending goes to the new address."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    act.move(row, model.TRANSITIONS, "update")
    if "url" in changes:
        row.url = queries.mailroom_of(act).check_url(changes["url"])
        row.failures, row.retry_at = 0, None
    if "kinds" in changes:
        row.kinds = rules.check_kinds(changes["kinds"])
    if "label" in changes:
        row.label = rules.check_label(changes["label"])
    act.record("webhook_endpoint.updated", row, fields=sorted(changes))
    return row


async def rotate_webhook_secret(act: Act, row_id: UUID, *, expected_version: int) -> dict[str, Any]:
    """A new secret, shown this once. Those before it sign beside it for 24 hours more."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    act.move(row, model.TRANSITIONS, "rotate")
    live = await queries.live_secrets(act.session, row.id, act.now)
    return await change_secret(
        act,
        row,
        model.WebhookSecret.endpoint_id,
        live=len(live),
        rule="webhook.secrets",
        event="webhook_endpoint.secret_rotated",
    )


async def change_secret(
    act: Act,
    row: Any,
    holder: InstrumentedAttribute[UUID],
    *,
    live: int,
    rule: str,
    event: str,
) -> dict[str, Any]:
    """A new secret of the row, in the table whose column `holder` names it; `live` count already.

    GuardFailed under `rule` when there are as many as may be. What is given back is shown once.
    """
    if live >= rules.MAX_SECRETS:
        raise GuardFailed(
            f"{live} secrets are live: wait until the oldest ends.",
            rule=rule,
            maximum=rules.MAX_SECRETS,
        )
    kept: Any = holder.class_
    await act.session.execute(
        update(kept)
        .where(holder == row.id, kept.expires_at.is_(None))
        .values(expires_at=act.now + rules.OVERLAP)
    )
    secret, secret_id = rules.new_secret(), new_id()
    act.session.add(
        kept(
            id=secret_id,
            ciphertext=queries.mailroom_of(act).seal(secret, row.id, secret_id),
            key_version=rules.KEY_VERSION,
            created_at=act.now,
            created_by=act.actor.account_id,
            **{holder.key: row.id},
        )
    )
    act.record(event, row, secret_id=secret_id)
    return {
        "secret": rules.show_secret(secret),
        "version": row.version,
        "liveSecrets": live + 1,
    }


async def delete_webhook_endpoint(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.WebhookEndpoint:
    """Close it for good: what is pending is dead, its secrets end."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_stop, row)
    act.move(row, model.TRANSITIONS, "delete")
    row.state_reason = reason
    secret, delivery = model.WebhookSecret, model.WebhookDelivery
    await act.session.execute(
        update(secret).where(secret.endpoint_id == row.id).values(expires_at=act.now)
    )
    await act.session.execute(
        update(delivery)
        .where(delivery.endpoint_id == row.id, delivery.state == model.WebhookDeliveryState.PENDING)
        .values(
            state=model.WebhookDeliveryState.DEAD, finished_at=act.now, last_error="ENDPOINT_CLOSED"
        )
    )
    act.record("webhook_endpoint.deleted", row)
    return row


def _transition(verb: str, event: str, may: Callable[[Actor, Any], Any]) -> Deed:
    return plain_transition(
        model.WebhookEndpoint,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=may,
    )


pause_webhook_endpoint = _transition("pause", "webhook_endpoint.paused", policy.may_stop)
_resume = _transition("resume", "webhook_endpoint.resumed", policy.may_manage)


async def resume_webhook_endpoint(act: Act, row_id: UUID, **given: Any) -> model.WebhookEndpoint:
    """Send again, from what is pending; the breaker starts anew."""
    row: model.WebhookEndpoint = await _resume(act, row_id, **given)
    row.failures, row.retry_at = 0, None
    return row


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.WebhookEndpoint:
    return await act.take(
        model.WebhookEndpoint, row_id, visible=policy.visible, expected_version=expected_version
    )
