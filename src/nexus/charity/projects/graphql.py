"""Projects in the graph."""

from datetime import date, datetime
from typing import Any

import strawberry
from sqlalchemy import Uuid

from nexus.acting import NOBODY
from nexus.areas.graphql import Area
from nexus.charity import model, policy
from nexus.charity.projects import operations
from nexus.graph.declare import (
    Connection,
    Fen,
    any_of,
    classified,
    collection,
    containing,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.filters import FilterField
from nexus.graph.identifiers import as_uuid, decode, split
from nexus.graph.specs import Filter, Order
from nexus.obligations.graphql import Obligation
from nexus.obligations.model import Obligation as ObligationRow
from nexus.organizations.graphql import Organization

register_enums(model.ProjectState)


@node(
    model.CharityProject,
    visible=policy.project_visible,
    transitions=model.PROJECT_TRANSITIONS,
    actions={
        "update_project": (None, policy.may_edit_project),
        "file_project": ("file", policy.may_manage),
        "start_project": ("start", policy.may_manage),
        "pause_project": ("pause", policy.may_pause),
        "resume_project": ("resume", policy.may_manage),
        "complete_project": ("complete", policy.may_manage),
        "disclose_project": ("disclose", policy.may_manage),
        "archive_project": ("archive", policy.may_manage),
        "cancel_project": ("cancel", policy.may_manage),
        "record_project_funds": (None, policy.may_account),
    },
)
class CharityProject:
    """A charity's programme of help (HSDS program, 360Giving grantProgramme)."""

    no: str
    name: str
    filing_no: str | None
    field: str
    public_fundraising: bool
    starts_on: date
    ends_on: date | None
    budget_fen: Fen
    received_fen: Fen
    spent_fen: Fen
    state: model.ProjectState
    state_reason: str | None = classified(
        model.CharityProject.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    area: Area | None = to_one(model.CharityProject.area_code)
    organization: Organization | None = to_one(model.CharityProject.organization_id)
    obligations: Connection[Obligation] = to_many(
        ObligationRow.subject_id,
        order=Order(("created_at",)),
        about="What is owed about it, as far as you see it: disclosures.",
    )


def _organization_key(global_id: str) -> Any:
    """The UUID of an organization's id; an id that is none matches nothing."""
    parts = split(global_id)
    key = as_uuid(parts[1]) if parts and parts[0] == "Organization" else None
    return key or NOBODY


def of_organization() -> FilterField:
    """Rows of one organization, by its global id."""
    spec = Filter(lambda row, value: row.organization_id == value, Uuid(), _organization_key)
    return FilterField(strawberry.ID, spec)


@query
class ProjectQuery:
    projects: Connection[CharityProject] = collection(
        "CharityProject",
        orders={"NEWEST": Order(("created_at",), descending=True), "NAME": Order(("name",))},
        filters={
            "field": any_of(model.CharityProject.field),
            "state": any_of(model.CharityProject.state),
            "area": within(model.CharityProject.area_code),
            "organization": of_organization(),
            "text": containing(model.CharityProject.name, model.CharityProject.no),
        },
        about="Charity projects.",
    )


ProjectResult = result("CharityProject", CharityProject)


@strawberry.input
class ProjectTermsInput:
    """What a project says. `field` is a code of the list charity_field."""

    name: str
    field: str
    area: str
    starts_on: date
    budget_fen: Fen
    ends_on: date | None = None
    public_fundraising: bool = False


@strawberry.input
class CreateProjectInput:
    terms: ProjectTermsInput
    idempotency_key: str


@strawberry.input
class UpdateProjectInput:
    id: strawberry.ID
    expected_version: int
    terms: ProjectTermsInput
    idempotency_key: str


@strawberry.input
class FileProjectInput:
    id: strawberry.ID
    expected_version: int
    filing_no: str
    idempotency_key: str


@strawberry.input
class RecordProjectFundsInput:
    id: strawberry.ID
    expected_version: int
    received_fen: Fen
    spent_fen: Fen
    idempotency_key: str


@mutation(ProjectResult)
async def create_project(act, input: CreateProjectInput):  # type: ignore[no-untyped-def]
    """Draft a project of your organization."""
    terms = operations.ProjectTerms(**vars(input.terms))
    return await operations.create_project(act, terms=terms)


@mutation(ProjectResult)
async def update_project(act, input: UpdateProjectInput):  # type: ignore[no-untyped-def]
    """Say a draft anew."""
    return await operations.update_project(
        act,
        decode(input.id, "CharityProject"),
        expected_version=input.expected_version,
        terms=operations.ProjectTerms(**vars(input.terms)),
    )


@mutation(ProjectResult)
async def file_project(act, input: FileProjectInput):  # type: ignore[no-untyped-def]
    """Enter the filing number (备案编号)."""
    return await operations.file_project(
        act,
        decode(input.id, "CharityProject"),
        expected_version=input.expected_version,
        filing_no=input.filing_no,
    )


@mutation(ProjectResult)
async def record_project_funds(act, input: RecordProjectFundsInput):  # type: ignore[no-untyped-def]
    """The totals received and spent so far."""
    return await operations.record_project_funds(
        act,
        decode(input.id, "CharityProject"),
        expected_version=input.expected_version,
        received_fen=input.received_fen,
        spent_fen=input.spent_fen,
    )


transition("start_project", ProjectResult, operations.start_project, "It runs from now on.")
transition("pause_project", ProjectResult, operations.pause_project, "It stands still for now.")
transition("resume_project", ProjectResult, operations.resume_project, "End a pause.")
transition("complete_project", ProjectResult, operations.complete_project, "Its work is done.")
transition("disclose_project", ProjectResult, operations.disclose_project, "The final disclosure.")
transition("archive_project", ProjectResult, operations.archive_project, "Close the file.")
transition("cancel_project", ProjectResult, operations.cancel_project, "Give it up, with a reason.")
