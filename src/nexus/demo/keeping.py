"""Two reports of the made-up world, kept as they were found."""

from datetime import timedelta

from nexus.acting import Act, Role
from nexus.demo.deeds import Deeds
from nexus.reports.operations import freeze_report


class Reports(Deeds):
    """What the supervisor kept."""

    async def keep(self) -> None:
        """A report with its rows, and one that every reader may have."""
        supervisor = next(one for one, _ in self.world.shown if one.role is Role.SUPERVISOR)

        async def needs(act: Act) -> object:
            return await freeze_report(act, "needs-pipeline")

        async def unmet(act: Act) -> object:
            return await freeze_report(act, "unmet-needs", with_rows=False)

        for deed in (needs, unmet):
            await self.attempt(supervisor, timedelta(), deed)
