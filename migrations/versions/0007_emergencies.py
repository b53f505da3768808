"""Emergencies, help first and help in stages: events, relaxed rules, released tranches.

What was relaxed and what was released is history: the application adds rows and settles them, it
does not rewrite them. A tranche's amount follows the quantities of its lines; the database holds
that tranches come in order and stay within the approved amount (INV-09).
"""

from alembic import op

revision = "0007"
down_revision = "0006"

TABLES = """
CREATE TABLE emergency_event (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    name TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    level VARCHAR(40) NOT NULL,
    legal_basis TEXT NOT NULL,
    relaxed_rules TEXT[] NOT NULL,
    seat_code TEXT COLLATE "C" NOT NULL,
    authority_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    review TEXT,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_emergency_event PRIMARY KEY (id),
    CONSTRAINT ck_emergency_event_rules_known CHECK (relaxed_rules <@
        ARRAY['provisional_publication', 'consent_later', 'supplement_after_end']),
    CONSTRAINT ck_emergency_event_ended CHECK ((state IN ('ended', 'reviewed')) = (ends_at
        IS NOT NULL)),
    CONSTRAINT ck_emergency_event_reviewed CHECK ((state = 'reviewed') = (review IS NOT
        NULL) AND (review IS NULL) = (reviewed_at IS NULL)),
    CONSTRAINT uq_emergency_event_no UNIQUE (no),
    CONSTRAINT ck_emergency_event_kind_known CHECK (kind IN ('natural_disaster', 'accident',
        'public_health', 'social_security')),
    CONSTRAINT ck_emergency_event_level_known CHECK (level IN ('i', 'ii', 'iii', 'iv')),
    CONSTRAINT fk_emergency_event_seat_code FOREIGN KEY(seat_code) REFERENCES area (code),
    CONSTRAINT fk_emergency_event_authority_id FOREIGN KEY(authority_id) REFERENCES
        organization (id),
    CONSTRAINT ck_emergency_event_state_known CHECK (state IN ('declared', 'active',
        'standing_down', 'ended', 'reviewed'))
)
;
CREATE INDEX ix_emergency_event_authority_id ON emergency_event (authority_id)
;
CREATE INDEX ix_emergency_event_seat_code ON emergency_event (seat_code)
;
CREATE INDEX ix_emergency_event_starts_at ON emergency_event (starts_at, id)
;
CREATE TABLE emergency_area (
    event_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    CONSTRAINT pk_emergency_area PRIMARY KEY (event_id, area_code),
    CONSTRAINT fk_emergency_area_event_id FOREIGN KEY(event_id) REFERENCES emergency_event (id),
    CONSTRAINT fk_emergency_area_area_code FOREIGN KEY(area_code) REFERENCES area (code)
)
;
CREATE INDEX ix_emergency_area_area_code ON emergency_area (area_code)
;
CREATE TABLE emergency_period (
    event_id UUID NOT NULL,
    phase VARCHAR(40) NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE,
    CONSTRAINT pk_emergency_period PRIMARY KEY (event_id, phase),
    CONSTRAINT ck_emergency_period_period CHECK (ends_on > starts_on),
    CONSTRAINT fk_emergency_period_event_id FOREIGN KEY(event_id) REFERENCES emergency_event (id),
    CONSTRAINT ck_emergency_period_phase_known CHECK (phase IN ('emergency', 'transition',
        'winter_spring', 'reconstruction'))
)
;
CREATE TABLE relaxation (
    id UUID NOT NULL,
    rule VARCHAR(40) NOT NULL,
    rule_version TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    event_id UUID,
    obligation_id UUID,
    legal_basis TEXT,
    reason TEXT NOT NULL,
    relaxed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    relaxed_by UUID NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_as VARCHAR(40),
    settled_by UUID,
    CONSTRAINT pk_relaxation PRIMARY KEY (id),
    CONSTRAINT ck_relaxation_settled_whole CHECK ((settled_at IS NULL) = (settled_as IS
        NULL) AND (settled_at IS NULL) = (settled_by IS NULL)),
    CONSTRAINT ck_relaxation_basis_named CHECK (rule <> 'consent_later' OR legal_basis IS
        NOT NULL),
    CONSTRAINT ck_relaxation_rule_known CHECK (rule IN ('provisional_publication',
        'consent_later', 'supplement_after_end', 'tranche_early')),
    CONSTRAINT fk_relaxation_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_relaxation_event_id FOREIGN KEY(event_id) REFERENCES emergency_event (id),
    CONSTRAINT fk_relaxation_obligation_id FOREIGN KEY(obligation_id) REFERENCES obligation (id),
    CONSTRAINT fk_relaxation_relaxed_by FOREIGN KEY(relaxed_by) REFERENCES account (id),
    CONSTRAINT ck_relaxation_settled_as_known CHECK (settled_as IN ('supplemented',
        'waived', 'decided'))
)
;
CREATE INDEX ix_relaxation_area_code ON relaxation (area_code)
;
CREATE INDEX ix_relaxation_event_id ON relaxation (event_id)
;
CREATE INDEX ix_relaxation_obligation_id ON relaxation (obligation_id)
;
CREATE INDEX ix_relaxation_relaxed_at ON relaxation (relaxed_at, id)
;
CREATE INDEX ix_relaxation_relaxed_by ON relaxation (relaxed_by)
;
CREATE INDEX ix_relaxation_subject_id ON relaxation (subject_id)
;
CREATE UNIQUE INDEX uq_relaxation_open ON relaxation (subject_id, rule) WHERE settled_at IS NULL
;
CREATE TABLE tranche (
    id UUID NOT NULL,
    need_id UUID NOT NULL,
    no INTEGER NOT NULL,
    amount_fen BIGINT NOT NULL,
    ground VARCHAR(40) NOT NULL,
    reason TEXT,
    released_at TIMESTAMP WITH TIME ZONE NOT NULL,
    released_by UUID NOT NULL,
    CONSTRAINT pk_tranche PRIMARY KEY (id),
    CONSTRAINT uq_tranche_need_id_no UNIQUE (need_id, no),
    CONSTRAINT ck_tranche_counted CHECK (no >= 1 AND amount_fen >= 0),
    CONSTRAINT ck_tranche_first CHECK ((no = 1) = (ground = 'first')),
    CONSTRAINT ck_tranche_decided_with_reason CHECK (ground <> 'decided' OR reason IS NOT NULL),
    CONSTRAINT fk_tranche_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT ck_tranche_ground_known CHECK (ground IN ('first', 'arrived', 'decided'))
)
"""

NEED = """
ALTER TABLE need
    ADD COLUMN emergency_id UUID,
    ADD COLUMN emergency_phase VARCHAR(40),
    ADD COLUMN provisional BOOLEAN DEFAULT false NOT NULL,
    ADD COLUMN legal_basis TEXT,
    DROP CONSTRAINT ck_need_published_is_released,
    DROP CONSTRAINT ck_need_published_has_consent
;
ALTER TABLE need
    ADD CONSTRAINT fk_need_emergency_id
        FOREIGN KEY(emergency_id) REFERENCES emergency_event (id),
    ADD CONSTRAINT ck_need_emergency_phase_known CHECK
        (emergency_phase IN ('emergency', 'transition', 'winter_spring', 'reconstruction')),
    ADD CONSTRAINT ck_need_published_is_released CHECK (state <> 'published' OR
        (public_title IS NOT NULL AND public_summary IS NOT NULL AND released_by IS NOT NULL
         AND (verified_by IS NOT NULL OR provisional) AND reviewed)),
    ADD CONSTRAINT ck_need_published_has_consent CHECK (state <> 'published'
        OR subject_kind = 'group' OR visibility = 'internal' OR consent_id IS NOT NULL
        OR legal_basis IS NOT NULL),
    ADD CONSTRAINT ck_need_provisional_is_unverified
        CHECK (NOT provisional OR (verified_by IS NULL AND published_at IS NOT NULL)),
    ADD CONSTRAINT ck_need_basis_until_consent
        CHECK (legal_basis IS NULL OR (provisional AND consent_id IS NULL)),
    ADD CONSTRAINT ck_need_phase_of_event
        CHECK (emergency_id IS NOT NULL OR emergency_phase IS NULL)
;
CREATE INDEX ix_need_emergency_id ON need (emergency_id)
;
CREATE INDEX ix_need_provisional ON need (published_at, id) WHERE provisional
;
ALTER TABLE need_line ADD COLUMN held BOOLEAN DEFAULT false NOT NULL
;
UPDATE need_line SET held = true WHERE tranche_no > 1 AND NOT published
;
ALTER TABLE need_line
    ADD CONSTRAINT ck_need_line_inv_09_held CHECK (NOT (held AND published)),
    ADD CONSTRAINT ck_need_line_first_tranche_is_free CHECK (tranche_no > 1 OR NOT held)
"""

# The need is locked, so that two releases and a lower approval take turns.
WITHIN = """
CREATE FUNCTION check_tranche() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    approved bigint;
    total bigint;
BEGIN
    SELECT approval_cap_fen INTO approved FROM need WHERE id = NEW.need_id FOR UPDATE;
    SELECT coalesce(sum(amount_fen), 0) INTO total FROM tranche
    WHERE need_id = NEW.need_id AND id <> NEW.id;
    IF approved IS NULL OR total + NEW.amount_fen > approved THEN
        RAISE EXCEPTION 'the tranches exceed the approved amount' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'inv_09_within', TABLE = 'tranche';
    END IF;
    IF NEW.no > 1 AND NOT EXISTS (
        SELECT FROM tranche WHERE need_id = NEW.need_id AND no = NEW.no - 1
    ) THEN
        RAISE EXCEPTION 'the tranche before this one is not released' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'inv_09_order', TABLE = 'tranche';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER tranche_is_within BEFORE INSERT OR UPDATE ON tranche
FOR EACH ROW EXECUTE FUNCTION check_tranche()
;
CREATE FUNCTION check_approval() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT sum(amount_fen) FROM tranche WHERE need_id = NEW.id)
        > coalesce(NEW.approval_cap_fen, 0) THEN
        RAISE EXCEPTION 'released tranches exceed this approval' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'inv_09_within', TABLE = 'need';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER approval_holds_tranches BEFORE UPDATE OF approval_cap_fen ON need
FOR EACH ROW WHEN (NEW.approval_cap_fen IS DISTINCT FROM OLD.approval_cap_fen)
EXECUTE FUNCTION check_approval()
"""

# A held line is freed only with its tranche (INV-09).
HOLD = """
CREATE FUNCTION check_held() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM tranche WHERE need_id = NEW.need_id AND no = NEW.tranche_no
    ) THEN
        RAISE EXCEPTION 'the tranche of the line is not released' USING
            ERRCODE = 'check_violation', CONSTRAINT = 'inv_09_held', TABLE = 'need_line';
    END IF;
    RETURN NEW;
END
$$
;
CREATE TRIGGER line_waits_for_its_tranche BEFORE UPDATE OF held ON need_line
FOR EACH ROW WHEN (OLD.held AND NOT NEW.held) EXECUTE FUNCTION check_held()
"""

# Only what waited for the end of an emergency is dated later: a date that stands is not moved.
DATED = """
CREATE FUNCTION check_dated() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'the date of an obligation stands' USING
        ERRCODE = 'check_violation', CONSTRAINT = 'date_stands', TABLE = 'obligation';
END
$$
;
CREATE TRIGGER obligation_date_stands BEFORE UPDATE OF due_at, rule ON obligation
FOR EACH ROW WHEN (OLD.due_at < '3000-01-01T00:00:00Z'
    AND (NEW.due_at, NEW.rule) IS DISTINCT FROM (OLD.due_at, OLD.rule))
EXECUTE FUNCTION check_dated()
"""

GRANTS = (
    "GRANT UPDATE (due_at, rule) ON obligation TO nexus_app",
    "GRANT DELETE ON emergency_area, emergency_period TO nexus_app",
    "GRANT UPDATE (held) ON need_line TO nexus_app",
    "REVOKE UPDATE ON relaxation, tranche, emergency_area, emergency_period FROM nexus_app",
    "GRANT UPDATE (settled_at, settled_as, settled_by) ON relaxation TO nexus_app",
    "GRANT UPDATE (amount_fen) ON tranche TO nexus_app",
)


def upgrade() -> None:
    """Tables, what needs and lines gain, the guards of tranches, and what the application may."""
    run = op.get_bind().exec_driver_sql
    for block in (TABLES, NEED, WITHIN, HOLD, DATED):
        for statement in block.split("\n;\n"):
            run(statement)
    for grant in GRANTS:
        run(grant)
