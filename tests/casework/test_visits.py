"""Visits: every state, verb and role; late writes, edits of two devices, second persons."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import GOVERNMENT, STATION, Actor, Role
from nexus.casework.editing.model import EditState, FieldEdit
from nexus.casework.visits import model, operations, rules
from nexus.casework.visits.changes import operations as changes
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, NotFound, Refusal, WrongState
from tests.casework.visiting import (
    FAR,
    TOWN,
    WHOLE,
    Deed,
    Place,
    S,
    a_place,
    put_plan,
    put_visit,
    told,
    tried,
)
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import from_today, making, now, today

SEES = STATION | GOVERNMENT | {Role.DPO, Role.SYSTEM}
LEADS = frozenset({Role.STATION_LEAD})
CHECKS = GOVERNMENT | LEADS
ALLOWED: dict[str, frozenset[Role]] = {
    "perform": STATION,
    "update": STATION,
    "miss": STATION,
    "reschedule": frozenset({Role.STATION_LEAD, Role.SOCIAL_WORKER}),
    "excuse": LEADS,
    "cancel": LEADS | {Role.SYSTEM},
    "verify": CHECKS,
    "report_change": STATION,
    "answer_danger": CHECKS,
}


@pytest.fixture(scope="module")
async def place(engine: AsyncEngine) -> Place:
    return await a_place(engine)


def plain(deed: Any, **given: Any) -> Deed:
    async def run(act: Any, row: Any) -> Any:
        return await deed(act, row.id, expected_version=row.version, **given)

    return run


def deeds(place: Place) -> dict[str, Deed]:
    """One deed for each verb."""

    async def perform(act: Any, row: Any) -> Any:
        return await operations.perform_visit(act, row.id, told(), expected_version=row.version)

    async def report(act: Any, row: Any) -> Any:
        await changes.report_change(
            act,
            rules.Change(["INCOME_DOWN"]),
            household_id=place.home.id,
            station_id=place.station.id,
            visit_id=row.id,
        )
        return row

    async def reschedule(act: Any, row: Any) -> Any:
        await operations.reschedule_visit(
            act, row.id, expected_version=row.version, days=3, reason="外出就医"
        )
        return await act.session.get(model.Visit, row.id)

    return {
        "perform": perform,
        "update": plain(operations.update_visit, changes={"kind": model.VisitKind.PHONE}),
        "miss": plain(operations.miss_visit, reason="家中无人"),
        "reschedule": reschedule,
        "excuse": plain(operations.excuse_visit, reason="住院"),
        "cancel": plain(operations.cancel_visit, reason="已迁出"),
        "verify": plain(operations.verify_visit, how=model.VisitCheck.PHONE),
        "report_change": report,
        "answer_danger": plain(changes.answer_danger, reason="已联系派出所"),
    }


def test_every_verb_is_tried(place: Place) -> None:
    assert set(deeds(place)) == set(ALLOWED) == set(model.TRANSITIONS.moves)


def _expected(verb: str, state: S, role: Role, *, far: bool) -> str:
    posted = role in STATION
    if role not in SEES or (far and role is not Role.SYSTEM):
        # A change is told of a household, so its deed is refused before the visit is looked for.
        early = verb == "report_change" and role not in STATION
        return "FORBIDDEN" if early else "NOT_FOUND"
    if role not in ALLOWED[verb]:
        return "FORBIDDEN"
    own = state not in model.PERFORMED or role is Role.STATION_LEAD
    if verb == "update" and posted and not own:
        return "FORBIDDEN"
    return str(model.TRANSITIONS.moves[verb].get(state, "WRONG_STATE"))


@pytest.mark.parametrize("verb", ALLOWED)
async def test_every_state_verb_and_role(engine: AsyncEngine, place: Place, verb: str) -> None:
    """Of all roles those listed, there alone, and of all ways the listed ones alone."""
    deed = deeds(place)[verb]
    for state in S:
        danger = verb == "answer_danger" and state in model.PERFORMED
        row = await put_visit(engine, place, state, danger=danger)
        async with acting(engine, place.worker) as act:
            for role in Role:
                for far in (False, True):
                    area = FAR if far else TOWN
                    actor = Actor(role, place.worker.id, new_id(), area, now())
                    expected = _expected(verb, state, role, far=far)
                    found = await tried(act.session, actor, row, deed)
                    assert found == expected, (verb, state, role, far)
        fresh = await reread(engine, row)
        assert (fresh.state, fresh.version) == (state, 1)


async def test_of_another_station_and_missing_are_alike(engine: AsyncEngine, place: Place) -> None:
    """Even of the same town: who is not posted here sees nothing of it."""
    other = await a_place(engine)
    row = await put_visit(engine, place)
    for visit_id in (row.id, new_id()):
        with pytest.raises(NotFound) as refused:
            async with acting(engine, other.lead) as act:
                await operations.miss_visit(act, visit_id, expected_version=1, reason="不在")
        assert refused.value.message == "No such Visit, or it is not yours to see."
    assert (await reread(engine, row)).state is S.SCHEDULED


async def test_what_was_found_is_kept(engine: AsyncEngine, place: Place) -> None:
    row = await put_visit(engine, place)
    yesterday = now() - timedelta(days=1)
    given = told(performed_at=yesterday, summary="一切正常", located_in="440103")
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, given, expected_version=1)
    fresh = await reread(engine, row)
    assert fresh.state is S.DONE
    assert (fresh.performed_at, fresh.minutes, fresh.summary) == (yesterday, 40, "一切正常")
    assert fresh.findings == WHOLE
    assert (fresh.located_in, fresh.located_near) == ("440103", True)
    assert fresh.recorded_at - fresh.performed_at > timedelta(hours=23)
    assert fresh.performed_by == place.worker.id
    assert (await events_of(engine, row))[-1] == "visit.performed"


async def test_from_another_place(engine: AsyncEngine, place: Place) -> None:
    """Only the division is kept, and whether the household lives there."""
    row = await put_visit(engine, place)
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, told(located_in="440304"), expected_version=1)
    assert (await reread(engine, row)).located_near is False


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"performed_at": now() + timedelta(days=1)}, "performedAt"),
        ({"minutes": 0}, "minutes"),
        ({"minutes": 1441}, "minutes"),
        ({"findings": {"FOOD": True}}, "findings"),
        ({"findings": WHOLE | {"NOBODY": 1}}, "findings"),
        ({"findings": WHOLE | {"HEALTH": "GREAT"}}, "findings"),
        ({"findings": WHOLE | {"FOOD": "yes"}}, "findings"),
        ({"summary": "长" * 4001}, "summary"),
        ({"change": rules.Change([])}, "changes"),
        ({"change": rules.Change(["NONE"])}, "changes"),
        ({"change": rules.Change(["OTHER"], note="电话13800138000")}, "note"),
    ],
)
async def test_what_cannot_be_is_refused(
    engine: AsyncEngine, place: Place, fields: dict[str, Any], field: str
) -> None:
    row = await put_visit(engine, place)
    with pytest.raises(Refusal) as refused:
        async with acting(engine, place.worker) as act:
            await operations.perform_visit(act, row.id, told(**fields), expected_version=1)
    assert refused.value.field == field
    assert (await reread(engine, row)).state is S.SCHEDULED
    assert await events_of(engine, row) == []


async def test_a_device_that_was_away_is_heard(engine: AsyncEngine, place: Place) -> None:
    """The lead sent somebody else, and took it for missed: the visit was made all the same."""
    row = await put_visit(engine, place)
    async with acting(engine, place.lead) as act:
        await operations.update_visit(
            act, row.id, expected_version=1, changes={"worker_id": place.other_post.id}
        )
    async with acting(engine, place.lead) as act:
        await operations.miss_visit(act, row.id, expected_version=2, reason="未见记录")
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, told(), expected_version=1)
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.worker_id) == (S.DONE, place.other_post.id)
    assert fresh.performed_by == place.worker.id


async def test_a_version_to_come_is_refused(engine: AsyncEngine, place: Place) -> None:
    row = await put_visit(engine, place)
    with pytest.raises(Invalid):
        async with acting(engine, place.worker) as act:
            await operations.perform_visit(act, row.id, told(), expected_version=7)
    assert (await reread(engine, row)).state is S.SCHEDULED


async def test_two_devices_keep_both_values(engine: AsyncEngine, place: Place) -> None:
    """Other fields merge; of one field the later value stands beside the one that came first."""
    row = await put_visit(engine, place, S.DONE, performed_by=place.worker.id, summary="甲")
    base = row.version
    for actor, given in (
        (place.worker, {"summary": "乙", "findings": {"MOOD": "CALM"}}),
        (place.lead, {"summary": "丙", "minutes": 25, "findings": {"FOOD": True}}),
    ):
        async with acting(engine, actor) as act:
            await operations.update_visit(act, row.id, expected_version=base, changes=given)
    fresh = await reread(engine, row)
    assert (fresh.summary, fresh.minutes) == ("乙", 25)
    assert fresh.findings == {"MOOD": "CALM", "FOOD": True}
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(FieldEdit.after).where(
                FieldEdit.subject_id == row.id, FieldEdit.state == EditState.CONFLICTING
            )
        )
        assert list(found) == ["丙"]


@pytest.mark.parametrize(
    ("state", "given"),
    [
        (S.SCHEDULED, {"minutes": 5}),
        (S.SCHEDULED, {"summary": "x"}),
        (S.DONE, {"worker_id": None}),
        (S.SCHEDULED, {"window_to": from_today()}),
        (S.DONE, {"danger_answer": "x"}),
    ],
)
async def test_only_fields_of_the_state_change(
    engine: AsyncEngine, place: Place, state: S, given: dict[str, Any]
) -> None:
    row = await put_visit(engine, place, state)
    with pytest.raises(Invalid):
        async with acting(engine, place.lead) as act:
            await operations.update_visit(act, row.id, expected_version=1, changes=given)
    assert (await reread(engine, row)).version == 1


async def test_a_posting_of_the_station_is_sent(engine: AsyncEngine, place: Place) -> None:
    other = await a_place(engine)
    row = await put_visit(engine, place)
    for given in (
        {"worker_id": other.post.id},
        {"with_worker_id": place.other_post.id},
        {"worker_id": new_id()},
    ):
        with pytest.raises((Invalid, NotFound)):
            async with acting(engine, place.lead) as act:
                await operations.update_visit(act, row.id, expected_version=1, changes=given)
    joint = {"kind": model.VisitKind.JOINT, "with_worker_id": place.other_post.id}
    async with acting(engine, place.lead) as act:
        await operations.update_visit(act, row.id, expected_version=1, changes=joint)
    assert (await reread(engine, row)).with_worker_id == place.other_post.id


async def test_nobody_planned_it(engine: AsyncEngine, place: Place) -> None:
    async with acting(engine, place.aide) as act:
        row = await operations.record_visit(
            act,
            told(summary="路过看望"),
            household_id=place.home.id,
            station_id=place.station.id,
            kind=model.VisitKind.HOME,
        )
    fresh = await reread(engine, row)
    assert (fresh.state, fresh.plan_id, fresh.worker_id) == (S.DONE, None, place.other_post.id)
    assert fresh.summary == "路过看望"
    assert fresh.due_on == fresh.window_from
    for actor in (place.clerk, place.approver):
        with pytest.raises(Forbidden):
            async with acting(engine, actor) as act:
                await operations.record_visit(
                    act,
                    told(),
                    household_id=place.home.id,
                    station_id=place.station.id,
                    kind=model.VisitKind.HOME,
                )


async def test_at_a_foreign_station_nobody_records(engine: AsyncEngine, place: Place) -> None:
    other = await a_place(engine)
    with pytest.raises(NotFound):
        async with acting(engine, place.worker) as act:
            await operations.record_visit(
                act,
                told(),
                household_id=place.home.id,
                station_id=other.station.id,
                kind=model.VisitKind.HOME,
            )


async def test_a_missed_one_is_put_off(engine: AsyncEngine, place: Place) -> None:
    row = await put_visit(engine, place, S.MISSED, follow_up=True)
    async with acting(engine, place.worker) as act:
        made = await operations.reschedule_visit(
            act, row.id, expected_version=1, days=5, reason="外出"
        )
    assert (await reread(engine, row)).state is S.RESCHEDULED
    fresh = await reread(engine, made)
    assert (fresh.state, fresh.previous_id, fresh.follow_up) == (S.SCHEDULED, row.id, True)
    assert (fresh.window_from, fresh.due_on) == (today(), today() + timedelta(days=5))
    for days in (0, 91):
        again = await put_visit(engine, place, S.MISSED)
        with pytest.raises(Invalid):
            async with acting(engine, place.worker) as act:
                await operations.reschedule_visit(
                    act, again.id, expected_version=1, days=days, reason="外出"
                )
        assert (await reread(engine, again)).state is S.MISSED


async def test_nobody_verifies_their_own(engine: AsyncEngine, place: Place) -> None:
    """Neither by the deed nor past it (INV-18)."""
    row = await put_visit(engine, place, S.DONE, performed_by=place.lead.id)
    with pytest.raises(Forbidden):
        async with acting(engine, place.lead) as act:
            await operations.verify_visit(
                act, row.id, expected_version=1, how=model.VisitCheck.PHONE
            )
    with pytest.raises(IntegrityError, match="inv_18"):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                update(model.Visit)
                .where(model.Visit.id == row.id)
                .values(
                    state=S.VERIFIED,
                    verified_by=place.lead.id,
                    verified_at=now(),
                    verified_how=model.VisitCheck.PHONE,
                )
            )
    async with acting(engine, place.approver) as act:
        await operations.verify_visit(
            act, row.id, expected_version=1, how=model.VisitCheck.SECOND_VISIT
        )
    assert (await reread(engine, row)).verified_by == place.approver.id


async def test_two_clients_at_once(engine: AsyncEngine, place: Place) -> None:
    """One performs it; the other learns that it is done."""
    row = await put_visit(engine, place)

    async def once(actor: Any) -> str:
        try:
            async with acting(engine, actor) as act:
                await operations.perform_visit(act, row.id, told(), expected_version=1)
        except WrongState:
            return "late"
        return "done"

    answers = await asyncio.gather(once(place.worker), once(place.aide))
    assert sorted(answers) == ["done", "late"]
    assert (await events_of(engine, row)).count("visit.performed") == 1


async def test_danger_is_told_at_once_and_answered_once(engine: AsyncEngine, place: Place) -> None:
    row = await put_visit(engine, place)
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, told(danger=True), expected_version=1)
    assert "visit.danger_flagged" in await events_of(engine, row)
    assert (await reread(engine, row)).to_verify
    with pytest.raises(Forbidden):
        async with acting(engine, place.worker) as act:
            await changes.answer_danger(act, row.id, expected_version=2, reason="已处理")
    async with acting(engine, place.clerk) as act:
        await changes.answer_danger(act, row.id, expected_version=2, reason="已转移安置")
    with pytest.raises(Exception, match="No danger waits"):
        async with acting(engine, place.lead) as act:
            await changes.answer_danger(act, row.id, expected_version=3, reason="再来")
    assert (await reread(engine, row)).danger_answered_by == place.clerk.id


async def test_danger_may_be_raised_later_but_not_taken_back(
    engine: AsyncEngine, place: Place
) -> None:
    row = await put_visit(engine, place, S.DONE, performed_by=place.worker.id)
    for times in (1, 1):
        async with acting(engine, place.worker) as act:
            await operations.update_visit(act, row.id, expected_version=1, changes={}, danger=True)
        events = await events_of(engine, row)
        assert events.count("visit.danger_flagged") == times
    assert (await reread(engine, row)).danger
    scheduled = await put_visit(engine, place)
    with pytest.raises(Exception, match="with a visit that was made"):
        async with acting(engine, place.worker) as act:
            await operations.update_visit(
                act, scheduled.id, expected_version=1, changes={}, danger=True
            )


async def test_a_share_is_drawn_for_a_check() -> None:
    """About the share, the same for all who ask, and not to be known beforehand."""
    from decimal import Decimal

    moment, ids = now(), [new_id() for _ in range(2000)]
    drawn = [one for one in ids if rules.is_drawn(one, moment, Decimal("0.1"))]
    assert 120 < len(drawn) < 280
    assert drawn == [one for one in ids if rules.is_drawn(one, moment, Decimal("0.1"))]
    later = [one for one in ids if rules.is_drawn(one, moment + timedelta(seconds=1), Decimal(1))]
    assert later == ids
    assert not any(rules.is_drawn(one, moment, Decimal(0)) for one in ids)


async def test_what_a_device_may_not_write(engine: AsyncEngine, place: Place) -> None:
    """The database holds it too: a moment to come, a plan's single day, two open at once."""
    row = await put_visit(engine, place, S.DONE)
    plan = await put_plan(engine, place)
    await put_visit(engine, place, plan_id=plan.id, household_id=plan.household_id)
    second = await put_visit(engine, place)
    for statement in (
        f"UPDATE visit SET performed_at = recorded_at + interval '2 hours' WHERE id = '{row.id}'",
        f"UPDATE visit SET plan_id = '{plan.id}', window_to = window_from + 1, "
        f"due_on = window_from WHERE id = '{second.id}'",
        f"UPDATE visit SET plan_id = '{plan.id}' WHERE id = '{second.id}'",
    ):
        with pytest.raises(IntegrityError):
            async with AsyncSession(engine) as session, session.begin():
                await session.execute(text(statement))


async def test_who_sees_it(engine: AsyncEngine, place: Place) -> None:
    """By the policy itself, for every role, here and elsewhere."""
    from nexus.casework.visits import policy

    row = await put_visit(engine, place)
    async with AsyncSession(engine) as session:
        for role in Role:
            for area in (TOWN, FAR):
                actor = Actor(role, place.worker.id, new_id(), area, now())
                found = await session.scalar(
                    select(model.Visit.id).where(
                        model.Visit.id == row.id, policy.visible(actor, model.Visit)
                    )
                )
                sees = role is Role.SYSTEM or (role in SEES and area == TOWN)
                assert (found is not None) is sees, (role, area)


async def test_a_protected_home_is_seen_by_fewer(engine: AsyncEngine, place: Place) -> None:
    async with making(engine) as m:
        home = await m.household(area_code=TOWN, address_protected=True)
    row = await put_visit(engine, place, household_id=home.id)
    with pytest.raises(NotFound):
        async with acting(engine, place.aide) as act:
            await operations.perform_visit(act, row.id, told(), expected_version=1)
    async with acting(engine, place.worker) as act:
        await operations.perform_visit(act, row.id, told(), expected_version=1)


def test_actors_are_of_the_station(place: Place) -> None:
    assert actor_of(place.worker).area_prefix == TOWN
