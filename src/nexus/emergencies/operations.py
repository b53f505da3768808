"""Declaring emergencies and moving them to their review; relaxing rules and settling it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete

from nexus.acting import Act, plain_transition
from nexus.areas.queries import due_after, resolve_area
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.core.texts import check_reason
from nexus.emergencies import model, policy, queries, rules
from nexus.emergencies.model import RelaxedRule, Settlement
from nexus.emergencies.rules import PhaseInput

SUPPLEMENT = "supplement_working_days"
"""The parameter that dates a supplement (domain.md 10)."""


async def declare_emergency(
    act: Act,
    *,
    name: str,
    kind: model.EmergencyKind,
    level: model.EmergencyLevel,
    legal_basis: str,
    areas: Sequence[str],
    phases: Sequence[PhaseInput] = (),
    relaxed_rules: Sequence[RelaxedRule] = (),
    starts_at: datetime | None = None,
) -> model.EmergencyEvent:
    """An event over divisions (T12a), from now unless said otherwise. It is active only later.

    Forbidden unless the actor's territory holds every division. Areas may be given by alias.
    """
    told = rules.check_words({"name": name, "legalBasis": legal_basis})
    listed = rules.check_rules(relaxed_rules)
    kept = rules.check_phases(phases)
    codes, seat = await _resolve(act, areas)
    row = model.EmergencyEvent(
        no=await act.number("E", seat),
        name=told["name"],
        kind=kind,
        level=level,
        legal_basis=told["legalBasis"],
        relaxed_rules=listed,
        seat_code=seat,
        authority_id=act.actor.organization_id,
        state=model.EmergencyState.DECLARED,
        starts_at=starts_at or act.now,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    _put_areas(act, row, codes)
    _put_phases(act, row, kept)
    act.record("emergency.declared", row, emergency_kind=kind, level=level, areas=codes)
    return row


async def amend_emergency(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    reason: str,
    level: model.EmergencyLevel | None = None,
    areas: Sequence[str] | None = None,
    phases: Sequence[PhaseInput] | None = None,
    relaxed_rules: Sequence[RelaxedRule] | None = None,
) -> model.EmergencyEvent:
    """Change what is named, with a reason, until the event ends; lists replace the earlier ones.

    What was relaxed before stays relaxed: its rows keep the rule it went by.
    """
    row = await queries.take_event(act, row_id, expected_version)
    act.permit(policy.may_amend, row)
    act.move(row, model.TRANSITIONS, "amend")
    row.state_reason = check_reason(reason)
    if level is not None:
        row.level = level
    if relaxed_rules is not None:
        row.relaxed_rules = rules.check_rules(relaxed_rules)
    if phases is not None:
        kept = rules.check_phases(phases)
        period = model.EmergencyPeriod
        await act.session.execute(delete(period).where(period.event_id == row.id))
        _put_phases(act, row, kept)
    if areas is not None:
        codes, row.seat_code = await _resolve(act, areas)
        area = model.EmergencyArea
        await act.session.execute(delete(area).where(area.event_id == row.id))
        _put_areas(act, row, codes)
    act.record("emergency.amended", row, level=row.level, relaxed_rules=row.relaxed_rules)
    return row


async def _resolve(act: Act, areas: Sequence[str]) -> tuple[list[str], str]:
    """The codes of the divisions, and that of the one that holds them; Forbidden elsewhere."""
    codes = rules.check_areas([await resolve_area(act.session, text) for text in areas])
    seat = rules.seat_of(codes)
    if not policy.may_declare(act.actor, seat):
        raise Forbidden(
            f"Role {act.actor.role.name} may not declare an emergency for {', '.join(codes)}: "
            "an approver or supervisor whose territory holds all of it does."
        )
    return codes, seat


def _put_areas(act: Act, row: model.EmergencyEvent, codes: Sequence[str]) -> None:
    act.session.add_all(model.EmergencyArea(event_id=row.id, area_code=code) for code in codes)


def _put_phases(act: Act, row: model.EmergencyEvent, phases: Sequence[PhaseInput]) -> None:
    act.session.add_all(
        model.EmergencyPeriod(
            event_id=row.id, phase=one.phase, starts_on=one.starts_on, ends_on=one.ends_on
        )
        for one in phases
    )


activate_emergency = plain_transition(
    model.EmergencyEvent,
    model.TRANSITIONS,
    "activate",
    event="emergency.activated",
    visible=policy.visible,
    may=policy.may_activate,
)
stand_down_emergency = plain_transition(
    model.EmergencyEvent,
    model.TRANSITIONS,
    "stand_down",
    event="emergency.stood_down",
    visible=policy.visible,
    may=policy.may_stand_down,
    needs_reason=True,
)


async def end_emergency(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.EmergencyEvent:
    """Over: the clocks of the obligations that waited for it start (domain.md 7.12)."""
    row = await queries.take_event(act, row_id, expected_version)
    act.permit(policy.may_end, row)
    model.TRANSITIONS.after("end", row.state)
    told = check_reason(reason)
    act.move(row, model.TRANSITIONS, "end")
    row.state_reason, row.ends_at = told, act.now
    started = await start_clocks(act, row)
    act.record("emergency.ended", row, clocks_started=started)
    return row


async def start_clocks(act: Act, row: model.EmergencyEvent) -> int:
    """Date the open obligations that waited for the event's end, each by its figure; how many."""
    waiting = await queries.take_waiting(act.session, row.id)
    for debt in waiting:
        due = await due_after(act.session, SUPPLEMENT, act.now, area_code=debt.area_code)
        debt.due_at, debt.rule = due.at, due.rule
        debt.version += 1
    return len(waiting)


async def review_emergency(
    act: Act, row_id: UUID, *, expected_version: int, review: str
) -> model.EmergencyEvent:
    """What was learnt, once every relaxation under the event is settled."""
    row = await queries.take_event(act, row_id, expected_version)
    act.permit(policy.may_review, row)
    model.TRANSITIONS.after("review", row.state)
    told = rules.check_words({"review": review})
    left = await queries.unsettled_under(act.session, row.id)
    if left:
        raise GuardFailed(
            f"{left} relaxed rules under this event are not settled: relaxedRules lists them; "
            "supplement or waive each first.",
            rule="T15c",
            unsettled=left,
        )
    act.move(row, model.TRANSITIONS, "review")
    row.review, row.reviewed_at = told["review"], act.now
    act.record("emergency.reviewed", row)
    return row


# --- Relaxing rules, for deeds above ---


async def take_active(act: Act, event_id: UUID, area_code: str) -> model.EmergencyEvent:
    """The event, active and around the area; GuardFailed otherwise."""
    event = await act.find(model.EmergencyEvent, event_id, visible=policy.visible)
    # Shared to the commit: the event cannot end in between and leave a clock standing.
    await act.session.refresh(event, with_for_update={"read": True})
    if event.state is not model.EmergencyState.ACTIVE:
        raise GuardFailed(
            f"Emergency {event.no} is {event.state.value}: name an active one, or none.",
            field="emergencyId",
            rule="T15c",
            state=event.state.name,
        )
    if not await queries.covers(act.session, event.id, area_code):
        raise GuardFailed(
            f"Emergency {event.no} does not cover {area_code}: leave emergencyId out, or have the "
            "event amended.",
            field="emergencyId",
            rule="T15c",
        )
    return event


async def take_ground(
    act: Act, event_id: UUID | None, rule: RelaxedRule, area_code: str
) -> model.EmergencyEvent | None:
    """The event a rule is relaxed under: active, around the area, with the rule on its list.

    None without an event: then the deed stands on its own grounds (T15c).
    """
    if event_id is None:
        return None
    event = await take_active(act, event_id, area_code)
    if rule.value not in event.relaxed_rules:
        raise GuardFailed(
            f"Emergency {event.no} does not relax {rule.name}: leave emergencyId out, or have the "
            "event amended.",
            field="emergencyId",
            rule="T15c",
            relaxed=[name.upper() for name in event.relaxed_rules],
        )
    return event


async def relax(
    act: Act,
    rule: RelaxedRule,
    *,
    rule_version: str,
    subject: Any,
    reason: str,
    event_id: UUID | None = None,
    obligation_id: UUID | None = None,
    legal_basis: str | None = None,
    settled_as: Settlement | None = None,
) -> model.Relaxation:
    """Keep that a rule was relaxed for the subject (INV-22). Permit it before."""
    row = model.Relaxation(
        rule=rule,
        rule_version=rule_version,
        subject_type=subject.__tablename__,
        subject_id=subject.id,
        area_code=subject.area_code,
        event_id=event_id,
        obligation_id=obligation_id,
        legal_basis=legal_basis,
        reason=reason,
        relaxed_at=act.now,
        relaxed_by=act.actor.account_id,
    )
    if settled_as is not None:
        _settle(act, row, settled_as)
    act.session.add(row)
    await act.session.flush()
    act.record(
        "relaxation.recorded",
        row,
        rule=rule,
        rule_version=rule_version,
        subject_id=subject.id,
        event_id=event_id,
    )
    return row


async def settle_all(act: Act, subject_id: UUID, settled_as: Settlement) -> int:
    """Settle what was relaxed for the subject; how many. Take the subject first."""
    rows = await queries.take_unsettled(act.session, subject_id)
    for row in rows:
        _settle(act, row, settled_as)
        act.record("relaxation.settled", row, rule=row.rule, settled_as=settled_as)
    return len(rows)


def _settle(act: Act, row: model.Relaxation, settled_as: Settlement) -> None:
    row.settled_at, row.settled_as = act.now, settled_as
    row.settled_by = act.actor.account_id
