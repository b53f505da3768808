"""Setting up the exchange with an authority."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from nexus.acting import Act, Actor, Deed, plain_transition
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.exchange.messages import model, policy, queries, rules
from nexus.exchange.messages.model import ExchangePartner, PartnerMode
from nexus.exchange.webhooks.operations import change_secret
from nexus.exchange.webhooks.queries import mailroom_of
from nexus.organizations import policy as organizations_policy
from nexus.organizations.model import Organization, OrganizationType


async def create_exchange_partner(
    act: Act,
    *,
    organization_id: UUID | None,
    mode: PartnerMode,
    url: str | None,
    folder: str | None,
) -> ExchangePartner:
    """The way to one authority. Calls out start when `rotate_exchange_secret` gave a secret."""
    holder_id = organization_id or act.actor.organization_id
    if not policy.may_create(act.actor, holder_id):
        raise Forbidden(
            f"Role {act.actor.role.name} sets up no exchange for this organization: a coordinator "
            "or approver of the authority does."
        )
    holder = await act.take(Organization, holder_id, visible=organizations_policy.visible)
    if holder.org_type is not OrganizationType.GOVERNMENT_BODY:
        raise GuardFailed(
            "Messages are exchanged with authorities: a charity sets up webhooks.",
            field="organizationId",
        )
    rules.check_way(mode, url, folder)
    if await queries.live_partner(act.session, holder_id) is not None:
        raise rules.PartnerExists(
            "This authority has an exchange already: change it, or close it first."
        )
    row = ExchangePartner(
        organization_id=holder_id,
        mode=mode,
        url=None if url is None else mailroom_of(act).check_url(url),
        folder=folder,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    await _keep_folder(act, row)
    act.record("exchange_partner.created", row, mode=mode)
    return row


async def _keep_folder(act: Act, row: ExchangePartner) -> None:
    """Write it; a folder belongs to one partner."""
    try:
        async with act.session.begin_nested():
            act.session.add(row)
            await act.session.flush()
    except IntegrityError as error:
        if "uq_exchange_partner_folder" not in str(error.orig):
            raise
        raise GuardFailed(
            "This folder is another partner's: choose another.", field="folder"
        ) from None


async def update_exchange_partner(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    mode: PartnerMode,
    url: str | None,
    folder: str | None,
) -> ExchangePartner:
    """Another way to the same authority: what waits goes there."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_keep, row)
    rules.check_way(mode, url, folder)
    checked = None if url is None else mailroom_of(act).check_url(url)
    act.move(row, model.PARTNER_TRANSITIONS, "update")
    row.mode, row.url, row.folder = mode, checked, folder
    row.failures, row.retry_at = 0, None
    await _keep_folder(act, row)
    act.record("exchange_partner.updated", row, mode=mode)
    return row


async def rotate_exchange_secret(
    act: Act, row_id: UUID, *, expected_version: int
) -> dict[str, Any]:
    """A new secret, shown this once. Those before it sign beside it for 24 hours more."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_keep, row)
    act.move(row, model.PARTNER_TRANSITIONS, "rotate")
    live = await queries.live_secrets(act.session, row.id, act.now)
    return await change_secret(
        act,
        row,
        model.ExchangeSecret.partner_id,
        live=len(live),
        rule="exchange.secrets",
        event="exchange_partner.secret_rotated",
    )


async def close_exchange_partner(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> ExchangePartner:
    """Close it for good. What waits is dead; its secrets end."""
    row: ExchangePartner = await _close(
        act, row_id, expected_version=expected_version, reason=reason
    )
    secret, message = model.ExchangeSecret, model.ExchangeMessage
    await act.session.execute(
        update(secret).where(secret.partner_id == row.id).values(expires_at=act.now)
    )
    waiting = await act.session.scalars(
        select(message)
        .where(
            message.partner_id == row.id,
            message.direction == model.MessageDirection.OUT,
            message.state.in_(model.LIVE),
        )
        .order_by(message.position)
        .with_for_update()
    )
    for one in waiting:
        act.move(one, model.TRANSITIONS, "give_up")
        one.finished_at = one.died_at = act.now
        one.last_error = "PARTNER_CLOSED"
        act.record("message.dead", one, partner_id=row.id, cause="PARTNER_CLOSED")
    return row


def _transition(
    verb: str, event: str, may: Callable[[Actor, Any], Any], *, needs_reason: bool = False
) -> Deed:
    return plain_transition(
        ExchangePartner,
        model.PARTNER_TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=may,
        needs_reason=needs_reason,
    )


pause_exchange_partner = _transition("pause", "exchange_partner.paused", policy.may_keep)
_resume = _transition("resume", "exchange_partner.resumed", policy.may_keep)
_close = _transition("close", "exchange_partner.closed", policy.may_keep, needs_reason=True)


async def resume_exchange_partner(act: Act, row_id: UUID, **given: Any) -> ExchangePartner:
    """Send again, from what waits; the breaker starts anew."""
    row: ExchangePartner = await _resume(act, row_id, **given)
    row.failures, row.retry_at = 0, None
    return row


async def _take(act: Act, row_id: UUID, expected_version: int) -> ExchangePartner:
    return await act.take(
        ExchangePartner, row_id, visible=policy.visible, expected_version=expected_version
    )
