"""Schemes, evaluations, the client's voice, rectification."""

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    pass
