"""The clock of the rules that no news tells of."""

from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from nexus.acting import Act, system
from nexus.areas.queries import parameter
from nexus.supervision.alerts.model import LIVE, Alert
from nexus.supervision.alerts.operations import clear_alert, raise_alert
from nexus.supervision.watching.money import MONEY
from nexus.supervision.watching.queries import FIGURES, STANDING, Moment, Standing

WATCHED = (*STANDING, *MONEY)
BATCH = 200
"""Alerts of one rule in one stroke of the clock; the next stroke goes on."""


async def watch(session: AsyncSession, now: datetime) -> int:
    """Raise what begins to hold and clear what holds no longer; how many alerts."""
    act = Act(session, system(now))
    today = act.actor.today()
    figures = {name: (await parameter(session, name, on=today)).value for name in FIGURES}
    moment = Moment(now, figures)
    return sum([await _watch(act, one, moment) for one in WATCHED])


async def _watch(act: Act, standing: Standing, moment: Moment) -> int:
    holds = standing.holds(moment).subquery()
    alert = Alert
    known = exists().where(
        alert.rule == standing.rule,
        alert.subject_id == holds.c.id,
        # Looked at once, it is not raised again until it begins to hold anew.
        alert.state.in_(LIVE) | (alert.opened_at >= holds.c.since),
    )
    fresh = await act.session.execute(
        select(holds).where(~known).order_by(holds.c.since, holds.c.id).limit(BATCH)
    )
    raised = [await _raise(act, standing, row) for row in fresh.all()]
    over = await act.session.scalars(
        select(alert.subject_id)
        .where(
            alert.rule == standing.rule,
            alert.state.in_(LIVE),
            alert.subject_id.not_in(select(holds.c.id)),
        )
        .order_by(alert.id)
        .limit(BATCH)
    )
    cleared = [
        await clear_alert(act, rule=standing.rule, subject_id=subject_id) for subject_id in over
    ]
    await act.session.flush()
    return len(raised) + len(cleared)


async def _raise(act: Act, standing: Standing, row: Any) -> Alert:
    return await raise_alert(
        act,
        rule=standing.rule,
        subject_type=standing.table,
        subject_id=row.id,
        area_code=row.area_code,
        evidence=dict(row.evidence),
    )
