"""Schemes, evaluations, samples, scores, the client's voice, addenda, rectifications."""

from alembic import op

revision = "0025"
down_revision = "0024"

TABLES = r"""
CREATE TABLE evaluation_scheme (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    revision INTEGER NOT NULL,
    title TEXT NOT NULL,
    source TEXT NOT NULL,
    buyer_id UUID,
    area_code TEXT COLLATE "C",
    least_answers INTEGER NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    adopted_at TIMESTAMP WITH TIME ZONE,
    adopted_by UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID,
    CONSTRAINT pk_evaluation_scheme PRIMARY KEY (id),
    CONSTRAINT uq_evaluation_scheme_buyer_id_code_revision UNIQUE NULLS NOT DISTINCT (buyer_id,
        code, revision),
    CONSTRAINT ck_evaluation_scheme_revision_positive CHECK (revision > 0),
    CONSTRAINT ck_evaluation_scheme_least_answers_positive CHECK (least_answers > 0),
    CONSTRAINT ck_evaluation_scheme_adopted_whole CHECK ((adopted_at IS NULL) = (state = 'draft')
        AND (adopted_at IS NULL) = (adopted_by IS NULL)),
    CONSTRAINT ck_evaluation_scheme_inv_18_adopted_by_another CHECK (adopted_by <> created_by),
    CONSTRAINT ck_evaluation_scheme_template_is_no_scheme CHECK ((buyer_id IS NULL) = (created_by
        IS NULL) AND (buyer_id IS NULL) = (area_code IS NULL) AND (buyer_id IS NOT NULL OR state =
        'draft')),
    CONSTRAINT ck_evaluation_scheme_reason_given CHECK (state <> 'retired' OR state_reason IS NOT
        NULL),
    CONSTRAINT fk_evaluation_scheme_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_evaluation_scheme_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_evaluation_scheme_state_known CHECK (state IN ('draft', 'effective',
        'retired')),
    CONSTRAINT fk_evaluation_scheme_adopted_by FOREIGN KEY(adopted_by) REFERENCES account (id),
    CONSTRAINT fk_evaluation_scheme_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_evaluation_scheme_adopted_by ON evaluation_scheme (adopted_by)
;
CREATE INDEX ix_evaluation_scheme_area_code ON evaluation_scheme (area_code)
;
CREATE INDEX ix_evaluation_scheme_buyer_id ON evaluation_scheme (buyer_id)
;
CREATE INDEX ix_evaluation_scheme_created_at ON evaluation_scheme (created_at, id)
;
CREATE INDEX ix_evaluation_scheme_created_by ON evaluation_scheme (created_by)
;
CREATE UNIQUE INDEX uq_evaluation_scheme_effective ON evaluation_scheme (buyer_id, code) WHERE
    state = 'effective'
;
CREATE TABLE organization_tie (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    other_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    from_on DATE NOT NULL,
    until_on DATE,
    note TEXT NOT NULL,
    declared_at TIMESTAMP WITH TIME ZONE NOT NULL,
    declared_by UUID NOT NULL,
    CONSTRAINT pk_organization_tie PRIMARY KEY (id),
    CONSTRAINT ck_organization_tie_two_organizations CHECK (organization_id <> other_id),
    CONSTRAINT ck_organization_tie_period CHECK (until_on > from_on),
    CONSTRAINT fk_organization_tie_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_organization_tie_other_id FOREIGN KEY(other_id) REFERENCES organization (id),
    CONSTRAINT ck_organization_tie_kind_known CHECK (kind IN ('contract', 'employment',
        'ownership')),
    CONSTRAINT fk_organization_tie_declared_by FOREIGN KEY(declared_by) REFERENCES account (id)
)
;
CREATE INDEX ix_organization_tie_declared_at ON organization_tie (declared_at, id)
;
CREATE INDEX ix_organization_tie_declared_by ON organization_tie (declared_by)
;
CREATE INDEX ix_organization_tie_organization_id ON organization_tie (organization_id)
;
CREATE INDEX ix_organization_tie_other_id ON organization_tie (other_id)
;
CREATE TABLE scheme_body (
    scheme_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    weight NUMERIC(5, 2) NOT NULL,
    CONSTRAINT pk_scheme_body PRIMARY KEY (scheme_id, kind),
    CONSTRAINT ck_scheme_body_weight_range CHECK (weight > 0 AND weight <= 100),
    CONSTRAINT fk_scheme_body_scheme_id FOREIGN KEY(scheme_id) REFERENCES evaluation_scheme (id),
    CONSTRAINT ck_scheme_body_kind_known CHECK (kind IN ('third_party', 'buyer', 'client',
        'committee', 'authority'))
)
;
CREATE TABLE scheme_grade (
    scheme_id UUID NOT NULL,
    grade VARCHAR(40) NOT NULL,
    from_total NUMERIC(5, 2) NOT NULL,
    effect VARCHAR(40) NOT NULL,
    CONSTRAINT pk_scheme_grade PRIMARY KEY (scheme_id, grade),
    CONSTRAINT uq_scheme_grade_scheme_id_from_total UNIQUE (scheme_id, from_total),
    CONSTRAINT ck_scheme_grade_from_total_range CHECK (from_total BETWEEN 0 AND 100),
    CONSTRAINT ck_scheme_grade_lowest_from_zero CHECK ((grade = 'unqualified') = (from_total =
        0)),
    CONSTRAINT fk_scheme_grade_scheme_id FOREIGN KEY(scheme_id) REFERENCES evaluation_scheme (id),
    CONSTRAINT ck_scheme_grade_grade_known CHECK (grade IN ('excellent', 'good', 'qualified',
        'unqualified')),
    CONSTRAINT ck_scheme_grade_effect_known CHECK (effect IN ('priority', 'normal',
        'rectification', 'barred'))
)
;
CREATE TABLE scheme_indicator (
    id UUID NOT NULL,
    scheme_id UUID NOT NULL,
    parent_id UUID,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    guidance TEXT,
    aspect VARCHAR(40) NOT NULL,
    weight NUMERIC(5, 2) NOT NULL,
    bodies TEXT[] NOT NULL,
    CONSTRAINT pk_scheme_indicator PRIMARY KEY (id),
    CONSTRAINT uq_scheme_indicator_scheme_id_code UNIQUE (scheme_id, code),
    CONSTRAINT uq_scheme_indicator_scheme_id_parent_id_position UNIQUE NULLS NOT DISTINCT
        (scheme_id, parent_id, position),
    CONSTRAINT ck_scheme_indicator_position_positive CHECK (position > 0),
    CONSTRAINT ck_scheme_indicator_weight_range CHECK (weight > 0 AND weight <= 100),
    CONSTRAINT ck_scheme_indicator_bodies_known CHECK (bodies <@ ARRAY['third_party', 'buyer',
        'client', 'committee', 'authority']),
    CONSTRAINT fk_scheme_indicator_scheme_id FOREIGN KEY(scheme_id) REFERENCES evaluation_scheme
        (id),
    CONSTRAINT fk_scheme_indicator_parent_id FOREIGN KEY(parent_id) REFERENCES scheme_indicator
        (id),
    CONSTRAINT ck_scheme_indicator_aspect_known CHECK (aspect IN ('decision', 'process', 'output',
        'benefit', 'satisfaction'))
)
;
CREATE INDEX ix_scheme_indicator_parent_id ON scheme_indicator (parent_id)
;
CREATE TABLE evaluation (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    contract_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    evaluator_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    scheme_id UUID NOT NULL,
    from_on DATE NOT NULL,
    until_on DATE NOT NULL,
    independence_months INTEGER NOT NULL,
    independence_rule TEXT NOT NULL,
    planned_by UUID NOT NULL,
    started_by UUID,
    report TEXT,
    drafted_at TIMESTAMP WITH TIME ZONE,
    response_due_at TIMESTAMP WITH TIME ZONE,
    response_rule TEXT,
    response_told_at TIMESTAMP WITH TIME ZONE,
    response TEXT,
    responded_at TIMESTAMP WITH TIME ZONE,
    responded_by UUID,
    earlier_responses JSONB NOT NULL,
    total NUMERIC(5, 2),
    body_scores JSONB,
    grade VARCHAR(40),
    effect VARCHAR(40),
    scheme_version TEXT,
    finalized_at TIMESTAMP WITH TIME ZONE,
    finalized_by UUID,
    published_at TIMESTAMP WITH TIME ZONE,
    published_by UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_evaluation PRIMARY KEY (id),
    CONSTRAINT ck_evaluation_period CHECK (until_on > from_on),
    CONSTRAINT ck_evaluation_inv_18_third_party CHECK (evaluator_id NOT IN (buyer_id,
        supplier_id)),
    CONSTRAINT ck_evaluation_drafted_whole CHECK ((state IN ('planned', 'in_progress')) = (report
        IS NULL) AND (report IS NULL) = (drafted_at IS NULL)),
    CONSTRAINT ck_evaluation_response_whole CHECK ((response_due_at IS NULL) = (response_rule IS
        NULL) AND (state NOT IN ('response_period', 'final', 'published', 'rectifying', 'closed')
        OR response_due_at IS NOT NULL)),
    CONSTRAINT ck_evaluation_responded_whole CHECK ((response IS NULL) = (responded_at IS NULL)
        AND (response IS NULL) = (responded_by IS NULL)),
    CONSTRAINT ck_evaluation_final_whole CHECK ((state IN ('final', 'published', 'rectifying',
        'closed')) = (finalized_at IS NOT NULL) AND (finalized_at IS NULL) = (finalized_by IS
        NULL) AND (finalized_at IS NULL) = (total IS NULL) AND (finalized_at IS NULL) =
        (body_scores IS NULL) AND (finalized_at IS NULL) = (grade IS NULL) AND (finalized_at IS
        NULL) = (effect IS NULL) AND (finalized_at IS NULL) = (scheme_version IS NULL)),
    CONSTRAINT ck_evaluation_earlier_responses_listed CHECK (jsonb_typeof(earlier_responses) =
        'array'),
    CONSTRAINT ck_evaluation_total_range CHECK (total BETWEEN 0 AND 100),
    CONSTRAINT ck_evaluation_inv_19_after_response CHECK (finalized_at IS NULL OR responded_at IS
        NOT NULL OR finalized_at >= response_due_at),
    CONSTRAINT ck_evaluation_published_whole CHECK ((state IN ('published', 'rectifying',
        'closed')) = (published_at IS NOT NULL) AND (published_at IS NULL) = (published_by IS
        NULL)),
    CONSTRAINT ck_evaluation_inv_18_released_by_another CHECK (published_by <> finalized_by AND
        published_by <> planned_by),
    CONSTRAINT ck_evaluation_closed_whole CHECK ((closed_at IS NOT NULL) = (state = 'closed')),
    CONSTRAINT uq_evaluation_no UNIQUE (no),
    CONSTRAINT fk_evaluation_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_evaluation_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_evaluation_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT fk_evaluation_evaluator_id FOREIGN KEY(evaluator_id) REFERENCES organization (id),
    CONSTRAINT fk_evaluation_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_evaluation_scheme_id FOREIGN KEY(scheme_id) REFERENCES evaluation_scheme (id),
    CONSTRAINT fk_evaluation_planned_by FOREIGN KEY(planned_by) REFERENCES account (id),
    CONSTRAINT fk_evaluation_started_by FOREIGN KEY(started_by) REFERENCES account (id),
    CONSTRAINT fk_evaluation_responded_by FOREIGN KEY(responded_by) REFERENCES account (id),
    CONSTRAINT ck_evaluation_grade_known CHECK (grade IN ('excellent', 'good', 'qualified',
        'unqualified')),
    CONSTRAINT ck_evaluation_effect_known CHECK (effect IN ('priority', 'normal', 'rectification',
        'barred')),
    CONSTRAINT fk_evaluation_finalized_by FOREIGN KEY(finalized_by) REFERENCES account (id),
    CONSTRAINT fk_evaluation_published_by FOREIGN KEY(published_by) REFERENCES account (id),
    CONSTRAINT ck_evaluation_state_known CHECK (state IN ('planned', 'in_progress', 'draft',
        'response_period', 'final', 'published', 'rectifying', 'closed'))
)
;
CREATE INDEX ix_evaluation_area_code ON evaluation (area_code)
;
CREATE INDEX ix_evaluation_buyer_id ON evaluation (buyer_id)
;
CREATE INDEX ix_evaluation_contract_id ON evaluation (contract_id)
;
CREATE INDEX ix_evaluation_created_at ON evaluation (created_at, id)
;
CREATE INDEX ix_evaluation_evaluator_id ON evaluation (evaluator_id)
;
CREATE INDEX ix_evaluation_finalized_by ON evaluation (finalized_by)
;
CREATE INDEX ix_evaluation_planned_by ON evaluation (planned_by)
;
CREATE INDEX ix_evaluation_published_by ON evaluation (published_by)
;
CREATE INDEX ix_evaluation_responded_by ON evaluation (responded_by)
;
CREATE INDEX ix_evaluation_response ON evaluation (response_due_at) WHERE state =
    'response_period' AND response_told_at IS NULL
;
CREATE INDEX ix_evaluation_scheme_id ON evaluation (scheme_id)
;
CREATE INDEX ix_evaluation_started_by ON evaluation (started_by)
;
CREATE INDEX ix_evaluation_supplier_id ON evaluation (supplier_id)
;
CREATE UNIQUE INDEX uq_evaluation_open ON evaluation (contract_id) WHERE state IN ('planned',
    'in_progress', 'draft', 'response_period', 'final')
;
CREATE TABLE evaluation_addendum (
    id UUID NOT NULL,
    evaluation_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    evaluator_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    statement TEXT NOT NULL,
    corrections JSONB NOT NULL,
    total NUMERIC(5, 2) NOT NULL,
    body_scores JSONB NOT NULL,
    grade VARCHAR(40) NOT NULL,
    effect VARCHAR(40) NOT NULL,
    proposed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    proposed_by UUID NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_evaluation_addendum PRIMARY KEY (id),
    CONSTRAINT uq_evaluation_addendum_evaluation_id_position UNIQUE (evaluation_id, position),
    CONSTRAINT ck_evaluation_addendum_position_positive CHECK (position > 0),
    CONSTRAINT ck_evaluation_addendum_total_range CHECK (total BETWEEN 0 AND 100),
    CONSTRAINT ck_evaluation_addendum_corrections_listed CHECK (jsonb_typeof(corrections) =
        'array'),
    CONSTRAINT ck_evaluation_addendum_decided_whole CHECK ((state = 'proposed') = (decided_at IS
        NULL) AND (decided_at IS NULL) = (decided_by IS NULL)),
    CONSTRAINT ck_evaluation_addendum_inv_18_released_by_another CHECK (state <> 'released' OR
        decided_by <> proposed_by),
    CONSTRAINT ck_evaluation_addendum_reason_given CHECK (state <> 'dropped' OR state_reason IS
        NOT NULL),
    CONSTRAINT fk_evaluation_addendum_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES
        evaluation (id),
    CONSTRAINT fk_evaluation_addendum_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_evaluation_addendum_evaluator_id FOREIGN KEY(evaluator_id) REFERENCES
        organization (id),
    CONSTRAINT fk_evaluation_addendum_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_evaluation_addendum_grade_known CHECK (grade IN ('excellent', 'good',
        'qualified', 'unqualified')),
    CONSTRAINT ck_evaluation_addendum_effect_known CHECK (effect IN ('priority', 'normal',
        'rectification', 'barred')),
    CONSTRAINT fk_evaluation_addendum_proposed_by FOREIGN KEY(proposed_by) REFERENCES account
        (id),
    CONSTRAINT fk_evaluation_addendum_decided_by FOREIGN KEY(decided_by) REFERENCES account (id),
    CONSTRAINT ck_evaluation_addendum_state_known CHECK (state IN ('proposed', 'released',
        'dropped'))
)
;
CREATE INDEX ix_evaluation_addendum_area_code ON evaluation_addendum (area_code)
;
CREATE INDEX ix_evaluation_addendum_buyer_id ON evaluation_addendum (buyer_id)
;
CREATE INDEX ix_evaluation_addendum_decided_by ON evaluation_addendum (decided_by)
;
CREATE INDEX ix_evaluation_addendum_evaluator_id ON evaluation_addendum (evaluator_id)
;
CREATE INDEX ix_evaluation_addendum_proposed_at ON evaluation_addendum (proposed_at, id)
;
CREATE INDEX ix_evaluation_addendum_proposed_by ON evaluation_addendum (proposed_by)
;
CREATE UNIQUE INDEX uq_evaluation_addendum_proposed ON evaluation_addendum (evaluation_id) WHERE
    state = 'proposed'
;
CREATE TABLE evaluation_sample (
    id UUID NOT NULL,
    evaluation_id UUID NOT NULL,
    evaluator_id UUID NOT NULL,
    size INTEGER NOT NULL,
    frame UUID[] NOT NULL,
    frame_hash TEXT NOT NULL,
    commitment TEXT NOT NULL,
    seed TEXT NOT NULL,
    committed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    committed_by UUID NOT NULL,
    drawn_at TIMESTAMP WITH TIME ZONE,
    drawn_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_evaluation_sample PRIMARY KEY (id),
    CONSTRAINT ck_evaluation_sample_size_within_frame CHECK (size BETWEEN 1 AND
        cardinality(frame)),
    CONSTRAINT ck_evaluation_sample_frame_hash_shape CHECK (frame_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_evaluation_sample_seed_shape CHECK (seed ~ '^[0-9a-f]{32}$'),
    CONSTRAINT ck_evaluation_sample_seed_committed CHECK (commitment =
        encode(sha256(convert_to(seed, 'UTF8')), 'hex')),
    CONSTRAINT ck_evaluation_sample_drawn_whole CHECK ((state = 'drawn') = (drawn_at IS NOT NULL)
        AND (drawn_at IS NULL) = (drawn_by IS NULL)),
    CONSTRAINT ck_evaluation_sample_committed_first CHECK (drawn_at >= committed_at),
    CONSTRAINT ck_evaluation_sample_reason_given CHECK (state <> 'void' OR state_reason IS NOT
        NULL),
    CONSTRAINT fk_evaluation_sample_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluation
        (id),
    CONSTRAINT fk_evaluation_sample_evaluator_id FOREIGN KEY(evaluator_id) REFERENCES organization
        (id),
    CONSTRAINT fk_evaluation_sample_committed_by FOREIGN KEY(committed_by) REFERENCES account
        (id),
    CONSTRAINT fk_evaluation_sample_drawn_by FOREIGN KEY(drawn_by) REFERENCES account (id),
    CONSTRAINT ck_evaluation_sample_state_known CHECK (state IN ('committed', 'drawn', 'void'))
)
;
CREATE INDEX ix_evaluation_sample_committed_at ON evaluation_sample (committed_at, id)
;
CREATE INDEX ix_evaluation_sample_committed_by ON evaluation_sample (committed_by)
;
CREATE INDEX ix_evaluation_sample_drawn_by ON evaluation_sample (drawn_by)
;
CREATE INDEX ix_evaluation_sample_evaluation_id ON evaluation_sample (evaluation_id)
;
CREATE INDEX ix_evaluation_sample_evaluator_id ON evaluation_sample (evaluator_id)
;
CREATE UNIQUE INDEX uq_evaluation_sample_live ON evaluation_sample (evaluation_id) WHERE state IN
    ('committed', 'drawn')
;
CREATE TABLE evaluation_score (
    id UUID NOT NULL,
    evaluation_id UUID NOT NULL,
    indicator_id UUID NOT NULL,
    body VARCHAR(40) NOT NULL,
    score NUMERIC(5, 2) NOT NULL,
    evidence TEXT NOT NULL,
    fact_ids UUID[] NOT NULL,
    scored_at TIMESTAMP WITH TIME ZONE NOT NULL,
    scored_by UUID NOT NULL,
    CONSTRAINT pk_evaluation_score PRIMARY KEY (id),
    CONSTRAINT uq_evaluation_score_evaluation_id_indicator_id_body UNIQUE (evaluation_id,
        indicator_id, body),
    CONSTRAINT ck_evaluation_score_inv_29_range CHECK (score BETWEEN 0 AND 100),
    CONSTRAINT ck_evaluation_score_evidence_given CHECK (length(btrim(evidence)) > 0),
    CONSTRAINT fk_evaluation_score_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluation
        (id),
    CONSTRAINT fk_evaluation_score_indicator_id FOREIGN KEY(indicator_id) REFERENCES
        scheme_indicator (id),
    CONSTRAINT ck_evaluation_score_body_known CHECK (body IN ('third_party', 'buyer', 'client',
        'committee', 'authority')),
    CONSTRAINT fk_evaluation_score_scored_by FOREIGN KEY(scored_by) REFERENCES account (id)
)
;
CREATE INDEX ix_evaluation_score_indicator_id ON evaluation_score (indicator_id)
;
CREATE INDEX ix_evaluation_score_scored_by ON evaluation_score (scored_by)
;
CREATE TABLE rectification (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    evaluation_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    finding TEXT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    due_rule TEXT NOT NULL,
    escalate_at TIMESTAMP WITH TIME ZONE NOT NULL,
    action TEXT,
    submitted_at TIMESTAMP WITH TIME ZONE,
    submitted_by UUID,
    verified_at TIMESTAMP WITH TIME ZONE,
    verified_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_rectification PRIMARY KEY (id),
    CONSTRAINT ck_rectification_due_ahead CHECK (due_at > created_at AND escalate_at >= due_at),
    CONSTRAINT ck_rectification_submitted_whole CHECK ((action IS NULL) = (submitted_at IS NULL)
        AND (action IS NULL) = (submitted_by IS NULL) AND (state NOT IN ('submitted', 'verified')
        OR action IS NOT NULL)),
    CONSTRAINT ck_rectification_verified_whole CHECK ((state = 'verified') = (verified_at IS NOT
        NULL) AND (verified_at IS NULL) = (verified_by IS NULL)),
    CONSTRAINT ck_rectification_inv_18_verified_by_another CHECK (verified_by <> submitted_by),
    CONSTRAINT uq_rectification_no UNIQUE (no),
    CONSTRAINT fk_rectification_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluation
        (id),
    CONSTRAINT fk_rectification_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_rectification_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT fk_rectification_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_rectification_submitted_by FOREIGN KEY(submitted_by) REFERENCES account (id),
    CONSTRAINT fk_rectification_verified_by FOREIGN KEY(verified_by) REFERENCES account (id),
    CONSTRAINT ck_rectification_state_known CHECK (state IN ('open', 'submitted', 'verified',
        'overdue', 'escalated')),
    CONSTRAINT fk_rectification_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_rectification_area_code ON rectification (area_code)
;
CREATE INDEX ix_rectification_buyer_id ON rectification (buyer_id)
;
CREATE INDEX ix_rectification_created_at ON rectification (created_at, id)
;
CREATE INDEX ix_rectification_created_by ON rectification (created_by)
;
CREATE INDEX ix_rectification_due ON rectification (due_at) WHERE state = 'open'
;
CREATE INDEX ix_rectification_escalate ON rectification (escalate_at) WHERE state = 'overdue'
;
CREATE INDEX ix_rectification_evaluation_id ON rectification (evaluation_id)
;
CREATE INDEX ix_rectification_submitted_by ON rectification (submitted_by)
;
CREATE INDEX ix_rectification_supplier_id ON rectification (supplier_id)
;
CREATE INDEX ix_rectification_verified_by ON rectification (verified_by)
;
CREATE TABLE client_feedback (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    fact_id UUID NOT NULL,
    evaluation_id UUID,
    buyer_id UUID NOT NULL,
    collector_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    way VARCHAR(40) NOT NULL,
    consent_id UUID,
    satisfaction INTEGER,
    text TEXT,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    asked_by UUID NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    ended_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_client_feedback PRIMARY KEY (id),
    CONSTRAINT uq_client_feedback_fact_id_way UNIQUE (fact_id, way),
    CONSTRAINT ck_client_feedback_satisfaction_range CHECK (satisfaction BETWEEN 1 AND 5),
    CONSTRAINT ck_client_feedback_answered_whole CHECK ((state = 'answered') = (satisfaction IS
        NOT NULL) AND (text IS NULL OR state = 'answered')),
    CONSTRAINT ck_client_feedback_ended_whole CHECK ((state = 'asked') = (ended_at IS NULL) AND
        (ended_at IS NULL) = (ended_by IS NULL)),
    CONSTRAINT ck_client_feedback_follow_up_whole CHECK ((way = 'follow_up') = (evaluation_id IS
        NOT NULL) AND (way = 'follow_up') = (consent_id IS NOT NULL)),
    CONSTRAINT fk_client_feedback_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_client_feedback_fact_id FOREIGN KEY(fact_id) REFERENCES service_fact (id),
    CONSTRAINT fk_client_feedback_evaluation_id FOREIGN KEY(evaluation_id) REFERENCES evaluation
        (id),
    CONSTRAINT fk_client_feedback_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_client_feedback_collector_id FOREIGN KEY(collector_id) REFERENCES organization
        (id),
    CONSTRAINT fk_client_feedback_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_client_feedback_way_known CHECK (way IN ('at_delivery', 'follow_up')),
    CONSTRAINT fk_client_feedback_consent_id FOREIGN KEY(consent_id) REFERENCES consent (id),
    CONSTRAINT fk_client_feedback_asked_by FOREIGN KEY(asked_by) REFERENCES account (id),
    CONSTRAINT fk_client_feedback_ended_by FOREIGN KEY(ended_by) REFERENCES account (id),
    CONSTRAINT ck_client_feedback_state_known CHECK (state IN ('asked', 'answered', 'declined',
        'unreachable'))
)
;
CREATE INDEX ix_client_feedback_area_code ON client_feedback (area_code)
;
CREATE INDEX ix_client_feedback_asked_at ON client_feedback (asked_at, id)
;
CREATE INDEX ix_client_feedback_asked_by ON client_feedback (asked_by)
;
CREATE INDEX ix_client_feedback_buyer_id ON client_feedback (buyer_id)
;
CREATE INDEX ix_client_feedback_collector_id ON client_feedback (collector_id)
;
CREATE INDEX ix_client_feedback_consent_id ON client_feedback (consent_id)
;
CREATE INDEX ix_client_feedback_contract_id ON client_feedback (contract_id)
;
CREATE INDEX ix_client_feedback_ended_by ON client_feedback (ended_by)
;
CREATE INDEX ix_client_feedback_evaluation_id ON client_feedback (evaluation_id)
;
CREATE INDEX ix_client_feedback_fact_id ON client_feedback (fact_id)
;
CREATE TABLE sample_item (
    id UUID NOT NULL,
    sample_id UUID NOT NULL,
    position INTEGER NOT NULL,
    fact_id UUID NOT NULL,
    finding VARCHAR(40),
    note TEXT,
    found_at TIMESTAMP WITH TIME ZONE,
    found_by UUID,
    CONSTRAINT pk_sample_item PRIMARY KEY (id),
    CONSTRAINT uq_sample_item_sample_id_position UNIQUE (sample_id, position),
    CONSTRAINT uq_sample_item_sample_id_fact_id UNIQUE (sample_id, fact_id),
    CONSTRAINT ck_sample_item_position_positive CHECK (position > 0),
    CONSTRAINT ck_sample_item_finding_whole CHECK ((finding IS NULL) = (found_at IS NULL) AND
        (finding IS NULL) = (found_by IS NULL) AND ((finding IN ('doubtful', 'unfounded')) IS NOT
        TRUE OR note IS NOT NULL)),
    CONSTRAINT fk_sample_item_sample_id FOREIGN KEY(sample_id) REFERENCES evaluation_sample (id),
    CONSTRAINT fk_sample_item_fact_id FOREIGN KEY(fact_id) REFERENCES service_fact (id),
    CONSTRAINT ck_sample_item_finding_known CHECK (finding IN ('confirmed', 'doubtful',
        'unfounded')),
    CONSTRAINT fk_sample_item_found_by FOREIGN KEY(found_by) REFERENCES account (id)
)
;
CREATE INDEX ix_sample_item_fact_id ON sample_item (fact_id)
;
CREATE INDEX ix_sample_item_found_by ON sample_item (found_by)
"""

WHOLE = """
CREATE FUNCTION scheme_is_whole() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
    key uuid := coalesce(changed->>'scheme_id', changed->>'id')::uuid;
    broken text;
BEGIN
    IF NOT EXISTS (SELECT 1 FROM evaluation_scheme WHERE id = key) THEN
        RETURN NULL;
    END IF;
    SELECT CASE
        WHEN (SELECT sum(weight) FROM scheme_body WHERE scheme_id = key) IS DISTINCT FROM 100
            THEN 'bodies'
        WHEN (SELECT count(*) FROM scheme_body WHERE scheme_id = key
                AND kind IN ('third_party', 'buyer', 'client')) <> 3
            THEN 'bodies_heard'
        WHEN (SELECT count(*) FROM scheme_grade WHERE scheme_id = key) <> 4
            OR (SELECT array_agg(grade::text ORDER BY from_total) FROM scheme_grade
                WHERE scheme_id = key)
                <> ARRAY['unqualified', 'qualified', 'good', 'excellent']
            THEN 'grades'
        WHEN NOT EXISTS (SELECT 1 FROM scheme_indicator WHERE scheme_id = key)
            OR EXISTS (SELECT 1 FROM scheme_indicator WHERE scheme_id = key
                GROUP BY parent_id HAVING sum(weight) <> 100)
            THEN 'indicators'
        WHEN EXISTS (SELECT 1 FROM scheme_indicator one WHERE one.scheme_id = key
                AND (cardinality(one.bodies) = 0) IS DISTINCT FROM EXISTS (
                    SELECT 1 FROM scheme_indicator child WHERE child.parent_id = one.id))
            THEN 'leaves'
        WHEN EXISTS (SELECT 1 FROM scheme_indicator one JOIN scheme_indicator above
                ON above.id = one.parent_id WHERE one.scheme_id = key
                AND (above.scheme_id <> key OR above.aspect <> one.aspect))
            THEN 'tree'
        WHEN (SELECT array_agg(DISTINCT each::text ORDER BY each::text)
                FROM scheme_indicator, unnest(bodies) AS each WHERE scheme_id = key)
            IS DISTINCT FROM
            (SELECT array_agg(kind::text ORDER BY kind::text) FROM scheme_body
                WHERE scheme_id = key)
            THEN 'bodies_score'
        END INTO broken;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'the scheme is not whole: %', broken
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_29_' || broken,
                TABLE = 'evaluation_scheme';
    END IF;
    RETURN NULL;
END
$$
"""

STAYS = """
CREATE FUNCTION scheme_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    changed jsonb := to_jsonb(coalesce(NEW, OLD));
BEGIN
    IF TG_TABLE_NAME = 'evaluation_scheme' THEN
        IF OLD.state <> 'draft' AND (OLD.title, OLD.least_answers, OLD.adopted_at, OLD.adopted_by)
            IS DISTINCT FROM (NEW.title, NEW.least_answers, NEW.adopted_at, NEW.adopted_by)
        THEN
            RAISE EXCEPTION 'the scheme is in force'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_29_in_force',
                    TABLE = 'evaluation_scheme';
        END IF;
        RETURN NEW;
    END IF;
    IF (SELECT state FROM evaluation_scheme WHERE id = (changed->>'scheme_id')::uuid) <> 'draft'
    THEN
        RAISE EXCEPTION 'the scheme is in force'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_29_in_force',
                TABLE = 'evaluation_scheme';
    END IF;
    RETURN coalesce(NEW, OLD);
END
$$
"""

IN_TIME = """
CREATE FUNCTION scores_are_in_time() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM evaluation
            WHERE id = NEW.evaluation_id AND state IN ('in_progress', 'draft'))
    THEN
        RAISE EXCEPTION 'the evaluation takes no scores'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_19_scores_in_time',
                TABLE = 'evaluation_score';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM evaluation JOIN scheme_indicator USING (scheme_id)
            WHERE evaluation.id = NEW.evaluation_id
                AND scheme_indicator.id = NEW.indicator_id
                AND NEW.body = ANY (scheme_indicator.bodies))
    THEN
        RAISE EXCEPTION 'the body scores no such leaf in this scheme'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_29_leaf_of_body',
                TABLE = 'evaluation_score';
    END IF;
    RETURN NEW;
END
$$
"""

FINAL = """
CREATE FUNCTION evaluation_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (OLD.report, OLD.response, OLD.earlier_responses, OLD.responded_at, OLD.response_due_at,
            OLD.total, OLD.body_scores, OLD.grade, OLD.effect, OLD.scheme_version,
            OLD.finalized_at, OLD.finalized_by)
        IS DISTINCT FROM
        (NEW.report, NEW.response, NEW.earlier_responses, NEW.responded_at, NEW.response_due_at,
            NEW.total, NEW.body_scores, NEW.grade, NEW.effect, NEW.scheme_version,
            NEW.finalized_at, NEW.finalized_by)
    THEN
        RAISE EXCEPTION 'the evaluation is final'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_21_final',
                TABLE = 'evaluation';
    END IF;
    RETURN NEW;
END
$$
"""

MOVED = "state, state_reason, version"
CHANGED = {
    "evaluation_scheme": f"title, least_answers, adopted_at, adopted_by, {MOVED}",
    "evaluation": (
        "started_by, report, drafted_at, response_due_at, response_rule, response_told_at, "
        "response, responded_at, responded_by, earlier_responses, total, body_scores, grade, "
        "effect, scheme_version, finalized_at, finalized_by, published_at, published_by, "
        f"closed_at, {MOVED}"
    ),
    "evaluation_score": "score, evidence, fact_ids, scored_at, scored_by",
    "evaluation_sample": f"drawn_at, drawn_by, {MOVED}",
    "sample_item": "finding, note, found_at, found_by",
    "client_feedback": f"satisfaction, text, ended_at, ended_by, {MOVED}",
    "evaluation_addendum": f"decided_at, decided_by, {MOVED}",
    "rectification": f"action, submitted_at, submitted_by, verified_at, verified_by, {MOVED}",
}
PARTS = ("scheme_body", "scheme_grade", "scheme_indicator")

TEMPLATE = "01900000-0000-7000-8000-000000000025"
"""To be confirmed by the operator: buyers copy it, change it, and adopt their own."""
BODIES = {"third_party": 50, "buyer": 20, "client": 30}
GRADES = {
    "excellent": (90, "priority"),
    "good": (80, "normal"),
    "qualified": (60, "rectification"),
    "unqualified": (0, "barred"),
}
INDICATORS = (
    ("D", None, "决策", "decision", 10, ()),
    ("D1", "D", "立项与需求依据", "decision", 60, ("third_party", "buyer")),
    ("D2", "D", "目标明确可衡量", "decision", 40, ("third_party",)),
    ("P", None, "过程", "process", 20, ()),
    ("P1", "P", "人员与资质", "process", 25, ("third_party",)),
    ("P2", "P", "服务记录真实完整", "process", 35, ("third_party",)),
    ("P3", "P", "合同与资金管理", "process", 20, ("third_party", "buyer")),
    ("P4", "P", "信息保护与投诉处理", "process", 20, ("third_party", "buyer")),
    ("O", None, "产出", "output", 30, ()),
    ("O1", "O", "数量完成", "output", 40, ("third_party", "buyer")),
    ("O2", "O", "时效", "output", 25, ("buyer",)),
    ("O3", "O", "质量(抽样核实)", "output", 35, ("third_party",)),
    ("B", None, "效益", "benefit", 20, ()),
    ("B1", "B", "对象困难改善", "benefit", 60, ("third_party", "buyer")),
    ("B2", "B", "资源链接与可持续", "benefit", 40, ("third_party",)),
    ("S", None, "满意度", "satisfaction", 20, ()),
    ("S1", "S", "服务对象满意度", "satisfaction", 100, ("client",)),
)


def _template() -> list[str]:
    """The statements that put the template in."""
    key = {code: f"{TEMPLATE[:-4]}{place:02d}25" for place, (code, *_) in enumerate(INDICATORS, 1)}
    keys = {None: "NULL", **{code: f"'{each}'" for code, each in key.items()}}
    bodies = ", ".join(f"('{TEMPLATE}', '{kind}', {weight})" for kind, weight in BODIES.items())
    grades = ", ".join(f"('{TEMPLATE}', '{g}', {start}, '{e}')" for g, (start, e) in GRADES.items())
    return [
        "INSERT INTO evaluation_scheme (id, code, revision, title, source, least_answers, state, "
        f"version, created_at) VALUES ('{TEMPLATE}', 'SERVICE', 1, '购买服务绩效评价(模板)', "
        "'决策、过程、产出、效益、满意度五个方面', 5, 'draft', 1, now())",
        f"INSERT INTO scheme_body (scheme_id, kind, weight) VALUES {bodies}",
        f"INSERT INTO scheme_grade (scheme_id, grade, from_total, effect) VALUES {grades}",
        *(
            "INSERT INTO scheme_indicator (id, scheme_id, parent_id, position, code, title, "
            f"aspect, weight, bodies) VALUES ({keys[code]}, '{TEMPLATE}', "
            f"{keys[above]}, {place}, '{code}', '{title}', "
            f"'{aspect}', {weight}, '{{{','.join(scored)}}}')"
            for place, (code, above, title, aspect, weight, scored) in enumerate(INDICATORS, 1)
        ),
    ]


def upgrade() -> None:
    """Tables, what must be whole, what stays as it is, grants, and the template."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for function, body in (
        ("scheme_is_whole", WHOLE),
        ("scheme_stays", STAYS),
        ("scores_are_in_time", IN_TIME),
        ("evaluation_stays", FINAL),
    ):
        run(body)
        run(f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    for table in ("evaluation_scheme", *PARTS):
        run(
            f"CREATE CONSTRAINT TRIGGER {table}_whole AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION scheme_is_whole()"
        )
    for table in PARTS:
        run(
            f"CREATE TRIGGER {table}_stays BEFORE INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION scheme_stays()"
        )
    for statement in (
        "CREATE TRIGGER evaluation_scheme_stays BEFORE UPDATE ON evaluation_scheme "
        "FOR EACH ROW EXECUTE FUNCTION scheme_stays()",
        "CREATE TRIGGER evaluation_score_in_time BEFORE INSERT OR UPDATE ON evaluation_score "
        "FOR EACH ROW EXECUTE FUNCTION scores_are_in_time()",
        "CREATE TRIGGER evaluation_stays BEFORE UPDATE ON evaluation FOR EACH ROW "
        "WHEN (OLD.finalized_at IS NOT NULL) EXECUTE FUNCTION evaluation_stays()",
        f"REVOKE UPDATE, DELETE ON {', '.join((*CHANGED, *PARTS))}, organization_tie "
        "FROM nexus_app",
        *(
            f"GRANT UPDATE ({columns}) ON {table} TO nexus_app"
            for table, columns in CHANGED.items()
        ),
        f"GRANT DELETE ON {', '.join(PARTS)} TO nexus_app",
        "CREATE TRIGGER organization_tie_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON organization_tie FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
        *_template(),
        "SET CONSTRAINTS ALL IMMEDIATE",
    ):
        run(statement)
