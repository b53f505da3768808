"""What the contract in force has come to: visits are counted, a quarter waits to be accepted."""

from datetime import timedelta

from sqlalchemy import select

from nexus.acting import Act, Role
from nexus.demo.deeds import Deeds
from nexus.purchasing.acceptance.operations import submit_acceptance
from nexus.purchasing.acceptance.rules import Claims
from nexus.purchasing.contracts.model import Contract, ContractItem, ContractState, Milestone
from nexus.purchasing.facts.operations import claim_period

DAY = timedelta(days=1)


class Accepting(Deeds):
    """The supplier's side of what the county bought."""

    async def claim(self) -> None:
        """The manager counts all visits so far, and claims the first quarter."""
        async with self.sessions() as session:
            contract = await session.scalar(
                select(Contract).where(Contract.state == ContractState.ACTIVE).limit(1)
            )
            if contract is None:
                return
            item = select(ContractItem.id).where(ContractItem.contract_id == contract.id)
            step = select(Milestone.id).where(
                Milestone.contract_id == contract.id, Milestone.position == 1
            )
            item_id = (await session.scalars(item)).first()
            step_id = (await session.scalars(step)).first()
        if item_id is None or step_id is None:
            return
        until_on = self.world.today + DAY
        manager = next(
            one
            for one, _ in self.world.shown
            if one.role is Role.BUYER and one.id == contract.manager_id
        )

        async def count(act: Act) -> object:
            return await claim_period(act, item_id, from_on=contract.starts_on, until_on=until_on)

        async def submit(act: Act) -> object:
            claims = Claims(from_on=contract.starts_on, until_on=until_on)
            return await submit_acceptance(act, step_id, claims)

        await self.attempt(manager, timedelta(), count)
        await self.attempt(manager, timedelta(), submit)
