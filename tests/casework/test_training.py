"""Posts, grades and training: filled and qualified, recorded once, corrected by a later record."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.casework.model import WorkerGrade
from nexus.casework.training import model, operations
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal
from nexus.graph.identifiers import encode
from tests.conftest import Api
from tests.deeds import acting, count_of, events_of, reread
from tests.making import dated, from_today, making, today

COURSE: dict[str, Any] = {
    "title": "个案管理实务",
    "provider": "省社工协会",
    "held_on": from_today(),
    "minutes": 480,
}


async def test_posts_filled_and_qualified(engine: AsyncEngine, api: Api) -> None:
    """Of today: not who left, not who is still to come."""
    async with making(engine) as m:
        station = await m.station(posts=5)
        day = today()
        posts: tuple[tuple[WorkerGrade, dict[str, Any]], ...] = (
            (WorkerGrade.SOCIAL_WORKER, {}),
            (WorkerGrade.AUXILIARY, {}),
            (WorkerGrade.SENIOR, {"valid_to": day}),
            (WorkerGrade.SENIOR, {"valid_from": day + timedelta(days=1)}),
            (WorkerGrade.ASSISTANT, {"valid_to": day + timedelta(days=1)}),
        )
        for grade, more in posts:
            await m.worker(station=station, grade=grade, **more)
    document = (
        "query($id: ID!) { node(id: $id) { ... on Station { posts postsFilled postsQualified } } }"
    )
    answer = await api(None)(document, id=encode("Station", station.id))
    assert answer["data"]["node"] == {"posts": 5, "postsFilled": 3, "postsQualified": 2}


async def test_who_keeps_training_records(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.worker()
        approver = await m.account(Role.GOV_APPROVER)
        clerk = await m.account(Role.GOV_CLERK)
        charity = await m.account(Role.CHARITY_USER)
    for account, refusal in ((clerk, Forbidden), (charity, NotFound)):
        with pytest.raises(refusal):
            async with acting(engine, account) as act:
                await operations.record_training(act, worker_id=worker.id, **dated(COURSE))
    async with acting(engine, approver) as act:
        row = await operations.record_training(act, worker_id=worker.id, **dated(COURSE))
    assert await events_of(engine, row) == ["training.recorded"]


@pytest.mark.parametrize(
    "more",
    [
        {"held_on": from_today(1)},
        {"minutes": 0},
        {"title": " "},
        {"provider": "联系 13800138000"},
    ],
)
async def test_what_is_no_training(engine: AsyncEngine, more: dict[str, Any]) -> None:
    async with making(engine) as m:
        worker, approver = await m.worker(), await m.account(Role.GOV_APPROVER)
    before = await count_of(engine, model.TrainingRecord)
    with pytest.raises(Invalid):
        async with acting(engine, approver) as act:
            await operations.record_training(act, worker_id=worker.id, **dated(COURSE | more))
    assert await count_of(engine, model.TrainingRecord) == before


async def test_a_record_is_corrected_once(engine: AsyncEngine) -> None:
    """By a later one; the first stays as it was, for good."""
    async with making(engine) as m:
        worker, approver = await m.worker(), await m.account(Role.GOV_APPROVER)
    async with acting(engine, approver) as act:
        row = await operations.record_training(act, worker_id=worker.id, **dated(COURSE))
    given = dated(COURSE) | {"minutes": 240, "training_id": row.id, "reason": "学时录错"}
    async with acting(engine, approver) as act:
        later = await operations.correct_training(act, **given)
    assert (later.corrects_id, later.worker_id) == (row.id, worker.id)
    assert (await reread(engine, row)).minutes == 480
    with pytest.raises(operations.AlreadyCorrected):
        async with acting(engine, approver) as act:
            await operations.correct_training(act, **given)
    with pytest.raises(Refusal):
        async with acting(engine, approver) as act:
            await operations.correct_training(act, **given | {"training_id": new_id()})
    with pytest.raises(DBAPIError):
        async with AsyncSession(engine) as session, session.begin():
            await session.delete(await session.get_one(model.TrainingRecord, later.id))


async def test_grades(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        worker = await m.worker(grade=WorkerGrade.AUXILIARY)
        approver, clerk = await m.account(Role.GOV_APPROVER), await m.account(Role.GOV_CLERK)
    passed: dict[str, Any] = {"certificate_no": "SW-0001", "certified_on": today()}
    refused: tuple[tuple[WorkerGrade, dict[str, Any]], ...] = (
        (WorkerGrade.AUXILIARY, passed),
        (WorkerGrade.SOCIAL_WORKER, {"certificate_no": "SW-0001"}),
        (WorkerGrade.SENIOR, {**passed, "certified_on": today() + timedelta(days=1)}),
    )
    for grade, more in refused:
        with pytest.raises(Invalid):
            async with acting(engine, approver) as act:
                await operations.set_grade(act, worker.id, expected_version=1, grade=grade, **more)
    with pytest.raises(Forbidden):
        async with acting(engine, clerk) as act:
            await operations.set_grade(act, worker.id, expected_version=1, grade=WorkerGrade.SENIOR)
    async with acting(engine, approver) as act:
        await operations.set_grade(
            act, worker.id, expected_version=1, grade=WorkerGrade.SOCIAL_WORKER, **passed
        )
    fresh = await reread(engine, worker)
    assert (fresh.grade, fresh.certificate_no, fresh.version) == ("social_worker", "SW-0001", 2)
    with pytest.raises(IntegrityError, match="certificate"):
        async with AsyncSession(engine) as session, session.begin():
            (await session.get_one(type(worker), worker.id)).grade = WorkerGrade.AUXILIARY
