"""Obliging somebody, settling what they owe, and telling that they are late."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.core.db import Base
from nexus.core.ids import new_id
from nexus.obligations import model, policy, queries, rules
from nexus.obligations.model import ObligationKind, ObligationState
from nexus.organizations.model import Organization


async def oblige(
    act: Act,
    *,
    kind: ObligationKind,
    subject: Base,
    organization_id: UUID,
    area_code: str,
    due_at: datetime | None,
    rule: str | None = None,
    details: dict[str, Any] | None = None,
) -> model.Obligation:
    """The open obligation of that kind about the row: a new one, or the one that stands already.

    What calls it has decided that the actor may. `rule` is the version of the figure that set
    `due_at` (`areas.queries.due_after` gives both); without one it waits for an emergency to end.
    `details` tell the owner what to do: codes, human numbers and counts, no name and nothing that
    says where a person lives. Of the kinds STOP_PROCESSING and DATA_DELETION every organization
    has its own.
    """
    subject_id: UUID = getattr(subject, "id")  # noqa: B009 - every subject has one
    owner = organization_id if kind in model.PER_ORGANIZATION else None
    standing = queries.open_of(subject_id, kind=kind, organization_id=owner)
    if found := await act.session.scalar(standing):
        return found
    home = select(Organization.area_code).where(Organization.id == organization_id)
    made = {
        "id": new_id(),
        "no": await act.number("OB", (await act.session.execute(home)).scalar_one()),
        "kind": kind,
        "subject_type": subject.__tablename__,
        "subject_id": subject_id,
        "organization_id": organization_id,
        "area_code": area_code,
        "due_at": due_at,
        "rule": rule,
        "details": details,
        "created_at": act.now,
        "created_by": act.actor.account_id,
    }
    row: model.Obligation | None = await act.session.scalar(
        insert(model.Obligation).values(made).on_conflict_do_nothing().returning(model.Obligation)
    )
    if row is None:  # somebody else opened it at the same moment
        return (await act.session.scalars(standing)).one()
    act.record("obligation.opened", row, **_about(row))
    return row


def _about(row: model.Obligation) -> dict[str, Any]:
    return {
        "no": row.no,
        "due_at": None if row.due_at is None else row.due_at.isoformat(),
        "obligation_kind": row.kind.value,
        "subject_type": row.subject_type,
        "subject_id": row.subject_id,
        "organization_id": row.organization_id,
        "area_code": row.area_code,
    }


async def discharge(
    act: Act,
    *,
    kind: ObligationKind,
    subject_id: UUID,
    evidence: str,
    organization_id: UUID | None = None,
) -> list[model.Obligation]:
    """Settle what stands open of that kind about the row, since the deed itself was done.

    For other slices: what calls it has decided that the actor may. `evidence` says what was done,
    in words without personal data. Nothing open: nothing happens.
    """
    said = rules.check_text(evidence, field="evidence")
    found = queries.open_of(subject_id, kind=kind, organization_id=organization_id)
    rows = list(await act.session.scalars(found))
    for row in rows:
        _close(act, row, "discharge", evidence=said)
    return rows


async def discharge_obligation(
    act: Act, row_id: UUID, *, expected_version: int, evidence: str
) -> model.Obligation:
    """Its owner says that it is done, and by what one can tell."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_discharge, row)
    _close(act, row, "discharge", evidence=rules.check_text(evidence, field="evidence"))
    return row


async def waive_obligation(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Obligation:
    """The authority lets it go, with a reason: an override, of which an alert tells (INV-22)."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_waive, row)
    _close(act, row, "waive", reason=rules.check_text(reason, field="reason"))
    return row


async def waive(
    act: Act, *, kind: ObligationKind, subject_id: UUID, reason: str
) -> list[model.Obligation]:
    """Let go of what stands open of that kind about the row; what calls it has decided so."""
    said = rules.check_text(reason, field="reason")
    rows = list(await act.session.scalars(queries.open_of(subject_id, kind=kind)))
    for row in rows:
        _close(act, row, "waive", reason=said)
    return rows


def _close(
    act: Act,
    row: model.Obligation,
    verb: str,
    *,
    evidence: str | None = None,
    reason: str | None = None,
) -> None:
    act.move(row, model.TRANSITIONS, verb)
    row.evidence, row.state_reason = evidence, reason
    row.closed_at, row.closed_by = act.now, act.actor.account_id
    event = "obligation.done" if row.state is ObligationState.DONE else "obligation.waived"
    act.record(event, row, **_about(row))


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.Obligation:
    return await act.take(
        model.Obligation, row_id, visible=policy.visible, expected_version=expected_version
    )


async def tell_overdue(session: AsyncSession, now: datetime) -> int:
    """The clock: what is open beyond its time is told once each; how many."""
    act = Act(session, system(now))
    rows = list(await session.scalars(queries.overdue_untold(now)))
    for row in rows:
        row.overdue_told_at = now
        act.record("obligation.overdue", row, **_about(row))
    await session.flush()
    return len(rows)
