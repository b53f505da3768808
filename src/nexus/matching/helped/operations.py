"""Holding a pledge against what the household has had, and an approver's leave to pass that."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.acting import Act
from nexus.core.texts import check_reason
from nexus.matching.helped import model, policy, queries, rules
from nexus.needs.model import Need, NeedLine
from nexus.needs.policy import line_visible
from nexus.organizations.model import Organization
from nexus.organizations.policy import visible as organization_visible


async def check_not_already_helped(
    act: Act, line_id: UUID, ground: Any, quantity: Decimal
) -> UUID | None:
    """Nothing where the pledge stays within every limit; the override it uses; or AlreadyHelped.

    `ground.help_limited` says whether there is anything to count (T5, T18b, INV-10). The household
    stays locked until the commit, so it comes last before the pledge is written.
    """
    if not ground.help_limited:
        return None
    passed = await queries.passed_limit(act, line_id, quantity)
    if passed is None:
        return None
    leave = await queries.take_override(act, line_id, quantity)
    if leave is None:
        raise rules.already_helped(passed)
    leave.used_at = act.now
    leave.version += 1
    await act.session.flush()
    return leave.id


async def override_duplicate_help(
    act: Act,
    line_id: UUID,
    *,
    quantity: Decimal,
    reason: str,
    organization_id: UUID | None = None,
) -> model.HelpOverride:
    """Let the next pledge on the line pass the limit, up to the quantity, and say why (INV-22).

    `organization_id` names whose pledge; without it whoever pledges next. Its use is the pledge's:
    `Pledge.override`. NothingToOverride where no limit would be passed, or leave stands already.
    """
    line = await act.find(NeedLine, line_id, visible=line_visible)
    need = await act.session.get_one(Need, line.need_id)
    act.permit(policy.may_override, need)
    said = check_reason(reason, most=rules.MAX_REASON, impersonal=True)
    quantity = rules.check_quantity(quantity)
    if organization_id:
        await act.find(Organization, organization_id, visible=organization_visible)
    passed = await queries.passed_limit(act, line_id, quantity)
    if passed is None:
        raise rules.NothingToOverride(
            "So much may be pledged without an override: no limit is passed.", rule="INV-10"
        )
    if await queries.stands(act.session, line_id, organization_id):
        raise rules.NothingToOverride(
            "An override for the next pledge on this line stands already.", rule="INV-10"
        )
    assert need.household_id is not None
    row = model.HelpOverride(
        line_id=line_id,
        household_id=need.household_id,
        organization_id=organization_id,
        quantity=quantity,
        reason=said,
        rule=passed.rule,
        snapshot=rules.snapshot(passed, quantity),
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    facts = {"line_id": line_id, "need_id": need.id, "quantity": quantity, "rule": row.rule}
    act.record("helped.overridden", row, organization_id=organization_id, **facts)
    return row
