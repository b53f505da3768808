"""Recording what people consent to, and what ends it."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, plain_transition, system
from nexus.areas.queries import check_code
from nexus.core.refusals import Invalid
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.recipients import model, policy, rules


async def record_consent(
    act: Act,
    *,
    recipient_id: UUID,
    given_by: model.GivenBy,
    kind: model.ConsentKind,
    purposes: Sequence[str],
    data_classes: Sequence[str],
    receiver_ids: Sequence[UUID],
    text_version: str,
    text_hash: str,
    method: model.ConsentMethod,
    obtained_at: datetime,
    expires_on: date,
) -> model.Consent:
    """A consent put before the person: requested, until `grant` or `refuse` says the answer."""
    recipient = await act.find(model.Recipient, recipient_id, visible=policy.recipient_visible)
    act.permit(policy.may_record, recipient)
    rules.check_giver(given_by, recipient.birth_year, act.actor.today())
    rules.check_term(obtained_at, expires_on, act.now)
    await _check_terms(act, purposes, data_classes, receiver_ids)
    row = model.Consent(
        no=await _number(act, recipient),
        recipient_id=recipient_id,
        given_by=given_by,
        kind=kind,
        purposes=sorted(set(purposes)),
        data_classes=sorted(set(data_classes)),
        receiver_ids=sorted(set(receiver_ids)),
        text_version=text_version,
        text_hash=text_hash,
        method=method,
        obtained_by=act.actor.account_id,
        obtained_at=obtained_at,
        expires_on=expires_on,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("consent.recorded", row, recipient_id=recipient_id, purposes=row.purposes)
    return row


async def _number(act: Act, recipient: model.Recipient) -> str:
    household = await act.session.get_one(model.Household, recipient.household_id)
    return await act.number("C", household.area_code)


async def _check_terms(
    act: Act, purposes: Sequence[str], data_classes: Sequence[str], receiver_ids: Sequence[UUID]
) -> None:
    if not purposes:
        raise Invalid("Name at least one purpose.", field="purposes")
    if not data_classes:
        raise Invalid("Name at least one data class.", field="dataClasses")
    rules.check_classes(data_classes)
    for code in purposes:
        await check_code(act.session, "consent_purpose", code, on=act.actor.today())
    for code in data_classes:
        await check_code(act.session, "data_class", code, on=act.actor.today())
    for receiver_id in receiver_ids:
        await act.find(Organization, receiver_id, visible=organization_policy.visible)


async def grant_consent(
    act: Act, consent_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Consent:
    """The person said yes. The giver's right is checked again: the birth year may be new."""
    row = await act.take(
        model.Consent,
        consent_id,
        visible=policy.consent_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_record, row)
    recipient = await act.session.get_one(model.Recipient, row.recipient_id)
    rules.check_giver(row.given_by, recipient.birth_year, act.actor.today())
    act.move(row, model.CONSENT_TRANSITIONS, "grant")
    rules.check_term(row.obtained_at, row.expires_on, act.now)
    row.state_reason = reason
    act.record("consent.granted", row, recipient_id=row.recipient_id)
    return row


def _consent_transition(verb: str, event: str, may: Any, *, needs_reason: bool = False) -> Deed:
    return plain_transition(
        model.Consent,
        model.CONSENT_TRANSITIONS,
        verb,
        event=event,
        visible=policy.consent_visible,
        may=may,
        needs_reason=needs_reason,
    )


refuse_consent = _consent_transition("refuse", "consent.refused", policy.may_record)
supersede_consent = _consent_transition("supersede", "consent.superseded", policy.may_record)
_expire = _consent_transition("expire", "consent.expired", policy.may_expire)
_lapse = _consent_transition("lapse", "consent.lapsed", policy.may_expire)


async def withdraw_consent(
    act: Act, consent_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Consent:
    """The person takes it back: reads under it end with this commit (INV-12). No reason needed."""
    row = await act.take(
        model.Consent,
        consent_id,
        visible=policy.consent_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_withdraw, row)
    act.move(row, model.CONSENT_TRANSITIONS, "withdraw")
    row.state_reason = reason
    row.withdrawn_at = act.now
    act.record("consent.withdrawn", row, recipient_id=row.recipient_id)
    return row


async def confirm_consent(
    act: Act, consent_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Consent:
    """Somebody else's word for a consent becomes the person's own."""
    row = await act.take(
        model.Consent,
        consent_id,
        visible=policy.consent_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_record, row)
    if row.kind is not model.ConsentKind.ASSERTION:
        raise Invalid("This consent is the person's own already.", field="id")
    act.move(row, model.CONSENT_TRANSITIONS, "confirm")
    row.kind = model.ConsentKind.OWN
    row.state_reason = reason
    act.record("consent.confirmed", row, recipient_id=row.recipient_id)
    return row


async def expire_consents(session: AsyncSession, now: datetime) -> int:
    """The clock: granted consents past their day expire, unconfirmed assertions lapse; how many."""
    act = Act(session, system(now))
    row = model.Consent
    granted = row.state == model.ConsentState.GRANTED
    over = granted & (row.expires_on <= act.actor.today())
    unconfirmed = (
        granted
        & (row.kind == model.ConsentKind.ASSERTION)
        & (row.obtained_at <= now - rules.ASSERTION_LIFE)
    )
    moved = 0
    for condition, deed in ((over, _expire), (unconfirmed, _lapse)):
        due = await session.execute(
            select(row.id, row.version).where(condition).with_for_update(skip_locked=True)
        )
        for consent_id, version in due.all():
            await deed(act, consent_id, expected_version=version)
            moved += 1
        await session.flush()
    return moved
