"""Visits, pairing, posts and opening schedules of stations.

A plan has at most one open visit, a household at most one active plan, a helper and a household at
most one pairing at a time. Contacts, contributions, training and checklists are history that
nobody changes. A household that moves takes what waits about its visits along.
"""

import json
from pathlib import Path
from runpy import run_path

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"

TABLES = """
CREATE TABLE opening_schedule (
    id UUID NOT NULL,
    station_id UUID NOT NULL,
    rrule TEXT NOT NULL,
    opens TEXT NOT NULL,
    closes TEXT NOT NULL,
    working_days BOOLEAN NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    laid_until DATE,
    laid_by TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_opening_schedule PRIMARY KEY (id),
    CONSTRAINT ck_opening_schedule_hours CHECK (opens ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' AND
        (closes ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' OR closes = '24:00') AND closes > opens),
    CONSTRAINT ck_opening_schedule_period CHECK (valid_to >= valid_from),
    CONSTRAINT ck_opening_schedule_rrule_short CHECK (length(rrule) BETWEEN 1 AND 200),
    CONSTRAINT fk_opening_schedule_station_id FOREIGN KEY(station_id) REFERENCES station (id)
)
;
CREATE INDEX ix_opening_schedule_laid ON opening_schedule (laid_until, id)
;
CREATE INDEX ix_opening_schedule_station_id ON opening_schedule (station_id)
;
CREATE TABLE station_opening (
    schedule_id UUID NOT NULL,
    opens_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closes_at TIMESTAMP WITH TIME ZONE NOT NULL,
    station_id UUID NOT NULL,
    CONSTRAINT pk_station_opening PRIMARY KEY (schedule_id, opens_at),
    CONSTRAINT ck_station_opening_hours CHECK (closes_at > opens_at),
    CONSTRAINT fk_station_opening_schedule_id FOREIGN KEY(schedule_id) REFERENCES
        opening_schedule (id),
    CONSTRAINT fk_station_opening_station_id FOREIGN KEY(station_id) REFERENCES station (id)
)
;
CREATE INDEX ix_station_opening_station_id ON station_opening (station_id, closes_at, opens_at)
;
CREATE TABLE training_record (
    id UUID NOT NULL,
    worker_id UUID NOT NULL,
    title TEXT NOT NULL,
    provider TEXT NOT NULL,
    held_on DATE NOT NULL,
    minutes INTEGER NOT NULL,
    certificate_no TEXT,
    corrects_id UUID,
    void BOOLEAN NOT NULL,
    reason TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    CONSTRAINT pk_training_record PRIMARY KEY (id),
    CONSTRAINT uq_training_record_corrects_id UNIQUE (corrects_id),
    CONSTRAINT ck_training_record_minutes_positive CHECK (minutes > 0),
    CONSTRAINT ck_training_record_corrected_with_reason CHECK ((corrects_id IS NULL) = (reason
        IS NULL)),
    CONSTRAINT ck_training_record_void_corrects CHECK (corrects_id IS NOT NULL OR NOT void),
    CONSTRAINT ck_training_record_corrects_another CHECK (corrects_id <> id),
    CONSTRAINT fk_training_record_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_training_record_corrects_id FOREIGN KEY(corrects_id) REFERENCES
        training_record (id)
)
;
CREATE INDEX ix_training_record_worker_id ON training_record (worker_id, held_on, id)
;
CREATE TABLE visit_plan (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    case_id UUID,
    station_id UUID NOT NULL,
    worker_id UUID,
    tier VARCHAR(40) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    starts_on DATE NOT NULL,
    awaits_window BOOLEAN NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_visit_plan PRIMARY KEY (id),
    CONSTRAINT ck_visit_plan_ended CHECK ((state = 'ended') = (ended_at IS NOT NULL)),
    CONSTRAINT ck_visit_plan_ended_plans_nothing CHECK (state = 'active' OR NOT awaits_window),
    CONSTRAINT uq_visit_plan_no UNIQUE (no),
    CONSTRAINT fk_visit_plan_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_visit_plan_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_visit_plan_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_visit_plan_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT ck_visit_plan_tier_known CHECK (tier IN ('high', 'medium', 'low')),
    CONSTRAINT ck_visit_plan_kind_known CHECK (kind IN ('home', 'phone', 'video', 'office',
        'joint')),
    CONSTRAINT ck_visit_plan_state_known CHECK (state IN ('active', 'ended'))
)
;
CREATE INDEX ix_visit_plan_created_at ON visit_plan (created_at, id)
;
CREATE INDEX ix_visit_plan_awaits_window ON visit_plan (id) WHERE awaits_window
;
CREATE INDEX ix_visit_plan_case_id ON visit_plan (case_id)
;
CREATE INDEX ix_visit_plan_household_id ON visit_plan (household_id)
;
CREATE INDEX ix_visit_plan_station_id ON visit_plan (station_id)
;
CREATE INDEX ix_visit_plan_worker_id ON visit_plan (worker_id)
;
CREATE UNIQUE INDEX uq_visit_plan_active ON visit_plan (household_id) WHERE state = 'active'
;
CREATE TABLE visit_checklist (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    list_version INTEGER NOT NULL,
    title TEXT NOT NULL,
    items JSONB NOT NULL,
    valid_from DATE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_visit_checklist PRIMARY KEY (id),
    CONSTRAINT uq_visit_checklist_code_list_version UNIQUE (code, list_version),
    CONSTRAINT ck_visit_checklist_version_counted CHECK (list_version >= 1),
    CONSTRAINT ck_visit_checklist_items_listed CHECK (jsonb_typeof(items) = 'array')
)
;
CREATE TABLE visit (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    plan_id UUID,
    case_id UUID,
    station_id UUID NOT NULL,
    worker_id UUID,
    with_worker_id UUID,
    kind VARCHAR(40) NOT NULL,
    tier VARCHAR(40),
    window_from DATE NOT NULL,
    window_to DATE NOT NULL,
    due_on DATE NOT NULL,
    rule TEXT,
    previous_id UUID,
    follow_up BOOLEAN NOT NULL,
    performed_at TIMESTAMP WITH TIME ZONE,
    recorded_at TIMESTAMP WITH TIME ZONE,
    performed_by UUID,
    minutes INTEGER,
    checklist_id UUID,
    findings JSONB NOT NULL,
    summary TEXT,
    located_in TEXT COLLATE "C",
    located_near BOOLEAN,
    change_reported BOOLEAN NOT NULL,
    danger BOOLEAN NOT NULL,
    danger_answered_at TIMESTAMP WITH TIME ZONE,
    danger_answered_by UUID,
    danger_answer TEXT,
    to_verify BOOLEAN NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    verified_by UUID,
    verified_how VARCHAR(40),
    overdue_told_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_visit PRIMARY KEY (id),
    CONSTRAINT ck_visit_window CHECK (window_to > window_from),
    CONSTRAINT ck_visit_due_in_window CHECK (due_on = window_to - 1),
    CONSTRAINT ck_visit_planned_within_days CHECK (plan_id IS NULL OR window_to >= window_from
        + 2),
    CONSTRAINT ck_visit_minutes_of_a_day CHECK (minutes BETWEEN 1 AND 1440),
    CONSTRAINT ck_visit_performed CHECK ((state IN ('done', 'verified')) = (performed_at IS
        NOT NULL) AND (performed_at IS NULL) = (performed_by IS NULL) AND (performed_at IS
        NULL) = (recorded_at IS NULL)),
    CONSTRAINT ck_visit_not_to_come CHECK (performed_at <= recorded_at + interval '1 minute'),
    CONSTRAINT ck_visit_verified CHECK ((state = 'verified') = (verified_by IS NOT NULL) AND
        (verified_by IS NULL) = (verified_at IS NULL) AND (verified_by IS NULL) =
        (verified_how IS NULL)),
    CONSTRAINT ck_visit_inv_18_second_person CHECK (verified_by <> performed_by),
    CONSTRAINT ck_visit_told_by_a_visit CHECK (state IN ('done', 'verified') OR NOT (danger OR
        change_reported OR to_verify)),
    CONSTRAINT ck_visit_danger_answered CHECK ((danger_answered_at IS NULL) =
        (danger_answered_by IS NULL) AND (danger_answered_at IS NULL) = (danger_answer IS
        NULL) AND (danger OR danger_answered_at IS NULL)),
    CONSTRAINT ck_visit_company_is_joint CHECK (with_worker_id IS NULL OR kind = 'joint'),
    CONSTRAINT ck_visit_company_is_another CHECK (with_worker_id <> worker_id),
    CONSTRAINT ck_visit_previous_is_another CHECK (previous_id <> id),
    CONSTRAINT ck_visit_located_whole CHECK ((located_in IS NULL) = (located_near IS NULL)),
    CONSTRAINT uq_visit_no UNIQUE (no),
    CONSTRAINT fk_visit_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_visit_plan_id FOREIGN KEY(plan_id) REFERENCES visit_plan (id),
    CONSTRAINT fk_visit_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_visit_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_visit_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_visit_with_worker_id FOREIGN KEY(with_worker_id) REFERENCES worker (id),
    CONSTRAINT ck_visit_kind_known CHECK (kind IN ('home', 'phone', 'video', 'office', 'joint')),
    CONSTRAINT ck_visit_tier_known CHECK (tier IN ('high', 'medium', 'low')),
    CONSTRAINT fk_visit_previous_id FOREIGN KEY(previous_id) REFERENCES visit (id),
    CONSTRAINT fk_visit_performed_by FOREIGN KEY(performed_by) REFERENCES account (id),
    CONSTRAINT fk_visit_checklist_id FOREIGN KEY(checklist_id) REFERENCES visit_checklist (id),
    CONSTRAINT fk_visit_located_in FOREIGN KEY(located_in) REFERENCES area (code),
    CONSTRAINT ck_visit_verified_how_known CHECK (verified_how IN ('phone', 'second_visit',
        'documents', 'accompanied')),
    CONSTRAINT ck_visit_state_known CHECK (state IN ('scheduled', 'done', 'verified',
        'missed', 'rescheduled', 'excused', 'cancelled'))
)
;
CREATE INDEX ix_visit_awaited ON visit (due_on) WHERE state = 'scheduled' AND overdue_told_at
    IS NULL
;
CREATE INDEX ix_visit_case_id ON visit (case_id)
;
CREATE INDEX ix_visit_checklist_id ON visit (checklist_id)
;
CREATE INDEX ix_visit_due_on ON visit (due_on, id)
;
CREATE INDEX ix_visit_household_id ON visit (household_id, performed_at)
;
CREATE INDEX ix_visit_located_in ON visit (located_in)
;
CREATE INDEX ix_visit_created_at ON visit (created_at, id)
;
CREATE INDEX ix_visit_performed_by ON visit (performed_by)
;
CREATE INDEX ix_visit_plan_id ON visit (plan_id, performed_at)
;
CREATE INDEX ix_visit_station_id ON visit (station_id)
;
CREATE INDEX ix_visit_with_worker_id ON visit (with_worker_id)
;
CREATE INDEX ix_visit_worker_id ON visit (worker_id)
;
CREATE UNIQUE INDEX uq_visit_open_of_plan ON visit (plan_id) WHERE state IN ('scheduled',
    'missed') AND NOT follow_up
;
CREATE UNIQUE INDEX uq_visit_previous_id ON visit (previous_id)
;
CREATE TABLE change_report (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    visit_id UUID,
    station_id UUID NOT NULL,
    authority_id UUID,
    changes TEXT[] NOT NULL,
    major BOOLEAN NOT NULL,
    note TEXT,
    happened_on DATE,
    reported_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    reported_by UUID NOT NULL,
    follow_up_id UUID,
    handled_at TIMESTAMP WITH TIME ZONE,
    handled_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_change_report PRIMARY KEY (id),
    CONSTRAINT ck_change_report_change_named CHECK (cardinality(changes) > 0),
    CONSTRAINT ck_change_report_handled CHECK ((state = 'handled') = (handled_at IS NOT NULL)
        AND (handled_at IS NULL) = (handled_by IS NULL) AND (handled_at IS NULL OR
        state_reason IS NOT NULL)),
    CONSTRAINT ck_change_report_inv_18_second_person CHECK (handled_by <> reported_by),
    CONSTRAINT ck_change_report_followed_up_is_major CHECK (follow_up_id IS NULL OR major),
    CONSTRAINT uq_change_report_no UNIQUE (no),
    CONSTRAINT fk_change_report_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_change_report_visit_id FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT fk_change_report_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_change_report_authority_id FOREIGN KEY(authority_id) REFERENCES organization
        (id),
    CONSTRAINT fk_change_report_follow_up_id FOREIGN KEY(follow_up_id) REFERENCES visit (id),
    CONSTRAINT ck_change_report_state_known CHECK (state IN ('reported', 'handled'))
)
;
CREATE INDEX ix_change_report_authority_id ON change_report (authority_id)
;
CREATE INDEX ix_change_report_awaits_visit ON change_report (id) WHERE major AND follow_up_id
    IS NULL
;
CREATE INDEX ix_change_report_household_id ON change_report (household_id)
;
CREATE INDEX ix_change_report_recorded_at ON change_report (recorded_at, id)
;
CREATE INDEX ix_change_report_station_id ON change_report (station_id)
;
CREATE INDEX ix_change_report_visit_id ON change_report (visit_id)
;
CREATE UNIQUE INDEX uq_change_report_follow_up_id ON change_report (follow_up_id)
;
CREATE TABLE pairing (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    station_id UUID NOT NULL,
    helper_kind VARCHAR(40) NOT NULL,
    worker_id UUID,
    organization_id UUID,
    valid_from DATE NOT NULL,
    valid_to DATE,
    last_contact_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_pairing PRIMARY KEY (id),
    CONSTRAINT ck_pairing_one_helper CHECK ((helper_kind = 'worker') = (worker_id IS NOT NULL)
        AND num_nonnulls(worker_id, organization_id) = 1),
    CONSTRAINT ck_pairing_period CHECK (valid_to >= valid_from),
    CONSTRAINT ck_pairing_ended CHECK (state = 'active' OR valid_to IS NOT NULL),
    CONSTRAINT ex_pairing_period EXCLUDE USING gist
        (int8range(hashtextextended(coalesce(worker_id, organization_id)::text ||
        household_id::text, 0), hashtextextended(coalesce(worker_id, organization_id)::text ||
        household_id::text, 0), '[]') WITH &&, daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT uq_pairing_no UNIQUE (no),
    CONSTRAINT fk_pairing_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_pairing_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT ck_pairing_helper_kind_known CHECK (helper_kind IN ('worker',
        'volunteer_organization', 'party_organization')),
    CONSTRAINT fk_pairing_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_pairing_organization_id FOREIGN KEY(organization_id) REFERENCES organization
        (id),
    CONSTRAINT ck_pairing_state_known CHECK (state IN ('active', 'ended'))
)
;
CREATE INDEX ix_pairing_created_at ON pairing (created_at, id)
;
CREATE INDEX ix_pairing_household_id ON pairing (household_id)
;
CREATE INDEX ix_pairing_organization_id ON pairing (organization_id)
;
CREATE INDEX ix_pairing_station_id ON pairing (station_id)
;
CREATE INDEX ix_pairing_worker_id ON pairing (worker_id)
;
CREATE TABLE pairing_contact (
    id UUID NOT NULL,
    pairing_id UUID NOT NULL,
    means VARCHAR(40) NOT NULL,
    performed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    note TEXT,
    CONSTRAINT pk_pairing_contact PRIMARY KEY (id),
    CONSTRAINT ck_pairing_contact_not_to_come CHECK (performed_at <= recorded_at + interval
        '1 minute'),
    CONSTRAINT fk_pairing_contact_pairing_id FOREIGN KEY(pairing_id) REFERENCES pairing (id),
    CONSTRAINT ck_pairing_contact_means_known CHECK (means IN ('visit', 'phone', 'message',
        'activity'))
)
;
CREATE INDEX ix_pairing_contact_pairing_id ON pairing_contact (pairing_id, performed_at, id)
;
CREATE TABLE contribution (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    pairing_id UUID,
    station_id UUID NOT NULL,
    helper_kind VARCHAR(40) NOT NULL,
    worker_id UUID,
    organization_id UUID,
    kind VARCHAR(40) NOT NULL,
    minutes INTEGER,
    amount_fen BIGINT,
    quantity NUMERIC(14, 3),
    unit TEXT,
    item_code TEXT,
    given_on DATE NOT NULL,
    corrects_id UUID,
    void BOOLEAN NOT NULL,
    reason TEXT,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    CONSTRAINT pk_contribution PRIMARY KEY (id),
    CONSTRAINT uq_contribution_corrects_id UNIQUE (corrects_id),
    CONSTRAINT ck_contribution_one_helper CHECK ((helper_kind = 'worker') = (worker_id IS NOT
        NULL) AND num_nonnulls(worker_id, organization_id) = 1),
    CONSTRAINT ck_contribution_hours_in_minutes CHECK (kind <> 'hours' OR minutes IS NOT NULL),
    CONSTRAINT ck_contribution_cash_in_fen CHECK (kind <> 'cash' OR amount_fen IS NOT NULL),
    CONSTRAINT ck_contribution_goods_counted CHECK (kind NOT IN ('goods', 'service') OR
        (quantity IS NOT NULL AND unit IS NOT NULL)),
    CONSTRAINT ck_contribution_positive CHECK (minutes > 0 AND amount_fen > 0 AND quantity > 0),
    CONSTRAINT ck_contribution_corrected_with_reason CHECK ((corrects_id IS NULL) = (reason IS
        NULL)),
    CONSTRAINT ck_contribution_void_corrects CHECK (corrects_id IS NOT NULL OR NOT void),
    CONSTRAINT ck_contribution_corrects_another CHECK (corrects_id <> id),
    CONSTRAINT uq_contribution_no UNIQUE (no),
    CONSTRAINT fk_contribution_pairing_id FOREIGN KEY(pairing_id) REFERENCES pairing (id),
    CONSTRAINT fk_contribution_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT ck_contribution_helper_kind_known CHECK (helper_kind IN ('worker',
        'volunteer_organization', 'party_organization')),
    CONSTRAINT fk_contribution_worker_id FOREIGN KEY(worker_id) REFERENCES worker (id),
    CONSTRAINT fk_contribution_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT ck_contribution_kind_known CHECK (kind IN ('hours', 'cash', 'goods', 'service')),
    CONSTRAINT fk_contribution_corrects_id FOREIGN KEY(corrects_id) REFERENCES contribution (id)
)
;
CREATE INDEX ix_contribution_organization_id ON contribution (organization_id, given_on, id)
;
CREATE INDEX ix_contribution_pairing_id ON contribution (pairing_id, given_on, id)
;
CREATE INDEX ix_contribution_recorded_at ON contribution (recorded_at, id)
;
CREATE INDEX ix_contribution_station_id ON contribution (station_id)
;
CREATE INDEX ix_contribution_worker_id ON contribution (worker_id, given_on, id)
"""

WORKER = (
    "ALTER TABLE worker ADD COLUMN certificate_no TEXT",
    "ALTER TABLE worker ADD COLUMN certified_on DATE",
    "ALTER TABLE worker ADD CONSTRAINT ck_worker_certificate CHECK "
    "((certificate_no IS NULL) = (certified_on IS NULL) "
    "AND (certificate_no IS NULL OR grade <> 'auxiliary'))",
)

NEED_REVIEW = """
UNION ALL
SELECT 'need.review', n.id, n.no, n.area_code, n.publisher_id, n.station_id, n.owner_id, NULL,
    NULL, least(substr(n.urgency, 2, 1)::smallint, 3::smallint), NULL,
    work_due('need_verification_working_days', n.changed_at, n.area_code), NULL, n.changed_at
FROM need AS n WHERE n.changed_at IS NOT NULL AND n.state IN ('submitted', 'verified', 'published',
    'paused')
"""

MESSAGES = (
    "ALTER TABLE need ADD COLUMN changed_at TIMESTAMP WITH TIME ZONE",
    "ALTER TABLE exchange_message ALTER COLUMN need_id DROP NOT NULL",
    "ALTER TABLE exchange_message ADD COLUMN change_report_id UUID",
    "ALTER TABLE exchange_message ADD CONSTRAINT fk_exchange_message_change_report_id "
    "FOREIGN KEY (change_report_id) REFERENCES change_report (id)",
    "ALTER TABLE exchange_message ADD CONSTRAINT ck_exchange_message_one_subject "
    "CHECK (num_nonnulls(need_id, report_id, change_report_id) = 1)",
    "CREATE INDEX ix_exchange_message_change_report_id ON exchange_message (change_report_id)",
)

GRANTS = (
    "GRANT DELETE ON station_opening TO nexus_app",
    "REVOKE UPDATE ON training_record, visit_checklist, pairing_contact, contribution "
    "FROM nexus_app",
)
APPEND_ONLY = ("training_record", "visit_checklist", "pairing_contact", "contribution")

CHECKLIST = [
    ("FOOD", "食物和饮用水充足", "There is enough to eat and drink", "yes_no", True, ()),
    ("HEAT", "水、电、燃气可用", "Water, power and gas work", "yes_no", True, ()),
    ("HOME", "住房安全", "The home is safe", "yes_no", True, ()),
    (
        *("HEALTH", "健康状况", "Health", "choice", True),
        ("BETTER", "SAME", "WORSE"),
    ),
    ("MEDICINE", "按时就医用药", "Medicine and treatment are in order", "yes_no", False, ()),
    (
        *("MOOD", "情绪状态", "Mood", "choice", False),
        ("CALM", "LOW", "DISTRESSED"),
    ),
    ("SCHOOL", "适龄儿童在学", "Children of school age go to school", "yes_no", False, ()),
    ("INCOME", "近期收入变动", "Income changed of late", "yes_no", True, ()),
    ("HELP", "仍需的帮助", "What help is still needed", "text", False, ()),
]


def items() -> str:
    """The first checklist, as JSON."""
    return json.dumps(
        [
            {
                "code": code,
                "label": label,
                "labelEn": english,
                "kind": kind,
                "required": required,
                **({"options": list(options)} if options else {}),
            }
            for code, label, english, kind, required, options in CHECKLIST
        ],
        ensure_ascii=False,
    )


FIRST_CHECKLIST = """
INSERT INTO visit_checklist (id, code, list_version, title, items, valid_from, created_at,
    created_by)
VALUES ('0192d000-0000-7000-8000-000000000018', 'VISIT', 1, '探访核查表', CAST(:items AS jsonb),
    '2020-01-01', '2020-01-01Z', '00000000-0000-0000-0000-000000000000')
"""

URGENCY = """CASE WHEN v.follow_up THEN 2 WHEN v.tier = 'high' THEN 2 WHEN v.tier = 'low' THEN 4
        ELSE 3 END::smallint"""
PLACES = "h.area_code, NULL::uuid, v.station_id"
WORK = {
    "visit": f"""
SELECT 'visit.perform', v.id, v.no, {PLACES}, w.account_id, NULL::uuid, NULL::uuid, {URGENCY},
    NULL::text, work_midnight(v.window_to), work_midnight(v.window_from), v.created_at
FROM visit AS v JOIN household AS h ON h.id = v.household_id
LEFT JOIN worker AS w ON w.id = v.worker_id WHERE v.state = 'scheduled'
UNION ALL
SELECT 'visit.settle', v.id, v.no, {PLACES}, w.account_id, NULL, NULL, {URGENCY},
    NULL, work_midnight(v.window_to), NULL, v.created_at
FROM visit AS v JOIN household AS h ON h.id = v.household_id
LEFT JOIN worker AS w ON w.id = v.worker_id WHERE v.state = 'missed'
UNION ALL
SELECT 'visit.verify', v.id, v.no, {PLACES}, NULL, v.performed_by, NULL, 4::smallint,
    NULL, work_due('visit_verification_working_days', v.recorded_at, h.area_code), NULL,
    v.recorded_at
FROM visit AS v JOIN household AS h ON h.id = v.household_id
WHERE v.state = 'done' AND v.to_verify
UNION ALL
SELECT 'visit.danger', v.id, v.no, {PLACES}, NULL, v.performed_by, NULL, 1::smallint,
    NULL, v.recorded_at, NULL, v.recorded_at
FROM visit AS v JOIN household AS h ON h.id = v.household_id
WHERE v.danger AND v.danger_answered_at IS NULL
""",
    "change_report": """
SELECT 'change.handle', c.id, c.no, h.area_code, c.authority_id, c.station_id, NULL::uuid,
    c.reported_by, NULL::uuid, CASE WHEN c.major THEN 2 ELSE 3 END::smallint, NULL::text,
    work_due('change_handling_working_days', c.recorded_at, h.area_code), NULL::timestamptz,
    c.recorded_at
FROM change_report AS c JOIN household AS h ON h.id = c.household_id WHERE c.state = 'reported'
""",
}
AROUND = """
CREATE FUNCTION work_around_home_of_visit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    homes uuid[] := ARRAY(SELECT m.id FROM moved AS m JOIN before AS b USING (id)
        WHERE m.area_code <> b.area_code);
BEGIN
    IF cardinality(homes) > 0 THEN
        PERFORM work_refresh_visit(ARRAY(SELECT id FROM visit
            WHERE household_id = ANY(homes)), now());
        PERFORM work_refresh_change_report(ARRAY(SELECT id FROM change_report
            WHERE household_id = ANY(homes)), now());
    END IF;
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_around_moved_visits AFTER UPDATE ON household
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION work_around_home_of_visit()
;
CREATE FUNCTION work_tick_visit(moment timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (moment AT TIME ZONE 'Asia/Shanghai')::date;
BEGIN
    RETURN work_refresh_visit(ARRAY(
        SELECT v.id FROM visit AS v
        WHERE v.state = 'scheduled' AND v.window_from <= today AND NOT EXISTS
            (SELECT FROM work_item AS i WHERE i.subject_id = v.id AND i.kind = 'visit.perform')
        LIMIT 5000), moment);
END
$$
;
REVOKE ALL ON FUNCTION work_around_home_of_visit(), work_tick_visit(timestamptz) FROM PUBLIC
;
GRANT EXECUTE ON FUNCTION work_tick_visit(timestamptz) TO nexus_app
;
CREATE OR REPLACE FUNCTION work_lay(items uuid[]) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    DELETE FROM work_desk WHERE item_id = ANY(items);
    INSERT INTO work_desk (desk, kind, rank, due_at, item_id, subject_id)
    SELECT lies.desk, i.kind, i.urgency + CASE WHEN i.late THEN 0 ELSE 10 END,
        coalesce(i.due_at, '3000-01-01Z'), i.id, i.subject_id
    FROM work_item AS i CROSS JOIN LATERAL (
        SELECT 'a:' WHERE i.area_code IS NOT NULL
        UNION ALL SELECT 'a:' || left(i.area_code, size) FROM unnest('{2,4,6,9,12}'::int[]) AS size
            WHERE size <= length(i.area_code) AND i.area_code <> 'CN'
        UNION ALL SELECT 'o:' || i.organization_id WHERE i.organization_id IS NOT NULL
        UNION ALL SELECT 't:' || i.station_id WHERE i.station_id IS NOT NULL
        UNION ALL SELECT 'u:' || i.assignee_id WHERE i.assignee_id IS NOT NULL
        UNION ALL SELECT 'su:' || i.sent_by_id WHERE i.sent_by_id IS NOT NULL
        UNION ALL SELECT 'so:' || i.sent_by_organization_id
            WHERE i.sent_by_organization_id IS NOT NULL
    ) AS lies (desk)
    WHERE i.id = ANY(items);
$$
"""


def upgrade() -> None:
    """Tables, grants, histories that nobody changes, the first checklist, and worklists."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split("\n;\n"), *WORKER, *MESSAGES, *GRANTS):
        run(statement)
    for table in APPEND_ONLY:
        run(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    op.get_bind().execute(text(FIRST_CHECKLIST), {"items": items()})
    worklist = run_path(str(Path(__file__).with_name("0012_worklist.py")))
    for table, view in WORK.items():
        worklist["keep_work"](run, table, view)
    of_need = worklist["VIEWS"]["need"].rstrip() + NEED_REVIEW
    run(f"CREATE OR REPLACE VIEW work_of_need ({worklist['COLUMNS']}) AS {of_need}")
    for statement in AROUND.split("\n;\n"):
        run(statement)
