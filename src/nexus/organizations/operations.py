"""Registering, verifying and suspending parties."""

from datetime import date
from uuid import UUID

from sqlalchemy import select

from nexus.acting import Act, Deed, plain_transition
from nexus.core.refusals import Forbidden, Invalid
from nexus.organizations import model, policy, rules


class AlreadyRegistered(Invalid):
    """Another organization holds this credit code."""

    code = "ALREADY_REGISTERED"


async def create_organization(
    act: Act,
    *,
    name: str,
    org_type: model.OrganizationType,
    area_code: str,
    uscc: str | None,
    charity_status: model.CharityStatus,
) -> model.Organization:
    """A draft. The credit code is checked (GB 32100) and unique."""
    if not policy.may_create(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} may not register organizations.")
    if not name.strip():
        raise Invalid("An organization needs a name.", field="name")
    code = rules.check_uscc(uscc) if uscc else None
    if code is not None:
        found = await act.session.execute(
            select(model.Organization.id).where(model.Organization.uscc == code)
        )
        if found.first() is not None:
            raise AlreadyRegistered(
                "An organization with this credit code is registered: ask its people for access.",
                field="uscc",
            )
    row = model.Organization(
        no=await act.number("O", area_code),
        name=name.strip(),
        org_type=org_type,
        area_code=area_code,
        uscc=code,
        charity_status=charity_status,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("organization.created", row)
    return row


def _transition(verb: str, event: str, *, needs_reason: bool = False) -> Deed:
    may = policy.may_submit if verb == "submit" else policy.may_decide
    return plain_transition(
        model.Organization,
        model.TRANSITIONS,
        verb,
        event=event,
        visible=policy.visible,
        may=may,
        needs_reason=needs_reason,
    )


submit_organization = _transition("submit", "organization.submitted")
reject_organization = _transition("reject", "organization.rejected", needs_reason=True)
suspend_organization = _transition("suspend", "organization.suspended", needs_reason=True)
reinstate_organization = _transition("reinstate", "organization.reinstated")
deregister_organization = _transition("deregister", "organization.deregistered", needs_reason=True)


async def verify_organization(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Organization:
    """The authority confirms the party; the creator may not (INV-18)."""
    row = await act.take(
        model.Organization, row_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_decide, row)
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
    holder = await act.take(model.Organization, organization_id, visible=policy.visible)
    act.permit(policy.may_qualify, holder)
    if valid_to is not None and valid_to <= valid_from:
        raise Invalid(f"validTo {valid_to} must lie after validFrom {valid_from}.", field="validTo")
    row = model.Qualification(
        organization_id=organization_id,
        kind=kind,
        certificate_no=certificate_no,
        grade=grade,
        valid_from=valid_from,
        valid_to=valid_to,
        created_at=act.now,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("qualification.added", row, organization_id=organization_id)
    return row
