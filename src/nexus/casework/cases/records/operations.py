"""Writing notes and signing them, linking participants, and recording contact attempts."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from uuid import UUID

from nexus.accounts import policy as accounts
from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.casework.cases import queries as cases
from nexus.casework.cases.model import OPEN, Case
from nexus.casework.cases.records import model, policy, queries, rules
from nexus.casework.cases.records.model import CaseNote, NoteLevel, NoteState
from nexus.casework.cases.rules import check_moment, check_optional
from nexus.casework.editing.operations import apply_edits
from nexus.core.refusals import Invalid, WrongState
from nexus.core.texts import check_text
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization


def _check_open(row: Case) -> None:
    if row.state not in OPEN:
        raise WrongState(
            f"Case {row.no} is {row.state.name}: nothing is added to it unless it is reopened.",
            rule="INV-19",
            state=row.state.name,
        )


async def create_note(
    act: Act,
    *,
    case_id: UUID,
    level: NoteLevel,
    text: str,
    happened_at: datetime | None = None,
) -> CaseNote:
    """A draft that only its author sees until it is signed."""
    file = await cases.take(act, case_id)
    act.permit(policy.may_write, file)
    _check_open(file)
    return await _write(act, file, level, text, happened_at)


async def _write(
    act: Act,
    file: Case,
    level: NoteLevel,
    text: str,
    happened_at: datetime | None,
    amends_id: UUID | None = None,
) -> CaseNote:
    row = CaseNote(
        case_id=file.id,
        level=level,
        text=check_text(text, field="text"),
        happened_at=check_moment(happened_at, act.now, field="happenedAt"),
        amends_id=amends_id,
        author_id=act.actor.account_id,
        state=NoteState.DRAFT,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("case_note.created", row, case_id=file.id, level=level, amends_id=amends_id)
    return row


async def update_note(
    act: Act,
    note_id: UUID,
    *,
    expected_version: int,
    changes: Mapping[str, Any],
    made_at: datetime | None = None,
) -> CaseNote:
    """Its author changes a draft. NoteSigned once it is signed."""
    row, file = await queries.take_note(act, note_id)
    act.permit(policy.may_keep, row)
    _check_draft(row)
    _check_open(file)
    checked = dict(changes)
    if "text" in checked:
        checked["text"] = check_text(checked["text"], field="text")
    if "happened_at" in checked:
        checked["happened_at"] = check_moment(checked["happened_at"], act.now, field="happenedAt")
    await apply_edits(act, row, expected_version=expected_version, changes=checked, made_at=made_at)
    act.record("case_note.updated", row, case_id=file.id)
    return row


def _check_draft(row: CaseNote) -> None:
    if row.state is NoteState.SIGNED:
        raise rules.NoteSigned(
            "This note is signed and does not change any more: amendCaseNote adds to it.",
            rule="MZ/T 094-2017",
        )


async def sign_note(
    act: Act, note_id: UUID, *, expected_version: int, reason: str | None = None
) -> CaseNote:
    """From here on it stands as it is, and those of its level read it."""
    row, file = await queries.take_note(act, note_id, expected_version)
    act.permit(policy.may_keep, row)
    model.NOTE_TRANSITIONS.after("sign", row.state)
    _check_open(file)
    act.move(row, model.NOTE_TRANSITIONS, "sign")
    row.signed_at = act.now
    act.record("case_note.signed", row, case_id=file.id, level=row.level)
    return row


async def amend_note(
    act: Act,
    note_id: UUID,
    *,
    expected_version: int,
    text: str,
    happened_at: datetime | None = None,
) -> CaseNote:
    """A new draft of the same level that points at a signed note; the signed one stays as it is."""
    before, file = await queries.take_note(act, note_id, expected_version)
    act.permit(policy.may_amend, before)
    model.NOTE_TRANSITIONS.after("amend", before.state)
    _check_open(file)
    return await _write(act, file, before.level, text, happened_at, before.id)


async def add_participant(
    act: Act,
    *,
    case_id: UUID,
    party: model.Party,
    organization_id: UUID | None = None,
    account_id: UUID | None = None,
    contribution: str,
    joined_on: date | None = None,
) -> model.CaseParticipant:
    """One of the five linked parties takes part: an organization, an account, or both (T19a)."""
    file = await cases.take(act, case_id)
    act.permit(policy.may_link, file)
    _check_open(file)
    if organization_id is None and account_id is None:
        raise Invalid("Name the organization or the account that takes part.", field="accountId")
    if organization_id is not None:
        await act.find(Organization, organization_id, visible=organizations.visible)
    if account_id is not None:
        await act.find(Account, account_id, visible=accounts.visible)
    row = model.CaseParticipant(
        case_id=file.id,
        party=party,
        organization_id=organization_id,
        account_id=account_id,
        contribution=check_text(contribution, field="contribution"),
        joined_on=joined_on or act.actor.today(),
    )
    act.session.add(row)
    await act.session.flush()
    act.record("case.participant_added", file, party=party, participant_id=row.id)
    return row


async def end_participation(
    act: Act, participant_id: UUID, *, expected_version: int, left_on: date
) -> model.CaseParticipant:
    """The first day on which they no longer take part."""
    row = await act.take(
        model.CaseParticipant,
        participant_id,
        visible=policy.participant_visible,
        expected_version=expected_version,
    )
    file = await cases.take(act, row.case_id)
    act.permit(policy.may_link, file)
    rules.check_period(row.joined_on, left_on)
    if row.left_on is not None:
        raise Invalid(f"They left on {row.left_on} already.", field="leftOn")
    row.left_on = left_on
    row.version += 1
    act.record("case.participant_left", file, party=row.party, participant_id=row.id)
    return row


async def record_attempt(
    act: Act,
    *,
    case_id: UUID,
    channel: model.ContactChannel,
    reached: bool,
    attempted_at: datetime | None = None,
    remarks: str | None = None,
) -> model.ContactAttempt:
    """Somebody tried to reach the client; so many in vain let a case close as no_contact."""
    file = await cases.take(act, case_id)
    act.permit(policy.may_write, file)
    _check_open(file)
    moment = check_moment(attempted_at, act.now, field="attemptedAt")
    if moment < file.created_at:
        raise Invalid("attemptedAt lies before the case was opened.", field="attemptedAt")
    row = model.ContactAttempt(
        case_id=file.id,
        channel=channel,
        reached=reached,
        remarks=check_optional(remarks, field="remarks"),
        attempted_at=moment,
        attempted_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("case.contact_attempted", file, reached=int(reached), attempt_id=row.id)
    return row
