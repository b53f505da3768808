"""Opening schedules, and the openings computed from them."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import Base, Id

_CLOCK = "'^([01][0-9]|2[0-3]):[0-5][0-9]$'"


class OpeningSchedule(Base):
    """On which days and from when to when a station is open (HSDS `schedule`)."""

    __tablename__ = "opening_schedule"

    id: Mapped[Id]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    rrule: Mapped[str]
    """RFC 5545 recurrence of days, such as FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR."""
    opens: Mapped[str]
    """HH:MM in Asia/Shanghai."""
    closes: Mapped[str]
    """HH:MM of the same day; 24:00 is its end."""
    working_days: Mapped[bool]
    """Closed on free days and open on moved workdays, as the calendar says."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    laid_until: Mapped[date | None]
    """The first day whose opening is not computed yet."""
    laid_by: Mapped[str | None]
    """The mark of the calendar that it was computed by."""
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint(
            f"opens ~ {_CLOCK} AND (closes ~ {_CLOCK} OR closes = '24:00') AND closes > opens",
            name="hours",
        ),
        CheckConstraint("valid_to >= valid_from", name="period"),
        CheckConstraint("length(rrule) BETWEEN 1 AND 200", name="rrule_short"),
        Index("ix_opening_schedule_laid", "laid_until", "id"),
    )


class StationOpening(Base):
    """One opening of a station: computed, and computed anew when schedule or calendar change."""

    __tablename__ = "station_opening"

    schedule_id: Mapped[UUID] = mapped_column(ForeignKey("opening_schedule.id"), primary_key=True)
    opens_at: Mapped[datetime] = mapped_column(primary_key=True)
    closes_at: Mapped[datetime]
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"))

    __table_args__ = (
        CheckConstraint("closes_at > opens_at", name="hours"),
        Index("ix_station_opening_station_id", "station_id", "closes_at", "opens_at"),
    )
