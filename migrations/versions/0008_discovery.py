"""Discovery reports with their trail and replies, who told of them, and one-time notices.

Who told of something lies in the vault, as identity does: the application writes ciphertext and
reads it through a request that an earlier transaction committed. Trail, replies and notices are
history. A need may name the report it was recorded from, and an import may bring reports.
"""

from alembic import op

revision = "0008"
down_revision = "0007"

VAULT = """
CREATE TABLE vault.contact (
    id UUID NOT NULL,
    fields TEXT[] NOT NULL,
    wrapped_key BYTEA,
    key_version INTEGER NOT NULL,
    name BYTEA,
    phone BYTEA,
    phone_hmac BYTEA,
    recorded_at TIMESTAMP WITH TIME ZONE NOT NULL,
    recorded_by UUID NOT NULL,
    erased_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_contact PRIMARY KEY (id),
    CONSTRAINT ck_contact_erased CHECK ((wrapped_key IS NULL) = (erased_at IS NOT NULL)),
    CONSTRAINT ck_contact_erased_whole
        CHECK (erased_at IS NULL OR (name IS NULL AND phone IS NULL AND phone_hmac IS NULL)),
    CONSTRAINT ck_contact_field_named CHECK (cardinality(fields) > 0)
)
;
CREATE INDEX ix_vault_contact_phone_hmac ON vault.contact (phone_hmac)
;
CREATE TABLE vault.contact_reveal (
    id UUID NOT NULL,
    contact_id UUID NOT NULL,
    purpose TEXT NOT NULL,
    account_id UUID NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE DEFAULT statement_timestamp() NOT NULL,
    xact xid8 DEFAULT pg_current_xact_id() NOT NULL,
    CONSTRAINT pk_contact_reveal PRIMARY KEY (id),
    CONSTRAINT fk_contact_reveal_contact_id FOREIGN KEY(contact_id) REFERENCES vault.contact (id),
    CONSTRAINT fk_contact_reveal_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_vault_contact_reveal_account_id ON vault.contact_reveal (account_id)
;
CREATE INDEX ix_vault_contact_reveal_contact_id ON vault.contact_reveal (contact_id)
"""

TABLES = """
CREATE TABLE discovery_report (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    source TEXT NOT NULL,
    duty_reporter BOOLEAN NOT NULL,
    contact_id UUID,
    area_code TEXT COLLATE "C" NOT NULL,
    situation TEXT NOT NULL,
    danger BOOLEAN NOT NULL,
    ticket_system TEXT,
    ticket_type TEXT,
    ticket_no TEXT,
    household_id UUID,
    received_at TIMESTAMP WITH TIME ZONE NOT NULL,
    custody_area_code TEXT COLLATE "C" NOT NULL,
    station_id UUID,
    owner_id UUID,
    offered_area_code TEXT COLLATE "C",
    offered_station_id UUID,
    offered_at TIMESTAMP WITH TIME ZONE,
    contact_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    verify_due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    clock_rules TEXT[] NOT NULL,
    contacted_at TIMESTAMP WITH TIME ZONE,
    contact_overdue_at TIMESTAMP WITH TIME ZONE,
    verify_overdue_at TIMESTAMP WITH TIME ZONE,
    visited_at TIMESTAMP WITH TIME ZONE,
    findings TEXT,
    verified_at TIMESTAMP WITH TIME ZONE,
    verified_by UUID,
    duplicate_of_id UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    ended_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_discovery_report PRIMARY KEY (id),
    CONSTRAINT uq_discovery_report_ticket_system_ticket_type_ticket_no
        UNIQUE (ticket_system, ticket_type, ticket_no),
    CONSTRAINT ck_discovery_report_ticket_whole
        CHECK ((ticket_system IS NULL) = (ticket_no IS NULL) AND (ticket_type IS NULL) =
            (ticket_no IS NULL)),
    CONSTRAINT ck_discovery_report_inv_20_owner
        CHECK (state = 'received' OR owner_id IS NOT NULL),
    CONSTRAINT ck_discovery_report_duplicate_named
        CHECK ((state = 'duplicate_of') = (duplicate_of_id IS NOT NULL) AND duplicate_of_id <>
            id),
    CONSTRAINT ck_discovery_report_verified_by_visit
        CHECK (state IN ('received', 'triaged', 'assigned', 'duplicate_of') OR (verified_at IS
            NOT NULL AND verified_by IS NOT NULL AND visited_at IS NOT NULL AND findings IS NOT
            NULL)),
    CONSTRAINT ck_discovery_report_ended
        CHECK ((state IN ('converted', 'unfounded', 'duplicate_of', 'closed')) = (ended_at IS NOT
            NULL)),
    CONSTRAINT ck_discovery_report_offer_whole
        CHECK ((offered_area_code IS NULL) = (offered_at IS NULL) AND (offered_station_id IS NULL
            OR offered_area_code IS NOT NULL)),
    CONSTRAINT ck_discovery_report_offered_is_owned
        CHECK (offered_area_code IS NULL OR state IN ('triaged', 'assigned', 'verified',
            'transferred')),
    CONSTRAINT uq_discovery_report_no UNIQUE (no),
    CONSTRAINT fk_discovery_report_contact_id FOREIGN KEY(contact_id)
        REFERENCES vault.contact (id),
    CONSTRAINT fk_discovery_report_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_discovery_report_household_id FOREIGN KEY(household_id)
        REFERENCES household (id),
    CONSTRAINT fk_discovery_report_custody_area_code FOREIGN KEY(custody_area_code)
        REFERENCES area (code),
    CONSTRAINT fk_discovery_report_station_id FOREIGN KEY(station_id) REFERENCES station (id),
    CONSTRAINT fk_discovery_report_owner_id FOREIGN KEY(owner_id) REFERENCES account (id),
    CONSTRAINT fk_discovery_report_offered_area_code FOREIGN KEY(offered_area_code)
        REFERENCES area (code),
    CONSTRAINT fk_discovery_report_offered_station_id FOREIGN KEY(offered_station_id)
        REFERENCES station (id),
    CONSTRAINT fk_discovery_report_duplicate_of_id FOREIGN KEY(duplicate_of_id)
        REFERENCES discovery_report (id),
    CONSTRAINT ck_discovery_report_state_known
        CHECK (state IN ('received', 'triaged', 'assigned', 'verified', 'converted',
            'transferred', 'unfounded', 'duplicate_of', 'closed'))
)
;
CREATE INDEX ix_discovery_report_area_code ON discovery_report (area_code)
;
CREATE INDEX ix_discovery_report_awaits_contact ON discovery_report (contact_due_at)
    WHERE contacted_at IS NULL AND contact_overdue_at IS NULL AND state IN ('received',
        'triaged', 'assigned')
;
CREATE INDEX ix_discovery_report_awaits_visit ON discovery_report (verify_due_at)
    WHERE verify_overdue_at IS NULL AND state IN ('received', 'triaged', 'assigned')
;
CREATE INDEX ix_discovery_report_contact_due_at ON discovery_report (contact_due_at, id)
;
CREATE INDEX ix_discovery_report_contact_id ON discovery_report (contact_id)
;
CREATE INDEX ix_discovery_report_created_by ON discovery_report (created_by)
;
CREATE INDEX ix_discovery_report_custody_area_code ON discovery_report (custody_area_code)
;
CREATE INDEX ix_discovery_report_duplicate_of_id ON discovery_report (duplicate_of_id)
;
CREATE INDEX ix_discovery_report_household_id ON discovery_report (household_id)
;
CREATE INDEX ix_discovery_report_offered_area_code ON discovery_report (offered_area_code)
;
CREATE INDEX ix_discovery_report_offered_station_id ON discovery_report (offered_station_id)
;
CREATE INDEX ix_discovery_report_open_custody ON discovery_report (custody_area_code, state)
    WHERE state IN ('received', 'triaged', 'assigned', 'verified', 'transferred')
;
CREATE INDEX ix_discovery_report_owner_id ON discovery_report (owner_id)
;
CREATE INDEX ix_discovery_report_received_at ON discovery_report (received_at, id)
;
CREATE INDEX ix_discovery_report_station_id ON discovery_report (station_id)
;
CREATE INDEX ix_discovery_report_verify_due_at ON discovery_report (verify_due_at, id)
;
CREATE TABLE custody_step (
    id UUID NOT NULL,
    report_id UUID NOT NULL,
    position INTEGER NOT NULL,
    kind VARCHAR(40) NOT NULL,
    from_area_code TEXT COLLATE "C",
    to_area_code TEXT COLLATE "C" NOT NULL,
    to_station_id UUID,
    owner_id UUID,
    by_id UUID NOT NULL,
    reason TEXT,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_custody_step PRIMARY KEY (id),
    CONSTRAINT uq_custody_step_report_id_position UNIQUE (report_id, position),
    CONSTRAINT fk_custody_step_report_id FOREIGN KEY(report_id) REFERENCES discovery_report (id),
    CONSTRAINT ck_custody_step_kind_known
        CHECK (kind IN ('received', 'triaged', 'assigned', 'offered', 'recalled', 'refused',
            'taken_over')),
    CONSTRAINT fk_custody_step_from_area_code FOREIGN KEY(from_area_code) REFERENCES area (code),
    CONSTRAINT fk_custody_step_to_area_code FOREIGN KEY(to_area_code) REFERENCES area (code),
    CONSTRAINT fk_custody_step_to_station_id FOREIGN KEY(to_station_id) REFERENCES station (id),
    CONSTRAINT fk_custody_step_owner_id FOREIGN KEY(owner_id) REFERENCES account (id)
)
;
CREATE INDEX ix_custody_step_from_area_code ON custody_step (from_area_code)
;
CREATE INDEX ix_custody_step_owner_id ON custody_step (owner_id)
;
CREATE INDEX ix_custody_step_to_area_code ON custody_step (to_area_code)
;
CREATE INDEX ix_custody_step_to_station_id ON custody_step (to_station_id)
;
CREATE TABLE hotline_reply (
    id UUID NOT NULL,
    report_id UUID NOT NULL,
    position INTEGER NOT NULL,
    code TEXT NOT NULL,
    text TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    replied_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_hotline_reply PRIMARY KEY (id),
    CONSTRAINT uq_hotline_reply_report_id_position UNIQUE (report_id, position),
    CONSTRAINT ck_hotline_reply_text_short CHECK (length(text) BETWEEN 1 AND 500),
    CONSTRAINT fk_hotline_reply_report_id FOREIGN KEY(report_id) REFERENCES discovery_report (id),
    CONSTRAINT ck_hotline_reply_state_known
        CHECK (state IN ('received', 'triaged', 'assigned', 'verified', 'converted',
            'transferred', 'unfounded', 'duplicate_of', 'closed'))
)
;
CREATE TABLE missing_notice (
    id UUID NOT NULL,
    report_id UUID,
    need_id UUID,
    items TEXT[] NOT NULL,
    note TEXT,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    given_at TIMESTAMP WITH TIME ZONE NOT NULL,
    given_by UUID NOT NULL,
    late BOOLEAN NOT NULL,
    CONSTRAINT pk_missing_notice PRIMARY KEY (id),
    CONSTRAINT ck_missing_notice_one_subject CHECK (num_nonnulls(report_id, need_id) = 1),
    CONSTRAINT ck_missing_notice_item_named CHECK (cardinality(items) > 0),
    CONSTRAINT uq_missing_notice_report_id UNIQUE (report_id),
    CONSTRAINT fk_missing_notice_report_id FOREIGN KEY(report_id)
        REFERENCES discovery_report (id),
    CONSTRAINT uq_missing_notice_need_id UNIQUE (need_id),
    CONSTRAINT fk_missing_notice_need_id FOREIGN KEY(need_id) REFERENCES need (id)
)
"""

LINKS = (
    "ALTER TABLE need ADD COLUMN discovery_report_id UUID",
    "ALTER TABLE need ADD CONSTRAINT fk_need_discovery_report_id "
    "FOREIGN KEY (discovery_report_id) REFERENCES discovery_report (id)",
    "CREATE INDEX ix_need_discovery_report_id ON need (discovery_report_id)",
    "ALTER TABLE external_ref DROP CONSTRAINT ck_external_ref_object_type_known",
    "ALTER TABLE external_ref ADD CONSTRAINT ck_external_ref_object_type_known CHECK "
    "(object_type IN ('need', 'offer', 'household', 'recipient', 'recognition', "
    "'discovery_report'))",
)

GRANTS = (
    "REVOKE ALL ON vault.contact, vault.contact_reveal FROM PUBLIC",
    "GRANT INSERT ON vault.contact TO nexus_app",
    # Of a contact the application may know that it is there, and find it again by its phone.
    "GRANT SELECT (id, fields, wrapped_key, key_version, phone_hmac, recorded_at, recorded_by, "
    "erased_at) ON vault.contact TO nexus_app",
    "GRANT UPDATE (wrapped_key, name, phone, phone_hmac, erased_at) ON vault.contact TO nexus_app",
    # Neither requested_at nor xact: their defaults are the evidence.
    "GRANT SELECT ON vault.contact_reveal TO nexus_app",
    "GRANT INSERT (id, contact_id, purpose, account_id) ON vault.contact_reveal TO nexus_app",
    "REVOKE UPDATE ON custody_step, hotline_reply, missing_notice FROM nexus_app",
)

CIPHERTEXT = """
CREATE FUNCTION vault.contact_ciphertext(reveal_id uuid, account uuid)
RETURNS TABLE (contact_id uuid, name bytea, phone bytea, key_version integer)
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT told.id, told.name, told.phone, told.key_version
    FROM vault.contact_reveal AS asked
    JOIN vault.contact AS told ON told.id = asked.contact_id
    WHERE asked.id = reveal_id
      AND asked.account_id = account
      -- In this order: after a restore elsewhere, an old number may lie in the future there.
      AND CASE WHEN asked.requested_at > clock_timestamp() - interval '5 minutes'
          THEN pg_xact_status(asked.xact) = 'committed' ELSE false END
$$
"""

GATE = (
    "REVOKE ALL ON FUNCTION vault.contact_ciphertext(uuid, uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION vault.contact_ciphertext(uuid, uuid) TO nexus_app",
)

APPEND_ONLY = ("vault.contact_reveal", "custody_step", "hotline_reply", "missing_notice")


def upgrade() -> None:
    """Tables, links, grants, the gate, and histories that nobody changes."""
    run = op.get_bind().exec_driver_sql
    for statement in (*VAULT.split("\n;\n"), *TABLES.split("\n;\n"), *LINKS):
        run(statement)
    for statement in (*GRANTS, CIPHERTEXT, *GATE):
        run(statement)
    for table in APPEND_ONLY:
        name = table.removeprefix("vault.")
        run(
            f"CREATE TRIGGER {name}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
