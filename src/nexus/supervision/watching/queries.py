"""What each rule holds of: the row, where it is, since when, and what to say of it.

Columns of each select: `id`, `area_code`, `since` (the moment it began to hold), `evidence` (JSON:
numbers, codes and dates). Figures are those of the country, in days unless the name says hours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import DateTime, Select, Text, and_, cast, exists, func, literal, or_, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import aliased

from nexus.acting import SHANGHAI
from nexus.charity.model import Offer, OfferState
from nexus.matching.pledges.model import Delivery, DeliveryState, Pledge, PledgeState
from nexus.needs.model import Need, NeedLine, NeedState
from nexus.obligations.model import Obligation, ObligationKind, ObligationState
from nexus.organizations.model import Organization, OrganizationState, Qualification
from nexus.recipients.model import (
    Consent,
    ConsentKind,
    ConsentState,
    Household,
    Recipient,
    Recognition,
    RecognitionState,
)

FIGURES = (
    *("taper_notice_days", "recheck_notice_days", "qualification_notice_days"),
    *("consent_notice_days", "assertion_days", "reminder_second_ratio", "disclosure_notice_days"),
    *("delivery_confirmation_days", "pledge_notice_hours"),
    *("held_funds_days", "budget_committed_ratio"),
)
LONGEST_UNMET = timedelta(days=92)
"""What was not met for longer is no news: it lies on its owner's worklist."""


@dataclass(frozen=True, slots=True)
class Moment:
    """When it is asked, and by which figures."""

    now: datetime
    figures: Mapping[str, Any]

    @property
    def today(self) -> date:
        """In Asia/Shanghai."""
        return self.now.astimezone(SHANGHAI).date()

    def days(self, name: str) -> timedelta:
        """The figure as a length."""
        return timedelta(days=float(self.figures[name]))


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule, the table of its subjects, and the rows of which it holds."""

    rule: str
    table: str
    holds: Callable[[Moment], Select[Any]]


def told(*, row: Any, area: Any, since: Any, **evidence: Any) -> Select[Any]:
    pairs: list[Any] = []
    for name, value in evidence.items():
        pairs += [literal(name, Text()), value]
    said = cast(func.jsonb_build_object(*pairs), JSONB)
    return select(row.id, area.label("area_code"), since.label("since"), said.label("evidence"))


def start_of(day: Any) -> Any:
    """SQL: when a day begins in China."""
    return func.timezone("Asia/Shanghai", cast(day, DateTime()))


def _recognition(moment: Moment, last: Any, notice: str, state: RecognitionState) -> Select[Any]:
    row, person, home = aliased(Recognition), aliased(Recipient), aliased(Household)
    due = getattr(row, last)
    days = moment.days(notice)
    return (
        told(
            row=row,
            area=home.area_code,
            since=start_of(due - days.days),
            no=row.no,
            category=row.category,
            due=due,
        )
        .select_from(row)
        .outerjoin(person, person.id == row.recipient_id)
        .join(home, home.id == func.coalesce(row.household_id, person.household_id))
        .where(row.state == state, due <= moment.today + days)
    )


def _taper_ending(moment: Moment) -> Select[Any]:
    return _recognition(moment, "valid_to", "taper_notice_days", RecognitionState.TAPER)


def _recheck_due(moment: Moment) -> Select[Any]:
    return _recognition(moment, "recheck_due_on", "recheck_notice_days", RecognitionState.ACTIVE)


def _qualification_expiring(moment: Moment) -> Select[Any]:
    row, later, owner = aliased(Qualification), aliased(Qualification), aliased(Organization)
    days = moment.days("qualification_notice_days")
    renewed = exists().where(
        later.organization_id == row.organization_id,
        later.kind == row.kind,
        or_(later.valid_to.is_(None), later.valid_to > row.valid_to),
    )
    return (
        told(
            row=row,
            area=owner.area_code,
            since=start_of(row.valid_to - days.days),
            organization=owner.no,
            kind=row.kind,
            due=row.valid_to,
        )
        .join(owner, owner.id == row.organization_id)
        .where(
            owner.state == OrganizationState.VERIFIED,
            row.valid_to <= moment.today + days,
            row.valid_to > moment.today,
            ~renewed,
        )
    )


def _consent(row: Any, since: Any) -> Any:
    person, home = aliased(Recipient), aliased(Household)
    return (
        told(row=row, area=home.area_code, since=since, no=row.no, due=row.expires_on)
        .select_from(row)
        .join(person, person.id == row.recipient_id)
        .join(home, home.id == person.household_id)
        .where(row.state == ConsentState.GRANTED)
    )


def _consent_expiring(moment: Moment) -> Select[Any]:
    """A consent on which something rests that goes on: others may run out."""
    row, need = aliased(Consent), aliased(Need)
    days = moment.days("consent_notice_days")
    live = (NeedState.VERIFIED, NeedState.PUBLISHED, NeedState.PAUSED)
    rests = exists().where(need.consent_id == row.id, need.state.in_(live))
    found: Select[Any] = _consent(row, start_of(row.expires_on - days.days))
    return found.where(row.expires_on <= moment.today + days, rests)


def _assertion_unconfirmed(moment: Moment) -> Select[Any]:
    row = aliased(Consent)
    waited = moment.days("assertion_days") * float(moment.figures["reminder_second_ratio"])
    found: Select[Any] = _consent(row, row.obtained_at + waited)
    return found.where(row.kind == ConsentKind.ASSERTION, row.obtained_at <= moment.now - waited)


def _disclosure_due(moment: Moment) -> Select[Any]:
    row = aliased(Obligation)
    days = moment.days("disclosure_notice_days")
    return told(
        row=row, area=row.area_code, since=row.due_at - days, no=row.no, due=row.due_at
    ).where(
        row.kind == ObligationKind.DISCLOSURE,
        row.state == ObligationState.OPEN,
        row.due_at <= moment.now + days,
        row.due_at > moment.now,
    )


def _delivery_unconfirmed(moment: Moment) -> Select[Any]:
    row, need = aliased(Delivery), aliased(Need)
    days = moment.days("delivery_confirmation_days")
    return (
        told(
            row=row,
            area=need.area_code,
            since=row.created_at + days,
            no=row.no,
            delivered=row.delivered_on,
        )
        .join(need, need.id == row.need_id)
        .where(row.state == DeliveryState.RECORDED, row.created_at <= moment.now - days)
    )


def _pledge_expiring(moment: Moment) -> Select[Any]:
    row, need = aliased(Pledge), aliased(Need)
    notice = timedelta(hours=float(moment.figures["pledge_notice_hours"]))
    return (
        told(
            row=row,
            area=need.area_code,
            since=row.expires_at - notice,
            no=row.no,
            need=need.no,
            due=row.expires_at,
        )
        .join(need, need.id == row.need_id)
        .where(
            row.state.in_((PledgeState.OFFERED, PledgeState.ACCEPTED)),
            row.expires_at <= moment.now + notice,
        )
    )


def _offer_stale(moment: Moment) -> Select[Any]:
    row, owner = aliased(Offer), aliased(Organization)
    return (
        told(
            row=row,
            area=owner.area_code,
            since=start_of(row.review_due_on + 1),
            no=row.no,
            organization=owner.no,
            due=row.review_due_on,
        )
        .join(owner, owner.id == row.organization_id)
        .where(row.state == OfferState.LISTED, row.review_due_on < moment.today)
    )


def _need_unmet(moment: Moment) -> Select[Any]:
    row, line = aliased(Need), aliased(NeedLine)
    short = exists().where(
        line.need_id == row.id, line.asked, line.confirmed < line.quantity_required
    )
    return told(
        row=row,
        area=row.area_code,
        since=start_of(row.due_on + 1),
        no=row.no,
        urgency=row.urgency,
        due=row.needed_by,
    ).where(
        and_(
            row.state == NeedState.PUBLISHED,
            row.due_on < moment.today,
            row.due_on > moment.today - LONGEST_UNMET,
            short,
        )
    )


STANDING = (
    Standing("taper.ending", "recognition", _taper_ending),
    Standing("recheck.due", "recognition", _recheck_due),
    Standing("qualification.expiring", "qualification", _qualification_expiring),
    Standing("consent.expiring", "consent", _consent_expiring),
    Standing("assertion.unconfirmed", "consent", _assertion_unconfirmed),
    Standing("disclosure.due", "obligation", _disclosure_due),
    Standing("delivery.unconfirmed", "delivery", _delivery_unconfirmed),
    Standing("pledge.expiring", "pledge", _pledge_expiring),
    Standing("offer.stale", "offer", _offer_stale),
    Standing("need.unmet", "need", _need_unmet),
)
"""Of help; those of money are in `money`."""
