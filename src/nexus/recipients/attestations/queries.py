"""Whether an attestation still holds, the public keys, and the list of those that do not."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    Text,
    case,
    exists,
    false,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from nexus.acting import Actor, View, system
from nexus.recipients.attestations import model, policy, rules
from nexus.recipients.model import Recognition
from nexus.recipients.queries import LIVE_RECOGNITION


def attestor_of(view: View) -> rules.Attestor:
    """The signer of this session; AttestorClosed when it was made without one."""
    attestor = view.session.info.get(rules.ATTESTOR)
    if not isinstance(attestor, rules.Attestor):
        raise rules.AttestorClosed(
            "Nothing is signed here: the service was started without its key."
        )
    return attestor


def is_revoked(actor: Actor, row: Any) -> ColumnElement[bool]:
    """SQL, read live: revoked, or the recognition or the consent behind it holds no longer."""
    recognition = aliased(Recognition)
    holds = exists().where(
        recognition.id == row.recognition_id, recognition.state.in_(LIVE_RECOGNITION)
    )
    revoked = row.state == model.AttestationState.REVOKED
    return or_(revoked, ~holds.correlate_except(recognition), ~policy.stands(actor, row))


def status(actor: Actor, row: Any) -> ColumnElement[str]:
    """SQL: VALID, REVOKED or EXPIRED, as the graph shows it. The end of its basis on its own last
    day is an expiry, not a revocation."""
    names = {each: literal_column(f"'{each.name}'", Text()) for each in model.AttestationStatus}
    return case(
        (row.state == model.AttestationState.REVOKED, names[model.AttestationStatus.REVOKED]),
        (row.valid_until <= actor.today(), names[model.AttestationStatus.EXPIRED]),
        (is_revoked(actor, row), names[model.AttestationStatus.REVOKED]),
        else_=names[model.AttestationStatus.VALID],
    )


def checked(
    actor: Actor, limit: ColumnElement[int], given: dict[str, ColumnElement[Any]]
) -> Select[Any]:
    """SQL: what whoever holds a token is told of it; no row for one that was never issued."""
    row = aliased(model.Attestation)
    token = given.get("token")
    columns: tuple[Any, ...] = (
        status(actor, row).label("status"),
        row.valid_until.label("valid_until"),
        row.revoked_at.label("revoked_at"),
    )
    known = false() if token is None else row.digest == token
    return select(*columns).where(known).limit(1)


async def live_of_recognition(session: AsyncSession, recognition_id: UUID) -> list[UUID]:
    """The attestations of a recognition that are not revoked, by id."""
    return await _live(session, model.Attestation.recognition_id == recognition_id)


async def live_under_consent(session: AsyncSession, consent_id: UUID) -> list[UUID]:
    """The attestations that rest on the consent and are not revoked, by id."""
    return await _live(session, model.Attestation.consent_id == consent_id)


async def live_as_member(
    session: AsyncSession, recipient_id: UUID, household_id: UUID
) -> list[UUID]:
    """The person's attestations of what the household is recognised as, by id."""
    row, recognition = model.Attestation, Recognition
    of_household = exists().where(
        recognition.id == row.recognition_id, recognition.household_id == household_id
    )
    return await _live(session, (row.recipient_id == recipient_id) & of_household)


async def _live(session: AsyncSession, condition: ColumnElement[bool]) -> list[UUID]:
    row = model.Attestation
    found = await session.scalars(
        select(row.id).where(condition, row.state == model.AttestationState.ISSUED).order_by(row.id)
    )
    return list(found)


async def public_keys(session: AsyncSession, current: bytes) -> list[dict[str, str]]:
    """Every key that attestations were signed under, and the current one, as JSON Web Keys."""
    found = await session.scalars(
        select(model.SigningKey.public_key).order_by(model.SigningKey.created_at)
    )
    return [rules.jwk(key) for key in dict.fromkeys([current, *found])]


async def signed_status_list(session: AsyncSession, attestor: rules.Attestor, now: datetime) -> str:
    """The status list of this moment as a signed token, good for five minutes."""
    row = model.Attestation
    actor = system(now)
    size = await session.scalar(select(func.coalesce(func.max(row.status_index) + 1, 0)))
    revoked = await session.scalars(select(row.status_index).where(is_revoked(actor, row)))
    moment = int(now.timestamp())
    claims = {
        "iss": attestor.issuer,
        "sub": attestor.status_uri,
        "iat": moment,
        "exp": moment + rules.STATUS_SECONDS,
        "ttl": rules.STATUS_SECONDS,
        "status_list": {"bits": 1, "lst": rules.status_list(revoked, size or 0)},
    }
    return attestor.sign(claims, type_=rules.STATUS_TYPE)
