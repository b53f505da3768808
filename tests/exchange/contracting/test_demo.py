"""The demo's open contracting data: what is found in it, and that what it publishes is valid."""

import json
from collections import Counter
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.demo.releases import SOURCE
from nexus.demo.world import ensure_world
from nexus.exchange.ocds.exporting import write_package
from nexus.exchange.ocds.model import OWN, ContractingFinding, ContractingProcess
from nexus.purchasing.contracts.model import Contract
from nexus.recipients.vault.rules import session_info
from nexus.worker import drain
from tests.deeds import VAULT_KEY
from tests.exchange.contracting.validating import faults, schema_errors
from tests.making import now


async def test_the_demo_has_findings_and_publishes_its_contracts(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    info = session_info(VAULT_KEY)
    assert await ensure_world(engine, now(), 0.0003, lambda done, whole: None, info)
    await drain(engine)
    async with AsyncSession(engine) as session:
        row = ContractingFinding
        found = Counter(await session.scalars(select(row.code).where(row.source == SOURCE)))
        published = list(
            await session.scalars(select(Contract.no).where(Contract.published_on.is_not(None)))
        )
        process = ContractingProcess
        (largest,) = await session.scalars(
            select(process).where(process.source == SOURCE, process.ocid == "ocds-213czf-1")
        )
    assert published
    assert found == {
        "release_id_repeated": 1,
        "two_buyers": 1,
        "contract_without_award": 1,
        "contract_after_failure": 1,
    }
    assert (largest.tender_status, str(largest.amount)) == ("complete", "368000.0000")
    for records in (False, True):
        path = tmp_path / f"{records}.json"
        for source in (OWN, SOURCE):
            written = await write_package(
                engine, path, now(), source=source, records=records, base="https://nexus.example"
            )
            assert written
            text = path.read_text("utf-8")
            package = json.loads(text)
            assert schema_errors(package) == []
            # Two releases of the made-up city share an id on purpose.
            assert faults(package) == {} or source == SOURCE
            if source == OWN:
                assert [no for no in published if no not in text] == []
