"""The outbox keeps its promises: leases, retries, death, atomicity, and kills in the middle."""

import asyncio
import subprocess
import sys
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Act, system
from nexus.areas.model import Area
from nexus.core import outbox
from nexus.core.db import Base
from nexus.core.embedded import Database
from nexus.core.ids import new_id
from nexus.core.outbox import Event, Job, JobState, Listener, hears, jobs_for, run_due
from tests.making import now

KIND = "thing.happened"


class Thing:
    """What the news is about: only its id and table matter to an event."""

    __tablename__ = "thing"

    def __init__(self) -> None:
        self.id = new_id()


@pytest.fixture(autouse=True)
async def quiet(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other listener, and no job of another test."""
    monkeypatch.setattr(outbox, "LISTENERS", {})
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM job"))


def listen(name: str, handle: outbox.Handler) -> None:
    outbox.LISTENERS[name] = Listener(name, KIND, handle)


async def happen(engine: AsyncEngine, count: int = 1) -> None:
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, system(now()))
        for _ in range(count):
            act.record(KIND, Thing())


async def jobs(engine: AsyncEngine) -> list[Job]:
    async with AsyncSession(engine) as session:
        return list(await session.scalars(select(Job).order_by(Job.id)))


async def the_job(engine: AsyncEngine) -> Job:
    (job,) = await jobs(engine)
    return job


async def make_due(engine: AsyncEngine) -> None:
    """Let the pause of what failed, and the lease of what was killed, be over."""
    past = text("now() - interval '1 second'")
    async with engine.begin() as connection:
        await connection.execute(update(Job).values(due_at=past))
        await connection.execute(
            update(Job).where(Job.leased_until.is_not(None)).values(leased_until=past)
        )


async def mark(session: AsyncSession, name: str) -> None:
    """A visible effect in the handler's transaction."""
    session.add(
        Area(
            code=str(int(name)).zfill(9),
            name=name,
            level="township",
            parent_code="CN",
            valid_from=now().date(),
        )
    )
    await session.flush()


async def marks(engine: AsyncEngine) -> int:
    async with engine.begin() as connection:
        found = await connection.execute(text("SELECT count(*) FROM area WHERE code ~ '^0000'"))
        return int(found.scalar_one())


async def test_each_listener_of_the_kind_gets_its_job(engine: AsyncEngine) -> None:
    heard: list[tuple[str, UUID, datetime]] = []

    async def note(session: AsyncSession, event: Event, moment: datetime) -> None:
        heard.append((event.kind, event.object_id, moment))

    listen("a.note", note)
    listen("b.note", note)
    outbox.LISTENERS["c.other"] = Listener("c.other", "thing.else", note)
    await happen(engine)
    assert await run_due(engine) == 2
    assert [kind for kind, _, _ in heard] == [KIND, KIND]
    assert heard[0][1] == heard[1][1]
    assert abs(heard[0][2] - now()) < timedelta(minutes=1)
    assert {job.state for job in await jobs(engine)} == {JobState.DONE}
    assert await run_due(engine) == 0
    assert len(heard) == 2


async def test_no_news_without_the_commit(engine: AsyncEngine) -> None:
    async def note(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    listen("a.note", note)
    async with AsyncSession(engine) as session:
        Act(session, system(now())).record(KIND, Thing())
        await session.flush()
        await session.rollback()
    assert await jobs(engine) == []


async def test_the_handlers_work_and_done_are_one(engine: AsyncEngine) -> None:
    before = await marks(engine)
    failures = 1

    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None:
        nonlocal failures
        await mark(session, "1")
        if failures:
            failures -= 1
            raise RuntimeError("after the work")

    listen("a.handle", handle)
    await happen(engine)
    await run_due(engine)
    assert await marks(engine) == before
    assert (await the_job(engine)).state is JobState.PENDING
    await make_due(engine)
    await run_due(engine)
    assert await marks(engine) == before + 1
    assert (await the_job(engine)).state is JobState.DONE


async def test_a_failure_waits_longer_each_time_and_dies_at_twelve(
    engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    runs = 0

    async def fail(session: AsyncSession, event: Event, moment: datetime) -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("".join(("王小", "明")))  # a value, not a word of the source

    listen("a.fail", fail)
    await happen(engine)
    pauses = []
    for attempt in range(1, 13):
        assert await run_due(engine) == 1
        job = await the_job(engine)
        assert (job.attempts, job.leased_until) == (attempt, None)
        assert job.last_error == "RuntimeError"
        pauses.append(round((job.due_at - now()).total_seconds()))
        assert await run_due(engine) == 0
        await make_due(engine)
    assert job.state is JobState.DEAD
    assert runs == 12
    assert all(abs(pause - min(2**n, 3600)) <= 2 for n, pause in enumerate(pauses, start=1))
    assert await run_due(engine) == 0
    assert "RuntimeError" in caplog.text
    assert "王小明" not in caplog.text


async def test_one_failure_does_not_stop_the_others(engine: AsyncEngine) -> None:
    async def fail(session: AsyncSession, event: Event, moment: datetime) -> None:
        await session.execute(text("SELECT 1/0"))

    async def note(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    listen("a.fail", fail)
    listen("b.note", note)
    await happen(engine, 3)
    assert await run_due(engine) == 6
    states = [job.state for job in await jobs(engine)]
    assert states.count(JobState.DONE) == states.count(JobState.PENDING) == 3


async def test_a_listener_that_is_gone_is_an_error_not_a_loss(engine: AsyncEngine) -> None:
    async def note(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    listen("a.gone", note)
    await happen(engine)
    outbox.LISTENERS.clear()
    await run_due(engine)
    job = await the_job(engine)
    assert (job.state, job.last_error) == (JobState.PENDING, "KeyError")


async def test_workers_share_the_work_and_never_run_a_job_twice(engine: AsyncEngine) -> None:
    running: set[UUID] = set()
    ran: list[UUID] = []

    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None:
        assert event.id not in running
        running.add(event.id)
        await asyncio.sleep(0.002)
        running.remove(event.id)
        ran.append(event.id)

    listen("a.handle", handle)
    await happen(engine, 60)
    taken = await asyncio.gather(*(run_due(engine) for _ in range(4)))
    assert sum(taken) == 60
    assert len(set(ran)) == len(ran) == 60
    assert sum(1 for each in taken if each) > 1


async def test_a_lease_that_ran_out_does_not_let_a_second_worker_in(engine: AsyncEngine) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()
    runs = 0

    async def slow(session: AsyncSession, event: Event, moment: datetime) -> None:
        nonlocal runs
        runs += 1
        entered.set()
        await leave.wait()

    listen("a.slow", slow)
    await happen(engine)
    first = asyncio.create_task(run_due(engine))
    await entered.wait()
    async with AsyncSession(engine) as session:
        leased = (await the_job(engine)).leased_until
        assert leased is not None
        assert leased > now() + outbox.LEASE / 2
        locked = select(Job.id).with_for_update(skip_locked=True)
        assert (await session.execute(locked)).all() == []
    assert await run_due(engine) == 0
    leave.set()
    assert await first == 1
    assert runs == 1


async def test_who_comes_back_too_late_changes_nothing(engine: AsyncEngine) -> None:
    runs = 0

    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None:
        nonlocal runs
        runs += 1

    listen("a.handle", handle)
    await happen(engine)
    late = await outbox._lease(engine)
    assert late is not None
    await make_due(engine)
    current = await outbox._lease(engine)
    assert current is not None
    await outbox._run(engine, late)
    await outbox._postpone(engine, late, "Late")
    job = await the_job(engine)
    assert (runs, job.state, job.attempts, job.last_error) == (0, JobState.PENDING, 2, None)
    await outbox._run(engine, current)
    assert (runs, (await the_job(engine)).state) == (1, JobState.DONE)


async def test_a_handler_that_hangs_is_ended_with_its_lease(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=0.2))

    async def hang(session: AsyncSession, event: Event, moment: datetime) -> None:
        await mark(session, "2")
        await asyncio.sleep(60)

    before = await marks(engine)
    listen("a.hang", hang)
    await happen(engine)
    assert await run_due(engine) == 1
    job = await the_job(engine)
    assert (job.state, job.last_error) == (JobState.PENDING, "TimeoutError")
    assert await marks(engine) == before


WORKER = """
import asyncio, sys
from nexus.core import outbox
from nexus.core.db import make_engine
async def handle(session, event, moment):
    from tests.core.test_outbox import mark
    await mark(session, "3")
    print("in the middle", flush=True)
    await asyncio.sleep(60)
outbox.LISTENERS["a.handle"] = outbox.Listener("a.handle", "thing.happened", handle)
asyncio.run(outbox.run_due(make_engine(sys.argv[1])))
"""


def kill_in_the_middle(database: Database) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", WORKER, database.app_url], stdout=subprocess.PIPE, text=True
    )
    assert worker.stdout is not None
    assert worker.stdout.readline() == "in the middle\n"
    worker.kill()
    worker.communicate()


async def test_a_job_whose_worker_is_killed_runs_again(
    engine: AsyncEngine, database: Database
) -> None:
    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None:
        await mark(session, "3")

    before = await marks(engine)
    listen("a.handle", handle)
    await happen(engine)
    await asyncio.to_thread(kill_in_the_middle, database)
    assert await marks(engine) == before
    assert await run_due(engine) == 0
    await make_due(engine)
    assert await run_due(engine) == 1
    assert await marks(engine) == before + 1
    job = await the_job(engine)
    assert (job.state, job.attempts) == (JobState.DONE, 2)


async def test_a_job_that_kills_its_workers_is_dead_after_twelve(engine: AsyncEngine) -> None:
    async def note(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    listen("a.note", note)
    await happen(engine, 2)
    for _ in range(12):
        assert await outbox._lease(engine) is not None
        assert await outbox._lease(engine) is not None
        await make_due(engine)
    assert await run_due(engine) == 0
    assert {job.state for job in await jobs(engine)} == {JobState.DEAD}


def test_listeners_have_names_of_their_own() -> None:
    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    hears(KIND)(handle)
    assert [listener.kind for listener in outbox.LISTENERS.values()] == [KIND]
    with pytest.raises(ValueError, match=r"core\.handle"):
        hears("thing.else")(handle)


def test_a_job_is_due_at_once(engine: AsyncEngine) -> None:
    async def handle(session: AsyncSession, event: Event, moment: datetime) -> None: ...

    listen("a.handle", handle)
    moment = now()
    (job,) = jobs_for(Event(id=new_id(), kind=KIND), now=moment)
    assert job.due_at == moment
    assert Base.metadata.tables["job"].c.event_id.foreign_keys
