"""Visits, pairing, posts and opening schedules of stations."""

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Nothing yet."""
