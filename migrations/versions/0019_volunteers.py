"""Volunteers, their teams and rosters, tasks with counted positions, and sign-ups.

Who a volunteer is lies in the vault beside other contacts, which may have an ID number now: it is
there to be compared, and no gate hands it out. The database counts the slots that sign-ups take
(INV-30) and refuses two periods of one volunteer that overlap, wherever they are (INV-31); the
application writes neither counter nor period.
"""

from alembic import op

revision = "0019"
down_revision = "0018"

VAULT = (
    "ALTER TABLE vault.contact ADD COLUMN id_number BYTEA, ADD COLUMN id_number_hmac BYTEA",
    "ALTER TABLE vault.contact DROP CONSTRAINT ck_contact_erased_whole",
    "ALTER TABLE vault.contact ADD CONSTRAINT ck_contact_erased_whole CHECK (erased_at IS NULL OR "
    "(name IS NULL AND phone IS NULL AND phone_hmac IS NULL AND id_number IS NULL "
    "AND id_number_hmac IS NULL))",
    "CREATE UNIQUE INDEX uq_vault_contact_id_number_hmac ON vault.contact (id_number_hmac) "
    "WHERE id_number_hmac IS NOT NULL",
    "GRANT SELECT (id_number_hmac) ON vault.contact TO nexus_app",
    "GRANT UPDATE (id_number, id_number_hmac) ON vault.contact TO nexus_app",
)

TABLES = """
CREATE TABLE team (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    organization_id UUID NOT NULL,
    name TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_team PRIMARY KEY (id),
    CONSTRAINT uq_team_no UNIQUE (no),
    CONSTRAINT fk_team_organization_id FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT fk_team_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_team_state_known CHECK (state IN ('active', 'dissolved'))
)
;
CREATE INDEX ix_team_area_code ON team (area_code)
;
CREATE INDEX ix_team_created_at ON team (created_at, id)
;
CREATE INDEX ix_team_organization_id ON team (organization_id)
;
CREATE UNIQUE INDEX uq_team_name ON team (organization_id, name) WHERE state = 'active'
;
CREATE TABLE volunteer (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    account_id UUID,
    organization_id UUID,
    contact_id UUID NOT NULL,
    national_no TEXT,
    birth_year INTEGER NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    skills TEXT[] NOT NULL,
    languages TEXT[] NOT NULL,
    trained TEXT[] NOT NULL,
    verified_at TIMESTAMP WITH TIME ZONE,
    verified_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_volunteer PRIMARY KEY (id),
    CONSTRAINT ck_volunteer_birth_year CHECK (birth_year BETWEEN 1900 AND 2200),
    CONSTRAINT ck_volunteer_national_no_shape CHECK (national_no ~ '^[0-9A-Z]{8,32}$'),
    CONSTRAINT ck_volunteer_verified_whole CHECK ((verified_at IS NULL) = (verified_by IS NULL)),
    CONSTRAINT ck_volunteer_real_name_first CHECK (state IN ('registered', 'left') OR
        verified_at IS NOT NULL),
    CONSTRAINT ck_volunteer_verifier_not_creator CHECK (verified_by IS DISTINCT FROM created_by),
    CONSTRAINT uq_volunteer_no UNIQUE (no),
    CONSTRAINT uq_volunteer_account_id UNIQUE (account_id),
    CONSTRAINT fk_volunteer_account_id FOREIGN KEY(account_id) REFERENCES account (id),
    CONSTRAINT fk_volunteer_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT uq_volunteer_contact_id UNIQUE (contact_id),
    CONSTRAINT fk_volunteer_contact_id FOREIGN KEY(contact_id) REFERENCES vault.contact (id),
    CONSTRAINT uq_volunteer_national_no UNIQUE (national_no),
    CONSTRAINT fk_volunteer_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_volunteer_state_known CHECK (state IN ('registered', 'verified', 'active',
        'suspended', 'left'))
)
;
CREATE INDEX ix_volunteer_area_code ON volunteer (area_code)
;
CREATE INDEX ix_volunteer_created_at ON volunteer (created_at, id)
;
CREATE INDEX ix_volunteer_organization_id ON volunteer (organization_id)
;
CREATE TABLE volunteer_task (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    organization_id UUID NOT NULL,
    parent_organization_id UUID,
    station_id UUID,
    programme TEXT,
    name TEXT NOT NULL,
    summary TEXT,
    category TEXT NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    place TEXT NOT NULL,
    place_public BOOLEAN NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    signup_deadline_at TIMESTAMP WITH TIME ZONE NOT NULL,
    expected INTEGER NOT NULL,
    insured BOOLEAN NOT NULL,
    by_approval BOOLEAN NOT NULL,
    check_in_mode VARCHAR(40) NOT NULL,
    submitted_by UUID,
    published_at TIMESTAMP WITH TIME ZONE,
    published_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_volunteer_task PRIMARY KEY (id),
    CONSTRAINT ck_volunteer_task_period CHECK (ends_at > starts_at),
    CONSTRAINT ck_volunteer_task_at_most_a_year CHECK (ends_at <= starts_at + interval '366
        days'),
    CONSTRAINT ck_volunteer_task_deadline CHECK (signup_deadline_at <= ends_at),
    CONSTRAINT ck_volunteer_task_expected CHECK (expected > 0),
    CONSTRAINT ck_volunteer_task_no_backfill CHECK (strpos(name, '补录') = 0),
    CONSTRAINT ck_volunteer_task_self_check_in CHECK (check_in_mode <> 'self_location' OR
        expected >= 100),
    CONSTRAINT ck_volunteer_task_published_whole CHECK ((published_at IS NULL) =
        (published_by IS NULL)),
    CONSTRAINT ck_volunteer_task_published_first CHECK (state IN ('draft', 'submitted',
        'cancelled') OR published_at IS NOT NULL),
    CONSTRAINT ck_volunteer_task_published_before_start CHECK (published_at < starts_at),
    CONSTRAINT ck_volunteer_task_publisher_not_creator CHECK (published_by IS DISTINCT FROM
        created_by AND (published_by IS NULL OR published_by IS DISTINCT FROM
        submitted_by)),
    CONSTRAINT uq_volunteer_task_no UNIQUE (no),
    CONSTRAINT fk_volunteer_task_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_volunteer_task_parent_organization_id FOREIGN KEY(parent_organization_id)
        REFERENCES organization (id),
    CONSTRAINT fk_volunteer_task_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_volunteer_task_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_volunteer_task_check_in_mode_known CHECK (check_in_mode IN ('code',
        'scan', 'self_location')),
    CONSTRAINT ck_volunteer_task_state_known CHECK (state IN ('draft', 'submitted',
        'published', 'recruiting', 'in_progress', 'ended', 'hours_confirmed', 'closed',
        'cancelled'))
)
;
CREATE INDEX ix_volunteer_task_area_code ON volunteer_task (area_code)
;
CREATE INDEX ix_volunteer_task_created_at ON volunteer_task (created_at, id)
;
CREATE INDEX ix_volunteer_task_organization_id ON volunteer_task (organization_id)
;
CREATE INDEX ix_volunteer_task_parent_organization_id ON volunteer_task (parent_organization_id)
;
CREATE INDEX ix_volunteer_task_starts_at ON volunteer_task (starts_at, id)
;
CREATE INDEX ix_volunteer_task_station_id ON volunteer_task (station_id)
;
CREATE INDEX ix_volunteer_task_to_end ON volunteer_task (ends_at) WHERE state = 'in_progress'
;
CREATE INDEX ix_volunteer_task_to_start ON volunteer_task (starts_at) WHERE state IN
    ('published', 'recruiting')
;
CREATE TABLE attendance_secret (
    task_id UUID NOT NULL,
    wrapped BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_attendance_secret PRIMARY KEY (task_id),
    CONSTRAINT fk_attendance_secret_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id)
)
;
CREATE TABLE guardian_consent (
    id UUID NOT NULL,
    volunteer_id UUID NOT NULL,
    given_by VARCHAR(40) NOT NULL,
    contact_id UUID NOT NULL,
    text_version TEXT NOT NULL,
    text_hash TEXT NOT NULL,
    method VARCHAR(40) NOT NULL,
    obtained_at TIMESTAMP WITH TIME ZONE NOT NULL,
    obtained_by UUID NOT NULL,
    expires_on DATE NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_guardian_consent PRIMARY KEY (id),
    CONSTRAINT ck_guardian_consent_text_hash_shape CHECK (text_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT fk_guardian_consent_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES
        volunteer (id),
    CONSTRAINT ck_guardian_consent_given_by_known CHECK (given_by IN ('parent', 'guardian',
        'school')),
    CONSTRAINT uq_guardian_consent_contact_id UNIQUE (contact_id),
    CONSTRAINT fk_guardian_consent_contact_id FOREIGN KEY(contact_id) REFERENCES
        vault.contact (id),
    CONSTRAINT ck_guardian_consent_method_known CHECK (method IN ('paper_scan', 'e_signature')),
    CONSTRAINT ck_guardian_consent_state_known CHECK (state IN ('granted', 'withdrawn',
        'expired'))
)
;
CREATE INDEX ix_guardian_consent_expires_on ON guardian_consent (expires_on) WHERE state =
    'granted'
;
CREATE INDEX ix_guardian_consent_volunteer_id ON guardian_consent (volunteer_id)
;
CREATE UNIQUE INDEX uq_guardian_consent_live ON guardian_consent (volunteer_id) WHERE state =
    'granted'
;
CREATE TABLE roster_entry (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    volunteer_id UUID NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_roster_entry PRIMARY KEY (id),
    CONSTRAINT uq_roster_entry_organization_id_volunteer_id UNIQUE (organization_id,
        volunteer_id),
    CONSTRAINT fk_roster_entry_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id),
    CONSTRAINT fk_roster_entry_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id),
    CONSTRAINT ck_roster_entry_state_known CHECK (state IN ('listed', 'blocked'))
)
;
CREATE INDEX ix_roster_entry_created_at ON roster_entry (created_at, id)
;
CREATE INDEX ix_roster_entry_volunteer_id ON roster_entry (volunteer_id)
;
CREATE TABLE task_position (
    id UUID NOT NULL,
    task_id UUID NOT NULL,
    position INTEGER NOT NULL,
    role TEXT NOT NULL,
    slots INTEGER NOT NULL,
    taken INTEGER DEFAULT 0 NOT NULL,
    last_place INTEGER NOT NULL,
    skills TEXT[] NOT NULL,
    trainings TEXT[] NOT NULL,
    starts_at TIMESTAMP WITH TIME ZONE NOT NULL,
    ends_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_task_position PRIMARY KEY (id),
    CONSTRAINT uq_task_position_task_id_position UNIQUE (task_id, position),
    CONSTRAINT ck_task_position_slots_positive CHECK (slots > 0),
    CONSTRAINT ck_task_position_inv_30_slots CHECK (taken BETWEEN 0 AND slots),
    CONSTRAINT ck_task_position_period CHECK (ends_at > starts_at),
    CONSTRAINT fk_task_position_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id)
)
;
CREATE TABLE team_membership (
    id UUID NOT NULL,
    team_id UUID NOT NULL,
    volunteer_id UUID NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    version INTEGER NOT NULL,
    CONSTRAINT pk_team_membership PRIMARY KEY (id),
    CONSTRAINT ck_team_membership_period CHECK (valid_to >= valid_from),
    CONSTRAINT ex_team_membership_period EXCLUDE USING gist
        (int8range(hashtextextended(team_id::text || volunteer_id::text, 0),
        hashtextextended(team_id::text || volunteer_id::text, 0), '[]') WITH &&,
        daterange(valid_from, valid_to) WITH &&),
    CONSTRAINT fk_team_membership_team_id FOREIGN KEY(team_id) REFERENCES team (id),
    CONSTRAINT fk_team_membership_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id)
)
;
CREATE INDEX ix_team_membership_team_id ON team_membership (team_id)
;
CREATE INDEX ix_team_membership_volunteer_id ON team_membership (volunteer_id)
;
CREATE TABLE signup (
    id UUID NOT NULL,
    task_id UUID NOT NULL,
    position_id UUID NOT NULL,
    volunteer_id UUID NOT NULL,
    period TSTZRANGE NOT NULL,
    place INTEGER,
    passed_over_at TIMESTAMP WITH TIME ZONE,
    decided_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_signup PRIMARY KEY (id),
    CONSTRAINT uq_signup_position_id_place UNIQUE (position_id, place),
    CONSTRAINT ck_signup_period CHECK (NOT isempty(period)),
    CONSTRAINT ck_signup_placed CHECK (state IN ('applied', 'declined', 'cancelled') OR
        place IS NOT NULL),
    CONSTRAINT ex_signup_inv_31_overlap EXCLUDE USING gist
        (int8range(hashtextextended(volunteer_id::text, 0),
        hashtextextended(volunteer_id::text, 0), '[]') WITH &&, period WITH &&) WHERE (state
        IN ('confirmed', 'attended')),
    CONSTRAINT fk_signup_task_id FOREIGN KEY(task_id) REFERENCES volunteer_task (id),
    CONSTRAINT fk_signup_position_id FOREIGN KEY(position_id) REFERENCES task_position (id),
    CONSTRAINT fk_signup_volunteer_id FOREIGN KEY(volunteer_id) REFERENCES volunteer (id),
    CONSTRAINT ck_signup_state_known CHECK (state IN ('applied', 'confirmed', 'waitlisted',
        'declined', 'cancelled', 'attended', 'no_show'))
)
;
CREATE INDEX ix_signup_created_at ON signup (created_at, id)
;
CREATE INDEX ix_signup_task_id ON signup (task_id)
;
CREATE INDEX ix_signup_volunteer_id ON signup (volunteer_id)
;
CREATE INDEX ix_signup_waitlist ON signup (position_id, place) WHERE state = 'waitlisted'
;
CREATE UNIQUE INDEX uq_signup_live ON signup (position_id, volunteer_id) WHERE state NOT IN
    ('declined', 'cancelled')
"""

COUNT = """
CREATE FUNCTION count_slots() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    takes integer := (NEW.state IN ('confirmed', 'attended', 'no_show'))::integer;
    took integer := 0;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        took := (OLD.state IN ('confirmed', 'attended', 'no_show'))::integer;
    END IF;
    IF takes <> took THEN
        UPDATE task_position SET taken = taken + takes - took WHERE id = NEW.position_id;
    END IF;
    RETURN NULL;
END
$$
"""

COUNTS = """
CREATE TRIGGER signup_counts AFTER INSERT OR UPDATE OF state ON signup
FOR EACH ROW EXECUTE FUNCTION count_slots()
"""

WRITABLE = {
    "volunteer": (
        "account_id, national_no, area_code, skills, languages, trained, verified_at, "
        "verified_by, state, state_reason, version"
    ),
    "guardian_consent": "state, state_reason, version",
    "roster_entry": "state, state_reason, version",
    "team": "name, area_code, state, state_reason, version",
    "team_membership": "valid_to, version",
    "volunteer_task": (
        "parent_organization_id, station_id, programme, name, summary, category, area_code, "
        "place, place_public, starts_at, ends_at, signup_deadline_at, expected, insured, "
        "by_approval, check_in_mode, submitted_by, published_at, published_by, state, "
        "state_reason, version"
    ),
    "task_position": "slots, last_place",
    "signup": ("place, passed_over_at, decided_at, decided_by, state, state_reason, version"),
}
OPENED_WITH = (
    "id, task_id, position, role, slots, last_place, skills, trainings, starts_at, ends_at"
)


def upgrade() -> None:
    """The vault's columns, tables, the count, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in (*VAULT, *TABLES.split("\n;\n")):
        run(statement)
    run(COUNT)
    run("REVOKE ALL ON FUNCTION count_slots() FROM PUBLIC")
    run(COUNTS)
    for table, columns in WRITABLE.items():
        run(f"REVOKE UPDATE ON {table} FROM nexus_app")
        run(f"GRANT UPDATE ({columns}) ON {table} TO nexus_app")
    run("REVOKE INSERT ON task_position FROM nexus_app")
    run(f"GRANT INSERT ({OPENED_WITH}) ON task_position TO nexus_app")
    run("GRANT DELETE ON task_position TO nexus_app")
    run("REVOKE UPDATE ON attendance_secret FROM nexus_app")
