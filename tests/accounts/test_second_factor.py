"""The second factor: enrolled by a code, asked for at every door, each code good once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from pyotp import TOTP
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from starlette.applications import Starlette
from starlette.routing import Route

from nexus.accounts import http, model, operations, rules
from nexus.accounts.factors import operations as factors
from nexus.accounts.factors import rules as codes
from nexus.accounts.factors.model import RecoveryCode, SecondFactor
from nexus.accounts.http import SignInDoor
from nexus.acting import STATION, Act, Role, anonymous
from nexus.core.refusals import GuardFailed, Invalid, Refusal
from nexus.settings import second_factor
from tests.deeds import acting, events_of, reread
from tests.making import making

PASSWORD = "correct horse battery"
ROOT = bytes(range(32))
START = datetime(2026, 6, 1, 8, 0, tzinfo=UTC)
HASH = rules.hash_password(PASSWORD)


@pytest.fixture
async def account(engine: AsyncEngine) -> model.Account:
    """An approver with a password and no device."""
    async with making(engine) as m:
        return await m.account(role=Role.GOV_APPROVER, area_code="440103", password_hash=HASH)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The time at the doors; set it to let it pass."""
    times = [START]
    monkeypatch.setattr(http, "utcnow", lambda: times[0])
    return times


async def doors(engine: AsyncEngine, required: frozenset[Role]) -> AsyncIterator[httpx.AsyncClient]:
    deeds = {"token": "token", "password": "password"}
    deeds |= {f"second-factor/{deed}": deed for deed in ("enrol", "confirm", "remove")}
    app = Starlette(
        routes=[Route(f"/oauth/{path}", SignInDoor(deed)) for path, deed in deeds.items()]
    )
    app.state.engine = engine
    app.state.factors = codes.session_info(ROOT, required)
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://nexus.test") as client:
        yield client


@pytest.fixture
async def door(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    """The doors of an operator who requires nothing."""
    async for client in doors(engine, frozenset()):
        yield client


@pytest.fixture
async def strict(engine: AsyncEngine) -> AsyncIterator[httpx.AsyncClient]:
    """The doors of an operator who requires it of whoever approves or sees personal data."""
    async for client in doors(engine, codes.SENSITIVE):
        yield client


async def ask(
    door: httpx.AsyncClient, account: model.Account, path: str = "token", **given: str
) -> httpx.Response:
    form = {"client_id": account.username, "client_secret": PASSWORD, **given}
    if path == "token":
        form["grant_type"] = "client_credentials"
    return await door.post(f"/oauth/{path}", data=form)


async def enrol(
    door: httpx.AsyncClient, account: model.Account, clock: list[datetime], **given: str
) -> tuple[TOTP, list[str]]:
    """A device that counts, and its recovery codes; the clock stands at the next code after it."""
    shown = (await ask(door, account, "second-factor/enrol", **given)).json()
    device = TOTP(shown["secret"])
    told = await ask(door, account, "second-factor/confirm", otp=device.at(clock[0]))
    assert told.status_code == 200, told.text
    clock[0] += timedelta(seconds=30)
    return device, told.json()["recovery_codes"]


async def kept(engine: AsyncEngine, account: model.Account) -> list[SecondFactor]:
    async with AsyncSession(engine) as session:
        found = select(SecondFactor).where(SecondFactor.account_id == account.id)
        return list((await session.scalars(found)).all())


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_codes_are_those_of_the_standard(seconds: int, code: str) -> None:
    """RFC 6238, appendix B: the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    now = datetime.fromtimestamp(seconds, UTC)
    assert codes.step_of(secret, code, now) == seconds // 30
    assert codes.step_of(secret, code, now + timedelta(seconds=30)) == seconds // 30
    assert codes.step_of(secret, code, now + timedelta(seconds=61)) is None
    assert codes.step_of(secret, code[:-1], now) is None


async def test_a_device_counts_when_it_gave_a_code(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    shown = await ask(door, account, "second-factor/enrol")
    assert shown.headers["cache-control"] == "no-store"
    assert shown.json()["otpauth_uri"].startswith("otpauth://totp/nexus:")
    assert (await ask(door, account)).status_code == 200, "a pending device is not asked for"
    wrong = await ask(door, account, "second-factor/confirm", otp="000000")
    assert (wrong.status_code, wrong.json()["error"]) == (401, "second_factor_wrong")
    device = TOTP(shown.json()["secret"])
    told = await ask(door, account, "second-factor/confirm", otp=device.at(clock[0]))
    assert len(set(told.json()["recovery_codes"])) == 10
    needed = await ask(door, account)
    assert (needed.status_code, needed.json()["error"]) == (401, "second_factor_needed")
    clock[0] += timedelta(seconds=30)
    granted = await ask(door, account, otp=device.at(clock[0]))
    assert granted.json()["token_type"] == "Bearer"
    kinds = await events_of(engine, account)
    assert kinds.count("account.second_factor_enrolled") == 1


async def test_confirming_ends_the_tokens_got_without_it(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    await ask(door, account)
    await enrol(door, account, clock)
    async with AsyncSession(engine) as session:
        token = model.AccessToken
        found = select(token.revoked_at).where(token.account_id == account.id)
        assert None not in (await session.scalars(found)).all()


async def test_a_code_counts_once(
    door: httpx.AsyncClient, account: model.Account, clock: list[datetime]
) -> None:
    device, _ = await enrol(door, account, clock)
    confirmed = await ask(door, account, otp=device.at(clock[0] - timedelta(seconds=30)))
    assert confirmed.status_code == 401, "the code that confirmed the device is used"
    code = device.at(clock[0])
    assert (await ask(door, account, otp=code)).status_code == 200
    replayed = await ask(door, account, otp=code)
    assert (replayed.status_code, replayed.json()["error"]) == (401, "second_factor_wrong")
    clock[0] += timedelta(seconds=30)
    assert (await ask(door, account, otp=device.at(clock[0]))).status_code == 200


async def test_of_two_at_once_with_one_code_one_comes_in(
    door: httpx.AsyncClient, account: model.Account, clock: list[datetime]
) -> None:
    device, _ = await enrol(door, account, clock)
    code = device.at(clock[0])
    answers = await asyncio.gather(*(ask(door, account, otp=code) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


async def test_a_recovery_code_counts_once(
    door: httpx.AsyncClient, account: model.Account, clock: list[datetime]
) -> None:
    _, recovery = await enrol(door, account, clock)
    typed = recovery[3].lower().replace("-", " ")
    assert (await ask(door, account, otp=typed)).status_code == 200
    assert (await ask(door, account, otp=typed)).status_code == 401
    assert (await ask(door, account, otp=recovery[4])).status_code == 200
    assert (await ask(door, account, otp="AAAA-BBBB-CCCC-DDDD")).status_code == 401


async def test_guessing_closes_the_door(
    door: httpx.AsyncClient, account: model.Account, clock: list[datetime]
) -> None:
    """A right password does not clear the failures; only the code does."""
    device, _ = await enrol(door, account, clock)
    right = device.at(clock[0])
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    statuses = [(await ask(door, account, otp=wrong)).status_code for _ in range(12)]
    assert statuses[: rules.MAX_FAILURES] == [401] * rules.MAX_FAILURES
    assert statuses[rules.MAX_FAILURES :] == [429] * 2
    assert (await ask(door, account, otp=right)).status_code == 429
    clock[0] += rules.LOCK
    assert (await ask(door, account, otp=device.at(clock[0]))).status_code == 200


@pytest.mark.parametrize("path", ["password", "second-factor/enrol", "second-factor/remove"])
async def test_nothing_changes_without_the_code(
    door: httpx.AsyncClient,
    engine: AsyncEngine,
    account: model.Account,
    clock: list[datetime],
    path: str,
) -> None:
    device, _ = await enrol(door, account, clock)
    before = [(one.id, one.last_step) for one in await kept(engine, account)]
    for otp in ({}, {"otp": "000000"}, {"otp": device.at(clock[0] - timedelta(hours=1))}):
        given = {"new_password": "another long one", **otp}
        assert (await ask(door, account, path, **given)).status_code == 401
    assert [(one.id, one.last_step) for one in await kept(engine, account)] == before
    assert (await reread(engine, account)).password_hash == HASH


async def test_another_device_takes_its_place(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    old, recovery = await enrol(door, account, clock)
    new, _ = await enrol(door, account, clock, otp=recovery[0])
    assert (await ask(door, account, otp=recovery[1])).status_code == 401
    clock[0] += timedelta(minutes=5)
    assert (await ask(door, account, otp=old.at(clock[0]))).status_code == 401
    assert (await ask(door, account, otp=new.at(clock[0]))).status_code == 200
    assert len(await kept(engine, account)) == 1


async def test_without_a_device_the_role_does_not_come_in(
    strict: httpx.AsyncClient, account: model.Account, clock: list[datetime]
) -> None:
    refused = await ask(strict, account)
    assert (refused.status_code, refused.json()["error"]) == (403, "second_factor_missing")
    changed = await ask(strict, account, "password", new_password="another long one")
    assert changed.status_code == 204, "a first password is changed before a device is enrolled"
    form = {"client_secret": "another long one"}
    shown = (await ask(strict, account, "second-factor/enrol", **form)).json()
    otp = TOTP(shown["secret"]).at(clock[0])
    await ask(strict, account, "second-factor/confirm", otp=otp, **form)
    clock[0] += timedelta(seconds=30)
    otp = TOTP(shown["secret"]).at(clock[0])
    assert (await ask(strict, account, otp=otp, **form)).status_code == 200


async def test_who_sees_nothing_personal_may_do_without(
    strict: httpx.AsyncClient, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        recipient = await m.account(role=Role.VOLUNTEER, password_hash=HASH)
    assert (await ask(strict, recipient)).status_code == 200


async def test_it_is_removed_only_where_it_is_not_required(
    door: httpx.AsyncClient,
    strict: httpx.AsyncClient,
    engine: AsyncEngine,
    account: model.Account,
    clock: list[datetime],
) -> None:
    device, recovery = await enrol(door, account, clock)
    kept_on = await ask(strict, account, "second-factor/remove", otp=device.at(clock[0]))
    assert kept_on.status_code == 400
    assert len(await kept(engine, account)) == 1
    removed = await ask(door, account, "second-factor/remove", otp=recovery[0])
    assert removed.status_code == 204
    assert await kept(engine, account) == []
    assert (await ask(door, account)).status_code == 200
    again = await ask(door, account, "second-factor/remove", otp=device.at(clock[0]))
    assert again.status_code == 400


async def test_the_platform_resets_what_was_lost(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    await enrol(door, account, clock)
    async with making(engine) as m:
        admin = await m.account(role=Role.PLATFORM_ADMIN)
        other = await m.account(role=Role.GOV_APPROVER, area_code="440103")
    for who, row in ((other, account), (admin, admin)):
        async with acting(engine, who) as act:
            with pytest.raises(Refusal):
                await operations.reset_second_factor(act, row.id, expected_version=row.version)
    assert len(await kept(engine, account)) == 1
    version = (await reread(engine, account)).version
    async with acting(engine, admin) as act:
        await operations.reset_second_factor(act, account.id, expected_version=version)
    assert await kept(engine, account) == []
    assert (await ask(door, account)).status_code == 200


async def test_secrets_are_sealed_for_their_row_and_codes_hashed(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    device, recovery = await enrol(door, account, clock)
    (factor,) = await kept(engine, account)
    assert device.secret.encode() not in factor.secret
    keys = codes.Factors(ROOT)
    assert keys.open(factor.secret, factor.id, factor.key_version) == device.secret
    assert keys.open(factor.secret, account.id, factor.key_version) is None
    assert codes.Factors(bytes(32)).open(factor.secret, factor.id, factor.key_version) is None
    async with AsyncSession(engine) as session:
        rows = (await session.scalars(select(RecoveryCode.hmac))).all()
        assert not any(code.replace("-", "").encode() in bytes(row) for code in recovery
                       for row in rows)  # fmt: skip


async def test_a_service_without_the_key_lets_nobody_past(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    device, _ = await enrol(door, account, clock)
    async with AsyncSession(engine) as session, session.begin():
        act = Act(session, anonymous(clock[0]))
        with pytest.raises(GuardFailed):
            await operations.grant_token(act, account.username, PASSWORD, otp=device.at(clock[0]))
    moved = b"\0" * 80
    async with engine.begin() as connection:
        with pytest.raises(Exception, match="permission denied"):
            await connection.execute(
                update(SecondFactor)
                .where(SecondFactor.account_id == account.id)
                .values(secret=moved)
            )


async def test_only_an_enrolled_device_is_confirmed(
    door: httpx.AsyncClient, engine: AsyncEngine, account: model.Account, clock: list[datetime]
) -> None:
    nothing = await ask(door, account, "second-factor/confirm", otp="123456")
    assert nothing.status_code == 400
    async with AsyncSession(engine, info=codes.session_info(ROOT)) as session, session.begin():
        act = Act(session, anonymous(clock[0]))
        with pytest.raises(Invalid):
            await factors.confirm(act, account, None)


@pytest.mark.parametrize(
    ("given", "roles"),
    [
        ({}, frozenset[Any]()),
        ({"NEXUS_SECOND_FACTOR": "off"}, frozenset[Any]()),
        ({"NEXUS_SECOND_FACTOR": "sensitive"}, codes.SENSITIVE),
        ({"NEXUS_SECOND_FACTOR": "dpo, gov_clerk"}, frozenset({Role.DPO, Role.GOV_CLERK})),
    ],
)
def test_the_operator_says_who_has_to(given: dict[str, str], roles: frozenset[Role]) -> None:
    assert second_factor(given) == roles


def test_the_operator_cannot_name_nobody() -> None:
    with pytest.raises(ValueError, match="janitor"):
        second_factor({"NEXUS_SECOND_FACTOR": "janitor"})
    assert STATION <= codes.SENSITIVE
