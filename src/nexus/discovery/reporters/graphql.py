"""Who told of it, through the graph: asked for, opened for five minutes, erased."""

from datetime import datetime

import strawberry

from nexus.accounts.graphql import Account
from nexus.discovery import policy
from nexus.discovery.graphql import ReportResult
from nexus.discovery.reporters import operations
from nexus.graph.declare import (
    Connection,
    collection,
    mutation,
    node,
    query,
    record,
    result,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.recipients.vault.contacts import model
from nexus.recipients.vault.model import IdentityField


@node(model.ContactReveal, visible=policy.reveal_visible)
class ContactReveal:
    """A recorded request to read who told of something; openReporter answers for five minutes."""

    account: Account | None = to_one(model.ContactReveal.account_id)
    purpose: str
    requested_at: datetime


@query
class ReporterQuery:
    contact_reveals: Connection[ContactReveal] = collection(
        "ContactReveal",
        orders={"NEWEST": Order(("requested_at",), descending=True)},
        about="Your requests to see who told; for a data protection officer the territory's.",
    )


ContactRevealResult = result("ContactReveal", ContactReveal)


@record
class RevealedReporter:
    """Who told of it, in clear; null what is not known."""

    name: str | None
    phone: str | None


RevealedReporterResult = result("RevealedReporter", RevealedReporter)


@strawberry.input
class RequestReporterInput:
    report_id: strawberry.ID
    purpose: str
    idempotency_key: str


@mutation(ContactRevealResult)
async def request_reporter(act, input: RequestReporterInput):  # type: ignore[no-untyped-def]
    """Record that you want to read who told of it, and for which purpose."""
    return await operations.request_reporter(
        act, decode(input.report_id, "DiscoveryReport"), purpose=input.purpose
    )


@strawberry.input
class OpenReporterInput:
    id: strawberry.ID


@mutation(RevealedReporterResult)
async def open_reporter(act, input: OpenReporterInput):  # type: ignore[no-untyped-def]
    """Name and phone of your request in clear, within five minutes of it."""
    plain = await operations.open_reporter(act, decode(input.id, "ContactReveal"))
    return {"name": plain.get(IdentityField.NAME), "phone": plain.get(IdentityField.PHONE)}


@strawberry.input
class EraseReporterInput:
    report_id: strawberry.ID
    reason: str
    idempotency_key: str


@mutation(ReportResult)
async def erase_reporter(act, input: EraseReporterInput):  # type: ignore[no-untyped-def]
    """Destroy the key of who told of it. It cannot be undone."""
    return await operations.erase_reporter(
        act, decode(input.report_id, "DiscoveryReport"), reason=input.reason
    )
