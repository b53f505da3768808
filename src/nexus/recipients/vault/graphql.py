"""Identity in the graph: recorded, found, revealed and erased, never a field of a type."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import ColumnElement, Text, cast, func, literal_column, select
from sqlalchemy.dialects.postgresql import ARRAY, aggregate_order_by
from sqlalchemy.orm import aliased

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.graph.declare import (
    Connection,
    collection,
    computed,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.recipients.graphql import Recipient, RecipientResult
from nexus.recipients.vault import model, operations, policy
from nexus.recipients.vault.model import IdentityField

register_enums(IdentityField)


def _recorded(actor: Actor, row: Any) -> ColumnElement[Any]:
    entry = aliased(model.IdentityEntry)
    names = func.array_agg(
        aggregate_order_by(func.upper(cast(entry.field, Text)), entry.field), type_=ARRAY(Text())
    )
    found = select(func.coalesce(names, literal_column("'{}'::text[]"), type_=ARRAY(Text())))
    return found.where(entry.recipient_id == row.id).correlate_except(entry).scalar_subquery()


@extend(Recipient)
class RecipientIdentity:
    identity_fields: list[IdentityField] = computed(
        _recorded, "What the vault knows of this person; requestReveal asks to see it."
    )


@node(model.Reveal, visible=policy.reveal_visible)
class Reveal:
    """A recorded request to read identity in clear; openReveal answers it for five minutes."""

    recipient: Recipient | None = to_one(model.Reveal.recipient_id)
    account: Account | None = to_one(model.Reveal.account_id)
    fields: list[IdentityField] = computed(
        lambda actor, row: cast(func.upper(cast(row.fields, Text)), ARRAY(Text()))
    )
    purpose: str
    requested_at: datetime


@query
class VaultQuery:
    reveals: Connection[Reveal] = collection(
        "Reveal",
        orders={"NEWEST": Order(("requested_at",), descending=True)},
        about="Your requests to see identity; for a data protection officer the territory's.",
    )


RevealResult = result("Reveal", Reveal)


@record
class RevealedIdentity:
    """The fields of a reveal in clear; null what was not asked for or is not known."""

    name: str | None
    id_number: str | None
    phone: str | None
    address: str | None


RevealedIdentityResult = result("RevealedIdentity", RevealedIdentity)


@strawberry.input
class RecordIdentityInput:
    recipient_id: strawberry.ID
    name: str | None = None
    id_number: str | None = None
    phone: str | None = None
    address: str | None = None
    idempotency_key: str


@mutation(RecipientResult)
async def record_identity(act, input: RecordIdentityInput):  # type: ignore[no-untyped-def]
    """Seal what is given in the vault; a field known before is replaced."""
    given = {field: getattr(input, field.value) for field in IdentityField}
    return await operations.record_identity(
        act,
        decode(input.recipient_id, "Recipient"),
        given={field: text for field, text in given.items() if text is not None},
    )


@strawberry.input
class FindRecipientByIdNumberInput:
    id_number: str
    idempotency_key: str


@mutation(RecipientResult)
async def find_recipient_by_id_number(act, input: FindRecipientByIdNumberInput):  # type: ignore[no-untyped-def]
    """The recipient of your territory with this ID number. That you looked is recorded."""
    return await operations.find_recipient_by_id_number(act, input.id_number)


@strawberry.input
class RequestRevealInput:
    recipient_id: strawberry.ID
    fields: list[IdentityField]
    purpose: str
    idempotency_key: str


@mutation(RevealResult)
async def request_reveal(act, input: RequestRevealInput):  # type: ignore[no-untyped-def]
    """Record that you want to read identity, which fields, and for which purpose."""
    return await operations.request_reveal(
        act,
        decode(input.recipient_id, "Recipient"),
        fields=input.fields,
        purpose=input.purpose,
    )


@strawberry.input
class OpenRevealInput:
    id: strawberry.ID


@mutation(RevealedIdentityResult)
async def open_reveal(act, input: OpenRevealInput):  # type: ignore[no-untyped-def]
    """The fields of your reveal in clear, within five minutes of the request."""
    plain = await operations.open_reveal(act, decode(input.id, "Reveal"))
    return {
        "name": plain.get(IdentityField.NAME),
        "idNumber": plain.get(IdentityField.ID_NUMBER),
        "phone": plain.get(IdentityField.PHONE),
        "address": plain.get(IdentityField.ADDRESS),
    }


@strawberry.input
class EraseIdentityInput:
    recipient_id: strawberry.ID
    reason: str
    idempotency_key: str


@mutation(RecipientResult)
async def erase_identity(act, input: EraseIdentityInput):  # type: ignore[no-untyped-def]
    """Destroy the key of a person's identity. It cannot be undone."""
    return await operations.erase_identity(
        act, decode(input.recipient_id, "Recipient"), reason=input.reason
    )
