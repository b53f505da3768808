"""Guardians' consents in the graph."""

from datetime import date, datetime

import strawberry

from nexus.graph.declare import (
    Connection,
    classified,
    extend,
    mutation,
    node,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.volunteering import model, policy
from nexus.volunteering.graphql import Volunteer
from nexus.volunteering.guardians import operations

register_enums(model.Guardianship, model.GuardianMethod, model.GuardianConsentState)
guard(
    "uq_guardian_consent_live",
    "A guardian's consent is in force: withdraw it before you record another.",
    rule="guardian.one",
)


@node(
    model.GuardianConsent,
    visible=policy.of_visible,
    transitions=model.GUARDIAN_TRANSITIONS,
    actions={"withdraw_guardian_consent": ("withdraw", policy.may_withdraw_guardian)},
)
class GuardianConsent:
    """A guardian's yes to a minor's volunteering; who the guardian is lies in the vault."""

    given_by: model.Guardianship
    text_version: str
    text_hash: str
    method: model.GuardianMethod
    obtained_at: datetime
    expires_on: date
    state: model.GuardianConsentState
    state_reason: str | None = classified(
        model.GuardianConsent.state_reason, allowed=policy.may_read_reason
    )
    version: int
    volunteer: Volunteer | None = to_one(model.GuardianConsent.volunteer_id)


@extend(Volunteer)
class VolunteerGuardians:
    guardian_consents: Connection[GuardianConsent] = to_many(
        model.GuardianConsent.volunteer_id, order=Order(("obtained_at",), descending=True)
    )


GuardianConsentResult = result("GuardianConsent", GuardianConsent)


@strawberry.input
class RecordGuardianConsentInput:
    volunteer_id: strawberry.ID
    given_by: model.Guardianship
    name: str = strawberry.field(description="Of the guardian; it goes to the vault.")
    phone: str | None = None
    text_version: str
    text_hash: str = strawberry.field(description="SHA-256 of the text, 64 hex digits.")
    method: model.GuardianMethod
    expires_on: date | None = None
    idempotency_key: str


@mutation(GuardianConsentResult)
async def record_guardian_consent(act, input: RecordGuardianConsentInput):  # type: ignore[no-untyped-def]
    """A guardian agreed that a minor helps, for twelve months at most."""
    return await operations.record_guardian_consent(
        act,
        decode(input.volunteer_id, "Volunteer"),
        agreement=operations.Agreement(
            given_by=input.given_by,
            name=input.name,
            phone=input.phone,
            text_version=input.text_version,
            text_hash=input.text_hash,
            method=input.method,
            expires_on=input.expires_on,
        ),
    )


transition(
    "withdraw_guardian_consent",
    GuardianConsentResult,
    operations.withdraw_guardian_consent,
    "The guardian took it back, with a reason.",
)
