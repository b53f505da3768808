"""Making a need part of a case."""

from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act
from nexus.casework.cases import policy as cases
from nexus.casework.cases import queries
from nexus.casework.cases.model import OPEN, Case
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.graph.sql import as_predicate
from nexus.needs import model, policy
from nexus.needs.queries import take_need


async def check_case(act: Act, case_id: UUID | None, household_id: UUID | None) -> UUID | None:
    """An open case of the need's household that the actor sees. NotFound; Invalid; GuardFailed."""
    if case_id is None:
        return None
    file = await act.find(Case, case_id, visible=cases.visible)
    if household_id is None or not await queries.same_home(
        act.session, file.household_id, household_id
    ):
        raise Invalid("That case is of another household than the need.", field="caseId")
    if file.state not in OPEN:
        raise GuardFailed(
            f"Case {file.no} is {file.state.value}: reopen it first.",
            field="caseId",
            rule="INV-19",
        )
    return file.id


async def link_need_to_case(
    act: Act, need_id: UUID, *, expected_version: int, case_id: UUID
) -> model.Need:
    """From now on help for the need is part of the case's work. Another case takes its place."""
    row = await take_need(act, need_id, expected_version)
    act.permit(policy.may_link_case, row)
    seen = as_predicate(policy.has_case(act.actor, row.household_id))
    if row.household_id is not None and not await act.session.scalar(select(seen)):
        raise Forbidden(f"No case of the household of need {row.no} is yours to see.")
    if not model.TRANSITIONS.verbs(row.state):
        raise GuardFailed(f"Need {row.no} is {row.state.value}.", rule="INV-21")
    row.case_id = await check_case(act, case_id, row.household_id)
    row.version += 1
    act.record("need.linked_to_case", row, case_id=case_id)
    return row
