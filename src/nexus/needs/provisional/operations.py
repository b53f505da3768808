"""Publishing before the verification, and verifying afterwards (T15c)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from nexus.acting import Act
from nexus.areas.queries import check_code, due_after
from nexus.core.refusals import ConsentMissing, GuardFailed, Invalid
from nexus.emergencies.model import (
    EmergencyEvent,
    EmergencyPhase,
    RelaxedRule,
    Settlement,
)
from nexus.emergencies.operations import SUPPLEMENT, relax, settle_all, take_ground
from nexus.emergencies.queries import phase_today
from nexus.needs import model, policy, queries
from nexus.needs.provisional import rules
from nexus.needs.publication.operations import Release, asks_consent, consent_end, put_out, show
from nexus.needs.rules import check_text
from nexus.needs.staging.rules import is_staged
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import discharge, oblige

VERIFIED = "the need was verified"
"""What the obligation is told: the need's own evidence is for those who see its detail."""


@dataclass(frozen=True)
class Ground:
    """What it goes out on: the event, or none, and what is owed in return."""

    event: EmergencyEvent | None
    phase: EmergencyPhase | None
    rule: str
    """The version of the figure that dates the supplement."""
    due_at: datetime | None
    """Null: the clock starts when the event ends."""

    def relaxes(self, rule: RelaxedRule) -> bool:
        """Whether the event relaxes the rule; without an event its own ground does (T15c)."""
        return self.event is None or rule.value in self.event.relaxed_rules


async def publish_need_provisionally(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    reason: str,
    legal_basis: str | None = None,
    consent_id: UUID | None = None,
    emergency_id: UUID | None = None,
    public_title: str | None = None,
    public_summary: str | None = None,
    publish_until: date | None = None,
) -> model.Need:
    """A draft goes out at once; its verification is owed within ten working days (T15c).

    Text and area are checked as always (INV-13). Without a consent a legal basis carries the
    de-identified need (D1) until its verification, unless somebody behind it said no.
    """
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_publish_provisionally, row)
    model.TRANSITIONS.after("publish_provisionally", row.state)
    told = check_text(reason, field="reason")
    rules.check_urgent(row.urgency, row.population_group, row.temporary_type)
    ground = await _ground(act, row, emergency_id)
    given = Release(
        public_title or row.public_title,
        public_summary or row.public_summary,
        consent_id or row.consent_id,
        row.publish_from,
        publish_until or row.publish_until,
        legal_basis,
    )
    await _check_basis(act, row, given, ground)
    await _put_out(act, row, given, ground)
    await _owe(act, row, ground, told)
    return row


async def _ground(act: Act, row: model.Need, emergency_id: UUID | None) -> Ground:
    """Under which event, and until when the verification is due (the clock is a parameter)."""
    event = await take_ground(act, emergency_id, RelaxedRule.PROVISIONAL_PUBLICATION, row.area_code)
    deadline = await due_after(act.session, SUPPLEMENT, act.now, area_code=row.area_code)
    waits = event is not None and RelaxedRule.SUPPLEMENT_AFTER_END.value in event.relaxed_rules
    phase = await phase_today(act, event.id) if event is not None else None
    return Ground(event, phase, deadline.rule, None if waits else deadline.at)


async def _check_basis(act: Act, row: model.Need, given: Release, ground: Ground) -> None:
    """A legal basis in the place of consent is a code, relaxed, and against nobody's word."""
    if given.consent_id is not None or not asks_consent(row):
        return
    if given.legal_basis is None:
        raise ConsentMissing(
            "No consent is named: name one, or the legalBasis that stands in for it until the "
            "verification.",
            field="legalBasis",
            rule="INV-11",
            purpose="PUB",
            data_class=policy.D1,
        )
    today = act.actor.today()
    await check_code(act.session, "legal_basis", given.legal_basis, on=today, field="legalBasis")
    if not ground.relaxes(RelaxedRule.CONSENT_LATER):
        raise GuardFailed(
            "The emergency does not relax CONSENT_LATER: record the consent first.",
            field="consentId",
            rule="INV-11",
        )


async def _put_out(act: Act, row: model.Need, given: Release, ground: Ground) -> None:
    if is_staged(await queries.take_lines(act.session, row.id)):
        raise GuardFailed(
            "Staged help rests on one approval: have the need verified first, or publish the "
            "first stage as a need of its own.",
            rule="INV-09",
        )
    lines = await put_out(act, row, given, "publish_provisionally")
    row.provisional = True
    if not asks_consent(row):
        row.legal_basis = None
    row.population_group = model.PopulationGroup.EMERGENCY
    row.temporary_type = model.TemporaryType.EMERGENCY
    row.emergency_id = ground.event.id if ground.event else None
    row.emergency_phase = ground.phase
    row.published_at, row.released_by = act.now, act.actor.account_id
    row.state_reason = None
    show(lines, published=True)
    act.record(
        "need.published",
        row,
        released_by=row.released_by,
        consent_id=row.consent_id,
        provisional=1,
        emergency_id=row.emergency_id,
    )


async def _owe(act: Act, row: model.Need, ground: Ground, reason: str) -> None:
    """The supplement as an obligation, and every rule that was relaxed as a row."""
    debt = await oblige(
        act,
        kind=ObligationKind.SUPPLEMENT,
        subject=row,
        organization_id=row.publisher_id,
        area_code=row.area_code,
        due_at=ground.due_at,
        rule=ground.rule,
    )
    relaxed = {RelaxedRule.PROVISIONAL_PUBLICATION: ground.rule}
    if row.legal_basis is not None:
        relaxed[RelaxedRule.CONSENT_LATER] = f"legal_basis.{row.legal_basis}"
    if ground.due_at is None:
        relaxed[RelaxedRule.SUPPLEMENT_AFTER_END] = ground.rule
    for rule, version in relaxed.items():
        await relax(
            act,
            rule,
            rule_version=version,
            subject=row,
            reason=reason,
            event_id=row.emergency_id,
            obligation_id=debt.id,
            legal_basis=row.legal_basis if rule is RelaxedRule.CONSENT_LATER else None,
        )


async def verify_need_later(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    evidence: str,
    approval_cap_fen: int | None = None,
    consent_id: UUID | None = None,
) -> model.Need:
    """The verification that was owed: not by the creator (INV-18). The need keeps its state.

    A need that is out on a legal basis needs its consent now (ConsentMissing); its publication
    ends with that consent at the latest. The obligation is discharged, the relaxations settled.
    """
    row = await queries.take_need(act, row_id, expected_version)
    act.permit(policy.may_verify_later, row)
    model.TRANSITIONS.after("verify_later", row.state)
    if not row.provisional:
        raise GuardFailed("This need is verified already: nothing is owed.", rule=rules.RULE)
    told = check_text(evidence, field="evidence")
    if approval_cap_fen is not None and approval_cap_fen < 0:
        raise Invalid("An approval cap cannot be negative.", field="approvalCapFen")
    if row.legal_basis is not None or consent_id is not None:
        await _bring_consent(act, row, consent_id)
    act.move(row, model.TRANSITIONS, "verify_later")
    row.provisional, row.legal_basis = False, None
    row.evidence, row.approval_cap_fen = told, approval_cap_fen
    row.verified_at, row.verified_by = act.now, act.actor.account_id
    row.reviewed = True
    act.record("need.verified_later", row, verifier_id=row.verified_by, consent_id=row.consent_id)
    await act.session.flush()
    await discharge(act, kind=ObligationKind.SUPPLEMENT, subject_id=row.id, evidence=VERIFIED)
    await settle_all(act, row.id, Settlement.SUPPLEMENTED)
    return row


async def _bring_consent(act: Act, row: model.Need, consent_id: UUID | None) -> None:
    limit = await consent_end(act, row, consent_id)
    row.legal_basis, row.consent_id = None, consent_id
    if limit is not None:
        row.publish_until = min(row.publish_until or limit, limit)
