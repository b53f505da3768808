"""What writing and matching need to know of projects and offers."""

from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Select, exists, func, literal, literal_column, or_, select
from sqlalchemy.orm import aliased

from nexus.acting import Actor, View
from nexus.charity import model, policy
from nexus.core.outbox import Event
from nexus.organizations.model import (
    Organization,
    OrganizationState,
    Qualification,
    QualificationKind,
)

STALE = "offer.turned_stale"
BATCH = 500
"""Offers of one stroke of a clock; the next stroke goes on."""


def available(row: Any) -> ColumnElement[Any]:
    """SQL: maximum − reserved − used; null where the capacity has no figure."""
    return row.capacity_maximum - row.capacity_reserved - row.capacity_used  # type: ignore[no-any-return]


def has_room(row: Any) -> ColumnElement[bool]:
    """SQL: something is left, or the capacity has no figure."""
    held = row.capacity_reserved + row.capacity_used
    return row.capacity_maximum.is_(None) | (row.capacity_maximum > held)  # type: ignore[no-any-return]


def is_stale(row: Any, today: Any) -> ColumnElement[bool]:
    """SQL: its review was due before `today`, and nobody confirmed it."""
    return row.review_due_on < today  # type: ignore[no-any-return]


def serves(row: Any, area_code: Any) -> ColumnElement[bool]:
    """SQL: one of the offer's areas is the given division or lies above or below it."""
    area = aliased(model.OfferArea)
    above = func.starts_with(area_code, area.area_code) | (area.area_code == "CN")
    below = func.starts_with(area.area_code, area_code) | (area_code == literal("CN"))
    return (
        select(area.offer_id)
        .where(area.offer_id == row.id, or_(above, below))
        .correlate_except(area)
        .exists()
    )


async def owner_state(view: View, organization_id: UUID) -> OrganizationState | None:
    """The state of the organization a project or offer belongs to."""
    found = await view.session.execute(
        select(Organization.state).where(Organization.id == organization_id)
    )
    return found.scalar_one_or_none()


def without_certificate(today: date) -> Select[model.CharityProject]:
    """Running projects that raise funds in public without a certificate of that day, locked."""
    row, held = model.CharityProject, aliased(Qualification)
    valid = exists().where(
        held.organization_id == row.organization_id,
        held.kind == QualificationKind.PUBLIC_FUNDRAISING,
        held.valid_from <= today,
        or_(held.valid_to.is_(None), held.valid_to > today),
    )
    return (
        select(row)
        .where(
            row.state == model.ProjectState.ACTIVE,
            row.public_fundraising,
            ~valid.correlate_except(held),
        )
        .order_by(row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )


def gone_stale(actor: Actor, today: date) -> Select[model.Offer]:
    """The listed offers whose review became overdue and of which no news has told it yet."""
    row, told = model.Offer, aliased(Event)
    known = exists().where(
        told.object_type == "offer",
        told.object_id == row.id,
        told.kind == STALE,
        told.occurred_at > row.review_due_on,
    )
    return (
        select(row)
        .where(
            row.state == literal_column("'listed'"),
            is_stale(row, today),
            ~known.correlate_except(told),
            policy.visible(actor, row),
        )
        .order_by(row.review_due_on, row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )


def run_out(actor: Actor, today: date) -> Select[model.Offer]:
    """The listed and paused offers whose period is over, locked, oldest first."""
    row = model.Offer
    return (
        select(row)
        .where(
            row.state.in_((model.OfferState.LISTED, model.OfferState.PAUSED)),
            row.available_to <= today,
            policy.visible(actor, row),
        )
        .order_by(row.available_to, row.id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
