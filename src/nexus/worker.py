"""The worker: delivers news to its listeners and lets the clocks strike."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.accounts.operations import forget_failures, forget_tokens
from nexus.casework.cases.operations import tell_reviews
from nexus.casework.openings.operations import lay_openings
from nexus.casework.visits.pictures.operations import expire_pictures
from nexus.casework.visits.planning.operations import (
    plan_due_visits,
    show_due_visits,
    tell_overdue_visits,
)
from nexus.charity.operations import expire_offers, tell_stale_offers
from nexus.charity.projects.disclosures.operations import owe_progress_disclosures
from nexus.charity.projects.operations import lapse_fundraising
from nexus.core.outbox import run_due
from nexus.discovery.operations import tell_overdue_reports
from nexus.evaluation.evaluations.operations import tell_responses_over
from nexus.evaluation.rectifications.operations import follow_up_rectifications
from nexus.exchange.changes.reactions import tell_begun_needs
from nexus.exchange.doors import session_info as file_info
from nexus.exchange.exports.operations import expire_exports
from nexus.exchange.importing.requests.operations import forget_sheets
from nexus.exchange.importing.requests.reactions import Importer
from nexus.exchange.messages.reactions import Messenger
from nexus.exchange.messages.sending.operations import tell_failing_partners
from nexus.exchange.uploads.operations import expire_uploads
from nexus.exchange.webhooks.deliveries.operations import forget_deliveries
from nexus.exchange.webhooks.deliveries.reactions import Courier
from nexus.exchange.webhooks.rules import Mailroom
from nexus.graph.execution import utcnow
from nexus.graph.idempotency import forget_keys
from nexus.graph.quotas import forget_full_buckets
from nexus.integrations.folders import Folders
from nexus.integrations.http_out import HttpOut
from nexus.matching.duties.operations import settle_reviews
from nexus.matching.pledges.operations import expire_pledges
from nexus.matching.referrals.operations import expire_referrals, tell_overdue_referrals
from nexus.matching.referrals.reminders.operations import remind_referrals
from nexus.matching.tasks.operations import book_due_hours
from nexus.matching.worklist.operations import turn_worklists
from nexus.needs.operations import pause_expired_needs, release_due_tranches
from nexus.obligations.operations import tell_overdue
from nexus.recipients.consents.operations import expire_consents
from nexus.recipients.merging.operations import suspect_duplicates
from nexus.recipients.recognitions.operations import end_recognitions_over
from nexus.recipients.recognitions.rechecks.operations import follow_up_rechecks
from nexus.recipients.vault.rules import session_info as vault_info
from nexus.settings import Settings
from nexus.supervision.alerts.operations import escalate_alerts
from nexus.supervision.watching.operations import watch
from nexus.volunteering.guardians.operations import expire_guardian_consents
from nexus.volunteering.hours.operations import lapse_check_ins
from nexus.volunteering.tasks.operations import turn_tasks

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.5
CLOCK_INTERVAL = timedelta(minutes=1)

Clock = Callable[[AsyncSession, datetime], Awaitable[int]]
CLOCKS: tuple[Clock, ...] = (
    expire_pledges,
    tell_overdue_referrals,
    remind_referrals,
    expire_referrals,
    expire_consents,
    end_recognitions_over,
    follow_up_rechecks,
    suspect_duplicates,
    expire_offers,
    tell_stale_offers,
    pause_expired_needs,
    release_due_tranches,
    tell_overdue_reports,
    lapse_fundraising,
    owe_progress_disclosures,
    plan_due_visits,
    tell_overdue_visits,
    show_due_visits,
    lay_openings,
    settle_reviews,
    tell_reviews,
    tell_overdue,
    watch,
    escalate_alerts,
    turn_worklists,
    forget_failures,
    forget_tokens,
    forget_keys,
    forget_full_buckets,
    expire_guardian_consents,
    turn_tasks,
    lapse_check_ins,
    book_due_hours,
    tell_begun_needs,
    forget_deliveries,
    expire_exports,
    expire_uploads,
    expire_pictures,
    forget_sheets,
    tell_failing_partners,
    tell_responses_over,
    follow_up_rectifications,
)


async def strike(engine: AsyncEngine, now: datetime) -> int:
    """Run every clock once, each in its own transaction; how many rows they moved."""
    moved = 0
    for clock in CLOCKS:
        async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
            moved += await clock(session, now)
    return moved


async def drain(engine: AsyncEngine, progress: Callable[[int], None] = lambda jobs: None) -> int:
    """Run due jobs until none is left; how many were run."""
    total = 0
    while taken := await run_due(engine):
        total += taken
        progress(taken)
    return total


async def work_and_carry(engine: AsyncEngine, settings: Settings) -> None:
    """Work, carry webhooks and messages, and import uploaded files beside it, until cancelled."""
    targets = settings.webhook_targets
    poster = HttpOut(targets)
    mailroom = Mailroom(settings.vault_key, targets)
    courier = Courier(engine, poster, mailroom, utcnow)
    folders = Folders(settings.exchange_dir) if settings.exchange_dir else None
    messenger = Messenger(engine, poster, mailroom, utcnow, folders)
    info = vault_info(settings.vault_key) | file_info(settings.vault_key)
    importer = Importer(engine, info, utcnow)
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(work(engine))
            tasks.create_task(courier.run())
            tasks.create_task(messenger.run())
            tasks.create_task(importer.run())
    finally:
        await poster.close()


async def work(engine: AsyncEngine) -> None:
    """Run until cancelled. Any number of workers may run beside each other."""
    next_strike = utcnow()
    while True:
        try:
            taken = await run_due(engine)
            if utcnow() >= next_strike:
                await strike(engine, utcnow())
                next_strike = utcnow() + CLOCK_INTERVAL
        except Exception:
            log.exception("the worker goes on after a failure")
            taken = 0
        if not taken:
            await asyncio.sleep(IDLE_SECONDS)
