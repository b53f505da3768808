"""Claiming for a milestone, looking at a sample, and deciding."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import update

from nexus.acting import Act
from nexus.core import drawing
from nexus.core.copying import copy_rows
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_impersonal, check_reason, check_text
from nexus.purchasing.acceptance import model, policy, queries, rules
from nexus.purchasing.acceptance.model import (
    Acceptance,
    AcceptanceDeduction,
    AcceptanceLine,
    AcceptedFact,
    SampleFinding,
)
from nexus.purchasing.contracts.milestones import operations as milestones
from nexus.purchasing.contracts.model import (
    MILESTONE_TRANSITIONS,
    Contract,
    Milestone,
    MilestoneState,
)
from nexus.purchasing.facts.operations import permit

_STATES = model.TRANSITIONS


async def submit_acceptance(act: Act, milestone_id: UUID, claims: rules.Claims) -> Acceptance:
    """Claim what was done in the period for the milestone, with the facts that stand behind it.

    FactsMissing where they come to less (INV-28); MilestoneExceeded beyond its value (INV-24).
    """
    contract, milestone = await queries.take_milestone(act, milestone_id)
    act.permit(policy.may_submit, contract)
    return await _submit(act, contract, milestone, claims)


async def resubmit_acceptance(
    act: Act, row_id: UUID, claims: rules.Claims, *, expected_version: int
) -> Acceptance:
    """A new claim takes the place of a rejected one: the answer is the new one."""
    seen = await act.find(Acceptance, row_id, visible=policy.visible)
    contract = await queries.take_contract(act.session, seen.contract_id)
    milestone = await queries.lock_milestone(act.session, seen.milestone_id)
    row = await queries.take(act, row_id, expected_version)
    await permit(act, Acceptance, policy.may_resubmit, row)
    act.move(row, _STATES, "resubmit")
    act.record("acceptance.resubmitted", row, **_about(row))
    return await _submit(act, contract, milestone, claims, previous=row)


async def _submit(
    act: Act,
    contract: Contract,
    milestone: Milestone,
    claims: rules.Claims,
    previous: Acceptance | None = None,
) -> Acceptance:
    rules.check_milestone(contract.state, milestone.state, milestone.kind, claims)
    rules.check_period(
        claims.from_on,
        claims.until_on,
        starts_on=contract.starts_on,
        ends_on=contract.ends_on,
        today=act.actor.today(),
    )
    if waiting := await queries.open_no(act.session, milestone.id):
        raise GuardFailed(
            f"{waiting} of this milestone is not decided: wait for that.",
            rule="one_open",
            acceptance=waiting,
        )
    row = await _row(act, contract, milestone, claims, previous)
    lines, behind = await _lines(act, row, claims)
    asked = claims.claimed_fen
    if asked is None:
        asked = sum(rules.value_of(line.claimed, line.unit_price_fen) for line in lines)
    row.claimed_fen = rules.check_value(
        asked, value_fen=milestone.value_fen, accepted_fen=milestone.accepted_fen
    )
    act.session.add(row)
    await act.session.flush()
    act.session.add_all(lines)
    await act.session.flush()
    await copy_rows(act.session, AcceptedFact, behind)
    act.record("acceptance.submitted", row, **_about(row), claimed_fen=row.claimed_fen)
    return row


async def _row(
    act: Act,
    contract: Contract,
    milestone: Milestone,
    claims: rules.Claims,
    previous: Acceptance | None,
) -> Acceptance:
    return Acceptance(
        id=act.row_id,
        no=await act.number("AC", contract.area_code),
        milestone_id=milestone.id,
        contract_id=contract.id,
        area_code=contract.area_code,
        round=1 if previous is None else previous.round + 1,
        previous_id=None if previous is None else previous.id,
        from_on=claims.from_on,
        until_on=claims.until_on,
        documents=rules.check_documents(claims.documents),
        note=rules.check_note(claims.note),
        manager_id=contract.manager_id,
        submitted_at=act.now,
        submitted_by=act.actor.account_id,
        state=model.AcceptanceState.SUBMITTED,
    )


async def _lines(
    act: Act, row: Acceptance, claims: rules.Claims
) -> tuple[list[AcceptanceLine], list[dict[str, Any]]]:
    """The lines that are claimed, and the facts that stand behind each."""
    if claims.claimed_fen is not None:
        return [], []
    free = await queries.free_facts(act.session, row.contract_id, row.from_on, row.until_on)
    items = {one.id: one for one in await queries.items_of(act.session, row.contract_id)}
    wanted = claims.lines
    if wanted is None:
        wanted = [rules.Claim(item_id) for item_id in items if item_id in free]
    rules.check_claims(wanted)
    if not wanted:
        raise rules.FactsMissing(
            "No counted fact of the period is free: claim facts first, or name another period.",
            rule="INV-28",
        )
    lines: list[AcceptanceLine] = []
    behind: list[dict[str, Any]] = []
    for claim in wanted:
        item = items.get(claim.item_id)
        if item is None:
            raise Invalid("This contract has no such item.", field="lines")
        claimed, counted, picked = rules.pick(free[item.id], claim.quantity, item.position)
        line = AcceptanceLine(
            id=new_id(),
            acceptance_id=row.id,
            contract_item_id=item.id,
            position=item.position,
            claimed=claimed,
            counted=counted,
            unit_price_fen=item.unit_price_fen,
        )
        lines.append(line)
        behind.extend(_behind(line, fact_id, quantity) for fact_id, quantity in picked)
    return sorted(lines, key=lambda line: line.position), behind


def _behind(line: AcceptanceLine, fact_id: UUID, quantity: Any) -> dict[str, Any]:
    return {
        "id": new_id(),
        "line_id": line.id,
        "acceptance_id": line.acceptance_id,
        "fact_id": fact_id,
        "quantity": quantity,
        "live": True,
        "sampled": False,
        "version": 1,
    }


def _about(row: Acceptance) -> dict[str, Any]:
    return {"contract_id": row.contract_id, "milestone_id": row.milestone_id, "round": row.round}


async def review_acceptance(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Acceptance:
    """The buyer begins to look at it: a sample of its facts is drawn, by a seed that is kept."""
    row = await _take(act, row_id, expected_version, policy.may_review)
    _STATES.after("review", row.state)
    await _check_no_hand(act, row)
    frame = await queries.hold_frame(act.session, row.id)
    day = act.actor.today()
    ratio, least = await queries.sample_share(act.session, on=day, area_code=row.area_code)
    keys = [one.fact_id for one in frame]
    row.sample_seed = drawing.new_seed()
    row.sample_size = rules.sample_size(len(keys), ratio=ratio.value, least=least.whole)
    row.frame_hash = drawing.frame_hash(keys)
    row.sample_rule = ratio.version
    row.reviewed_at, row.reviewed_by = act.now, act.actor.account_id
    act.move(row, _STATES, "review")
    drawn = set(drawing.draw(row.sample_seed, keys, row.sample_size))
    chosen = [one.id for one in frame if str(one.fact_id) in drawn]
    await act.session.execute(
        update(AcceptedFact).where(AcceptedFact.id.in_(chosen)).values(sampled=True)
    )
    act.record("acceptance.reviewing", row, **_about(row), sampled=len(chosen))
    return row


async def check_sample(
    act: Act,
    behind_id: UUID,
    *,
    expected_version: int,
    finding: SampleFinding,
    note: str | None = None,
) -> AcceptedFact:
    """What the buyer found of one fact of the sample; a doubt or worse is put into words."""
    seen = await act.find(AcceptedFact, behind_id, visible=policy.part_visible)
    row = await queries.take(act, seen.acceptance_id, None)
    behind = await act.take(
        AcceptedFact, behind_id, visible=policy.part_visible, expected_version=expected_version
    )
    await permit(act, AcceptedFact, policy.may_check, behind)
    _STATES.after("check", row.state)
    await _check_no_hand(act, row)
    behind.finding_note = _finding_note(finding, note)
    behind.finding = finding
    behind.found_at, behind.found_by = act.now, act.actor.account_id
    behind.version += 1
    act.move(row, _STATES, "check")
    act.record("acceptance.checked", row, **_about(row), fact_id=behind.fact_id, finding=finding)
    return behind


def _finding_note(finding: SampleFinding, note: str | None) -> str | None:
    if finding is SampleFinding.CONFIRMED and note is None:
        return None
    said = check_text(note, field="note", most=rules.LONG_NOTE)
    return check_impersonal(said, field="note")


async def accept_acceptance(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> Acceptance:
    """All that is claimed is accepted; FactsMissing where facts fell away meanwhile (INV-28)."""
    return await _settle(act, row_id, expected_version, "accept", "acceptance.accepted", (), reason)


async def accept_with_deduction(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    cuts: Sequence[rules.Cut],
    reason: str | None = None,
) -> Acceptance:
    """So much less is accepted, each deduction with its reason."""
    event = "acceptance.accepted_with_deduction"
    return await _settle(act, row_id, expected_version, "deduct", event, cuts, reason)


async def _settle(
    act: Act,
    row_id: UUID,
    expected_version: int,
    verb: str,
    event: str,
    cuts: Sequence[rules.Cut],
    reason: str | None,
) -> Acceptance:
    seen = await act.find(Acceptance, row_id, visible=policy.visible)
    contract = await queries.take_contract(act.session, seen.contract_id)
    milestone = await queries.lock_milestone(act.session, seen.milestone_id)
    row = await _take(act, row_id, expected_version, policy.may_decide)
    _STATES.after(verb, row.state)
    await _check_no_hand(act, row)
    if verb == "deduct" and not cuts:
        raise Invalid("Say what is deducted, and why.", field="deductions")
    await queries.hold_frame(act.session, row.id)
    rules.check_sample(await queries.findings(act.session, row.id))
    lines = await queries.supported(act.session, row.id)
    settled = rules.settle(lines, cuts, row.claimed_fen)
    accepted_fen = rules.check_value(
        row.claimed_fen - settled.deduction_fen,
        value_fen=milestone.value_fen,
        accepted_fen=milestone.accepted_fen,
    )
    await _write_lines(act, row, lines, settled)
    row.manager_id = contract.manager_id
    row.deduction_fen, row.accepted_fen = settled.deduction_fen, accepted_fen
    _decided(act, row)
    if reason is not None:
        row.state_reason = check_reason(reason, impersonal=True)
    act.move(row, _STATES, verb)
    act.record(event, row, **_about(row), accepted_fen=accepted_fen)
    _meet(act, milestone, accepted_fen, whole=not cuts)
    await act.session.flush()
    return row


async def _write_lines(
    act: Act, row: Acceptance, lines: Sequence[rules.Supported], settled: rules.Settled
) -> None:
    for line in lines:
        kept = await act.session.get_one(AcceptanceLine, line.line_id)
        kept.counted, kept.accepted = line.supported, settled.accepted[line.line_id]
    act.session.add_all(
        AcceptanceDeduction(
            acceptance_id=row.id,
            position=position,
            line_id=line_id,
            quantity=cut.quantity,
            fen=fen,
            reason=cut.reason,
            note=check_impersonal(
                check_text(cut.note, field="deductions", most=rules.LONG_NOTE), field="deductions"
            ),
            created_at=act.now,
            created_by=act.actor.account_id,
        )
        for position, (cut, line_id, fen) in enumerate(settled.cuts, start=1)
    )
    await act.session.flush()


def _meet(act: Act, milestone: Milestone, accepted_fen: int, *, whole: bool) -> None:
    """The milestone follows: met when all that was claimed was accepted."""
    verb, told = ("meet", "met") if whole else ("meet_partly", "partially_met")
    act.move(milestone, MILESTONE_TRANSITIONS, verb)
    milestone.accepted_fen += accepted_fen
    milestone.met_on = act.actor.today()
    milestone.state_reason = None
    milestones.record(act, told, milestone, accepted_fen=accepted_fen)


async def reject_acceptance(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None
) -> Acceptance:
    """Nothing of it is accepted, for a stated reason; its facts are free for a new claim."""
    seen = await act.find(Acceptance, row_id, visible=policy.visible)
    contract = await queries.take_contract(act.session, seen.contract_id)
    milestone = await queries.lock_milestone(act.session, seen.milestone_id)
    row = await _take(act, row_id, expected_version, policy.may_decide)
    _STATES.after("reject", row.state)
    await _check_no_hand(act, row)
    row.state_reason = check_reason(reason, impersonal=True)
    row.manager_id = contract.manager_id
    _decided(act, row)
    act.move(row, _STATES, "reject")
    await act.session.execute(
        update(AcceptedFact)
        .where(AcceptedFact.acceptance_id == row.id, AcceptedFact.live)
        .values(live=False)
    )
    act.record("acceptance.rejected", row, **_about(row))
    if milestone.state is MilestoneState.SCHEDULED:
        act.move(milestone, MILESTONE_TRANSITIONS, "miss")
        milestone.state_reason = "acceptance_rejected"
        milestones.record(act, "not_met", milestone)
    await act.session.flush()
    return row


def _decided(act: Act, row: Acceptance) -> None:
    row.decided_at, row.decided_by = act.now, act.actor.account_id


async def _take(act: Act, row_id: UUID, expected_version: int, may: Any) -> Acceptance:
    row = await queries.take(act, row_id, expected_version)
    await permit(act, Acceptance, may, row)
    return row


async def _check_no_hand(act: Act, row: Acceptance) -> None:
    """Who recorded or claimed a fact accepts nothing that rests on it (INV-18)."""
    if await queries.has_hand_in(act.session, row.id, act.actor.account_id):
        raise Forbidden(
            "You recorded or claimed facts that stand behind it: another person of the buyer "
            "decides.",
            rule="INV-18",
        )


async def lose_fact(act: Act, fact_id: UUID) -> bool:
    """A withdrawn fact stands behind no open acceptance; whether one lost it.

    What was decided stays as decided: its line shows the quantity as lost, and it is told.
    """
    found = await queries.acceptance_of(act.session, fact_id)
    if found is None:
        return False
    row, behind = found
    if row.state in model.OPEN:
        behind.live = False
        behind.version += 1
    act.record("acceptance.fact_lost", row, **_about(row), fact_id=fact_id)
    return True
