"""Faults of assessments, cases and conferences, planted beside the need of a bridge."""

from collections.abc import Sequence

_STATION = (
    "INSERT INTO station (id, no, name, level, area_code, organization_id, posts, state, version, "
    "created_at, created_by) SELECT id, 'S-' || id, 's', 'town_station', area_code, publisher_id, "
    "0, 'active', 1, now(), created_by FROM need WHERE id = :need"
)
_WORKER = (
    "INSERT INTO worker (id, account_id, station_id, grade, valid_from, version) "
    "SELECT id, owner_id, id, 'social_worker', current_date, 1 FROM need WHERE id = :need"
)
_ASSESSMENT = (
    "INSERT INTO assessment (id, no, household_id, area_code, station_id, worker_id, "
    "instrument_id, assessed_on, answers, score, dimension_scores, risk_tier, rule_version, "
    "countersign_needed, state, completed_at, completed_by, version, created_at, created_by) "
    "SELECT n.id, 'A-' || n.id, n.household_id, n.area_code, n.id, n.id, i.id, current_date, "
    "'{{}}', {score}, '{{}}', '{tier}', 'WUWEI/1', {signed}, 'completed', now(), n.owner_id, 1, "
    "now(), n.owner_id FROM need n, instrument i WHERE n.id = :need"
)
_CASE = (
    "INSERT INTO case_file (id, no, household_id, area_code, station_id, worker_id, case_type, "
    "risk_tier, assessment_id, opening, plan_version, stage_at, evaluated_at, client_told_at, "
    "close_reason, closing_requested_at, closing_requested_by, closed_at, closed_by, "
    "closed_by_self, state, version, created_at, created_by) "
    "SELECT id, 'C-' || id, household_id, area_code, id, id, 'individual', 'low', id, 'o', {plan}, "
    "now(), {closed}, '{state}', 1, now(), created_by FROM need WHERE id = :need"
)
_OPEN = "NULL, NULL, NULL, NULL, NULL, NULL, NULL, false"
_STEP = (
    "INSERT INTO case_step (id, case_id, position, verb, to_state, by_id, happened_at) "
    "SELECT id, id, 1, 'create', '{state}', owner_id, now() FROM need WHERE id = :need"
)
_PLAN = (
    "INSERT INTO case_plan (id, case_id, number, summary, state, submitted_at, submitted_by, "
    "approved_at, approved_by, approved_by_self, version, created_at, created_by) "
    "SELECT id, id, {number}, 's', 'approved', now(), owner_id, now(), {by}, {alone}, 1, now(), "
    "owner_id FROM need WHERE id = :need"
)
_EVALUATION = (
    "INSERT INTO case_evaluation (id, case_id, outcome, summary, evaluated_at, evaluated_by) "
    "SELECT id, id, 'met', 's', now(), owner_id FROM need WHERE id = :need"
)
_TOLD = (
    "INSERT INTO event (id, kind, object_type, object_id, actor_id, actor_role, organization_id, "
    "occurred_at, facts) SELECT gen_random_uuid(), '{kind}', '{table}', id, owner_id, 'system', "
    "publisher_id, now(), '{{}}' FROM need WHERE id = :need"
)
_RIGHT = (
    "INSERT INTO self_approval (id, account_id, station_id, reason, valid_from, valid_to, "
    "granted_at, granted_by, version) SELECT id, owner_id, id, 'r', current_date - 1, "
    "current_date + 9, now() - interval '1 day', id, 1 FROM need WHERE id = :need"
)
_CONFERENCE = (
    "INSERT INTO case_conference (id, no, case_id, area_code, organization_id, agenda, meets_at, "
    "held_at, minutes, state, version, created_at, created_by) SELECT id, 'CC-' || id, id, "
    "area_code, publisher_id, 'a', now(), now(), 'm', '{state}', 1, now(), owner_id "
    "FROM need WHERE id = :need"
)
_PARTY = (
    "INSERT INTO conference_party (id, conference_id, organization_id, attended, invited_at) "
    "SELECT id, id, publisher_id, true, now() FROM need WHERE id = :need"
)
_DEBT = (
    "INSERT INTO obligation (id, no, kind, subject_type, subject_id, organization_id, area_code, "
    "due_at, state, version, created_at, created_by) SELECT id, 'OB-' || id, "
    "'conference_follow_up', 'conference_decision', id, publisher_id, area_code, "
    "now() + interval '9 days', 'open', 1, now(), owner_id FROM need WHERE id = :need"
)
_DECISION = (
    "INSERT INTO conference_decision (id, conference_id, position, measure, organization_id, "
    "due_on, obligation_id, decided_at, decided_by) SELECT id, id, 1, 'm', publisher_id, "
    "current_date, id, now(), owner_id FROM need WHERE id = :need"
)
_EXCEPTION = (
    "INSERT INTO conference_exception (id, conference_id, case_id, area_code, rule, rule_version, "
    "reason, valid_to, granted_at, granted_by) SELECT id, id, id, area_code, 'residence', 'T3b', "
    "'r', current_date + 9, now() - interval '2 days', owner_id FROM need WHERE id = :need"
)
_NOTE = (
    "INSERT INTO case_note (id, case_id, level, text, happened_at, author_id, state, signed_at, "
    "version, created_at, amends_id) SELECT {id}, id, '{level}', 't', now(), owner_id, '{state}', "
    "{signed}, 1, now(), {amends} FROM need WHERE id = :need"
)
_GROUND = (_STATION, _WORKER, _ASSESSMENT.format(score=20, tier="low", signed="false"))


def _case(state: str, plan: int, closed: str = _OPEN) -> tuple[str, ...]:
    return (
        *_GROUND,
        _CASE.format(state=state, plan=plan, closed=closed),
        _STEP.format(state=state),
    )


def _plan(number: int = 1, by: str = "id", alone: str = "false") -> str:
    return _PLAN.format(number=number, by=by, alone=alone)


def _closed(by: str, alone: str) -> str:
    return f"now(), now(), 'goal_met', now(), owner_id, now(), {by}, {alone}"


_MEETING = (*_case("planning", 0), _CONFERENCE.format(state="held"))
_TELL = _TOLD.format(kind="case.self_approved", table="case_file")
FILING: dict[str, Sequence[str]] = {
    "T23c tier follows the score": (
        *(_STATION, _WORKER),
        _ASSESSMENT.format(score=70, tier="low", signed="true"),
    ),
    "INV-17 case trail ends at its state": (
        *_GROUND,
        _CASE.format(state="planning", plan=0, closed=_OPEN),
        _STEP.format(state="intake"),
    ),
    "INV-19 case rests on its assessment": (
        *(_STATION, _WORKER),
        _ASSESSMENT.format(score=70, tier="high", signed="true"),
        _CASE.format(state="planning", plan=0, closed=_OPEN),
        _STEP.format(state="planning"),
    ),
    "INV-19 case goes by its plan": (*_case("intervention", 2), _plan(1)),
    "INV-19 closed case is evaluated": (*_case("closed", 1, _closed("id", "false")), _plan()),
    "INV-18 plan approved alone by right": (
        *(*_case("planning", 1), _plan(by="owner_id", alone="true"), _TELL),
    ),
    "INV-18 case closed alone by right": (
        *(*_case("closed", 1, _closed("owner_id", "true")), _plan(), _EVALUATION, _TELL),
    ),
    "INV-22 approval alone is told": (
        *(*_case("planning", 1), _RIGHT, _plan(by="owner_id", alone="true")),
    ),
    "INV-21 amendment fits its note": (
        *_case("planning", 0),
        "ALTER TABLE case_note DISABLE TRIGGER case_note_is_kept",
        _NOTE.format(id="id", level="team", state="draft", signed="NULL", amends="NULL::uuid"),
        _NOTE.format(
            id="gen_random_uuid()", level="team", state="signed", signed="now()", amends="id"
        ),
    ),
    "INV-20 decision is owed": (*_MEETING, _DEBT, _DECISION),
    "INV-19 conference is followed up": (
        *(*_case("planning", 0), _CONFERENCE.format(state="followed_up")),
        *(_PARTY, _DEBT, _DECISION),
    ),
    "INV-22 exception is told": (
        *_MEETING,
        _TOLD.format(kind="conference.exception_granted", table="case_conference"),
        _EXCEPTION,
    ),
}
