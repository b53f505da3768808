"""Signing in, tokens, and the keeping of accounts."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, null, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.accounts import model, policy, rules
from nexus.accounts.factors import operations as factors
from nexus.acting import Act, Deed, Role, plain_transition
from nexus.areas.queries import resolve_area
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid, Refusal
from nexus.organizations import policy as organization_policy
from nexus.organizations.model import Organization


class SignInRefused(Refusal):
    """Name and password do not belong together; which of the two is wrong is not told."""

    code = "SIGN_IN_REFUSED"


class SignInLocked(Refusal):
    """Too many failures under this name; `details.retryAfterSeconds` says when to come back."""

    code = "SIGN_IN_LOCKED"


class AccountInactive(Refusal):
    """The password was right, but the account is suspended or closed."""

    code = "ACCOUNT_INACTIVE"


class UsernameTaken(Invalid):
    """Another account has this name."""

    code = "USERNAME_TAKEN"


@dataclass(frozen=True)
class Granted:
    """A token in clear: it is shown now and never again."""

    account_id: UUID
    token: str
    expires_at: datetime


async def count_attempt(act: Act, username: str) -> None:
    """Count a sign-in as failed before it is tried; success clears it. SignInLocked when shut.

    One statement, so that attempts side by side cannot outrun the limit.
    """
    digest = rules.digest(username.strip().casefold())
    row = model.SignInFailure
    fresh = row.last_at <= act.now - rules.LOCK
    failures = case((fresh, 1), else_=row.failures + 1)
    counted = await act.session.execute(
        insert(row)
        .values(username_digest=digest, failures=1, last_at=act.now)
        .on_conflict_do_update(
            index_elements=[row.username_digest],
            set_={
                "failures": failures,
                "last_at": act.now,
                "locked_until": case(
                    (failures >= rules.MAX_FAILURES, act.now + rules.LOCK), else_=null()
                ),
            },
            where=or_(row.locked_until.is_(None), row.locked_until <= act.now),
        )
        .returning(row.failures)
    )
    if counted.first() is None:
        until = await act.session.scalar(
            select(row.locked_until).where(row.username_digest == digest)
        )
        seconds = int((until - act.now).total_seconds()) + 1 if until else 1
        raise SignInLocked(
            f"Too many failed sign-ins under this name: try again in {seconds} seconds, "
            "or ask the platform's administrators for a new password.",
            retryAfterSeconds=seconds,
        )


async def verify_account(act: Act, username: str, password: str) -> model.Account:
    """The active account that name and password belong to. It takes as long for unknown names."""
    folded = username.strip().casefold()
    account = (
        await act.session.execute(
            select(model.Account).where(model.Account.username == folded).with_for_update()
        )
    ).scalar_one_or_none()
    stored = account.password_hash if account else None
    right = await asyncio.to_thread(rules.verify_password, stored, password)
    if account is None or not right:
        raise SignInRefused("Username or password is wrong.")
    if account.state is not model.AccountState.ACTIVE:
        raise AccountInactive(
            f"This account is {account.state.value}: ask the platform's administrators."
        )
    await act.session.execute(
        delete(model.SignInFailure).where(
            model.SignInFailure.username_digest == rules.digest(folded)
        )
    )
    return account


async def grant_token(
    act: Act,
    username: str,
    password: str,
    *,
    label: str = "oauth",
    life: timedelta = rules.TOKEN_LIFE,
    scopes: list[str] | None = None,
    otp: str | None = None,
) -> Granted:
    """A token for the right password (RFC 6749, 4.4) and, where there is one, second factor.

    Count the attempt before, and commit that.
    """
    account = await verify_account(act, username, password)
    await factors.prove(act, account, otp, required=True)
    expires_at = act.now + life
    token = await issue_token(
        act.session, account, label=label, now=act.now, expires_at=expires_at, scopes=scopes
    )
    act.record("account.signed_in", account)
    return Granted(account.id, token, expires_at)


async def issue_token(
    session: AsyncSession,
    account: model.Account,
    *,
    label: str,
    now: datetime,
    expires_at: datetime | None,
    scopes: list[str] | None = None,
    credential_id: UUID | None = None,
) -> str:
    """A new token of the account, in clear; only its digest is stored."""
    token = rules.new_token()
    session.add(
        model.AccessToken(
            account_id=account.id,
            digest=rules.digest(token),
            label=label,
            scopes=scopes,
            credential_id=credential_id,
            created_at=now,
            expires_at=expires_at,
        )
    )
    await session.flush()
    return token


async def end_own_token(act: Act, username: str, password: str, token: str) -> None:
    """End one's own token; whatever else it names changes nothing. Count the attempt before."""
    account = await verify_account(act, username, password)
    row = await act.session.scalar(
        select(model.AccessToken)
        .where(
            model.AccessToken.digest == rules.digest(token),
            model.AccessToken.account_id == account.id,
            model.AccessToken.revoked_at.is_(None),
        )
        .with_for_update()
    )
    if row is not None:
        row.revoked_at = act.now
        act.record("access_token.revoked", row)


async def end_held_token(act: Act, token: str) -> None:
    """End the token one holds; an unknown or ended one changes nothing."""
    row = await act.session.scalar(
        select(model.AccessToken)
        .where(
            model.AccessToken.digest == rules.digest(token),
            model.AccessToken.revoked_at.is_(None),
        )
        .with_for_update()
    )
    if row is not None:
        row.revoked_at = act.now
        act.record("access_token.revoked", row)


async def change_password(
    act: Act, username: str, password: str, new: str, *, otp: str | None = None
) -> model.Account:
    """One's own new password; every token goes. Count the attempt before, and commit that."""
    rules.check_password(new)
    account = await verify_account(act, username, password)
    await factors.prove(act, account, otp)
    await _set_password(act, account, new)
    act.record("account.password_changed", account)
    return account


async def confirm_second_factor(
    act: Act, username: str, password: str, *, otp: str | None
) -> list[str]:
    """The new device counts: its recovery codes, shown once; every token goes."""
    account = await verify_account(act, username, password)
    codes = await factors.confirm(act, account, otp)
    await _revoke_all(act, account.id)
    return codes


async def reset_second_factor(
    act: Act, account_id: UUID, *, expected_version: int
) -> model.Account:
    """For a lost device: no second factor counts from now on, and every token goes."""
    account = await act.take(
        model.Account, account_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_manage, account)
    dropped = await factors.drop_all(act, account.id)
    account.version += 1
    await _revoke_all(act, account.id)
    act.record("account.second_factor_reset", account, dropped=dropped)
    return account


async def reset_password(act: Act, account_id: UUID, *, expected_version: int) -> dict[str, Any]:
    """A random password, shown to the administrator once; every token goes."""
    account = await act.take(
        model.Account, account_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_manage, account)
    password = rules.new_password()
    await _set_password(act, account, password)
    await act.session.execute(
        delete(model.SignInFailure).where(
            model.SignInFailure.username_digest == rules.digest(account.username)
        )
    )
    act.record("account.password_reset", account)
    return {"username": account.username, "password": password, "version": account.version}


async def _set_password(act: Act, account: model.Account, password: str) -> None:
    account.password_hash = await asyncio.to_thread(rules.hash_password, password)
    account.version += 1
    await _revoke_all(act, account.id)


async def _revoke_all(act: Act, account_id: UUID) -> None:
    await act.session.execute(
        update(model.AccessToken)
        .where(model.AccessToken.account_id == account_id, model.AccessToken.revoked_at.is_(None))
        .values(revoked_at=act.now)
    )


def _permit_create(act: Act) -> None:
    if not policy.may_create(act.actor):
        raise Forbidden(
            f"Role {act.actor.role.name} may not open accounts: ask the platform's administrators."
        )


async def create_account(
    act: Act,
    *,
    username: str,
    name: str,
    role: Role,
    organization_id: UUID | None,
    area_code: str | None,
) -> model.Account:
    """An account without a password: nobody can sign in before `reset_password` gives one."""
    _permit_create(act)
    folded = rules.check_username(username)
    rules.check_territory(role, area_code)
    rules.check_private(role, placed=organization_id is not None or area_code is not None)
    if not name.strip():
        raise Invalid("An account needs the name of its holder.", field="name")
    if organization_id is not None:
        await act.find(Organization, organization_id, visible=organization_policy.visible)
    code = await resolve_area(act.session, area_code) if area_code else None
    created: model.Account | None = await act.session.scalar(
        insert(model.Account)
        .values(
            id=new_id(),
            username=folded,
            name=name.strip(),
            role=role,
            organization_id=organization_id,
            area_code=code,
            state=model.AccountState.ACTIVE,
            version=1,
            created_at=act.now,
        )
        .on_conflict_do_nothing(index_elements=[model.Account.username])
        .returning(model.Account)
    )
    if created is None:
        raise UsernameTaken("This username is taken: choose another.", field="username")
    act.record("account.created", created, role=role.value)
    return created


def _transition(verb: str, event: str, *, needs_reason: bool) -> Deed:
    plain = plain_transition(
        model.Account,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=policy.may_manage,
        needs_reason=needs_reason,
    )

    async def deed(act: Act, row_id: UUID, **given: Any) -> Any:
        account = await plain(act, row_id, **given)
        if account.state is not model.AccountState.ACTIVE:
            await _revoke_all(act, account.id)
        return account

    return deed


suspend_account = _transition("suspend", "account.suspended", needs_reason=True)
reinstate_account = _transition("reinstate", "account.reinstated", needs_reason=False)
close_account = _transition("close", "account.closed", needs_reason=True)


async def revoke_access_token(act: Act, token_id: UUID) -> model.AccessToken:
    """End one token now. Revoking a revoked token changes nothing and says so."""
    row = await act.take(model.AccessToken, token_id, visible=policy.token_visible)
    if row.revoked_at is not None:
        raise Invalid("This token is revoked already.", field="id")
    act.permit(policy.may_revoke, row)
    row.revoked_at = act.now
    act.record("access_token.revoked", row)
    return row


async def forget_failures(session: AsyncSession, now: datetime) -> int:
    """Drop what no longer counts; how many names were forgotten. A clock calls it."""
    row = model.SignInFailure
    dropped = await session.execute(
        delete(row)
        .where(row.last_at <= now - rules.LOCK, func.coalesce(row.locked_until, now) <= now)
        .returning(row.username_digest)
    )
    return len(dropped.all())


async def forget_tokens(session: AsyncSession, now: datetime, *, limit: int = 5000) -> int:
    """Drop tokens that ended long ago; how many. A clock calls it; their history stays."""
    row = model.AccessToken
    ended = func.least(row.expires_at, row.revoked_at) < now - rules.TOKENS_TOLD
    old = select(row.id).where(ended).limit(limit).with_for_update(skip_locked=True)
    dropped = await session.execute(delete(row).where(row.id.in_(old)).returning(row.id))
    return len(dropped.all())
