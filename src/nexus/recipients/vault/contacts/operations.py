"""Sealing who told of something, asking to see it, and destroying the key.

Each is called by the slice that keeps the contact's id, which has decided whether the actor may.
"""

from uuid import UUID

from sqlalchemy import insert, update

from nexus.acting import Act
from nexus.areas.queries import check_code
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed
from nexus.recipients.vault import rules
from nexus.recipients.vault.contacts import model, policy, queries
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import vault_of


async def record_contact(act: Act, *, name: str | None, phone: str | None) -> UUID:
    """Seal a name, a phone, or both, and give the contact's id."""
    given = {IdentityField.NAME: name, IdentityField.PHONE: phone}
    checked = rules.check_identity({field: it for field, it in given.items() if it is not None})
    vault, contact_id = vault_of(act), new_id()
    key = vault.new_person_key()
    sealed = {
        field.value: vault.seal(key, contact_id, field, plain) for field, plain in checked.items()
    }
    told = checked.get(IdentityField.PHONE)
    # Not by the unit of work: it would read back columns that the application cannot read.
    await act.session.execute(
        insert(model.Contact).values(
            id=contact_id,
            fields=sorted(sealed),
            wrapped_key=vault.wrap(key, contact_id),
            key_version=vault.key_version,
            phone_hmac=vault.blind(IdentityField.PHONE, told) if told else None,
            recorded_at=act.now,
            recorded_by=act.actor.account_id,
            **sealed,
        )
    )
    return contact_id


async def request_contact(act: Act, contact_id: UUID, *, purpose: str) -> model.ContactReveal:
    """Record who wants to read a contact and why. It can be opened after this commit."""
    await check_code(act.session, "consent_purpose", purpose, on=act.actor.today(), field="purpose")
    row = model.ContactReveal
    made = await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            contact_id=contact_id,
            purpose=purpose,
            account_id=act.actor.account_id,
        )
        .returning(row)
    )
    reveal = made.scalar_one()
    act.record("identity.contact_requested", reveal, contact_id=contact_id, purpose=purpose)
    return reveal


async def reveal_of(act: Act, reveal_id: UUID) -> model.ContactReveal:
    """One's own request. NotFound."""
    return await act.find(model.ContactReveal, reveal_id, visible=policy.openable)


async def open_contact(act: Act, reveal: model.ContactReveal) -> dict[IdentityField, str]:
    """Name and phone in clear, and that they were read."""
    plain = await queries.plain_contact(act, reveal)
    act.record("identity.contact_revealed", reveal, contact_id=reveal.contact_id)
    return plain


async def erase_contact(act: Act, contact_id: UUID) -> None:
    """Destroy the key and what it sealed. GuardFailed when that was done before."""
    row = model.Contact
    erased = await act.session.execute(
        update(row)
        .where(row.id == contact_id, row.erased_at.is_(None))
        .values(wrapped_key=None, name=None, phone=None, phone_hmac=None, erased_at=act.now)
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    if erased.first() is None:
        raise GuardFailed("The contact is erased already.")
