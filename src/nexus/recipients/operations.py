"""Recording households, recipients, and the names that organizations know them by."""

from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from nexus.acting import Act
from nexus.areas.queries import resolve_area
from nexus.core.ids import new_id
from nexus.core.refusals import Forbidden, Invalid
from nexus.recipients import model, policy, rules


async def create_household(
    act: Act,
    *,
    size: int,
    area_code: str,
    living_condition: str | None = None,
    address_protected: bool = False,
) -> model.Household:
    """A household by pseudonym, where it lives or where help is due (T3b)."""
    rules.check_household(size)
    code = await resolve_area(act.session, area_code)
    if not policy.may_create(act.actor, code):
        raise Forbidden(
            f"Role {act.actor.role.name} may not record households in {code}: "
            "the station or authority of that division does."
        )
    row = model.Household(
        no=await act.number("H", code),
        size=size,
        area_code=code,
        living_condition=rules.check_text(living_condition, "livingCondition"),
        address_protected=address_protected,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("household.created", row)
    return row


async def update_household(
    act: Act,
    household_id: UUID,
    *,
    expected_version: int,
    size: int | None = None,
    area_code: str | None = None,
    living_condition: str | None = None,
    address_protected: bool | None = None,
) -> model.Household:
    """Change what is given; the rest stays. `area_code` is a known code."""
    row = await act.take(
        model.Household, household_id, visible=policy.visible, expected_version=expected_version
    )
    act.permit(policy.may_update, row)
    if size is not None:
        rules.check_household(size)
        row.size = size
    if living_condition is not None:
        row.living_condition = rules.check_text(living_condition, "livingCondition")
    if address_protected is not None:
        row.address_protected = address_protected
    area_before = None
    if area_code is not None and area_code != row.area_code:
        area_before, row.area_code = row.area_code, area_code
    row.version += 1
    act.record("household.updated", row, area_before=area_before)
    return row


async def create_recipient(
    act: Act,
    *,
    household_id: UUID,
    household_role: str = "head",
    birth_year: int | None = None,
    gender: model.Gender = model.Gender.UNKNOWN,
    disability: model.Band = model.Band.NONE,
    labour_ability: model.Band = model.Band.NONE,
    guardian_id: UUID | None = None,
) -> model.Recipient:
    """A member of a household by pseudonym."""
    rules.check_person(household_role, birth_year, act.actor.today())
    household = await act.find(model.Household, household_id, visible=policy.visible)
    act.permit(policy.may_update, household)
    if guardian_id is not None:
        await act.find(model.Recipient, guardian_id, visible=policy.recipient_visible)
    row = model.Recipient(
        no=await act.number("R", household.area_code),
        household_id=household_id,
        household_role=household_role,
        birth_year=birth_year,
        gender=gender,
        disability=disability,
        labour_ability=labour_ability,
        guardian_id=guardian_id,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record("recipient.created", row, household_id=household_id)
    return row


async def update_recipient(
    act: Act, recipient_id: UUID, *, expected_version: int, **changes: Any
) -> model.Recipient:
    """Change the fields that are given (not None) of `create_recipient`'s; the rest stays."""
    row = await act.take(
        model.Recipient,
        recipient_id,
        visible=policy.recipient_visible,
        expected_version=expected_version,
    )
    act.permit(policy.may_update, row)
    given = {name: value for name, value in changes.items() if value is not None}
    rules.check_person(
        given.get("household_role", row.household_role),
        given.get("birth_year", row.birth_year),
        act.actor.today(),
    )
    guardian_id = given.get("guardian_id")
    if guardian_id == row.id:
        raise Invalid("Nobody is their own guardian.", field="guardianId")
    if guardian_id is not None:
        await act.find(model.Recipient, guardian_id, visible=policy.recipient_visible)
    for name, value in given.items():
        setattr(row, name, value)
    row.version += 1
    act.record("recipient.updated", row)
    return row


async def alias_for(act: Act, recipient_id: UUID, organization_id: UUID) -> str:
    """The name this organization knows the person by, made at random when first asked (INV-15)."""
    row = model.RecipientAlias
    await act.session.execute(
        insert(row)
        .values(
            id=new_id(),
            recipient_id=recipient_id,
            organization_id=organization_id,
            alias=rules.new_alias(),
        )
        .on_conflict_do_nothing(index_elements=[row.recipient_id, row.organization_id])
    )
    found = await act.session.execute(
        select(row.alias).where(
            row.recipient_id == recipient_id, row.organization_id == organization_id
        )
    )
    return found.scalar_one()
