"""Finding a person by number, and opening what a committed reveal allows."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select, text

from nexus.acting import View
from nexus.core.copying import looked_up
from nexus.core.crypto import SealError
from nexus.core.refusals import GuardFailed
from nexus.recipients import model as recipients
from nexus.recipients import policy as recipient_policy
from nexus.recipients.vault import model, rules
from nexus.recipients.vault.model import IdentityField


class RevealClosed(GuardFailed):
    """The reveal is older than five minutes, or not committed yet."""

    code = "REVEAL_CLOSED"


class IdentityErased(GuardFailed):
    """The person's key is destroyed; nobody can read the identity any more."""

    code = "IDENTITY_ERASED"


class IdentityDamaged(GuardFailed):
    """The ciphertext does not belong where it stands: moved, changed, or another key."""

    code = "IDENTITY_DAMAGED"


def vault_of(view: View) -> rules.Vault:
    """The vault this session may use; VaultClosed when it was made without one."""
    vault = view.session.info.get(rules.VAULT)
    if not isinstance(vault, rules.Vault):
        raise rules.VaultClosed(
            "The vault is closed here: the service was started without its key."
        )
    return vault


async def recipient_by_id_number(view: View, id_number: str) -> recipients.Recipient | None:
    """The recipient of the actor's territory with this (checked) ID number."""
    blind = vault_of(view).blind(IdentityField.ID_NUMBER, id_number)
    row = recipients.Recipient
    found = await view.session.execute(
        select(row)
        .join(model.BlindIndex, model.BlindIndex.recipient_id == row.id)
        .where(
            model.BlindIndex.field == IdentityField.ID_NUMBER,
            model.BlindIndex.hmac == blind,
            recipient_policy.recipient_visible(view.actor, row),
        )
    )
    return found.scalar_one_or_none()


async def recipients_by_id_number(view: View, id_numbers: Sequence[str]) -> dict[str, UUID]:
    """Checked ID number → the recipient who has it, wherever they live; for a feed."""
    vault = vault_of(view)
    blinds = {vault.blind(IdentityField.ID_NUMBER, number): number for number in id_numbers}
    row = model.BlindIndex
    found = await view.session.execute(
        looked_up(
            row.hmac,
            blinds,
            row.hmac,
            row.recipient_id,
            where=(row.field == IdentityField.ID_NUMBER,),
        )
    )
    return {blinds[hmac]: recipient_id for hmac, recipient_id in found}


async def person_key(view: View, recipient_id: UUID) -> bytes | None:
    """The person's data key, or None when nothing was ever recorded. IdentityErased."""
    kept = await view.session.get(model.PersonKey, recipient_id)
    if kept is None:
        return None
    if kept.wrapped_key is None:
        raise IdentityErased("This person's identity was erased; the key is gone for good.")
    try:
        return vault_of(view).unwrap(kept.wrapped_key, recipient_id)
    except SealError:
        raise IdentityDamaged(
            "The person's key cannot be opened: tell the data protection officer."
        ) from None


async def plain_fields(view: View, reveal: model.Reveal) -> dict[IdentityField, str]:
    """The fields of a reveal in clear. RevealClosed when PostgreSQL hands nothing out."""
    key = await person_key(view, reveal.recipient_id)
    sealed = await view.session.execute(
        text("SELECT field, ciphertext, key_version FROM vault.ciphertext(:reveal, :account)"),
        {"reveal": reveal.id, "account": view.actor.account_id},
    )
    rows = sealed.all()
    if key is None or not rows:
        raise RevealClosed(
            "A reveal opens after it is committed and for five minutes: request a new one."
        )
    vault = vault_of(view)
    try:
        return {
            IdentityField(row.field): vault.open(
                key, reveal.recipient_id, IdentityField(row.field), row.ciphertext, row.key_version
            )
            for row in rows
        }
    except SealError:
        raise IdentityDamaged(
            "An identity field cannot be opened: tell the data protection officer."
        ) from None
