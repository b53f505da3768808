"""Social-work stations and the workers posted to them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, text
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class StationLevel(StrEnum):
    TOWN_STATION = "town_station"
    VILLAGE_POINT = "village_point"
    ASSISTANCE_CENTRE = "assistance_centre"


class RiskTier(StrEnum):
    """How pressing a household's risk is: it sets the rhythm of visits (domain.md 10)."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class StationState(StrEnum):
    PLANNED = "planned"
    ACTIVE = "active"
    PAUSED = "paused"
    CLOSED = "closed"


_S = StationState
TRANSITIONS = Transitions(
    StationState,
    {
        "open": {_S.PLANNED: _S.ACTIVE},
        "pause": {_S.ACTIVE: _S.PAUSED},
        "resume": {_S.PAUSED: _S.ACTIVE},
        "close": {_S.ACTIVE: _S.CLOSED, _S.PAUSED: _S.CLOSED},
    },
)


class Station(Base):
    """A town station, village point or comprehensive assistance centre (HSDS `location`, T19a)."""

    __tablename__ = "station"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    level: Mapped[StationLevel]
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("station.id"), index=True)
    organization_id: Mapped[UUID] = mapped_column(ForeignKey("organization.id"), index=True)
    """The operating organization."""
    posts: Mapped[int] = mapped_column(default=0)
    state: Mapped[StationState] = mapped_column(default=_S.PLANNED)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (CheckConstraint("posts >= 0", name="posts"),)


class WorkerGrade(StrEnum):
    ASSISTANT = "assistant"
    SOCIAL_WORKER = "social_worker"
    SENIOR = "senior"
    AUXILIARY = "auxiliary"


# A hash in a range, because a plain equality would need an extension.
_POST = "hashtextextended(account_id::text || station_id::text, 0)"


class Worker(Base):
    """An account's post at a station for a time."""

    __tablename__ = "worker"

    id: Mapped[Id]
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), index=True)
    station_id: Mapped[UUID] = mapped_column(ForeignKey("station.id"), index=True)
    grade: Mapped[WorkerGrade]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    version: Mapped[int] = mapped_column(default=1)
    certificate_no: Mapped[str | None]
    """Of the professional examination that the grade rests on (T19d)."""
    certified_on: Mapped[date | None]

    __table_args__ = (
        CheckConstraint("valid_to > valid_from", name="period"),
        CheckConstraint(
            "(certificate_no IS NULL) = (certified_on IS NULL) "
            "AND (certificate_no IS NULL OR grade <> 'auxiliary')",
            name="certificate",
        ),
        ExcludeConstraint(
            (text(f"int8range({_POST}, {_POST}, '[]')"), "&&"),
            (text("daterange(valid_from, valid_to)"), "&&"),
            name="ex_worker_period",
            using="gist",
        ),
    )
