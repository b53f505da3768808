"""Admitting new households, recipients and recognitions in bulk; following what has changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.core.copying import copy_rows
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.recipients import model, policy
from nexus.recipients.model import RecognitionState
from nexus.recipients.recognitions import operations
from nexus.recipients.recognitions.feed import rules
from nexus.recipients.recognitions.feed.rules import Statement

CORRECTED = "corrected by the authority"


@dataclass(frozen=True, slots=True)
class NewHousehold:
    id: UUID
    size: int
    area_code: str


@dataclass(frozen=True, slots=True)
class NewRecipient:
    id: UUID
    household_id: UUID
    area_code: str
    household_role: str
    birth_year: int | None
    gender: model.Gender


@dataclass(frozen=True, slots=True)
class NewRecognition:
    """`household_id` is that of the subject or its home; the subject is one of the two."""

    id: UUID
    household_id: UUID
    recipient_id: UUID | None
    area_code: str
    authority_id: UUID
    said: Statement


async def admit_people(
    act: Act, households: Sequence[NewHousehold], recipients: Sequence[NewRecipient]
) -> None:
    """Write the households and persons that a feed names anew, with their history."""
    _check_authority(act)
    await _put_households(act, households)
    await _put_recipients(act, recipients)


async def admit(act: Act, recognitions: Sequence[NewRecognition]) -> None:
    """Write what a feed states anew, with its history. The caller checked every row (INV-34).

    Only the authority's feed: nothing is pending, since the authority itself says so (INV-17).
    """
    _check_authority(act)
    numbers = await act.numbers("G", [each.area_code for each in recognitions])
    rows = [_recognition(act, each, no) for each, no in zip(recognitions, numbers, strict=True)]
    await copy_rows(act.session, model.Recognition, rows)
    await act.record_many(
        [
            act.told(
                "recognition.admitted",
                "recognition",
                each.id,
                category=each.said.category,
                state=each.said.state.value,
                recheck_due_on=each.said.recheck_due_on,
                rule=each.said.recheck_rule,
            )
            for each in recognitions
        ]
    )


def _check_authority(act: Act) -> None:
    if policy.may_recognise(act.actor, None) is not True:
        raise Forbidden(f"Role {act.actor.role.name} may not admit recognitions.")


async def _put_households(act: Act, households: Sequence[NewHousehold]) -> None:
    numbers = await act.numbers("H", [each.area_code for each in households])
    rows = [
        {
            "id": each.id,
            "no": no,
            "size": each.size,
            "area_code": each.area_code,
            "address_protected": False,
            "version": 1,
            "created_at": act.now,
            "created_by": act.actor.account_id,
        }
        for each, no in zip(households, numbers, strict=True)
    ]
    await copy_rows(act.session, model.Household, rows)
    told = [act.told("household.created", "household", each.id) for each in households]
    await act.record_many(told)


async def _put_recipients(act: Act, recipients: Sequence[NewRecipient]) -> None:
    numbers = await act.numbers("R", [each.area_code for each in recipients])
    rows = [
        {
            "id": each.id,
            "no": no,
            "household_id": each.household_id,
            "household_role": each.household_role,
            "birth_year": each.birth_year,
            "gender": each.gender,
            "disability": model.Band.NONE,
            "labour_ability": model.Band.NONE,
            "version": 1,
            "created_at": act.now,
            "created_by": act.actor.account_id,
        }
        for each, no in zip(recipients, numbers, strict=True)
    ]
    await copy_rows(act.session, model.Recipient, rows)
    await act.record_many(
        [
            act.told("recipient.created", "recipient", each.id, household_id=each.household_id)
            for each in recipients
        ]
    )


def _recognition(act: Act, each: NewRecognition, no: str) -> dict[str, Any]:
    said = each.said
    return {
        "id": each.id,
        "no": no,
        "household_id": None if each.recipient_id else each.household_id,
        "recipient_id": each.recipient_id,
        "authority_id": each.authority_id,
        "recheck_due_on": said.recheck_due_on,
        "flags": list(said.flags),
        "state_reason": said.reason,
        "version": 1,
        "created_at": act.now,
        "created_by": act.actor.account_id,
        **{name: getattr(said, name) for name in _STATED},
    }


_STATED = (
    *("category", "level", "decided_on", "valid_from", "valid_to", "income_ratio", "rule_version"),
    *("checked_on", "recheck_class", "recheck_months", "recheck_rule"),
    *("tapered_on", "taper_months", "taper_rule", "state", "end_reason"),
)
BEGINNING = frozenset({"subject", "decision"})
"""Parts of a statement about the beginning: where they differ, a new row corrects the old one."""


async def follow(
    act: Act,
    row_id: UUID,
    said: Statement,
    changed: Collection[str],
    *,
    household_id: UUID,
    recipient_id: UUID | None,
) -> model.Recognition:
    """Bring a recognition to what is stated now, by the deeds that lead there; the row that stands.

    `changed`: which parts differ from the last statement: subject, decision, recheck, period,
    status. FinalState when it has ended here and is stated to hold.
    """
    row = await act.session.get_one(model.Recognition, row_id, populate_existing=True)
    if row.state is RecognitionState.ENTERED_IN_ERROR:
        raise GuardFailed(
            f"{row.no} was entered in error here: the authority gives its correction a new number.",
            rule="INV-21",
        )
    if BEGINNING.intersection(changed) or _restated(row, said):
        row = await _correct(act, row, said, household_id, recipient_id)
    elif "recheck" in changed:
        row = await _recheck(act, row, said)
    for verb in rules.way(row.state, said.state):
        row = await _move(act, row, verb, said)
    if row.valid_to != said.valid_to and row.state in operations.TABLE.sources("prolong"):
        row = await operations.prolong_recognition(
            act, row.id, expected_version=row.version, valid_to=said.valid_to, reason=said.reason
        )
    return row


def _restated(row: model.Recognition, said: Statement) -> bool:
    """What is over, or tapers, is stated with another day or reason than before."""
    if row.state is RecognitionState.TAPER and said.state is RecognitionState.TAPER:
        return row.tapered_on != said.tapered_on
    if row.state is RecognitionState.ENDED and said.state is RecognitionState.ENDED:
        return (row.valid_to, row.end_reason) != (said.valid_to, said.end_reason)
    return False


async def _correct(
    act: Act,
    wrong: model.Recognition,
    said: Statement,
    household_id: UUID,
    recipient_id: UUID | None,
) -> model.Recognition:
    await operations.mark_recognition_error(
        act, wrong.id, expected_version=wrong.version, reason=CORRECTED
    )
    row = await operations.record_recognition(
        act,
        household_id=None if recipient_id else household_id,
        recipient_id=recipient_id,
        category=said.category,
        authority_id=wrong.authority_id,
        level=said.level,
        decided_on=said.decided_on,
        valid_from=said.valid_from,
        valid_to=said.valid_to,
        income_ratio=said.income_ratio,
        recheck_class=said.recheck_class,
        checked_on=said.checked_on,
        rule_version=said.rule_version,
        corrects_id=wrong.id,
    )
    row.flags = list(said.flags)
    return row


async def _recheck(act: Act, row: model.Recognition, said: Statement) -> model.Recognition:
    reviewed = row.state is RecognitionState.UNDER_REVIEW
    if said.recheck_class is None or row.state not in operations.TABLE.sources("change_recheck"):
        return row
    deed = operations.uphold_recognition if reviewed else operations.change_recheck_class
    return await deed(
        act,
        row.id,
        expected_version=row.version,
        recheck_class=said.recheck_class,
        checked_on=said.checked_on,
        reason=said.reason,
    )


async def _move(act: Act, row: model.Recognition, verb: str, said: Statement) -> model.Recognition:
    given: dict[str, Any] = {"reason": said.reason or "stated by the authority"}
    if verb == "taper":
        given["tapered_on"] = said.tapered_on
    elif verb == "end":
        given |= {"end_reason": said.end_reason, "ended_on": _ended_on(row, said)}
    elif verb == "uphold":
        given["checked_on"] = said.checked_on
    deed: Any = _DEEDS[verb]
    moved: model.Recognition = await deed(act, row.id, expected_version=row.version, **given)
    return moved


def _ended_on(row: model.Recognition, said: Statement) -> date | None:
    return said.valid_to if said.valid_to != row.valid_to else None


_DEEDS: Mapping[str, Any] = {
    "confirm": operations.confirm_recognition,
    "uphold": operations.uphold_recognition,
    "taper": operations.taper_recognition,
    "suspend": operations.suspend_recognition,
    "reinstate": operations.reinstate_recognition,
    "end": operations.end_recognition,
}
