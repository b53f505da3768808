"""Changed fields of a row, kept for good; two values of one field, kept both.

The application enters edits and settles them; what was entered it can neither change nor delete.
"""

from alembic import op

revision = "0014"
down_revision = "0013"

TABLES = """
CREATE TABLE field_edit (
    id UUID NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    field TEXT NOT NULL,
    before JSONB,
    after JSONB,
    base_version INTEGER NOT NULL,
    row_version INTEGER NOT NULL,
    state VARCHAR(40) NOT NULL,
    version INTEGER NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    settled_at TIMESTAMP WITH TIME ZONE,
    settled_by UUID,
    CONSTRAINT pk_field_edit PRIMARY KEY (id),
    CONSTRAINT ck_field_edit_versions
        CHECK (base_version >= 1 AND base_version <= row_version),
    CONSTRAINT ck_field_edit_a_change CHECK (before IS DISTINCT FROM after),
    CONSTRAINT ck_field_edit_settled_whole
        CHECK ((state IN ('adopted', 'set_aside')) = (settled_at IS NOT NULL)
            AND (settled_at IS NULL) = (settled_by IS NULL)),
    CONSTRAINT ck_field_edit_state_known
        CHECK (state IN ('applied', 'conflicting', 'adopted', 'set_aside'))
)
;
CREATE INDEX ix_field_edit_created_at ON field_edit (created_at, id)
;
CREATE INDEX ix_field_edit_subject ON field_edit (subject_id, row_version, id)
;
CREATE INDEX ix_field_edit_conflicting ON field_edit (subject_id, created_at, id)
    WHERE state = 'conflicting'
"""


def upgrade() -> None:
    """Table and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    run("REVOKE UPDATE, DELETE ON field_edit FROM nexus_app")
    run("GRANT UPDATE (state, version, settled_at, settled_by) ON field_edit TO nexus_app")
