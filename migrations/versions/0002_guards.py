"""What the application may do, and what nobody may: grants and append-only tables.

The application's role owns nothing. It reads, inserts and updates; it deletes only where the rows
are not history. Events and ledger moves cannot be changed by anybody (INV-21, INV-39).
"""

from alembic import op

revision = "0002"
down_revision = "0001"

APPEND_ONLY = ("event", "allocation_move")
DELETABLE = ("idempotency_key", "job", "need_line", "offer_area", "quota_bucket", "upload_chunk")

# Roles belong to the whole server: another database of it may have made this one.
ROLE = """
DO $$
BEGIN
    CREATE ROLE nexus_app NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
    NULL;
END
$$
"""

# So that a login which is no superuser may take the role on.
MEMBERSHIP = """
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'nexus_app', 'MEMBER') THEN
        EXECUTE format('GRANT nexus_app TO %I', current_user);
    END IF;
END
$$
"""

GRANTS = (
    "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
    "GRANT USAGE ON SCHEMA public TO nexus_app",
    "GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO nexus_app",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO nexus_app",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE ON TABLES TO nexus_app",
    "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO nexus_app",
    "REVOKE INSERT, UPDATE ON alembic_version FROM nexus_app",
    *(f"GRANT DELETE ON {table} TO nexus_app" for table in DELETABLE),
    *(f"REVOKE UPDATE ON {table} FROM nexus_app" for table in APPEND_ONLY),
)

REFUSE = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused. Correct it with a new row.',
        TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END
$$
"""


def upgrade() -> None:
    """Role, grants, triggers."""
    run = op.get_bind().exec_driver_sql
    for statement in (ROLE, MEMBERSHIP, *GRANTS, REFUSE):
        run(statement)
    for table in APPEND_ONLY:
        run(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
