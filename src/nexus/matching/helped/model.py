"""The limits of help by item and window, and an approver's leave to pass one."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from nexus.core.db import AreaCode, Base, Id
from nexus.needs.model import NeedKind


class HelpLimit(Base):
    """How much of an item a household may be helped with in a window (domain.md 12: by item type).

    What no limit names is not limited. Of several items that fit a line each holds; of one item the
    limit of the narrowest area around the household.
    """

    __tablename__ = "help_limit"

    id: Mapped[Id]
    kind: Mapped[NeedKind]
    item_code: Mapped[str]
    """Code list `item`: the item or a group of items; empty for everything of the kind."""
    unit: Mapped[str]
    """Lines in a unit that does not convert to it are not counted."""
    window_days: Mapped[int]
    most: Mapped[Decimal]
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    source: Mapped[str]
    area_code: Mapped[AreaCode] = mapped_column(server_default=text("'CN'"))
    """Where it holds; no foreign key, as limits are there before the divisions are loaded."""

    __table_args__ = (
        UniqueConstraint("kind", "item_code", "unit", "area_code", "valid_from"),
        CheckConstraint("area_code ~ '^(CN|[0-9]+)$'", name="area_shape"),
        CheckConstraint("window_days > 0 AND most > 0", name="positive"),
        CheckConstraint("valid_to > valid_from", name="period"),
    )


class HelpOverride(Base):
    """An approver lets one pledge on the line pass the limit, and says why (INV-10, INV-22)."""

    __tablename__ = "help_override"

    id: Mapped[Id]
    line_id: Mapped[UUID] = mapped_column(ForeignKey("need_line.id"), index=True)
    household_id: Mapped[UUID] = mapped_column(ForeignKey("household.id"), index=True)
    organization_id: Mapped[UUID | None] = mapped_column(ForeignKey("organization.id"), index=True)
    """Whose pledge it is for; null: whoever pledges next."""
    quantity: Mapped[Decimal]
    """The largest pledge it lets pass, in the line's unit."""
    reason: Mapped[str]
    rule: Mapped[str]
    """The limit and its version: `help_limit:FOOD.RICE@2020-01-01`."""
    snapshot: Mapped[dict[str, Any]]
    """What the limit was held against: helped, most, windowDays, unit."""
    used_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    created_by: Mapped[UUID]

    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity_positive"),
        CheckConstraint("length(reason) > 0", name="reason_given"),
        Index(
            "uq_help_override_unused",
            "line_id",
            text("coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)"),
            unique=True,
            postgresql_where=text("used_at IS NULL"),
        ),
    )
