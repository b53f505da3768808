"""Open needs go along with the person they are about."""

from uuid import UUID

from nexus.acting import Act
from nexus.needs.moving import queries
from nexus.needs.publication.operations import pause
from nexus.recipients.merging.queries import lock_household
from nexus.recipients.model import Recipient

LEFT = "who consented to its publication left the household"


async def follow_the_person(act: Act, person: Recipient, left_id: UUID) -> int:
    """The open needs about the person count for the household joined from here on; how many.

    What was given under them counts there too: it is the person who has it. What is over stays with
    the household left (INV-21). A need of that household that was published under the person's
    consent is paused: nobody who lives there consented (INV-11).
    """
    for home_id in sorted((left_id, person.household_id)):
        await lock_household(act.session, home_id)
    rows = await queries.take_open_of(act.session, person.id, left_id)
    for row in rows:
        row.household_id = person.household_id
        row.version += 1
        act.record("need.moved", row, household_before=left_id, household_id=person.household_id)
    for row in await queries.take_published_of_household(act.session, left_id, person.id):
        await pause(act, row, LEFT)
    await act.session.flush()
    return len(rows)
