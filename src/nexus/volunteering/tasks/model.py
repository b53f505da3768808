"""Tasks, their positions with counted slots, sign-ups with a waitlist, and attendance secrets."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint, Range
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class TaskState(StrEnum):
    DRAFT = "draft"
    SUBMITTED = "submitted"
    PUBLISHED = "published"
    RECRUITING = "recruiting"
    IN_PROGRESS = "in_progress"
    ENDED = "ended"
    HOURS_CONFIRMED = "hours_confirmed"
    CLOSED = "closed"
    CANCELLED = "cancelled"


_T = TaskState
BEFORE_START = (_T.DRAFT, _T.SUBMITTED, _T.PUBLISHED, _T.RECRUITING)
TRANSITIONS = Transitions(
    TaskState,
    {
        "submit": {_T.DRAFT: _T.SUBMITTED},
        "return": {_T.SUBMITTED: _T.DRAFT},
        "publish": {_T.SUBMITTED: _T.PUBLISHED},
        "recruit": {_T.PUBLISHED: _T.RECRUITING},
        "start": dict.fromkeys((_T.PUBLISHED, _T.RECRUITING), _T.IN_PROGRESS),
        "end": {_T.IN_PROGRESS: _T.ENDED},
        "confirm_hours": {_T.ENDED: _T.HOURS_CONFIRMED},
        "close": {_T.HOURS_CONFIRMED: _T.CLOSED},
        "cancel": dict.fromkeys(BEFORE_START, _T.CANCELLED),
    },
)


class CheckInMode(StrEnum):
    CODE = "code"
    """A code that changes each minute, on the station's screen."""
    SCAN = "scan"
    """Somebody of the organization scans or ticks off."""
    SELF_LOCATION = "self_location"
    """By the volunteer's place; only where a hundred or more are expected."""


class VolunteerTask(Base):
    """Work for volunteers at one place; its organization records and certifies the hours."""

    __tablename__ = "volunteer_task"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The recorder: who organizes, records; who records, certifies (Order 67)."""
    parent_organization_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("organization.id"), index=True
    )
    """It reviews days of more than eight hours."""
    station_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    programme: Mapped[str | None]
    """The programme it is part of, by name."""
    name: Mapped[str]
    summary: Mapped[str | None]
    category: Mapped[str]
    """Code list `volunteer_category` (domain.md 8.6)."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    place: Mapped[str]
    """The one place to come to."""
    place_public: Mapped[bool] = mapped_column(default=True)
    """False where it is somebody's home: then only who is confirmed reads it."""
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    signup_deadline_at: Mapped[datetime]
    expected: Mapped[int]
    """How many people are expected to help."""
    insured: Mapped[bool] = mapped_column(default=False)
    by_approval: Mapped[bool] = mapped_column(default=False)
    """Whether the organization decides on each sign-up; else the first come are confirmed."""
    check_in_mode: Mapped[CheckInMode] = mapped_column(default=CheckInMode.CODE)
    submitted_by: Mapped[UUID | None]
    published_at: Mapped[datetime | None]
    published_by: Mapped[UUID | None]
    state: Mapped[TaskState] = mapped_column(default=_T.DRAFT)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("ends_at > starts_at", name="period"),
        CheckConstraint("ends_at <= starts_at + interval '366 days'", name="at_most_a_year"),
        CheckConstraint("signup_deadline_at <= ends_at", name="deadline"),
        CheckConstraint("expected > 0", name="expected"),
        CheckConstraint("strpos(name, '补录') = 0", name="no_backfill"),
        CheckConstraint(
            "check_in_mode <> 'self_location' OR expected >= 100", name="self_check_in"
        ),
        CheckConstraint("(published_at IS NULL) = (published_by IS NULL)", name="published_whole"),
        CheckConstraint(
            "state IN ('draft', 'submitted', 'cancelled') OR published_at IS NOT NULL",
            name="published_first",
        ),
        CheckConstraint("published_at < starts_at", name="published_before_start"),
        CheckConstraint(
            "published_by IS DISTINCT FROM created_by "
            "AND (published_by IS NULL OR published_by IS DISTINCT FROM submitted_by)",
            name="publisher_not_creator",
        ),
        Index("ix_volunteer_task_created_at", "created_at", "id"),
        Index("ix_volunteer_task_starts_at", "starts_at", "id"),
        Index(
            "ix_volunteer_task_to_start",
            "starts_at",
            postgresql_where=text("state IN ('published', 'recruiting')"),
        ),
        Index(
            "ix_volunteer_task_to_end", "ends_at", postgresql_where=text("state = 'in_progress'")
        ),
    )


class TaskPosition(Base):
    """One role in a task, for the whole of it or for one shift, with counted slots (INV-30)."""

    __tablename__ = "task_position"

    id: Mapped[Id]
    task_id: Mapped[UUID] = mapped_column(ForeignKey(VolunteerTask.id))
    position: Mapped[int]
    role: Mapped[str]
    slots: Mapped[int]
    taken: Mapped[int] = mapped_column(server_default=text("0"))
    """Sign-ups that are confirmed, attended or missed; the database counts."""
    last_place: Mapped[int] = mapped_column(default=0)
    """The last place given to a sign-up that was decided on."""
    skills: Mapped[list[str]]
    trainings: Mapped[list[str]]
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]

    __table_args__ = (
        UniqueConstraint("task_id", "position"),
        CheckConstraint("slots > 0", name="slots_positive"),
        CheckConstraint("taken BETWEEN 0 AND slots", name="inv_30_slots"),
        CheckConstraint("ends_at > starts_at", name="period"),
    )


class SignupState(StrEnum):
    APPLIED = "applied"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    ATTENDED = "attended"
    NO_SHOW = "no_show"


_S = SignupState
OPEN = (_S.APPLIED, _S.WAITLISTED, _S.CONFIRMED)
TAKING = (_S.CONFIRMED, _S.ATTENDED, _S.NO_SHOW)
"""States in which a sign-up takes a slot."""
BUSY = (_S.CONFIRMED, _S.ATTENDED)
"""States in which it takes the volunteer's time."""
SIGNUP_TRANSITIONS = Transitions(
    SignupState,
    {
        "confirm": {_S.APPLIED: _S.CONFIRMED},
        "waitlist": {_S.APPLIED: _S.WAITLISTED},
        "decline": dict.fromkeys((_S.APPLIED, _S.WAITLISTED), _S.DECLINED),
        "promote": {_S.WAITLISTED: _S.CONFIRMED},
        "cancel": dict.fromkeys(OPEN, _S.CANCELLED),
        "attend": {_S.CONFIRMED: _S.ATTENDED},
        "miss": {_S.CONFIRMED: _S.NO_SHOW},
    },
)

# A hash in a range, because a plain equality would need an extension.
_WHO = "hashtextextended(volunteer_id::text, 0)"


class Signup(Base):
    """A volunteer wishes to come, in one position, for its whole period."""

    __tablename__ = "signup"

    id: Mapped[Id]
    task_id: Mapped[UUID] = mapped_column(ForeignKey(VolunteerTask.id), index=True)
    position_id: Mapped[UUID] = mapped_column(ForeignKey(TaskPosition.id))
    volunteer_id: Mapped[UUID] = mapped_column(ForeignKey("volunteer.id"), index=True)
    period: Mapped[Range[datetime]] = mapped_column(TSTZRANGE())
    """That of the position, end-exclusive."""
    place: Mapped[int | None]
    """The order in which the position decided on it, which is that of its waitlist."""
    passed_over_at: Mapped[datetime | None]
    """When a slot went to a later place because this volunteer was busy or not active."""
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[UUID | None]
    state: Mapped[SignupState] = mapped_column(default=_S.APPLIED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        UniqueConstraint("position_id", "place"),
        CheckConstraint("NOT isempty(period)", name="period"),
        CheckConstraint(
            "state IN ('applied', 'declined', 'cancelled') OR place IS NOT NULL", name="placed"
        ),
        ExcludeConstraint(
            (text(f"int8range({_WHO}, {_WHO}, '[]')"), "&&"),
            ("period", "&&"),
            name="ex_signup_inv_31_overlap",
            using="gist",
            where=text("state IN ('confirmed', 'attended')"),
        ),
        Index(
            "uq_signup_live",
            "position_id",
            "volunteer_id",
            unique=True,
            postgresql_where=text("state NOT IN ('declined', 'cancelled')"),
        ),
        Index(
            "ix_signup_waitlist",
            "position_id",
            "place",
            postgresql_where=text("state = 'waitlisted'"),
        ),
        Index("ix_signup_created_at", "created_at", "id"),
    )


class AttendanceSecret(Base):
    """What the sign-in and sign-out codes of a task are made from, wrapped by the vault's key."""

    __tablename__ = "attendance_secret"

    task_id: Mapped[UUID] = mapped_column(ForeignKey(VolunteerTask.id), primary_key=True)
    wrapped: Mapped[bytes] = mapped_column(LargeBinary)
    key_version: Mapped[int]
    created_at: Mapped[datetime]
