"""Service facts: one row ties what happened to the contract item that it counts for."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.casework.visits.model import Visit
from nexus.core.db import Base, Id
from nexus.core.states import Transitions
from nexus.matching.pledges.model import Delivery
from nexus.purchasing.contracts.model import Contract, ContractItem, FactKind
from nexus.volunteering.hours.model import ServiceRecord
from nexus.volunteering.tasks.model import VolunteerTask


class FactState(StrEnum):
    COUNTED = "counted"
    WITHDRAWN = "withdrawn"


TRANSITIONS = Transitions(FactState, {"withdraw": {FactState.COUNTED: FactState.WITHDRAWN}})


class ClaimWay(StrEnum):
    """How it came to be counted."""

    HAND = "hand"
    BULK = "bulk"
    """With all others of a period."""
    AUTO = "auto"
    """When it happened: just one item could take it."""


class ServiceFact(Base):
    """One thing that happened counts for one contract item (INV-27)."""

    __tablename__ = "service_fact"

    id: Mapped[Id]
    contract_id: Mapped[UUID] = mapped_column(ForeignKey(Contract.id))
    contract_item_id: Mapped[UUID] = mapped_column(ForeignKey(ContractItem.id))
    fact_kind: Mapped[FactKind]
    fact_id: Mapped[UUID]
    """The row that its kind names; one of the five keys below repeats it."""
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey(Visit.id), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    delivery_id: Mapped[UUID | None] = mapped_column(ForeignKey(Delivery.id), index=True)
    record_id: Mapped[UUID | None] = mapped_column(ForeignKey(ServiceRecord.id), index=True)
    task_id: Mapped[UUID | None] = mapped_column(ForeignKey(VolunteerTask.id), index=True)
    """A session: an activity that took place."""
    happened_on: Mapped[date]
    quantity: Mapped[Decimal]
    """In the item's unit."""
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    """Whom it reached: for counting households, never shown."""
    entered_by: Mapped[UUID]
    """Who recorded what happened: they accept nothing that rests on it (INV-18)."""
    claim: Mapped[ClaimWay]
    claimed_at: Mapped[datetime]
    claimed_by: Mapped[UUID]
    withdrawn_at: Mapped[datetime | None]
    withdrawn_by: Mapped[UUID | None]
    state: Mapped[FactState] = mapped_column(default=FactState.COUNTED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint(
            "num_nonnulls(visit_id, case_id, delivery_id, record_id, task_id) = 1 "
            "AND fact_id = CASE fact_kind WHEN 'visit' THEN visit_id WHEN 'case' THEN case_id "
            "WHEN 'delivery' THEN delivery_id WHEN 'service_record' THEN record_id "
            "ELSE task_id END",
            name="fact_of_its_kind",
        ),
        CheckConstraint(
            "(state = 'withdrawn') = (withdrawn_at IS NOT NULL) "
            "AND (withdrawn_at IS NULL) = (withdrawn_by IS NULL) "
            "AND (withdrawn_at IS NULL OR state_reason IS NOT NULL)",
            name="withdrawn_whole",
        ),
        Index(
            "uq_service_fact_inv_27",
            "fact_id",
            "fact_kind",
            unique=True,
            postgresql_where=text("state = 'counted'"),
        ),
        Index("ix_service_fact_contract_id", "contract_id", "happened_on", "id"),
        Index("ix_service_fact_contract_item_id", "contract_item_id", "happened_on", "id"),
        Index(
            "ix_service_fact_progress",
            "contract_item_id",
            "household_id",
            postgresql_include=["quantity"],
            postgresql_where=text("state = 'counted'"),
        ),
    )
