"""Asking for the second factor, and the enrolling, confirming and dropping of one.

Everything here happens behind a right password, on the locked row of its account.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import delete, select, update

from nexus.accounts.factors import model, rules
from nexus.accounts.model import Account
from nexus.acting import Act
from nexus.core.ids import new_id
from nexus.core.refusals import GuardFailed, Invalid, Refusal

ENROL = "POST /oauth/second-factor/enrol"
CONFIRM = "POST /oauth/second-factor/confirm"


class SecondFactorNeeded(Refusal):
    """The password was right; the code of the device is missing."""

    code = "SECOND_FACTOR_NEEDED"


class SecondFactorMissing(Refusal):
    """This role signs in with a second factor only, and the account has none."""

    code = "SECOND_FACTOR_MISSING"


class SecondFactorWrong(Refusal):
    """No current code of the device and no unused recovery code, or one that was used before."""

    code = "SECOND_FACTOR_WRONG"


@dataclass(frozen=True)
class Enrolment:
    """A device's secret in clear: it is shown now and never again."""

    secret: str
    address: str


def factors_of(act: Act) -> rules.Factors:
    """The keys of this session; GuardFailed when it was made without them."""
    factors = act.session.info.get(rules.FACTORS)
    if not isinstance(factors, rules.Factors):
        raise GuardFailed(
            "Second factors cannot be checked here: the service was started without their key.",
            rule="second_factor.key",
        )
    return factors


async def prove(act: Act, account: Account, given: str | None, *, required: bool = False) -> None:
    """Ask for the account's second factor, if it has one; `required`: or if its role needs one.

    SecondFactorMissing, SecondFactorNeeded or SecondFactorWrong.
    """
    factor = await _factor(act, account.id, confirmed=True)
    if factor is not None:
        return await _check(act, factor, given)
    known = act.session.info.get(rules.FACTORS)
    if required and isinstance(known, rules.Factors) and account.role in known.required:
        raise SecondFactorMissing(
            f"Role {account.role.name} signs in with a second factor: enrol a device at {ENROL}, "
            f"confirm it at {CONFIRM}, then sign in with its code as otp."
        )
    return None


async def _check(act: Act, factor: model.SecondFactor, given: str | None) -> None:
    if not given:
        raise SecondFactorNeeded(
            "Send the code your authenticator shows, or a recovery code, as otp."
        )
    code = rules.recovery_code(given)
    used = await (_spend(act, factor, code) if code else _advance(act, factor, given))
    if not used:
        raise SecondFactorWrong(
            "This code is wrong, too old, or was used before: wait for the next one."
        )


async def _advance(act: Act, factor: model.SecondFactor, given: str) -> bool:
    """Whether the code is the device's and later than the last one used; it is the last now."""
    step = _step(act, factor, given)
    if step is None:
        return False
    row = model.SecondFactor
    moved = await act.session.execute(
        update(row)
        .where(row.id == factor.id, row.last_step < step)
        .values(last_step=step)
        .returning(row.id)
    )
    return moved.first() is not None


def _step(act: Act, factor: model.SecondFactor, given: str) -> int | None:
    secret = factors_of(act).open(factor.secret, factor.id, factor.key_version)
    if secret is None:
        raise GuardFailed(
            "This account's second factor cannot be read: ask the platform's administrators "
            "to reset it.",
            rule="second_factor.readable",
        )
    return rules.step_of(secret, given, act.now)


async def _spend(act: Act, factor: model.SecondFactor, code: str) -> bool:
    """Whether it is an unused recovery code of the factor; it is used now."""
    row = model.RecoveryCode
    hmac = factors_of(act).hash(code, factor.id)
    spent = await act.session.execute(
        update(row)
        .where(row.factor_id == factor.id, row.hmac == hmac, row.used_at.is_(None))
        .values(used_at=act.now)
        .returning(row.factor_id)
    )
    return spent.first() is not None


async def enrol(act: Act, account: Account, given: str | None) -> Enrolment:
    """A new secret, pending until `confirm`; who has a device proves it first."""
    active = await _factor(act, account.id, confirmed=True)
    if active is not None:
        await _check(act, active, given)
    await _drop(act, account.id, confirmed=False)
    factors, factor_id, secret = factors_of(act), new_id(), rules.new_secret()
    act.session.add(
        model.SecondFactor(
            id=factor_id,
            account_id=account.id,
            secret=factors.seal(secret, factor_id),
            key_version=factors.key_version,
            created_at=act.now,
        )
    )
    await act.session.flush()
    return Enrolment(secret, rules.address(secret, account.username))


async def confirm(act: Act, account: Account, given: str | None) -> list[str]:
    """The device's first code makes it count, in place of one before; its recovery codes."""
    pending = await _factor(act, account.id, confirmed=False)
    if pending is None:
        raise Invalid(f"There is no device to confirm: enrol one at {ENROL} first.", field="otp")
    step = _step(act, pending, given or "")
    if step is None:
        raise SecondFactorWrong("This is not the code your authenticator shows: send it as otp.")
    await _drop(act, account.id, confirmed=True)
    pending.confirmed_at, pending.last_step = act.now, step
    codes, factors = rules.new_recovery_codes(), factors_of(act)
    kept = [code.replace("-", "") for code in codes]
    act.session.add_all(
        model.RecoveryCode(factor_id=pending.id, hmac=factors.hash(code, pending.id))
        for code in kept
    )
    await act.session.flush()
    act.record("account.second_factor_enrolled", account, recovery_codes=len(codes))
    return codes


async def remove(act: Act, account: Account, given: str | None) -> None:
    """Sign in without it from now on; refused to roles that need one."""
    factor = await _factor(act, account.id, confirmed=True)
    if factor is None:
        raise Invalid("This account has no second factor.", field="otp")
    await _check(act, factor, given)
    if account.role in factors_of(act).required:
        raise GuardFailed(
            f"Role {account.role.name} needs a second factor: enrol another device at {ENROL}, "
            "which takes the place of this one.",
            rule="second_factor.required",
        )
    await drop_all(act, account.id)
    act.record("account.second_factor_removed", account)


async def drop_all(act: Act, account_id: UUID) -> int:
    """The account's devices, pending ones too, and their recovery codes; how many counted."""
    await _drop(act, account_id, confirmed=False)
    return await _drop(act, account_id, confirmed=True)


async def _factor(act: Act, account_id: UUID, *, confirmed: bool) -> model.SecondFactor | None:
    row = model.SecondFactor
    state = row.confirmed_at.is_not(None) if confirmed else row.confirmed_at.is_(None)
    found: model.SecondFactor | None = await act.session.scalar(
        select(row)
        .where(row.account_id == account_id, state)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found


async def _drop(act: Act, account_id: UUID, *, confirmed: bool) -> int:
    row = model.SecondFactor
    state = row.confirmed_at.is_not(None) if confirmed else row.confirmed_at.is_(None)
    gone = delete(row).where(row.account_id == account_id, state).returning(row.id)
    return len((await act.session.execute(gone)).all())
