"""Codes of sign-in and sign-out: one a minute, one task, one way, and nowhere in the logs."""

import logging
import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.graph.identifiers import encode
from nexus.volunteering.tasks.attendance import operations as attendance
from nexus.volunteering.tasks.model import AttendanceSecret, CheckInMode, TaskState
from nexus.volunteering.tasks.queries import WrongCode, redeem_attendance_code
from nexus.volunteering.tasks.rules import IN, OUT, WAYS, code_at, payload, verify_code
from tests.deeds import acting, actor_of
from tests.making import making, now
from tests.volunteering import made

MOMENTS = st.integers(1_600_000_000, 4_000_000_000).map(
    lambda seconds: datetime.fromtimestamp(seconds, UTC)
)
SECRETS = st.binary(min_size=16, max_size=32)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


@given(SECRETS, MOMENTS, st.sampled_from(WAYS))
def test_a_code_is_good_for_its_minute_and_the_next(
    secret: bytes, moment: datetime, way: str
) -> None:
    begun = moment.replace(second=0, microsecond=0)
    code = code_at(secret, begun, way)
    assert len(code) == 8
    assert code.isdigit()
    for seconds in (0, 59, 60, 119):
        assert verify_code(secret, code, begun + timedelta(seconds=seconds), way)
    assert verify_code(secret, f" {code[:4]} {code[4:]} ", begun, way)


def test_a_code_is_good_for_nothing_else() -> None:
    secret, moment = b"s" * 32, datetime(2027, 1, 1, 9, 30, tzinfo=UTC)
    code = code_at(secret, moment, IN)
    assert not verify_code(secret, code, moment + 2 * MINUTE, IN)
    assert not verify_code(secret, code, moment - MINUTE, IN)
    assert not verify_code(secret, code, moment, OUT)
    assert not verify_code(b"t" * 32, code, moment, IN)
    for wrong in ("", "1", code + "0", "二〇二七", "\ud800"):
        assert not verify_code(secret, wrong, moment, IN)
    assert payload("VT-1", IN, code) == f"NEXUS-ATTEND:VT-1:in:{code}"


async def _running(m: Any, organization: Any, **given: Any) -> Any:
    start = now() - timedelta(minutes=10)
    row: dict[str, Any] = {"starts_at": start, "ends_at": start + HOUR}
    return await made.task(m, organization, state=TaskState.IN_PROGRESS, **row | given)


async def test_the_organizer_shows_it_and_a_volunteer_redeems_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        stranger = await m.account(Role.VOL_ORG, area_code=None)
        account = await made.volunteer_account(m)
        task, another = await _running(m, own), await _running(m, own)
    async with acting(engine, organizer) as act:
        shown = await attendance.attendance_code(act, task.id)
        other = await attendance.attendance_code(act, another.id)
    async with acting(engine, organizer) as act:
        assert (await attendance.attendance_code(act, task.id)).sign_in_payload.startswith(
            f"NEXUS-ATTEND:{task.no}:in:"
        )
    async with acting(engine, account) as act:
        await redeem_attendance_code(act, task.id, code=shown.sign_in, way=IN)
        await redeem_attendance_code(act, task.id, code=shown.sign_out, way=OUT)
    for code, way, at in (
        (shown.sign_in, OUT, now()),
        (other.sign_in, IN, now()),
        (shown.sign_in, IN, now() + 2 * MINUTE),
    ):
        async with acting(engine, actor_of(account, at)) as act:
            with pytest.raises(WrongCode) as refused:
                await redeem_attendance_code(act, task.id, code=code, way=way)
            assert code not in str(refused.value.as_dict())
    for nobody in (stranger, account):
        async with acting(engine, nobody) as act:
            with pytest.raises(Forbidden):
                await attendance.attendance_code(act, task.id)


async def test_the_secret_is_sealed_and_made_once(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        task = await _running(m, own)
    moment = now()
    codes = set()
    for _ in range(3):
        async with acting(engine, actor_of(organizer, moment)) as act:
            codes.add((await attendance.attendance_code(act, task.id)).sign_in)
    async with AsyncSession(engine) as session:
        kept = (
            await session.scalars(
                select(AttendanceSecret).where(AttendanceSecret.task_id == task.id)
            )
        ).one()
    assert codes != {code_at(kept.wrapped, moment, IN)}
    assert len(codes) == 1


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ({"check_in_mode": CheckInMode.SCAN}, "attendance.mode"),
        (
            {"starts_at": now() + 5 * HOUR, "ends_at": now() + 6 * HOUR},
            "attendance.time",
        ),
        (
            {"starts_at": now() - 9 * HOUR, "ends_at": now() - 3 * HOUR},
            "attendance.time",
        ),
    ],
)
async def test_no_code_for_another_mode_or_another_time(
    engine: AsyncEngine, row: dict[str, Any], rule: str
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        task = await _running(m, own, **row)
    async with acting(engine, organizer) as act:
        with pytest.raises(GuardFailed) as refused:
            await attendance.attendance_code(act, task.id)
    assert refused.value.details["rule"] == rule


async def test_a_code_is_in_no_log_and_in_no_history(
    api: Any, engine: AsyncEngine, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        task = await _running(m, own)
    answer = await api(organizer)(
        "mutation($id: ID!) { attendanceCode(input: {taskId: $id}) "
        "{ ... on AttendanceCode { signIn signOut changesAt } } }",
        id=encode("VolunteerTask", task.id),
    )
    shown = answer["data"]["attendanceCode"]
    assert datetime.fromisoformat(shown["changesAt"]).second == 0
    heard = caplog.text
    async with engine.connect() as connection:
        for table in ("event", "job", "idempotency_key"):
            found = await connection.exec_driver_sql(f"SELECT t::text FROM {table} t")
            heard += "".join(found.scalars())
    assert shown["signIn"] not in heard
    assert shown["signOut"] not in heard


async def test_the_codes_come_as_pictures_too(api: Any, engine: AsyncEngine) -> None:
    async with making(engine) as m:
        own = await m.organization()
        organizer = await m.account(Role.VOL_ORG, organization=own, area_code=None)
        task = await _running(m, own)
    document = (
        "mutation($id: ID!, $page: String) { attendanceCode(input: {taskId: $id, page: $page}) { "
        "... on AttendanceCode { signInPayload signOutPayload signInQr signOutQr } "
        "... on Refusal { code field } } }"
    )
    given = {"id": encode("VolunteerTask", task.id)}
    shown = (await api(organizer)(document, **given))["data"]["attendanceCode"]
    page = "https://nexus.example/station/attend"
    paged = (await api(organizer)(document, **given, page=page))["data"]["attendanceCode"]
    assert _modules(shown["signInQr"]) == _wanted(shown["signInPayload"])
    assert _modules(shown["signOutQr"]) == _wanted(shown["signOutPayload"])
    assert _modules(paged["signInQr"]) == _wanted(f"{page}#{paged['signInPayload']}")
    for bad in (
        "javascript:alert(1)",
        f"{page}#x",
        "https://me@nexus.example/",
        "/station",
        "http://[",
    ):
        refused = (await api(organizer)(document, **given, page=bad))["data"]["attendanceCode"]
        assert refused == {"code": "INVALID", "field": "page"}


def _wanted(text: str) -> set[tuple[int, int]]:
    matrix = segno.make_qr(text, error="m", boost_error=False).matrix
    return {(x + 4, y + 4) for y, row in enumerate(matrix) for x, dark in enumerate(row) if dark}


def _modules(svg: str) -> set[tuple[int, int]]:
    """The dark squares that the picture's strokes paint, each of them one unit wide."""
    dark, (x, y) = set(), (Decimal(0), Decimal(0))
    path = ElementTree.fromstring(svg).findall("{http://www.w3.org/2000/svg}path")[-1].attrib["d"]
    for verb, first, second in re.findall(r"([MmhH])\s*(-?[\d.]+)(?:[ ,]?(-?[\d.]+))?", path):
        if verb == "M":
            x, y = Decimal(first), Decimal(second)
        elif verb == "m":
            x, y = x + Decimal(first), y + Decimal(second or 0)
        else:
            dark |= {(int(x) + at, int(y)) for at in range(int(first))}
            x += int(first)
    return dark
