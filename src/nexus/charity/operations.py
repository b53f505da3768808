"""Listing, pausing, confirming and moderating offers; the deeds of projects are beside it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import wraps
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, true, update
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, Deed, system
from nexus.areas.queries import check_code, resolve_area
from nexus.charity import model, policy, queries, rules
from nexus.charity.projects.operations import (
    ProjectTerms,
    archive_project,
    cancel_project,
    check_owner,
    complete_project,
    create_project,
    disclose_project,
    file_project,
    pause_project,
    record_project_funds,
    resume_project,
    start_project,
    update_project,
)
from nexus.core.refusals import CapacityExhausted, Forbidden, GuardFailed, Invalid
from nexus.core.texts import check_reason

__all__ = [
    "OfferTerms",
    "ProjectTerms",
    "approve_offer",
    "archive_project",
    "block_offer",
    "cancel_project",
    "complete_project",
    "confirm_offer",
    "create_offer",
    "create_project",
    "disclose_project",
    "expire_offers",
    "file_project",
    "list_offer",
    "pause_offer",
    "pause_project",
    "record_project_funds",
    "resume_offer",
    "resume_project",
    "set_capacity",
    "set_offer_areas",
    "start_project",
    "tell_stale_offers",
    "unblock_offer",
    "update_offer",
    "update_project",
    "withdraw_offer",
]


@dataclass(frozen=True, kw_only=True)
class OfferTerms:
    """What an offer says: the help, for whom, where and when. Codes are those of domain.md §8."""

    title: str
    kind: model.OfferKind
    category: str
    unit: str
    areas: Sequence[str]
    available_from: date
    summary: str | None = None
    item_code: str | None = None
    recipient_categories: Sequence[str] = ()
    tiers: Sequence[str] = ()
    min_age: int | None = None
    max_age: int | None = None
    gender: str | None = None
    disability_only: bool = False
    required_documents: Sequence[str] = field(default_factory=tuple)
    available_to: date | None = None
    project_id: UUID | None = None


async def create_offer(
    act: Act,
    *,
    terms: OfferTerms,
    capacity_maximum: Decimal | None,
    organization_id: UUID | None = None,
    reviewed: bool = True,
) -> model.Offer:
    """A draft with its areas. `capacity_maximum` None: capacity without a figure.

    `reviewed` False marks an imported row without its source's review: it cannot be listed.
    """
    owner = organization_id or act.actor.organization_id
    if not policy.may_create(act.actor, owner):
        raise Forbidden(f"Role {act.actor.role.name} may not make offers for this organization.")
    rules.check_capacity(capacity_maximum)
    codes = await _checked_areas(act, terms.areas)
    row = model.Offer(
        organization_id=owner,
        capacity_maximum=capacity_maximum,
        review_due_on=rules.months_later(act.actor.today(), rules.REVIEW_MONTHS),
        reviewed=reviewed,
        created_at=act.now,
        created_by=act.actor.account_id,
        no=await act.number("S", codes[0]),
    )
    await _apply(act, row, terms)
    act.session.add(row)
    await act.session.flush()
    act.session.add_all(model.OfferArea.of(row, code) for code in codes)
    act.record("offer.created", row, category=row.category, offer_kind=row.kind, areas=codes)
    return row


async def update_offer(
    act: Act, row_id: UUID, *, expected_version: int, terms: OfferTerms
) -> model.Offer:
    """Say it anew, while it is a draft or paused. An approval does not outlive the change."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    if row.state not in (model.OfferState.DRAFT, model.OfferState.PAUSED):
        raise GuardFailed(
            f"An offer in state {row.state.name} cannot be changed: pause it first.",
            rule="offer.editable",
            state=row.state.name,
        )
    codes = await _checked_areas(act, terms.areas)
    fixed = ("kind", "unit", "category")
    held = row.capacity_reserved + row.capacity_used
    if held > 0 and any(getattr(row, name) != getattr(terms, name) for name in fixed):
        raise GuardFailed(
            f"{held} {row.unit} are pledged or used: kind, unit and category stay. "
            "Make a new offer instead.",
            rule="offer.pledged",
            held=held,
        )
    await _apply(act, row, terms)
    row.pre_approved = False
    row.version += 1
    await act.session.flush()
    await _replace_areas(act, row, codes)
    act.record("offer.updated", row, areas=codes)
    return row


async def set_offer_areas(
    act: Act, row_id: UUID, *, expected_version: int, areas: Sequence[str]
) -> model.Offer:
    """Where the offer serves from now on; live offers too."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    _check_live(row)
    codes = await _checked_areas(act, areas)
    row.version += 1
    await act.session.flush()
    before = await _replace_areas(act, row, codes)
    act.record("offer.areas_set", row, areas=codes, areas_before=before)
    return row


async def set_capacity(
    act: Act, row_id: UUID, *, expected_version: int, maximum: Decimal | None
) -> model.Offer:
    """How much there is; never below what is reserved and used (INV-02).

    The guard is in the UPDATE itself: a pledge that books at this moment cannot slip between.
    """
    rules.check_capacity(maximum)
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    _check_live(row)
    offer = model.Offer
    held = offer.capacity_reserved + offer.capacity_used
    changed = await act.session.execute(
        update(offer)
        .where(offer.id == row_id, true() if maximum is None else held <= maximum)
        .values(capacity_maximum=maximum, version=offer.version + 1)
        .returning(offer.id)
        .execution_options(synchronize_session=False)
    )
    done = changed.first() is not None
    await act.session.refresh(row)
    if not done:
        least = row.capacity_reserved + row.capacity_used
        raise CapacityExhausted(
            f"{least} {row.unit} are reserved or used already: the maximum cannot be below that.",
            field="maximum",
            rule="INV-02",
            minimum=least,
            reserved=row.capacity_reserved,
            used=row.capacity_used,
        )
    act.record("offer.capacity_set", row, maximum=maximum)
    return row


async def list_offer(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Offer:
    """Make it known: it is suggested for needs from now on."""
    return await _publish(act, row_id, expected_version, "list", "offer.listed", reason)


async def resume_offer(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Offer:
    """Back from a pause, under the conditions of listing."""
    return await _publish(act, row_id, expected_version, "resume", "offer.resumed", reason)


async def confirm_offer(
    act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
) -> model.Offer:
    """Its owner says that it still stands: the next review is due in six months."""
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    _check_live(row)
    row.review_due_on = rules.months_later(act.actor.today(), rules.REVIEW_MONTHS)
    row.version += 1
    act.record("offer.confirmed", row, review_due_on=row.review_due_on)
    return row


async def approve_offer(
    act: Act, row_id: UUID, *, expected_version: int, approved: bool, reason: str | None = None
) -> model.Offer:
    """The authority has looked at it: with `approved`, pledges from it are accepted at once."""
    row = await _take(act, row_id, expected_version)
    await _permit(act, policy.may_approve, row)
    _check_live(row)
    row.pre_approved = approved
    row.reviewed = True
    row.state_reason = reason
    row.version += 1
    act.record("offer.approved" if approved else "offer.approval_ended", row)
    return row


async def expire_offers(session: AsyncSession, now: datetime) -> int:
    """The clock's deed: end listed and paused offers whose period is over; how many."""
    act = Act(session, system(now))
    rows = (await session.execute(queries.run_out(act.actor, act.actor.today()))).scalars().all()
    for row in rows:
        act.move(row, model.OFFER_TRANSITIONS, "expire")
        act.record("offer.expired", row)
    return len(rows)


async def tell_stale_offers(session: AsyncSession, now: datetime) -> int:
    """The clock's deed: news, once, of each listed offer whose review became overdue; how many."""
    act = Act(session, system(now))
    found = queries.gone_stale(act.actor, act.actor.today())
    rows = (await session.execute(found)).scalars().all()
    for row in rows:
        act.record(queries.STALE, row, review_due_on=row.review_due_on)
    return len(rows)


def _transition(
    verb: str, event: str, may: Callable[[Any, Any], Any], *, needs_reason: bool = False
) -> Deed:
    async def deed(
        act: Act, row_id: UUID, *, expected_version: int, reason: str | None = None
    ) -> model.Offer:
        row = await _take(act, row_id, expected_version)
        await _permit(act, may, row)
        said = check_reason(reason) if needs_reason else reason
        act.move(row, model.OFFER_TRANSITIONS, verb)
        row.state_reason = said
        act.record(event, row)
        return row

    return deed


pause_offer = _transition("pause", "offer.paused", policy.may_pause)
withdraw_offer = _transition("withdraw", "offer.withdrawn", policy.may_manage)
block_offer = _transition("block", "offer.blocked", policy.may_block, needs_reason=True)
unblock_offer = _transition("unblock", "offer.unblocked", policy.may_block)


async def _take(act: Act, row_id: UUID, expected_version: int) -> model.Offer:
    return await act.take(
        model.Offer, row_id, visible=policy.visible, expected_version=expected_version
    )


async def _permit(act: Act, may: Callable[[Any, Any], Any], row: model.Offer) -> None:
    """Forbidden unless the policy says yes; one that asks for the offer's areas is asked in SQL."""
    answer = may(act.actor, row)
    if not isinstance(answer, bool):
        asked = select(may(act.actor, model.Offer)).where(model.Offer.id == row.id)
        answer = (await act.session.execute(asked)).scalar_one()
    act.permit(wraps(may)(lambda actor, row: answer), row)


async def _publish(
    act: Act, row_id: UUID, expected_version: int, verb: str, event: str, reason: str | None
) -> model.Offer:
    row = await _take(act, row_id, expected_version)
    act.permit(policy.may_manage, row)
    act.move(row, model.OFFER_TRANSITIONS, verb)
    await check_owner(act, row.organization_id)
    today = act.actor.today()
    if not row.reviewed:
        raise GuardFailed(
            "This offer was imported without its source's review: ask the coordinator of the area "
            "to review it.",
            rule="offer.reviewed",
        )
    if row.available_to is not None and row.available_to <= today:
        raise GuardFailed(
            f"The offer ended on {row.available_to}: give it a later end first.",
            rule="offer.period",
            available_to=row.available_to,
        )
    await _check_project(act, row)
    row.state_reason = reason
    act.record(event, row, category=row.category, offer_kind=row.kind)
    return row


async def _check_project(act: Act, row: model.Offer) -> None:
    if row.project_id is None:
        return
    project = await act.find(model.CharityProject, row.project_id, visible=policy.project_visible)
    if project.state is not model.ProjectState.ACTIVE:
        raise GuardFailed(
            f"Its project {project.no} is in state {project.state.name}: start the project first.",
            rule="project.active",
            project=project.no,
            state=project.state.name,
        )


def _check_live(row: model.Offer) -> None:
    live = (model.OfferState.DRAFT, model.OfferState.LISTED, model.OfferState.PAUSED)
    if row.state not in live:
        raise GuardFailed(
            f"An offer in state {row.state.name} cannot be changed: make a new one.",
            rule="offer.live",
            state=row.state.name,
        )


async def _checked_areas(act: Act, areas: Sequence[str]) -> list[str]:
    if not areas:
        raise Invalid("Say where the offer serves: at least one area, or CN.", field="areas")
    return rules.widest([await resolve_area(act.session, area) for area in areas])


async def _replace_areas(act: Act, row: model.Offer, codes: Sequence[str]) -> list[str]:
    """Serve these divisions from now on; the codes before."""
    area = model.OfferArea
    gone = delete(area).where(area.offer_id == row.id).returning(area.area_code)
    before = sorted((await act.session.execute(gone)).scalars())
    act.session.add_all(area.of(row, code) for code in codes)
    return before


async def _apply(act: Act, row: model.Offer, terms: OfferTerms) -> None:
    """Check the terms and put them on the row."""
    today = act.actor.today()
    rules.check_period(terms.available_from, terms.available_to, field="availableTo")
    rules.check_ages(terms.min_age, terms.max_age)
    await check_code(act.session, "need_category", terms.category, on=today)
    await check_code(act.session, "unit", terms.unit, on=today)
    if terms.item_code is not None:
        await check_code(act.session, "item", terms.item_code, on=today)
    for code in terms.recipient_categories:
        await check_code(act.session, "recipient_category", code, on=today)
    if terms.project_id is not None:
        project = await act.find(
            model.CharityProject, terms.project_id, visible=policy.project_visible
        )
        if project.organization_id != row.organization_id:
            raise Invalid("The project belongs to another organization.", field="projectId")
    row.title = rules.check_text(terms.title, field="title")
    row.summary = terms.summary
    row.kind, row.category, row.unit = terms.kind, terms.category, terms.unit
    row.item_code = terms.item_code
    row.recipient_categories = sorted(set(terms.recipient_categories))
    row.tiers = rules.check_tiers(terms.tiers)
    row.min_age, row.max_age = terms.min_age, terms.max_age
    row.gender = rules.check_gender(terms.gender)
    row.disability_only = terms.disability_only
    row.required_documents = list(terms.required_documents)
    row.available_from, row.available_to = terms.available_from, terms.available_to
    row.project_id = terms.project_id
