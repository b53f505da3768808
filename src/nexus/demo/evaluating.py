"""How the made-up buyer will evaluate: a scheme after the template, still to be confirmed."""

from datetime import timedelta
from uuid import UUID

from nexus.acting import Act, Role
from nexus.demo.deeds import Deeds
from nexus.evaluation.schemes.operations import create_scheme

TEMPLATE = UUID("01900000-0000-7000-8000-000000000025")


class Schemes(Deeds):
    """What the buyer drew up."""

    async def draw_up(self) -> None:
        """A draft, which a second person of the buyer is to adopt."""
        buyer = next(one for one, _ in self.world.shown if one.role is Role.BUYER)

        async def draft(act: Act) -> object:
            return await create_scheme(
                act,
                code="SERVICE",
                title="社会救助服务绩效评价",
                source="购买服务绩效评价模板",
                least_answers=5,
                template_id=TEMPLATE,
            )

        await self.attempt(buyer, timedelta(days=20), draft)
