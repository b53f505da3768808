"""Households and recipients as pseudonyms, recognitions by the authority, consents."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, Numeric, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions

# That no record points at one that points elsewhere is a trigger's: it looks at other rows.
_MERGED_WHOLE = "(merged_into_id IS NULL) = (merged_at IS NULL) AND merged_into_id <> id"


class Household(Base):
    """A household by pseudonym. What it is called and where it lives is in the vault alone."""

    __tablename__ = "household"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    size: Mapped[int]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """Where it lives or where help is due (T3b, T15b): not the household register."""
    living_condition: Mapped[str | None]
    address_protected: Mapped[bool] = mapped_column(default=False)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    """The record that stays, where this one was found to be the same: see `merging/`."""
    merged_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint("size >= 1", name="size_positive"),
        CheckConstraint(_MERGED_WHOLE, name="merged"),
    )


class Gender(StrEnum):
    FEMALE = "female"
    MALE = "male"
    UNKNOWN = "unknown"


class Band(StrEnum):
    """Disability and labour ability, from none to severe or full."""

    NONE = "none"
    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"


class Recipient(Base):
    """A person by pseudonym."""

    __tablename__ = "recipient"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    household_role: Mapped[str] = mapped_column(default="head")
    birth_year: Mapped[int | None]
    gender: Mapped[Gender] = mapped_column(default=Gender.UNKNOWN)
    disability: Mapped[Band] = mapped_column(default=Band.NONE)
    labour_ability: Mapped[Band] = mapped_column(default=Band.NONE)
    guardian_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]
    merged_into_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    """The record of the same person that stays: see `merging/`."""
    merged_at: Mapped[datetime | None]
    moved_on: Mapped[date | None]
    """Since when the person lives in the household; null: since they were recorded."""

    __table_args__ = (CheckConstraint(_MERGED_WHOLE, name="merged"),)


class RecipientAlias(Base):
    """The name one organization knows a recipient by: random, so no two can be joined (INV-15)."""

    __tablename__ = "recipient_alias"

    id: Mapped[Id]
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    alias: Mapped[str] = mapped_column(unique=True)

    __table_args__ = (UniqueConstraint("recipient_id", "organization_id"),)


class RecognitionState(StrEnum):
    PENDING = "pending"
    ACTIVE = "active"
    UNDER_REVIEW = "under_review"
    TAPER = "taper"
    SUSPENDED = "suspended"
    ENDED = "ended"
    ENTERED_IN_ERROR = "entered_in_error"


_R = RecognitionState
RECOGNITION_TRANSITIONS = Transitions(
    RecognitionState,
    {
        "confirm": {_R.PENDING: _R.ACTIVE},
        "review": {_R.ACTIVE: _R.UNDER_REVIEW},
        "uphold": {_R.UNDER_REVIEW: _R.ACTIVE},
        "taper": {_R.ACTIVE: _R.TAPER},
        "suspend": {_R.ACTIVE: _R.SUSPENDED},
        "reinstate": {_R.SUSPENDED: _R.ACTIVE},
        "change_recheck": {s: s for s in (_R.PENDING, _R.ACTIVE, _R.UNDER_REVIEW, _R.SUSPENDED)},
        "prolong": {s: s for s in (_R.PENDING, _R.ACTIVE, _R.UNDER_REVIEW, _R.SUSPENDED)},
        "end": {_R.ACTIVE: _R.ENDED, _R.SUSPENDED: _R.ENDED, _R.TAPER: _R.ENDED},
        "mark_error": {
            state: _R.ENTERED_IN_ERROR for state in _R if state is not _R.ENTERED_IN_ERROR
        },
    },
)


class Level(StrEnum):
    COUNTY = "county"
    TOWNSHIP = "township"


class RecheckClass(StrEnum):
    """How steady the circumstances are, which decides how soon they are checked again (T24)."""

    STABLE = "stable"
    """T24a: yearly."""
    CHANGEABLE = "changeable"
    """T24b: half-yearly. Irregular income, or members able to work."""


# Dibao and tekun share one kind: they exclude each other (INV-34). A hash in a range, because a
# plain equality would need an extension.
_SUBJECT_AND_KIND = (
    "hashtextextended(coalesce(household_id, recipient_id)::text || "
    "CASE WHEN category ~ '^(DB|TK)(-|$)' THEN 'DB|TK' ELSE category END, 0)"
)


class Recognition(Base):
    """The authority's word that a person or household belongs to a category (T5a, T7a).

    Two times: `valid_from` until before `valid_to` is true in the world; `created_at` until before
    `superseded_at` is what nexus knew. Category, subject and start never change: a correction is a
    new row that points to the one it corrects. The end moves only with a later decision.
    """

    __tablename__ = "recognition"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    household_id: Mapped[UUID | None] = mapped_column(ForeignKey("household.id"), index=True)
    recipient_id: Mapped[UUID | None] = mapped_column(ForeignKey("recipient.id"), index=True)
    category: Mapped[str]
    """Code list `recipient_category` (domain.md 8.1)."""
    authority_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    level: Mapped[Level]
    decided_on: Mapped[date]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    income_ratio: Mapped[Decimal | None] = mapped_column(Numeric(6, 3))
    """Income per head over the dibao standard, as the authority states it (T1d)."""
    income_ratio_band: Mapped[str | None]
    flags: Mapped[list[str]] = mapped_column(default=list)
    """Rules whose warning it was recorded with, such as INV-36."""
    recheck_class: Mapped[RecheckClass | None]
    recheck_months: Mapped[int | None]
    """Those of the class by the parameter that `recheck_rule` names."""
    recheck_rule: Mapped[str | None]
    checked_on: Mapped[date | None]
    """The last check of the circumstances: the decision, then each review that upheld it."""
    recheck_due_on: Mapped[date | None]
    tapered_on: Mapped[date | None]
    """The day on which income rose above the line: six months more are counted from it (T11b)."""
    taper_months: Mapped[int | None]
    """By the parameter that `taper_rule` names."""
    taper_rule: Mapped[str | None]
    rule_version: Mapped[str]
    """Of the legal basis that the authority decided by."""
    state: Mapped[RecognitionState] = mapped_column(default=_R.PENDING)
    state_reason: Mapped[str | None]
    end_reason: Mapped[str | None]
    """Code list `recognition_end_reason`."""
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("recognition.id"), index=True)
    """The row entered in error that this one corrects (INV-21)."""
    superseded_at: Mapped[datetime | None]
    """When it was found to be entered in error: nexus goes by it no longer."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("num_nonnulls(household_id, recipient_id) = 1", name="one_subject"),
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint(
            "(recheck_class IS NULL) = (recheck_months IS NULL) "
            "AND (recheck_class IS NULL) = (recheck_rule IS NULL)",
            name="recheck_whole",
        ),
        CheckConstraint(
            "recheck_due_on IS NOT DISTINCT FROM "
            "(checked_on + make_interval(months => recheck_months))::date",
            name="inv_35_recheck_due",
        ),
        CheckConstraint(
            "(tapered_on IS NULL) = (taper_months IS NULL) "
            "AND (tapered_on IS NULL) = (taper_rule IS NULL)",
            name="taper_whole",
        ),
        CheckConstraint(
            "state <> 'taper' OR (tapered_on IS NOT NULL AND "
            "valid_to IS NOT DISTINCT FROM "
            "(tapered_on + make_interval(months => taper_months))::date + 1)",
            name="inv_35_taper",
        ),
        CheckConstraint("state <> 'ended' OR end_reason IS NOT NULL", name="end_reason"),
        CheckConstraint(
            "(state = 'entered_in_error') = (superseded_at IS NOT NULL)", name="superseded"
        ),
        ExcludeConstraint(
            (
                text(f"int8range({_SUBJECT_AND_KIND}, {_SUBJECT_AND_KIND}, '[]')"),
                "&&",
            ),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_recognition_period",
            using="gist",
            where=text("state <> 'entered_in_error'"),
        ),
        Index(
            "ix_recognition_recheck_due",
            "recheck_due_on",
            postgresql_where=text("state = 'active'"),
        ),
        Index("ix_recognition_taper", "valid_to", postgresql_where=text("state = 'taper'")),
    )


class ConsentKind(StrEnum):
    OWN = "own"
    ASSERTION = "assertion"


class GivenBy(StrEnum):
    SELF = "self"
    GUARDIAN = "guardian"
    AGENT = "agent"


class ConsentMethod(StrEnum):
    PAPER_SCAN = "paper_scan"
    E_SIGNATURE = "e_signature"
    WITNESSED_VERBAL = "witnessed_verbal"


class ConsentState(StrEnum):
    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"
    SUPERSEDED = "superseded"
    LAPSED = "lapsed"


_C = ConsentState
CONSENT_TRANSITIONS = Transitions(
    ConsentState,
    {
        "grant": {_C.REQUESTED: _C.GRANTED},
        "refuse": {_C.REQUESTED: _C.REFUSED},
        "withdraw": {_C.GRANTED: _C.WITHDRAWN},
        "expire": {_C.GRANTED: _C.EXPIRED},
        "supersede": {_C.GRANTED: _C.SUPERSEDED},
        "lapse": {_C.GRANTED: _C.LAPSED},
        "confirm": {_C.GRANTED: _C.GRANTED},
    },
)


class Consent(Base):
    """Purpose × data class × receiver × time, given by the subject or for them (INV-11, INV-14)."""

    __tablename__ = "consent"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    recipient_id: Mapped[UUID] = mapped_column(ForeignKey("recipient.id"), index=True)
    given_by: Mapped[GivenBy]
    kind: Mapped[ConsentKind]
    purposes: Mapped[list[str]]
    """Codes of domain.md 8.8."""
    data_classes: Mapped[list[str]]
    """Codes of domain.md 8.9."""
    receiver_ids: Mapped[list[UUID]]
    """Organizations named; empty means every verified organization that may act on it."""
    text_version: Mapped[str]
    text_hash: Mapped[str]
    method: Mapped[ConsentMethod]
    obtained_by: Mapped[UUID]
    obtained_at: Mapped[datetime]
    expires_on: Mapped[date]
    """The first day on which it no longer holds."""
    state: Mapped[ConsentState] = mapped_column(default=_C.REQUESTED)
    state_reason: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("cardinality(purposes) > 0", name="purpose_named"),
        CheckConstraint("cardinality(data_classes) > 0", name="class_named"),
        Index("ix_consent_recipient_state", "recipient_id", "state"),
        Index("ix_consent_to_expire", "expires_on", postgresql_where=text("state = 'granted'")),
        Index(
            "ix_consent_assertion",
            "obtained_at",
            postgresql_where=text("state = 'granted' AND kind = 'assertion'"),
        ),
    )
