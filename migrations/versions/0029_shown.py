"""Pages of published needs of an area are found by one index: state, category and urgency too."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.execute("CREATE INDEX ix_need_shown ON need (shown_area_code, state, category, urgency)")
    op.execute("DROP INDEX ix_need_shown_area_code")
