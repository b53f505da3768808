"""Recording identity sealed, asking to see it, and destroying the key."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, func, select, update
from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.areas.queries import check_code
from nexus.core.copying import copy_rows
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound
from nexus.core.texts import check_reason
from nexus.recipients import model as recipients
from nexus.recipients import policy as recipient_policy
from nexus.recipients.vault import model, policy, queries, rules
from nexus.recipients.vault.model import IdentityField

INDEXED = (IdentityField.ID_NUMBER,)


class AlreadyRecorded(Invalid):
    """The number belongs to another recipient."""

    code = "ALREADY_RECORDED"


async def record_identity(
    act: Act, recipient_id: UUID, *, given: Mapping[IdentityField, str]
) -> recipients.Recipient:
    """Seal the fields given under the person's own key; a field known before is replaced."""
    recipient = await act.take(
        recipients.Recipient, recipient_id, visible=recipient_policy.recipient_visible
    )
    act.permit(policy.may_record_identity, recipient)
    checked = rules.check_identity(dict(given))
    number = checked.get(IdentityField.ID_NUMBER)
    if number and recipient.birth_year not in (None, rules.birth_year(number)):
        raise Invalid(
            "The year of birth in this ID number is not the recipient's birthYear: "
            "compare both with the card.",
            field="idNumber",
        )
    key = await queries.person_key(act, recipient_id) or await _new_person_key(act, recipient_id)
    if number:
        await _index(act, recipient_id, IdentityField.ID_NUMBER, number)
    if name := checked.get(IdentityField.NAME):
        await _index_name(act, recipient_id, name)
    for field, plain in checked.items():
        await _write(act, key, recipient_id, field, plain)
    act.record("identity.recorded", recipient, fields=sorted(field.value for field in checked))
    return recipient


async def record_identities(act: Act, given: Mapping[UUID, Mapping[IdentityField, str]]) -> None:
    """Seal the checked fields of recipients who have none yet, many at once.

    For a feed: the recipients are the caller's own new rows, and it looked with
    `queries.recipients_by_id_number` that no number is taken.
    """
    if not policy.may_admit(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not record identities in bulk.")
    vault = queries.vault_of(act)
    keys, entries, indexes, names, told = [], [], [], [], []
    for recipient_id, fields in given.items():
        key = vault.new_person_key()
        keys.append(
            {
                "recipient_id": recipient_id,
                "wrapped_key": vault.wrap(key, recipient_id),
                "key_version": vault.key_version,
                "created_at": act.now,
            }
        )
        for field, plain in fields.items():
            sealed = vault.seal(key, recipient_id, field, plain)
            entries.append(_entry(act, recipient_id, field, sealed, vault.key_version))
            if field in INDEXED:
                blind = vault.blind(field, plain)
                indexes.append({"field": field, "hmac": blind, "recipient_id": recipient_id})
        if name := fields.get(IdentityField.NAME):
            names.append({"recipient_id": recipient_id, "hmac": rules.name_key(vault, name)})
        known = sorted(field.value for field in fields)
        told.append(act.told("identity.recorded", "recipient", recipient_id, fields=known))
    await copy_rows(act.session, model.PersonKey, keys)
    await copy_rows(act.session, model.IdentityEntry, entries)
    await copy_rows(act.session, model.BlindIndex, indexes)
    await copy_rows(act.session, model.NameIndex, names)
    await act.record_many(told)


def _entry(
    act: Act, recipient_id: UUID, field: IdentityField, sealed: bytes, key_version: int
) -> dict[str, Any]:
    return {
        "recipient_id": recipient_id,
        "field": field,
        "ciphertext": sealed,
        "key_version": key_version,
        "recorded_at": act.now,
        "recorded_by": act.actor.account_id,
    }


async def _new_person_key(act: Act, recipient_id: UUID) -> bytes:
    vault = queries.vault_of(act)
    key = vault.new_person_key()
    act.session.add(
        model.PersonKey(
            recipient_id=recipient_id,
            wrapped_key=vault.wrap(key, recipient_id),
            key_version=vault.key_version,
            created_at=act.now,
        )
    )
    await act.session.flush()
    return key


async def _index(act: Act, recipient_id: UUID, field: IdentityField, plain: str) -> None:
    row = model.BlindIndex
    blind = queries.vault_of(act).blind(field, plain)
    await act.session.execute(
        delete(row).where(row.recipient_id == recipient_id, row.field == field)
    )
    taken = await act.session.execute(
        insert(row)
        .values(field=field, hmac=blind, recipient_id=recipient_id)
        .on_conflict_do_nothing()
        .returning(row.recipient_id)
    )
    if taken.first() is None:
        raise AlreadyRecorded(
            "Another recipient has this ID number: look for them with findRecipientByIdNumber.",
            field="idNumber",
        )


async def _index_name(act: Act, recipient_id: UUID, name: str) -> None:
    """Anew: the clock compares it with the others again."""
    row = model.NameIndex
    hmac = rules.name_key(queries.vault_of(act), name)
    await act.session.execute(delete(row).where(row.recipient_id == recipient_id))
    await act.session.execute(insert(row).values(recipient_id=recipient_id, hmac=hmac))


async def _write(
    act: Act, key: bytes, recipient_id: UUID, field: IdentityField, plain: str
) -> None:
    row = model.IdentityEntry
    vault = queries.vault_of(act)
    await act.session.execute(
        delete(row).where(row.recipient_id == recipient_id, row.field == field)
    )
    await act.session.execute(
        insert(row).values(
            _entry(
                act,
                recipient_id,
                field,
                vault.seal(key, recipient_id, field, plain),
                vault.key_version,
            )
        )
    )


async def find_recipient_by_id_number(act: Act, id_number: str) -> recipients.Recipient:
    """The recipient of the territory with this number; NotFound when there is none or elsewhere.

    A deed and not a read: who looked for a person by number is history.
    """
    if not policy.may_find(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not look for people by their ID number.")
    found = await queries.recipient_by_id_number(act, rules.check_id_number(id_number))
    if found is None:
        raise NotFound("No recipient of your territory has this ID number.")
    act.record("recipient.found", found)
    return found


async def request_reveal(
    act: Act, recipient_id: UUID, *, fields: Sequence[IdentityField], purpose: str
) -> model.Reveal:
    """Record who wants to read which fields and why. It can be opened after this commit."""
    recipient = await act.find(
        recipients.Recipient, recipient_id, visible=recipient_policy.recipient_visible
    )
    act.permit(policy.may_reveal, recipient)
    wanted = sorted({field.value for field in fields})
    if not wanted:
        raise Invalid("Name at least one field.", field="fields")
    if not policy.may_reveal_fields(act.actor, fields):
        raise Forbidden(
            f"Role {act.actor.role.name} may reveal name, phone and address only.", field="fields"
        )
    return await record_reveal(act, recipient_id, fields=fields, purpose=purpose)


async def record_reveal(
    act: Act, recipient_id: UUID, *, fields: Sequence[IdentityField], purpose: str
) -> model.Reveal:
    """Record a request that the caller has permitted: for slices above with a right of their own,
    such as the receiver of a referral. They open it with `open_permitted`."""
    wanted = sorted({field.value for field in fields})
    await check_code(act.session, "consent_purpose", purpose, on=act.actor.today(), field="purpose")
    row = model.IdentityEntry
    known = await act.session.scalar(
        select(func.count())
        .select_from(row)
        .where(row.recipient_id == recipient_id, row.field.in_(wanted))
    )
    if not known:
        raise GuardFailed("None of these fields is recorded for this recipient.", field="fields")
    return await _record_reveal(act, recipient_id, wanted, purpose)


async def _record_reveal(
    act: Act, recipient_id: UUID, wanted: list[str], purpose: str
) -> model.Reveal:
    # Not by the unit of work: it would write the columns that are the database's alone.
    row = model.Reveal
    made = await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            recipient_id=recipient_id,
            fields=wanted,
            purpose=purpose,
            account_id=act.actor.account_id,
        )
        .returning(row)
    )
    reveal = made.scalar_one()
    act.record(
        "identity.reveal_requested",
        reveal,
        recipient_id=recipient_id,
        fields=wanted,
        purpose=purpose,
    )
    return reveal


async def open_reveal(act: Act, reveal_id: UUID) -> dict[IdentityField, str]:
    """The fields asked for in clear, and that they were read. NotFound unless it is one's own.

    Who lost the right since asking is refused: the recipient must still be theirs to reveal.
    """
    reveal = await act.find(model.Reveal, reveal_id, visible=policy.openable)
    recipient = await act.find(
        recipients.Recipient, reveal.recipient_id, visible=recipient_policy.recipient_visible
    )
    act.permit(policy.may_reveal, recipient)
    return await open_permitted(act, reveal)


async def open_permitted(act: Act, reveal: model.Reveal) -> dict[IdentityField, str]:
    """The fields of the actor's own reveal in clear, which the caller has permitted again."""
    plain = await queries.plain_fields(act, reveal)
    act.record(
        "identity.revealed",
        reveal,
        recipient_id=reveal.recipient_id,
        fields=sorted(field.value for field in plain),
    )
    return plain


async def erase_identity(act: Act, recipient_id: UUID, *, reason: str) -> recipients.Recipient:
    """Destroy the person's key. Backups from before hold it, wrapped, until they age out."""
    recipient = await act.take(recipients.Recipient, recipient_id, visible=policy.erasable)
    act.permit(policy.may_erase, recipient)
    check_reason(reason)
    key, entry, index = model.PersonKey, model.IdentityEntry, model.BlindIndex
    erased = await act.session.execute(
        update(key)
        .where(key.recipient_id == recipient_id, key.erased_at.is_(None))
        .values(wrapped_key=None, erased_at=act.now)
        .returning(key.recipient_id)
    )
    if erased.first() is None:
        already = await act.session.scalar(select(exists().where(key.recipient_id == recipient_id)))
        raise GuardFailed(
            "The identity is erased already."
            if already
            else "No identity is recorded for this recipient."
        )
    await act.session.execute(delete(entry).where(entry.recipient_id == recipient_id))
    await act.session.execute(delete(index).where(index.recipient_id == recipient_id))
    names = model.NameIndex
    await act.session.execute(delete(names).where(names.recipient_id == recipient_id))
    act.record("identity.erased", recipient)
    return recipient
