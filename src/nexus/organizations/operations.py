"""Registering, verifying and suspending parties."""

from collections.abc import Callable
from datetime import date
from typing import Any, TypedDict, Unpack
from uuid import UUID

from sqlalchemy.exc import IntegrityError

from nexus.acting import Act, Actor, Deed, plain_transition
from nexus.areas.queries import resolve_area
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.organizations import model, policy, rules


class AlreadyRegistered(Invalid):
    """Another organization holds this credit code."""

    code = "ALREADY_REGISTERED"


class OrganizationChanges(TypedDict, total=False):
    """What `update_organization` can change; what is absent stays."""

    name: str
    alternate_name: str | None
    org_type: model.OrganizationType
    area_code: str
    uscc: str | None
    charity_status: model.CharityStatus
    website: str | None


CONTACT = frozenset({"alternate_name", "website"})
"""What an organization's own people may still change once it is submitted."""


async def create_organization(
    act: Act,
    *,
    name: str,
    org_type: model.OrganizationType,
    area_code: str,
    uscc: str | None,
    charity_status: model.CharityStatus,
    alternate_name: str | None = None,
    website: str | None = None,
) -> model.Organization:
    """A draft. The credit code is checked (GB 32100) and unique."""
    if not policy.may_create(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not register organizations.")
    area = await resolve_area(act.session, area_code)
    row = model.Organization(
        name=rules.check_name(name),
        alternate_name=alternate_name,
        org_type=org_type,
        area_code=area,
        uscc=rules.check_uscc(uscc) if uscc else None,
        charity_status=charity_status,
        website=rules.check_website(website),
        created_at=act.now,
        created_by=act.actor.account_id,
        no=await act.number("O", area),
    )
    await _put(act, row)
    act.record("organization.created", row)
    return row


async def update_organization(
    act: Act, row_id: UUID, *, expected_version: int, **changes: Unpack[OrganizationChanges]
) -> model.Organization:
    """Change a draft; after that only the contact fields."""
    row = await _take(act, row_id, expected_version=expected_version)
    act.permit(policy.may_update, row)
    fixed = sorted(set(changes) - CONTACT)
    if fixed and row.state is not model.OrganizationState.DRAFT:
        raise GuardFailed(
            f"An organization in state {row.state.name} keeps its {', '.join(fixed)}; "
            "only alternateName and website can change.",
            rule="organization.contact_only",
            state=row.state.name,
            fields=fixed,
        )
    for field, value in (await _checked(act, changes)).items():
        setattr(row, field, value)
    row.version += 1
    await _put(act, row)
    act.record("organization.updated", row, fields=sorted(changes))
    return row


async def _checked(act: Act, changes: OrganizationChanges) -> dict[str, Any]:
    checked: dict[str, Any] = dict(changes)
    if "name" in changes:
        checked["name"] = rules.check_name(changes["name"])
    if "uscc" in changes:
        checked["uscc"] = rules.check_uscc(changes["uscc"]) if changes["uscc"] else None
    if "website" in changes:
        checked["website"] = rules.check_website(changes["website"])
    if "area_code" in changes:
        checked["area_code"] = await resolve_area(act.session, changes["area_code"])
    return checked


async def _put(act: Act, row: model.Organization) -> None:
    """Write the row; the unique constraint decides, also between two at the same moment."""
    try:
        async with act.session.begin_nested():
            act.session.add(row)
            await act.session.flush()
    except IntegrityError as error:
        if "uq_organization_uscc" not in str(error.orig):
            raise
        raise AlreadyRegistered(
            "An organization with this credit code is registered: ask its people for access.",
            field="uscc",
        ) from None


async def _take(
    act: Act, row_id: UUID, *, expected_version: int | None = None
) -> model.Organization:
    return await act.take(
        model.Organization, row_id, visible=policy.visible, expected_version=expected_version
    )


def _check_code(row: model.Organization) -> None:
    if row.uscc is None:
        raise GuardFailed(
            "An organization needs a credit code to be verified: enter it while it is a draft.",
            rule="organization.uscc",
        )


def _transition(
    verb: str, event: str, may: Callable[[Actor, Any], Any], *, needs_reason: bool = False
) -> Deed:
    return plain_transition(
        model.Organization,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=may,
        needs_reason=needs_reason,
    )


reject_organization = _transition(
    "reject", "organization.rejected", policy.may_decide, needs_reason=True
)
suspend_organization = _transition(
    "suspend", "organization.suspended", policy.may_suspend, needs_reason=True
)
reinstate_organization = _transition("reinstate", "organization.reinstated", policy.may_decide)
deregister_organization = _transition(
    "deregister", "organization.deregistered", policy.may_supervise, needs_reason=True
)


async def submit_organization(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Organization:
    """Its people ask for verification; from here on only contact fields change."""
    row = await _take(act, row_id, expected_version=expected_version)
    act.permit(policy.may_submit, row)
    act.move(row, model.TRANSITIONS, "submit")
    _check_code(row)
    row.state_reason = reason
    act.record("organization.submitted", row)
    return row


async def verify_organization(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Organization:
    """The authority confirms the party; who registered it may not (INV-18)."""
    row = await _take(act, row_id, expected_version=expected_version)
    act.permit(policy.may_decide, row)
    act.move(row, model.TRANSITIONS, "verify")
    _check_code(row)
    row.verified_by = act.actor.account_id
    row.state_reason = reason
    act.record("organization.verified", row)
    return row


async def admit_imported(act: Act, row_id: UUID, *, reason: str) -> model.Organization:
    """Verify a party of a published list that states no credit code, without one.

    Who vouches for the list decides, never the account that entered it (INV-18). A party that
    registers itself has to state its code.
    """
    row = await _take(act, row_id)
    act.permit(policy.may_decide, row)
    act.move(row, model.TRANSITIONS, "submit")
    act.record("organization.submitted", row)
    act.move(row, model.TRANSITIONS, "verify")
    row.verified_by = act.actor.account_id
    row.state_reason = reason
    act.record("organization.verified", row)
    return row


async def add_qualification(
    act: Act,
    organization_id: UUID,
    *,
    kind: model.QualificationKind,
    certificate_no: str | None,
    grade: str | None,
    valid_from: date,
    valid_to: date | None,
) -> model.Qualification:
    """Enter a certificate with its validity, end-exclusive."""
    holder = await _take(act, organization_id)
    act.permit(policy.may_qualify, holder)
    rules.check_period(valid_from, valid_to)
    row = model.Qualification(
        organization_id=organization_id,
        kind=kind,
        certificate_no=certificate_no,
        grade=rules.check_grade(kind is model.QualificationKind.RATING, grade),
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("qualification.added", row, organization_id=organization_id)
    return row
