"""Projects: from the draft to the archive, with the guards of money and qualification."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role, anonymous, system
from nexus.areas.rules import UnknownCode
from nexus.charity import model, operations, policy
from nexus.core.refusals import Forbidden, GuardFailed, Invalid, NotFound, Refusal, WrongState
from nexus.organizations.model import Qualification, QualificationKind
from tests.deeds import acting, actor_of, events_of, reread
from tests.making import from_today, making, now, today

_P = model.ProjectState


def terms(**given: Any) -> operations.ProjectTerms:
    values: dict[str, Any] = {
        "name": "暖冬行动",
        "field": "poverty",
        "area": "440103",
        "starts_on": today(),
        "budget_fen": 100_000,
    } | given
    return operations.ProjectTerms(**values)


async def refused(
    engine: AsyncEngine,
    who: Any,
    project: model.CharityProject,
    deed: Any,
    kind: type[Refusal],
    **given: Any,
) -> Refusal:
    """The refusal of the deed, after which nothing has changed."""
    query = text("SELECT to_jsonb(p)::text FROM charity_project p WHERE id = :id")
    async with AsyncSession(engine) as session:
        before = (await session.execute(query, {"id": project.id})).scalar_one()
    news = await events_of(engine, project)
    with pytest.raises(kind) as told:
        async with acting(engine, who) as act:
            await deed(act, project.id, **{"expected_version": project.version} | given)
    async with AsyncSession(engine) as session:
        assert (await session.execute(query, {"id": project.id})).scalar_one() == before
    assert await events_of(engine, project) == news
    return told.value


async def test_a_project_from_draft_to_archive(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    async with acting(engine, account) as act:
        project = await operations.create_project(act, terms=terms())
    async with acting(engine, account) as act:
        await operations.update_project(
            act, project.id, expected_version=1, terms=terms(name="暖冬行动二期")
        )
    async with acting(engine, account) as act:
        await operations.file_project(act, project.id, expected_version=2, filing_no="5344-1")
    deeds = (
        (operations.start_project, _P.ACTIVE),
        (operations.pause_project, _P.PAUSED),
        (operations.resume_project, _P.ACTIVE),
        (operations.complete_project, _P.COMPLETED),
        (operations.disclose_project, _P.DISCLOSED),
        (operations.archive_project, _P.ARCHIVED),
    )
    for version, (deed, state) in enumerate(deeds, start=3):
        async with acting(engine, account) as act:
            row = await deed(act, project.id, expected_version=version)
        assert (row.state, row.version) == (state, version + 1)
    row = await reread(engine, project)
    assert (row.name, row.filing_no) == ("暖冬行动二期", "5344-1")
    assert (await events_of(engine, project))[:4] == [
        "project.created",
        "project.updated",
        "project.filed",
        "project.started",
    ]
    await refused(engine, account, row, operations.start_project, WrongState)


@pytest.mark.parametrize(
    ("given", "kind", "field"),
    [
        ({"field": "fun"}, UnknownCode, "charityField"),
        ({"name": " "}, Invalid, "name"),
        ({"budget_fen": -1}, Invalid, "budgetFen"),
        ({"ends_on": from_today()}, Invalid, "endsOn"),
    ],
)
async def test_terms_that_make_no_sense_are_refused(
    engine: AsyncEngine, given: dict[str, Any], kind: type[Refusal], field: str
) -> None:
    async with making(engine) as m:
        account = await m.account(role=Role.CHARITY_USER)
    with pytest.raises(kind) as told:
        async with acting(engine, account) as act:
            await operations.create_project(act, terms=terms(**given))
    assert told.value.field == field


@pytest.mark.parametrize("state", ["draft", "suspended"])
async def test_only_a_verified_organization_runs_projects(engine: AsyncEngine, state: str) -> None:
    async with making(engine) as m:
        owner = await m.organization(state=state)
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        draft = await m.project(owner, state=_P.DRAFT)
        filed = await m.project(owner, state=_P.FILED)
        paused = await m.project(owner, state=_P.PAUSED)
    with pytest.raises(GuardFailed):
        async with acting(engine, account) as act:
            await operations.create_project(act, terms=terms())
    told = await refused(
        engine, account, draft, operations.file_project, GuardFailed, filing_no="1"
    )
    assert told.details["rule"] == "organization.verified"
    for project, deed in ((filed, operations.start_project), (paused, operations.resume_project)):
        told = await refused(engine, account, project, deed, GuardFailed)
        assert told.details["rule"] == "organization.verified"


async def test_public_fundraising_needs_a_valid_certificate(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        project = await m.project(owner, state=_P.FILED, public_fundraising=True)
        expired = Qualification(
            organization_id=owner.id,
            kind=QualificationKind.PUBLIC_FUNDRAISING,
            valid_from=today() - timedelta(days=400),
            valid_to=today(),
            created_at=now(),
        )
        await m.put(expired)
    told = await refused(engine, account, project, operations.start_project, GuardFailed)
    assert told.details["rule"] == "T18e"
    async with making(engine) as m:
        await m.put(
            Qualification(
                organization_id=owner.id,
                kind=QualificationKind.PUBLIC_FUNDRAISING,
                valid_from=today(),
                created_at=now(),
            )
        )
    async with acting(engine, account) as act:
        row = await operations.start_project(act, project.id, expected_version=1)
    assert row.state is _P.ACTIVE


async def test_never_more_spent_than_received(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        project = await m.project(owner)
        draft = await m.project(owner, state=_P.DRAFT)
    deed = operations.record_project_funds
    told = await refused(
        engine, account, project, deed, GuardFailed, received_fen=100, spent_fen=101
    )
    assert told.details == {
        "rule": "project.spend_within_received",
        "received": 100,
        "spent": 101,
    }
    await refused(engine, account, project, deed, Invalid, received_fen=-1, spent_fen=-2)
    await refused(engine, account, draft, deed, GuardFailed, received_fen=1, spent_fen=0)
    async with acting(engine, account) as act:
        row = await deed(act, project.id, expected_version=1, received_fen=100, spent_fen=100)
    assert (row.received_fen, row.spent_fen, row.version) == (100, 100, 2)
    with pytest.raises(IntegrityError, match="spend_within_received"):
        async with AsyncSession(engine) as session, session.begin():
            await session.execute(
                text("UPDATE charity_project SET spent_fen = 101 WHERE id = :id"),
                {"id": project.id},
            )


async def test_a_filed_project_is_not_rewritten(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        account = await m.account(role=Role.CHARITY_USER, organization=owner)
        project = await m.project(owner, state=_P.FILED)
    await refused(engine, account, project, operations.update_project, GuardFailed, terms=terms())
    await refused(engine, account, project, operations.cancel_project, Invalid)
    async with acting(engine, account) as act:
        row = await operations.cancel_project(act, project.id, expected_version=1, reason="停办")
    assert row.state is _P.CANCELLED


@pytest.mark.parametrize("role", [r for r in Role if r not in (Role.ANONYMOUS, Role.SYSTEM)])
async def test_nobody_else_moves_a_project(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        account = await m.account(role=role)
        project = await m.project()
    for deed in (
        operations.pause_project,
        operations.complete_project,
        operations.cancel_project,
        operations.start_project,
    ):
        await refused(engine, account, project, deed, Forbidden)


async def test_who_sees_a_project(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        owner = await m.organization()
        projects = {state: await m.project(owner, state=state) for state in _P}
        own = actor_of(await m.account(role=Role.CHARITY_USER, organization=owner))
        charity = actor_of(await m.account(role=Role.CHARITY_USER))
        clerk = actor_of(await m.account(role=Role.GOV_CLERK))
    every = set(_P)
    public = set(policy.PUBLIC_PROJECTS)
    expected = [
        (own, every),
        (system(now()), every),
        (clerk, every - {_P.DRAFT}),
        (charity, public),
        (anonymous(now()), public),
    ]
    for actor, states in expected:
        async with AsyncSession(engine) as session:
            found = await session.execute(
                select(model.CharityProject.state).where(
                    model.CharityProject.organization_id == owner.id,
                    policy.project_visible(actor, model.CharityProject),
                )
            )
            assert set(found.scalars()) == states
    with pytest.raises(NotFound):
        async with acting(engine, charity) as act:
            await operations.start_project(act, projects[_P.DRAFT].id, expected_version=1)
