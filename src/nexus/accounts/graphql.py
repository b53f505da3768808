"""Accounts and tokens in the graph."""

from datetime import datetime

import strawberry

from nexus.accounts import model, operations, policy
from nexus.acting import Role
from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    mutation,
    node,
    one,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.identifiers import decode, decode_given
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization

register_enums(Role, model.AccountState)


@node(
    model.AccessToken,
    visible=policy.token_visible,
    actions={"revoke_access_token": (None, policy.may_revoke)},
)
class AccessToken:
    """A bearer token by its label and dates. The token itself was shown once and is not kept."""

    label: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    account: "Account | None" = to_one(model.AccessToken.account_id)


@node(
    model.Account,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "suspend_account": ("suspend", policy.may_manage),
        "reinstate_account": ("reinstate", policy.may_manage),
        "close_account": ("close", policy.may_manage),
        "reset_password": (None, policy.may_manage),
        "reset_second_factor": (None, policy.may_manage),
    },
)
class Account:
    """A person or machine with one role, in one organization, acting in one territory."""

    username: str | None = classified(model.Account.username, allowed=policy.may_read_login)
    name: str
    role: Role
    organization: Organization | None = to_one(model.Account.organization_id)
    area: Area | None = to_one(model.Account.area_code)
    state: model.AccountState
    state_reason: str | None = classified(model.Account.state_reason, allowed=policy.may_read_login)
    version: int
    created_at: datetime
    access_tokens: Connection[AccessToken] = to_many(
        model.AccessToken.account_id, order=Order(("created_at",), descending=True)
    )


@query
class AccountQuery:
    viewer: Account | None = one(
        lambda actor, row: row.id == actor.account_id, about="You; null without a credential."
    )
    accounts: Connection[Account] = collection(
        "Account",
        orders={"OLDEST": Order(("created_at",))},
        filters={
            "role": any_of(model.Account.role),
            "state": any_of(model.Account.state),
            "area": within(model.Account.area_code),
        },
        about="The accounts of your organization and territory.",
    )


AccountResult = result("Account", Account)
AccessTokenResult = result("AccessToken", AccessToken)


@record
class IssuedPassword:
    """A new password, shown this once."""

    username: str
    password: str
    version: int


IssuedPasswordResult = result("IssuedPassword", IssuedPassword)


@strawberry.input
class CreateAccountInput:
    username: str
    name: str
    role: Role
    organization_id: strawberry.ID | None = None
    area_code: str | None = None
    idempotency_key: str


@mutation(AccountResult)
async def create_account(act, input: CreateAccountInput):  # type: ignore[no-untyped-def]
    """Open an account. It has no password until resetPassword gives one."""
    organization_id = decode_given(input.organization_id, "Organization")
    return await operations.create_account(
        act,
        username=input.username,
        name=input.name,
        role=input.role,
        organization_id=organization_id,
        area_code=input.area_code,
    )


@strawberry.input
class ResetPasswordInput:
    id: strawberry.ID
    expected_version: int


@mutation(IssuedPasswordResult)
async def reset_password(act, input: ResetPasswordInput):  # type: ignore[no-untyped-def]
    """Give the account a random password, shown once, and end all its tokens."""
    return await operations.reset_password(
        act, decode(input.id, "Account"), expected_version=input.expected_version
    )


@strawberry.input
class ResetSecondFactorInput:
    id: strawberry.ID
    expected_version: int
    idempotency_key: str


@mutation(AccountResult)
async def reset_second_factor(act, input: ResetSecondFactorInput):  # type: ignore[no-untyped-def]
    """For a lost device: end the account's second factor and all its tokens."""
    return await operations.reset_second_factor(
        act, decode(input.id, "Account"), expected_version=input.expected_version
    )


@strawberry.input
class RevokeAccessTokenInput:
    id: strawberry.ID
    idempotency_key: str


@mutation(AccessTokenResult)
async def revoke_access_token(act, input: RevokeAccessTokenInput):  # type: ignore[no-untyped-def]
    """End a token now; whoever uses it is refused within seconds."""
    return await operations.revoke_access_token(act, decode(input.id, "AccessToken"))


transition(
    "suspend_account",
    AccountResult,
    operations.suspend_account,
    "No sign-in and no token counts until reinstated.",
)
transition("reinstate_account", AccountResult, operations.reinstate_account, "End a suspension.")
transition("close_account", AccountResult, operations.close_account, "The holder has left.")
