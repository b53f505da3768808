"""A buyer, suppliers, money and a catalogue for the module's contracts."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.purchasing.contracting import Market, market


@pytest.fixture(scope="module")
async def made(engine: AsyncEngine) -> Market:
    """The market."""
    return await market(engine)
