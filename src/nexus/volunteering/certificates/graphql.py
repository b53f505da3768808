"""Certificates in the graph, and what whoever holds a code may ask."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import strawberry
from sqlalchemy import Numeric, Text, case, cast, column, func

from nexus.accounts.graphql import Account
from nexus.acting import Actor
from nexus.areas.graphql import Area
from nexus.core.outbox import Event
from nexus.graph.declare import (
    JSON,
    Connection,
    Declared,
    any_of,
    classified,
    collection,
    computed,
    derived,
    extend,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Found, Given, Order
from nexus.organizations.graphql import Organization
from nexus.volunteering.certificates import model, operations, policy, queries, rules
from nexus.volunteering.graphql import Volunteer
from nexus.volunteering.hours.graphql import ServiceRecord, of
from nexus.volunteering.tasks.graphql import VolunteerTask

register_enums(model.CertificateState)
NEWEST = Order(("created_at",), descending=True)


@node(Event, visible=policy.event_visible)
class CertificateEvent:
    """What happened to a certificate."""

    kind: str
    occurred_at: datetime
    actor_role: str
    object_version: int | None
    facts: JSON


@record
class CertificateLine:
    """Minutes of one record on a certificate."""

    day_on: date
    minutes: int
    task: VolunteerTask | None = to_one(column("task_id"))
    service_record: ServiceRecord | None = to_one(column("record_id"))


@node(
    model.Certificate,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "issue_certificate": ("issue", policy.may_issue),
        "drop_certificate": ("drop", policy.may_drop),
        "revoke_certificate": ("revoke", policy.may_revoke),
        "print_certificate": (None, policy.may_print),
    },
)
class Certificate:
    """What an organization certifies of one volunteer's service in a period; free of charge."""

    no: str
    from_on: date
    until_on: date
    total_minutes: int
    total_hours: Decimal = computed(
        lambda actor, row: func.trunc(cast(row.total_minutes, Numeric) / 60, 2, type_=Numeric())
    )
    lines: list[CertificateLine] = derived(queries.lines_shown, default=100, maximum=1000)
    publicity_from_on: date | None
    publicity_until_on: date | None
    issued_at: datetime | None
    verification_code: str | None = classified(
        model.Certificate.code,
        allowed=policy.may_read_code,
        about="Whoever has it can ask `certificate(code:)` whether it holds.",
    )
    snapshot_hash: str | None
    state: model.CertificateState
    state_reason: str | None = classified(
        model.Certificate.state_reason, allowed=policy.may_read_words
    )
    ended_at: datetime | None
    version: int
    created_at: datetime
    volunteer: Volunteer | None = to_one(model.Certificate.volunteer_id)
    organization: Organization | None = to_one(
        model.Certificate.organization_id, about="The issuer, who recorded the hours."
    )
    area: Area | None = to_one(model.Certificate.area_code)
    handler: Account | None = to_one(model.Certificate.prepared_by)
    person_in_charge: Account | None = to_one(model.Certificate.issued_by)
    supersedes: "Certificate | None" = to_one(model.Certificate.supersedes_id)
    history: Connection[CertificateEvent] = to_many(Event.object_id, order=Order(("position",)))


def _link(actor: Actor, row: Any) -> Any:
    """The signed path, for whom it was made and while it is good."""
    good = (row.account_id == actor.account_id) & (row.expires_at > actor.now)
    return case((good, row.link))


@node(model.CertificatePaper, visible=policy.paper_visible)
class CertificatePaper:
    """A request to print a certificate with its holder's name."""

    url: str | None = computed(
        _link, about="Where to GET the PDF: a signed path of this service, for five minutes."
    )
    expires_at: datetime
    created_at: datetime
    certificate: Certificate | None = to_one(model.CertificatePaper.certificate_id)


@record
class CertificateCheck:
    """What whoever holds a code is told: whether the certificate holds, never whose it is."""

    standing: model.CertificateState
    no: str
    total_minutes: int
    total_hours: Decimal
    issuer: str
    issued_on: date
    ended_on: date | None
    from_on: date
    until_on: date


@extend(Volunteer)
class VolunteerCertificates:
    certificates: Connection[Certificate] = to_many(model.Certificate.volunteer_id, order=NEWEST)


_CHECK: Any = Declared(
    Found(queries.checked, 1, 1, {"code": Given(Text(), rules.read_code)}),
    {"code": str},
    "Whether a certificate holds, for whoever has its code; null when there is none like it.",
)


@query
class CertificateQuery:
    certificates: Connection[Certificate] = collection(
        "Certificate",
        orders={"NEWEST": NEWEST},
        filters={
            "state": any_of(model.Certificate.state),
            "volunteer": of(model.Certificate.volunteer_id, "Volunteer"),
            "organization": of(model.Certificate.organization_id, "Organization"),
        },
        about="Your own, your organization's, or those of your territory.",
    )
    certificate: CertificateCheck | None = _CHECK


CertificateResult = result("Certificate", Certificate)
CertificatePaperResult = result("CertificatePaper", CertificatePaper)


@strawberry.input
class PrepareCertificateInput:
    """`untilOn` is end-exclusive; `publicityDays` where your organization makes them public."""

    volunteer_id: strawberry.ID
    from_on: date
    until_on: date
    publicity_days: int | None = None
    supersedes_id: strawberry.ID | None = None
    idempotency_key: str


@mutation(CertificateResult)
async def prepare_certificate(act, input: PrepareCertificateInput):  # type: ignore[no-untyped-def]
    """Draw up a certificate of all effective hours your organization recorded in the period."""
    return await operations.prepare_certificate(
        act,
        decode(input.volunteer_id, "Volunteer"),
        from_on=input.from_on,
        until_on=input.until_on,
        publicity_days=input.publicity_days,
        supersedes_id=decode_given(input.supersedes_id, "Certificate"),
    )


@strawberry.input
class PrintCertificateInput:
    id: strawberry.ID
    idempotency_key: str


@mutation(CertificatePaperResult)
async def print_certificate(act, input: PrintCertificateInput):  # type: ignore[no-untyped-def]
    """Ask for the PDF with the holder's name. GET the `url` of the answer within five minutes."""
    return await operations.print_certificate(act, decode(input.id, "Certificate"))


transition(
    "issue_certificate",
    CertificateResult,
    operations.issue_certificate,
    "The person in charge signs, who is not the handler. From now on its code answers.",
)
transition(
    "drop_certificate",
    CertificateResult,
    operations.drop_certificate,
    "It is not issued, with a reason.",
)
transition(
    "revoke_certificate",
    CertificateResult,
    operations.revoke_certificate,
    "It holds no longer, with a reason. Who asks by its code is told so.",
)
