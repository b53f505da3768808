"""The importer as the worker has it."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.exchange.doors import session_info as file_info
from nexus.exchange.importing.requests.reactions import Importer
from nexus.recipients.vault.rules import session_info as vault_info
from tests.deeds import VAULT_KEY
from tests.making import now


@pytest.fixture(scope="module")
def importer(engine: AsyncEngine) -> Importer:
    """With the keys of files and of the vault."""
    return Importer(engine, vault_info(VAULT_KEY) | file_info(VAULT_KEY), now)
