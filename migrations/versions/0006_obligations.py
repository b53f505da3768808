"""Working days, obligations and alerts.

Obligations and alerts are never deleted, and what they are about never changes: the application
updates what a deed may move. Working days come with the reference data or an import,
        by the owner.
"""

from alembic import op

revision = "0006"
down_revision = "0005"

TABLES = """
CREATE TABLE working_day_exception (
    day DATE NOT NULL,
    is_working BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    imported BOOLEAN NOT NULL,
    CONSTRAINT pk_working_day_exception PRIMARY KEY (day)
)
;
CREATE TABLE obligation (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    rule TEXT,
    details JSONB,
    evidence TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    overdue_told_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    CONSTRAINT pk_obligation PRIMARY KEY (id),
    CONSTRAINT ck_obligation_done_has_evidence CHECK (state <> 'done' OR evidence IS NOT NULL),
    CONSTRAINT ck_obligation_inv_22_waived_by_and_why
        CHECK (state <> 'waived' OR (state_reason IS NOT NULL AND closed_by IS NOT NULL)),
    CONSTRAINT ck_obligation_closed_whole CHECK ((state = 'open') = (closed_at IS NULL)
        AND (closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT uq_obligation_no UNIQUE (no),
    CONSTRAINT ck_obligation_kind_known CHECK (kind IN ('supplement', 'stop_processing',
        'data_deletion', 'disclosure', 'recheck_follow_up', 'rectification',
        'missing_material', 'review', 'tranche_condition', 'conference_follow_up')),
    CONSTRAINT fk_obligation_organization_id FOREIGN KEY(organization_id)
        REFERENCES organization (id),
    CONSTRAINT fk_obligation_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_obligation_state_known CHECK (state IN ('open', 'done', 'waived'))
)
;
CREATE INDEX ix_obligation_area_code ON obligation (area_code)
;
CREATE INDEX ix_obligation_created_at ON obligation (created_at, id)
;
CREATE INDEX ix_obligation_due_at ON obligation (due_at, id)
;
CREATE INDEX ix_obligation_open_due ON obligation (due_at, id) WHERE state = 'open'
;
CREATE INDEX ix_obligation_organization_id ON obligation (organization_id)
;
CREATE INDEX ix_obligation_subject ON obligation (subject_id, created_at, id)
;
CREATE INDEX ix_obligation_untold ON obligation (due_at) WHERE state = 'open'
        AND overdue_told_at IS NULL
;
CREATE UNIQUE INDEX uq_obligation_open ON obligation (kind, subject_id)
        WHERE state = 'open' AND kind NOT IN ('stop_processing', 'data_deletion')
;
CREATE UNIQUE INDEX uq_obligation_open_of ON obligation (kind, subject_id,
        organization_id) WHERE state = 'open' AND kind IN ('stop_processing', 'data_deletion')
;
CREATE TABLE alert (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    rule TEXT NOT NULL,
    rule_version INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    stage VARCHAR(40) NOT NULL,
    severity VARCHAR(40) NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    evidence JSONB NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    owner_id UUID,
    caused_by UUID,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    escalated_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_alert PRIMARY KEY (id),
    CONSTRAINT ck_alert_inv_20_owner CHECK (state NOT IN ('acknowledged',
        'handling') OR owner_id IS NOT NULL),
    CONSTRAINT ck_alert_dismissed_why CHECK (state <> 'dismissed' OR state_reason IS NOT NULL),
    CONSTRAINT ck_alert_closed_whole CHECK ((state IN ('open', 'acknowledged',
        'handling')) = (closed_at IS NULL)),
    CONSTRAINT ck_alert_inv_22_override_by CHECK (kind <> 'override' OR caused_by IS NOT NULL),
    CONSTRAINT uq_alert_no UNIQUE (no),
    CONSTRAINT ck_alert_kind_known CHECK (kind IN ('lapse', 'override', 'signal', 'fault')),
    CONSTRAINT ck_alert_stage_known CHECK (stage IN ('pre', 'in', 'post')),
    CONSTRAINT ck_alert_severity_known CHECK (severity IN ('critical', 'major', 'minor')),
    CONSTRAINT fk_alert_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_alert_owner_id FOREIGN KEY(owner_id) REFERENCES account (id),
    CONSTRAINT ck_alert_state_known CHECK (state IN ('open', 'acknowledged', 'handling',
        'resolved', 'dismissed'))
)
;
CREATE INDEX ix_alert_area_code ON alert (area_code)
;
CREATE INDEX ix_alert_due_at ON alert (due_at, id)
;
CREATE INDEX ix_alert_opened_at ON alert (opened_at, id)
;
CREATE INDEX ix_alert_owner_id ON alert (owner_id)
;
CREATE INDEX ix_alert_subject ON alert (subject_id, opened_at, id)
;
CREATE INDEX ix_alert_to_escalate ON alert (due_at) WHERE state IN ('open', 'acknowledged',
        'handling') AND escalated_at IS NULL
;
CREATE UNIQUE INDEX uq_alert_open ON alert (rule, subject_id) WHERE state IN ('open',
        'acknowledged', 'handling')
"""

MOVES = {
    "obligation": ("evidence, state, state_reason, overdue_told_at, version, closed_at, closed_by"),
    "alert": (
        "evidence, owner_id, due_at, escalated_at, state, state_reason, version, opened_at, "
        "closed_at"
    ),
}


def upgrade() -> None:
    """Tables and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    run("REVOKE INSERT, UPDATE ON working_day_exception FROM nexus_app")
    for table, columns in MOVES.items():
        run(f"REVOKE UPDATE ON {table} FROM nexus_app")
        run(f"GRANT UPDATE ({columns}) ON {table} TO nexus_app")
