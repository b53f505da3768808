"""Asking to see who told of something, and destroying it."""

from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.discovery import model, policy, queries, rules
from nexus.recipients.vault.contacts import operations as contacts
from nexus.recipients.vault.contacts.model import ContactReveal
from nexus.recipients.vault.model import IdentityField


async def request_reporter(act: Act, report_id: UUID, *, purpose: str) -> ContactReveal:
    """Record that the actor wants to read who told of it. It can be opened after this commit."""
    row = await act.find(model.DiscoveryReport, report_id, visible=policy.visible)
    act.permit(policy.may_reveal_contact, row)
    if row.contact_id is None:
        raise GuardFailed("This report was told without a name or phone.")
    return await contacts.request_contact(act, row.contact_id, purpose=purpose)


async def erase_reporter(act: Act, report_id: UUID, *, reason: str | None) -> model.DiscoveryReport:
    """Destroy the key of who told of it, at their word."""
    row = await queries.take_report(act, report_id)
    act.permit(policy.may_erase_contact, row)
    check_reason(reason, most=rules.MAX_REASON, impersonal=True)
    if row.contact_id is None:
        raise GuardFailed("This report was told without a name or phone.")
    await contacts.erase_contact(act, row.contact_id)
    act.record("identity.contact_erased", row)
    return row


async def open_reporter(act: Act, reveal_id: UUID) -> dict[IdentityField, str]:
    """Name and phone in clear, within five minutes, to who asked and still handles the report."""
    reveal = await contacts.reveal_of(act, reveal_id)
    row = await queries.by_contact(act, reveal.contact_id)
    act.permit(policy.may_reveal_contact, row)
    return await contacts.open_contact(act, reveal)
