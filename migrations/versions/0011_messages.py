"""Messages to and from authorities, their replies, and what fills a gap.

What a message says and what caused it never changes: the application may only move its state.
Replies are history. Where the messages' reading of the feed begins is a row of its own.
"""

from alembic import op

revision = "0011"
down_revision = "0010"

TABLES = """
CREATE TABLE authority_reply (
    id UUID NOT NULL,
    need_id UUID NOT NULL,
    delivery_id UUID,
    authority_id UUID NOT NULL,
    status VARCHAR(40) NOT NULL,
    reason VARCHAR(40),
    sequence INTEGER NOT NULL,
    late BOOLEAN NOT NULL,
    happened_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_authority_reply PRIMARY KEY (id),
    CONSTRAINT ck_authority_reply_sequence_positive CHECK (sequence > 0),
    CONSTRAINT ck_authority_reply_subject
        CHECK ((delivery_id IS NOT NULL) = (status IN ('confirmed', 'queried'))),
    CONSTRAINT ck_authority_reply_reason
        CHECK (status NOT IN ('closed', 'queried') OR reason IS NOT NULL),
    CONSTRAINT fk_authority_reply_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_authority_reply_delivery_id FOREIGN KEY(delivery_id) REFERENCES delivery (id),
    CONSTRAINT fk_authority_reply_authority_id
        FOREIGN KEY(authority_id) REFERENCES organization (id),
    CONSTRAINT ck_authority_reply_status_known
        CHECK (status IN ('accepted', 'in_progress', 'resourced', 'closed', 'reopened',
        'confirmed', 'queried')),
    CONSTRAINT ck_authority_reply_reason_known
        CHECK (reason IN ('met', 'partly_met', 'expired_unmet', 'withdrawn_by_recipient',
        'no_longer_needed', 'resourced_elsewhere', 'moved_or_deceased', 'ineligible',
        'not_received', 'quantity_differs', 'quality', 'duplicate', 'other'))
)
;
CREATE INDEX ix_authority_reply_authority_id ON authority_reply (authority_id)
;
CREATE INDEX ix_authority_reply_created_at ON authority_reply (created_at, id)
;
CREATE INDEX ix_authority_reply_delivery_id ON authority_reply (delivery_id)
;
CREATE INDEX ix_authority_reply_standing ON authority_reply (need_id, sequence)
;
CREATE TABLE exchange_partner (
    id UUID NOT NULL,
    organization_id UUID NOT NULL,
    mode VARCHAR(40) NOT NULL,
    url TEXT,
    folder TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    since_xact xid8 DEFAULT pg_snapshot_xmin(pg_current_snapshot()) NOT NULL,
    failures INTEGER NOT NULL,
    failing_at TIMESTAMP WITH TIME ZONE,
    alarmed_at TIMESTAMP WITH TIME ZONE,
    retry_at TIMESTAMP WITH TIME ZONE,
    last_success_at TIMESTAMP WITH TIME ZONE,
    leased_until TIMESTAMP WITH TIME ZONE,
    lease BIGINT NOT NULL,
    CONSTRAINT pk_exchange_partner PRIMARY KEY (id),
    CONSTRAINT ck_exchange_partner_url CHECK ((mode = 'call_out') = (url IS NOT NULL)),
    CONSTRAINT ck_exchange_partner_folder CHECK ((mode = 'file_drop') = (folder IS NOT NULL)),
    CONSTRAINT ck_exchange_partner_failures_not_negative CHECK (failures >= 0),
    CONSTRAINT fk_exchange_partner_organization_id
        FOREIGN KEY(organization_id) REFERENCES organization (id),
    CONSTRAINT ck_exchange_partner_mode_known CHECK (mode IN ('call_out', 'file_drop', 'pull')),
    CONSTRAINT ck_exchange_partner_state_known CHECK (state IN ('active', 'paused', 'closed'))
)
;
CREATE INDEX ix_exchange_partner_organization_id ON exchange_partner (organization_id)
;
CREATE UNIQUE INDEX uq_exchange_partner_folder ON exchange_partner (folder) WHERE state <> 'closed'
;
CREATE UNIQUE INDEX uq_exchange_partner_live ON exchange_partner (organization_id)
    WHERE state <> 'closed'
;
CREATE TABLE exchange_secret (
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    ciphertext BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_exchange_secret PRIMARY KEY (id),
    CONSTRAINT fk_exchange_secret_partner_id
        FOREIGN KEY(partner_id) REFERENCES exchange_partner (id)
)
;
CREATE INDEX ix_exchange_secret_partner_id ON exchange_secret (partner_id)
;
CREATE TABLE exchange_thread (
    id UUID NOT NULL,
    partner_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    sent INTEGER NOT NULL,
    received INTEGER NOT NULL,
    CONSTRAINT pk_exchange_thread PRIMARY KEY (id),
    CONSTRAINT uq_exchange_thread_partner_id_subject_id UNIQUE (partner_id, subject_id),
    CONSTRAINT ck_exchange_thread_counts_not_negative CHECK (sent >= 0 AND received >= 0),
    CONSTRAINT fk_exchange_thread_partner_id
        FOREIGN KEY(partner_id) REFERENCES exchange_partner (id)
)
;
CREATE TABLE exchange_message (
    id UUID NOT NULL,
    position BIGINT GENERATED ALWAYS AS IDENTITY,
    partner_id UUID NOT NULL,
    thread_id UUID NOT NULL,
    direction VARCHAR(40) NOT NULL,
    kind TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    event_id UUID,
    need_id UUID NOT NULL,
    reply_id UUID,
    body TEXT NOT NULL,
    payload_hash TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    state VARCHAR(40) NOT NULL,
    outcome VARCHAR(40),
    version INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    sent_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    died_at TIMESTAMP WITH TIME ZONE,
    last_attempt_at TIMESTAMP WITH TIME ZONE,
    last_status INTEGER,
    last_error TEXT,
    CONSTRAINT pk_exchange_message PRIMARY KEY (id),
    CONSTRAINT uq_exchange_message_partner_id_direction_idempotency_key
        UNIQUE (partner_id, direction, idempotency_key),
    CONSTRAINT ck_exchange_message_cause CHECK ((direction = 'out') = (event_id IS NOT NULL)),
    CONSTRAINT ck_exchange_message_effect CHECK ((direction = 'in') = (reply_id IS NOT NULL)),
    CONSTRAINT ck_exchange_message_outcome CHECK ((direction = 'in') = (outcome IS NOT NULL)),
    CONSTRAINT ck_exchange_message_in_is_treated CHECK (direction = 'out' OR state = 'acked'),
    CONSTRAINT ck_exchange_message_finished
        CHECK ((state IN ('acked', 'dead')) = (finished_at IS NOT NULL)),
    CONSTRAINT ck_exchange_message_hash_shape CHECK (payload_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_exchange_message_sequence_positive CHECK (sequence > 0),
    CONSTRAINT ck_exchange_message_attempts_not_negative CHECK (attempts >= 0 AND refusals >= 0),
    CONSTRAINT uq_exchange_message_position UNIQUE (position),
    CONSTRAINT fk_exchange_message_partner_id
        FOREIGN KEY(partner_id) REFERENCES exchange_partner (id),
    CONSTRAINT fk_exchange_message_thread_id FOREIGN KEY(thread_id) REFERENCES exchange_thread (id),
    CONSTRAINT ck_exchange_message_direction_known CHECK (direction IN ('out', 'in')),
    CONSTRAINT fk_exchange_message_event_id FOREIGN KEY(event_id) REFERENCES event (id),
    CONSTRAINT fk_exchange_message_need_id FOREIGN KEY(need_id) REFERENCES need (id),
    CONSTRAINT fk_exchange_message_reply_id FOREIGN KEY(reply_id) REFERENCES authority_reply (id),
    CONSTRAINT ck_exchange_message_state_known
        CHECK (state IN ('pending', 'sent', 'failed', 'acked', 'dead')),
    CONSTRAINT ck_exchange_message_outcome_known CHECK (outcome IN ('applied', 'late'))
)
;
CREATE INDEX ix_exchange_message_ack ON exchange_message (partner_id, due_at)
    WHERE direction = 'out' AND state = 'sent'
;
CREATE INDEX ix_exchange_message_created_at ON exchange_message (created_at, id)
;
CREATE INDEX ix_exchange_message_event_id ON exchange_message (event_id)
;
CREATE INDEX ix_exchange_message_live ON exchange_message (thread_id, position)
    WHERE direction = 'out' AND state IN ('pending', 'failed', 'sent')
;
CREATE INDEX ix_exchange_message_log ON exchange_message (partner_id, position)
;
CREATE INDEX ix_exchange_message_need_id ON exchange_message (need_id)
;
CREATE INDEX ix_exchange_message_reply_id ON exchange_message (reply_id)
;
CREATE INDEX ix_exchange_message_thread ON exchange_message (thread_id, direction, sequence)
;
CREATE INDEX ix_exchange_message_turn ON exchange_message (partner_id, position)
    WHERE direction = 'out' AND state IN ('pending', 'failed')
;
CREATE UNIQUE INDEX uq_exchange_message_event ON exchange_message (partner_id, event_id)
    WHERE direction = 'out'
;
CREATE UNIQUE INDEX uq_exchange_message_sequence ON exchange_message (thread_id, sequence)
    WHERE direction = 'out'
"""

GAPS = (
    "ALTER TABLE gap ADD COLUMN remedy VARCHAR(40)",
    "ALTER TABLE gap ADD COLUMN purchase_ref TEXT",
    "ALTER TABLE gap ADD CONSTRAINT ck_gap_remedy_known "
    "CHECK (remedy IN ('offer', 'purchase_plan', 'government'))",
    "ALTER TABLE gap ADD CONSTRAINT ck_gap_remedy_addresses "
    "CHECK (remedy IS NULL OR state = 'addressed')",
    "CREATE INDEX ix_gap_purchase_ref ON gap (purchase_ref) WHERE purchase_ref IS NOT NULL",
)

GRANTS = (
    "REVOKE UPDATE ON authority_reply, exchange_message, exchange_secret, exchange_thread "
    "FROM nexus_app",
    "GRANT UPDATE (state, version, attempts, refusals, due_at, expires_at, sent_at, finished_at, "
    "died_at, last_attempt_at, last_status, last_error) ON exchange_message TO nexus_app",
    "GRANT UPDATE (expires_at) ON exchange_secret TO nexus_app",
    "GRANT UPDATE (sent, received) ON exchange_thread TO nexus_app",
)


def upgrade() -> None:
    """Tables, gaps' new columns, grants, the reader's place."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split("\n;\n"), *GAPS, *GRANTS):
        run(statement)
    run("INSERT INTO feed_cursor (name, xact, position) VALUES ('messages', '0', 0)")
    run(
        "CREATE TRIGGER authority_reply_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON authority_reply FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
