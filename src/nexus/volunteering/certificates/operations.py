"""Preparing, issuing, printing and revoking certificates."""

from datetime import date, timedelta
from typing import Any, NoReturn
from uuid import UUID

from nexus.acting import Act
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.core.signing import signer_of
from nexus.core.texts import check_reason
from nexus.recipients.vault.contacts.operations import request_contact
from nexus.volunteering import policy as volunteers_policy
from nexus.volunteering.certificates import model, policy, queries, rules
from nexus.volunteering.certificates.model import Certificate
from nexus.volunteering.model import Volunteer
from nexus.volunteering.queries import check_organizer

PRINTED_WITHIN = timedelta(minutes=5)
"""As long as the vault opens a reveal."""
PURPOSE = "DELIV"
"""Code list consent_purpose: the certificate is handed to its holder."""


async def prepare_certificate(
    act: Act,
    volunteer_id: UUID,
    *,
    from_on: date,
    until_on: date,
    publicity_days: int | None = None,
    supersedes_id: UUID | None = None,
) -> Certificate:
    """The handler draws it up: all effective records of the organization in the period (INV-33).

    Free of charge, and only by who recorded the hours (Order 67).
    """
    if not policy.may_prepare(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not prepare certificates: who records, certifies."
        )
    volunteer = await act.find(Volunteer, volunteer_id, visible=volunteers_policy.visible)
    issuer = act.actor.organization_id
    await check_organizer(act, issuer)
    today: date = act.actor.today()
    rules.check_period(from_on, until_on, today)
    await _check_superseded(act, supersedes_id, volunteer.id)
    records = await queries.hold_records(act.session, issuer, volunteer.id, from_on, until_on)
    if not records:
        await _refuse_empty(act, volunteer.id)
    area = records[0].area_code
    least = await queries.publicity_days(act.session, on=today, area_code=area)
    days = rules.check_publicity(publicity_days, least)
    row = Certificate(
        id=act.row_id,
        no=await act.number("VC", area),
        volunteer_id=volunteer.id,
        organization_id=issuer,
        area_code=area,
        from_on=from_on,
        until_on=until_on,
        total_minutes=sum(record.minutes for record in records),
        line_count=len(records),
        publicity_from_on=None if days is None else today,
        publicity_until_on=None if days is None else today + timedelta(days=days),
        supersedes_id=supersedes_id,
        prepared_by=act.actor.account_id,
        state=model.CertificateState.PREPARED,
        created_at=act.now,
    )
    await _put(act, row, records)
    return row


async def _refuse_empty(act: Act, volunteer_id: UUID) -> NoReturn:
    """Forbidden to who recorded nothing at all; GuardFailed where nothing counts in the period."""
    if not await queries.has_recorded(act.session, act.actor.organization_id, volunteer_id):
        raise Forbidden(
            "Your organization recorded no hours of this volunteer: who records, certifies."
        )
    raise GuardFailed(
        "Your organization has no effective hours of this volunteer in the period.", rule="INV-33"
    )


async def _put(act: Act, row: Certificate, records: Any) -> None:
    if await queries.prepared_no(act.session, row.organization_id, row.volunteer_id):
        raise GuardFailed(
            "A certificate of this volunteer is prepared already: issue or drop it first.",
            rule="one_prepared",
        )
    act.session.add(row)
    await act.session.flush()
    act.session.add_all(
        model.CertificateLine(
            certificate_id=row.id,
            record_id=record.id,
            task_id=record.task_id,
            day_on=record.day_on,
            minutes=record.minutes,
        )
        for record in records
    )
    await act.session.flush()
    act.record("certificate.prepared", row, **_about(row), minutes=row.total_minutes)


async def _check_superseded(act: Act, earlier_id: UUID | None, volunteer_id: UUID) -> None:
    if earlier_id is None:
        return
    earlier = await act.find(Certificate, earlier_id, visible=policy.visible)
    ended = (model.CertificateState.REVOKED, model.CertificateState.SUPERSEDED)
    own = earlier.organization_id == act.actor.organization_id
    if not own or earlier.volunteer_id != volunteer_id or earlier.state not in ended:
        raise GuardFailed(
            "supersedesId names an earlier certificate of the same volunteer, by your "
            "organization, that no longer holds.",
            rule="INV-21",
            field="supersedesId",
        )


def _about(row: Certificate) -> dict[str, Any]:
    return {"volunteer_id": row.volunteer_id, "organization_id": row.organization_id}


async def _take(act: Act, row_id: UUID, expected_version: int, may: Any) -> Certificate:
    row = await act.take(
        Certificate, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(may, row)
    return row


async def issue_certificate(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Certificate:
    """The person in charge signs, who is not the handler; from now on its code answers.

    HoursChanged where the period's effective records are not those that were prepared (INV-33).
    """
    seen = await act.find(Certificate, row_id, visible=policy.visible)
    # Records before certificates: so does whoever revokes a record, whose certificates follow.
    records = await queries.hold_records(
        act.session, seen.organization_id, seen.volunteer_id, seen.from_on, seen.until_on
    )
    row = await _take(act, row_id, expected_version, policy.may_issue)
    model.TRANSITIONS.after("issue", row.state)
    rules.check_publicity_over(row.publicity_until_on, act.actor.today())
    lines = await queries.lines_of(act.session, row.id)
    if {one.id for one in records} != {record for record, _, _ in lines}:
        raise rules.HoursChanged(
            "The hours of the period have changed since it was prepared: drop it, and prepare it "
            "anew.",
            rule="INV-33",
        )
    act.move(row, model.TRANSITIONS, "issue")
    row.issued_at, row.issued_by = act.now, act.actor.account_id
    row.code = rules.new_code()
    row.snapshot_hash = rules.snapshot_hash(content_of(row), lines)
    act.record("certificate.issued", row, **_about(row), minutes=row.total_minutes)
    return row


def content_of(row: Certificate) -> dict[str, Any]:
    """The heading that the snapshot's hash covers."""
    return {
        "no": row.no,
        "organization": row.organization_id,
        "volunteer": row.volunteer_id,
        "from": row.from_on,
        "until": row.until_on,
        "minutes": row.total_minutes,
        "handler": row.prepared_by,
        "in_charge": row.issued_by,
        "code": row.code,
    }


async def drop_certificate(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Certificate:
    """It is not issued, with a reason."""
    row = await _take(act, row_id, expected_version, policy.may_drop)
    return _end(act, row, "drop", "certificate.dropped", reason)


async def revoke_certificate(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Certificate:
    """It holds no longer, with a reason; whoever asks by its code is told so."""
    row = await _take(act, row_id, expected_version, policy.may_revoke)
    return _end(act, row, "revoke", "certificate.revoked", reason)


def _end(act: Act, row: Certificate, verb: str, event: str, reason: str | None) -> Certificate:
    model.TRANSITIONS.after(verb, row.state)
    said = check_reason(reason, impersonal=True)
    act.move(row, model.TRANSITIONS, verb)
    row.state_reason, row.ended_at = said, act.now
    act.record(event, row, **_about(row))
    return row


async def print_certificate(act: Act, row_id: UUID) -> model.CertificatePaper:
    """An address to GET its PDF from, good for five minutes; that the name is read is recorded."""
    row = await act.find(Certificate, row_id, visible=policy.visible)
    act.permit(policy.may_print, row)
    volunteer = await act.session.get_one(Volunteer, row.volunteer_id)
    reveal = await request_contact(act, volunteer.contact_id, purpose=PURPOSE)
    expires = act.now + PRINTED_WITHIN
    path = f"/papers/{act.row_id}"
    paper = model.CertificatePaper(
        id=act.row_id,
        certificate_id=row.id,
        reveal_id=reveal.id,
        account_id=act.actor.account_id,
        link=signer_of(act.session.info).sign("GET", path, act.actor.account_id, expires),
        expires_at=expires,
        created_at=act.now,
    )
    act.session.add(paper)
    await act.session.flush()
    act.record("certificate.printed", row, **_about(row))
    return paper
