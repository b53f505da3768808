"""Declaring ties, and checking an evaluator for them."""

from datetime import date
from uuid import UUID

from nexus.acting import Act
from nexus.areas.calendar.rules import months_after
from nexus.areas.queries import parameter
from nexus.areas.rules import Figure
from nexus.core.refusals import Forbidden, Invalid
from nexus.evaluation.independence import model, policy, queries, rules
from nexus.organizations import policy as organizations
from nexus.organizations.model import Organization


async def declare_tie(
    act: Act,
    *,
    organization_id: UUID,
    other_id: UUID,
    kind: model.TieKind,
    from_on: date,
    until_on: date | None = None,
    note: str,
) -> model.OrganizationTie:
    """Two organizations are or were linked; it is never taken back, only ended by its date."""
    if not policy.may_declare(act.actor, organization_id, other_id):
        raise Forbidden(
            f"Role {act.actor.role.name} may not declare this tie: an evaluator declares its own, "
            "buyers and authorities any."
        )
    if organization_id == other_id:
        raise Invalid("Name two organizations.", field="otherId")
    for each in (organization_id, other_id):
        await act.find(Organization, each, visible=organizations.visible)
    rules.check_tie(from_on, until_on, act.actor.today())
    row = model.OrganizationTie(
        id=act.row_id,
        organization_id=organization_id,
        other_id=other_id,
        kind=kind,
        from_on=from_on,
        until_on=until_on,
        note=rules.check_note(note),
        declared_at=act.now,
        declared_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("organization_tie.declared", row, tie_kind=kind, other_id=other_id)
    return row


async def check_independent(
    act: Act, evaluator_id: UUID, supplier_id: UUID, area_code: str
) -> Figure:
    """The figure it was checked by; EvaluatorTied (domain.md 7.1: separation of duties)."""
    today = act.actor.today()
    figure = await parameter(act.session, queries.MONTHS, on=today, area_code=area_code)
    since = months_after(today, -figure.whole)
    found = await queries.ties(act.session, evaluator_id, supplier_id, since)
    rules.check_independent(found, figure.whole, figure.version)
    return figure
