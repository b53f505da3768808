"""Assessments with their instruments, case files, plans, notes and conferences.

What is signed, approved or decided does not change: histories are append-only, a signed note and a
completed assessment are held by triggers, a plan's goals change only while it is a draft. The
instrument of five dimensions (T23c) comes with its table; a later revision is another row.
"""

import json
from pathlib import Path
from runpy import run_path
from typing import Any

from alembic import op

revision = "0017"
down_revision = "0016"

TABLES = """
CREATE TABLE instrument (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    revision INTEGER NOT NULL,
    title TEXT NOT NULL,
    content JSONB NOT NULL,
    medium_from NUMERIC(5, 2) NOT NULL,
    high_from NUMERIC(5, 2) NOT NULL,
    countersign_from NUMERIC(5, 2) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    CONSTRAINT pk_instrument PRIMARY KEY (id),
    CONSTRAINT uq_instrument_code_revision UNIQUE (code, revision),
    CONSTRAINT ck_instrument_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_instrument_thresholds CHECK (0 < medium_from AND medium_from < high_from
        AND high_from <= 100)
)
;
CREATE TABLE assessment (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    recipient_id UUID,
    area_code TEXT COLLATE "C" NOT NULL,
    station_id UUID NOT NULL,
    worker_id UUID NOT NULL,
    instrument_id UUID NOT NULL,
    assessed_on DATE NOT NULL,
    answers JSONB NOT NULL,
    remarks TEXT,
    score NUMERIC(5, 2),
    dimension_scores JSONB,
    risk_tier VARCHAR(40),
    rule_version TEXT,
    countersign_needed BOOLEAN NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    completed_at TIMESTAMP WITH TIME ZONE,
    completed_by UUID,
    countersigned_at TIMESTAMP WITH TIME ZONE,
    countersigned_by UUID,
    supersedes_id UUID,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_assessment PRIMARY KEY (id),
    CONSTRAINT ck_assessment_completed_whole CHECK ((state = 'draft') = (completed_at IS
        NULL) AND (completed_at IS NULL) = (completed_by IS NULL) AND (completed_at IS NULL)
        = (score IS NULL) AND (score IS NULL) = (risk_tier IS NULL) AND (score IS NULL) =
        (rule_version IS NULL) AND (score IS NULL) = (dimension_scores IS NULL)),
    CONSTRAINT ck_assessment_score_range CHECK (score BETWEEN 0 AND 100),
    CONSTRAINT ck_assessment_countersigned_whole CHECK ((countersigned_at IS NULL) =
        (countersigned_by IS NULL) AND (countersigned_at IS NULL OR countersign_needed)),
    CONSTRAINT ck_assessment_inv_18_countersigned_by_another CHECK (countersigned_by <>
        completed_by),
    CONSTRAINT uq_assessment_no UNIQUE (no),
    CONSTRAINT fk_assessment_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_assessment_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_assessment_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_assessment_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_assessment_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_assessment_instrument_id FOREIGN KEY(instrument_id) REFERENCES instrument (id),
    CONSTRAINT ck_assessment_risk_tier_known CHECK (risk_tier IN ('high', 'medium', 'low')),
    CONSTRAINT ck_assessment_state_known CHECK (state IN ('draft', 'completed', 'superseded')),
    CONSTRAINT fk_assessment_supersedes_id FOREIGN KEY(supersedes_id) REFERENCES assessment (id)
)
;
CREATE INDEX ix_assessment_area_code ON assessment (area_code)
;
CREATE INDEX ix_assessment_created_at ON assessment (created_at, id)
;
CREATE INDEX ix_assessment_household_id ON assessment (household_id)
;
CREATE INDEX ix_assessment_instrument_id ON assessment (instrument_id)
;
CREATE INDEX ix_assessment_of_worker ON assessment (worker_id, created_at, id)
;
CREATE INDEX ix_assessment_recipient_id ON assessment (recipient_id)
;
CREATE INDEX ix_assessment_station_id ON assessment (station_id)
;
CREATE INDEX ix_assessment_supersedes_id ON assessment (supersedes_id)
;
CREATE INDEX ix_assessment_worker_id ON assessment (worker_id)
;
CREATE UNIQUE INDEX uq_assessment_current ON assessment (household_id, coalesce(recipient_id,
    household_id)) WHERE state = 'completed'
;
CREATE TABLE proposed_measure (
    id UUID NOT NULL,
    assessment_id UUID NOT NULL,
    position INTEGER NOT NULL,
    category TEXT NOT NULL,
    channel VARCHAR(40) NOT NULL,
    measure TEXT NOT NULL,
    CONSTRAINT pk_proposed_measure PRIMARY KEY (id),
    CONSTRAINT uq_proposed_measure_assessment_id_position UNIQUE (assessment_id, position),
    CONSTRAINT ck_proposed_measure_position CHECK (position >= 1),
    CONSTRAINT fk_proposed_measure_assessment_id FOREIGN KEY(assessment_id) REFERENCES
        assessment (id),
    CONSTRAINT ck_proposed_measure_channel_known CHECK (channel IN ('government', 'charity',
        'station', 'volunteer', 'purchased', 'none'))
)
;
CREATE INDEX ix_proposed_measure_assessment_id ON proposed_measure (assessment_id)
;
CREATE TABLE case_file (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    recipient_id UUID,
    area_code TEXT COLLATE "C" NOT NULL,
    station_id UUID NOT NULL,
    worker_id UUID NOT NULL,
    supervisor_id UUID,
    case_type VARCHAR(40) NOT NULL,
    risk_tier VARCHAR(40),
    assessment_id UUID,
    opening TEXT NOT NULL,
    plan_version INTEGER NOT NULL,
    review_due_at TIMESTAMP WITH TIME ZONE,
    review_rule TEXT,
    review_told_at TIMESTAMP WITH TIME ZONE,
    review_overdue_at TIMESTAMP WITH TIME ZONE,
    held_from VARCHAR(40),
    stage_at TIMESTAMP WITH TIME ZONE NOT NULL,
    evaluated_at TIMESTAMP WITH TIME ZONE,
    client_told_at TIMESTAMP WITH TIME ZONE,
    close_reason VARCHAR(40),
    closing_requested_at TIMESTAMP WITH TIME ZONE,
    closing_requested_by UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    closed_by_self BOOLEAN NOT NULL,
    referred_to TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    handover_told_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_case_file PRIMARY KEY (id),
    CONSTRAINT ck_case_file_held_from CHECK ((state = 'on_hold') = (held_from IS NOT NULL)),
    CONSTRAINT ck_case_file_held_stage CHECK (held_from IN ('intake', 'assessment',
        'planning', 'intervention', 'evaluation')),
    CONSTRAINT ck_case_file_plan_version CHECK (plan_version >= 0),
    CONSTRAINT ck_case_file_planned_after_assessment CHECK (coalesce(held_from, state) IN
        ('intake', 'assessment', 'rejected_at_intake', 'referred_out') OR (assessment_id IS
        NOT NULL AND risk_tier IS NOT NULL)),
    CONSTRAINT ck_case_file_intervened_by_plan CHECK (coalesce(held_from, state) NOT IN
        ('intervention', 'evaluation', 'closed') OR plan_version > 0),
    CONSTRAINT ck_case_file_closed_whole CHECK (state <> 'closed' OR (evaluated_at IS NOT
        NULL AND close_reason IS NOT NULL AND closing_requested_by IS NOT NULL AND closed_at
        IS NOT NULL AND closed_by IS NOT NULL AND (client_told_at IS NOT NULL OR
        close_reason IN ('died', 'no_contact')))),
    CONSTRAINT ck_case_file_inv_18_closed_by_another CHECK (state <> 'closed' OR (closed_by
        = closing_requested_by) = closed_by_self),
    CONSTRAINT ck_case_file_closing_whole CHECK ((closing_requested_at IS NULL) =
        (closing_requested_by IS NULL) AND (closing_requested_at IS NULL) = (close_reason IS
        NULL)),
    CONSTRAINT ck_case_file_reason_given CHECK (state NOT IN ('on_hold', 'referred_out',
        'rejected_at_intake') OR state_reason IS NOT NULL),
    CONSTRAINT ck_case_file_referred_to CHECK ((state = 'referred_out') = (referred_to IS
        NOT NULL)),
    CONSTRAINT uq_case_file_no UNIQUE (no),
    CONSTRAINT fk_case_file_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_case_file_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_case_file_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_case_file_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_case_file_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_case_file_supervisor_id FOREIGN KEY(supervisor_id) REFERENCES account (id),
    CONSTRAINT ck_case_file_case_type_known CHECK (case_type IN ('individual', 'family',
        'crisis')),
    CONSTRAINT ck_case_file_risk_tier_known CHECK (risk_tier IN ('high', 'medium', 'low')),
    CONSTRAINT fk_case_file_assessment_id FOREIGN KEY(assessment_id) REFERENCES assessment (id),
    CONSTRAINT ck_case_file_held_from_known CHECK (held_from IN ('intake', 'assessment',
        'planning', 'intervention', 'evaluation', 'on_hold', 'closed', 'referred_out',
        'rejected_at_intake')),
    CONSTRAINT ck_case_file_close_reason_known CHECK (close_reason IN ('goal_met',
        'goal_partly_met', 'client_withdrew', 'moved', 'died', 'transferred',
        'no_contact')),
    CONSTRAINT ck_case_file_state_known CHECK (state IN ('intake', 'assessment', 'planning',
        'intervention', 'evaluation', 'on_hold', 'closed', 'referred_out',
        'rejected_at_intake'))
)
;
CREATE INDEX ix_case_file_area_code ON case_file (area_code)
;
CREATE INDEX ix_case_file_assessment_id ON case_file (assessment_id)
;
CREATE INDEX ix_case_file_created_at ON case_file (created_at, id)
;
CREATE INDEX ix_case_file_household_id ON case_file (household_id)
;
CREATE INDEX ix_case_file_of_worker ON case_file (worker_id, created_at, id)
;
CREATE INDEX ix_case_file_open_of_station ON case_file (station_id, risk_tier) WHERE state IN
    ('intake', 'assessment', 'planning', 'intervention', 'evaluation', 'on_hold')
;
CREATE INDEX ix_case_file_open_of_worker ON case_file (worker_id, risk_tier) WHERE state IN
    ('intake', 'assessment', 'planning', 'intervention', 'evaluation', 'on_hold')
;
CREATE INDEX ix_case_file_recipient_id ON case_file (recipient_id)
;
CREATE INDEX ix_case_file_review_due ON case_file (review_due_at) WHERE state = 'intervention'
;
CREATE INDEX ix_case_file_station_id ON case_file (station_id)
;
CREATE INDEX ix_case_file_supervisor_id ON case_file (supervisor_id)
;
CREATE INDEX ix_case_file_worker_id ON case_file (worker_id)
;
CREATE UNIQUE INDEX uq_case_file_open ON case_file (household_id, coalesce(recipient_id,
    household_id)) WHERE state IN ('intake', 'assessment', 'planning', 'intervention',
    'evaluation', 'on_hold')
;
CREATE TABLE case_step (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    position INTEGER NOT NULL,
    verb TEXT NOT NULL,
    from_state VARCHAR(40),
    to_state VARCHAR(40) NOT NULL,
    reason TEXT,
    close_reason VARCHAR(40),
    by_id UUID NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_case_step PRIMARY KEY (id),
    CONSTRAINT uq_case_step_case_id_position UNIQUE (case_id, position),
    CONSTRAINT fk_case_step_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_case_step_from_state_known CHECK (from_state IN ('intake', 'assessment',
        'planning', 'intervention', 'evaluation', 'on_hold', 'closed', 'referred_out',
        'rejected_at_intake')),
    CONSTRAINT ck_case_step_to_state_known CHECK (to_state IN ('intake', 'assessment',
        'planning', 'intervention', 'evaluation', 'on_hold', 'closed', 'referred_out',
        'rejected_at_intake')),
    CONSTRAINT ck_case_step_close_reason_known CHECK (close_reason IN ('goal_met',
        'goal_partly_met', 'client_withdrew', 'moved', 'died', 'transferred', 'no_contact'))
)
;
CREATE TABLE case_plan (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    number INTEGER NOT NULL,
    summary TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    submitted_at TIMESTAMP WITH TIME ZONE,
    submitted_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by UUID,
    approved_by_self BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_case_plan PRIMARY KEY (id),
    CONSTRAINT uq_case_plan_case_id_number UNIQUE (case_id, number),
    CONSTRAINT ck_case_plan_number CHECK (number >= 1),
    CONSTRAINT ck_case_plan_submitted_whole CHECK ((state = 'draft') = (submitted_at IS
        NULL) AND (submitted_at IS NULL) = (submitted_by IS NULL)),
    CONSTRAINT ck_case_plan_approved_whole CHECK ((state IN ('approved', 'superseded')) =
        (approved_at IS NOT NULL) AND (approved_at IS NULL) = (approved_by IS NULL)),
    CONSTRAINT ck_case_plan_inv_18_approved_by_another CHECK (approved_by IS NULL OR
        (approved_by IN (submitted_by, created_by)) = approved_by_self),
    CONSTRAINT fk_case_plan_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_case_plan_state_known CHECK (state IN ('draft', 'submitted', 'approved',
        'superseded'))
)
;
CREATE INDEX ix_case_plan_case_id ON case_plan (case_id)
;
CREATE UNIQUE INDEX uq_case_plan_approved ON case_plan (case_id) WHERE state = 'approved'
;
CREATE UNIQUE INDEX uq_case_plan_pending ON case_plan (case_id) WHERE state IN ('draft',
    'submitted')
;
CREATE TABLE goal (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    position INTEGER NOT NULL,
    text TEXT NOT NULL,
    measure TEXT,
    target_on DATE,
    carried_from_id UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    settled_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_goal PRIMARY KEY (id),
    CONSTRAINT uq_goal_plan_id_position UNIQUE (plan_id, position),
    CONSTRAINT ck_goal_position CHECK (position >= 1),
    CONSTRAINT ck_goal_settled_whole CHECK ((state = 'open') = (settled_at IS NULL)),
    CONSTRAINT fk_goal_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_goal_plan_id FOREIGN KEY(plan_id) REFERENCES case_plan (id),
    CONSTRAINT fk_goal_carried_from_id FOREIGN KEY(carried_from_id) REFERENCES goal (id),
    CONSTRAINT ck_goal_state_known CHECK (state IN ('open', 'achieved', 'partly', 'not',
        'dropped'))
)
;
CREATE INDEX ix_goal_carried_from_id ON goal (carried_from_id)
;
CREATE INDEX ix_goal_case_id ON goal (case_id)
;
CREATE TABLE plan_review (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    plan_id UUID NOT NULL,
    outcome VARCHAR(40) NOT NULL,
    remarks TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE,
    reviewed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reviewed_by UUID NOT NULL,
    CONSTRAINT pk_plan_review PRIMARY KEY (id),
    CONSTRAINT fk_plan_review_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_plan_review_plan_id FOREIGN KEY(plan_id) REFERENCES case_plan (id),
    CONSTRAINT ck_plan_review_outcome_known CHECK (outcome IN ('go_on', 'revise', 'evaluate'))
)
;
CREATE INDEX ix_plan_review_case_id ON plan_review (case_id)
;
CREATE INDEX ix_plan_review_plan_id ON plan_review (plan_id)
;
CREATE TABLE self_approval (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    station_id UUID NOT NULL,
    reason TEXT NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    granted_by UUID NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_self_approval PRIMARY KEY (id),
    CONSTRAINT ck_self_approval_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_self_approval_inv_18_granted_by_another CHECK (granted_by <> account_id),
    CONSTRAINT fk_self_approval_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_self_approval_station_id FOREIGN KEY(station_id) REFERENCES station (id)
)
;
CREATE INDEX ix_self_approval_account_id ON self_approval (account_id)
;
CREATE INDEX ix_self_approval_station_id ON self_approval (station_id)
;
CREATE TABLE case_note (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    level VARCHAR(40) NOT NULL,
    text TEXT NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    amends_id UUID,
    author_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    signed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_case_note PRIMARY KEY (id),
    CONSTRAINT ck_case_note_signed CHECK ((state = 'signed') = (signed_at IS NOT NULL)),
    CONSTRAINT ck_case_note_amends_another CHECK (amends_id <> id),
    CONSTRAINT fk_case_note_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_case_note_level_known CHECK (level IN ('team', 'restricted', 'supervision')),
    CONSTRAINT fk_case_note_amends_id FOREIGN KEY(amends_id) REFERENCES case_note (id),
    CONSTRAINT fk_case_note_author_id FOREIGN KEY(author_id) REFERENCES account (id),
    CONSTRAINT ck_case_note_state_known CHECK (state IN ('draft', 'signed'))
)
;
CREATE INDEX ix_case_note_amends_id ON case_note (amends_id)
;
CREATE INDEX ix_case_note_author_id ON case_note (author_id)
;
CREATE INDEX ix_case_note_case_id ON case_note (case_id, happened_at, id)
;
CREATE TABLE case_participant (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    party VARCHAR(40) NOT NULL,
    organization_id UUID,
    account_id UUID,
    contribution TEXT NOT NULL,
    joined_on DATE NOT NULL,
    left_on DATE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_case_participant PRIMARY KEY (id),
    CONSTRAINT ck_case_participant_named CHECK (num_nonnulls(organization_id, account_id) >= 1),
    CONSTRAINT ck_case_participant_period CHECK (left_on > joined_on),
    CONSTRAINT fk_case_participant_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_case_participant_party_known CHECK (party IN ('community',
        'social_worker', 'social_organization', 'volunteer', 'charitable_resource')),
    CONSTRAINT fk_case_participant_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_case_participant_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_case_participant_account_id ON case_participant (account_id)
;
CREATE INDEX ix_case_participant_case_id ON case_participant (case_id)
;
CREATE INDEX ix_case_participant_organization_id ON case_participant (organization_id)
;
CREATE TABLE contact_attempt (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    channel VARCHAR(40) NOT NULL,
    reached BOOLEAN NOT NULL,
    remarks TEXT,
    attempted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    attempted_by UUID NOT NULL,
    CONSTRAINT pk_contact_attempt PRIMARY KEY (id),
    CONSTRAINT fk_contact_attempt_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_contact_attempt_channel_known CHECK (channel IN ('home', 'phone', 'video',
        'message', 'office'))
)
;
CREATE INDEX ix_contact_attempt_case_id ON contact_attempt (case_id, attempted_at, id)
;
CREATE TABLE case_evaluation (
    id UUID NOT NULL,
    case_id UUID NOT NULL,
    outcome VARCHAR(40) NOT NULL,
    summary TEXT NOT NULL,
    client_rating INTEGER,
    client_words TEXT,
    evaluated_at TIMESTAMP WITH TIME ZONE NOT NULL,
    evaluated_by UUID NOT NULL,
    CONSTRAINT pk_case_evaluation PRIMARY KEY (id),
    CONSTRAINT ck_case_evaluation_rating CHECK (client_rating BETWEEN 1 AND 5),
    CONSTRAINT fk_case_evaluation_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT ck_case_evaluation_outcome_known CHECK (outcome IN ('met', 'partly_met',
        'not_met'))
)
;
CREATE INDEX ix_case_evaluation_case_id ON case_evaluation (case_id, evaluated_at, id)
;
CREATE TABLE case_conference (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    case_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    organization_id UUID NOT NULL,
    agenda TEXT NOT NULL,
    meets_at TIMESTAMP WITH TIME ZONE NOT NULL,
    held_at TIMESTAMP WITH TIME ZONE,
    minutes TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_case_conference PRIMARY KEY (id),
    CONSTRAINT ck_case_conference_held_whole CHECK ((held_at IS NULL) = (minutes IS NULL)
        AND (state = 'convened' OR held_at IS NOT NULL OR state_reason IS NOT NULL) AND
        (state NOT IN ('held', 'followed_up') OR held_at IS NOT NULL)),
    CONSTRAINT uq_case_conference_no UNIQUE (no),
    CONSTRAINT fk_case_conference_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_case_conference_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_case_conference_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT ck_case_conference_state_known CHECK (state IN ('convened', 'held',
        'followed_up', 'closed'))
)
;
CREATE INDEX ix_case_conference_area_code ON case_conference (area_code)
;
CREATE INDEX ix_case_conference_case_id ON case_conference (case_id)
;
CREATE INDEX ix_case_conference_created_at ON case_conference (created_at, id)
;
CREATE INDEX ix_case_conference_meets_at ON case_conference (meets_at, id)
;
CREATE INDEX ix_case_conference_organization_id ON case_conference (organization_id)
;
CREATE TABLE conference_party (
    id UUID NOT NULL,
    conference_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    attended BOOLEAN,
    invited_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_conference_party PRIMARY KEY (id),
    CONSTRAINT uq_conference_party_conference_id_organization_id UNIQUE (conference_id,
        organization_id),
    CONSTRAINT fk_conference_party_conference_id FOREIGN KEY(conference_id) REFERENCES
        case_conference (id),
    CONSTRAINT fk_conference_party_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id)
)
;
CREATE INDEX ix_conference_party_organization_id ON conference_party (organization_id)
;
CREATE TABLE conference_decision (
    id UUID NOT NULL,
    conference_id UUID NOT NULL,
    position INTEGER NOT NULL,
    measure TEXT NOT NULL,
    organization_id UUID NOT NULL,
    due_on DATE NOT NULL,
    obligation_id UUID NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE NOT NULL,
    decided_by UUID NOT NULL,
    CONSTRAINT pk_conference_decision PRIMARY KEY (id),
    CONSTRAINT uq_conference_decision_conference_id_position UNIQUE (conference_id, position),
    CONSTRAINT ck_conference_decision_position CHECK (position >= 1),
    CONSTRAINT fk_conference_decision_conference_id FOREIGN KEY(conference_id) REFERENCES
        case_conference (id),
    CONSTRAINT fk_conference_decision_organization_id FOREIGN KEY(organization_id)
        REFERENCES organization (id),
    CONSTRAINT fk_conference_decision_obligation_id FOREIGN KEY(obligation_id) REFERENCES
        obligation (id)
)
;
CREATE INDEX ix_conference_decision_obligation_id ON conference_decision (obligation_id)
;
CREATE INDEX ix_conference_decision_organization_id ON conference_decision (organization_id)
;
CREATE TABLE conference_exception (
    id UUID NOT NULL,
    conference_id UUID NOT NULL,
    case_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    rule VARCHAR(40) NOT NULL,
    rule_version TEXT NOT NULL,
    reason TEXT NOT NULL,
    valid_to DATE NOT NULL,
    granted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    granted_by UUID NOT NULL,
    CONSTRAINT pk_conference_exception PRIMARY KEY (id),
    CONSTRAINT uq_conference_exception_conference_id_rule UNIQUE (conference_id, rule),
    CONSTRAINT ck_conference_exception_inv_22_reason CHECK (length(reason) > 0),
    CONSTRAINT fk_conference_exception_conference_id FOREIGN KEY(conference_id) REFERENCES
        case_conference (id),
    CONSTRAINT fk_conference_exception_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_conference_exception_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_conference_exception_rule_known CHECK (rule IN ('income_limit',
        'asset_limit', 'residence', 'material_later', 'repeated_help', 'approval_cap')),
    CONSTRAINT fk_conference_exception_granted_by FOREIGN KEY(granted_by) REFERENCES account (id)
)
;
CREATE INDEX ix_conference_exception_area_code ON conference_exception (area_code)
;
CREATE INDEX ix_conference_exception_case_id ON conference_exception (case_id)
;
CREATE INDEX ix_conference_exception_conference_id ON conference_exception (conference_id)
;
CREATE INDEX ix_conference_exception_granted_by ON conference_exception (granted_by)
"""

LINKS = (
    "ALTER TABLE need ADD COLUMN case_id UUID",
    "ALTER TABLE need ADD CONSTRAINT fk_need_case_id FOREIGN KEY (case_id) "
    "REFERENCES case_file (id)",
    "CREATE INDEX ix_need_case_id ON need (case_id)",
    "ALTER TABLE discovery_report ADD COLUMN case_id UUID",
    "ALTER TABLE discovery_report ADD CONSTRAINT fk_discovery_report_case_id "
    "FOREIGN KEY (case_id) REFERENCES case_file (id)",
    "CREATE INDEX ix_discovery_report_case_id ON discovery_report (case_id)",
)

APPEND_ONLY = (
    *("case_step", "plan_review", "contact_attempt", "case_evaluation"),
    *("conference_decision", "conference_exception"),
)
MOVES = {
    "assessment": (
        "area_code, worker_id, assessed_on, answers, remarks, score, dimension_scores, risk_tier, "
        "rule_version, countersign_needed, state, state_reason, completed_at, completed_by, "
        "countersigned_at, countersigned_by, supersedes_id, version"
    ),
    "proposed_measure": None,
    "case_plan": (
        "summary, state, state_reason, submitted_at, submitted_by, approved_at, approved_by, "
        "approved_by_self, version"
    ),
    "goal": "state, state_reason, settled_at, version",
    "self_approval": "revoked_at, version",
    "case_note": "level, text, happened_at, state, signed_at, version",
    "case_participant": "contribution, left_on, version",
    "case_conference": (
        "agenda, meets_at, held_at, minutes, state, state_reason, version, area_code"
    ),
    "conference_party": "attended",
}
"""Columns that may change; of the others, and of those that name a row, none."""

GUARDS = """
CREATE FUNCTION keep_signed_note() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.state = 'signed' THEN
        RAISE EXCEPTION 'A signed note does not change: write an amendment.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF NEW.amends_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM case_note AS before WHERE before.id = NEW.amends_id
            AND before.case_id = NEW.case_id AND before.level = NEW.level
            AND before.state = 'signed')
    THEN
        RAISE EXCEPTION 'An amendment is of a signed note of its case and level.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER case_note_is_kept BEFORE INSERT OR UPDATE OR DELETE ON case_note
FOR EACH ROW EXECUTE FUNCTION keep_signed_note()
;
CREATE FUNCTION keep_assessment() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.household_id, OLD.recipient_id, OLD.instrument_id, OLD.assessed_on, OLD.answers,
        OLD.remarks, OLD.score, OLD.risk_tier, OLD.rule_version, OLD.completed_by)
        IS DISTINCT FROM
        (NEW.household_id, NEW.recipient_id, NEW.instrument_id, NEW.assessed_on, NEW.answers,
        NEW.remarks, NEW.score, NEW.risk_tier, NEW.rule_version, NEW.completed_by)
    THEN
        RAISE EXCEPTION 'A completed assessment does not change: make another.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER assessment_is_kept BEFORE UPDATE ON assessment
FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION keep_assessment()
;
CREATE FUNCTION keep_measures() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM assessment
        WHERE id = coalesce(NEW.assessment_id, OLD.assessment_id) AND state = 'draft')
    THEN
        RAISE EXCEPTION 'The measures of a completed assessment do not change.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
;
CREATE TRIGGER proposed_measure_is_kept BEFORE INSERT OR UPDATE OR DELETE ON proposed_measure
FOR EACH ROW EXECUTE FUNCTION keep_measures()
;
CREATE FUNCTION keep_plan() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.summary <> NEW.summary OR (OLD.state <> 'submitted'
        AND OLD.approved_by IS DISTINCT FROM NEW.approved_by)
    THEN
        RAISE EXCEPTION 'A plan beyond its draft does not change: make another version.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER case_plan_is_kept BEFORE UPDATE ON case_plan
FOR EACH ROW WHEN (OLD.state <> 'draft') EXECUTE FUNCTION keep_plan()
;
CREATE FUNCTION keep_goals() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM case_plan
        WHERE id = coalesce(NEW.plan_id, OLD.plan_id) AND state = 'draft')
    THEN
        RAISE EXCEPTION 'The goals of a plan beyond its draft do not change.'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
;
CREATE TRIGGER goal_is_kept BEFORE INSERT OR DELETE ON goal
FOR EACH ROW EXECUTE FUNCTION keep_goals()
"""

TIER = """CASE c.risk_tier WHEN 'high' THEN 2 WHEN 'low' THEN 4 ELSE 3 END::smallint"""
OF_CASE = "c.area_code, s.organization_id, c.station_id"
AT = "JOIN station AS s ON s.id = c.station_id JOIN worker AS w ON w.id = c.worker_id"
APPROVAL = "'case_approval_working_days'"
WORK = {
    "case_file": f"""
SELECT 'case.review', c.id, c.no, {OF_CASE}, w.account_id, NULL::uuid, NULL::uuid, {TIER},
    NULL::text, c.review_due_at, NULL::timestamptz, c.review_told_at
FROM case_file AS c {AT} WHERE c.state = 'intervention' AND c.review_told_at IS NOT NULL
UNION ALL
SELECT 'case.assign', c.id, c.no, {OF_CASE}, c.supervisor_id, NULL, NULL, {TIER},
    NULL, work_midnight(w.valid_to), NULL, c.handover_told_at
FROM case_file AS c {AT} WHERE c.handover_told_at IS NOT NULL AND c.state IN ('intake',
    'assessment', 'planning', 'intervention', 'evaluation', 'on_hold')
UNION ALL
SELECT 'case.close', c.id, c.no, {OF_CASE}, c.supervisor_id, c.closing_requested_by, NULL, {TIER},
    {APPROVAL}, NULL, NULL, c.closing_requested_at
FROM case_file AS c {AT} WHERE c.state = 'evaluation' AND c.closing_requested_at IS NOT NULL
""",
    "case_plan": f"""
SELECT 'plan.approve', p.id, c.no || '/' || p.number, {OF_CASE}, c.supervisor_id, p.submitted_by,
    NULL::uuid, {TIER}, {APPROVAL}, NULL::timestamptz, NULL::timestamptz, p.submitted_at
FROM case_plan AS p JOIN case_file AS c ON c.id = p.case_id {AT} WHERE p.state = 'submitted'
""",
    "assessment": f"""
SELECT 'assessment.countersign', c.id, c.no, {OF_CASE}, NULL::uuid, c.completed_by, NULL::uuid,
    {TIER}, {APPROVAL}, NULL::timestamptz, NULL::timestamptz, c.completed_at
FROM assessment AS c {AT}
WHERE c.state = 'completed' AND c.countersign_needed AND c.countersigned_at IS NULL
""",
}
"""What waits about each noun's rows, for the desks of 0012."""
CASE_MOVED = """
CREATE FUNCTION work_around_case() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    files uuid[] := ARRAY(SELECT m.id FROM moved AS m JOIN before AS b USING (id)
        WHERE (m.area_code, m.station_id, m.supervisor_id, m.risk_tier)
        IS DISTINCT FROM (b.area_code, b.station_id, b.supervisor_id, b.risk_tier));
BEGIN
    IF cardinality(files) > 0 THEN
        PERFORM work_refresh_case_plan(ARRAY(SELECT id FROM case_plan
            WHERE case_id = ANY(files)), now());
    END IF;
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_around_moved AFTER UPDATE ON case_file
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION work_around_case()
;
REVOKE ALL ON FUNCTION work_around_case() FROM PUBLIC
"""


def _options(*rows: Any) -> dict[str, Any]:
    return {
        "options": [dict(zip(("value", "zh", "en", "points"), row, strict=True)) for row in rows]
    }


def _bands(*rows: Any) -> dict[str, Any]:
    return {"bands": [{"from": least, "points": points} for least, points in rows]}


def _item(key: str, zh: str, en: str, scored: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "zh": zh, "en": en, **scored}


CONTENT = {
    "dimensions": [
        {
            "key": "household",
            "zh": "家庭人口",
            "en": "household",
            "weight": 15,
            "items": [
                _item(
                    "members",
                    "共同生活人数",
                    "people living together",
                    _bands((1, 2), (2, 0), (5, 1), (7, 2)),
                ),
                _item(
                    "dependants",
                    "需抚养赡养人数",
                    "people who depend on others",
                    _bands((0, 0), (1, 1), (2, 2), (3, 3)),
                ),
                _item(
                    "carer",
                    "照料者",
                    "somebody who cares",
                    _options(
                        ("enough", "有人照料", "there is", 0),
                        ("partly", "照料不足", "not enough", 2),
                        ("none", "无人照料", "nobody", 3),
                    ),
                ),
            ],
        },
        {
            "key": "health",
            "zh": "健康状况",
            "en": "health",
            "weight": 25,
            "items": [
                _item(
                    "illness",
                    "疾病",
                    "illness",
                    _options(
                        ("none", "无", "none", 0),
                        ("chronic", "慢性病", "chronic", 1),
                        ("serious", "重病", "serious", 2),
                        ("critical", "危重", "critical", 3),
                    ),
                ),
                _item(
                    "self_care",
                    "自理能力",
                    "self-care",
                    _options(
                        ("full", "能自理", "able", 0),
                        ("partly", "部分自理", "in part", 2),
                        ("none", "不能自理", "unable", 3),
                    ),
                ),
                _item(
                    "mind",
                    "心理状况",
                    "state of mind",
                    _options(
                        ("steady", "平稳", "steady", 0),
                        ("strained", "需关注", "strained", 1),
                        ("at_risk", "有风险", "at risk", 3),
                    ),
                ),
            ],
        },
        {
            "key": "labour",
            "zh": "劳动能力和条件",
            "en": "ability and conditions of work",
            "weight": 20,
            "items": [
                _item(
                    "able_members",
                    "有劳动能力人数",
                    "people able to work",
                    _bands((0, 3), (1, 1), (2, 0)),
                ),
                _item(
                    "employment",
                    "就业情况",
                    "employment",
                    _options(
                        ("steady", "稳定就业", "steady", 0),
                        ("casual", "零散就业", "casual", 2),
                        ("none", "无业", "none", 3),
                        ("not_of_age", "不在劳动年龄", "not of working age", 2),
                    ),
                ),
                _item(
                    "hindrance",
                    "就业障碍",
                    "what hinders work",
                    _options(
                        ("none", "无", "nothing", 0),
                        ("care_duty", "需照料家人", "caring for others", 2),
                        ("skills", "缺技能", "lack of skills", 1),
                        ("distance", "交通不便", "distance", 1),
                    ),
                ),
            ],
        },
        {
            "key": "expenses",
            "zh": "刚性支出",
            "en": "rigid expenses",
            "weight": 25,
            "items": [
                _item(
                    "share",
                    "刚性支出占收入百分比",
                    "rigid expenses in per cent of income",
                    _bands((0, 0), (30, 1), (50, 2), (80, 3)),
                ),
                _item(
                    "debt",
                    "因病因学等负债",
                    "debts for treatment or school",
                    _options(
                        ("none", "无", "none", 0),
                        ("bearable", "可负担", "bearable", 1),
                        ("heavy", "沉重", "heavy", 3),
                    ),
                ),
                _item(
                    "kind",
                    "主要支出",
                    "main expense",
                    _options(
                        ("none", "无突出支出", "nothing in particular", 0),
                        ("education", "教育", "education", 1),
                        ("housing", "住房", "housing", 1),
                        ("medical", "医疗", "medical", 2),
                        ("care", "护理", "care", 2),
                    ),
                ),
            ],
        },
        {
            "key": "living",
            "zh": "居住条件",
            "en": "living condition",
            "weight": 15,
            "items": [
                _item(
                    "housing",
                    "住房",
                    "housing",
                    _options(
                        ("safe", "安全", "safe", 0),
                        ("repair", "需修缮", "needs repair", 2),
                        ("dangerous", "危房", "dangerous", 3),
                        ("none", "无住房", "no home", 3),
                    ),
                ),
                _item(
                    "basics",
                    "水电食物",
                    "water, power, food",
                    _options(
                        ("all", "齐备", "all there", 0),
                        ("partly", "不足", "not enough", 2),
                        ("lacking", "缺乏", "lacking", 3),
                    ),
                ),
            ],
        },
    ]
}

INSTRUMENT = (
    "INSERT INTO instrument (id, code, revision, title, content, medium_from, high_from, "
    "countersign_from, valid_from) VALUES ('01900000-0000-7000-8000-000000000017', 'WUWEI', 1, "
    "'五维需求评估', %(content)s, 35, 60, 60, '2020-01-01')"
)


def upgrade() -> None:
    """Tables, grants, guards, worklists, and the first instrument."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split("\n;\n"), *LINKS, *GUARDS.split("\n;\n")):
        run(statement)
    for table in APPEND_ONLY:
        run(f"REVOKE UPDATE ON {table} FROM nexus_app")
        run(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    keep_work = run_path(str(Path(__file__).with_name("0012_worklist.py")))["keep_work"]
    for table, view in WORK.items():
        keep_work(run, table, view)
    for statement in CASE_MOVED.split("\n;\n"):
        run(statement)
    for table, columns in MOVES.items():
        run(f"REVOKE UPDATE ON {table} FROM nexus_app")
        if columns:
            run(f"GRANT UPDATE ({columns}) ON {table} TO nexus_app")
    run("REVOKE INSERT, UPDATE ON instrument FROM nexus_app")
    run("GRANT DELETE ON proposed_measure, goal TO nexus_app")
    content = json.dumps(CONTENT, ensure_ascii=False).replace("'", "''")
    run(INSTRUMENT.replace("%(content)s", f"'{content}'"))
