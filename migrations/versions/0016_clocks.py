"""Clocks and moves of the loop between authorities and helpers."""

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Nothing yet."""
