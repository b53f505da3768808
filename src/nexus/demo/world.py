"""Makes the demo world once, and the file of its accounts."""

import json
import os
import random
import secrets
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from nexus.accounts.model import Account
from nexus.accounts.operations import issue_token
from nexus.accounts.rules import hash_password
from nexus.demo.accepting import Accepting
from nexus.demo.buying import Purchases
from nexus.demo.demand import Demand
from nexus.demo.evaluating import Schemes
from nexus.demo.filing import Files
from nexus.demo.keeping import Reports
from nexus.demo.parties import World, make_parties
from nexus.demo.people import Subject, make_people, store_people
from nexus.demo.releases import bring_releases
from nexus.demo.supply import Supply
from nexus.demo.visiting import Visits
from nexus.demo.volunteers import Volunteers

SEED = 20211
TOKEN_LIFE = timedelta(days=365)

Progress = Callable[[int, int], None]
Shown = list[dict[str, str]]


async def ensure_world(
    engine: AsyncEngine,
    now: datetime,
    scale: float,
    progress: Progress,
    info: Mapping[str, Any] | None = None,
) -> Shown | None:
    """The demo's accounts when the world was made just now; None when it was there.

    `info` is what deeds find in `session.info`; without the vault there are no volunteers.
    One transaction: a world cut short is no world, and the next start makes it.
    """
    async with engine.connect() as connection, connection.begin():
        sessions = async_sessionmaker(
            connection,
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            info=dict(info or {}),
        )
        async with sessions() as session, session.begin():
            if await session.scalar(select(exists().where(Account.password_hash.is_not(None)))):
                return None
            rng = random.Random(SEED)  # noqa: S311 - made-up people, not secrets
            world = await make_parties(session, rng, now, scale)
        subjects: list[Subject] = []
        for rows, made in make_people(world):
            async with sessions() as session, session.begin():
                await store_people(session, rows)
            subjects += made
        await bring_releases(sessions, world)
        await Supply(sessions, world).list_offers(progress)
        await Demand(sessions, world).tell_needs(subjects, progress)
        await Visits(sessions, world).visit_homes(subjects)
        await Files(sessions, world).open_cases(subjects[len(subjects) // 2 :])
        if info:
            await Volunteers(sessions, world).help_out()
        await Purchases(sessions, world).buy()
        await Accepting(sessions, world).claim()
        await Reports(sessions, world).keep()
        await Schemes(sessions, world).draw_up()
        async with sessions() as session, session.begin():
            return await _open_accounts(session, world)


async def _open_accounts(session: AsyncSession, world: World) -> Shown:
    """Passwords and tokens for the accounts that are shown."""
    told: Shown = []
    for shown, organization in world.shown:
        account = await session.get_one(Account, shown.id)
        password = secrets.token_urlsafe(9)
        account.password_hash = hash_password(password)
        token = await issue_token(
            session, account, label="demo", now=world.now, expires_at=world.now + TOKEN_LIFE
        )
        told.append(
            {
                "role": account.role.name,
                "name": account.name,
                "organization": organization,
                "username": account.username,
                "password": password,
                "token": token,
            }
        )
    return told


def write_accounts(path: Path, accounts: Shown) -> None:
    """The accounts as JSON, readable by their owner only."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        json.dump(accounts, file, ensure_ascii=False, indent=2)
