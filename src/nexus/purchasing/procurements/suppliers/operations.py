"""Opening lists, admitting suppliers to them, and keeping what grades mean for suppliers."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from nexus.acting import Act, plain_transition
from nexus.core.refusals import Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason
from nexus.organizations.model import Organization
from nexus.organizations.queries import is_verified
from nexus.purchasing.catalogue import policy as catalogue_policy
from nexus.purchasing.catalogue.model import CatalogueItem
from nexus.purchasing.procurements.suppliers import model, policy, rules


async def check_verified(act: Act, organization_id: UUID, *, field: str | None = None) -> None:
    """GuardFailed unless the organization is verified: no one else buys or supplies."""
    if not await act.session.scalar(select(is_verified(organization_id))):
        raise GuardFailed(
            "The organization is not verified: only verified parties buy and supply.",
            field=field,
            rule="INV-17",
        )


async def create_supplier_list(
    act: Act,
    *,
    title: str,
    kind: model.SupplierListKind,
    terms: str,
    valid_from: date,
    valid_to: date,
    catalogue_item_ids: Sequence[UUID],
) -> model.SupplierList:
    """A draft of the buyer's list; nobody else sees it before it is opened (T21c)."""
    if not policy.may_create_list(act.actor):
        raise Forbidden(f"Role {act.actor.role.name} keeps no suppliers' lists: a BUYER does.")
    await check_verified(act, act.actor.organization_id)
    rules.check_period(valid_from, valid_to, field="validTo")
    wanted = list(dict.fromkeys(catalogue_item_ids))
    if not wanted:
        raise Invalid("Name what is bought from the list.", field="catalogueItemIds")
    for each in wanted:
        await act.find(CatalogueItem, each, visible=catalogue_policy.visible)
    buyer = await act.session.get_one(Organization, act.actor.organization_id)
    row = model.SupplierList(
        id=act.row_id,
        no=await act.number("SL", buyer.area_code),
        title=rules.check_words(title, field="title", most=rules.TITLE),
        kind=kind,
        terms=rules.check_words(terms, field="terms"),
        buyer_id=buyer.id,
        area_code=buyer.area_code,
        valid_from=valid_from,
        valid_to=valid_to,
        state=model.SupplierListState.DRAFT,
        version=1,
        created_at=act.now,
        created_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.session.add_all(
        [model.SupplierListItem(list_id=row.id, catalogue_item_id=each) for each in wanted]
    )
    act.record("supplier_list.created", row, buyer_id=row.buyer_id)
    return row


def _list_move(verb: str, event: str, *, needs_reason: bool = False) -> Any:
    return plain_transition(
        model.SupplierList,
        model.LIST_TRANSITIONS,
        verb,
        event=event,
        visible=policy.list_visible,
        may=policy.may_move_list,
        needs_reason=needs_reason,
    )


open_supplier_list = _list_move("open", "supplier_list.opened")
close_supplier_list = _list_move("close", "supplier_list.closed")
end_supplier_list = _list_move("end", "supplier_list.ended", needs_reason=True)


async def apply_to_list(act: Act, list_id: UUID, *, statement: str) -> model.SupplierAdmission:
    """The actor's organization asks to be admitted, while the list is open."""
    asked = await act.find(model.SupplierList, list_id, visible=policy.list_visible)
    await act.session.refresh(asked, with_for_update={"read": True})
    act.permit(policy.may_apply, asked)
    await check_verified(act, act.actor.organization_id)
    said = rules.check_words(statement, field="statement")
    if asked.state is not model.SupplierListState.OPEN:
        raise GuardFailed(
            f"List {asked.no} is {asked.state.value}: apply to one that is open.",
            field="listId",
            rule="T21c",
            state=asked.state.name,
        )
    await _refuse_twice(act, asked)
    row = model.SupplierAdmission(
        id=act.row_id,
        list_id=asked.id,
        buyer_id=asked.buyer_id,
        supplier_id=act.actor.organization_id,
        statement=said,
        state=model.AdmissionState.APPLIED,
        version=1,
        applied_at=act.now,
        applied_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    _record(act, "applied", row)
    return row


async def _refuse_twice(act: Act, asked: model.SupplierList) -> None:
    row = model.SupplierAdmission
    live = exists().where(
        row.list_id == asked.id,
        row.supplier_id == act.actor.organization_id,
        row.state.in_(("applied", "admitted", "suspended")),
    )
    if await act.session.scalar(select(live)):
        raise GuardFailed(
            f"Your organization has an application to list {asked.no}: see supplierAdmissions.",
            field="listId",
            rule="T21c",
        )


def _admission_move(verb: str, event: str, *, needs_reason: bool = False) -> Any:
    """The buyer decides about an application."""

    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.SupplierAdmission:
        row = await _take_admission(act, row_id, expected_version)
        act.permit(policy.may_decide, row)
        said = check_reason(reason) if needs_reason else reason
        act.move(row, model.ADMISSION_TRANSITIONS, verb)
        row.state_reason = said
        row.decided_at, row.decided_by = act.now, act.actor.account_id
        _record(act, event, row)
        return row

    return deed


admit_supplier = _admission_move("admit", "admitted")
refuse_supplier = _admission_move("refuse", "refused", needs_reason=True)
suspend_supplier = _admission_move("suspend", "suspended", needs_reason=True)
reinstate_supplier = _admission_move("reinstate", "reinstated")
remove_supplier = _admission_move("remove", "removed", needs_reason=True)


async def withdraw_application(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.SupplierAdmission:
    """The supplier leaves the list, or takes its application back."""
    row = await _take_admission(act, row_id, expected_version)
    act.permit(policy.may_withdraw, row)
    act.move(row, model.ADMISSION_TRANSITIONS, "withdraw")
    row.state_reason = reason
    _record(act, "withdrawn", row)
    return row


async def record_standing(
    act: Act,
    *,
    supplier_id: UUID,
    buyer_id: UUID,
    year: int,
    effect: model.StandingEffect,
    grade: str,
    source: Any,
) -> model.SupplierStanding:
    """What an evaluation means for the supplier in that year; `source` is its row (8.12).

    A later call with the same source corrects it: the latest holds.
    """
    buyer = await act.session.get_one(Organization, buyer_id)
    row = model.SupplierStanding(
        supplier_id=supplier_id,
        buyer_id=buyer_id,
        area_code=buyer.area_code,
        year=year,
        effect=effect,
        grade=grade,
        source_type=source.__tablename__,
        source_id=source.id,
        recorded_at=act.now,
        recorded_by=act.actor.account_id,
    )
    act.session.add(row)
    await act.session.flush()
    act.record(
        "supplier_standing.recorded",
        row,
        supplier_id=supplier_id,
        buyer_id=buyer_id,
        year=year,
        effect=effect,
    )
    return row


async def _take_admission(act: Act, row_id: UUID, expected_version: int) -> model.SupplierAdmission:
    return await act.take(
        model.SupplierAdmission,
        row_id,
        visible=policy.admission_visible,
        expected_version=expected_version,
    )


def _record(act: Act, verb: str, row: model.SupplierAdmission) -> None:
    act.record(
        f"supplier_admission.{verb}",
        row,
        list_id=row.list_id,
        supplier_id=row.supplier_id,
        buyer_id=row.buyer_id,
    )
