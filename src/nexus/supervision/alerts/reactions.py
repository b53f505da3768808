"""What raises alerts and what clears them: news of lower slices."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.casework.cases.model import Case
from nexus.casework.visits.model import Visit
from nexus.core.outbox import Event, hears
from nexus.discovery.model import DiscoveryReport
from nexus.needs.model import Need
from nexus.obligations.model import Obligation
from nexus.organizations.model import Organization
from nexus.recipients.model import Household
from nexus.supervision.alerts.model import AlertClass, Severity
from nexus.supervision.alerts.operations import clear_alert, raise_alert
from nexus.supervision.alerts.rules import RULES


async def _of_obligation(session: AsyncSession, event: Event) -> str:
    return (await session.get_one(Obligation, event.object_id)).area_code


async def _of_organization(session: AsyncSession, event: Event) -> str:
    return (await session.get_one(Organization, event.object_id)).area_code


async def _of_report(session: AsyncSession, event: Event) -> str:
    return (await session.get_one(DiscoveryReport, event.object_id)).custody_area_code


async def _of_case(session: AsyncSession, event: Event) -> str:
    return (await session.get_one(Case, event.object_id)).area_code


async def _of_visit(session: AsyncSession, event: Event) -> str:
    visit = await session.get_one(Visit, event.object_id)
    return (await session.get_one(Household, visit.household_id)).area_code


async def _of_need(session: AsyncSession, event: Event) -> str:
    return (await session.get_one(Need, UUID(event.facts["need_id"]))).area_code


@dataclass(frozen=True)
class Watch:
    """The news that raises a rule's alert about its row, and the news that clears it."""

    rule: str
    raised_by: str
    area: Callable[[AsyncSession, Event], Awaitable[str]]
    cleared_by: tuple[str, ...] = ()


WATCHES = (
    Watch(
        "obligation.overdue",
        "obligation.overdue",
        _of_obligation,
        ("obligation.done", "obligation.waived"),
    ),
    Watch("obligation.waived", "obligation.waived", _of_obligation),
    Watch(
        "fundraising.lapsed",
        "organization.qualification_lapsed",
        _of_organization,
        ("organization.reinstated", "organization.deregistered"),
    ),
    Watch(
        "report.overdue",
        "discovery.overdue",
        _of_report,
        (
            *("discovery.verified", "discovery.converted", "discovery.dismissed"),
            *("discovery.closed", "discovery.marked_duplicate"),
        ),
    ),
    Watch(
        "referral.overdue",
        "referral.overdue",
        _of_need,
        (
            *("referral.accepted", "referral.rejected", "referral.recalled", "referral.expired"),
            *("referral.completed", "referral.failed", "referral.entered_in_error"),
        ),
    ),
    Watch("visit.danger", "visit.danger_flagged", _of_visit, ("visit.danger_answered",)),
    Watch(
        "visit.overdue",
        "visit.overdue",
        _of_visit,
        (
            *("visit.performed", "visit.missed", "visit.cancelled", "visit.replanned"),
            *("visit.rescheduled", "visit.excused"),
        ),
    ),
    Watch(
        "case.review_overdue",
        "case.review_overdue",
        _of_case,
        (
            *("case.reviewed", "case.evaluation_begun", "case.held", "case.referred_out"),
            "case.closed",
        ),
    ),
    Watch("case.self_approved", "case.self_approved", _of_case),
    Watch("help.twice", "helped.overridden", _of_need),
)
"""An override is never cleared by news: somebody looks at it (INV-22)."""


def _listen(watch: Watch) -> None:
    """Register what the watch hears."""

    async def raise_it(session: AsyncSession, event: Event, now: datetime) -> None:
        if await _is_over(session, event, watch.cleared_by):
            return
        override = RULES[watch.rule].kind is AlertClass.OVERRIDE
        await raise_alert(
            Act(session, system(now)),
            rule=watch.rule,
            subject_type=event.object_type,
            subject_id=event.object_id,
            area_code=await watch.area(session, event),
            severity=Severity.CRITICAL if event.facts.get("danger") else None,
            caused_by=event.actor_id if override else None,
            evidence=dict(event.facts),
        )

    async def clear_it(session: AsyncSession, event: Event, now: datetime) -> None:
        act = Act(session, system(now))
        await clear_alert(act, rule=watch.rule, subject_id=event.object_id)

    hears(watch.raised_by, f"raise_{watch.rule}")(raise_it)
    for kind in watch.cleared_by:
        hears(kind, f"clear_{watch.rule}_at_{kind}")(clear_it)


async def _is_over(session: AsyncSession, event: Event, kinds: tuple[str, ...]) -> bool:
    """Whether later news of the row has cleared it before this was heard."""
    later = exists().where(
        Event.object_id == event.object_id,
        Event.object_type == event.object_type,
        Event.kind.in_(kinds),
        Event.sequence > event.sequence,
    )
    return bool(await session.scalar(select(later)))


for _watch in WATCHES:
    _listen(_watch)
