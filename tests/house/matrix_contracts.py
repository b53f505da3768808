"""Suppliers' lists, procurements, awards and contracts, in every state that a deed starts from."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from nexus.acting import Act, Actor, Role
from nexus.core.ids import new_id
from nexus.purchasing.budgets import operations as budgets
from nexus.purchasing.catalogue.model import FundingSource
from nexus.purchasing.contracts.model import (
    Contract,
    ContractAmendment,
    ContractItem,
    ContractState,
    ContractTarget,
    FactKind,
    Milestone,
    MilestoneKind,
    MilestoneState,
    TargetMetric,
    TermReason,
)
from nexus.purchasing.procurements.model import (
    Award,
    AwardState,
    Bid,
    BidState,
    Procurement,
    ProcurementGap,
    ProcurementItem,
    ProcurementMethod,
    ProcurementState,
)
from nexus.purchasing.procurements.suppliers.model import (
    AdmissionState,
    StandingEffect,
    SupplierAdmission,
    SupplierList,
    SupplierListItem,
    SupplierListKind,
    SupplierListState,
    SupplierStanding,
)
from tests.house.matrix_world import Place
from tests.making import Maker, now, number, today
from tests.purchasing.bought import catalogued

PRICE = 1_000
"""Fen of the one item of everything here."""
WHY = "说明"


async def buy(m: Maker, place: Place) -> None:
    """What the place's authority buys from its charity."""
    await _budget(m, place)
    await _lists(m, place)
    await _procurements(m, place)
    await _awards(m, place)
    await _contracts(m, place)
    await _parts(m, place)


async def _budget(m: Maker, place: Place) -> None:
    """An approved line of the authority that pays for the item."""
    item = place.rows["CatalogueItem/bought"] = await catalogued(m)
    finance = await m.account(Role.BUYER_FINANCE, place.authority)
    row: Any = None
    for role, account_id in ((Role.BUYER, place.clerk.id), (Role.BUYER_FINANCE, finance.id)):
        act = Act(m.session, Actor(role, account_id, place.authority.id, "44", now()))
        if row is None:
            row = await budgets.draft_budget_line(
                act,
                title="社会救助工作经费",
                fiscal_year=today().year,
                area_code=place.county,
                funding_source=FundingSource.F1,
                planned_fen=10**9,
                item_ids=[item.id],
            )
        else:
            row = await budgets.approve_budget_line(act, row.id, expected_version=row.version)
        await m.session.commit()
    place.rows["BudgetLine/bought"] = row


async def _lists(m: Maker, place: Place) -> None:
    states = {
        "": SupplierListState.OPEN,
        "/joined": SupplierListState.OPEN,
        "[draft]": SupplierListState.DRAFT,
    }
    for key, state in states.items():
        row = SupplierList(
            id=new_id(),
            no=number("SL"),
            title="社会救助服务框架名录",
            kind=SupplierListKind.FRAMEWORK,
            terms="有社工三名以上",
            buyer_id=place.authority.id,
            area_code=place.county,
            valid_from=today() - timedelta(days=5),
            valid_to=today() + timedelta(days=300),
            state=state,
            state_reason=WHY,
            created_at=now(),
            created_by=place.clerk.id,
        )
        item = SupplierListItem(list_id=row.id, catalogue_item_id=place["CatalogueItem/bought"].id)
        await m.put(row, item)
        place.rows[f"SupplierList{key}"] = row
    await _admissions(m, place)
    await m.put(
        standing := SupplierStanding(
            supplier_id=place.charity.id,
            buyer_id=place.authority.id,
            area_code=place.county,
            year=today().year - 1,
            effect=StandingEffect.PRIORITY,
            grade="excellent",
            source_type="evaluation",
            source_id=new_id(),
            recorded_at=now(),
            recorded_by=place.clerk.id,
        )
    )
    place.rows["SupplierStanding"] = standing


async def _admissions(m: Maker, place: Place) -> None:
    for key, state, of in (
        ("", AdmissionState.ADMITTED, "SupplierList/joined"),
        ("[applied]", AdmissionState.APPLIED, "SupplierList[draft]"),
    ):
        row = SupplierAdmission(
            list_id=place[of].id,
            buyer_id=place.authority.id,
            supplier_id=place.charity.id,
            statement=place.says(f"SupplierAdmission{key}.statement"),
            state=state,
            state_reason=place.says(f"SupplierAdmission{key}.stateReason"),
            applied_at=now(),
            applied_by=place.giver.id,
            decided_at=None if key else now(),
            decided_by=None if key else place.clerk.id,
        )
        await m.put(row)
        place.rows[f"SupplierAdmission{key}"] = row


P = ProcurementState


async def _procurements(m: Maker, place: Place) -> None:
    """Dates: `running` until tomorrow; the others were opened today."""
    for key, state, method, ends in (
        ("", P.CONTRACTED, ProcurementMethod.SELECTIVE, 0),
        ("[planning]", P.PLANNING, ProcurementMethod.OPEN, 1),
        ("/running", P.TENDER, ProcurementMethod.OPEN, 1),
        ("/sealed", P.TENDER, ProcurementMethod.OPEN, 1),
        ("/opened", P.TENDER, ProcurementMethod.OPEN, 0),
        ("/direct", P.TENDER, ProcurementMethod.DIRECT, 0),
        ("/awarded", P.AWARD, ProcurementMethod.DIRECT, 0),
        ("/proposed", P.AWARD, ProcurementMethod.DIRECT, 0),
        ("/ended", P.CANCELLED, ProcurementMethod.OPEN, 0),
    ):
        row = Procurement(
            id=new_id(),
            no=number("PR"),
            ocid=f"ocds-nexus0-{new_id()}",
            title="社会救助探访服务",
            rationale="无人提供探访",
            method=method,
            method_details="竞争性磋商",
            buyer_id=place.authority.id,
            area_code=place.county,
            list_id=place["SupplierList/joined"].id if key == "" else None,
            value_fen=10 * PRICE,
            tender_starts_on=today() - timedelta(days=3),
            tender_ends_on=today() + timedelta(days=ends),
            contract_starts_on=today(),
            contract_ends_on=today() + timedelta(days=100),
            state=state,
            state_reason=WHY,
            published_at=None if state is P.PLANNING else now(),
            ended_at=now() if state is P.CANCELLED else None,
            created_at=now(),
            created_by=place.staff.id,
        )
        item = _bought(place, row)
        m.session.add(row)
        await m.session.flush()
        await m.put(item)
        place.rows[f"Procurement{key}"] = row
        place.rows[f"ProcurementItem{key}"] = item
    link = ProcurementGap(
        procurement_id=place["Procurement"].id,
        gap_id=place["Gap"].id,
        linked_at=now(),
        linked_by=place.clerk.id,
    )
    await m.put(link)


async def _awards(m: Maker, place: Place) -> None:
    for key, of, state, opens in (
        ("", "Procurement", BidState.VALID, 0),
        ("/opened", "Procurement/opened", BidState.SUBMITTED, 0),
        ("[sealed]", "Procurement/sealed", BidState.SUBMITTED, 1),
    ):
        bid = Bid(
            procurement_id=place[of].id,
            buyer_id=place.authority.id,
            supplier_id=place.charity.id,
            value_fen=9 * PRICE,
            statement="两名社工每月探访",
            opens_on=today() + timedelta(days=opens),
            state=state,
            state_reason=WHY,
            submitted_at=now(),
            submitted_by=place.giver.id,
            decided_by=place.clerk.id if state is BidState.VALID else None,
        )
        await m.put(bid)
        place.rows[f"Bid{key}"] = bid
    place.rows["Account/second"] = await m.account(Role.BUYER, place.authority)
    await _decisions(m, place)


async def _decisions(m: Maker, place: Place) -> None:
    """Awards: one contracted, one without a contract, one proposed."""
    second = place["Account/second"]
    for key, of, state in (
        ("", "Procurement", AwardState.ACTIVE),
        ("/active", "Procurement/awarded", AwardState.ACTIVE),
        ("[pending]", "Procurement/proposed", AwardState.PENDING),
    ):
        confirmed = state is AwardState.ACTIVE
        award = Award(
            id=new_id(),
            no=number("AW"),
            procurement_id=place[of].id,
            buyer_id=place.authority.id,
            supplier_id=place.charity.id,
            bid_id=place["Bid"].id if key == "" else None,
            value_fen=9 * PRICE,
            rationale="唯一的供应商",
            awarded_on=today() if confirmed else None,
            state=state,
            state_reason=WHY,
            created_at=now(),
            created_by=place.staff.id,
            decided_by=second.id if confirmed else None,
        )
        await m.put(award)
        place.rows[f"Award{key}"] = award


C = ContractState


async def _contracts(m: Maker, place: Place) -> None:
    """Each under an award of its own; all for nine units."""
    for key, state, published in (
        ("", C.ACTIVE, True),
        ("[fresh]", C.ACTIVE, False),
        ("[pending]", C.PENDING, False),
        ("/ended", C.TERMINATED_EARLY, True),
    ):
        award = place["Award"] if key == "" else await _award(m, place)
        signed = state is not C.PENDING
        row = Contract(
            id=new_id(),
            no=number("CT"),
            procurement_id=award.procurement_id,
            award_id=award.id,
            buyer_id=place.authority.id,
            supplier_id=place.charity.id,
            area_code=place.town,
            manager_id=place.clerk.id,
            title="社会救助探访服务合同",
            starts_on=today(),
            ends_on=today() + timedelta(days=100),
            value_fen=9 * PRICE,
            data_protection_clause="只为履约使用",
            term_reasons=[one.value for one in TermReason],
            term_months=12,
            reasoned_term_months=36,
            term_rule="made",
            signed_on=today() if signed else None,
            signed_by=place["Account/second"].id if signed else None,
            publish_due_at=now() if signed else None,
            publish_rule="made" if signed else None,
            published_on=today() if published else None,
            edition=2 if key == "" else 1,
            state=state,
            state_reason=place.says(f"Contract{key}.stateReason".replace("/ended", "")),
            ended_at=now() if state is C.TERMINATED_EARLY else None,
            created_at=now(),
            created_by=place.staff.id,
        )
        item = ContractItem(
            contract_id=row.id,
            position=1,
            catalogue_item_id=place["CatalogueItem/bought"].id,
            budget_line_id=place["BudgetLine/bought"].id,
            unit="E48",
            quantity=Decimal(9),
            unit_price_fen=PRICE,
            value_fen=9 * PRICE,
            fact_kind=FactKind.VISIT,
        )
        m.session.add(row)
        await m.session.flush()
        await m.put(item)
        place.rows[f"Contract{key}"] = row
        place.rows[f"ContractItem{key}"] = item


def _bought(place: Place, row: Procurement) -> ProcurementItem:
    """The ten units of the only thing that is bought."""
    return ProcurementItem(
        procurement_id=row.id,
        position=1,
        catalogue_item_id=place["CatalogueItem/bought"].id,
        budget_line_id=place["BudgetLine/bought"].id,
        quantity=Decimal(10),
        unit="E48",
        unit_price_fen=PRICE,
        value_fen=10 * PRICE,
    )


async def _award(m: Maker, place: Place) -> Award:
    """One more award in force, of a procurement of its own."""
    row = Procurement(
        id=new_id(),
        no=number("PR"),
        ocid=f"ocds-nexus0-{new_id()}",
        title="社会救助探访服务",
        rationale="无人提供探访",
        method=ProcurementMethod.DIRECT,
        buyer_id=place.authority.id,
        area_code=place.county,
        value_fen=10 * PRICE,
        state=P.CONTRACTED,
        tender_starts_on=today() - timedelta(days=3),
        tender_ends_on=today(),
        published_at=now(),
        created_at=now(),
        created_by=place.staff.id,
    )
    item = _bought(place, row)
    award = Award(
        id=new_id(),
        no=number("AW"),
        procurement_id=row.id,
        buyer_id=place.authority.id,
        supplier_id=place.charity.id,
        value_fen=9 * PRICE,
        rationale="唯一的供应商",
        awarded_on=today(),
        state=AwardState.ACTIVE,
        created_at=now(),
        created_by=place.staff.id,
        decided_by=place["Account/second"].id,
    )
    m.session.add(row)
    await m.session.flush()
    await m.put(item, award)
    return award


async def _parts(m: Maker, place: Place) -> None:
    for position, (key, of, state) in enumerate(
        (
            ("", "", MilestoneState.MET),
            ("/open", "", MilestoneState.SCHEDULED),
            ("[pending]", "[pending]", MilestoneState.SCHEDULED),
        ),
        start=1,
    ):
        row = Milestone(
            contract_id=place[f"Contract{of}"].id,
            buyer_id=place.authority.id,
            position=position,
            kind=MilestoneKind.REPORTING,
            title=f"第{position}期",
            due_on=today(),
            value_fen=0,
            state=state,
            state_reason=place.says(f"Milestone{key}.stateReason".replace("/open", "")),
            met_on=None if key else today(),
        )
        await m.put(row)
        place.rows[f"Milestone{key}"] = row
    for key in ("", "[pending]"):
        await _terms(m, place, key)


async def _terms(m: Maker, place: Place, key: str) -> None:
    """What belongs to a contract and is seen with it."""
    contract_id = place[f"Contract{key}"].id
    target = ContractTarget(
        contract_id=contract_id,
        position=1,
        item_id=place[f"ContractItem{key}"].id,
        metric=TargetMetric.QUANTITY,
        title="探访次数",
        target_value=Decimal(9),
    )
    amendment = ContractAmendment(
        contract_id=contract_id,
        edition=2,
        rationale="改名",
        before={"contract": {"title": place.says(f"ContractAmendment{key}.before")}},
        value_before_fen=9 * PRICE,
        value_after_fen=9 * PRICE,
        amended_on=today(),
        created_at=now(),
        created_by=place.clerk.id,
    )
    await m.put(target, amendment)
    place.rows |= {f"ContractTarget{key}": target, f"ContractAmendment{key}": amendment}
