"""A second factor for people who sign in: sealed secrets, hashed recovery codes.

The application cannot change a secret that is kept: a new device is a new row. Organizations keep
their names as published and are found by the folded form, which has an index.
"""

from alembic import op

revision = "0015"
down_revision = "0014"

TABLES = """
CREATE TABLE second_factor (
    id UUID NOT NULL,
    account_id UUID NOT NULL,
    secret BYTEA NOT NULL,
    key_version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE,
    last_step BIGINT,
    CONSTRAINT pk_second_factor PRIMARY KEY (id),
    CONSTRAINT ck_second_factor_confirmed_by_a_code
        CHECK ((confirmed_at IS NULL) = (last_step IS NULL)),
    CONSTRAINT fk_second_factor_account_id FOREIGN KEY(account_id) REFERENCES account (id)
)
;
CREATE INDEX ix_second_factor_account_id ON second_factor (account_id)
;
CREATE UNIQUE INDEX uq_second_factor_active ON second_factor (account_id)
    WHERE confirmed_at IS NOT NULL
;
CREATE UNIQUE INDEX uq_second_factor_pending ON second_factor (account_id)
    WHERE confirmed_at IS NULL
;
CREATE TABLE recovery_code (
    factor_id UUID NOT NULL,
    hmac BYTEA NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_recovery_code PRIMARY KEY (factor_id, hmac),
    CONSTRAINT fk_recovery_code_factor_id FOREIGN KEY(factor_id) REFERENCES second_factor (id)
        ON DELETE CASCADE
)
"""


def upgrade() -> None:
    """Tables and grants."""
    run = op.get_bind().exec_driver_sql
    for statement in TABLES.split("\n;\n"):
        run(statement)
    run("CREATE INDEX ix_organization_folded_name ON organization (normalize(name, NFKC))")
    run("REVOKE UPDATE ON second_factor, recovery_code FROM nexus_app")
    run("GRANT UPDATE (confirmed_at, last_step), DELETE ON second_factor TO nexus_app")
    run("GRANT UPDATE (used_at) ON recovery_code TO nexus_app")
