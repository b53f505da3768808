"""Convening a conference, holding it, what it decides, and seeing to it that it is done."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from uuid import UUID

from nexus.acting import SHANGHAI, Act, plain_transition
from nexus.casework.cases import policy as cases
from nexus.casework.cases.model import OPEN, Case
from nexus.casework.conferences import model, policy, queries, rules
from nexus.casework.conferences.model import CaseConference, ConferenceState
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Invalid, WrongState
from nexus.core.texts import check_reason
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import oblige
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization

POLICY = "T15f"


async def convene_conference(
    act: Act,
    *,
    case_id: UUID,
    agenda: str,
    meets_at: datetime,
    organization_ids: Sequence[UUID],
) -> CaseConference:
    """About an open case: who is asked, when, and about what (T15f)."""
    file = await act.find(Case, case_id, visible=cases.visible)
    act.permit(policy.may_convene, file)
    if file.state not in OPEN:
        raise WrongState(
            f"Case {file.no} is {file.state.name}: a conference is about an open one.",
            rule="INV-19",
            state=file.state.name,
        )
    row = CaseConference(
        no=await act.number("CC", file.area_code),
        case_id=file.id,
        area_code=file.area_code,
        organization_id=act.actor.organization_id,
        agenda=rules.check_text(agenda, field="agenda"),
        meets_at=meets_at,
        state=ConferenceState.CONVENED,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    own = act.actor.organization_id
    await _invite(act, row, [own, *(one for one in organization_ids if one != own)])
    act.record("conference.convened", row, case_id=file.id)
    return row


async def _invite(act: Act, row: CaseConference, organization_ids: Sequence[UUID]) -> int:
    """Ask those who were not asked yet; how many."""
    known = {one.organization_id for one in await queries.parties(act.session, row.id)}
    fresh = [one for one in dict.fromkeys(organization_ids) if one not in known]
    if len(known) + len(fresh) > rules.MOST_PARTIES:
        raise Invalid(
            f"At most {rules.MOST_PARTIES} organizations sit at one table.",
            field="organizationIds",
        )
    for one in fresh:
        await act.find(Organization, one, visible=organizations.visible)
        act.session.add(
            model.ConferenceParty(conference_id=row.id, organization_id=one, invited_at=act.now)
        )
    await act.session.flush()
    return len(fresh)


async def invite_parties(
    act: Act, conference_id: UUID, *, expected_version: int, organization_ids: Sequence[UUID]
) -> CaseConference:
    """Ask more organizations; those asked before are not asked twice."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_invite, row)
    model.TRANSITIONS.after("invite", row.state)
    asked = await _invite(act, row, organization_ids)
    act.move(row, model.TRANSITIONS, "invite")
    act.record("conference.invited", row, asked=asked)
    return row


async def hold_conference(
    act: Act,
    conference_id: UUID,
    *,
    expected_version: int,
    minutes: str,
    attended_ids: Sequence[UUID],
    held_at: datetime | None = None,
) -> CaseConference:
    """It took place: who came, and what was said, in words that all of them may read."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_hold, row)
    model.TRANSITIONS.after("hold", row.state)
    moment = held_at or act.now
    if moment > act.now + timedelta(minutes=1):
        raise Invalid("heldAt lies in the future.", field="heldAt")
    said = rules.check_text(minutes, field="minutes")
    asked = {one.organization_id: one for one in await queries.parties(act.session, row.id)}
    strangers = [one for one in attended_ids if one not in asked]
    if strangers or not attended_ids:
        raise Invalid(
            "Name who came of those who were asked; inviteParties asks more.", field="attendedIds"
        )
    for organization_id, one in asked.items():
        one.attended = organization_id in attended_ids
    row.held_at, row.minutes = moment, said
    act.move(row, model.TRANSITIONS, "hold")
    act.record("conference.held", row, attended=len(attended_ids))
    return row


async def record_decision(
    act: Act,
    conference_id: UUID,
    *,
    expected_version: int,
    measure: str,
    organization_id: UUID,
    due_on: date,
) -> CaseConference:
    """A measure that one of those asked owes from now on: an obligation with its time."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_decide, row)
    model.TRANSITIONS.after("decide", row.state)
    said = rules.check_text(measure, field="measure")
    last = rules.check_due(due_on, act.actor.today())
    asked = {one.organization_id for one in await queries.parties(act.session, row.id)}
    if organization_id not in asked:
        raise Invalid(
            "A measure is owed by one of those who were asked: invite it before the conference.",
            field="organizationId",
        )
    decision = model.ConferenceDecision(
        id=new_id(),
        conference_id=row.id,
        position=1 + await queries.decided(act.session, row.id),
        measure=said,
        organization_id=organization_id,
        due_on=last,
        decided_at=act.now,
        decided_by=act.actor.account_id,
    )
    await _owe(act, row, decision)
    act.move(row, model.TRANSITIONS, "decide")
    act.record("conference.decided", row, position=decision.position)
    return row


async def _owe(act: Act, row: CaseConference, decision: model.ConferenceDecision) -> None:
    """The obligation first: a decision names it and never changes."""
    debt = await oblige(
        act,
        kind=ObligationKind.CONFERENCE_FOLLOW_UP,
        subject=decision,
        organization_id=decision.organization_id,
        area_code=row.area_code,
        due_at=datetime.combine(decision.due_on + timedelta(days=1), time(), SHANGHAI),
        rule=POLICY,
        details={"conference": row.no, "decision": decision.position},
    )
    decision.obligation_id = debt.id
    act.session.add(decision)
    await act.session.flush()


async def grant_exception(
    act: Act,
    conference_id: UUID,
    *,
    expected_version: int,
    rule: model.ExceptedRule,
    rule_version: str,
    valid_to: date,
    reason: str | None = None,
) -> CaseConference:
    """The authority relaxes a rule for this case: which version, why, until when (INV-22)."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_grant_exception, row)
    model.TRANSITIONS.after("grant_exception", row.state)
    said = check_reason(reason, impersonal=True)
    if valid_to <= act.actor.today():
        raise Invalid("validTo lies in the past: it is the first day without.", field="validTo")
    version = rules.check_text(rule_version, field="ruleVersion")
    if await queries.has_exception(act.session, row.id, rule):
        raise GuardFailed(
            f"This conference relaxed {rule.name} already: convene another for more.",
            field="rule",
            rule="INV-22",
        )
    made = model.ConferenceException(
        conference_id=row.id,
        case_id=row.case_id,
        area_code=row.area_code,
        rule=rule,
        rule_version=version,
        reason=said,
        valid_to=valid_to,
        granted_at=act.now,
        granted_by=act.actor.account_id,
    )
    act.session.add(made)
    act.move(row, model.TRANSITIONS, "grant_exception")
    await act.session.flush()
    act.record("conference.exception_granted", row, exception_id=made.id, rule=rule)
    return row


async def follow_up_conference(
    act: Act, conference_id: UUID, *, expected_version: int, reason: str | None = None
) -> CaseConference:
    """Everything that was decided is done or was waived. StillOwed names what is not."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_follow_up, row)
    model.TRANSITIONS.after("follow_up", row.state)
    left = await queries.owed(act.session, row.id)
    if left:
        raise rules.StillOwed(
            f"{len(left)} decisions are not done: their owners discharge them, or the authority "
            "waives them.",
            rule=POLICY,
            open=len(left),
            obligations=left,
        )
    act.move(row, model.TRANSITIONS, "follow_up")
    row.state_reason = reason
    act.record("conference.followed_up", row)
    return row


close_conference = plain_transition(
    CaseConference,
    model.TRANSITIONS,
    "close",
    event="conference.closed",
    visible=policy.visible,
    may=policy.may_close,
)


async def cancel_conference(
    act: Act, conference_id: UUID, *, expected_version: int, reason: str | None = None
) -> CaseConference:
    """It does not take place, and why."""
    row = await queries.take(act, conference_id, expected_version)
    act.permit(policy.may_cancel, row)
    model.TRANSITIONS.after("cancel", row.state)
    row.state_reason = check_reason(reason)
    act.move(row, model.TRANSITIONS, "cancel")
    act.record("conference.cancelled", row)
    return row
