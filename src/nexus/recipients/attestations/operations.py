"""Issuing attestations on consent or law, and revoking them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.areas.queries import check_code, parameter
from nexus.core.ids import new_id
from nexus.core.refusals import ConsentMissing, Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization, OrganizationState
from nexus.recipients import model as recipients
from nexus.recipients import policy as recipient_policy
from nexus.recipients.attestations import model, policy, queries, rules
from nexus.recipients.operations import alias_for
from nexus.recipients.queries import LIVE_RECOGNITION, consent_allows
from nexus.recipients.rules import add_months


@dataclass(frozen=True)
class _Ground:
    """What an attestation is about, with everything checked and locked."""

    recognition: recipients.Recognition
    household: recipients.Household
    recipient: recipients.Recipient
    receiver: Organization


async def issue_attestation(
    act: Act,
    recognition_id: UUID,
    *,
    organization_id: UUID,
    purpose: str,
    recipient_id: UUID | None = None,
    consent_id: UUID | None = None,
    legal_basis: str | None = None,
) -> model.Attestation:
    """Sign what the recognition says for one organization and purpose (T5f).

    On a consent that names the organization, or on a legal basis for which the approver answers.
    Of a household's recognition `recipient_id` names the member who consented.
    """
    ground = await _ground(act, recognition_id, recipient_id, organization_id)
    today: date = act.actor.today()
    await check_code(act.session, "consent_purpose", purpose, on=today, field="purpose")
    ends = await _basis_ends(act, ground, purpose, consent_id, legal_basis)
    figure = await parameter(
        act.session, "attestation_months", on=today, area_code=ground.household.area_code
    )
    limits = (add_months(today, figure.whole), ground.recognition.valid_to, ends)
    row = model.Attestation(
        id=new_id(),
        no=await act.number("A", ground.household.area_code[: rules.COUNTY]),
        recognition_id=recognition_id,
        recipient_id=ground.recipient.id,
        organization_id=organization_id,
        alias=await alias_for(act, ground.recipient.id, organization_id),
        purpose=purpose,
        consent_id=consent_id,
        legal_basis=legal_basis,
        category=ground.recognition.category,
        area_code=rules.shown_area(
            ground.household.area_code, protected=ground.household.address_protected
        ),
        valid_until=min(limit for limit in limits if limit is not None),
        validity_rule=figure.version,
        status_index=await act.session.scalar(select(model.STATUS_INDEXES.next_value())),
        key_id=await _key(act),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    row.token = queries.attestor_of(act).sign(await _claims(act, row, ground))
    row.digest = rules.digest(row.token)
    act.session.add(row)
    await act.session.flush()
    act.record("attestation.issued", row, **_about(row))
    return row


def _about(row: model.Attestation) -> dict[str, Any]:
    return {
        "recognition_id": row.recognition_id,
        "organization_id": row.organization_id,
        "purpose": row.purpose,
        "legal_basis": row.legal_basis,
    }


async def _ground(
    act: Act, recognition_id: UUID, recipient_id: UUID | None, organization_id: UUID
) -> _Ground:
    row = await act.take(
        recipients.Recognition, recognition_id, visible=recipient_policy.recognition_visible
    )
    act.permit(policy.may_issue, row)
    today = act.actor.today()
    over = row.valid_to is not None and row.valid_to <= today
    if row.state not in LIVE_RECOGNITION or row.valid_from > today or over:
        raise GuardFailed(
            f"{row.no} does not hold today ({row.state.value}): only what holds is attested.",
            rule="recognition_holds",
            state=row.state.name,
        )
    named = row.recipient_id or recipient_id
    if named is None:
        raise Invalid("Name the member of the household who consented.", field="recipientId")
    recipient = await act.find(
        recipients.Recipient, named, visible=recipient_policy.recipient_visible
    )
    if recipient_id not in (None, named) or row.household_id not in (None, recipient.household_id):
        raise Invalid("The recognition is not about this recipient.", field="recipientId")
    household = await act.find(
        recipients.Household, recipient.household_id, visible=recipient_policy.visible
    )
    receiver = await act.find(Organization, organization_id, visible=organization_policy.visible)
    if receiver.state is not OrganizationState.VERIFIED:
        raise GuardFailed(
            f"{receiver.no} is {receiver.state.value}: only a verified organization receives one.",
            field="organizationId",
            rule="verified_organization",
        )
    return _Ground(row, household, recipient, receiver)


async def _basis_ends(
    act: Act, ground: _Ground, purpose: str, consent_id: UUID | None, legal_basis: str | None
) -> date | None:
    """The day the consent ends; None on a legal basis. ConsentMissing."""
    if (consent_id is None) == (legal_basis is None):
        raise Invalid("Give either a consent or a legal basis.", field="consentId")
    if consent_id is None:
        assert legal_basis is not None
        on = act.actor.today()
        await check_code(act.session, "legal_basis", legal_basis, on=on, field="legalBasis")
        if not policy.may_issue_by_law(act.actor):
            raise Forbidden(
                "Only the authority's approver may attest on a legal basis: record a consent.",
                field="legalBasis",
            )
        return None
    consent = await act.session.get(
        recipients.Consent, consent_id, populate_existing=True, with_for_update={"read": True}
    )
    allowed = consent_allows(
        consent_id,
        purpose=purpose,
        data_class=policy.ECONOMY,
        receiver_id=ground.receiver.id,
        now=act.now,
    )
    if (
        consent is None
        or consent.recipient_id != ground.recipient.id
        or ground.receiver.id not in consent.receiver_ids
        or not await act.session.scalar(select(allowed))
    ):
        raise ConsentMissing(
            f"No valid consent of this recipient names the organization for purpose {purpose} and "
            f"data class {policy.ECONOMY}: record one that does.",
            field="consentId",
            rule="INV-11",
            purpose=purpose,
            data_class=policy.ECONOMY,
        )
    return consent.expires_on


async def _key(act: Act) -> UUID:
    """The row of the current key, written when it is first used."""
    attestor, row = queries.attestor_of(act), model.SigningKey
    await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            thumbprint=attestor.thumbprint,
            public_key=attestor.public_key,
            created_at=act.now,
        )
        .on_conflict_do_nothing(index_elements=[row.thumbprint])
    )
    found = await act.session.execute(select(row.id).where(row.thumbprint == attestor.thumbprint))
    return found.scalar_one()


async def _claims(act: Act, row: model.Attestation, ground: _Ground) -> dict[str, Any]:
    attestor = queries.attestor_of(act)
    authority = await act.session.get_one(Organization, ground.recognition.authority_id)
    receiver = ground.receiver
    return {
        "iss": attestor.issuer,
        "sub": row.alias,
        "aud": receiver.uscc or str(receiver.id),
        "jti": str(row.id),
        "iat": int(act.now.timestamp()),
        "exp": rules.at_midnight(row.valid_until),
        "purpose": row.purpose,
        "category": row.category,
        "area": row.area_code,
        "valid_until": row.valid_until.isoformat(),
        "authority": {"name": authority.name, "uscc": authority.uscc},
        "status": {"status_list": {"idx": row.status_index, "uri": attestor.status_uri}},
    }


async def revoke_attestation(
    act: Act, row_id: UUID, *, expected_version: int | None, reason: str | None = None
) -> model.Attestation:
    """It holds no longer, from this commit on; the reason is kept."""
    row = await act.take(
        model.Attestation, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_revoke, row)
    said = check_reason(reason)
    act.move(row, model.TRANSITIONS, "revoke")
    row.revoked_at = act.now
    row.state_reason = said
    act.record("attestation.revoked", row, **_about(row))
    return row


async def revoke_all(act: Act, ids: Iterable[UUID], reason: str) -> int:
    """Revoke those of the ids that are not yet; how many. For what has ended beneath them."""
    revoked = 0
    for row_id in ids:
        row = await act.take(model.Attestation, row_id, visible=policy.visible)
        if row.state is model.AttestationState.ISSUED:
            await revoke_attestation(act, row_id, expected_version=row.version, reason=reason)
            revoked += 1
    return revoked
