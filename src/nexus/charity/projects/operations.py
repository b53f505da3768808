"""Filing, running, completing and disclosing projects."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, plain_transition, system
from nexus.areas.queries import check_code, resolve_area
from nexus.charity import model, policy, queries, rules
from nexus.core.refusals import Forbidden, GuardFailed
from nexus.organizations.model import Organization, OrganizationState, QualificationKind
from nexus.organizations.operations import suspend_organization
from nexus.organizations.queries import holds_qualification


@dataclass(frozen=True, kw_only=True)
class ProjectTerms:
    """What a project says. `field` is a code of the list charity_field; money is in fen."""

    name: str
    field: str
    area: str
    starts_on: date
    budget_fen: int
    ends_on: date | None = None
    public_fundraising: bool = False


async def create_project(
    act: Act, *, terms: ProjectTerms, organization_id: UUID | None = None
) -> model.CharityProject:
    """A draft of a verified organization."""
    owner = organization_id or act.actor.organization_id
    if not policy.may_create(act.actor, owner):
        raise Forbidden(f"Role {act.actor.role.name} may not make projects for this organization.")
    await check_owner(act, owner)
    row = model.CharityProject(
        organization_id=owner, created_at=act.now, created_by=act.actor.account_id
    )
    await _apply(act, row, terms)
    row.no = await act.number("J", row.area_code)
    act.session.add(row)
    await act.session.flush()
    act.record("project.created", row, area_code=row.area_code)
    return row


async def update_project(
    act: Act, row_id: UUID, *, expected_version: int, terms: ProjectTerms
) -> model.CharityProject:
    """Say it anew, before it is filed."""
    row = await _take(act, row_id, expected_version)
    if row.state is not model.ProjectState.DRAFT:
        raise GuardFailed(
            f"A project in state {row.state.name} is filed as it is: cancel it and make another.",
            rule="project.editable",
            state=row.state.name,
        )
    await _apply(act, row, terms)
    row.version += 1
    act.record("project.updated", row, area_code=row.area_code)
    return row


async def file_project(
    act: Act, row_id: UUID, *, expected_version: int, filing_no: str
) -> model.CharityProject:
    """It has its filing number (备案编号) from the authority."""
    row = await _take(act, row_id, expected_version)
    act.move(row, model.PROJECT_TRANSITIONS, "file")
    await check_owner(act, row.organization_id)
    row.filing_no = rules.check_text(filing_no, field="filingNo")
    act.record("project.filed", row)
    return row


async def start_project(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.CharityProject:
    """It runs from now on. In public only with a valid fundraising certificate (T18e)."""
    return await _run(act, row_id, expected_version, "start", "project.started", reason)


async def resume_project(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.CharityProject:
    """Back from a pause, under the conditions of starting."""
    return await _run(act, row_id, expected_version, "resume", "project.resumed", reason)


async def record_project_funds(
    act: Act, row_id: UUID, *, expected_version: int, received_fen: int, spent_fen: int
) -> model.CharityProject:
    """The totals received and spent so far; never more spent than received (domain.md 7.6)."""
    row = await _take(act, row_id, expected_version)
    running = (model.ProjectState.ACTIVE, model.ProjectState.PAUSED, model.ProjectState.COMPLETED)
    if row.state not in running:
        raise GuardFailed(
            f"A project in state {row.state.name} has no running accounts.",
            rule="project.running",
            state=row.state.name,
        )
    rules.check_money(received_fen, field="receivedFen")
    rules.check_money(spent_fen, field="spentFen")
    if spent_fen > received_fen:
        raise GuardFailed(
            f"Spent {spent_fen} fen is more than the {received_fen} fen received: "
            "record what was received first.",
            rule="project.spend_within_received",
            received=received_fen,
            spent=spent_fen,
        )
    row.received_fen, row.spent_fen = received_fen, spent_fen
    row.version += 1
    act.record("project.funds_recorded", row, received_fen=received_fen, spent_fen=spent_fen)
    return row


def _transition(verb: str, event: str, *, may: Any = None, needs_reason: bool = False) -> Any:
    return plain_transition(
        model.CharityProject,
        model.PROJECT_TRANSITIONS,
        verb,
        event=event,
        visible=policy.project_visible,
        may=may or policy.may_manage,
        needs_reason=needs_reason,
    )


pause_project = _transition("pause", "project.paused", may=policy.may_pause)
complete_project = _transition("complete", "project.completed")
disclose_project = _transition("disclose", "project.disclosed")
archive_project = _transition("archive", "project.archived")
cancel_project = _transition("cancel", "project.cancelled", needs_reason=True)


async def lapse_fundraising(session: AsyncSession, now: datetime) -> int:
    """The clock: projects that raise funds in public without a valid certificate stop; how many.

    The project is paused and its organization suspended (domain.md 7.2), so it pledges nothing new
    until the authority reinstates it. What it owes already stays owed.
    """
    act = Act(session, system(now))
    lapsed = list(await session.scalars(queries.without_certificate(act.actor.today())))
    for row in lapsed:
        reason = "its organization's fundraising certificate is valid no longer"
        await pause_project(act, row.id, expected_version=row.version, reason=reason)
        owner = await session.get_one(Organization, row.organization_id, with_for_update=True)
        if owner.state is OrganizationState.VERIFIED:
            reason = f"fundraising certificate lapsed while project {row.no} ran"
            await suspend_organization(act, owner.id, expected_version=owner.version, reason=reason)
            act.record("organization.qualification_lapsed", owner, project_id=row.id)
    await session.flush()
    return len(lapsed)


async def check_owner(act: Act, organization_id: UUID) -> None:
    """GuardFailed unless the organization is verified now (domain.md 7.2)."""
    state = await queries.owner_state(act, organization_id)
    if state is not OrganizationState.VERIFIED:
        raise GuardFailed(
            "Only a verified organization may do this: ask the registering authority to verify it.",
            rule="organization.verified",
            state=state.name if state else None,
        )


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.CharityProject:
    row = await act.take(
        model.CharityProject,
        row_id,
        visible=policy.project_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_manage, row)
    return row


async def _run(
    act: Act, row_id: UUID, expected_version: int, verb: str, event: str, reason: str | None
) -> model.CharityProject:
    row = await _take(act, row_id, expected_version)
    act.move(row, model.PROJECT_TRANSITIONS, verb)
    await check_owner(act, row.organization_id)
    kind = QualificationKind.PUBLIC_FUNDRAISING
    today = act.actor.today()
    if row.public_fundraising and not await holds_qualification(
        act, row.organization_id, kind, today
    ):
        raise GuardFailed(
            f"Raising funds in public needs a fundraising certificate valid on {today}: "
            "have the authority enter it.",
            rule="T18e",
            qualification=kind.name,
        )
    row.state_reason = reason
    act.record(event, row)
    return row


async def _apply(act: Act, row: model.CharityProject, terms: ProjectTerms) -> None:
    """Check the terms and put them on the row."""
    rules.check_period(terms.starts_on, terms.ends_on, field="endsOn")
    await check_code(act.session, "charity_field", terms.field, on=act.actor.today())
    row.name = rules.check_text(terms.name, field="name")
    row.field = terms.field
    row.area_code = await resolve_area(act.session, terms.area)
    row.starts_on, row.ends_on = terms.starts_on, terms.ends_on
    row.budget_fen = rules.check_money(terms.budget_fen, field="budgetFen")
    row.public_fundraising = terms.public_fundraising
