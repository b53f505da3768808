"""Organizations and qualifications in the graph."""

from datetime import date, datetime
from typing import cast

import strawberry

from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
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
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations import model, operations, policy

register_enums(
    model.OrganizationType, model.CharityStatus, model.OrganizationState, model.QualificationKind
)


@node(model.Qualification, visible=policy.qualification_visible)
class Qualification:
    """A certificate with a period of validity, end-exclusive."""

    kind: model.QualificationKind
    certificate_no: str | None
    grade: str | None
    valid_from: date
    valid_to: date | None
    organization: "Organization | None" = to_one(model.Qualification.organization_id)


@node(
    model.Organization,
    visible=policy.visible,
    transitions=model.TRANSITIONS,
    actions={
        "update_organization": (None, policy.may_update),
        "submit_organization": ("submit", policy.may_submit),
        "verify_organization": ("verify", policy.may_decide),
        "reject_organization": ("reject", policy.may_decide),
        "suspend_organization": ("suspend", policy.may_suspend),
        "reinstate_organization": ("reinstate", policy.may_decide),
        "deregister_organization": ("deregister", policy.may_supervise),
        "add_qualification": (None, policy.may_qualify),
    },
)
class Organization:
    """A party: charity, agency, company, committee or government body (HSDS organization)."""

    no: str
    name: str
    alternate_name: str | None
    org_type: model.OrganizationType
    uscc: str | None
    charity_status: model.CharityStatus
    website: str | None
    state: model.OrganizationState
    state_reason: str | None = classified(
        model.Organization.state_reason, allowed=policy.may_read_reason
    )
    version: int
    created_at: datetime
    area: Area | None = to_one(model.Organization.area_code)
    qualifications: Connection[Qualification] = to_many(
        model.Qualification.organization_id, order=Order(("valid_from",), descending=True)
    )


@query
class OrganizationQuery:
    organizations: Connection[Organization] = collection(
        "Organization",
        orders={"NAME": Order(("name",)), "NEWEST": Order(("created_at",), descending=True)},
        filters={
            "org_type": any_of(model.Organization.org_type),
            "state": any_of(model.Organization.state),
            "area": within(model.Organization.area_code),
            "text": containing(model.Organization.name, model.Organization.no),
        },
        about="The register of organizations.",
    )


OrganizationResult = result("Organization", Organization)
QualificationResult = result("Qualification", Qualification)


@strawberry.input
class CreateOrganizationInput:
    name: str
    org_type: model.OrganizationType
    area_code: str
    uscc: str | None = None
    charity_status: model.CharityStatus = model.CharityStatus.NONE
    alternate_name: str | None = None
    website: str | None = None
    idempotency_key: str


@strawberry.input(description="What is left out stays; null clears what can be empty.")
class UpdateOrganizationInput:
    id: strawberry.ID
    expected_version: int
    name: str | None = strawberry.UNSET
    alternate_name: str | None = strawberry.UNSET
    org_type: model.OrganizationType | None = strawberry.UNSET
    area_code: str | None = strawberry.UNSET
    uscc: str | None = strawberry.UNSET
    charity_status: model.CharityStatus | None = strawberry.UNSET
    website: str | None = strawberry.UNSET
    idempotency_key: str


@mutation(OrganizationResult)
async def create_organization(act, input: CreateOrganizationInput):  # type: ignore[no-untyped-def]
    """Register an organization as a draft."""
    return await operations.create_organization(
        act,
        name=input.name,
        org_type=input.org_type,
        area_code=input.area_code,
        uscc=input.uscc,
        charity_status=input.charity_status,
        alternate_name=input.alternate_name,
        website=input.website,
    )


@mutation(OrganizationResult)
async def update_organization(act, input: UpdateOrganizationInput):  # type: ignore[no-untyped-def]
    """Change a draft; later only `alternateName` and `website`."""
    return await operations.update_organization(
        act,
        decode(input.id, "Organization"),
        expected_version=input.expected_version,
        **_changes(input),
    )


def _changes(given: UpdateOrganizationInput) -> operations.OrganizationChanges:
    """The fields that were given. Null where a value is needed counts as left out."""
    optional = ("alternate_name", "uscc", "website")
    found = {
        name: getattr(given, name)
        for name in operations.OrganizationChanges.__annotations__
        if getattr(given, name) is not strawberry.UNSET
    }
    return cast(
        operations.OrganizationChanges,
        {name: value for name, value in found.items() if value is not None or name in optional},
    )


transition(
    "submit_organization",
    OrganizationResult,
    operations.submit_organization,
    "Ask for verification.",
)
transition(
    "verify_organization", OrganizationResult, operations.verify_organization, "Confirm the party."
)
transition(
    "reject_organization",
    OrganizationResult,
    operations.reject_organization,
    "Refuse, with a reason.",
)
transition(
    "suspend_organization",
    OrganizationResult,
    operations.suspend_organization,
    "No new pledges, referrals or projects until reinstated.",
)
transition(
    "reinstate_organization",
    OrganizationResult,
    operations.reinstate_organization,
    "End a suspension.",
)
transition(
    "deregister_organization",
    OrganizationResult,
    operations.deregister_organization,
    "The organization has ceased.",
)


@strawberry.input
class AddQualificationInput:
    organization_id: strawberry.ID
    kind: model.QualificationKind
    certificate_no: str | None = None
    grade: str | None = None
    valid_from: date
    valid_to: date | None = None
    idempotency_key: str


@mutation(QualificationResult)
async def add_qualification(act, input: AddQualificationInput):  # type: ignore[no-untyped-def]
    """Enter a certificate with its validity."""
    return await operations.add_qualification(
        act,
        decode(input.organization_id, "Organization"),
        kind=input.kind,
        certificate_no=input.certificate_no,
        grade=input.grade,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
    )
