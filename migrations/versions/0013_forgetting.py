"""Tokens that ended long ago are dropped by a clock."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """The index that finds them, and the right to drop them."""
    run = op.get_bind().exec_driver_sql
    run("CREATE INDEX ix_access_token_ended ON access_token (least(expires_at, revoked_at))")
    run("GRANT DELETE ON access_token TO nexus_app")
