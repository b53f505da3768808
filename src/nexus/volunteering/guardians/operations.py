"""Recording and ending a guardian's consent."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import SHANGHAI, Act, system
from nexus.areas.queries import due_after
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.recipients.vault.contacts.operations import record_contact
from nexus.volunteering import model, policy, queries, rules

SLICE = 500


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """Who agreed to which text, how, and until when (end-exclusive)."""

    given_by: model.Guardianship
    name: str
    phone: str | None
    text_version: str
    text_hash: str
    method: model.GuardianMethod
    expires_on: date | None = None


async def record_guardian_consent(
    act: Act, volunteer_id: UUID, *, agreement: Agreement
) -> model.GuardianConsent:
    """A guardian's yes for a minor, for twelve months at most; who they are goes to the vault."""
    volunteer = await queries.take_volunteer(act, volunteer_id)
    act.permit(policy.may_record_guardian, volunteer)
    today = act.actor.today()
    if not rules.is_minor(volunteer.birth_year, today):
        raise GuardFailed("Nobody needs to agree for a grown person.", rule="volunteers.minor")
    row = model.GuardianConsent
    live = exists().where(
        row.volunteer_id == volunteer_id, row.state == model.GuardianConsentState.GRANTED
    )
    if await act.session.scalar(select(live)):
        raise GuardFailed(
            "A guardian's consent is in force: withdraw it before you record another.",
            rule="guardian.one",
        )
    made = model.GuardianConsent(
        id=act.row_id,
        volunteer_id=volunteer_id,
        given_by=agreement.given_by,
        contact_id=await record_contact(act, name=agreement.name, phone=agreement.phone),
        text_version=agreement.text_version,
        text_hash=rules.check_text_hash(agreement.text_hash),
        method=agreement.method,
        obtained_at=act.now,
        obtained_by=act.actor.account_id,
        expires_on=await _until(act, agreement.expires_on),
        created_at=act.now,
    )
    act.session.add(made)
    await act.session.flush()
    act.record("guardian.recorded", made, volunteer_id=volunteer_id)
    return made


async def _until(act: Act, wished: date | None) -> date:
    due = await due_after(act.session, "consent_months", act.now)
    latest = due.at.astimezone(SHANGHAI).date()
    until = wished or latest
    if not act.actor.today() < until <= latest:
        raise Invalid(
            f"A guardian's consent ends after today and by {latest} at the latest.",
            field="expiresOn",
            latest=latest,
        )
    return until


async def withdraw_guardian_consent(
    act: Act, consent_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.GuardianConsent:
    """The guardian took it back, with a reason: no new sign-ups, and no moving up."""
    row = await act.take(
        model.GuardianConsent,
        consent_id,
        visible=policy.of_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_withdraw_guardian, row)
    model.GUARDIAN_TRANSITIONS.after("withdraw", row.state)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.GUARDIAN_TRANSITIONS, "withdraw")
    row.state_reason = said
    act.record("guardian.withdrawn", row, volunteer_id=row.volunteer_id)
    return row


async def expire_guardian_consents(session: AsyncSession, now: datetime) -> int:
    """A clock: end those past their day, in slices of 500; how many."""
    act = Act(session, system(now))
    row = model.GuardianConsent
    due = await session.scalars(
        select(row)
        .where(row.state == model.GuardianConsentState.GRANTED, row.expires_on <= act.actor.today())
        .order_by(row.expires_on, row.id)
        .limit(SLICE)
        .with_for_update(skip_locked=True)
    )
    rows = due.all()
    for each in rows:
        act.move(each, model.GUARDIAN_TRANSITIONS, "expire")
        act.record("guardian.expired", each, volunteer_id=each.volunteer_id)
    return len(rows)
