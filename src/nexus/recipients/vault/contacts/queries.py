"""Finding contacts by phone, and opening what a committed reveal allows."""

from sqlalchemy import text

from nexus.acting import View
from nexus.core.crypto import SealError
from nexus.recipients.vault import rules
from nexus.recipients.vault.contacts import model
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import (
    IdentityDamaged,
    IdentityErased,
    RevealClosed,
    vault_of,
)


def phone_hash(view: View, phone: str) -> bytes:
    """The keyed hash by which contacts of this phone are found. VaultClosed; Invalid phone."""
    return vault_of(view).blind(IdentityField.PHONE, rules.check_phone(phone))


async def plain_contact(view: View, reveal: model.ContactReveal) -> dict[IdentityField, str]:
    """Name and phone of a reveal in clear. RevealClosed when PostgreSQL hands nothing out."""
    contact = await view.session.get_one(model.Contact, reveal.contact_id)
    if contact.wrapped_key is None:
        raise IdentityErased("This contact was erased; the key is gone for good.")
    sealed = await view.session.execute(
        text("SELECT name, phone, key_version FROM vault.contact_ciphertext(:reveal, :account)"),
        {"reveal": reveal.id, "account": view.actor.account_id},
    )
    row = sealed.one_or_none()
    if row is None:
        raise RevealClosed(
            "A reveal opens after it is committed and for five minutes: request a new one."
        )
    vault = vault_of(view)
    known = {IdentityField.NAME: row.name, IdentityField.PHONE: row.phone}
    try:
        key = vault.unwrap(contact.wrapped_key, contact.id)
        return {
            field: vault.open(key, contact.id, field, ciphertext, row.key_version)
            for field, ciphertext in known.items()
            if ciphertext is not None
        }
    except SealError:
        raise IdentityDamaged(
            "A contact cannot be opened: tell the data protection officer."
        ) from None
