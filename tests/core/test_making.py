"""The rows that tests are made of are valid in every state."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from stdnum.cn import uscc

from nexus.acting import Role
from nexus.needs.model import NeedState
from tests.making import making


async def test_every_noun_can_be_made(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        recipient = await m.recipient()
        assert (await m.consent(recipient)).recipient_id == recipient.id
        assert (await m.recognition(recipient)).recipient_id == recipient.id
        assert (await m.recognition(household_id=recipient.household_id)).recipient_id is None
        worker = await m.worker(station=await m.station())
        assert worker.valid_to is None
        offer = await m.offer(areas=["4401", "440304"], project_id=(await m.project()).id)
        assert offer.state == "listed"
        assert uscc.is_valid((await m.organization()).uscc or "")


@pytest.mark.parametrize("role", list(Role))
async def test_every_role_can_have_an_account(engine: AsyncEngine, role: Role) -> None:
    async with making(engine) as m:
        assert (await m.account(role=role)).role is role


@pytest.mark.parametrize("state", list(NeedState))
@pytest.mark.parametrize("group_name", [None, "第一医院"])
async def test_a_need_can_be_made_in_every_state(
    engine: AsyncEngine, state: NeedState, group_name: str | None
) -> None:
    async with making(engine) as m:
        need = await m.need(state=state, group_name=group_name, lines=[{}, {"item": "油"}])
        assert [line.position for line in need.lines] == [1, 2]
        assert {line.published for line in need.lines} == {state is NeedState.PUBLISHED}
