"""A receiver asks to see who the person is, then sees it: each a recorded act (INV-11)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import aliased

from nexus.acting import Act
from nexus.core.refusals import ConsentMissing, Forbidden, GuardFailed, Invalid, NotFound
from nexus.matching.referrals import model, policy, queries
from nexus.recipients.model import Household, Recipient
from nexus.recipients.vault import operations as vault
from nexus.recipients.vault import policy as vault_policy
from nexus.recipients.vault.model import IdentityField, Reveal

CLASS_OF = {
    IdentityField.NAME: "D3",
    IdentityField.ID_NUMBER: "D3",
    IdentityField.PHONE: "D2",
    IdentityField.ADDRESS: "D2",
}
"""The data class of each field of the vault (domain.md 8.9)."""


async def request_referral_reveal(
    act: Act, referral_id: UUID, *, fields: Sequence[IdentityField]
) -> Reveal:
    """Record that the receiver wants to read these fields, for the purpose REF.

    NotFound; Forbidden but for the receiver; GuardFailed while the package is closed;
    ConsentMissing for a class that is not declared or not consented at this moment.
    """
    if not fields:
        raise Invalid("Name at least one field.", field="fields")
    referral = await queries.take(act, referral_id)
    recipient_id = await _permit(act, referral, fields)
    reveal = await vault.record_reveal(act, recipient_id, fields=fields, purpose=policy.REF)
    _tell(act, "referral.identity_requested", referral, fields)
    return reveal


async def open_referral_reveal(
    act: Act, referral_id: UUID, reveal_id: UUID
) -> dict[IdentityField, str]:
    """The fields in clear within five minutes, if referral and consent still stand."""
    referral = await queries.take(act, referral_id)
    reveal = await act.find(Reveal, reveal_id, visible=vault_policy.openable)
    if reveal.purpose != policy.REF or reveal.recipient_id != referral.recipient_id:
        raise NotFound("No such Reveal, or it is not yours to see.")
    fields = [IdentityField(name) for name in reveal.fields]
    await _permit(act, referral, fields)
    plain = await vault.open_permitted(act, reveal)
    _tell(act, "referral.identity_read", referral, list(plain))
    return plain


async def _permit(act: Act, referral: model.Referral, fields: Sequence[IdentityField]) -> UUID:
    act.permit(policy.may_read_identity, referral)
    if referral.recipient_id is None:
        raise GuardFailed("This referral is about no single person: there is no identity to read.")
    if referral.state not in model.OPEN:
        raise GuardFailed(
            f"The referral is {referral.state.name}: identity is open from acceptance until its "
            "end.",
            rule="INV-11",
            state=referral.state.name,
        )
    wanted = sorted({CLASS_OF[field] for field in fields})
    missing = [code for code in wanted if not await _is_open(act, referral, code)]
    if missing:
        raise ConsentMissing(
            f"{', '.join(missing)} are not in your data package, or not consented any more.",
            field="fields",
            rule="INV-11",
            missing=missing,
        )
    await _check_address(act, referral.recipient_id, fields)
    return referral.recipient_id


async def _is_open(act: Act, referral: model.Referral, data_class: str) -> bool:
    row: Any = aliased(model.Referral)
    found = await act.session.scalar(
        select(policy.class_open(act.actor, row, data_class)).where(row.id == referral.id)
    )
    return found is True


async def _check_address(act: Act, recipient_id: UUID, fields: Sequence[IdentityField]) -> None:
    """A protected address is class D7 and never shared (INV-13)."""
    if IdentityField.ADDRESS not in fields:
        return
    protected = await act.session.scalar(
        select(Household.address_protected)
        .join(Recipient, Recipient.household_id == Household.id)
        .where(Recipient.id == recipient_id)
    )
    if protected:
        raise Forbidden("This address is protected: ask the sending station.", field="fields")


def _tell(act: Act, kind: str, referral: model.Referral, fields: Sequence[IdentityField]) -> None:
    act.record(
        kind,
        referral,
        fields=sorted(field.value for field in fields),
        organization_id=act.actor.organization_id,
    )
