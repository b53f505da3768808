CREATE SCHEMA vault;

CREATE SEQUENCE attestation_status_seq START WITH 0 MINVALUE 0;

CREATE SEQUENCE number_seq;

CREATE TABLE area (
    code TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    level VARCHAR(40) NOT NULL,
    parent_code TEXT COLLATE "C",
    area_group VARCHAR(40),
    area_class INTEGER,
    valid_from DATE NOT NULL,
    valid_to DATE,
    CONSTRAINT pk_area PRIMARY KEY (code),
    CONSTRAINT ck_area_code_shape CHECK (code = 'CN' OR code ~ '^([0-9]{2}|[0-9]{4}|[0-9]{6}|[0-9]{9})$'),
    CONSTRAINT ck_area_one_root CHECK ((code = 'CN') = (parent_code IS NULL)),
    CONSTRAINT ck_area_prefix CHECK (parent_code = 'CN' OR starts_with(code, parent_code)),
    CONSTRAINT ck_area_class_range CHECK (area_class BETWEEN 1 AND 4),
    CONSTRAINT ck_area_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_area_level_known CHECK (level IN ('country', 'province', 'city', 'county', 'township')),
    CONSTRAINT fk_area_parent_code FOREIGN KEY(parent_code) REFERENCES area (code),
    CONSTRAINT ck_area_area_group_known CHECK (area_group IN ('delta', 'east', 'west', 'north'))
);

CREATE INDEX ix_area_parent_code ON area (parent_code);

CREATE TABLE code_entry (
    id UUID NOT NULL,
    list_name TEXT NOT NULL,
    code TEXT NOT NULL,
    label_zh_hans TEXT NOT NULL,
    label_zh_hant TEXT NOT NULL,
    label_en TEXT NOT NULL,
    parent TEXT,
    tier TEXT,
    aliases TEXT[] NOT NULL,
    position INTEGER NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    source TEXT NOT NULL,
    CONSTRAINT pk_code_entry PRIMARY KEY (id),
    CONSTRAINT uq_code_entry_list_name_code_valid_from UNIQUE (list_name, code, valid_from),
    CONSTRAINT ck_code_entry_period CHECK (valid_to > valid_from)
);

CREATE INDEX ix_code_entry_list_position ON code_entry (list_name, position, id);

CREATE TABLE event (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    kind TEXT NOT NULL,
    object_type TEXT NOT NULL,
    object_id UUID NOT NULL,
    object_version INTEGER,
    actor_id UUID NOT NULL,
    actor_role TEXT NOT NULL,
    organization_id UUID NOT NULL,
    occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
    facts JSONB NOT NULL,
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    sequence BIGINT DEFAULT 1 NOT NULL,
    CONSTRAINT pk_event PRIMARY KEY (id),
    CONSTRAINT uq_event_position UNIQUE (position)
);

CREATE INDEX ix_event_feed ON event (xact, position);

CREATE INDEX ix_event_object ON event (object_type, object_id, sequence);

CREATE TABLE feed_cursor (
    name TEXT NOT NULL,
    xact xid8 NOT NULL,
    position BIGINT NOT NULL,
    CONSTRAINT pk_feed_cursor PRIMARY KEY (name)
);

CREATE TABLE idempotency_key (
    account_id UUID NOT NULL,
    key TEXT NOT NULL,
    input_hash BYTEA NOT NULL,
    row_id UUID,
    refusal JSONB,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_idempotency_key PRIMARY KEY (account_id, key)
);

CREATE INDEX ix_idempotency_key_created_at ON idempotency_key (created_at);

CREATE UNLOGGED TABLE quota_bucket (
    holder UUID NOT NULL,
    full_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_quota_bucket PRIMARY KEY (holder)
);

CREATE TABLE sign_in_failure (
    username_digest BYTEA NOT NULL,
    failures INTEGER NOT NULL,
    last_at TIMESTAMP WITH TIME ZONE NOT NULL,
    locked_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_sign_in_failure PRIMARY KEY (username_digest),
    CONSTRAINT ck_sign_in_failure_failures_positive CHECK (failures > 0)
);

CREATE TABLE signing_key (
    id UUID NOT NULL,
    thumbprint TEXT NOT NULL,
    public_key BYTEA NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_signing_key PRIMARY KEY (id),
    CONSTRAINT ck_signing_key_ed25519 CHECK (octet_length(public_key) = 32),
    CONSTRAINT uq_signing_key_thumbprint UNIQUE (thumbprint)
);

CREATE TABLE area_alias (
    id UUID NOT NULL,
    alias TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    within_code TEXT COLLATE "C",
    note TEXT,
    CONSTRAINT pk_area_alias PRIMARY KEY (id),
    CONSTRAINT uq_area_alias_alias_within_code UNIQUE NULLS NOT DISTINCT (alias, within_code),
    CONSTRAINT fk_area_alias_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_area_alias_within_code FOREIGN KEY(within_code) REFERENCES area (code)
);

CREATE INDEX ix_area_alias_area_code ON area_alias (area_code);

CREATE INDEX ix_area_alias_within_code ON area_alias (within_code);

CREATE TABLE assistance_standard (
    id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    setting VARCHAR(40) NOT NULL,
    amount_fen BIGINT NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    source TEXT NOT NULL,
    CONSTRAINT pk_assistance_standard PRIMARY KEY (id),
    CONSTRAINT uq_assistance_standard_area_code_kind_setting_valid_from UNIQUE (area_code, kind, setting, valid_from),
    CONSTRAINT ck_assistance_standard_amount_positive CHECK (amount_fen > 0),
    CONSTRAINT ck_assistance_standard_period CHECK (valid_to > valid_from),
    CONSTRAINT fk_assistance_standard_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_assistance_standard_setting_known CHECK (setting IN ('urban', 'rural'))
);

CREATE INDEX ix_assistance_standard_area_code ON assistance_standard (area_code);

CREATE TABLE household (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    size INTEGER NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    living_condition TEXT,
    address_protected BOOLEAN NOT NULL,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_household PRIMARY KEY (id),
    CONSTRAINT ck_household_size_positive CHECK (size >= 1),
    CONSTRAINT uq_household_no UNIQUE (no),
    CONSTRAINT fk_household_area_code FOREIGN KEY(area_code) REFERENCES area (code)
);

CREATE INDEX ix_household_area_code ON household (area_code);

CREATE TABLE job (
    id UUID NOT NULL,
    event_id UUID NOT NULL,
    listener TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    last_error TEXT,
    CONSTRAINT pk_job PRIMARY KEY (id),
    CONSTRAINT fk_job_event_id FOREIGN KEY(event_id) REFERENCES event (id),
    CONSTRAINT ck_job_state_known CHECK (state IN ('pending', 'done', 'dead'))
);

CREATE INDEX ix_job_due ON job (due_at) WHERE state = 'pending';

CREATE INDEX ix_job_event_id ON job (event_id);

CREATE TABLE organization (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    name TEXT NOT NULL,
    alternate_name TEXT,
    org_type VARCHAR(40) NOT NULL,
    uscc TEXT,
    area_code TEXT COLLATE "C" NOT NULL,
    charity_status VARCHAR(40) NOT NULL,
    website TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    verified_by UUID,
    CONSTRAINT pk_organization PRIMARY KEY (id),
    CONSTRAINT ck_organization_uscc_shape CHECK (uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'),
    CONSTRAINT ck_organization_verifier_not_creator CHECK (verified_by IS DISTINCT FROM created_by),
    CONSTRAINT uq_organization_no UNIQUE (no),
    CONSTRAINT ck_organization_org_type_known CHECK (org_type IN ('association', 'foundation', 'social_service_agency', 'public_institution', 'company', 'mass_organisation', 'committee', 'government_body')),
    CONSTRAINT uq_organization_uscc UNIQUE (uscc),
    CONSTRAINT fk_organization_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_organization_charity_status_known CHECK (charity_status IN ('none', 'registered', 'recognised')),
    CONSTRAINT ck_organization_state_known CHECK (state IN ('draft', 'submitted', 'verified', 'suspended', 'rejected', 'deregistered'))
);

CREATE INDEX ix_organization_area_code ON organization (area_code);

CREATE INDEX ix_organization_name ON organization (name);

CREATE TABLE parameter (
    id UUID NOT NULL,
    name TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    value NUMERIC(14, 3) NOT NULL,
    unit TEXT NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    source TEXT NOT NULL,
    CONSTRAINT pk_parameter PRIMARY KEY (id),
    CONSTRAINT uq_parameter_name_area_code_valid_from UNIQUE (name, area_code, valid_from),
    CONSTRAINT ck_parameter_value_not_negative CHECK (value >= 0),
    CONSTRAINT ck_parameter_unit_known CHECK (unit IN ('months', 'days', 'working_days', 'hours', 'ratio', 'count')),
    CONSTRAINT ck_parameter_period CHECK (valid_to > valid_from),
    CONSTRAINT fk_parameter_area_code FOREIGN KEY(area_code) REFERENCES area (code)
);

CREATE INDEX ix_parameter_area_code ON parameter (area_code);

CREATE TABLE account (
    id UUID NOT NULL,
    username TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT,
    role VARCHAR(40) NOT NULL,
    organization_id UUID,
    area_code TEXT COLLATE "C",
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_account PRIMARY KEY (id),
    CONSTRAINT uq_account_username UNIQUE (username),
    CONSTRAINT ck_account_role_known CHECK (role IN ('anonymous', 'platform_admin', 'gov_clerk', 'gov_approver', 'gov_coordinator', 'supervisor', 'invited_supervisor', 'auditor', 'buyer', 'buyer_finance', 'evaluator', 'charity_client', 'charity_user', 'station_lead', 'social_worker', 'aide', 'vol_org', 'volunteer', 'recipient', 'guardian', 'dpo', 'system')),
    CONSTRAINT fk_account_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_account_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_account_state_known CHECK (state IN ('active', 'suspended', 'closed'))
);

CREATE INDEX ix_account_area_code ON account (area_code);

CREATE INDEX ix_account_organization_id ON account (organization_id);

CREATE TABLE charity_project (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    filing_no TEXT,
    field TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    public_fundraising BOOLEAN NOT NULL,
    starts_on DATE NOT NULL,
    ends_on DATE,
    budget_fen BIGINT NOT NULL,
    received_fen BIGINT NOT NULL,
    spent_fen BIGINT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_charity_project PRIMARY KEY (id),
    CONSTRAINT ck_charity_project_budget CHECK (budget_fen >= 0),
    CONSTRAINT ck_charity_project_spend_within_received CHECK (spent_fen <= received_fen),
    CONSTRAINT ck_charity_project_period CHECK (ends_on > starts_on),
    CONSTRAINT uq_charity_project_no UNIQUE (no),
    CONSTRAINT fk_charity_project_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_charity_project_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_charity_project_state_known CHECK (state IN ('draft', 'filed', 'active', 'paused', 'completed', 'disclosed', 'archived', 'cancelled'))
);

CREATE INDEX ix_charity_project_area_code ON charity_project (area_code);

CREATE INDEX ix_charity_project_created_at ON charity_project (created_at, id);

CREATE INDEX ix_charity_project_name ON charity_project (name, id);

CREATE INDEX ix_charity_project_organization_id ON charity_project (organization_id);

CREATE TABLE qualification (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    certificate_no TEXT,
    grade TEXT,
    valid_from DATE NOT NULL,
    valid_to DATE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_qualification PRIMARY KEY (id),
    CONSTRAINT ck_qualification_period CHECK (valid_to > valid_from),
    CONSTRAINT fk_qualification_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT ck_qualification_kind_known CHECK (kind IN ('public_fundraising', 'tax_exempt', 'pre_tax_deduction', 'rating'))
);

CREATE INDEX ix_qualification_organization_id ON qualification (organization_id);

CREATE TABLE recipient (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID NOT NULL,
    household_role TEXT NOT NULL,
    birth_year INTEGER,
    gender VARCHAR(40) NOT NULL,
    disability VARCHAR(40) NOT NULL,
    labour_ability VARCHAR(40) NOT NULL,
    guardian_id UUID,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_recipient PRIMARY KEY (id),
    CONSTRAINT uq_recipient_no UNIQUE (no),
    CONSTRAINT fk_recipient_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT ck_recipient_gender_known CHECK (gender IN ('female', 'male', 'unknown')),
    CONSTRAINT ck_recipient_disability_known CHECK (disability IN ('none', 'mild', 'moderate', 'severe')),
    CONSTRAINT ck_recipient_labour_ability_known CHECK (labour_ability IN ('none', 'mild', 'moderate', 'severe')),
    CONSTRAINT fk_recipient_guardian_id FOREIGN KEY(guardian_id) REFERENCES recipient (id)
);

CREATE INDEX ix_recipient_guardian_id ON recipient (guardian_id);

CREATE INDEX ix_recipient_household_id ON recipient (household_id);

CREATE TABLE station (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    name TEXT NOT NULL,
    level VARCHAR(40) NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    parent_id UUID,
    organization_id UUID NOT NULL,
    posts INTEGER NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_station PRIMARY KEY (id),
    CONSTRAINT ck_station_posts CHECK (posts >= 0),
    CONSTRAINT uq_station_no UNIQUE (no),
    CONSTRAINT ck_station_level_known CHECK (level IN ('town_station', 'village_point', 'assistance_centre')),
    CONSTRAINT fk_station_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_station_parent_id FOREIGN KEY(parent_id) REFERENCES station (id),
    CONSTRAINT fk_station_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT ck_station_state_known CHECK (state IN ('planned', 'active', 'paused', 'closed'))
);

CREATE INDEX ix_station_area_code ON station (area_code);

CREATE INDEX ix_station_organization_id ON station (organization_id);

CREATE INDEX ix_station_parent_id ON station (parent_id);

CREATE TABLE access_token (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    label TEXT NOT NULL,
    scopes TEXT[],
    credential_id UUID,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_access_token PRIMARY KEY (id),
    CONSTRAINT fk_access_token_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT uq_access_token_digest UNIQUE (digest)
);

CREATE INDEX ix_access_token_account_id ON access_token (account_id);

CREATE TABLE api_client (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    cost_per_minute INTEGER NOT NULL,
    networks TEXT[] NOT NULL,
    documents_only BOOLEAN NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_api_client PRIMARY KEY (id),
    CONSTRAINT ck_api_client_cost_positive CHECK (cost_per_minute > 0),
    CONSTRAINT ck_api_client_scopes_some CHECK (cardinality(scopes) > 0),
    CONSTRAINT uq_api_client_account_id UNIQUE (account_id),
    CONSTRAINT fk_api_client_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_api_client_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT ck_api_client_state_known CHECK (state IN ('pending', 'active', 'suspended', 'revoked'))
);

CREATE INDEX ix_api_client_organization_id ON api_client (organization_id);

CREATE TABLE consent (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    recipient_id UUID NOT NULL,
    given_by VARCHAR(40) NOT NULL,
    kind VARCHAR(40) NOT NULL,
    purposes TEXT[] NOT NULL,
    data_classes TEXT[] NOT NULL,
    receiver_ids UUID[] NOT NULL,
    text_version TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    method VARCHAR(40) NOT NULL,
    obtained_by UUID NOT NULL,
    obtained_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_on DATE NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    withdrawn_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_consent PRIMARY KEY (id),
    CONSTRAINT ck_consent_purpose_named CHECK (cardinality(purposes) > 0),
    CONSTRAINT ck_consent_class_named CHECK (cardinality(data_classes) > 0),
    CONSTRAINT uq_consent_no UNIQUE (no),
    CONSTRAINT fk_consent_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT ck_consent_given_by_known CHECK (given_by IN ('self', 'guardian', 'agent')),
    CONSTRAINT ck_consent_kind_known CHECK (kind IN ('own', 'assertion')),
    CONSTRAINT ck_consent_method_known CHECK (method IN ('paper_scan', 'e_signature', 'witnessed_verbal')),
    CONSTRAINT ck_consent_state_known CHECK (state IN ('requested', 'granted', 'refused', 'withdrawn', 'expired', 'superseded', 'lapsed'))
);

CREATE INDEX ix_consent_recipient_id ON consent (recipient_id);

CREATE INDEX ix_consent_recipient_state ON consent (recipient_id, state);

CREATE TABLE export (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    scopes TEXT[],
    dataset VARCHAR(40) NOT NULL,
    format VARCHAR(40) NOT NULL,
    filter JSONB NOT NULL,
    link TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    failure TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    downloads INTEGER NOT NULL,
    rows_expected INTEGER,
    rows INTEGER,
    bytes BIGINT,
    started_at TIMESTAMP WITH TIME ZONE,
    moved_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_export PRIMARY KEY (id),
    CONSTRAINT ck_export_downloads_not_negative CHECK (downloads >= 0),
    CONSTRAINT fk_export_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_export_dataset_known CHECK (dataset IN ('needs', 'lines', 'offers', 'pledges', 'deliveries', 'organizations', 'gaps', 'feedback')),
    CONSTRAINT ck_export_format_known CHECK (format IN ('jsonl', 'csv')),
    CONSTRAINT ck_export_state_known CHECK (state IN ('ready', 'running', 'done', 'failed', 'expired'))
);

CREATE INDEX ix_export_account_id ON export (account_id);

CREATE INDEX ix_export_live ON export (expires_at) WHERE state <> 'expired';

CREATE TABLE import_profile (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    name TEXT NOT NULL,
    edition INTEGER NOT NULL,
    kind TEXT NOT NULL,
    toml TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_import_profile PRIMARY KEY (id),
    CONSTRAINT uq_import_profile_account_id_name_edition UNIQUE (account_id, name, edition),
    CONSTRAINT fk_import_profile_account_id FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE TABLE offer (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    organization_id UUID NOT NULL,
    project_id UUID,
    title TEXT NOT NULL,
    summary TEXT,
    kind VARCHAR(40) NOT NULL,
    category TEXT NOT NULL,
    item_code TEXT,
    item_key TEXT GENERATED ALWAYS AS (coalesce(item_code, '')) STORED NOT NULL,
    unit TEXT NOT NULL,
    recipient_categories TEXT[] NOT NULL,
    tiers TEXT[] NOT NULL,
    min_age INTEGER,
    max_age INTEGER,
    gender TEXT,
    disability_only BOOLEAN NOT NULL,
    required_documents TEXT[] NOT NULL,
    capacity_maximum NUMERIC(14, 3),
    capacity_reserved NUMERIC(14, 3) NOT NULL,
    capacity_used NUMERIC(14, 3) NOT NULL,
    available_from DATE NOT NULL,
    available_to DATE,
    review_due_on DATE NOT NULL,
    pre_approved BOOLEAN NOT NULL,
    reviewed BOOLEAN NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_offer PRIMARY KEY (id),
    CONSTRAINT ck_offer_capacity_positive CHECK (capacity_maximum > 0),
    CONSTRAINT ck_offer_counters_not_negative CHECK (capacity_reserved >= 0 AND capacity_used >= 0),
    CONSTRAINT ck_offer_inv_02_capacity CHECK (capacity_reserved + capacity_used <= capacity_maximum),
    CONSTRAINT ck_offer_age_range CHECK (max_age >= min_age),
    CONSTRAINT ck_offer_gender_known CHECK (gender IN ('female', 'male')),
    CONSTRAINT ck_offer_period CHECK (available_to > available_from),
    CONSTRAINT uq_offer_supply UNIQUE (id, category, kind, unit, item_key, state),
    CONSTRAINT uq_offer_no UNIQUE (no),
    CONSTRAINT fk_offer_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_offer_project_id FOREIGN KEY(project_id) REFERENCES charity_project (id),
    CONSTRAINT ck_offer_kind_known CHECK (kind IN ('cash', 'goods', 'service', 'hours')),
    CONSTRAINT ck_offer_state_known CHECK (state IN ('draft', 'listed', 'paused', 'blocked', 'withdrawn', 'expired'))
);

CREATE INDEX ix_offer_available_to ON offer (available_to) WHERE state IN ('listed', 'paused');

CREATE INDEX ix_offer_category_created_at ON offer (category, created_at, id);

CREATE INDEX ix_offer_created_at ON offer (created_at, id);

CREATE INDEX ix_offer_organization_id ON offer (organization_id);

CREATE INDEX ix_offer_project_id ON offer (project_id);

CREATE INDEX ix_offer_review_due_on ON offer (review_due_on) WHERE state = 'listed';

CREATE TABLE recipient_alias (
    id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    alias TEXT NOT NULL,
    CONSTRAINT pk_recipient_alias PRIMARY KEY (id),
    CONSTRAINT uq_recipient_alias_recipient_id_organization_id UNIQUE (recipient_id, organization_id),
    CONSTRAINT fk_recipient_alias_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_recipient_alias_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT uq_recipient_alias_alias UNIQUE (alias)
);

CREATE INDEX ix_recipient_alias_organization_id ON recipient_alias (organization_id);

CREATE INDEX ix_recipient_alias_recipient_id ON recipient_alias (recipient_id);

CREATE TABLE recognition (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    household_id UUID,
    recipient_id UUID,
    category TEXT NOT NULL,
    authority_id UUID NOT NULL,
    level VARCHAR(40) NOT NULL,
    decided_on DATE NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    income_ratio NUMERIC(6, 3),
    income_ratio_band TEXT,
    flags TEXT[] NOT NULL,
    recheck_class VARCHAR(40),
    recheck_months INTEGER,
    recheck_rule TEXT,
    checked_on DATE,
    recheck_due_on DATE,
    tapered_on DATE,
    taper_months INTEGER,
    taper_rule TEXT,
    rule_version TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    end_reason TEXT,
    corrects_id UUID,
    superseded_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_recognition PRIMARY KEY (id),
    CONSTRAINT ck_recognition_one_subject CHECK (num_nonnulls(household_id, recipient_id) = 1),
    CONSTRAINT ck_recognition_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_recognition_recheck_whole CHECK ((recheck_class IS NULL) = (recheck_months IS NULL) AND (recheck_class IS NULL) = (recheck_rule IS NULL)),
    CONSTRAINT ck_recognition_inv_35_recheck_due CHECK (recheck_due_on IS NOT DISTINCT FROM (checked_on + make_interval(months => recheck_months))::date),
    CONSTRAINT ck_recognition_taper_whole CHECK ((tapered_on IS NULL) = (taper_months IS NULL) AND (tapered_on IS NULL) = (taper_rule IS NULL)),
    CONSTRAINT ck_recognition_inv_35_taper CHECK (state <> 'taper' OR (tapered_on IS NOT NULL AND valid_to IS NOT DISTINCT FROM (tapered_on + make_interval(months => taper_months))::date + 1)),
    CONSTRAINT ck_recognition_end_reason CHECK (state <> 'ended' OR end_reason IS NOT NULL),
    CONSTRAINT ck_recognition_superseded CHECK ((state = 'entered_in_error') = (superseded_at IS NOT NULL)),
    CONSTRAINT ex_recognition_period EXCLUDE USING gist (int8range(hashtextextended(coalesce(household_id, recipient_id)::text || CASE WHEN category ~ '^(DB|TK)(-|$)' THEN 'DB|TK' ELSE category END, 0), hashtextextended(coalesce(household_id, recipient_id)::text || CASE WHEN category ~ '^(DB|TK)(-|$)' THEN 'DB|TK' ELSE category END, 0), '[]') WITH &&, daterange(valid_from, valid_to) WITH &&) WHERE (state <> 'entered_in_error'),
    CONSTRAINT uq_recognition_no UNIQUE (no),
    CONSTRAINT fk_recognition_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_recognition_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_recognition_authority_id FOREIGN KEY(authority_id) REFERENCES organization (id),
    CONSTRAINT ck_recognition_level_known CHECK (level IN ('county', 'township')),
    CONSTRAINT ck_recognition_recheck_class_known CHECK (recheck_class IN ('stable', 'changeable')),
    CONSTRAINT ck_recognition_state_known CHECK (state IN ('pending', 'active', 'under_review', 'taper', 'suspended', 'ended', 'entered_in_error')),
    CONSTRAINT fk_recognition_corrects_id FOREIGN KEY(corrects_id) REFERENCES recognition (id)
);

CREATE INDEX ix_recognition_authority_id ON recognition (authority_id);

CREATE INDEX ix_recognition_corrects_id ON recognition (corrects_id);

CREATE INDEX ix_recognition_household_id ON recognition (household_id);

CREATE INDEX ix_recognition_recipient_id ON recognition (recipient_id);

CREATE TABLE upload (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    file_name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    link TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    bytes INTEGER,
    sha256 TEXT,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    moved_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_upload PRIMARY KEY (id),
    CONSTRAINT ck_upload_received_whole CHECK (state NOT IN ('received', 'used') OR (bytes IS NOT NULL AND sha256 IS NOT NULL)),
    CONSTRAINT fk_upload_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT ck_upload_state_known CHECK (state IN ('requested', 'receiving', 'received', 'used', 'expired'))
);

CREATE INDEX ix_upload_account_id ON upload (account_id);

CREATE INDEX ix_upload_kept ON upload (expires_at) WHERE state IN ('requested', 'receiving', 'received');

CREATE TABLE vault.blind_index (
    field VARCHAR(40) NOT NULL,
    hmac BYTEA NOT NULL,
    recipient_id UUID NOT NULL,
    CONSTRAINT pk_blind_index PRIMARY KEY (field, hmac),
    CONSTRAINT ck_blind_index_field_known CHECK (field IN ('name', 'id_number', 'phone', 'address')),
    CONSTRAINT fk_blind_index_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id)
);

CREATE INDEX ix_vault_blind_index_recipient_id ON vault.blind_index (recipient_id);

CREATE TABLE vault.person_key (
    recipient_id UUID NOT NULL,
    wrapped_key BYTEA,
    key_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_person_key PRIMARY KEY (recipient_id),
    CONSTRAINT ck_person_key_erased CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL)),
    CONSTRAINT fk_person_key_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id)
);

CREATE TABLE vault.reveal (
    id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    fields TEXT[] NOT NULL,
    purpose TEXT NOT NULL,
    account_id UUID NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT statement_timestamp() NOT NULL,
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_reveal PRIMARY KEY (id),
    CONSTRAINT ck_reveal_field_named CHECK (cardinality(fields) > 0),
    CONSTRAINT fk_reveal_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_reveal_account_id FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX ix_vault_reveal_account_id ON vault.reveal (account_id);

CREATE INDEX ix_vault_reveal_recipient_id ON vault.reveal (recipient_id);

CREATE TABLE webhook_endpoint (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    organization_id UUID,
    url TEXT NOT NULL,
    kinds TEXT[] NOT NULL,
    label TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    since_xact xid8 DEFAULT pg_snapshot_xmin(pg_current_snapshot()) NOT NULL,
    failures INTEGER NOT NULL,
    retry_at TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    leased_until TIMESTAMP WITH TIME ZONE,
    lease BIGINT NOT NULL,
    CONSTRAINT pk_webhook_endpoint PRIMARY KEY (id),
    CONSTRAINT ck_webhook_endpoint_failures_not_negative CHECK (failures >= 0),
    CONSTRAINT fk_webhook_endpoint_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_webhook_endpoint_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT ck_webhook_endpoint_state_known CHECK (state IN ('active', 'paused', 'closed'))
);

CREATE INDEX ix_webhook_endpoint_account_id ON webhook_endpoint (account_id);

CREATE INDEX ix_webhook_endpoint_organization_id ON webhook_endpoint (organization_id);

CREATE TABLE worker (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    station_id UUID NOT NULL,
    grade VARCHAR(40) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_worker PRIMARY KEY (id),
    CONSTRAINT ck_worker_period CHECK (valid_to > valid_from),
    CONSTRAINT ex_worker_period EXCLUDE USING gist (int8range(hashtextextended(account_id::text || station_id::text, 0), hashtextextended(account_id::text || station_id::text, 0), '[]') WITH &&, daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT fk_worker_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_worker_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT ck_worker_grade_known CHECK (grade IN ('assistant', 'social_worker', 'senior', 'auxiliary'))
);

CREATE INDEX ix_worker_account_id ON worker (account_id);

CREATE INDEX ix_worker_station_id ON worker (station_id);

CREATE TABLE attestation (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    recognition_id UUID NOT NULL,
    recipient_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    alias TEXT NOT NULL,
    purpose TEXT NOT NULL,
    consent_id UUID,
    legal_basis TEXT,
    category TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    valid_until DATE NOT NULL,
    validity_rule TEXT NOT NULL,
    token TEXT NOT NULL,
    digest BYTEA NOT NULL,
    key_id UUID NOT NULL,
    status_index BIGINT NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    revoked_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_attestation PRIMARY KEY (id),
    CONSTRAINT ck_attestation_one_basis CHECK (num_nonnulls(consent_id, legal_basis) = 1),
    CONSTRAINT ck_attestation_revoked CHECK ((state = 'revoked') = (revoked_at IS NOT NULL)),
    CONSTRAINT ck_attestation_no_finer_than_county CHECK (length(area_code) <= 6),
    CONSTRAINT uq_attestation_no UNIQUE (no),
    CONSTRAINT fk_attestation_recognition_id FOREIGN KEY(recognition_id) REFERENCES recognition (id),
    CONSTRAINT fk_attestation_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT fk_attestation_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_attestation_consent_id FOREIGN KEY(consent_id) REFERENCES consent (id),
    CONSTRAINT fk_attestation_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT uq_attestation_digest UNIQUE (digest),
    CONSTRAINT fk_attestation_key_id FOREIGN KEY(key_id) REFERENCES signing_key (id),
    CONSTRAINT uq_attestation_status_index UNIQUE (status_index),
    CONSTRAINT ck_attestation_state_known CHECK (state IN ('issued', 'revoked'))
);

CREATE INDEX ix_attestation_area_code ON attestation (area_code);

CREATE INDEX ix_attestation_consent_id ON attestation (consent_id);

CREATE INDEX ix_attestation_key_id ON attestation (key_id);

CREATE INDEX ix_attestation_organization_id ON attestation (organization_id);

CREATE INDEX ix_attestation_recipient_id ON attestation (recipient_id);

CREATE INDEX ix_attestation_recognition_id ON attestation (recognition_id);

CREATE TABLE client_document (
    id UUID NOT NULL,
    api_client_id UUID NOT NULL,
    digest BYTEA NOT NULL,
    text TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_client_document PRIMARY KEY (id),
    CONSTRAINT uq_client_document_api_client_id_digest UNIQUE (api_client_id, digest),
    CONSTRAINT fk_client_document_api_client_id FOREIGN KEY(api_client_id) REFERENCES api_client (id)
);

CREATE TABLE client_key (
    id UUID NOT NULL,
    api_client_id UUID NOT NULL,
    place INTEGER NOT NULL,
    digest BYTEA NOT NULL,
    hint TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    retired_at TIMESTAMP WITH TIME ZONE,
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_client_key PRIMARY KEY (id),
    CONSTRAINT ck_client_key_place_known CHECK (place IN (1, 2)),
    CONSTRAINT fk_client_key_api_client_id FOREIGN KEY(api_client_id) REFERENCES api_client (id),
    CONSTRAINT uq_client_key_digest UNIQUE (digest)
);

CREATE INDEX ix_client_key_api_client_id ON client_key (api_client_id);

CREATE UNIQUE INDEX uq_client_key_place ON client_key (api_client_id, place) WHERE retired_at IS NULL;

CREATE TABLE import_run (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    digest TEXT NOT NULL,
    voucher_id UUID NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE NOT NULL,
    counts JSONB NOT NULL,
    state VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    dry_run BOOLEAN NOT NULL,
    upload_id UUID,
    profile_text TEXT,
    report JSONB,
    link TEXT,
    failure TEXT,
    failure_message TEXT,
    rows_total INTEGER,
    rows_done INTEGER,
    finished_at TIMESTAMP WITH TIME ZONE,
    attempts INTEGER NOT NULL,
    leased_until TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_import_run PRIMARY KEY (id),
    CONSTRAINT ck_import_run_asked_for_whole CHECK (state NOT IN ('requested', 'running') OR (upload_id IS NOT NULL AND profile_text IS NOT NULL)),
    CONSTRAINT fk_import_run_voucher_id FOREIGN KEY(voucher_id) REFERENCES account (id),
    CONSTRAINT ck_import_run_state_known CHECK (state IN ('requested', 'running', 'done', 'failed')),
    CONSTRAINT fk_import_run_upload_id FOREIGN KEY(upload_id) REFERENCES upload (id)
);

CREATE INDEX ix_import_run_due ON import_run (started_at) WHERE state IN ('requested', 'running');

CREATE INDEX ix_import_run_source ON import_run (system, type, started_at);

CREATE INDEX ix_import_run_upload_id ON import_run (upload_id);

CREATE INDEX ix_import_run_voucher_id ON import_run (voucher_id);

CREATE TABLE need (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    subject_kind VARCHAR(40) NOT NULL,
    household_id UUID,
    recipient_id UUID,
    group_name TEXT,
    origin TEXT NOT NULL,
    population_group VARCHAR(40),
    temporary_type VARCHAR(40),
    category TEXT NOT NULL,
    urgency VARCHAR(40) NOT NULL,
    internal_description TEXT,
    public_title TEXT,
    public_summary TEXT,
    area_code TEXT COLLATE "C" NOT NULL,
    shown_area_code TEXT COLLATE "C" NOT NULL,
    needed_by DATE,
    publish_from DATE,
    publish_until DATE,
    visibility VARCHAR(40) NOT NULL,
    consent_id UUID,
    approval_cap_fen BIGINT,
    evidence TEXT,
    reviewed BOOLEAN NOT NULL,
    station_id UUID,
    publisher_id UUID NOT NULL,
    owner_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    close_reason VARCHAR(40),
    confirm_needed BOOLEAN DEFAULT false NOT NULL,
    confirm_reason TEXT,
    frozen_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    verified_by UUID,
    published_at TIMESTAMP WITH TIME ZONE,
    released_by UUID,
    closed_at TIMESTAMP WITH TIME ZONE,
    due_on DATE GENERATED ALWAYS AS (COALESCE(needed_by, '3000-01-01'::date)) STORED NOT NULL,
    listed_at TIMESTAMP WITH TIME ZONE GENERATED ALWAYS AS (COALESCE(published_at, created_at)) STORED NOT NULL,
    CONSTRAINT pk_need PRIMARY KEY (id),
    CONSTRAINT ck_need_one_subject CHECK ((subject_kind = 'recipient' AND recipient_id IS NOT NULL AND group_name IS NULL) OR (subject_kind = 'household' AND household_id IS NOT NULL AND recipient_id IS NULL AND group_name IS NULL) OR (subject_kind = 'group' AND household_id IS NULL AND recipient_id IS NULL AND group_name IS NOT NULL)),
    CONSTRAINT ck_need_verifier_not_creator CHECK (verified_by IS NULL OR verified_by <> created_by),
    CONSTRAINT ck_need_published_is_released CHECK (state <> 'published' OR (public_title IS NOT NULL AND public_summary IS NOT NULL AND released_by IS NOT NULL AND verified_by IS NOT NULL AND reviewed)),
    CONSTRAINT ck_need_published_has_consent CHECK (state <> 'published' OR subject_kind = 'group' OR visibility = 'internal' OR consent_id IS NOT NULL),
    CONSTRAINT ck_need_close_reason CHECK ((state = 'closed') = (close_reason IS NOT NULL)),
    CONSTRAINT ck_need_publish_period CHECK (publish_until > publish_from),
    CONSTRAINT ck_need_confirm_whole CHECK (confirm_needed = (confirm_reason IS NOT NULL) AND confirm_needed = (frozen_at IS NOT NULL)),
    CONSTRAINT ck_need_shown_area CHECK (area_code = shown_area_code OR shown_area_code = 'CN' OR starts_with(area_code, shown_area_code)),
    CONSTRAINT ck_need_shown_no_finer_than_county CHECK (subject_kind = 'group' OR length(shown_area_code) <= 6),
    CONSTRAINT uq_need_no UNIQUE (no),
    CONSTRAINT ck_need_subject_kind_known CHECK (subject_kind IN ('recipient', 'household', 'group')),
    CONSTRAINT fk_need_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_need_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id),
    CONSTRAINT ck_need_population_group_known CHECK (population_group IN ('not_eligible_yet', 'still_in_need_after_aid', 'emergency')),
    CONSTRAINT ck_need_temporary_type_known CHECK (temporary_type IN ('emergency', 'expenditure')),
    CONSTRAINT ck_need_urgency_known CHECK (urgency IN ('u1', 'u2', 'u3', 'u4')),
    CONSTRAINT fk_need_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_need_shown_area_code FOREIGN KEY(shown_area_code) REFERENCES area (code),
    CONSTRAINT ck_need_visibility_known CHECK (visibility IN ('public', 'partners', 'named', 'internal')),
    CONSTRAINT fk_need_consent_id FOREIGN KEY(consent_id) REFERENCES consent (id),
    CONSTRAINT fk_need_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_need_publisher_id FOREIGN KEY(publisher_id) REFERENCES organization (id),
    CONSTRAINT fk_need_owner_id FOREIGN KEY(owner_id) REFERENCES account (id),
    CONSTRAINT ck_need_state_known CHECK (state IN ('draft', 'submitted', 'returned', 'verified', 'published', 'paused', 'closed', 'rejected', 'cancelled')),
    CONSTRAINT ck_need_close_reason_known CHECK (close_reason IN ('met', 'partly_met', 'expired_unmet', 'withdrawn_by_recipient', 'no_longer_needed', 'resourced_elsewhere', 'moved_or_deceased', 'ineligible'))
);

CREATE INDEX ix_need_area_code ON need (area_code);

CREATE INDEX ix_need_category_shown ON need (category, shown_area_code, published_at);

CREATE INDEX ix_need_confirm_needed ON need (frozen_at, id) WHERE confirm_needed;

CREATE INDEX ix_need_consent_id ON need (consent_id);

CREATE INDEX ix_need_created_at ON need (created_at, id);

CREATE INDEX ix_need_due_on ON need (due_on, id);

CREATE INDEX ix_need_household_id ON need (household_id);

CREATE INDEX ix_need_listed_at ON need (listed_at, id);

CREATE INDEX ix_need_owner_id ON need (owner_id);

CREATE INDEX ix_need_publisher_id ON need (publisher_id);

CREATE INDEX ix_need_recipient_id ON need (recipient_id);

CREATE INDEX ix_need_shown_area_code ON need (shown_area_code);

CREATE INDEX ix_need_state_published_at ON need (state, published_at, id);

CREATE INDEX ix_need_station_id ON need (station_id);

CREATE INDEX ix_need_urgency_due_on ON need (urgency, due_on, id);

CREATE TABLE offer_area (
    offer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    category TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    unit TEXT NOT NULL,
    item_key TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    CONSTRAINT pk_offer_area PRIMARY KEY (offer_id, area_code),
    CONSTRAINT fk_offer_area_supply FOREIGN KEY(offer_id, category, kind, unit, item_key, state) REFERENCES offer (id, category, kind, unit, item_key, state) ON UPDATE CASCADE,
    CONSTRAINT fk_offer_area_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_offer_area_kind_known CHECK (kind IN ('cash', 'goods', 'service', 'hours')),
    CONSTRAINT ck_offer_area_state_known CHECK (state IN ('draft', 'listed', 'paused', 'blocked', 'withdrawn', 'expired'))
);

CREATE INDEX ix_offer_area_area_code ON offer_area (area_code);

CREATE INDEX ix_offer_area_supply ON offer_area (category, kind, unit, area_code, item_key, offer_id) WHERE state = 'listed';

CREATE TABLE upload_chunk (
    upload_id UUID NOT NULL,
    position INTEGER NOT NULL,
    ciphertext BYTEA NOT NULL,
    CONSTRAINT pk_upload_chunk PRIMARY KEY (upload_id, position),
    CONSTRAINT fk_upload_chunk_upload_id FOREIGN KEY(upload_id) REFERENCES upload (id)
);

CREATE TABLE vault.identity_field (
    recipient_id UUID NOT NULL,
    field VARCHAR(40) NOT NULL,
    ciphertext BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    CONSTRAINT pk_identity_field PRIMARY KEY (recipient_id, field),
    CONSTRAINT fk_identity_field_recipient_id FOREIGN KEY(recipient_id) REFERENCES vault.person_key (recipient_id),
    CONSTRAINT ck_identity_field_field_known CHECK (field IN ('name', 'id_number', 'phone', 'address'))
);

CREATE TABLE webhook_delivery (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    endpoint_id UUID NOT NULL,
    event_id UUID NOT NULL,
    object_id UUID NOT NULL,
    kind TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    attempts INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    finished_at TIMESTAMP WITH TIME ZONE,
    last_attempt_at TIMESTAMP WITH TIME ZONE,
    last_status INTEGER,
    last_error TEXT,
    last_duration_ms INTEGER,
    CONSTRAINT pk_webhook_delivery PRIMARY KEY (id),
    CONSTRAINT ck_webhook_delivery_attempts_not_negative CHECK (attempts >= 0),
    CONSTRAINT ck_webhook_delivery_finished CHECK ((state = 'pending') = (finished_at IS NULL)),
    CONSTRAINT uq_webhook_delivery_position UNIQUE (position),
    CONSTRAINT fk_webhook_delivery_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id),
    CONSTRAINT fk_webhook_delivery_event_id FOREIGN KEY(event_id) REFERENCES event (id),
    CONSTRAINT ck_webhook_delivery_state_known CHECK (state IN ('pending', 'delivered', 'withheld', 'dead'))
);

CREATE INDEX ix_webhook_delivery_due ON webhook_delivery (endpoint_id, due_at) WHERE state = 'pending';

CREATE INDEX ix_webhook_delivery_event_id ON webhook_delivery (event_id);

CREATE INDEX ix_webhook_delivery_finished_at ON webhook_delivery (finished_at);

CREATE INDEX ix_webhook_delivery_log ON webhook_delivery (endpoint_id, position);

CREATE INDEX ix_webhook_delivery_object ON webhook_delivery (endpoint_id, object_id, position) WHERE state = 'pending';

CREATE INDEX ix_webhook_delivery_turn ON webhook_delivery (endpoint_id, position) WHERE state = 'pending';

CREATE TABLE webhook_secret (
    id UUID NOT NULL,
    endpoint_id UUID NOT NULL,
    ciphertext BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_webhook_secret PRIMARY KEY (id),
    CONSTRAINT fk_webhook_secret_endpoint_id FOREIGN KEY(endpoint_id) REFERENCES webhook_endpoint (id)
);

CREATE INDEX ix_webhook_secret_endpoint_id ON webhook_secret (endpoint_id);

CREATE TABLE external_ref (
    id UUID NOT NULL,
    system TEXT NOT NULL,
    type TEXT NOT NULL,
    value TEXT NOT NULL,
    object_type VARCHAR(40),
    object_id UUID,
    parts JSONB NOT NULL,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    last_run_id UUID NOT NULL,
    absent_since TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_external_ref PRIMARY KEY (id),
    CONSTRAINT uq_external_ref_system_type_value UNIQUE (system, type, value),
    CONSTRAINT ck_external_ref_object_whole CHECK ((object_type IS NULL) = (object_id IS NULL)),
    CONSTRAINT ck_external_ref_object_type_known CHECK (object_type IN ('need', 'offer', 'household', 'recipient', 'recognition')),
    CONSTRAINT fk_external_ref_last_run_id FOREIGN KEY(last_run_id) REFERENCES import_run (id)
);

CREATE INDEX ix_external_ref_last_run_id ON external_ref (last_run_id);

CREATE INDEX ix_external_ref_object ON external_ref (object_type, object_id);

CREATE TABLE need_line (
    id UUID NOT NULL,
    need_id UUID NOT NULL,
    position INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    category TEXT NOT NULL,
    item_code TEXT,
    item TEXT NOT NULL,
    specification TEXT,
    quantity_required NUMERIC(14, 3),
    unit TEXT NOT NULL,
    est_unit_value_fen BIGINT,
    tranche_no INTEGER NOT NULL,
    reserved NUMERIC(14, 3) NOT NULL,
    committed NUMERIC(14, 3) NOT NULL,
    delivered NUMERIC(14, 3) NOT NULL,
    confirmed NUMERIC(14, 3) NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    published BOOLEAN NOT NULL,
    asked BOOLEAN DEFAULT true NOT NULL,
    CONSTRAINT pk_need_line PRIMARY KEY (id),
    CONSTRAINT uq_need_line_need_id_position UNIQUE (need_id, position),
    CONSTRAINT ck_need_line_quantity_positive CHECK (quantity_required > 0),
    CONSTRAINT ck_need_line_published_is_asked CHECK (asked OR NOT published),
    CONSTRAINT ck_need_line_counters_not_negative CHECK (reserved >= 0 AND committed >= 0 AND delivered >= 0 AND confirmed >= 0),
    CONSTRAINT ck_need_line_inv_01_no_oversell CHECK (reserved + committed + delivered + confirmed <= quantity_required),
    CONSTRAINT fk_need_line_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT ck_need_line_kind_known CHECK (kind IN ('cash', 'goods', 'service', 'hours')),
    CONSTRAINT fk_need_line_area_code FOREIGN KEY(area_code) REFERENCES area (code)
);

CREATE INDEX ix_need_line_area_code ON need_line (area_code);

CREATE INDEX ix_need_line_need_id ON need_line (need_id);

CREATE INDEX ix_need_line_open ON need_line (category, kind, unit, area_code, item_code, id) WHERE published;

CREATE TABLE gap (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    need_id UUID NOT NULL,
    category TEXT NOT NULL,
    kind TEXT NOT NULL,
    item_code TEXT,
    area_code TEXT COLLATE "C" NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    addressed_by TEXT,
    version INTEGER NOT NULL,
    opened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    closed_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_gap PRIMARY KEY (id),
    CONSTRAINT fk_gap_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_gap_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_gap_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_gap_state_known CHECK (state IN ('open', 'acknowledged', 'addressed', 'waived'))
);

CREATE INDEX ix_gap_area_code ON gap (area_code);

CREATE INDEX ix_gap_line_id ON gap (line_id);

CREATE INDEX ix_gap_need_id ON gap (need_id);

CREATE INDEX ix_gap_opened_at ON gap (opened_at, id);

CREATE UNIQUE INDEX uq_gap_live ON gap (line_id) WHERE state IN ('open', 'acknowledged');

CREATE TABLE pledge (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    need_id UUID NOT NULL,
    line_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    offer_id UUID,
    quantity NUMERIC(14, 3) NOT NULL,
    amount_fen BIGINT,
    planned_on DATE,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    note TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    accepted_at TIMESTAMP WITH TIME ZONE,
    accepted_by UUID,
    CONSTRAINT pk_pledge PRIMARY KEY (id),
    CONSTRAINT ck_pledge_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_pledge_amount_positive CHECK (amount_fen > 0),
    CONSTRAINT uq_pledge_no UNIQUE (no),
    CONSTRAINT fk_pledge_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_pledge_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_pledge_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_pledge_offer_id FOREIGN KEY(offer_id) REFERENCES offer (id),
    CONSTRAINT ck_pledge_state_known CHECK (state IN ('offered', 'accepted', 'partly_fulfilled', 'fulfilled', 'rejected', 'withdrawn', 'expired', 'release_requested', 'released'))
);

CREATE INDEX ix_pledge_created_at ON pledge (created_at, id);

CREATE INDEX ix_pledge_expires_at ON pledge (expires_at) WHERE state IN ('offered', 'accepted', 'release_requested');

CREATE INDEX ix_pledge_line_id ON pledge (line_id);

CREATE INDEX ix_pledge_need_id ON pledge (need_id);

CREATE INDEX ix_pledge_offer_id ON pledge (offer_id);

CREATE INDEX ix_pledge_organization_id ON pledge (organization_id);

CREATE UNIQUE INDEX uq_pledge_live ON pledge (line_id, organization_id, coalesce(offer_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE state IN ('offered', 'accepted', 'partly_fulfilled', 'release_requested');

CREATE TABLE allocation (
    id UUID NOT NULL,
    pledge_id UUID NOT NULL,
    line_id UUID NOT NULL,
    offer_id UUID,
    quantity NUMERIC(14, 3) NOT NULL,
    amount_fen BIGINT,
    reserved NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    committed NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    delivered NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    confirmed NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    released NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    reversed NUMERIC(14, 3) DEFAULT '0' NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_allocation PRIMARY KEY (id),
    CONSTRAINT ck_allocation_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_allocation_buckets_not_negative CHECK (least(reserved, committed, delivered, confirmed, released, reversed) >= 0),
    CONSTRAINT ck_allocation_buckets_sum CHECK (reserved + committed + delivered + confirmed + released + reversed IN (0, quantity)),
    CONSTRAINT uq_allocation_pledge_id UNIQUE (pledge_id),
    CONSTRAINT fk_allocation_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id),
    CONSTRAINT fk_allocation_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_allocation_offer_id FOREIGN KEY(offer_id) REFERENCES offer (id)
);

CREATE INDEX ix_allocation_line_id ON allocation (line_id);

CREATE INDEX ix_allocation_offer_id ON allocation (offer_id);

CREATE TABLE delivery (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    need_id UUID NOT NULL,
    organization_id UUID NOT NULL,
    pledge_id UUID NOT NULL,
    allocation_id UUID NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    delivered_on DATE NOT NULL,
    place TEXT,
    evidence JSONB,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    acknowledgement VARCHAR(40),
    acknowledged_at TIMESTAMP WITH TIME ZONE,
    acknowledged_by UUID,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_delivery PRIMARY KEY (id),
    CONSTRAINT ck_delivery_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_delivery_acknowledger_not_recorder CHECK (acknowledged_by IS NULL OR acknowledged_by <> created_by),
    CONSTRAINT uq_delivery_no UNIQUE (no),
    CONSTRAINT fk_delivery_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_delivery_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_delivery_pledge_id FOREIGN KEY(pledge_id) REFERENCES pledge (id),
    CONSTRAINT fk_delivery_allocation_id FOREIGN KEY(allocation_id) REFERENCES allocation (id),
    CONSTRAINT ck_delivery_state_known CHECK (state IN ('recorded', 'acknowledged', 'verified', 'disputed', 'reversed')),
    CONSTRAINT ck_delivery_acknowledgement_known CHECK (acknowledgement IN ('signature', 'otp', 'voice', 'guardian', 'witnessed'))
);

CREATE INDEX ix_delivery_allocation_id ON delivery (allocation_id);

CREATE INDEX ix_delivery_created_at ON delivery (created_at, id);

CREATE INDEX ix_delivery_need_id ON delivery (need_id);

CREATE INDEX ix_delivery_organization_id ON delivery (organization_id);

CREATE INDEX ix_delivery_pledge_id ON delivery (pledge_id);

CREATE TABLE allocation_move (
    id UUID NOT NULL,
    allocation_id UUID NOT NULL,
    from_bucket VARCHAR(40) NOT NULL,
    to_bucket VARCHAR(40) NOT NULL,
    quantity NUMERIC(14, 3) NOT NULL,
    delivery_id UUID,
    moved_at TIMESTAMP WITH TIME ZONE NOT NULL,
    moved_by UUID NOT NULL,
    CONSTRAINT pk_allocation_move PRIMARY KEY (id),
    CONSTRAINT ck_allocation_move_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_allocation_move_listed_move CHECK ((from_bucket, to_bucket) IN (('committed', 'delivered'), ('committed', 'released'), ('delivered', 'confirmed'), ('delivered', 'reversed'), ('open', 'committed'), ('open', 'reserved'), ('reserved', 'committed'), ('reserved', 'released'))),
    CONSTRAINT ck_allocation_move_names_delivery CHECK (delivery_id IS NOT NULL OR to_bucket NOT IN ('delivered', 'confirmed', 'reversed')),
    CONSTRAINT fk_allocation_move_allocation_id FOREIGN KEY(allocation_id) REFERENCES allocation (id),
    CONSTRAINT ck_allocation_move_from_bucket_known CHECK (from_bucket IN ('open', 'reserved', 'committed', 'delivered', 'confirmed', 'released', 'reversed')),
    CONSTRAINT ck_allocation_move_to_bucket_known CHECK (to_bucket IN ('open', 'reserved', 'committed', 'delivered', 'confirmed', 'released', 'reversed')),
    CONSTRAINT fk_allocation_move_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id)
);

CREATE INDEX ix_allocation_move_allocation_id ON allocation_move (allocation_id);

CREATE INDEX ix_allocation_move_delivery_id ON allocation_move (delivery_id);

CREATE TABLE feedback (
    id UUID NOT NULL,
    need_id UUID NOT NULL,
    delivery_id UUID,
    source VARCHAR(40) NOT NULL,
    rating INTEGER,
    text TEXT,
    wants_call_back BOOLEAN NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_feedback PRIMARY KEY (id),
    CONSTRAINT ck_feedback_rating_range CHECK (rating BETWEEN 1 AND 5),
    CONSTRAINT fk_feedback_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_feedback_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id),
    CONSTRAINT ck_feedback_source_known CHECK (source IN ('recipient', 'receiver', 'authority')),
    CONSTRAINT ck_feedback_state_known CHECK (state IN ('received', 'read', 'handled'))
);

CREATE INDEX ix_feedback_created_at ON feedback (created_at, id);

CREATE INDEX ix_feedback_delivery_id ON feedback (delivery_id);

CREATE INDEX ix_feedback_need_id ON feedback (need_id);
