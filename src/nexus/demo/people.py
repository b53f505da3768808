"""Households and recipients by pseudonym, what the authority recognised, and their consents."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.core.ids import new_id
from nexus.demo.parties import StaffedStation, World
from nexus.recipients.model import (
    Band,
    Consent,
    ConsentKind,
    ConsentMethod,
    ConsentState,
    Gender,
    GivenBy,
    Household,
    Level,
    RecheckClass,
    Recipient,
    Recognition,
    RecognitionState,
)
from nexus.recipients.rules import recheck_due

PERSONS = 1_285_000 + 215_800
"""Dibao and tekun persons of the province."""
PERSONS_A_HOUSEHOLD = 1.8
CATEGORIES = ("DB", "TK", "BY", "GX", "FP", "GE", "SW")
WEIGHTS = (74, 12, 6, 3, 3, 1, 1)
CONSENT_TEXT = "publication-of-needs/2026-01"
CHUNK = 500


@dataclass
class Subject:
    """A household's head with the consent that covers publication, if there is one."""

    household: Household
    recipient: Recipient
    consent: Consent | None
    station: StaffedStation


def make_people(world: World) -> Iterator[tuple[list[object], list[Subject]]]:
    """Rows in chunks, parents first in each, with the subjects they hold."""
    total = max(60, round(PERSONS / PERSONS_A_HOUSEHOLD * world.scale))
    made = 0
    while made < total:
        size = min(CHUNK, total - made)
        rows: list[list[object]] = [[], [], [], []]
        subjects = [_subject(world, made + number, rows) for number in range(size)]
        yield [row for table in rows for row in table], subjects
        made += size


def _subject(world: World, number: int, rows: list[list[object]]) -> Subject:
    rng = world.rng
    station = rng.choice(world.stations)
    made_at = world.now - timedelta(days=rng.randint(60, 390))
    worker = rng.choice(station.workers)
    category = rng.choices(CATEGORIES, WEIGHTS)[0]
    child = category in ("GE", "SW")
    household = Household(
        id=new_id(),
        no=f"H-{station.row.area_code}-{made_at.year}-D{number:07d}",
        size=rng.choices((1, 2, 3, 4, 5), (46, 28, 14, 8, 4))[0],
        area_code=station.row.area_code,
        created_at=made_at,
        created_by=worker.id,
    )
    year = made_at.year
    age = rng.randint(6, 12) if child else min(99, max(19, int(rng.gauss(62, 16))))
    recipient = Recipient(
        id=new_id(),
        no=f"R-{station.row.area_code}-{made_at.year}-D{number:07d}",
        household_id=household.id,
        birth_year=year - age,
        gender=rng.choice((Gender.FEMALE, Gender.MALE)),
        disability=rng.choices(list(Band), (70, 10, 10, 10))[0],
        labour_ability=rng.choices(list(Band), (55, 20, 15, 10))[0],
        created_at=made_at,
        created_by=worker.id,
    )
    rows[0].append(household)
    rows[1].append(recipient)
    rows[2].append(_recognition(world, station, recipient, category, number))
    consent = None
    if rng.random() < 0.75:
        consent = _consent(world, recipient, number, child=child, obtained_by=worker.id)
        rows[3].append(consent)
    return Subject(household, recipient, consent, station)


def _recognition(
    world: World, station: StaffedStation, recipient: Recipient, category: str, number: int
) -> Recognition:
    decided = world.today - timedelta(days=world.rng.randint(40, 360))
    steady = world.rng.random() >= 0.3
    kind, months = (RecheckClass.STABLE, 12) if steady else (RecheckClass.CHANGEABLE, 6)
    return Recognition(
        id=new_id(),
        no=f"G-{station.row.area_code}-{decided.year}-D{number:07d}",
        recipient_id=recipient.id,
        category=category,
        authority_id=world.authorities[station.row.area_code[:6]].id,
        level=Level.COUNTY,
        decided_on=decided,
        valid_from=decided,
        checked_on=decided,
        recheck_class=kind,
        recheck_months=months,
        recheck_rule=f"recheck_{kind.value}_months@CN/2020-01-01",
        recheck_due_on=recheck_due(decided, months),
        rule_version="2026-01",
        state=RecognitionState.ACTIVE,
        created_at=world.now - timedelta(days=30),
        created_by=station.approver.id,
    )


def _consent(
    world: World, recipient: Recipient, number: int, *, child: bool, obtained_by: UUID
) -> Consent:
    obtained = world.now - timedelta(days=world.rng.randint(45, 60))
    return Consent(
        id=new_id(),
        no=f"C-{recipient.no.split('-')[1]}-{obtained.year}-D{number:07d}",
        recipient_id=recipient.id,
        given_by=GivenBy.GUARDIAN if child else GivenBy.SELF,
        kind=ConsentKind.OWN,
        purposes=["PUB", "MATCH", "REF", "DELIV"],
        data_classes=["D1", "D2"],
        receiver_ids=[],
        text_version=CONSENT_TEXT,
        text_hash=hashlib.sha256(CONSENT_TEXT.encode()).hexdigest(),
        method=ConsentMethod.PAPER_SCAN,
        obtained_by=obtained_by,
        obtained_at=obtained,
        expires_on=world.today + timedelta(days=300),
        state=ConsentState.GRANTED,
        created_at=obtained,
        created_by=obtained_by,
    )


async def store_people(session: AsyncSession, rows: list[object]) -> None:
    """Insert one chunk; each table is flushed before the next points at it."""
    kind: type | None = None
    for row in rows:
        if kind is not None and type(row) is not kind:
            await session.flush()
        kind = type(row)
        session.add(row)
    await session.flush()
