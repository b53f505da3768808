"""An input that succeeds for every deed about lists, procurements, bids, awards and contracts."""

from datetime import timedelta
from typing import Any

from nexus.graph.identifiers import encode
from tests.house.matrix_world import Place
from tests.making import today


def day(days: int) -> Any:
    """So many days from today."""
    return lambda _: (today() + timedelta(days=days)).isoformat()


def charity(place: Place) -> str:
    """The supplier."""
    return encode("Organization", place.charity.id)


def clerk(place: Place) -> str:
    """The buyer's person."""
    return encode("Account", place.clerk.id)


def version(key: str) -> Any:
    """Of the row that the deed is about, though its input has another id."""
    return lambda place: place[key].version


def purchases(move: Any, with_reason: Any, make: Any, of: Any) -> dict[str, Any]:
    """By mutation; the words are those of matrix_inputs."""
    item = {
        "catalogueItemId": of("CatalogueItem/bought"),
        "budgetLineId": of("BudgetLine/bought"),
        "quantity": "2",
        "unitPriceFen": 1_000,
    }
    return {
        "createSupplierList": make(
            title="名录",
            kind="OPEN_CALL",
            terms="有社工",
            validFrom=day(0),
            validTo=day(9),
            catalogueItemIds=[of("CatalogueItem/bought")],
        ),
        "openSupplierList": move("SupplierList[draft]"),
        "closeSupplierList": move("SupplierList"),
        "endSupplierList": with_reason("SupplierList"),
        "applyToList": make(listId=of("SupplierList"), statement="有社工"),
        "admitSupplier": move("SupplierAdmission[applied]"),
        "refuseSupplier": with_reason("SupplierAdmission[applied]"),
        "suspendSupplier": with_reason("SupplierAdmission"),
        "reinstateSupplier": with_reason("SupplierAdmission", was={"state": "suspended"}),
        "withdrawApplication": with_reason("SupplierAdmission"),
        "removeSupplier": with_reason("SupplierAdmission"),
        "planProcurement": make(title="采购", rationale="无人提供", method="OPEN", items=[item]),
        "reviseProcurement": move("Procurement[planning]", title="新名称"),
        "publishProcurement": move(
            "Procurement[planning]", tenderStartsOn=day(0), tenderEndsOn=day(9)
        ),
        "linkProcurementGap": move(
            "Procurement[planning]", gapId=of("Gap"), gapVersion=version("Gap")
        ),
        "failProcurement": with_reason("Procurement/running"),
        "cancelProcurement": with_reason("Procurement/running"),
        "withdrawProcurement": with_reason("Procurement/running"),
        "submitBid": make(
            procurementId=of("Procurement/running"), valueFen=9_000, statement="每月探访"
        ),
        "acceptBid": with_reason("Bid/opened"),
        "disqualifyBid": with_reason("Bid/opened"),
        "withdrawBid": with_reason("Bid[sealed]"),
        "makeAward": make(
            procurementId=of("Procurement/direct"),
            expectedVersion=version("Procurement/direct"),
            supplierId=charity,
            valueFen=9_000,
            rationale="唯一的供应商",
        ),
        "confirmAward": with_reason("Award[pending]"),
        "refuseAward": with_reason("Award[pending]"),
        "cancelAward": with_reason("Award/active"),
        "drawUpContract": make(
            awardId=of("Award/active"),
            expectedVersion=version("Award/active"),
            title="合同",
            area=lambda place: place.county,
            managerId=clerk,
            startsOn=day(0),
            endsOn=day(99),
            dataProtectionClause="只为履约使用",
            items=[item | {"factKind": "VISIT"}],
        ),
        "signContract": move("Contract[pending]", signedOn=day(0)),
        "publishContract": with_reason("Contract[fresh]"),
        "amendContract": move("Contract", rationale="改名", title="新名称"),
        "reassignContract": move("Contract", managerId=clerk),
        "suspendContract": with_reason("Contract"),
        "resumeContract": with_reason("Contract", was={"state": "suspended"}),
        "completeContract": with_reason("Contract[fresh]"),
        "terminateContract": with_reason("Contract"),
        "cancelContract": with_reason("Contract[pending]"),
        "failContract": with_reason("Contract[pending]"),
        "meetMilestone": with_reason("Milestone/open"),
        "missMilestone": with_reason("Milestone/open"),
    }
