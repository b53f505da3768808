"""Reports kept as they were found."""

from alembic import op

revision = "0027"
down_revision = "0026"

TABLES = r"""
CREATE TABLE report_snapshot (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    name TEXT NOT NULL,
    definition_version INTEGER NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    from_on DATE NOT NULL,
    until_on DATE NOT NULL,
    found_at TIMESTAMP WITH TIME ZONE NOT NULL,
    with_rows BOOLEAN NOT NULL,
    content TEXT NOT NULL,
    hash TEXT NOT NULL,
    organization_id UUID,
    created_by UUID NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_report_snapshot PRIMARY KEY (id),
    CONSTRAINT uq_report_snapshot_no UNIQUE (no),
    CONSTRAINT ck_report_snapshot_period CHECK (until_on > from_on),
    CONSTRAINT ck_report_snapshot_version_counted CHECK (definition_version >= 1),
    CONSTRAINT ck_report_snapshot_hash_of_content CHECK
        (hash = encode(sha256(convert_to(content, 'UTF8')), 'hex')),
    CONSTRAINT fk_report_snapshot_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_report_snapshot_organization_id FOREIGN KEY(organization_id)
        REFERENCES organization (id),
    CONSTRAINT fk_report_snapshot_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_report_snapshot_area_code ON report_snapshot (area_code)
;
CREATE INDEX ix_report_snapshot_organization_id ON report_snapshot (organization_id)
;
CREATE INDEX ix_report_snapshot_created_by ON report_snapshot (created_by)
;
CREATE INDEX ix_report_snapshot_created_at ON report_snapshot (created_at, id)
"""


def upgrade() -> None:
    """The table; nobody changes what is in it."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    run("REVOKE UPDATE, DELETE ON report_snapshot FROM nexus_app")
    run(
        "CREATE TRIGGER report_snapshot_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON report_snapshot FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )
