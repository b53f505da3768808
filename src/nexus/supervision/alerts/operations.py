"""Raising and clearing alerts, and looking after them."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Actor, system
from nexus.areas.queries import due_after
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed
from nexus.core.texts import check_reason
from nexus.supervision.alerts import model, policy, queries
from nexus.supervision.alerts.rules import RULES


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


def _deed(
    verb: str, event: str, may: Callable[[Actor, Any], Any], *, owns: bool = False
) -> Callable[..., Awaitable[model.Alert]]:
    """A deed that moves it: with `owns` the actor looks after it from here on (INV-20), else it is
    over, and `reason` says how or why."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.Alert:
        row = await _take(act, row_id, expected_version)
        act.permit(may, row)
        act.move(row, model.TRANSITIONS, verb)
        if owns:
            row.owner_id, row.state_reason = act.actor.account_id, reason
            act.record(event, row, **_about(row), owner_id=row.owner_id)
        else:
            row.state_reason, row.closed_at = check_reason(reason), act.now
            act.record(event, row, **_about(row))
        return row

    return deed


acknowledge_alert = _deed("acknowledge", "alert.acknowledged", policy.may_acknowledge, owns=True)
handle_alert = _deed("handle", "alert.handling", policy.may_handle, owns=True)
resolve_alert = _deed("resolve", "alert.resolved", policy.may_handle)
dismiss_alert = _deed("dismiss", "alert.dismissed", policy.may_dismiss)


async def reopen_alert(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Alert:
    """It was not settled after all: open again, with its time counted anew."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_reopen, row)
    act.move(row, model.TRANSITIONS, "reopen")
    row.state_reason, row.closed_at = check_reason(reason), None
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
