"""Making an assessment, completing it by its instrument, and countersigning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete

from nexus.acting import Act
from nexus.areas.queries import check_code
from nexus.casework.assessments import model, policy, queries, rules
from nexus.casework.assessments.model import AssessmentState
from nexus.casework.editing.operations import apply_edits
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, VersionConflict
from nexus.recipients import policy as recipients
from nexus.recipients.merging.queries import lock_household
from nexus.recipients.model import Household, Recipient

NEED_CATEGORY = "need_category"


@dataclass(frozen=True, slots=True)
class Measure:
    """What would help, of which kind, and through which channel."""

    category: str
    channel: model.Channel
    measure: str


def as_answers(given: Any) -> dict[str, Any]:
    """Answers as they came from outside; Invalid unless they are an object."""
    if not isinstance(given, dict):
        raise Invalid("answers is an object of item keys and answers.", field="answers")
    return given


async def subject_of(
    act: Act, household_id: UUID, recipient_id: UUID | None
) -> tuple[Household, Recipient | None]:
    """The household, and its person if one is named; NotFound elsewhere, Invalid for a stranger."""
    home = await act.find(Household, household_id, visible=recipients.visible)
    if recipient_id is None:
        return home, None
    person = await act.find(Recipient, recipient_id, visible=recipients.recipient_visible)
    if person.household_id != home.id:
        raise Invalid("That person is not of this household.", field="recipientId")
    return home, person


async def create_assessment(
    act: Act,
    *,
    household_id: UUID,
    recipient_id: UUID | None = None,
    worker_id: UUID | None = None,
    instrument: str | None = None,
    assessed_on: date | None = None,
    answers: Mapping[str, Any] | None = None,
    measures: Sequence[Measure] = (),
    remarks: str | None = None,
) -> model.Assessment:
    """A draft by the instrument in force on the day; answers may still be missing."""
    if not policy.may_create(act.actor):
        raise Forbidden("The people of a station make assessments.")
    home, person = await subject_of(act, household_id, recipient_id)
    worker, station = await queries.posting(act, worker_id)
    day = _check_day(act, assessed_on or act.actor.today())
    made_by = await queries.instrument(act.session, instrument, day)
    row = model.Assessment(
        no=await act.number("A", home.area_code),
        household_id=home.id,
        recipient_id=person.id if person else None,
        area_code=home.area_code,
        station_id=station.id,
        worker_id=worker.id,
        instrument_id=made_by.id,
        assessed_on=day,
        answers=rules.check_answers(made_by.content, answers or {}),
        remarks=rules.check_remarks(remarks),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    await _put_measures(act, row, measures)
    act.record("assessment.created", row, household_id=home.id)
    return row


async def update_assessment(
    act: Act,
    row_id: UUID,
    *,
    expected_version: int,
    changes: Mapping[str, Any],
    measures: Sequence[Measure] | None = None,
    happened_at: datetime | None = None,
) -> model.Assessment:
    """Change what is given of a draft, answer by answer; a late answer stands beside the other.

    `changes`: columns and `answers.<item>`. `measures` replace the earlier ones as a whole.
    """
    row = await queries.take(act, row_id)
    act.permit(policy.may_update, row)
    model.TRANSITIONS.after("update", row.state)
    made_by = await act.session.get_one(model.Instrument, row.instrument_id)
    checked = _check_changes(act, made_by, changes)
    before = row.version
    await apply_edits(
        act, row, expected_version=expected_version, changes=checked, made_at=happened_at
    )
    if measures is not None:
        if expected_version != before:
            raise VersionConflict(
                f"This Assessment is at version {before}, not {expected_version}: its measures "
                "are replaced as one, so read them again first.",
                current=before,
                expected=expected_version,
            )
        await _put_measures(act, row, measures)
        row.version = before + 1
    act.record("assessment.updated", row)
    return row


def _check_changes(
    act: Act, made_by: model.Instrument, changes: Mapping[str, Any]
) -> dict[str, Any]:
    checked: dict[str, Any] = {}
    for name, value in changes.items():
        column, _, item = name.partition(".")
        if column == "answers":
            rules.check_answers(made_by.content, {item: value})
        elif column == "assessed_on":
            _check_day(act, value)
        elif column == "remarks":
            value = rules.check_remarks(value)
        checked[name] = value
    return checked


def _check_day(act: Act, day: date) -> date:
    if day > act.actor.today():
        raise Invalid("assessedOn lies in the future.", field="assessedOn")
    return day


async def _put_measures(act: Act, row: model.Assessment, measures: Sequence[Measure]) -> None:
    if len(measures) > rules.MOST_MEASURES:
        raise Invalid(f"At most {rules.MOST_MEASURES} measures.", field="measures")
    for each in measures:
        await check_code(
            act.session, NEED_CATEGORY, each.category, on=act.actor.today(), field="measures"
        )
    made = model.ProposedMeasure
    await act.session.execute(delete(made).where(made.assessment_id == row.id))
    act.session.add_all(
        made(
            assessment_id=row.id,
            position=place,
            category=each.category,
            channel=each.channel,
            measure=rules.check_measure(each.measure, place),
        )
        for place, each in enumerate(measures, start=1)
    )
    await act.session.flush()


async def complete_assessment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Assessment:
    """The instrument reckons score and tier; the earlier one about the subject is superseded."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_complete, row)
    model.TRANSITIONS.after("complete", row.state)
    made_by = await act.session.get_one(model.Instrument, row.instrument_id)
    limits = rules.Thresholds(made_by.medium_from, made_by.high_from, made_by.countersign_from)
    found = rules.score(made_by.content, row.answers, limits)
    await _supersede(act, row)
    act.move(row, model.TRANSITIONS, "complete")
    row.score, row.dimension_scores = found.score, dict(found.by_dimension)
    row.risk_tier, row.countersign_needed = found.tier, found.countersign
    row.rule_version = f"{made_by.code}/{made_by.revision}"
    row.completed_at, row.completed_by = act.now, act.actor.account_id
    row.state_reason = reason
    act.record("assessment.completed", row, tier=found.tier, rule=row.rule_version)
    return row


async def _supersede(act: Act, row: model.Assessment) -> None:
    await lock_household(act.session, row.household_id)
    earlier = await queries.take_current(act, row)
    if earlier is None:
        return
    act.move(earlier, model.TRANSITIONS, "supersede")
    row.supersedes_id = earlier.id
    act.record("assessment.superseded", earlier, by_id=row.id)
    await act.session.flush()


async def countersign_assessment(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Assessment:
    """The lead stands by a high risk as well; what somebody else completed (INV-18)."""
    row = await queries.take(act, row_id, expected_version)
    act.permit(policy.may_countersign, row)
    model.TRANSITIONS.after("countersign", row.state)
    if not row.countersign_needed or row.countersigned_at is not None:
        raise GuardFailed(
            "Nothing is to be countersigned here: it is below the threshold, or was already.",
            rule=row.rule_version,
        )
    act.move(row, model.TRANSITIONS, "countersign")
    row.countersigned_at, row.countersigned_by = act.now, act.actor.account_id
    act.record("assessment.countersigned", row)
    return row


def is_settled(row: model.Assessment) -> bool:
    """Completed, and countersigned where that is due."""
    done = row.state is AssessmentState.COMPLETED
    return done and (not row.countersign_needed or row.countersigned_at is not None)
