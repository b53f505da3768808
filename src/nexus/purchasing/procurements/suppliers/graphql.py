"""Suppliers' lists, admissions and standings in the graph."""

from datetime import date, datetime

import strawberry
from sqlalchemy import column

from nexus.areas.graphql import Area
from nexus.graph.declare import (
    Connection,
    any_of,
    classified,
    collection,
    containing,
    derived,
    mutation,
    node,
    query,
    record,
    register_enums,
    result,
    to_many,
    to_one,
    transition,
    within,
)
from nexus.graph.guards import guard
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order
from nexus.organizations.graphql import Organization
from nexus.purchasing.catalogue.graphql import CatalogueItem
from nexus.purchasing.procurements.suppliers import model, operations, policy, queries
from nexus.volunteering.hours.graphql import of

register_enums(
    model.SupplierListKind,
    model.SupplierListState,
    model.AdmissionState,
    model.StandingEffect,
)
guard(
    "uq_supplier_admission_live",
    "Your organization has an application to this list: see supplierAdmissions.",
    rule="T21c",
)
APPLIED = Order(("applied_at",), descending=True)


@record
class SupplierListItem:
    """A catalogue item that is bought from a list."""

    catalogue_item: CatalogueItem | None = to_one(column("catalogue_item_id"))


@node(
    model.SupplierAdmission,
    visible=policy.admission_visible,
    transitions=model.ADMISSION_TRANSITIONS,
    actions={
        "admit_supplier": ("admit", policy.may_decide),
        "refuse_supplier": ("refuse", policy.may_decide),
        "suspend_supplier": ("suspend", policy.may_decide),
        "reinstate_supplier": ("reinstate", policy.may_decide),
        "withdraw_application": ("withdraw", policy.may_withdraw),
        "remove_supplier": ("remove", policy.may_decide),
    },
)
class SupplierAdmission:
    """A supplier's application to a list, and what became of it."""

    statement: str | None = classified(
        model.SupplierAdmission.statement, allowed=policy.may_read_statement
    )
    state: model.AdmissionState
    state_reason: str | None = classified(
        model.SupplierAdmission.state_reason, allowed=policy.may_read_statement
    )
    applied_at: datetime
    decided_at: datetime | None
    version: int
    list: "SupplierList | None" = to_one(model.SupplierAdmission.list_id)
    supplier: Organization | None = to_one(model.SupplierAdmission.supplier_id)


@node(
    model.SupplierList,
    visible=policy.list_visible,
    transitions=model.LIST_TRANSITIONS,
    actions={
        "open_supplier_list": ("open", policy.may_move_list),
        "close_supplier_list": ("close", policy.may_move_list),
        "end_supplier_list": ("end", policy.may_move_list),
        "apply_to_list": (None, policy.may_apply),
    },
)
class SupplierList:
    """A buyer's framework list or open call: suppliers for catalogue items."""

    no: str
    title: str
    kind: model.SupplierListKind
    terms: str
    valid_from: date
    valid_to: date
    state: model.SupplierListState
    state_reason: str | None
    version: int
    created_at: datetime
    buyer: Organization | None = to_one(model.SupplierList.buyer_id)
    area: Area | None = to_one(model.SupplierList.area_code)
    items: list[SupplierListItem] = derived(queries.items_shown, default=100, maximum=500)
    admissions: Connection[SupplierAdmission] = to_many(
        model.SupplierAdmission.list_id, order=APPLIED
    )


@node(model.SupplierStanding, visible=policy.standing_visible)
class SupplierStanding:
    """What a grade means for a supplier with a buyer in a year; the latest of a source holds."""

    year: int
    effect: model.StandingEffect
    grade: str
    recorded_at: datetime
    supplier: Organization | None = to_one(model.SupplierStanding.supplier_id)
    buyer: Organization | None = to_one(model.SupplierStanding.buyer_id)


@query
class SupplierQuery:
    supplier_lists: Connection[SupplierList] = collection(
        "SupplierList",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={
            "kind": any_of(model.SupplierList.kind),
            "state": any_of(model.SupplierList.state),
            "area": within(model.SupplierList.area_code),
            "buyer": of(model.SupplierList.buyer_id, "Organization"),
            "text": containing(model.SupplierList.title, model.SupplierList.no),
        },
        about="Framework lists and open calls; drafts are their buyer's.",
    )
    supplier_admissions: Connection[SupplierAdmission] = collection(
        "SupplierAdmission",
        orders={"NEWEST": APPLIED},
        filters={
            "state": any_of(model.SupplierAdmission.state),
            "list": of(model.SupplierAdmission.list_id, "SupplierList"),
            "supplier": of(model.SupplierAdmission.supplier_id, "Organization"),
        },
        about="Who is admitted to which list; applications are for their supplier and the buyer.",
    )
    supplier_standings: Connection[SupplierStanding] = collection(
        "SupplierStanding",
        orders={"NEWEST": Order(("recorded_at",), descending=True)},
        filters={
            "supplier": of(model.SupplierStanding.supplier_id, "Organization"),
            "effect": any_of(model.SupplierStanding.effect),
        },
        about="What grades mean for suppliers, for themselves and the buyer.",
    )


SupplierListResult = result("SupplierList", SupplierList)
SupplierAdmissionResult = result("SupplierAdmission", SupplierAdmission)


@strawberry.input
class CreateSupplierListInput:
    """`validTo` is end-exclusive."""

    title: str
    kind: model.SupplierListKind
    terms: str
    valid_from: date
    valid_to: date
    catalogue_item_ids: list[strawberry.ID]
    idempotency_key: str


@mutation(SupplierListResult)
async def create_supplier_list(act, input: CreateSupplierListInput):  # type: ignore[no-untyped-def]
    """Draft a framework list or an open call of your organization."""
    return await operations.create_supplier_list(
        act,
        title=input.title,
        kind=input.kind,
        terms=input.terms,
        valid_from=input.valid_from,
        valid_to=input.valid_to,
        catalogue_item_ids=[decode(one, "CatalogueItem") for one in input.catalogue_item_ids],
    )


@strawberry.input
class ApplyToListInput:
    list_id: strawberry.ID
    statement: str = strawberry.field(description="How you meet the terms.")
    idempotency_key: str


@mutation(SupplierAdmissionResult)
async def apply_to_list(act, input: ApplyToListInput):  # type: ignore[no-untyped-def]
    """Ask to be admitted to an open list, for your organization."""
    return await operations.apply_to_list(
        act, decode(input.list_id, "SupplierList"), statement=input.statement
    )


for name, deed, about in (
    ("open_supplier_list", operations.open_supplier_list, "Suppliers may apply, from now on."),
    ("close_supplier_list", operations.close_supplier_list, "No one applies for now."),
    ("end_supplier_list", operations.end_supplier_list, "Nothing is bought from it any more."),
):
    transition(name, SupplierListResult, deed, about)
for name, deed, about in (
    ("admit_supplier", operations.admit_supplier, "The supplier meets the terms."),
    ("refuse_supplier", operations.refuse_supplier, "It does not, with a reason."),
    ("suspend_supplier", operations.suspend_supplier, "It may not bid for now, with a reason."),
    ("reinstate_supplier", operations.reinstate_supplier, "It may bid again."),
    ("withdraw_application", operations.withdraw_application, "Your organization leaves the list."),
    ("remove_supplier", operations.remove_supplier, "It is on the list no longer, with a reason."),
):
    transition(name, SupplierAdmissionResult, deed, about)
