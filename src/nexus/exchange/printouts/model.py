"""Requests for papers."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.casework.cases.model import Case
from nexus.casework.visits.model import Visit
from nexus.core.db import Base, Id
from nexus.matching.referrals.model import Referral


class PaperKind(StrEnum):
    VISIT_RECORD = "visit_record"
    REFERRAL_SLIP = "referral_slip"
    CASE_SUMMARY = "case_summary"


class Printout(Base):
    """One request for one paper; who asked is kept."""

    __tablename__ = "printout"

    id: Mapped[Id]
    paper: Mapped[PaperKind]
    visit_id: Mapped[UUID | None] = mapped_column(ForeignKey(Visit.id), index=True)
    referral_id: Mapped[UUID | None] = mapped_column(ForeignKey(Referral.id), index=True)
    case_id: Mapped[UUID | None] = mapped_column(ForeignKey(Case.id), index=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    link: Mapped[str]
    """The signed path."""
    expires_at: Mapped[datetime]
    created_at: Mapped[datetime]

    __table_args__ = (
        CheckConstraint(
            "num_nonnulls(visit_id, referral_id, case_id) = 1 "
            "AND (paper = 'visit_record') = (visit_id IS NOT NULL) "
            "AND (paper = 'referral_slip') = (referral_id IS NOT NULL)",
            name="of_one_subject",
        ),
        Index("ix_printout_created_at", "created_at", "id"),
    )
