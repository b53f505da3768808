"""Parties: organizations and the qualifications they hold for a time."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class OrganizationType(StrEnum):
    """domain.md 8.13."""

    ASSOCIATION = "association"
    FOUNDATION = "foundation"
    SOCIAL_SERVICE_AGENCY = "social_service_agency"
    PUBLIC_INSTITUTION = "public_institution"
    COMPANY = "company"
    MASS_ORGANISATION = "mass_organisation"
    COMMITTEE = "committee"
    GOVERNMENT_BODY = "government_body"


class CharityStatus(StrEnum):
    NONE = "none"
    REGISTERED = "registered"
    RECOGNISED = "recognised"


class OrganizationState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    VERIFIED = "verified"
    SUSPENDED = "suspended"
    REJECTED = "rejected"
    DEREGISTERED = "deregistered"


_O = OrganizationState
TRANSITIONS = Transitions(
    OrganizationState,
    {
        "submit": {_O.DRAFT: _O.SUBMITTED},
        "verify": {_O.SUBMITTED: _O.VERIFIED},
        "reject": {_O.SUBMITTED: _O.REJECTED},
        "suspend": {_O.VERIFIED: _O.SUSPENDED},
        "reinstate": {_O.SUSPENDED: _O.VERIFIED},
        "deregister": {_O.VERIFIED: _O.DEREGISTERED, _O.SUSPENDED: _O.DEREGISTERED},
    },
)


class Organization(Base):
    """A party: charity, agency, company, committee or government body (HSDS `organization`)."""

    __tablename__ = "organization"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    alternate_name: Mapped[str | None]
    org_type: Mapped[OrganizationType]
    uscc: Mapped[str | None] = mapped_column(unique=True)
    """Unified social credit code, GB 32100, 18 characters."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    charity_status: Mapped[CharityStatus] = mapped_column(default=CharityStatus.NONE)
    website: Mapped[str | None]
    state: Mapped[OrganizationState] = mapped_column(default=_O.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    verified_by: Mapped[UUID | None]

    __table_args__ = (
        CheckConstraint("uscc ~ '^[0-9A-HJ-NPQRTUWXY]{18}$'", name="uscc_shape"),
        CheckConstraint("verified_by IS DISTINCT FROM created_by", name="verifier_not_creator"),
        Index("ix_organization_name", "name"),
        Index("ix_organization_folded_name", text("normalize(name, NFKC)")),
    )


class QualificationKind(StrEnum):
    PUBLIC_FUNDRAISING = "public_fundraising"
    TAX_EXEMPT = "tax_exempt"
    PRE_TAX_DEDUCTION = "pre_tax_deduction"
    RATING = "rating"


class Qualification(Base):
    """A certificate with a period of validity, end-exclusive (T18d)."""

    __tablename__ = "qualification"

    id: Mapped[Id]
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    kind: Mapped[QualificationKind]
    certificate_no: Mapped[str | None]
    grade: Mapped[str | None]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    created_at: Mapped[datetime]

    __table_args__ = (CheckConstraint("valid_to > valid_from", name="period"),)
