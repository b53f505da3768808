"""Publishing needs, pausing and resuming them: what goes out, and the consent it rests on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.refusals import ConsentMissing, GuardFailed
from nexus.emergencies.operations import take_active
from nexus.emergencies.queries import phase_today
from nexus.needs import model, policy, queries, rules
from nexus.needs.staging.operations import release_first
from nexus.recipients.model import Consent, Household
from nexus.recipients.queries import consent_allows

PERIOD_OVER = "the period of publication is over"


@dataclass(frozen=True)
class Release:
    """What goes out, on which consent, from when to when (end-exclusive)."""

    title: str | None
    summary: str | None
    consent_id: UUID | None
    starts: date | None
    ends: date | None
    legal_basis: str | None = None
    """What it rests on while there is no consent (T15c); beside a consent it counts for nothing."""


def release_of(row: model.Need) -> Release:
    """What the need itself carries."""
    return Release(
        row.public_title,
        row.public_summary,
        row.consent_id,
        row.publish_from,
        row.publish_until,
        row.legal_basis,
    )


async def publish_need(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    public_title: str | None = None,
    public_summary: str | None = None,
    consent_id: UUID | None = None,
    publish_from: date | None = None,
    publish_until: date | None = None,
    emergency_id: UUID | None = None,
) -> model.Need:
    """Release the public text: what is given replaces what the need carries (INV-11, INV-13).

    From today unless said otherwise, and never beyond the consent. Under `emergency_id` it counts
    as help in that event, in the phase of today; nothing is relaxed for it.
    """
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_publish, row)
    model.TRANSITIONS.after("publish", row.state)
    if emergency_id is not None:
        event = await take_active(act, emergency_id, row.area_code)
        row.emergency_id = event.id
        row.emergency_phase = await phase_today(act, event.id)
    given = Release(
        public_title or row.public_title,
        public_summary or row.public_summary,
        consent_id or row.consent_id,
        publish_from or row.publish_from,
        publish_until or row.publish_until,
    )
    await publish(act, row, given, releaser_id=act.actor.account_id)
    return row


async def pause_need(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Need:
    """No new pledges until resumed; the reason is kept."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_pause, row)
    model.TRANSITIONS.after("pause", row.state)
    await pause(act, row, rules.check_text(reason, field="reason"))
    return row


async def resume_need(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    reason: str | None = None,
    consent_id: UUID | None = None,
    publish_until: date | None = None,
) -> model.Need:
    """Published again, if consent and text allow it; a new consent or end may be given."""
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_resume, row)
    model.TRANSITIONS.after("resume", row.state)
    told = rules.check_text(reason, field="reason")
    given = release_of(row)
    if consent_id is not None and consent_id != row.consent_id:
        given = replace(given, consent_id=consent_id, ends=None)
    if publish_until is not None:
        given = replace(given, ends=publish_until)
    await resume(act, row, given, told)
    return row


async def pause_under_consent(act: Act, consent_id: UUID, reason: str) -> int:
    """Pause what was published under a consent that no longer holds (INV-12); how many."""
    rows = await queries.take_published_under(act.session, consent_id)
    for row in rows:
        await pause(act, row, reason)
    return len(rows)


async def pause_expired_needs(session: AsyncSession, now: datetime) -> int:
    """A clock: pause what is past its `publish_until`, in slices of 500; how many."""
    act = Act(session, system(now))
    rows = await queries.take_expired(session, act.actor.today())
    for row in rows:
        await pause(act, row, PERIOD_OVER)
    return len(rows)


# --- The moves, for those who have taken and permitted the need ---


async def publish(act: Act, row: model.Need, release: Release, *, releaser_id: UUID) -> None:
    """Check what goes out and move to published; every refusal leaves the row as it was."""
    model.TRANSITIONS.after("publish", row.state)
    lines = await put_out(act, row, release, "publish")
    row.published_at = act.now
    row.released_by = releaser_id
    row.state_reason = None
    show(lines, published=True)
    act.record("need.published", row, released_by=releaser_id, consent_id=row.consent_id)
    await release_first(act, row, lines)


async def pause(act: Act, row: model.Need, reason: str) -> None:
    """Move to paused; its lines are closed to pledges in the same transaction (INV-07)."""
    model.TRANSITIONS.after("pause", row.state)
    lines = await queries.take_lines(act.session, row.id)
    act.move(row, model.TRANSITIONS, "pause")
    row.state_reason = reason
    show(lines, published=False)
    act.record("need.paused", row)


async def resume(act: Act, row: model.Need, release: Release, reason: str | None) -> None:
    """Check again what goes out and move back to published."""
    model.TRANSITIONS.after("resume", row.state)
    lines = await put_out(act, row, release, "resume")
    row.state_reason = reason
    show(lines, published=True)
    act.record("need.resumed", row, consent_id=row.consent_id)


def show(lines: Sequence[model.NeedLine], *, published: bool) -> None:
    """Open the lines to pledges, or close them; those of a later tranche stay held (INV-09)."""
    for line in lines:
        line.published = published and line.asked and not line.held


def check_reviewed(row: model.Need) -> None:
    """An imported row whose source gives no review is not publishable."""
    if not row.reviewed:
        raise GuardFailed(
            "The imported row has no review: have the need verified before publishing it.",
            field="reviewed",
            rule="reviewed",
        )


def _check_standing(row: model.Need) -> None:
    if row.confirm_needed:
        raise GuardFailed(
            "The subject's recognition has ended: confirm first that the need still stands.",
            rule="confirm_needed",
        )


async def put_out(
    act: Act, row: model.Need, release: Release, verb: str
) -> Sequence[model.NeedLine]:
    """Check the text, the period and what it rests on; move by the verb; the lines, locked."""
    check_reviewed(row)
    _check_standing(row)
    lines = await queries.take_lines(act.session, row.id)
    title, summary = _check_text(row, lines, release)
    starts, ends = await _check_period(act, row, release)
    act.move(row, model.TRANSITIONS, verb)
    row.public_title, row.public_summary = title, summary
    row.publish_from, row.publish_until = starts, ends
    row.consent_id = release.consent_id
    row.legal_basis = release.legal_basis if release.consent_id is None else None
    return lines


def _check_text(
    row: model.Need, lines: Sequence[model.NeedLine], release: Release
) -> tuple[str, str]:
    """The title and the summary: both there, and nothing that goes out is personal (INV-13)."""
    title = rules.check_text(release.title, field="publicTitle", most=rules.MAX_TITLE)
    summary = rules.check_text(release.summary, field="publicSummary")
    named = {"publicTitle": title, "publicSummary": summary, "groupName": row.group_name}
    rules.check_public_text({**named, **rules.line_texts(lines)})
    return title, summary


async def _check_period(act: Act, row: model.Need, release: Release) -> tuple[date, date | None]:
    """From when to when it is out, end-exclusive: not over yet, and within the consent."""
    today = act.actor.today()
    starts, ends = release.starts or today, release.ends
    limit = await consent_end(act, row, release.consent_id, release.legal_basis)
    if limit is not None and ends is not None and ends > limit:
        raise GuardFailed(
            f"publishUntil {ends} lies beyond the consent, which ends on {limit}: shorten the "
            "period or renew the consent.",
            field="publishUntil",
            rule="INV-11",
            consent_ends=limit,
        )
    ends = ends or limit
    if ends is not None and ends <= today:
        raise GuardFailed(
            f"Publication would end on {ends}, not after today: give a later publishUntil.",
            field="publishUntil",
            rule="publish_period",
        )
    rules.check_period(starts, ends)
    return starts, ends


def asks_consent(row: model.Need) -> bool:
    """Whether somebody's consent stands behind the publication: not a group's, not an internal."""
    return (
        row.subject_kind is not model.SubjectKind.GROUP
        and row.visibility is not model.Visibility.INTERNAL
    )


async def consent_end(
    act: Act, row: model.Need, consent_id: UUID | None, legal_basis: str | None = None
) -> date | None:
    """The day the consent ends; None where none is asked for: a group's need, an internal one.

    Nor is it where a legal basis takes its place, unless it should name who may see the need.
    ConsentMissing otherwise.
    """
    if not asks_consent(row):
        return None
    await _check_protected(act, row)
    if consent_id is None and legal_basis and row.visibility is not model.Visibility.NAMED:
        await _check_nobody_refused(act, row)
        return None
    consent = await _hold(act, consent_id)
    if (
        consent is None
        or not await queries.is_consent_of(act.session, row, consent.id)
        or not await _allows(act, row, consent)
    ):
        raise ConsentMissing(
            f"No valid consent to publish this need to {row.visibility.name}: record one that "
            "covers purpose PUB and data class D1 for those who may see it.",
            field="consentId",
            rule="INV-11",
            purpose="PUB",
            data_class=policy.D1,
        )
    return consent.expires_on


async def _check_nobody_refused(act: Act, row: model.Need) -> None:
    """A legal basis carries a need while nobody could be asked, never against a no."""
    if await queries.is_refused(act.session, row):
        raise GuardFailed(
            "The person refused publication or withdrew their consent: ask them again and name "
            "the consent, or keep the need internal.",
            field="consentId",
            rule="INV-11",
        )


async def _check_protected(act: Act, row: model.Need) -> None:
    """D7: a protected address goes to named partners at most."""
    if row.household_id is None or row.visibility in rules.PROTECTED_VISIBILITY:
        return
    household = await act.session.get_one(Household, row.household_id, populate_existing=True)
    if household.address_protected:
        raise GuardFailed(
            "The household's address is protected: its needs are shown to named partners or kept "
            "internal, never more widely.",
            field="visibility",
            rule="INV-13",
        )


async def _hold(act: Act, consent_id: UUID | None) -> Consent | None:
    """The consent, locked against its withdrawal to the end of the transaction."""
    if consent_id is None:
        return None
    return await act.session.get(
        Consent, consent_id, populate_existing=True, with_for_update={"read": True}
    )


async def _allows(act: Act, row: model.Need, consent: Consent) -> bool:
    """Whether the consent covers this visibility: everybody, or at least one receiver."""
    if row.visibility is model.Visibility.NAMED and not consent.receiver_ids:
        return False
    named = consent.receiver_ids if row.visibility is not model.Visibility.PUBLIC else []
    allowed = consent_allows(
        consent.id,
        purpose="PUB",
        data_class=policy.D1,
        receiver_id=named[0] if named else None,
        now=act.now,
    )
    return bool((await act.session.execute(select(allowed))).scalar_one())
