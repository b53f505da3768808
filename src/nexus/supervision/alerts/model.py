"""Alerts: which rule, about which row, and who looks after it."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.core.states import Transitions


class Stage(StrEnum):
    """Before, during or after the deed (T6c)."""

    PRE = "pre"
    IN = "in"
    POST = "post"


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"

    @property
    def clock(self) -> str:
        """The parameter that says how long it may wait."""
        return f"alert_{self.value}_days"


class AlertClass(StrEnum):
    LAPSE = "lapse"
    """Something was not done in time."""
    OVERRIDE = "override"
    """A rule was let go, by somebody who may (INV-22)."""
    SIGNAL = "signal"
    """Something that may be amiss."""
    FAULT = "fault"
    """A machine does not get through."""


class AlertState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    HANDLING = "handling"
    RESOLVED = "resolved"
    DISMISSED = "dismissed"


_A = AlertState
LIVE = (_A.OPEN, _A.ACKNOWLEDGED, _A.HANDLING)
LIVE_ALERT = "state IN ('open', 'acknowledged', 'handling')"
TRANSITIONS = Transitions(
    AlertState,
    {
        "acknowledge": {_A.OPEN: _A.ACKNOWLEDGED},
        "handle": {_A.ACKNOWLEDGED: _A.HANDLING},
        "resolve": {_A.HANDLING: _A.RESOLVED},
        "dismiss": dict.fromkeys(LIVE, _A.DISMISSED),
        "reopen": {_A.RESOLVED: _A.OPEN, _A.DISMISSED: _A.OPEN},
        "clear": dict.fromkeys(LIVE, _A.RESOLVED),
    },
)


class Alert(Base):
    """Something that somebody should look at."""

    __tablename__ = "alert"

    id: Mapped[Id]
    no: Mapped[str] = mapped_column(unique=True)
    rule: Mapped[str]
    """Id of the rule that raised it."""
    rule_version: Mapped[int]
    kind: Mapped[AlertClass]
    stage: Mapped[Stage]
    severity: Mapped[Severity]
    subject_type: Mapped[str]
    """The table of the row it is about."""
    subject_id: Mapped[UUID]
    evidence: Mapped[dict[str, Any]]
    """What the rule saw: ids, codes and numbers."""
    area_code: Mapped[AreaCode] = mapped_column(ForeignKey("area.code"), index=True)
    """The territory whose authorities look after it."""
    owner_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), index=True)
    """Who acknowledged it (INV-20)."""
    caused_by: Mapped[UUID | None]
    """Who let the rule go, of the class OVERRIDE."""
    due_at: Mapped[datetime]
    """By when it is settled; after that it is escalated."""
    escalated_at: Mapped[datetime | None]
    state: Mapped[AlertState] = mapped_column(default=_A.OPEN)
    state_reason: Mapped[str | None]
    version: Mapped[int] = mapped_column(default=1)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    __table_args__ = (
        CheckConstraint(
            "state NOT IN ('acknowledged', 'handling') OR owner_id IS NOT NULL",
            name="inv_20_owner",
        ),
        CheckConstraint("state <> 'dismissed' OR state_reason IS NOT NULL", name="dismissed_why"),
        CheckConstraint(f"({LIVE_ALERT}) = (closed_at IS NULL)", name="closed_whole"),
        CheckConstraint("kind <> 'override' OR caused_by IS NOT NULL", name="inv_22_override_by"),
        Index(
            "uq_alert_open", "rule", "subject_id", unique=True, postgresql_where=text(LIVE_ALERT)
        ),
        Index("ix_alert_subject", "subject_id", "opened_at", "id"),
        Index("ix_alert_opened_at", "opened_at", "id"),
        Index("ix_alert_due_at", "due_at", "id"),
        Index(
            "ix_alert_to_escalate",
            "due_at",
            postgresql_where=text(f"{LIVE_ALERT} AND escalated_at IS NULL"),
        ),
    )
