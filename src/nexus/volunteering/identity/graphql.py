"""A volunteer's name and phone through the graph: asked for, opened for five minutes, erased."""

import strawberry

from nexus.discovery.reporters.graphql import ContactRevealResult
from nexus.graph.declare import mutation, record, result
from nexus.graph.identifiers import decode
from nexus.recipients.vault.model import IdentityField
from nexus.volunteering.graphql import VolunteerResult
from nexus.volunteering.identity import operations


@record
class RevealedVolunteer:
    """A volunteer's name and phone, in clear; null what is not known."""

    name: str | None
    phone: str | None


RevealedVolunteerResult = result("RevealedVolunteer", RevealedVolunteer)


@strawberry.input
class RequestVolunteerIdentityInput:
    volunteer_id: strawberry.ID
    purpose: str
    idempotency_key: str


@mutation(ContactRevealResult)
async def request_volunteer_identity(act, input: RequestVolunteerIdentityInput):  # type: ignore[no-untyped-def]
    """Record that you want to read a volunteer's name and phone, and for which purpose."""
    return await operations.request_volunteer_identity(
        act, decode(input.volunteer_id, "Volunteer"), purpose=input.purpose
    )


@strawberry.input
class OpenVolunteerIdentityInput:
    id: strawberry.ID


@mutation(RevealedVolunteerResult)
async def open_volunteer_identity(act, input: OpenVolunteerIdentityInput):  # type: ignore[no-untyped-def]
    """Name and phone of your request in clear, within five minutes of it."""
    plain = await operations.open_volunteer_identity(act, decode(input.id, "ContactReveal"))
    return {"name": plain.get(IdentityField.NAME), "phone": plain.get(IdentityField.PHONE)}


@strawberry.input
class EraseVolunteerInput:
    volunteer_id: strawberry.ID
    reason: str
    idempotency_key: str


@mutation(VolunteerResult)
async def erase_volunteer(act, input: EraseVolunteerInput):  # type: ignore[no-untyped-def]
    """Destroy the key of who somebody was that has left. It cannot be undone."""
    return await operations.erase_volunteer(
        act, decode(input.volunteer_id, "Volunteer"), reason=input.reason
    )
