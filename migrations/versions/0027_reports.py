"""Frozen reports and roll-ups."""

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    pass
