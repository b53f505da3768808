"""A platform of a volunteer organization: what its scopes open, and what of others it hears."""

import hashlib
import secrets
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.model import AccessToken, Account
from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.graph.identifiers import encode
from nexus.volunteering.tasks import operations as tasking
from nexus.volunteering.tasks.model import TaskState
from nexus.volunteering.tasks.queries import positions_of
from nexus.volunteering.tasks.signups import operations as signing
from tests.deeds import acting
from tests.making import making, now
from tests.volunteering import made

FEED = (
    "query($since: String) { changes(since: $since, first: 500) { entries { kind node { id } } } }"
)


async def _token(engine: AsyncEngine, account: Account, *scopes: str) -> str:
    token = secrets.token_urlsafe(32)
    async with AsyncSession(engine) as session, session.begin():
        session.add(
            AccessToken(
                account_id=account.id,
                digest=hashlib.sha256(token.encode()).digest(),
                label="platform",
                scopes=list(scopes),
                created_at=now(),
            )
        )
    return token


async def _ask(api: Any, token: str, document: str, **variables: Any) -> dict[str, Any]:
    response = await api.client.post(
        "/graphql",
        json={"query": document, "variables": variables},
        headers={"authorization": f"Bearer {token}"},
    )
    answer: dict[str, Any] = response.json()
    return answer


async def test_its_scopes_sign_people_up_and_leave_decisions_to_persons(
    api: Any, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        machine = await m.account(Role.VOL_ORG, own, area_code=None)
        person = await made.volunteer(m, None, own)
        await made.task(m, own)
    reads = await _token(engine, machine, "volunteers:read")
    writes = await _token(engine, machine, "volunteers:write")
    listed = "{ volunteerTasks(first: 5) { nodes { positions(first: 1) { nodes { id } } } } }"
    found = (await _ask(api, reads, listed))["data"]["volunteerTasks"]["nodes"]
    position = found[0]["positions"]["nodes"][0]["id"]
    sign_up = (
        f'mutation {{ signUp(input: {{positionId: "{position}", idempotencyKey: "{new_id()}", '
        f'volunteerId: "{encode("Volunteer", person.id)}"}}) '
        "{ ... on Signup { state } ... on Refusal { code message } } }"
    )
    assert _code(await _ask(api, reads, sign_up)) == "INSUFFICIENT_SCOPE"
    done = await _ask(api, writes, sign_up)
    assert done["data"]["signUp"] == {"state": "CONFIRMED"}
    for mutation, fields in (
        ("publishVolunteerTask", 'id: "x", expectedVersion: 1'),
        ("confirmTaskHours", 'id: "x", expectedVersion: 1'),
        ("verifyVolunteer", 'id: "x", expectedVersion: 1'),
        ("requestVolunteerIdentity", 'volunteerId: "x", purpose: "DELIV"'),
    ):
        asked = (
            f'mutation {{ {mutation}(input: {{{fields}, idempotencyKey: "k"}}) {{ __typename }} }}'
        )
        assert _code(await _ask(api, writes, asked)) == "INSUFFICIENT_SCOPE", mutation


def _code(answer: dict[str, Any]) -> str:
    return str(answer["errors"][0]["extensions"]["code"])


async def test_the_feed_tells_others_of_tasks_and_nobody_else_of_signups(
    api: Any, engine: AsyncEngine
) -> None:
    async with making(engine) as m:
        own = await m.organization()
        maker = await m.account(Role.VOL_ORG, own, area_code=None)
        second = await m.account(Role.VOL_ORG, own, area_code=None)
        elsewhere = await m.account(Role.VOL_ORG, area_code=None)
        account = await made.volunteer_account(m)
        await made.volunteer(m, account)
        row = await made.task(m, own, state=TaskState.DRAFT)
    steps = (
        (maker, tasking.submit_task),
        (second, tasking.publish_task),
        (maker, tasking.open_recruitment),
    )
    for version, (who, deed) in enumerate(steps, 1):
        async with acting(engine, who) as act:
            await deed(act, row.id, expected_version=version)
    async with AsyncSession(engine) as session:
        (position,) = await positions_of(session, row.id)
    async with acting(engine, account) as act:
        signup = await signing.sign_up(act, position.id)
    task, mine = encode("VolunteerTask", row.id), encode("Signup", signup.id)
    signed = {("signup.applied", mine), ("signup.confirmed", mine)}
    public = {("task.published", task), ("task.recruiting", task)}
    for who, told in (
        (maker, {("task.submitted", task)} | public | signed),
        (account, public | signed),
        (elsewhere, public),
    ):
        heard = (await api(who)(FEED))["data"]["changes"]["entries"]
        about = {(one["kind"], one["node"]["id"]) for one in heard if one["node"]}
        assert {one for one in about if one[1] in (task, mine)} == told
