"""Recording households and recipients, and what they consent to."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, plain_transition, system
from nexus.areas.queries import check_code, resolve_area
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization
from nexus.recipients import model, policy, rules


async def create_household(
    act: Act,
    *,
    size: int,
    area_code: str,
    living_condition: str | None = None,
    address_protected: bool = False,
) -> model.Household:
    """A household by pseudonym, where it lives or where help is due (T3b)."""
    rules.check_household(size)
    code = await resolve_area(act.session, area_code)
    if not policy.may_create(act.actor, code):
        raise Forbidden(
            f"Role {act.actor.role.name} may not record households in {code}: "
            "the station or authority of that division does."
        )
    row = model.Household(
        no=await act.number("H", code),
        size=size,
        area_code=code,
        living_condition=rules.check_text(living_condition, "livingCondition"),
        address_protected=address_protected,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("household.created", row)
    return row


async def update_household(
    act: Act,
    household_id: UUID,
    *,
    expected_version: int,
    size: int | None = None,
    living_condition: str | None = None,
    address_protected: bool | None = None,
) -> model.Household:
    """Change what is given; the rest stays."""
    row = await act.take(
        model.Household, household_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_update, row)
    if size is not None:
        rules.check_household(size)
        row.size = size
    if living_condition is not None:
        row.living_condition = rules.check_text(living_condition, "livingCondition")
    if address_protected is not None:
        row.address_protected = address_protected
    row.version += 1
    act.record("household.updated", row)
    return row


async def create_recipient(
    act: Act,
    *,
    household_id: UUID,
    household_role: str = "head",
    birth_year: int | None = None,
    gender: model.Gender = model.Gender.UNKNOWN,
    disability: model.Band = model.Band.NONE,
    labour_ability: model.Band = model.Band.NONE,
    guardian_id: UUID | None = None,
) -> model.Recipient:
    """A member of a household by pseudonym."""
    rules.check_person(household_role, birth_year, act.actor.today())
    household = await act.find(model.Household, household_id, visible=policy.visible)
    act.permit(policy.may_update, household)
    if guardian_id is not None:
        await act.find(model.Recipient, guardian_id, visible=policy.recipient_visible)
    row = model.Recipient(
        no=await act.number("R", household.area_code),
        household_id=household_id,
        household_role=household_role,
        birth_year=birth_year,
        gender=gender,
        disability=disability,
        labour_ability=labour_ability,
        guardian_id=guardian_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("recipient.created", row, household_id=household_id)
    return row


async def update_recipient(
    act: Act, recipient_id: UUID, *, expected_version: int, **changes: Any
) -> model.Recipient:
    """Change the fields that are given (not None) of `create_recipient`'s; the rest stays."""
    row = await act.take(
        model.Recipient,
        recipient_id,
        visible=policy.recipient_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_update, row)
    given = {name: value for name, value in changes.items() if value is not None}
    rules.check_person(
        given.get("household_role", row.household_role),
        given.get("birth_year", row.birth_year),
        act.actor.today(),
    )
    guardian_id = given.get("guardian_id")
    if guardian_id == row.id:
        raise Invalid("Nobody is their own guardian.", field="guardianId")
    if guardian_id is not None:
        await act.find(model.Recipient, guardian_id, visible=policy.recipient_visible)
    for name, value in given.items():
        setattr(row, name, value)
    row.version += 1
    act.record("recipient.updated", row)
    return row


async def alias_for(act: Act, recipient_id: UUID, organization_id: UUID) -> str:
    """The name this organization knows the person by, made at random when first asked (INV-15)."""
    row = model.RecipientAlias
    await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            recipient_id=recipient_id,
            organization_id=organization_id,
            alias=rules.new_alias(),
        )
        .on_conflict_do_nothing(index_elements=[row.recipient_id, row.organization_id])
    )
    found = await act.session.execute(
        select(row.alias).where(
            row.recipient_id == recipient_id, row.organization_id == organization_id
        )
    )
    return found.scalar_one()


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
    rules.check_classes(data_classes)
    await _check_terms(act, purposes, data_classes, receiver_ids)
    household = await act.session.get_one(model.Household, recipient.household_id)
    row = model.Consent(
        no=await act.number("C", household.area_code),
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


async def _check_terms(
    act: Act, purposes: Sequence[str], data_classes: Sequence[str], receiver_ids: Sequence[UUID]
) -> None:
    if not purposes:
        raise Invalid("Name at least one purpose.", field="purposes")
    if not data_classes:
        raise Invalid("Name at least one data class.", field="dataClasses")
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
