"""Showing the code of this minute. Its secret is sealed and never leaves; codes are not kept."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.core.refusals import GuardFailed
from nexus.recipients.vault.queries import vault_of
from nexus.volunteering.tasks import model, policy, rules
from nexus.volunteering.tasks.model import CheckInMode, VolunteerTask


@dataclass(frozen=True)
class Shown:
    """The codes of one minute; each is taken until the end of the next."""

    sign_in: str
    sign_out: str
    sign_in_payload: str
    sign_out_payload: str
    changes_at: datetime


async def attendance_code(act: Act, task_id: UUID) -> Shown:
    """For the organizer, from two hours before the start until two hours after the end."""
    row = await act.find(VolunteerTask, task_id, visible=policy.visible)
    act.permit(policy.may_show_code, row)
    if row.check_in_mode is not CheckInMode.CODE:
        raise GuardFailed(
            f"This task checks in by {row.check_in_mode.name}, not by a code.",
            rule="attendance.mode",
            mode=row.check_in_mode.name,
        )
    if not row.starts_at - rules.SHOWN_BEFORE <= act.now < row.ends_at + rules.SHOWN_BEFORE:
        raise GuardFailed(
            "Codes are shown from two hours before the start until two hours after the end.",
            rule="attendance.time",
            starts=row.starts_at,
            ends=row.ends_at,
        )
    secret = await _secret(act, task_id)
    act.record("task.code_shown", row)
    codes = {way: rules.code_at(secret, act.now, way) for way in rules.WAYS}
    payloads = {way: rules.payload(row.no, way, code) for way, code in codes.items()}
    step = timedelta(seconds=rules.STEP_SECONDS)
    changes_at = datetime.fromtimestamp(rules.step_of(act.now) * rules.STEP_SECONDS, UTC) + step
    return Shown(
        codes[rules.IN], codes[rules.OUT], payloads[rules.IN], payloads[rules.OUT], changes_at
    )


async def _secret(act: Act, task_id: UUID) -> bytes:
    """The task's secret; made when it is first asked for, once, whoever asks at the same time."""
    vault = vault_of(act)
    row = model.AttendanceSecret
    await act.session.execute(
        insert(row)
        .values(
            task_id=task_id,
            wrapped=vault.wrap(vault.new_person_key(), task_id),
            key_version=vault.key_version,
            created_at=act.now,
        )
        .on_conflict_do_nothing()
    )
    kept = await act.session.get_one(row, task_id)
    return vault.unwrap(kept.wrapped, task_id)
