"""Asking to see a volunteer's name and phone, opening it, and destroying it after they left."""

from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.core.texts import check_reason
from nexus.graph.identifiers import NO_ROW
from nexus.recipients.vault.contacts import operations as contacts
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.recipients.vault.model import IdentityField
from nexus.volunteering import model, policy, queries


async def request_volunteer_identity(
    act: Act, volunteer_id: UUID, *, purpose: str
) -> ContactReveal:
    """Record that the actor wants to read name and phone. It can be opened after this commit."""
    row = await act.find(model.Volunteer, volunteer_id, visible=policy.visible)
    act.permit(policy.may_reveal, row)
    return await contacts.request_contact(act, row.contact_id, purpose=purpose)


async def open_volunteer_identity(act: Act, reveal_id: UUID) -> dict[IdentityField, str]:
    """Name and phone in clear, within five minutes, to who asked and still sees the volunteer."""
    reveal = await contacts.reveal_of(act, reveal_id)
    row = model.Volunteer
    known = await act.session.scalar(select(row.id).where(row.contact_id == reveal.contact_id))
    found = await act.find(row, known or NO_ROW, visible=policy.visible)
    act.permit(policy.may_reveal, found)
    return await contacts.open_contact(act, reveal)


async def erase_volunteer(act: Act, volunteer_id: UUID, *, reason: str) -> model.Volunteer:
    """Destroy the key of who they were; hours and certificates stay without a name."""
    row = await queries.take_volunteer(act, volunteer_id)
    act.permit(policy.may_erase, row)
    check_reason(reason, impersonal=True)
    await contacts.erase_contact(act, row.contact_id)
    act.record("identity.contact_erased", row)
    return row
