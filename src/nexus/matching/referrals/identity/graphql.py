"""The identity of a referred person, for the receiver, as recorded acts."""

import strawberry

from nexus.graph.declare import mutation
from nexus.graph.identifiers import decode
from nexus.matching.referrals.identity import operations
from nexus.recipients.vault.graphql import RevealedIdentityResult, RevealResult
from nexus.recipients.vault.model import IdentityField


@strawberry.input
class RequestReferralRevealInput:
    referral_id: strawberry.ID
    fields: list[IdentityField]
    idempotency_key: str


@mutation(RevealResult)
async def request_referral_reveal(act, input: RequestReferralRevealInput):  # type: ignore[no-untyped-def]
    """Record that you, the receiver, want to read who the person is (D2 and D3 of the package)."""
    return await operations.request_referral_reveal(
        act, decode(input.referral_id, "Referral"), fields=input.fields
    )


@strawberry.input
class OpenReferralRevealInput:
    referral_id: strawberry.ID
    reveal_id: strawberry.ID


@mutation(RevealedIdentityResult)
async def open_referral_reveal(act, input: OpenReferralRevealInput):  # type: ignore[no-untyped-def]
    """The fields of your reveal in clear, within five minutes, while the consent stands."""
    plain = await operations.open_referral_reveal(
        act, decode(input.referral_id, "Referral"), decode(input.reveal_id, "Reveal")
    )
    return {
        "name": plain.get(IdentityField.NAME),
        "idNumber": plain.get(IdentityField.ID_NUMBER),
        "phone": plain.get(IdentityField.PHONE),
        "address": plain.get(IdentityField.ADDRESS),
    }
