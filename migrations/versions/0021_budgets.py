"""Catalogue items, budget lines, the ledger of public money."""

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    pass
