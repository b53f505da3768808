"""Raising and clearing alerts, and looking after them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import due_after
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Invalid
from nexus.supervision.alerts import model, policy, queries
from nexus.supervision.alerts.rules import RULES

MAX_REASON = 2000


async def raise_alert(
    act: Act,
    *,
    rule: str,
    subject_type: str,
    subject_id: UUID,
    area_code: str,
    evidence: dict[str, Any],
    severity: model.Severity | None = None,
    caused_by: UUID | None = None,
) -> model.Alert:
    """The live alert of the rule about the row: a new one, or the one that stands already.

    `rule` is one of `RULES`, whose severity counts unless another is given. `subject_type` is a
    table; `evidence` holds ids, codes and numbers only. `caused_by`, of the class OVERRIDE, is who
    let the rule go.
    """
    given = RULES[rule]
    standing = queries.live_of(rule, subject_id)
    if found := await act.session.scalar(standing):
        return found
    grave = severity or given.severity
    made = {
        "id": new_id(),
        "no": await act.number("AL", area_code),
        "rule": rule,
        "rule_version": given.version,
        "kind": given.kind,
        "stage": given.stage,
        "severity": grave,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "evidence": evidence,
        "area_code": area_code,
        "caused_by": caused_by,
        "due_at": (await due_after(act.session, grave.clock, act.now, area_code=area_code)).at,
        "opened_at": act.now,
    }
    row: model.Alert | None = await act.session.scalar(
        insert(model.Alert).values(made).on_conflict_do_nothing().returning(model.Alert)
    )
    if row is None:  # somebody else raised it at the same moment
        return (await act.session.scalars(standing)).one()
    act.record("alert.raised", row, **_about(row))
    return row


async def clear_alert(act: Act, *, rule: str, subject_id: UUID) -> model.Alert | None:
    """What raised it is over: the system resolves it, whoever looks after it. None stood: None."""
    row = await act.session.scalar(queries.live_of(rule, subject_id))
    if row is None:
        return None
    act.move(row, model.TRANSITIONS, "clear")
    row.closed_at = act.now
    act.record("alert.cleared", row, **_about(row))
    return row


def _about(row: model.Alert) -> dict[str, Any]:
    return {
        "rule": row.rule,
        "rule_version": row.rule_version,
        "severity": row.severity.value,
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "area_code": row.area_code,
    }


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.Alert:
    return await act.take(
        model.Alert, row_id, visible=policy.visible, expected_version=expected_version
    )


def _reason(reason: str | None) -> str:
    text = (reason or "").strip()
    if not 0 < len(text) <= MAX_REASON:
        raise Invalid(f"Give a reason of 1 to {MAX_REASON} characters.", field="reason")
    return text


async def acknowledge_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """Take it on: from here on it has an owner (INV-20)."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_acknowledge, row)
    act.move(row, model.TRANSITIONS, "acknowledge")
    row.owner_id, row.state_reason = act.actor.account_id, reason
    act.record("alert.acknowledged", row, **_about(row), owner_id=row.owner_id)
    return row


async def handle_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """Work on it has begun; whoever begins owns it."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_handle, row)
    act.move(row, model.TRANSITIONS, "handle")
    row.owner_id, row.state_reason = act.actor.account_id, reason
    act.record("alert.handling", row, **_about(row), owner_id=row.owner_id)
    return row


async def resolve_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """It is settled: say how."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_handle, row)
    act.move(row, model.TRANSITIONS, "resolve")
    row.state_reason, row.closed_at = _reason(reason), act.now
    act.record("alert.resolved", row, **_about(row))
    return row


async def dismiss_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """It needs nothing: say why."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_dismiss, row)
    act.move(row, model.TRANSITIONS, "dismiss")
    row.state_reason, row.closed_at = _reason(reason), act.now
    act.record("alert.dismissed", row, **_about(row))
    return row


async def reopen_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """It was not settled after all: open again, with its time counted anew."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_reopen, row)
    act.move(row, model.TRANSITIONS, "reopen")
    row.state_reason, row.closed_at = _reason(reason), None
    with act.session.no_autoflush:
        due = await due_after(act.session, row.severity.clock, act.now, area_code=row.area_code)
    row.owner_id, row.escalated_at = None, None
    row.opened_at, row.due_at = act.now, due.at
    try:
        async with act.session.begin_nested():
            await act.session.flush()
    except IntegrityError as error:
        if "uq_alert_open" not in str(error.orig):
            raise
        raise GuardFailed(
            "Another alert tells of the same and is open: look after that one.",
            rule="one_open_alert",
        ) from None
    act.record("alert.reopened", row, **_about(row))
    return row


async def escalate_alerts(session: AsyncSession, now: datetime) -> int:
    """The clock: live alerts beyond their time are escalated once; how many."""
    act = Act(session, system(now))
    rows = list(await session.scalars(queries.to_escalate(now)))
    for row in rows:
        row.escalated_at = now
        row.version += 1
        act.record("alert.escalated", row, **_about(row))
    await session.flush()
    return len(rows)
