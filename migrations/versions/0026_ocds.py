"""Open contracting releases as they came, the processes they tell of, and findings."""

from alembic import op

revision = "0026"
down_revision = "0025"

TABLES = r"""
CREATE TABLE contracting_document (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    ocid TEXT,
    release_no TEXT,
    released_at TIMESTAMP WITH TIME ZONE,
    tags TEXT[] NOT NULL,
    digest TEXT NOT NULL,
    original TEXT NOT NULL,
    package TEXT,
    file TEXT,
    position INTEGER NOT NULL,
    first_run_id UUID,
    first_seen_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_contracting_document PRIMARY KEY (id),
    CONSTRAINT uq_contracting_document_digest_source_kind UNIQUE (digest, source, kind),
    CONSTRAINT ck_contracting_document_own_is_whole CHECK ((source = 'nexus') = (first_run_id IS
        NULL) AND (source <> 'nexus' OR (kind = 'release' AND ocid IS NOT NULL AND release_no IS
        NOT NULL AND released_at IS NOT NULL))),
    CONSTRAINT ck_contracting_document_kind_known CHECK (kind IN ('release', 'record')),
    CONSTRAINT fk_contracting_document_first_run_id FOREIGN KEY(first_run_id) REFERENCES
        import_run (id)
)
;
CREATE INDEX ix_contracting_document_first_run_id ON contracting_document (first_run_id)
;
CREATE INDEX ix_contracting_document_first_seen_at ON contracting_document (first_seen_at, id)
;
CREATE INDEX ix_contracting_document_ocid ON contracting_document (ocid)
;
CREATE INDEX ix_contracting_document_own ON contracting_document (id) WHERE source = 'nexus'
;
CREATE INDEX ix_contracting_document_process ON contracting_document (source, ocid, released_at,
        id)
;
CREATE INDEX ix_contracting_document_release_no ON contracting_document (release_no)
;
CREATE UNIQUE INDEX uq_contracting_document_own_release ON contracting_document (ocid,
        release_no) WHERE source = 'nexus'
;
CREATE TABLE contracting_process (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    ocid TEXT NOT NULL,
    compiled JSONB NOT NULL,
    title TEXT,
    buyer_name TEXT,
    tender_status TEXT,
    amount NUMERIC(20, 4),
    currency TEXT,
    first_released_at TIMESTAMP WITH TIME ZONE,
    last_released_at TIMESTAMP WITH TIME ZONE,
    documents INTEGER NOT NULL,
    findings INTEGER NOT NULL,
    changed_at TIMESTAMP WITH TIME ZONE NOT NULL,
    version INTEGER NOT NULL,
    CONSTRAINT pk_contracting_process PRIMARY KEY (id),
    CONSTRAINT uq_contracting_process_source_ocid UNIQUE (source, ocid),
    CONSTRAINT ck_contracting_process_amount_has_currency CHECK ((amount IS NULL) = (currency IS
        NULL)),
    CONSTRAINT ck_contracting_process_counted CHECK (documents > 0 AND findings >= 0)
)
;
CREATE INDEX ix_contracting_process_changed_at ON contracting_process (changed_at, id)
;
CREATE INDEX ix_contracting_process_ocid ON contracting_process (ocid)
;
CREATE TABLE contracting_finding (
    id UUID NOT NULL,
    source TEXT NOT NULL,
    process_id UUID,
    document_id UUID,
    code VARCHAR(40) NOT NULL,
    path TEXT NOT NULL,
    message TEXT NOT NULL,
    CONSTRAINT pk_contracting_finding PRIMARY KEY (id),
    CONSTRAINT ck_contracting_finding_about_something CHECK (process_id IS NOT NULL OR
        document_id IS NOT NULL),
    CONSTRAINT fk_contracting_finding_process_id FOREIGN KEY(process_id) REFERENCES
        contracting_process (id),
    CONSTRAINT fk_contracting_finding_document_id FOREIGN KEY(document_id) REFERENCES
        contracting_document (id),
    CONSTRAINT ck_contracting_finding_code_known CHECK (code IN ('amount_negative',
        'amount_not_a_number', 'amount_without_currency', 'buyer_blank', 'buyer_id_changed',
        'code_unknown', 'contract_after_failure', 'contract_without_award', 'date_missing',
        'date_unreadable', 'date_without_time', 'dates_in_two_orders', 'id_missing',
        'id_repeated', 'identifier_blank', 'key_repeated', 'ocid_missing', 'ocid_prefix',
        'party_unlisted', 'period_reversed', 'record_disagrees', 'releases_elsewhere',
        'release_id_repeated', 'same_moment', 'tag_missing', 'two_buyers', 'two_currencies',
        'type_changed'))
)
;
CREATE INDEX ix_contracting_finding_code ON contracting_finding (code, id)
;
CREATE INDEX ix_contracting_finding_document_id ON contracting_finding (document_id)
;
CREATE INDEX ix_contracting_finding_process_id ON contracting_finding (process_id)
;
CREATE INDEX ix_contracting_finding_source ON contracting_finding (source, code, id)
"""

COMPUTED = (
    "compiled, title, buyer_name, tender_status, amount, currency, first_released_at, "
    "last_released_at, documents, findings, changed_at, version"
)


def upgrade() -> None:
    """Documents stay as they are; processes and findings are computed from them anew."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for statement in (
        "REVOKE UPDATE, DELETE ON contracting_document, contracting_process, contracting_finding "
        "FROM nexus_app",
        f"GRANT UPDATE ({COMPUTED}) ON contracting_process TO nexus_app",
        "GRANT DELETE ON contracting_finding TO nexus_app",
        "CREATE TRIGGER contracting_document_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON contracting_document FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ):
        run(statement)
