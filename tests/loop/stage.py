"""Two households, their station and authority, two charities; deeds at a moment one chooses."""

import asyncio
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import literal, select, text, union_all
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import Account
from nexus.acting import Act, Role
from nexus.core.db import make_engine
from nexus.core.embedded import Database
from nexus.core.outbox import LISTENERS, Event, Job, JobState
from nexus.core.refusals import Refusal
from nexus.exchange.importing.operations import Report, run_import
from nexus.exchange.messages.model import PartnerMode
from nexus.exchange.webhooks import rules as webhook_rules
from nexus.graph.execution import Executor, make_pool
from nexus.graph.identifiers import split
from nexus.integrations.fakes import Posted
from nexus.integrations.http_out import Answer
from nexus.matching.duties.operations import settle_reviews
from nexus.matching.pledges.operations import expire_pledges
from nexus.matching.referrals.operations import expire_referrals, tell_overdue_referrals
from nexus.needs.model import NeedState
from nexus.needs.operations import pause_expired_needs, release_due_tranches
from nexus.obligations.operations import tell_overdue
from nexus.recipients.attestations.rules import session_info as attestor_info
from nexus.recipients.consents.operations import expire_consents
from nexus.recipients.recognitions.operations import end_recognitions_over
from nexus.recipients.vault.rules import session_info
from nexus.schema import make_schema
from nexus.supervision.alerts.operations import escalate_alerts
from nexus.supervision.queries import CHECKS
from tests.deeds import VAULT_KEY, actor_of
from tests.exchange import recognition_files as files
from tests.exchange.messaging import Authority, ack_of
from tests.exchange.writing import PROFILES
from tests.making import COUNTY, TOWN, Maker, making, now, today

PROFILE = PROFILES / "recognitions.toml"

CLOCKS = (
    *(expire_consents, end_recognitions_over, expire_pledges, expire_referrals),
    *(tell_overdue_referrals, pause_expired_needs, release_due_tranches, settle_reviews),
    *(tell_overdue, escalate_alerts),
)
WATCHED = (
    *("household", "recipient", "recipient_alias", "recognition", "consent", "need", "need_line"),
    *("tranche", "pledge", "allocation", "allocation_move", "delivery", "help_override"),
    *("referral", "referral_line", "obligation", "relaxation", "alert"),
    *("authority_reply", "exchange_thread", "exchange_message"),
)
"""What a refused deed must leave as it is, and what is judged after each."""
CLEARED = (
    *("vault.blind_index", "vault.name_index", "vault.identity_field", "vault.person_key"),
    "duplicate_suspicion",
    *("exchange_message", "exchange_thread", "authority_reply", "alert", "relaxation"),
    *("obligation", "referral_line", "referral", "delivery", "allocation_move", "allocation"),
    *("pledge", "help_override", "tranche", "need_line", "need"),
    *("attestation", "consent", "recognition", "recipient_alias", "recipient", "household"),
    *(
        "work_item",
        "work_desk",
        "webhook_delivery",
        "gap",
        "job",
        "event",
        "import_run",
        "external_ref",
    ),
)
"""Emptied before every example."""
RICE = {"item": "大米", "item_code": "FOOD.RICE"}
CASH = {"kind": "cash", "unit": "CNY", "item": "补助"}
STAGED = [
    {**CASH, "quantity_required": Decimal(300)},
    {**CASH, "quantity_required": Decimal(200), "tranche_no": 2, "held": True},
]
SEEN = """{
  referrals(first: 50) { nodes { id openClasses birthYear householdSize recipientAlias note
    summary } }
  needs(first: 50) { nodes { id publicSummary area { code } shownArea { code }
    lines(first: 5) { nodes { id } } } }
  households(first: 5) { nodes { id } } recipients(first: 5) { nodes { id } }
  consents(first: 5) { nodes { id } } recognitions(first: 5) { nodes { id } } }"""


def snapshot_of(tables: tuple[str, ...]) -> Any:
    """All rows of the tables, by id, and the history: one JSON text."""
    parts = [
        f"'{name}', (SELECT coalesce(json_object_agg(t.id, to_json(t)), '{{}}') FROM "
        f"(SELECT * FROM {name} ORDER BY id) t)"
        for name in tables
    ]
    events = (
        "'event', (SELECT coalesce(json_agg(json_build_array(position, kind, object_id, "
        "object_version, actor_id, actor_role, object_type) ORDER BY position), '[]') FROM event)"
    )
    return text(f"SELECT json_build_object({', '.join([*parts, events])})::text")


SNAPSHOT = snapshot_of(WATCHED)


def every_check() -> str:
    """All checks as one statement: the rule and the row of each fault. Compiled once."""
    parts = []
    for name, check in CHECKS.items():
        found = check.subquery()
        parts.append(select(literal(name), found.c.id, found.c.what))
    dialect: Any = postgresql.dialect
    compiled = union_all(*parts).compile(dialect=dialect(), compile_kwargs={"literal_binds": True})
    return str(compiled).replace("%%", "%")


@dataclass
class Stage:
    """Everybody who acts, and the moment at which they do."""

    database: Database
    engine: AsyncEngine
    root: Path
    people: dict[str, Account] = field(default_factory=dict)
    at: datetime = field(default_factory=now)
    rows: dict[str, Any] = field(default_factory=dict)
    """What an example began with."""
    mood: str = "acks"
    """How the authority's server answers now."""

    async def build(self) -> "Stage":
        """The cast, which stays for all examples."""
        self.owner = make_engine(self.database.owner_url, pool_size=1)
        self.pool = await make_pool(self.database.app_url, size=3)
        self.watch = await asyncpg.connect(self.database.app_url)
        self.checks = await self.watch.prepare(every_check())
        schema = make_schema()
        self.executor = Executor(schema, self.pool, self.engine, secret=VAULT_KEY, info=self.doors)
        async with making(self.engine) as m:
            await self._cast(m)
        self.authority = Authority(
            self.engine, PartnerMode.CALL_OUT, self.people["approver"], self.root
        )
        await self.authority.open()
        self.authority.poster.reply = self._answer
        return self

    async def close(self) -> None:
        await self.watch.close()
        await self.pool.close()
        await self.owner.dispose()
        await self.engine.dispose()

    async def _cast(self, m: Maker) -> None:
        bureau, agency = await m.authority(area_code=COUNTY), await m.organization()
        one, other = await m.organization(), await m.organization()
        self.rows |= {"bureau": bureau, "agency": agency, "one": one, "other": other}
        self.rows["station"] = await m.station(agency, area_code=TOWN)
        cast: list[tuple[str, Role, Any, str | None]] = [
            ("clerk", Role.GOV_CLERK, bureau, COUNTY),
            ("approver", Role.GOV_APPROVER, bureau, COUNTY),
            ("second", Role.GOV_APPROVER, bureau, COUNTY),
            ("worker", Role.SOCIAL_WORKER, agency, TOWN),
            ("lead", Role.STATION_LEAD, agency, TOWN),
            ("aide", Role.AIDE, agency, TOWN),
            ("dpo", Role.DPO, bureau, COUNTY),
            ("one", Role.CHARITY_USER, one, None),
            ("client", Role.CHARITY_CLIENT, one, None),
            ("other", Role.CHARITY_USER, other, None),
            ("elsewhere", Role.GOV_APPROVER, await m.authority(), "445102"),
        ]
        for name, role, organization, area in cast:
            self.people[name] = await m.account(role, organization, area_code=area)
        await m.account(Role.PLATFORM_ADMIN, username="admin", area_code="CN")

    # An example ------------------------------------------------------------------------------

    async def begin(self, *, named: bool) -> None:
        """Empty what the last example wrote; two households with needs that are out already.

        `named`: the first one's consent names the first charity and no other.
        """
        self.at, self.mood = now(), "acks"
        self.authority.clock.time = self.at
        self.authority.taken.clear()
        self.authority.poster.posts.clear()
        await self._clear()
        async with making(self.engine) as m:
            await self._households(m, named)
        self.at = self.rows["began"] = now()

    async def _clear(self) -> None:
        async with self.owner.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for name in CLEARED:
                await connection.execute(text(f"DELETE FROM {name}"))

    async def _households(self, m: Maker, named: bool) -> None:
        rows, terms = self.rows, {"purposes": ["PUB", "MATCH", "REF", "DELIV"]}
        for key in ("", "other_"):
            home = await m.household(area_code=TOWN)
            person = await m.recipient(home, birth_year=1950)
            receivers = [rows["one"].id] if named and not key else []
            rows[f"{key}home"], rows[f"{key}person"] = home, person
            rows[f"{key}consent"] = await m.consent(
                person,
                **terms,
                data_classes=["D1", "D2", "D3", "D4"],
                receiver_ids=receivers,
                expires_on=today() + timedelta(days=60),
                created_by=self.people["worker"].id,
            )
        rows["child"] = await m.recipient(rows["home"], birth_year=today().year - 8)
        rows["needs"] = [
            await self._need(m, "", [{**RICE, "quantity_required": Decimal(150)}]),
            await self._need(m, "", [{**RICE, "quantity_required": Decimal(150)}, {}]),
            await self._need(m, "", STAGED, NeedState.SUBMITTED),
            await self._need(m, "other_", [{**RICE, "quantity_required": Decimal(20)}]),
        ]

    async def _need(
        self, m: Maker, key: str, lines: list[Any], state: NeedState = NeedState.PUBLISHED
    ) -> Any:
        rows, people = self.rows, self.people
        fields: dict[str, Any] = {
            "recipient_id": rows[f"{key}person"].id,
            "household_id": rows[f"{key}home"].id,
            "consent_id": rows[f"{key}consent"].id,
            "publisher_id": rows["bureau"].id,
            "station_id": rows["station"].id,
            "owner_id": people["worker"].id,
            "created_by": people["worker"].id,
            "visibility": "partners",
        }
        if state is NeedState.PUBLISHED:
            fields["publish_until"] = today() + timedelta(days=50)
        return await m.need(state=state, lines=lines, **fields)

    # Deeds -----------------------------------------------------------------------------------

    @property
    def doors(self) -> dict[Any, Any]:
        """What deeds find behind the door."""
        return session_info(VAULT_KEY) | attestor_info(VAULT_KEY)

    @property
    def info(self) -> dict[Any, Any]:
        """What deeds and reactions find in their session."""
        mailroom = {webhook_rules.WEBHOOKS: self.authority.mailroom}
        return self.doors | mailroom

    async def act(self, who: str, deed: Callable[..., Any], *given: Any, **more: Any) -> Any:
        """The row, or the Refusal: one transaction, as behind the door."""
        actor = actor_of(self.people[who], self.at)
        async with AsyncSession(self.engine, expire_on_commit=False, info=self.info) as session:
            try:
                async with session.begin():
                    return await deed(Act(session, actor), *given, **more)
            except Refusal as refusal:
                return refusal

    async def strike(self) -> None:
        """Every clock of the loop once."""
        for clock in CLOCKS:
            async with AsyncSession(self.engine, info=self.info) as session, session.begin():
                await clock(session, self.at)

    async def hear(self, most: int, seed: float) -> None:
        """Deliver up to `most` pieces of news in any order; each as the worker does, one by one."""
        async with AsyncSession(self.engine) as session:
            waiting = select(Job.id).where(Job.state == JobState.PENDING).order_by(Job.id)
            ids = list(await session.scalars(waiting))
        random.Random(seed).shuffle(ids)
        for job_id in ids[:most]:
            await self._run(job_id)

    async def _run(self, job_id: UUID) -> None:
        async with AsyncSession(self.engine, expire_on_commit=False, info=self.info) as session:
            async with session.begin():
                job = await session.get_one(Job, job_id, with_for_update=True)
                event = await session.get_one(Event, job.event_id)
                await LISTENERS[job.listener].handle(session, event, self.at)
                job.state = JobState.DONE

    async def hear_all(self) -> None:
        """All news, and what that tells in turn."""
        while await self.unheard():
            await self.hear(1000, 0)

    async def unheard(self) -> int:
        async with self.engine.connect() as connection:
            found = await connection.execute(
                text("SELECT count(*) FROM job WHERE state = 'pending'")
            )
            return int(found.scalar_one())

    # Doors -----------------------------------------------------------------------------------

    async def knock(self, who: str, document: str, given: dict[str, Any]) -> dict[str, Any]:
        """A mutation at the door, whose key is remembered."""
        actor = actor_of(self.people[who], self.at)
        answer = await self.executor.execute(document, actor, variables={"input": given})
        assert answer.errors == []
        found: dict[str, Any] = json.loads(answer.data)
        return found

    async def read_file(self, rows: list[dict[str, Any]]) -> Report:
        """The authority's file of recognitions, imported."""
        path = files.write(self.root / "recognitions.csv", rows)
        return await run_import(
            self.engine,
            kind="recognitions",
            path=path,
            profile_path=PROFILE,
            now=self.at,
            info=self.info,
        )

    # The authority's server ------------------------------------------------------------------

    def _answer(self, posted: Posted) -> Answer | int | None:
        if self.mood == "down":
            return 503
        if self.mood == "refuses":
            return Answer(422, None, 1)
        self.authority.taken.append(json.loads(posted.body))
        if self.mood == "silent":
            return Answer(200, None, 1)
        return Answer(200, None, 1, body=ack_of(posted.headers["webhook-id"]))

    async def carry(self) -> None:
        """Turn news into messages and send what is due."""
        self.authority.clock.time = self.at
        await self.authority.messenger.run_until_idle()

    # Looking ---------------------------------------------------------------------------------

    async def snapshot(self) -> str:
        async with self.engine.connect() as connection:
            return str((await connection.execute(SNAPSHOT)).scalar_one())

    async def faults(self) -> list[tuple[Any, ...]]:
        """What `nexus verify` finds, all checks as one statement."""
        return [tuple(row) for row in await self.checks.fetch()]

    def key(self, global_id: str) -> str:
        """The row's id as the database writes it."""
        return str((split(global_id) or ("", ""))[1])

    async def sees(self, who: str) -> dict[str, Any]:
        """What the account reads by the compiled path, at the moment of the stage."""
        actor = actor_of(self.people[who], self.at)
        answer = await self.executor.execute(SEEN, actor)
        assert answer.errors == []
        found: dict[str, Any] = json.loads(answer.data)
        return found


def build_stage(database: Database, root: Path, loop: asyncio.AbstractEventLoop) -> Stage:
    """The stage with its cast, on a loop of its own."""
    engine = make_engine(database.app_url, pool_size=4)
    return loop.run_until_complete(Stage(database, engine, root).build())
