"""Pairs of check-in and check-out, and the service records they become (INV-31, INV-32)."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions

PAIRS_A_DAY = 3
"""Most pairs of one volunteer at one task on one day (i志愿 publishing norm)."""


class HoursSource(StrEnum):
    """How a moment or a minute is known."""

    SCAN = "scan"
    """Somebody of the organization scanned or ticked the volunteer off."""
    CODE = "code"
    """The volunteer entered the code of that minute."""
    SELF_LOCATION = "self_location"
    """The volunteer's place, at a task of a hundred or more."""
    MANUAL_MAKEUP = "manual_makeup"
    """Entered afterwards by a person, and confirmed by another."""
    IMPORT = "import"
    """Brought from another system, and confirmed by a person."""


AT_THE_DOOR = (HoursSource.SCAN, HoursSource.CODE, HoursSource.SELF_LOCATION)
BY_HAND = (HoursSource.MANUAL_MAKEUP, HoursSource.IMPORT)


class CheckInState(StrEnum):
    OPEN = "open"
    CLOSED = "closed"
    LAPSED = "lapsed"
    """Nobody checked out: no minutes come of it."""


_C = CheckInState
CHECK_IN_TRANSITIONS = Transitions(
    CheckInState,
    {"check_out": {_C.OPEN: _C.CLOSED}, "lapse": {_C.OPEN: _C.LAPSED}},
)


class CheckIn(Base):
    """One coming of a volunteer to a task, and their going."""

    __tablename__ = "check_in"

    id: Mapped[Id]
    task_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer_task.id"), index=True)
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    signup_id: Mapped[UUID] = mapped_column(ForeignKey("signup.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    day_on: Mapped[date]
    """The business day of the check-in."""
    pair: Mapped[int]
    """1 to 3, within the task and day."""
    checked_in_at: Mapped[datetime]
    in_source: Mapped[HoursSource]
    in_area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    """Of a check-in by location, the town; never a coordinate."""
    checked_in_by: Mapped[UUID]
    checked_out_at: Mapped[datetime | None]
    out_source: Mapped[HoursSource | None]
    out_area_code: Mapped[AreaCode | None] = mapped_column(ForeignKey("area.code"), index=True)
    checked_out_by: Mapped[UUID | None]
    state: Mapped[CheckInState] = mapped_column(default=_C.OPEN)
    version: Mapped[int] = mapped_column(default=1)

    __table_args__ = (
        UniqueConstraint("task_id", "volunteer_id", "day_on", "pair"),
        CheckConstraint(f"pair BETWEEN 1 AND {PAIRS_A_DAY}", name="inv_32_pairs"),
        CheckConstraint(
            "day_on = (checked_in_at AT TIME ZONE 'Asia/Shanghai')::date", name="day_of_check_in"
        ),
        CheckConstraint("checked_out_at > checked_in_at", name="out_after_in"),
        CheckConstraint("checked_out_at <= checked_in_at + interval '1 day'", name="at_most_a_day"),
        CheckConstraint(
            "(state = 'closed') = (checked_out_at IS NOT NULL) "
            "AND (checked_out_at IS NULL) = (out_source IS NULL) "
            "AND (checked_out_at IS NULL) = (checked_out_by IS NULL)",
            name="closed_whole",
        ),
        CheckConstraint(
            "in_source IN ('scan', 'code', 'self_location') "
            "AND out_source IN ('scan', 'code', 'self_location')",
            name="at_the_door",
        ),
        CheckConstraint(
            "(in_source = 'self_location') = (in_area_code IS NOT NULL) "
            "AND (out_source IS NOT DISTINCT FROM 'self_location') = (out_area_code IS NOT NULL)",
            name="place_of_location",
        ),
        Index(
            "uq_check_in_open",
            "volunteer_id",
            unique=True,
            postgresql_where=text("state = 'open'"),
        ),
        Index("ix_check_in_to_lapse", "checked_in_at", postgresql_where=text("state = 'open'")),
        Index("ix_check_in_checked_in_at", "checked_in_at", "id"),
    )


class RecordState(StrEnum):
    RECORDED = "recorded"
    PENDING_PARENT = "pending_parent"
    PENDING_PROVINCE = "pending_province"
    EFFECTIVE = "effective"
    REJECTED = "rejected"
    DISPUTED = "disputed"
    CORRECTED = "corrected"
    REVOKED = "revoked"


_R = RecordState
PENDING = (_R.RECORDED, _R.PENDING_PARENT, _R.PENDING_PROVINCE)
COUNTING = (_R.EFFECTIVE, _R.DISPUTED)
"""States whose minutes count for the day and on certificates."""
LIVE = (*PENDING, *COUNTING)
"""States in which a record takes its volunteer's time (INV-31)."""
TRANSITIONS = Transitions(
    RecordState,
    {
        "confirm": {_R.RECORDED: _R.EFFECTIVE},
        "ask_parent": {_R.RECORDED: _R.PENDING_PARENT},
        "ask_province": {
            _R.RECORDED: _R.PENDING_PROVINCE,
            _R.PENDING_PARENT: _R.PENDING_PROVINCE,
        },
        "approve": {_R.PENDING_PARENT: _R.EFFECTIVE},
        "approve_long_day": {_R.PENDING_PROVINCE: _R.EFFECTIVE},
        "reject": dict.fromkeys(PENDING, _R.REJECTED),
        "dispute": {_R.EFFECTIVE: _R.DISPUTED},
        "uphold": {_R.DISPUTED: _R.EFFECTIVE},
        "correct": dict.fromkeys(COUNTING, _R.CORRECTED),
        "revoke": dict.fromkeys(COUNTING, _R.REVOKED),
    },
)


class DayTier(StrEnum):
    """What a day of so many hours asks for before it counts."""

    NONE = "none"
    PARENT = "parent"
    PROVINCE = "province"


# A hash in a range, because a plain equality would need an extension.
_WHO = "hashtextextended(volunteer_id::text, 0)"
_LIVE = "state IN ('recorded', 'pending_parent', 'pending_province', 'effective', 'disputed')"
_DAY_END = "((day_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai')"


class ServiceRecord(Base):
    """Minutes that one volunteer served at one task on one day, with their source."""

    __tablename__ = "service_record"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    task_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer_task.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The recorder; only it certifies (Order 67)."""
    parent_organization_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organization.id"), index=True
    )
    """It decides on days of more than eight hours; without one the authority does."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    check_in_id: Mapped[UUID | None] = mapped_column(ForeignKey(CheckIn.id), index=True)
    """The pair it was made from; one past midnight makes two records."""
    corrects_id: Mapped[UUID | None] = mapped_column(ForeignKey("service_record.id"), unique=True)
    """The record whose place it takes."""
    source: Mapped[HoursSource]
    external_ref: Mapped[str | None]
    """Of an import: the key of the row in its source."""
    day_on: Mapped[date]
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime]
    minutes: Mapped[int]
    evidence: Mapped[dict[str, Any] | None]
    """References: of a makeup or import, what it rests on."""
    tier: Mapped[DayTier | None]
    """What the day's total asked for when the record was judged; null until then."""
    day_minutes: Mapped[int | None]
    """The day's total when it was judged, with these minutes."""
    parent_over: Mapped[int | None]
    """Minutes a day above which the parent organization decides, as judged."""
    province_over: Mapped[int | None]
    rule: Mapped[str | None]
    """The versions of both figures."""
    recorded_by: Mapped[UUID]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    """Who confirmed, approved or rejected it."""
    disputed_by: Mapped[UUID | None]
    closed_at: Mapped[datetime | None]
    """When it was rejected, corrected or revoked."""
    state: Mapped[RecordState] = mapped_column(default=_R.RECORDED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("organization_id", "external_ref"),
        CheckConstraint(
            "minutes > 0 AND minutes <= floor(extract(epoch FROM ended_at - started_at) / 60)",
            name="inv_32_minutes",
        ),
        CheckConstraint(
            f"day_on = (started_at AT TIME ZONE 'Asia/Shanghai')::date AND ended_at <= {_DAY_END}",
            name="within_its_day",
        ),
        CheckConstraint(
            "source IN ('manual_makeup', 'import') OR check_in_id IS NOT NULL", name="has_its_pair"
        ),
        CheckConstraint(
            "(source = 'import') = (external_ref IS NOT NULL)", name="import_has_its_key"
        ),
        CheckConstraint(
            "(tier IS NULL) = (day_minutes IS NULL) AND (tier IS NULL) = (rule IS NULL) "
            "AND (tier IS NULL) = (parent_over IS NULL) "
            "AND (tier IS NULL) = (province_over IS NULL)",
            name="judged_whole",
        ),
        CheckConstraint(
            "tier = CASE WHEN day_minutes > province_over THEN 'province' "
            "WHEN day_minutes > parent_over THEN 'parent' ELSE 'none' END",
            name="inv_32_tier",
        ),
        CheckConstraint(
            "state NOT IN ('pending_parent', 'pending_province', 'effective', 'disputed', "
            "'corrected', 'revoked') OR tier IS NOT NULL",
            name="judged_first",
        ),
        CheckConstraint(
            "state NOT IN ('effective', 'disputed', 'corrected', 'revoked') "
            "OR (tier = 'none' AND source NOT IN ('manual_makeup', 'import')) "
            "OR decided_by IS NOT NULL",
            name="decided",
        ),
        CheckConstraint("decided_by IS DISTINCT FROM recorded_by", name="inv_32_second_person"),
        CheckConstraint(
            "state NOT IN ('rejected', 'disputed', 'corrected', 'revoked') "
            "OR state_reason IS NOT NULL",
            name="reason_given",
        ),
        CheckConstraint("state <> 'disputed' OR disputed_by IS NOT NULL", name="disputed_by"),
        CheckConstraint(
            "(state IN ('rejected', 'corrected', 'revoked')) = (closed_at IS NOT NULL)",
            name="closed_whole",
        ),
        ExcludeConstraint(
            (text(f"int8range({_WHO}, {_WHO}, '[]')"), "&&"),
            (text("tstzrange(started_at, ended_at)"), "&&"),
            name="ex_service_record_inv_31_overlap",
            using="gist",
            where=text(_LIVE),
        ),
        Index("ix_service_record_day", "volunteer_id", "day_on"),
        Index("ix_service_record_created_at", "created_at", "id"),
        Index(
            "ix_service_record_waiting",
            "organization_id",
            "created_at",
            postgresql_where=text("state IN ('recorded', 'pending_parent', 'pending_province')"),
        ),
    )
