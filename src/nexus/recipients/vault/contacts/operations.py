"""Sealing who told of something, asking to see it, and destroying the key.

Each is called by the slice that keeps the contact's id, which has decided whether the actor may.
"""

from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.areas.queries import check_code
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Invalid
from nexus.recipients.vault import rules
from nexus.recipients.vault.contacts import model, policy, queries
from nexus.recipients.vault.model import IdentityField
from nexus.recipients.vault.queries import vault_of


class AlreadyKnown(Invalid):
    """The ID number belongs to another contact."""

    code = "ALREADY_KNOWN"


async def record_contact(
    act: Act, *, name: str | None, phone: str | None, id_number: str | None = None
) -> UUID:
    """Seal what is given, and give the contact's id. AlreadyKnown where the ID number is taken.

    The ID number is kept to be compared, by its keyed hash; nothing hands it out again.
    """
    given = {
        IdentityField.NAME: name,
        IdentityField.PHONE: phone,
        IdentityField.ID_NUMBER: id_number,
    }
    checked = rules.check_identity({field: it for field, it in given.items() if it is not None})
    vault, contact_id = vault_of(act), new_id()
    key = vault.new_person_key()
    sealed = {
        field.value: vault.seal(key, contact_id, field, plain) for field, plain in checked.items()
    }
    told, number = checked.get(IdentityField.PHONE), checked.get(IdentityField.ID_NUMBER)
    # Not by the unit of work: it would read back columns that the application cannot read.
    made = await act.session.execute(
        insert(model.Contact)
        .values(
            id=contact_id,
            fields=sorted(sealed),
            wrapped_key=vault.wrap(key, contact_id),
            key_version=vault.key_version,
            phone_hmac=vault.blind(IdentityField.PHONE, told) if told else None,
            id_number_hmac=vault.blind(IdentityField.ID_NUMBER, number) if number else None,
            recorded_at=act.now,
            recorded_by=act.actor.account_id,
            **sealed,
        )
        .on_conflict_do_nothing()
        .returning(model.Contact.id)
    )
    if made.first() is None:
        raise AlreadyKnown(
            "Somebody with this ID number is registered already: ask them for their number in "
            "nexus.",
            field="idNumber",
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
        .values(
            wrapped_key=None,
            name=None,
            phone=None,
            phone_hmac=None,
            id_number=None,
            id_number_hmac=None,
            erased_at=act.now,
        )
        .returning(row.id)
        .execution_options(synchronize_session=False)
    )
    if erased.first() is None:
        raise GuardFailed("The contact is erased already.")
