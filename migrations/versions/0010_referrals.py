"""Referrals and their lines.

Parties, lines and the declared package never change once drawn up: the application updates what a
deed may move. Whether a line is live follows the referral's state here, so that one unique index
holds that no line is twice with one receiver (INV-08).
"""

from alembic import op

revision = "0010"
down_revision = "0009"

TABLES = """
CREATE TABLE referral (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    direction VARCHAR(40) NOT NULL,
    from_organization_id UUID NOT NULL,
    from_station_id UUID,
    to_organization_id UUID NOT NULL,
    to_station_id UUID,
    need_id UUID NOT NULL,
    recipient_id UUID,
    about_group BOOLEAN NOT NULL,
    parent_id UUID,
    reopens_id UUID,
    area_code TEXT COLLATE "C" NOT NULL,
    to_area_code TEXT COLLATE "C" NOT NULL,
    shown_area_code TEXT COLLATE "C" NOT NULL,
    category TEXT NOT NULL,
    urgency VARCHAR(40) NOT NULL,
    title TEXT NOT NULL,
    summary TEXT NOT NULL,
    note TEXT,
    data_classes TEXT[] NOT NULL,
    consent_id UUID,
    legal_basis TEXT,
    referred_by_civil_affairs BOOLEAN NOT NULL,
    capacity_warning BOOLEAN NOT NULL,
    owner_id UUID NOT NULL,
    planned_on DATE,
    sent_at TIMESTAMP WITH TIME ZONE,
    sent_by UUID,
    ack_due_at TIMESTAMP WITH TIME ZONE,
    ack_rule TEXT,
    ack_overdue_at TIMESTAMP WITH TIME ZONE,
    expires_at TIMESTAMP WITH TIME ZONE,
    accepted_at TIMESTAMP WITH TIME ZONE,
    accepted_by UUID,
    reject_reason TEXT,
    outcome_due_at TIMESTAMP WITH TIME ZONE,
    outcome_rule TEXT,
    outcome_overdue_at TIMESTAMP WITH TIME ZONE,
    outcome TEXT,
    completed_at TIMESTAMP WITH TIME ZONE,
    completed_by UUID,
    contacted_on DATE,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    confirmed_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_referral PRIMARY KEY (id),
    CONSTRAINT ck_referral_to_another CHECK (from_organization_id <> to_organization_id OR
        from_station_id IS DISTINCT FROM to_station_id),
    CONSTRAINT ck_referral_summary_declared CHECK (data_classes @> ARRAY['D1']),
    CONSTRAINT ck_referral_inv_13_never_shared CHECK (NOT data_classes && ARRAY['D7', 'D8']),
    CONSTRAINT ck_referral_inv_11_ground CHECK (state IN ('draft', 'entered_in_error') OR
        about_group OR consent_id IS NOT NULL OR legal_basis IS NOT NULL),
    CONSTRAINT ck_referral_group_has_no_person CHECK (NOT about_group OR (recipient_id IS NULL AND
        data_classes = ARRAY['D1'])),
    CONSTRAINT ck_referral_consent_of_person CHECK (consent_id IS NULL OR (recipient_id IS NOT
        NULL AND legal_basis IS NULL)),
    CONSTRAINT ck_referral_sent_whole CHECK (state IN ('draft', 'entered_in_error') OR (sent_at IS
        NOT NULL AND sent_by IS NOT NULL AND ack_due_at IS NOT NULL AND expires_at >=
        ack_due_at)),
    CONSTRAINT ck_referral_accepted_whole CHECK (state NOT IN ('accepted', 'in_progress',
        'on_hold', 'completed', 'failed') OR (accepted_at IS NOT NULL AND accepted_by IS NOT NULL
        AND planned_on IS NOT NULL AND outcome_due_at IS NOT NULL)),
    CONSTRAINT ck_referral_accepter_not_sender CHECK (accepted_by <> sent_by),
    CONSTRAINT ck_referral_reject_reason CHECK ((state = 'rejected') = (reject_reason IS NOT
        NULL)),
    CONSTRAINT ck_referral_completed_whole CHECK ((state = 'completed') = (outcome IS NOT NULL)
        AND (outcome IS NULL) = (completed_at IS NULL) AND (outcome IS NULL) = (completed_by IS
        NULL)),
    CONSTRAINT ck_referral_confirmed_whole CHECK ((confirmed_at IS NULL) = (confirmed_by IS NULL)
        AND (confirmed_at IS NULL) = (contacted_on IS NULL) AND (confirmed_at IS NULL OR state =
        'completed')),
    CONSTRAINT ck_referral_confirmer_not_completer CHECK (confirmed_by <> completed_by),
    CONSTRAINT ck_referral_said_why CHECK (state NOT IN ('on_hold', 'failed', 'cancelled',
        'expired', 'entered_in_error') OR state_reason IS NOT NULL),
    CONSTRAINT uq_referral_no UNIQUE (no),
    CONSTRAINT ck_referral_direction_known CHECK (direction IN ('gov_to_charity',
        'gov_to_station', 'gov_to_dept', 'charity_to_gov', 'charity_to_station',
        'charity_to_charity', 'station_to_charity', 'station_to_dept', 'station_to_station',
        'cross_area', 'cross_border')),
    CONSTRAINT fk_referral_from_organization_id FOREIGN KEY(from_organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_referral_from_station_id FOREIGN KEY(from_station_id) REFERENCES station (id),
    CONSTRAINT fk_referral_to_organization_id FOREIGN KEY(to_organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_referral_to_station_id FOREIGN KEY(to_station_id) REFERENCES station (id),
    CONSTRAINT fk_referral_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_referral_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_referral_parent_id FOREIGN KEY(parent_id) REFERENCES referral (id),
    CONSTRAINT fk_referral_reopens_id FOREIGN KEY(reopens_id) REFERENCES referral (id),
    CONSTRAINT fk_referral_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_referral_to_area_code FOREIGN KEY(to_area_code) REFERENCES area (code),
    CONSTRAINT fk_referral_shown_area_code FOREIGN KEY(shown_area_code) REFERENCES area (code),
    CONSTRAINT ck_referral_urgency_known CHECK (urgency IN ('u1', 'u2', 'u3', 'u4')),
    CONSTRAINT fk_referral_consent_id FOREIGN KEY(consent_id) REFERENCES consent (id),
    CONSTRAINT fk_referral_owner_id FOREIGN KEY(owner_id) REFERENCES account (id),
    CONSTRAINT ck_referral_state_known CHECK (state IN ('draft', 'requested', 'accepted',
        'in_progress', 'on_hold', 'completed', 'rejected', 'failed', 'cancelled', 'expired',
        'entered_in_error'))
)
;
CREATE INDEX ix_referral_ack_due ON referral (ack_due_at) WHERE state = 'requested' AND
    ack_overdue_at IS NULL
;
CREATE INDEX ix_referral_area_code ON referral (area_code)
;
CREATE INDEX ix_referral_consent_id ON referral (consent_id)
;
CREATE INDEX ix_referral_created_at ON referral (created_at, id)
;
CREATE INDEX ix_referral_expires ON referral (expires_at) WHERE state = 'requested'
;
CREATE INDEX ix_referral_from_organization_id ON referral (from_organization_id)
;
CREATE INDEX ix_referral_from_station_id ON referral (from_station_id)
;
CREATE INDEX ix_referral_need_id ON referral (need_id)
;
CREATE INDEX ix_referral_outcome_due ON referral (outcome_due_at) WHERE state IN ('accepted',
    'in_progress', 'on_hold') AND outcome_overdue_at IS NULL
;
CREATE INDEX ix_referral_owner_id ON referral (owner_id)
;
CREATE INDEX ix_referral_parent_id ON referral (parent_id)
;
CREATE INDEX ix_referral_received ON referral (to_organization_id, created_at, id)
;
CREATE INDEX ix_referral_recipient_id ON referral (recipient_id)
;
CREATE INDEX ix_referral_reopens_id ON referral (reopens_id)
;
CREATE INDEX ix_referral_sent ON referral (from_organization_id, created_at, id)
;
CREATE INDEX ix_referral_shown_area_code ON referral (shown_area_code)
;
CREATE INDEX ix_referral_to_area_code ON referral (to_area_code)
;
CREATE INDEX ix_referral_to_organization_id ON referral (to_organization_id)
;
CREATE INDEX ix_referral_to_station_id ON referral (to_station_id)
;
CREATE INDEX ix_referral_unconfirmed ON referral (from_organization_id, completed_at) WHERE state
    = 'completed' AND confirmed_at IS NULL
;
CREATE INDEX ix_referral_urgency ON referral (urgency, created_at, id)
;
CREATE INDEX ix_referral_waiting ON referral (to_organization_id, urgency, created_at) WHERE state
    = 'requested'
;
CREATE UNIQUE INDEX uq_referral_reopens ON referral (reopens_id) WHERE state <> 'entered_in_error'
;
CREATE TABLE referral_line (
    id UUID NOT NULL,
    referral_id UUID NOT NULL,
    line_id UUID NOT NULL,
    to_organization_id UUID NOT NULL,
    to_station_id UUID,
    kind VARCHAR(40) NOT NULL,
    item_code TEXT,
    item TEXT NOT NULL,
    quantity NUMERIC(14, 3),
    unit TEXT NOT NULL,
    pledge_id UUID,
    live BOOLEAN DEFAULT false NOT NULL,
    CONSTRAINT pk_referral_line PRIMARY KEY (id),
    CONSTRAINT uq_referral_line_referral_id_line_id UNIQUE (referral_id, line_id),
    CONSTRAINT ck_referral_line_quantity_positive CHECK (quantity > 0),
    CONSTRAINT fk_referral_line_referral_id FOREIGN KEY(referral_id) REFERENCES referral (id),
    CONSTRAINT fk_referral_line_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_referral_line_to_organization_id FOREIGN KEY(to_organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_referral_line_to_station_id FOREIGN KEY(to_station_id) REFERENCES station (id),
    CONSTRAINT ck_referral_line_kind_known CHECK (kind IN ('cash', 'goods', 'service', 'hours')),
    CONSTRAINT fk_referral_line_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id)
)
;
CREATE INDEX ix_referral_line_line_id ON referral_line (line_id)
;
CREATE INDEX ix_referral_line_pledge_id ON referral_line (pledge_id)
;
CREATE INDEX ix_referral_line_referral_id ON referral_line (referral_id)
;
CREATE INDEX ix_referral_line_to_organization_id ON referral_line (to_organization_id)
;
CREATE INDEX ix_referral_line_to_station_id ON referral_line (to_station_id)
;
CREATE UNIQUE INDEX uq_referral_line_live ON referral_line (line_id, to_organization_id,
    coalesce(to_station_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE live
"""

FOLLOW = """
CREATE FUNCTION referral_lines_follow() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE referral_line
    SET live = NEW.state IN ('requested', 'accepted', 'in_progress', 'on_hold')
    WHERE referral_id = NEW.id;
    RETURN NULL;
END
$$
"""

FOLLOWS = """
CREATE TRIGGER referral_lines_follow AFTER UPDATE OF state ON referral
FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
EXECUTE FUNCTION referral_lines_follow()
"""

MOVES = (
    "capacity_warning, owner_id, planned_on, sent_at, sent_by, ack_due_at, ack_rule, "
    "ack_overdue_at, expires_at, accepted_at, accepted_by, reject_reason, outcome_due_at, "
    "outcome_rule, outcome_overdue_at, outcome, completed_at, completed_by, contacted_on, "
    "confirmed_at, confirmed_by, state, state_reason, version"
)
WRITTEN = (
    "id, referral_id, line_id, to_organization_id, to_station_id, kind, item_code, item, "
    "quantity, unit, pledge_id"
)


def upgrade() -> None:
    """Tables, the trigger, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for statement in (
        FOLLOW,
        "REVOKE ALL ON FUNCTION referral_lines_follow() FROM PUBLIC",
        FOLLOWS,
        "REVOKE UPDATE ON referral FROM nexus_app",
        f"GRANT UPDATE ({MOVES}) ON referral TO nexus_app",
        "REVOKE INSERT, UPDATE ON referral_line FROM nexus_app",
        f"GRANT INSERT ({WRITTEN}) ON referral_line TO nexus_app",
        "GRANT UPDATE (pledge_id) ON referral_line TO nexus_app",
    ):
        run(statement)
