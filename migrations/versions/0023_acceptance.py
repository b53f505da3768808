"""Service facts, and acceptance with the facts behind it."""

from alembic import op

revision = "0023"
down_revision = "0022"

TABLES = r"""
CREATE TABLE service_fact (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    contract_item_id UUID NOT NULL,
    fact_kind VARCHAR(40) NOT NULL,
    fact_id UUID NOT NULL,
    visit_id UUID,
    case_id UUID,
    delivery_id UUID,
    record_id UUID,
    task_id UUID,
    happened_on DATE NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    household_id UUID,
    entered_by UUID NOT NULL,
    claim VARCHAR(40) NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    claimed_by UUID NOT NULL,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    withdrawn_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_service_fact PRIMARY KEY (id),
    CONSTRAINT ck_service_fact_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_service_fact_fact_of_its_kind CHECK (num_nonnulls(visit_id, case_id,
        delivery_id, record_id, task_id) = 1 AND fact_id = CASE fact_kind WHEN 'visit' THEN
        visit_id WHEN 'case' THEN case_id WHEN 'delivery' THEN delivery_id WHEN 'service_record'
        THEN record_id ELSE task_id END),
    CONSTRAINT ck_service_fact_withdrawn_whole CHECK ((state = 'withdrawn') = (withdrawn_at IS
        NOT NULL) AND (withdrawn_at IS NULL) = (withdrawn_by IS NULL) AND (withdrawn_at IS NULL
        OR state_reason IS NOT NULL)),
    CONSTRAINT fk_service_fact_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_service_fact_contract_item_id FOREIGN KEY(contract_item_id) REFERENCES
        contract_item (id),
    CONSTRAINT ck_service_fact_fact_kind_known CHECK (fact_kind IN ('visit', 'case', 'delivery',
        'service_record', 'session')),
    CONSTRAINT fk_service_fact_visit_id FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT fk_service_fact_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_service_fact_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id),
    CONSTRAINT fk_service_fact_record_id FOREIGN KEY(record_id) REFERENCES service_record (id),
    CONSTRAINT fk_service_fact_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id),
    CONSTRAINT fk_service_fact_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT ck_service_fact_claim_known CHECK (claim IN ('hand', 'bulk', 'auto')),
    CONSTRAINT ck_service_fact_state_known CHECK (state IN ('counted', 'withdrawn'))
)
;
CREATE INDEX ix_service_fact_case_id ON service_fact (case_id)
;
CREATE INDEX ix_service_fact_contract_id ON service_fact (contract_id, happened_on, id)
;
CREATE INDEX ix_service_fact_contract_item_id ON service_fact (contract_item_id, happened_on, id)
;
CREATE INDEX ix_service_fact_delivery_id ON service_fact (delivery_id)
;
CREATE INDEX ix_service_fact_household_id ON service_fact (household_id)
;
CREATE INDEX ix_service_fact_progress ON service_fact (contract_item_id, household_id) INCLUDE
    (quantity) WHERE state = 'counted'
;
CREATE INDEX ix_service_fact_record_id ON service_fact (record_id)
;
CREATE INDEX ix_service_fact_task_id ON service_fact (task_id)
;
CREATE INDEX ix_service_fact_visit_id ON service_fact (visit_id)
;
CREATE UNIQUE INDEX uq_service_fact_inv_27 ON service_fact (fact_id, fact_kind) WHERE state =
    'counted'
;
CREATE TABLE acceptance (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    milestone_id UUID NOT NULL,
    contract_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    round INTEGER NOT NULL,
    previous_id UUID,
    from_on DATE NOT NULL,
    until_on DATE NOT NULL,
    claimed_fen BIGINT NOT NULL,
    deduction_fen BIGINT NOT NULL,
    accepted_fen BIGINT NOT NULL,
    documents JSONB NOT NULL,
    note TEXT,
    manager_id UUID NOT NULL,
    sample_seed TEXT,
    sample_size INTEGER,
    frame_hash TEXT,
    sample_rule TEXT,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    submitted_by UUID NOT NULL,
    reviewed_at TIMESTAMP WITH TIME ZONE,
    reviewed_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_acceptance PRIMARY KEY (id),
    CONSTRAINT ck_acceptance_period CHECK (until_on > from_on),
    CONSTRAINT ck_acceptance_round CHECK ((round > 1) = (previous_id IS NOT NULL) AND round > 0),
    CONSTRAINT ck_acceptance_claimed_positive CHECK (claimed_fen > 0),
    CONSTRAINT ck_acceptance_inv_28_accepted CHECK (deduction_fen >= 0 AND accepted_fen >= 0 AND
        CASE WHEN state IN ('accepted', 'accepted_with_deduction') THEN accepted_fen =
        claimed_fen - deduction_fen ELSE accepted_fen = 0 AND deduction_fen = 0 END),
    CONSTRAINT ck_acceptance_deducted CHECK ((state = 'accepted_with_deduction') =
        (deduction_fen > 0)),
    CONSTRAINT ck_acceptance_seed_shape CHECK (sample_seed ~ '^[0-9a-f]{32}$'),
    CONSTRAINT ck_acceptance_hash_shape CHECK (frame_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_acceptance_reviewed_whole CHECK ((state = 'submitted') = (reviewed_at IS NULL)
        AND (reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) =
        (sample_seed IS NULL) AND (reviewed_at IS NULL) = (sample_size IS NULL) AND (reviewed_at
        IS NULL) = (frame_hash IS NULL) AND (reviewed_at IS NULL) = (sample_rule IS NULL)),
    CONSTRAINT ck_acceptance_decided_whole CHECK ((state IN ('accepted',
        'accepted_with_deduction', 'rejected', 'resubmitted')) = (decided_at IS NOT NULL) AND
        (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT ck_acceptance_inv_18_not_submitter CHECK (reviewed_by IS DISTINCT FROM
        submitted_by AND decided_by IS DISTINCT FROM submitted_by),
    CONSTRAINT ck_acceptance_inv_18_not_manager CHECK (reviewed_by IS DISTINCT FROM manager_id
        AND decided_by IS DISTINCT FROM manager_id),
    CONSTRAINT ck_acceptance_reason_given CHECK (state NOT IN ('rejected', 'resubmitted') OR
        state_reason IS NOT NULL),
    CONSTRAINT ck_acceptance_documents_listed CHECK (jsonb_typeof(documents) = 'array'),
    CONSTRAINT uq_acceptance_no UNIQUE (no),
    CONSTRAINT fk_acceptance_milestone_id FOREIGN KEY(milestone_id) REFERENCES milestone (id),
    CONSTRAINT fk_acceptance_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_acceptance_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT uq_acceptance_previous_id UNIQUE (previous_id),
    CONSTRAINT fk_acceptance_previous_id FOREIGN KEY(previous_id) REFERENCES acceptance (id),
    CONSTRAINT fk_acceptance_manager_id FOREIGN KEY(manager_id) REFERENCES account (id),
    CONSTRAINT fk_acceptance_submitted_by FOREIGN KEY(submitted_by) REFERENCES account (id),
    CONSTRAINT fk_acceptance_reviewed_by FOREIGN KEY(reviewed_by) REFERENCES account (id),
    CONSTRAINT fk_acceptance_decided_by FOREIGN KEY(decided_by) REFERENCES account (id),
    CONSTRAINT ck_acceptance_state_known CHECK (state IN ('submitted', 'reviewing', 'accepted',
        'accepted_with_deduction', 'rejected', 'resubmitted'))
)
;
CREATE INDEX ix_acceptance_area_code ON acceptance (area_code)
;
CREATE INDEX ix_acceptance_contract_id ON acceptance (contract_id)
;
CREATE INDEX ix_acceptance_decided_by ON acceptance (decided_by)
;
CREATE INDEX ix_acceptance_manager_id ON acceptance (manager_id)
;
CREATE INDEX ix_acceptance_milestone_id ON acceptance (milestone_id)
;
CREATE INDEX ix_acceptance_reviewed_by ON acceptance (reviewed_by)
;
CREATE INDEX ix_acceptance_submitted_at ON acceptance (submitted_at, id)
;
CREATE INDEX ix_acceptance_submitted_by ON acceptance (submitted_by)
;
CREATE UNIQUE INDEX uq_acceptance_open ON acceptance (milestone_id) WHERE state IN ('submitted',
    'reviewing')
;
CREATE TABLE acceptance_line (
    id UUID NOT NULL,
    acceptance_id UUID NOT NULL,
    contract_item_id UUID NOT NULL,
    position INTEGER NOT NULL,
    claimed NUMERIC(14, 3) NOT NULL,
    counted NUMERIC(14, 3) NOT NULL,
    accepted NUMERIC(14, 3),
    unit_price_fen BIGINT NOT NULL,
    CONSTRAINT pk_acceptance_line PRIMARY KEY (id),
    CONSTRAINT uq_acceptance_line_acceptance_id_contract_item_id UNIQUE (acceptance_id,
        contract_item_id),
    CONSTRAINT ck_acceptance_line_claimed_positive CHECK (claimed > 0),
    CONSTRAINT ck_acceptance_line_inv_28_accepted CHECK (accepted BETWEEN 0 AND claimed AND
        accepted <= counted),
    CONSTRAINT ck_acceptance_line_unit_price_positive CHECK (unit_price_fen > 0),
    CONSTRAINT fk_acceptance_line_acceptance_id FOREIGN KEY(acceptance_id) REFERENCES acceptance
        (id),
    CONSTRAINT fk_acceptance_line_contract_item_id FOREIGN KEY(contract_item_id) REFERENCES
        contract_item (id)
)
;
CREATE INDEX ix_acceptance_line_contract_item_id ON acceptance_line (contract_item_id)
;
CREATE TABLE accepted_fact (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    acceptance_id UUID NOT NULL,
    fact_id UUID NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    live BOOLEAN NOT NULL,
    sampled BOOLEAN NOT NULL,
    finding VARCHAR(40),
    finding_note TEXT,
    found_at TIMESTAMP WITH TIME ZONE,
    found_by UUID,
    version INTEGER NOT NULL,
    CONSTRAINT pk_accepted_fact PRIMARY KEY (id),
    CONSTRAINT ck_accepted_fact_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_accepted_fact_finding_whole CHECK ((finding IS NULL) = (found_at IS NULL) AND
        (finding IS NULL) = (found_by IS NULL) AND (finding IS NULL OR sampled)),
    CONSTRAINT fk_accepted_fact_line_id FOREIGN KEY(line_id) REFERENCES acceptance_line (id),
    CONSTRAINT fk_accepted_fact_acceptance_id FOREIGN KEY(acceptance_id) REFERENCES acceptance
        (id),
    CONSTRAINT fk_accepted_fact_fact_id FOREIGN KEY(fact_id) REFERENCES service_fact (id),
    CONSTRAINT ck_accepted_fact_finding_known CHECK (finding IN ('confirmed', 'doubtful',
        'unfounded')),
    CONSTRAINT fk_accepted_fact_found_by FOREIGN KEY(found_by) REFERENCES account (id)
)
;
CREATE INDEX ix_accepted_fact_acceptance_id ON accepted_fact (acceptance_id, id)
;
CREATE INDEX ix_accepted_fact_fact_id ON accepted_fact (fact_id)
;
CREATE INDEX ix_accepted_fact_found_by ON accepted_fact (found_by)
;
CREATE INDEX ix_accepted_fact_line_id ON accepted_fact (line_id, id)
;
CREATE UNIQUE INDEX uq_accepted_fact_inv_28 ON accepted_fact (fact_id) WHERE live
;
CREATE TABLE acceptance_deduction (
    id UUID NOT NULL,
    acceptance_id UUID NOT NULL,
    position INTEGER NOT NULL,
    line_id UUID,
    quantity NUMERIC(14, 3),
    fen BIGINT NOT NULL,
    reason VARCHAR(40) NOT NULL,
    note TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_acceptance_deduction PRIMARY KEY (id),
    CONSTRAINT uq_acceptance_deduction_acceptance_id_position UNIQUE (acceptance_id, position),
    CONSTRAINT ck_acceptance_deduction_position_positive CHECK (position > 0),
    CONSTRAINT ck_acceptance_deduction_fen_positive CHECK (fen > 0),
    CONSTRAINT ck_acceptance_deduction_quantity_of_line CHECK ((quantity IS NULL) = (line_id IS
        NULL) AND (quantity IS NULL OR quantity > 0)),
    CONSTRAINT ck_acceptance_deduction_inv_28_reason_given CHECK (length(btrim(note)) > 0),
    CONSTRAINT fk_acceptance_deduction_acceptance_id FOREIGN KEY(acceptance_id) REFERENCES
        acceptance (id),
    CONSTRAINT fk_acceptance_deduction_line_id FOREIGN KEY(line_id) REFERENCES acceptance_line
        (id),
    CONSTRAINT ck_acceptance_deduction_reason_known CHECK (reason IN ('shortfall',
        'unsupported', 'unfounded', 'quality', 'late', 'breach')),
    CONSTRAINT fk_acceptance_deduction_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_acceptance_deduction_created_by ON acceptance_deduction (created_by)
;
CREATE INDEX ix_acceptance_deduction_line_id ON acceptance_deduction (line_id)
"""

FITS = """
CREATE FUNCTION service_fact_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM contract_item AS item
        JOIN contract ON contract.id = item.contract_id
        WHERE item.id = NEW.contract_item_id AND contract.id = NEW.contract_id
            AND item.fact_kind = NEW.fact_kind
            AND NEW.happened_on >= contract.starts_on AND NEW.happened_on < contract.ends_on)
    THEN
        RAISE EXCEPTION 'the fact does not fit its contract item'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_27_fits', TABLE = 'service_fact';
    END IF;
    RETURN NEW;
END
$$
"""

SUMS_HOLD = """
CREATE FUNCTION acceptance_sums_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    mine acceptance;
    taken boolean;
BEGIN
    IF TG_TABLE_NAME = 'acceptance' THEN
        SELECT * INTO mine FROM acceptance WHERE id = NEW.id;
    ELSE
        SELECT * INTO mine FROM acceptance WHERE id = NEW.acceptance_id;
    END IF;
    taken := mine.state IN ('accepted', 'accepted_with_deduction');
    IF EXISTS (SELECT 1 FROM acceptance_line WHERE acceptance_id = mine.id
            HAVING count(*) > 0 AND sum(round(claimed * unit_price_fen)) <> mine.claimed_fen)
        OR mine.deduction_fen <> (SELECT coalesce(sum(fen), 0) FROM acceptance_deduction
            WHERE acceptance_id = mine.id)
        OR EXISTS (SELECT 1 FROM acceptance_line WHERE acceptance_id = mine.id
            AND (accepted IS NOT NULL) <> taken)
        OR (taken AND (SELECT sum(accepted_fen) FROM acceptance
            WHERE milestone_id = mine.milestone_id)
            > (SELECT least(accepted_fen, value_fen) FROM milestone WHERE id = mine.milestone_id))
    THEN
        RAISE EXCEPTION 'the sums of the acceptance do not hold'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_28_sums', TABLE = 'acceptance';
    END IF;
    RETURN NULL;
END
$$
"""

FACTS_STAND = """
CREATE FUNCTION acceptance_facts_stand() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM acceptance_line AS line WHERE line.acceptance_id = NEW.id
        AND line.accepted > (SELECT coalesce(sum(behind.quantity), 0) FROM accepted_fact AS behind
            JOIN service_fact AS fact ON fact.id = behind.fact_id
            WHERE behind.line_id = line.id AND behind.live AND fact.state = 'counted'
                AND fact.happened_on >= NEW.from_on AND fact.happened_on < NEW.until_on
                AND behind.quantity = fact.quantity
                AND fact.contract_item_id = line.contract_item_id))
    THEN
        RAISE EXCEPTION 'more is accepted than the facts behind it come to'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_28_facts', TABLE = 'acceptance';
    END IF;
    RETURN NULL;
END
$$
"""

WITHDRAWN = "withdrawn_at, withdrawn_by, state, state_reason, version"
DECIDED = (
    "manager_id, deduction_fen, accepted_fen, sample_seed, sample_size, frame_hash, sample_rule, "
    "reviewed_at, reviewed_by, decided_at, decided_by, state, state_reason, version"
)
FOUND = "live, sampled, finding, finding_note, found_at, found_by, version"
GRANTED = {
    "service_fact": WITHDRAWN,
    "acceptance": DECIDED,
    "acceptance_line": "counted, accepted",
    "accepted_fact": FOUND,
}


def upgrade() -> None:
    """Tables, the sums that must hold, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for function, body in (
        ("service_fact_fits", FITS),
        ("acceptance_sums_hold", SUMS_HOLD),
        ("acceptance_facts_stand", FACTS_STAND),
    ):
        run(body)
        run(f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    for table in ("acceptance", "acceptance_line", "acceptance_deduction"):
        run(
            f"CREATE CONSTRAINT TRIGGER {table}_sums AFTER INSERT OR UPDATE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION acceptance_sums_hold()"
        )
    for statement in (
        "CREATE TRIGGER service_fact_fits BEFORE INSERT ON service_fact FOR EACH ROW "
        "EXECUTE FUNCTION service_fact_fits()",
        "CREATE CONSTRAINT TRIGGER acceptance_facts AFTER UPDATE OF state ON acceptance "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "WHEN (NEW.state IN ('accepted', 'accepted_with_deduction') AND OLD.state <> NEW.state) "
        "EXECUTE FUNCTION acceptance_facts_stand()",
        f"REVOKE UPDATE, DELETE ON {', '.join(GRANTED)}, acceptance_deduction FROM nexus_app",
        *(
            f"GRANT UPDATE ({columns}) ON {table} TO nexus_app"
            for table, columns in GRANTED.items()
        ),
        "CREATE TRIGGER acceptance_deduction_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON acceptance_deduction FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ):
        run(statement)
