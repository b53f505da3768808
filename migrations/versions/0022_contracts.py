"""Procurements with suppliers' lists, contracts with milestones, and the sums that must hold."""

from alembic import op

revision = "0022"
down_revision = "0021"

TABLES = r"""
CREATE TABLE supplier_list (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    title TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    terms TEXT NOT NULL,
    buyer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_supplier_list PRIMARY KEY (id),
    CONSTRAINT ck_supplier_list_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_supplier_list_reason_given CHECK (state <> 'ended' OR state_reason IS NOT
        NULL),
    CONSTRAINT uq_supplier_list_no UNIQUE (no),
    CONSTRAINT ck_supplier_list_kind_known CHECK (kind IN ('framework', 'open_call')),
    CONSTRAINT fk_supplier_list_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_supplier_list_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_supplier_list_state_known CHECK (state IN ('draft', 'open', 'closed',
        'ended')),
    CONSTRAINT fk_supplier_list_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_supplier_list_area_code ON supplier_list (area_code)
;
CREATE INDEX ix_supplier_list_buyer_id ON supplier_list (buyer_id)
;
CREATE INDEX ix_supplier_list_created_at ON supplier_list (created_at, id)
;
CREATE INDEX ix_supplier_list_created_by ON supplier_list (created_by)
;
CREATE TABLE supplier_list_item (
    list_id UUID NOT NULL,
    catalogue_item_id UUID NOT NULL,
    CONSTRAINT pk_supplier_list_item PRIMARY KEY (list_id, catalogue_item_id),
    CONSTRAINT fk_supplier_list_item_list_id FOREIGN KEY(list_id) REFERENCES supplier_list (id),
    CONSTRAINT fk_supplier_list_item_catalogue_item_id FOREIGN KEY(catalogue_item_id) REFERENCES
        catalogue_item (id)
)
;
CREATE INDEX ix_supplier_list_item_catalogue_item_id ON supplier_list_item (catalogue_item_id)
;
CREATE TABLE supplier_admission (
    id UUID NOT NULL,
    list_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    statement TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    applied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    applied_by UUID NOT NULL,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    version INTEGER NOT NULL,
    CONSTRAINT pk_supplier_admission PRIMARY KEY (id),
    CONSTRAINT ck_supplier_admission_decided_whole CHECK ((decided_at IS NULL) = (decided_by IS
        NULL) AND (state IN ('applied', 'withdrawn') OR decided_at IS NOT NULL)),
    CONSTRAINT ck_supplier_admission_reason_given CHECK (state NOT IN ('refused', 'suspended',
        'removed') OR state_reason IS NOT NULL),
    CONSTRAINT fk_supplier_admission_list_id FOREIGN KEY(list_id) REFERENCES supplier_list (id),
    CONSTRAINT fk_supplier_admission_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization
        (id),
    CONSTRAINT fk_supplier_admission_supplier_id FOREIGN KEY(supplier_id) REFERENCES
        organization (id),
    CONSTRAINT ck_supplier_admission_state_known CHECK (state IN ('applied', 'admitted',
        'suspended', 'refused', 'withdrawn', 'removed')),
    CONSTRAINT fk_supplier_admission_applied_by FOREIGN KEY(applied_by) REFERENCES account (id),
    CONSTRAINT fk_supplier_admission_decided_by FOREIGN KEY(decided_by) REFERENCES account (id)
)
;
CREATE INDEX ix_supplier_admission_applied_at ON supplier_admission (applied_at, id)
;
CREATE INDEX ix_supplier_admission_applied_by ON supplier_admission (applied_by)
;
CREATE INDEX ix_supplier_admission_buyer_id ON supplier_admission (buyer_id)
;
CREATE INDEX ix_supplier_admission_decided_by ON supplier_admission (decided_by)
;
CREATE INDEX ix_supplier_admission_list_id ON supplier_admission (list_id)
;
CREATE INDEX ix_supplier_admission_supplier_id ON supplier_admission (supplier_id)
;
CREATE UNIQUE INDEX uq_supplier_admission_live ON supplier_admission (list_id, supplier_id)
    WHERE state IN ('applied', 'admitted', 'suspended')
;
CREATE TABLE supplier_standing (
    id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    year INTEGER NOT NULL,
    effect VARCHAR(40) NOT NULL,
    grade TEXT NOT NULL,
    source_type TEXT NOT NULL,
    source_id UUID NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    CONSTRAINT pk_supplier_standing PRIMARY KEY (id),
    CONSTRAINT ck_supplier_standing_year CHECK (year BETWEEN 2000 AND 2200),
    CONSTRAINT uq_supplier_standing_source_id_supplier_id_recorded_at UNIQUE (source_id,
        supplier_id, recorded_at),
    CONSTRAINT fk_supplier_standing_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization
        (id),
    CONSTRAINT fk_supplier_standing_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_supplier_standing_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_supplier_standing_effect_known CHECK (effect IN ('priority', 'normal',
        'rectification', 'barred'))
)
;
CREATE INDEX ix_supplier_standing_area_code ON supplier_standing (area_code)
;
CREATE INDEX ix_supplier_standing_buyer_id ON supplier_standing (buyer_id)
;
CREATE INDEX ix_supplier_standing_holds ON supplier_standing (supplier_id, buyer_id, year)
;
CREATE INDEX ix_supplier_standing_recorded_at ON supplier_standing (recorded_at, id)
;
CREATE INDEX ix_supplier_standing_supplier_id ON supplier_standing (supplier_id)
;
CREATE TABLE procurement (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    ocid TEXT NOT NULL,
    title TEXT NOT NULL,
    rationale TEXT NOT NULL,
    method VARCHAR(40) NOT NULL,
    method_details TEXT,
    buyer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    list_id UUID,
    value_fen BIGINT NOT NULL,
    tender_starts_on DATE,
    tender_ends_on DATE,
    contract_starts_on DATE,
    contract_ends_on DATE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    published_at TIMESTAMP WITH TIME ZONE,
    ended_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_procurement PRIMARY KEY (id),
    CONSTRAINT ck_procurement_ocid_shape CHECK (ocid ~ '^ocds-[0-9a-z]{6}-.+'),
    CONSTRAINT ck_procurement_value_not_negative CHECK (value_fen >= 0),
    CONSTRAINT ck_procurement_tender_period CHECK ((tender_starts_on IS NULL) = (tender_ends_on
        IS NULL) AND tender_ends_on > tender_starts_on),
    CONSTRAINT ck_procurement_contract_period CHECK ((contract_starts_on IS NULL) =
        (contract_ends_on IS NULL) AND contract_ends_on > contract_starts_on),
    CONSTRAINT ck_procurement_published_whole CHECK (state NOT IN ('tender', 'award',
        'contracted', 'unsuccessful') OR (published_at IS NOT NULL AND tender_ends_on IS NOT
        NULL AND value_fen > 0)),
    CONSTRAINT ck_procurement_ended_whole CHECK ((ended_at IS NOT NULL) = (state IN
        ('unsuccessful', 'cancelled', 'withdrawn')) AND (ended_at IS NULL OR state_reason IS NOT
        NULL)),
    CONSTRAINT uq_procurement_no UNIQUE (no),
    CONSTRAINT uq_procurement_ocid UNIQUE (ocid),
    CONSTRAINT ck_procurement_method_known CHECK (method IN ('open', 'selective', 'limited',
        'direct')),
    CONSTRAINT fk_procurement_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_procurement_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_procurement_list_id FOREIGN KEY(list_id) REFERENCES supplier_list (id),
    CONSTRAINT ck_procurement_state_known CHECK (state IN ('planning', 'tender', 'award',
        'contracted', 'unsuccessful', 'cancelled', 'withdrawn')),
    CONSTRAINT fk_procurement_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_procurement_area_code ON procurement (area_code)
;
CREATE INDEX ix_procurement_buyer_id ON procurement (buyer_id)
;
CREATE INDEX ix_procurement_created_at ON procurement (created_at, id)
;
CREATE INDEX ix_procurement_created_by ON procurement (created_by)
;
CREATE INDEX ix_procurement_list_id ON procurement (list_id)
;
CREATE TABLE procurement_item (
    id UUID NOT NULL,
    procurement_id UUID NOT NULL,
    position INTEGER NOT NULL,
    catalogue_item_id UUID NOT NULL,
    budget_line_id UUID NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    unit TEXT NOT NULL,
    unit_price_fen BIGINT NOT NULL,
    value_fen BIGINT NOT NULL,
    CONSTRAINT pk_procurement_item PRIMARY KEY (id),
    CONSTRAINT uq_procurement_item_procurement_id_position UNIQUE (procurement_id, position),
    CONSTRAINT ck_procurement_item_position_positive CHECK (position > 0),
    CONSTRAINT ck_procurement_item_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_procurement_item_unit_price_positive CHECK (unit_price_fen > 0),
    CONSTRAINT ck_procurement_item_value CHECK (value_fen = round(quantity * unit_price_fen)),
    CONSTRAINT fk_procurement_item_procurement_id FOREIGN KEY(procurement_id) REFERENCES
        procurement (id),
    CONSTRAINT fk_procurement_item_catalogue_item_id FOREIGN KEY(catalogue_item_id) REFERENCES
        catalogue_item (id),
    CONSTRAINT fk_procurement_item_budget_line_id FOREIGN KEY(budget_line_id) REFERENCES
        budget_line (id)
)
;
CREATE INDEX ix_procurement_item_budget_line_id ON procurement_item (budget_line_id)
;
CREATE INDEX ix_procurement_item_catalogue_item_id ON procurement_item (catalogue_item_id)
;
CREATE TABLE procurement_gap (
    procurement_id UUID NOT NULL,
    gap_id UUID NOT NULL,
    linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    linked_by UUID NOT NULL,
    CONSTRAINT pk_procurement_gap PRIMARY KEY (procurement_id, gap_id),
    CONSTRAINT fk_procurement_gap_procurement_id FOREIGN KEY(procurement_id) REFERENCES
        procurement (id),
    CONSTRAINT fk_procurement_gap_gap_id FOREIGN KEY(gap_id) REFERENCES gap (id),
    CONSTRAINT fk_procurement_gap_linked_by FOREIGN KEY(linked_by) REFERENCES account (id)
)
;
CREATE INDEX ix_procurement_gap_gap_id ON procurement_gap (gap_id)
;
CREATE INDEX ix_procurement_gap_linked_by ON procurement_gap (linked_by)
;
CREATE TABLE bid (
    id UUID NOT NULL,
    procurement_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    value_fen BIGINT NOT NULL,
    statement TEXT NOT NULL,
    opens_on DATE NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    submitted_by UUID NOT NULL,
    decided_by UUID,
    version INTEGER NOT NULL,
    CONSTRAINT pk_bid PRIMARY KEY (id),
    CONSTRAINT ck_bid_value_positive CHECK (value_fen > 0),
    CONSTRAINT ck_bid_decided CHECK ((decided_by IS NOT NULL) = (state IN ('valid',
        'disqualified'))),
    CONSTRAINT ck_bid_reason_given CHECK (state <> 'disqualified' OR state_reason IS NOT NULL),
    CONSTRAINT fk_bid_procurement_id FOREIGN KEY(procurement_id) REFERENCES procurement (id),
    CONSTRAINT fk_bid_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_bid_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT ck_bid_state_known CHECK (state IN ('submitted', 'valid', 'disqualified',
        'withdrawn')),
    CONSTRAINT fk_bid_submitted_by FOREIGN KEY(submitted_by) REFERENCES account (id),
    CONSTRAINT fk_bid_decided_by FOREIGN KEY(decided_by) REFERENCES account (id)
)
;
CREATE INDEX ix_bid_buyer_id ON bid (buyer_id)
;
CREATE INDEX ix_bid_decided_by ON bid (decided_by)
;
CREATE INDEX ix_bid_procurement_id ON bid (procurement_id)
;
CREATE INDEX ix_bid_submitted_at ON bid (submitted_at, id)
;
CREATE INDEX ix_bid_submitted_by ON bid (submitted_by)
;
CREATE INDEX ix_bid_supplier_id ON bid (supplier_id)
;
CREATE UNIQUE INDEX uq_bid_live ON bid (procurement_id, supplier_id) WHERE state IN
    ('submitted', 'valid')
;
CREATE TABLE award (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    procurement_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    bid_id UUID,
    value_fen BIGINT NOT NULL,
    rationale TEXT NOT NULL,
    awarded_on DATE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    decided_by UUID,
    version INTEGER NOT NULL,
    CONSTRAINT pk_award PRIMARY KEY (id),
    CONSTRAINT ck_award_value_positive CHECK (value_fen > 0),
    CONSTRAINT ck_award_inv_18_second_person CHECK (awarded_on IS NULL OR decided_by IS DISTINCT
        FROM created_by),
    CONSTRAINT ck_award_decided_whole CHECK ((state <> 'active' OR awarded_on IS NOT NULL) AND
        (awarded_on IS NULL OR state IN ('active', 'cancelled')) AND (state = 'pending') =
        (decided_by IS NULL)),
    CONSTRAINT ck_award_reason_given CHECK (state NOT IN ('unsuccessful', 'cancelled') OR
        state_reason IS NOT NULL),
    CONSTRAINT uq_award_no UNIQUE (no),
    CONSTRAINT fk_award_procurement_id FOREIGN KEY(procurement_id) REFERENCES procurement (id),
    CONSTRAINT fk_award_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_award_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT fk_award_bid_id FOREIGN KEY(bid_id) REFERENCES bid (id),
    CONSTRAINT ck_award_state_known CHECK (state IN ('pending', 'active', 'unsuccessful',
        'cancelled')),
    CONSTRAINT fk_award_created_by FOREIGN KEY(created_by) REFERENCES account (id),
    CONSTRAINT fk_award_decided_by FOREIGN KEY(decided_by) REFERENCES account (id)
)
;
CREATE INDEX ix_award_bid_id ON award (bid_id)
;
CREATE INDEX ix_award_buyer_id ON award (buyer_id)
;
CREATE INDEX ix_award_created_at ON award (created_at, id)
;
CREATE INDEX ix_award_created_by ON award (created_by)
;
CREATE INDEX ix_award_decided_by ON award (decided_by)
;
CREATE INDEX ix_award_procurement_id ON award (procurement_id)
;
CREATE INDEX ix_award_supplier_id ON award (supplier_id)
;
CREATE UNIQUE INDEX uq_award_live ON award (procurement_id, supplier_id) WHERE state IN
    ('pending', 'active')
;
CREATE TABLE contract (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    procurement_id UUID NOT NULL,
    award_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    manager_id UUID NOT NULL,
    title TEXT NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE NOT NULL,
    value_fen BIGINT NOT NULL,
    data_protection_clause TEXT NOT NULL,
    term_reasons TEXT[] NOT NULL,
    term_months INTEGER NOT NULL,
    reasoned_term_months INTEGER NOT NULL,
    term_rule TEXT NOT NULL,
    signed_on DATE,
    signed_by UUID,
    publish_due_at TIMESTAMP WITH TIME ZONE,
    publish_rule TEXT,
    published_on DATE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    edition INTEGER NOT NULL,
    version INTEGER NOT NULL,
    ended_at TIMESTAMP WITH TIME ZONE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_contract PRIMARY KEY (id),
    CONSTRAINT ck_contract_value_positive CHECK (value_fen > 0),
    CONSTRAINT ck_contract_period CHECK (ends_on > starts_on),
    CONSTRAINT ck_contract_two_parties CHECK (buyer_id <> supplier_id),
    CONSTRAINT ck_contract_data_protected CHECK (length(btrim(data_protection_clause)) > 0),
    CONSTRAINT ck_contract_term_reasons_known CHECK (term_reasons <@ ARRAY['fixed_content',
        'continuity', 'stable_funding', 'stable_price']),
    CONSTRAINT ck_contract_inv_26_term CHECK (ends_on <= starts_on + make_interval(months =>
        term_months) OR (term_reasons @> ARRAY['fixed_content', 'continuity', 'stable_funding',
        'stable_price'] AND ends_on <= starts_on + make_interval(months =>
        reasoned_term_months))),
    CONSTRAINT ck_contract_signed_whole CHECK ((state IN ('pending', 'cancelled',
        'unsuccessful')) = (signed_on IS NULL) AND (signed_on IS NULL) = (signed_by IS NULL) AND
        (signed_on IS NULL) = (publish_due_at IS NULL) AND (signed_on IS NULL) = (publish_rule
        IS NULL)),
    CONSTRAINT ck_contract_published_after_signing CHECK (published_on >= signed_on),
    CONSTRAINT ck_contract_published_signed CHECK (published_on IS NULL OR signed_on IS NOT
        NULL),
    CONSTRAINT ck_contract_inv_18_second_person CHECK (signed_by IS DISTINCT FROM created_by),
    CONSTRAINT ck_contract_ended_whole CHECK ((ended_at IS NOT NULL) = (state IN
        ('terminated_successfully', 'terminated_early', 'cancelled', 'unsuccessful'))),
    CONSTRAINT ck_contract_reason_given CHECK (state NOT IN ('suspended', 'terminated_early',
        'cancelled', 'unsuccessful') OR state_reason IS NOT NULL),
    CONSTRAINT ck_contract_edition_positive CHECK (edition > 0),
    CONSTRAINT uq_contract_no UNIQUE (no),
    CONSTRAINT fk_contract_procurement_id FOREIGN KEY(procurement_id) REFERENCES procurement
        (id),
    CONSTRAINT fk_contract_award_id FOREIGN KEY(award_id) REFERENCES award (id),
    CONSTRAINT fk_contract_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_contract_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT fk_contract_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_contract_manager_id FOREIGN KEY(manager_id) REFERENCES account (id),
    CONSTRAINT fk_contract_signed_by FOREIGN KEY(signed_by) REFERENCES account (id),
    CONSTRAINT ck_contract_state_known CHECK (state IN ('pending', 'active', 'suspended',
        'terminated_successfully', 'terminated_early', 'cancelled', 'unsuccessful')),
    CONSTRAINT fk_contract_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_contract_area_code ON contract (area_code)
;
CREATE INDEX ix_contract_award_id ON contract (award_id)
;
CREATE INDEX ix_contract_buyer_id ON contract (buyer_id)
;
CREATE INDEX ix_contract_created_at ON contract (created_at, id)
;
CREATE INDEX ix_contract_created_by ON contract (created_by)
;
CREATE INDEX ix_contract_manager_id ON contract (manager_id)
;
CREATE INDEX ix_contract_procurement_id ON contract (procurement_id)
;
CREATE INDEX ix_contract_running ON contract (ends_on) WHERE ended_at IS NULL
;
CREATE INDEX ix_contract_signed_by ON contract (signed_by)
;
CREATE INDEX ix_contract_supplier_id ON contract (supplier_id)
;
CREATE INDEX ix_contract_to_publish ON contract (publish_due_at) WHERE published_on IS NULL AND
    signed_on IS NOT NULL
;
CREATE UNIQUE INDEX uq_contract_live ON contract (award_id) WHERE state NOT IN ('cancelled',
    'unsuccessful')
;
CREATE TABLE contract_item (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    position INTEGER NOT NULL,
    catalogue_item_id UUID NOT NULL,
    budget_line_id UUID NOT NULL,
    unit TEXT NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    unit_price_fen BIGINT NOT NULL,
    value_fen BIGINT NOT NULL,
    fact_kind VARCHAR(40) NOT NULL,
    CONSTRAINT pk_contract_item PRIMARY KEY (id),
    CONSTRAINT uq_contract_item_contract_id_position UNIQUE (contract_id, position),
    CONSTRAINT ck_contract_item_position_positive CHECK (position > 0),
    CONSTRAINT ck_contract_item_quantity_not_negative CHECK (quantity >= 0),
    CONSTRAINT ck_contract_item_unit_price_positive CHECK (unit_price_fen > 0),
    CONSTRAINT ck_contract_item_inv_24_value CHECK (value_fen = round(quantity *
        unit_price_fen)),
    CONSTRAINT fk_contract_item_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_contract_item_catalogue_item_id FOREIGN KEY(catalogue_item_id) REFERENCES
        catalogue_item (id),
    CONSTRAINT fk_contract_item_budget_line_id FOREIGN KEY(budget_line_id) REFERENCES
        budget_line (id),
    CONSTRAINT ck_contract_item_fact_kind_known CHECK (fact_kind IN ('visit', 'case',
        'delivery', 'service_record', 'session'))
)
;
CREATE INDEX ix_contract_item_budget_line_id ON contract_item (budget_line_id)
;
CREATE INDEX ix_contract_item_catalogue_item_id ON contract_item (catalogue_item_id)
;
CREATE TABLE contract_target (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    position INTEGER NOT NULL,
    item_id UUID,
    metric VARCHAR(40) NOT NULL,
    title TEXT NOT NULL,
    target_value NUMERIC(14, 3) NOT NULL,
    CONSTRAINT pk_contract_target PRIMARY KEY (id),
    CONSTRAINT uq_contract_target_contract_id_position UNIQUE (contract_id, position),
    CONSTRAINT ck_contract_target_position_positive CHECK (position > 0),
    CONSTRAINT ck_contract_target_target_value_not_negative CHECK (target_value >= 0),
    CONSTRAINT ck_contract_target_satisfaction CHECK (metric <> 'satisfaction' OR target_value
        BETWEEN 1 AND 5),
    CONSTRAINT ck_contract_target_quantity_of_item CHECK (metric <> 'quantity' OR item_id IS NOT
        NULL),
    CONSTRAINT fk_contract_target_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_contract_target_item_id FOREIGN KEY(item_id) REFERENCES contract_item (id),
    CONSTRAINT ck_contract_target_metric_known CHECK (metric IN ('quantity', 'facts',
        'households', 'satisfaction'))
)
;
CREATE INDEX ix_contract_target_item_id ON contract_target (item_id)
;
CREATE TABLE milestone (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    position INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    title TEXT NOT NULL,
    due_on DATE NOT NULL,
    value_fen BIGINT NOT NULL,
    accepted_fen BIGINT NOT NULL,
    paid_fen BIGINT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    met_on DATE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_milestone PRIMARY KEY (id),
    CONSTRAINT uq_milestone_contract_id_position UNIQUE (contract_id, position),
    CONSTRAINT ck_milestone_position_positive CHECK (position > 0),
    CONSTRAINT ck_milestone_value_not_negative CHECK (value_fen >= 0),
    CONSTRAINT ck_milestone_paid_not_negative CHECK (paid_fen >= 0),
    CONSTRAINT ck_milestone_inv_24_accepted CHECK (accepted_fen <= value_fen),
    CONSTRAINT ck_milestone_inv_24_paid CHECK (paid_fen <= accepted_fen),
    CONSTRAINT ck_milestone_met_whole CHECK ((met_on IS NOT NULL) = (state IN ('met',
        'partially_met'))),
    CONSTRAINT ck_milestone_accepted_is_met CHECK (accepted_fen = 0 OR state IN ('met',
        'partially_met')),
    CONSTRAINT fk_milestone_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_milestone_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT ck_milestone_kind_known CHECK (kind IN ('delivery', 'reporting', 'assessment',
        'payment')),
    CONSTRAINT ck_milestone_state_known CHECK (state IN ('scheduled', 'met', 'partially_met',
        'not_met'))
)
;
CREATE INDEX ix_milestone_buyer_id ON milestone (buyer_id)
;
CREATE INDEX ix_milestone_due_on ON milestone (due_on, id)
;
CREATE TABLE contract_amendment (
    id UUID NOT NULL,
    contract_id UUID NOT NULL,
    edition INTEGER NOT NULL,
    rationale TEXT NOT NULL,
    before JSONB NOT NULL,
    value_before_fen BIGINT NOT NULL,
    value_after_fen BIGINT NOT NULL,
    amended_on DATE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_contract_amendment PRIMARY KEY (id),
    CONSTRAINT uq_contract_amendment_contract_id_edition UNIQUE (contract_id, edition),
    CONSTRAINT ck_contract_amendment_edition_after_first CHECK (edition > 1),
    CONSTRAINT fk_contract_amendment_contract_id FOREIGN KEY(contract_id) REFERENCES contract
        (id),
    CONSTRAINT fk_contract_amendment_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_contract_amendment_created_by ON contract_amendment (created_by)
"""

PROCUREMENT_SUMS = """
CREATE FUNCTION procurement_sums_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    checked UUID;
BEGIN
    IF TG_TABLE_NAME = 'procurement' THEN
        checked := NEW.id;
    ELSIF TG_OP = 'DELETE' THEN
        checked := OLD.procurement_id;
    ELSE
        checked := NEW.procurement_id;
    END IF;
    IF EXISTS (SELECT 1 FROM procurement WHERE id = checked AND value_fen <> (
            SELECT coalesce(sum(value_fen), 0) FROM procurement_item
            WHERE procurement_id = checked))
    THEN
        RAISE EXCEPTION 'the value is not the sum of the items'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procurement_value',
                TABLE = 'procurement';
    END IF;
    IF EXISTS (SELECT 1 FROM procurement WHERE id = checked AND value_fen < (
            SELECT coalesce(sum(value_fen), 0) FROM award
            WHERE procurement_id = checked AND state IN ('pending', 'active')))
    THEN
        RAISE EXCEPTION 'more is awarded than the procurement is worth'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'procurement_awards',
                TABLE = 'procurement';
    END IF;
    RETURN NULL;
END
$$
"""

CONTRACT_SUMS = """
CREATE FUNCTION contract_sums_hold() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    checked UUID;
    worth BIGINT;
BEGIN
    IF TG_TABLE_NAME = 'contract' THEN
        checked := NEW.id;
    ELSE
        checked := NEW.contract_id;
    END IF;
    SELECT value_fen INTO worth FROM contract WHERE id = checked;
    IF worth <> (SELECT coalesce(sum(value_fen), 0) FROM contract_item
            WHERE contract_id = checked)
    THEN
        RAISE EXCEPTION 'the value is not the sum of the items'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_24_contract_value',
                TABLE = 'contract';
    END IF;
    IF worth < (SELECT coalesce(sum(value_fen), 0) FROM milestone WHERE contract_id = checked)
    THEN
        RAISE EXCEPTION 'the milestones are worth more than the contract'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_24_milestones',
                TABLE = 'contract';
    END IF;
    RETURN NULL;
END
$$
"""

IN_FORCE = """
CREATE FUNCTION contract_items_are_in_force() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM contract_item
            JOIN catalogue_item ON catalogue_item.id = contract_item.catalogue_item_id
            JOIN award ON award.id = NEW.award_id
            WHERE contract_item.contract_id = NEW.id AND contract_item.quantity > 0
                AND (catalogue_item.state = 'draft'
                    OR catalogue_item.effective_from > award.awarded_on
                    OR catalogue_item.effective_to <= award.awarded_on))
    THEN
        RAISE EXCEPTION 'an item was not in the catalogue on the day of the award'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_26_catalogue',
                TABLE = 'contract';
    END IF;
    IF NOT EXISTS (SELECT 1 FROM award WHERE id = NEW.award_id AND state = 'active'
            AND procurement_id = NEW.procurement_id AND supplier_id = NEW.supplier_id)
    THEN
        RAISE EXCEPTION 'the contract has no award in force'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_19_award_in_force',
                TABLE = 'contract';
    END IF;
    RETURN NEW;
END
$$
"""

ITEMS_STAY = """
CREATE FUNCTION procurement_items_stay() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM procurement WHERE id = OLD.procurement_id AND state <> 'planning')
    THEN
        RAISE EXCEPTION 'the items of a procurement stay once its tender is out'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END
$$
"""

SUMS = (
    ("procurement", "INSERT OR UPDATE OF value_fen", "procurement_sums_hold"),
    ("procurement_item", "INSERT OR UPDATE OR DELETE", "procurement_sums_hold"),
    ("award", "INSERT OR UPDATE OF value_fen, state", "procurement_sums_hold"),
    ("contract", "INSERT OR UPDATE OF value_fen", "contract_sums_hold"),
    ("contract_item", "INSERT OR UPDATE", "contract_sums_hold"),
    ("milestone", "INSERT OR UPDATE OF value_fen", "contract_sums_hold"),
)
APPEND_ONLY = ("supplier_list_item", "supplier_standing", "procurement_gap", "contract_amendment")
MOVED = "state, state_reason, version"
CHANGED = {
    "supplier_list": MOVED,
    "supplier_admission": f"decided_at, decided_by, {MOVED}",
    "procurement": (
        "title, rationale, method, method_details, list_id, value_fen, tender_starts_on, "
        "tender_ends_on, contract_starts_on, contract_ends_on, published_at, ended_at, "
        f"{MOVED}"
    ),
    "bid": f"decided_by, {MOVED}",
    "award": f"awarded_on, decided_by, {MOVED}",
    "contract": (
        "manager_id, title, starts_on, ends_on, value_fen, data_protection_clause, term_reasons, "
        "term_months, reasoned_term_months, term_rule, signed_on, signed_by, publish_due_at, "
        f"publish_rule, published_on, edition, ended_at, {MOVED}"
    ),
    "contract_item": "quantity, unit_price_fen, value_fen",
    "contract_target": "title, target_value",
    "milestone": f"title, due_on, value_fen, accepted_fen, paid_fen, met_on, {MOVED}",
}


def upgrade() -> None:
    """Tables, deferred sums, what stays as it is, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for function, body in (
        ("procurement_sums_hold", PROCUREMENT_SUMS),
        ("contract_sums_hold", CONTRACT_SUMS),
        ("contract_items_are_in_force", IN_FORCE),
        ("procurement_items_stay", ITEMS_STAY),
    ):
        run(body)
        run(f"REVOKE ALL ON FUNCTION {function}() FROM PUBLIC")
    for table, deeds, function in SUMS:
        run(
            f"CREATE CONSTRAINT TRIGGER {table}_sums AFTER {deeds} ON {table} "
            f"DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {function}()"
        )
    for statement in (
        "CREATE TRIGGER contract_in_force BEFORE UPDATE OF state ON contract FOR EACH ROW "
        "WHEN (NEW.state = 'active' AND OLD.state = 'pending') "
        "EXECUTE FUNCTION contract_items_are_in_force()",
        "CREATE TRIGGER procurement_item_stays BEFORE UPDATE OR DELETE ON procurement_item "
        "FOR EACH ROW EXECUTE FUNCTION procurement_items_stay()",
        f"REVOKE UPDATE, DELETE ON {', '.join((*APPEND_ONLY, *CHANGED))}, procurement_item "
        "FROM nexus_app",
        "GRANT DELETE ON procurement_item TO nexus_app",
        *(
            f"GRANT UPDATE ({columns}) ON {table} TO nexus_app"
            for table, columns in CHANGED.items()
        ),
        *(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in APPEND_ONLY
        ),
    ):
        run(statement)
