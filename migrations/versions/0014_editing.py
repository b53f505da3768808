"""Changed fields of a row, kept for good; two values of one field, kept both."""

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Nothing yet."""
