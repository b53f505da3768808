"""The guard of a need's end."""

from nexus.acting import Act
from nexus.needs import model
from nexus.needs.debts import queries, rules


async def check_free(act: Act, row: model.Need) -> None:
    """GuardFailed while the need owes something, or its verification. Take the need first."""
    rules.check_settled(await queries.owed_by(act.session, row.id))
    if row.provisional:
        rules.check_verified(row.provisional, await queries.is_waived(act.session, row.id))
