"""Photos and signatures of visits, papers to print, workbooks of rejected rows.

A picture's bytes are there exactly while it is kept; who looked at one, and who printed what, is
history that nobody changes.
"""

from alembic import op

revision = "0028"
down_revision = "0027"

TABLES = r"""
CREATE TABLE visit_picture (
    id UUID NOT NULL,
    visit_id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    signer VARCHAR(40),
    caption TEXT,
    content_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    kept_bytes INTEGER,
    kept_sha256 TEXT,
    width INTEGER,
    height INTEGER,
    taken_at TIMESTAMP WITH TIME ZONE NOT NULL,
    link TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    kept_at TIMESTAMP WITH TIME ZONE,
    removed_at TIMESTAMP WITH TIME ZONE,
    removed_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_visit_picture PRIMARY KEY (id),
    CONSTRAINT ck_visit_picture_signed_by_somebody CHECK ((kind = 'signature') = (signer IS
        NOT NULL)),
    CONSTRAINT ck_visit_picture_type_known CHECK (content_type IN ('image/jpeg',
        'image/png', 'image/webp')),
    CONSTRAINT ck_visit_picture_at_most_a_mebibyte CHECK (bytes BETWEEN 1 AND 1048576),
    CONSTRAINT ck_visit_picture_digest_shape CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT ck_visit_picture_kept_whole CHECK ((state IN ('kept', 'removed')) = (kept_at
        IS NOT NULL) AND num_nulls(kept_at, kept_bytes, kept_sha256, width, height) IN (0,
        5)),
    CONSTRAINT ck_visit_picture_removed_whole CHECK ((state = 'removed') = (removed_at IS
        NOT NULL) AND (removed_at IS NULL) = (removed_by IS NULL) AND (removed_at IS NULL OR
        state_reason IS NOT NULL)),
    CONSTRAINT fk_visit_picture_visit_id FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT ck_visit_picture_kind_known CHECK (kind IN ('photo', 'signature')),
    CONSTRAINT ck_visit_picture_signer_known CHECK (signer IN ('recipient', 'family',
        'guardian', 'witness', 'worker')),
    CONSTRAINT fk_visit_picture_removed_by FOREIGN KEY(removed_by) REFERENCES account (id),
    CONSTRAINT ck_visit_picture_state_known CHECK (state IN ('requested', 'kept', 'expired',
        'removed')),
    CONSTRAINT fk_visit_picture_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_visit_picture_created_by ON visit_picture (created_by)
;
CREATE INDEX ix_visit_picture_removed_by ON visit_picture (removed_by)
;
CREATE INDEX ix_visit_picture_requested ON visit_picture (expires_at) WHERE state = 'requested'
;
CREATE INDEX ix_visit_picture_visit_id ON visit_picture (visit_id, created_at, id)
;
CREATE UNIQUE INDEX uq_visit_picture_content ON visit_picture (visit_id, kind, sha256)
    WHERE state IN ('requested', 'kept')
;
CREATE TABLE picture_content (
    picture_id UUID NOT NULL,
    ciphertext BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    CONSTRAINT pk_picture_content PRIMARY KEY (picture_id),
    CONSTRAINT fk_picture_content_picture_id FOREIGN KEY(picture_id) REFERENCES
        visit_picture (id)
)
;
CREATE TABLE picture_view (
    id UUID NOT NULL,
    picture_id UUID NOT NULL,
    account_id UUID NOT NULL,
    link TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_picture_view PRIMARY KEY (id),
    CONSTRAINT fk_picture_view_picture_id FOREIGN KEY(picture_id) REFERENCES visit_picture (id),
    CONSTRAINT fk_picture_view_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_picture_view_account_id ON picture_view (account_id)
;
CREATE INDEX ix_picture_view_created_at ON picture_view (created_at, id)
;
CREATE INDEX ix_picture_view_picture_id ON picture_view (picture_id)
;
CREATE TABLE printout (
    id UUID NOT NULL,
    paper VARCHAR(40) NOT NULL,
    visit_id UUID,
    referral_id UUID,
    case_id UUID,
    account_id UUID NOT NULL,
    link TEXT NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_printout PRIMARY KEY (id),
    CONSTRAINT ck_printout_of_one_subject CHECK (num_nonnulls(visit_id, referral_id,
        case_id) = 1 AND (paper = 'visit_record') = (visit_id IS NOT NULL) AND (paper =
        'referral_slip') = (referral_id IS NOT NULL)),
    CONSTRAINT ck_printout_paper_known CHECK (paper IN ('visit_record', 'referral_slip',
        'case_summary')),
    CONSTRAINT fk_printout_visit_id FOREIGN KEY(visit_id) REFERENCES visit (id),
    CONSTRAINT fk_printout_referral_id FOREIGN KEY(referral_id) REFERENCES referral (id),
    CONSTRAINT fk_printout_case_id FOREIGN KEY(case_id) REFERENCES case_file (id),
    CONSTRAINT fk_printout_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_printout_account_id ON printout (account_id)
;
CREATE INDEX ix_printout_case_id ON printout (case_id)
;
CREATE INDEX ix_printout_created_at ON printout (created_at, id)
;
CREATE INDEX ix_printout_referral_id ON printout (referral_id)
;
CREATE INDEX ix_printout_visit_id ON printout (visit_id)
;
CREATE TABLE import_sheet (
    run_id UUID NOT NULL,
    ciphertext BYTEA NOT NULL,
    rows INTEGER NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_import_sheet PRIMARY KEY (run_id),
    CONSTRAINT ck_import_sheet_not_empty CHECK (rows > 0),
    CONSTRAINT fk_import_sheet_run_id FOREIGN KEY(run_id) REFERENCES import_run (id)
)
;
CREATE INDEX ix_import_sheet_expires_at ON import_sheet (expires_at)
"""

WHOLE = """
CREATE FUNCTION picture_is_whole() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    picture uuid := CASE TG_TABLE_NAME
        WHEN 'visit_picture' THEN (to_jsonb(NEW)->>'id')::uuid
        ELSE (to_jsonb(coalesce(NEW, OLD))->>'picture_id')::uuid
    END;
BEGIN
    IF EXISTS (SELECT FROM visit_picture AS p WHERE p.id = picture AND (p.state = 'kept') <>
        EXISTS (SELECT FROM picture_content AS c WHERE c.picture_id = p.id))
    THEN
        RAISE EXCEPTION 'a picture is kept without its bytes, or has bytes and is not kept'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'picture_whole',
                TABLE = 'visit_picture';
    END IF;
    RETURN NULL;
END
$$
"""

ARE_WHOLE = (
    "CREATE CONSTRAINT TRIGGER visit_picture_is_whole AFTER INSERT OR UPDATE ON visit_picture "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION picture_is_whole()",
    "CREATE CONSTRAINT TRIGGER picture_content_is_whole AFTER INSERT OR DELETE ON picture_content "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION picture_is_whole()",
)

MOVED = (
    "kept_bytes, kept_sha256, width, height, link, expires_at, kept_at, removed_at, removed_by, "
    "state, state_reason, version, created_by"
)


def upgrade() -> None:
    """Tables, the trigger that keeps pictures whole, and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    for statement in (
        WHOLE,
        *ARE_WHOLE,
        "REVOKE UPDATE ON visit_picture, picture_content, picture_view, printout, import_sheet "
        "FROM nexus_app",
        f"GRANT UPDATE ({MOVED}) ON visit_picture TO nexus_app",
        "GRANT DELETE ON picture_content, import_sheet TO nexus_app",
        *(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in ("picture_view", "printout")
        ),
    ):
        run(statement)
