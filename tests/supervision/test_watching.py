"""Rules that no news tells of: raised when they begin to hold, once, and cleared when over."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

import nexus.schema  # noqa: F401 - every table
from nexus.acting import SHANGHAI, system
from nexus.matching.pledges.model import Delivery, PledgeState
from nexus.obligations.model import ObligationKind
from nexus.obligations.operations import oblige
from nexus.organizations.model import Qualification
from nexus.purchasing.payments.model import Invoice, PaymentState
from nexus.recipients.model import RecognitionState
from nexus.supervision.alerts.model import Alert, AlertState
from nexus.supervision.alerts.operations import dismiss_alert
from nexus.supervision.alerts.rules import RULES
from nexus.supervision.watching.money import MONEY
from nexus.supervision.watching.operations import watch
from nexus.supervision.watching.queries import STANDING
from tests.deeds import acting
from tests.making import TOWN, Maker, making, now, today
from tests.matching.bridge import build_bridge
from tests.purchasing.bought import bought
from tests.purchasing.paying import till

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """A row of which a rule holds from `after` on, counted from now; `ends` makes it over."""

    row: Any
    after: timedelta
    ends: dict[str, Any]
    ended: Any = None
    """Another row that `ends` changes."""


async def taper(m: Maker, engine: AsyncEngine) -> Case:
    row = await m.recognition(state=RecognitionState.TAPER)
    assert row.valid_to is not None
    return Case(row, (row.valid_to - today()) - 30 * DAY, {"state": "ended", "end_reason": "OTHER"})


async def recheck(m: Maker, engine: AsyncEngine) -> Case:
    row = await m.recognition(
        recheck_class="stable",
        recheck_months=12,
        recheck_rule="recheck_stable_months@CN/2020-01-01",
        checked_on=today(),
        recheck_due_on=today().replace(year=today().year + 1),
    )
    assert row.recheck_due_on is not None
    return Case(row, (row.recheck_due_on - today()) - 30 * DAY, {"state": "under_review"})


async def qualification(m: Maker, engine: AsyncEngine) -> Case:
    owner = await m.organization()
    row = Qualification(
        organization_id=owner.id,
        kind="rating",
        valid_from=today(),
        valid_to=today() + 60 * DAY,
        created_at=now(),
    )
    await m.put(row)
    return Case(row, 30 * DAY, {"valid_to": today() + 400 * DAY})


async def consent(m: Maker, engine: AsyncEngine) -> Case:
    person = await m.recipient()
    row = await m.consent(person, expires_on=today() + 60 * DAY)
    await m.need(recipient_id=person.id, household_id=person.household_id, consent_id=row.id)
    await m.consent(expires_on=today() + 60 * DAY)
    return Case(row, 30 * DAY, {"state": "superseded"})


async def assertion(m: Maker, engine: AsyncEngine) -> Case:
    row = await m.consent(kind="assertion")
    return Case(row, row.obtained_at + 24 * DAY - now(), {"kind": "own"})


async def disclosure(m: Maker, engine: AsyncEngine) -> Case:
    project = await m.project()
    async with acting(engine, system(now())) as act:
        row = await oblige(
            act,
            kind=ObligationKind.DISCLOSURE,
            subject=project,
            organization_id=project.organization_id,
            area_code=TOWN,
            due_at=now() + 40 * DAY,
            rule="charity_disclosure_months@CN/2020-01-01",
        )
    return Case(row, 26 * DAY, {"due_at": None})


async def delivery(m: Maker, engine: AsyncEngine) -> Case:
    bridge = await build_bridge(engine)
    pledge = await bridge.pledge_in(PledgeState.PARTLY_FULFILLED)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        row = (await session.scalars(select(Delivery).where(Delivery.pledge_id == pledge.id))).one()
    return Case(row, 7 * DAY, {"state": "disputed"})


async def pledge(m: Maker, engine: AsyncEngine) -> Case:
    bridge = await build_bridge(engine)
    row = await bridge.pledge_in(PledgeState.ACCEPTED)
    return Case(row, row.expires_at - now() - DAY, {"expires_at": now() + 300 * DAY})


async def offer(m: Maker, engine: AsyncEngine) -> Case:
    row = await m.offer(review_due_on=today() + 20 * DAY)
    return Case(row, 21 * DAY, {"review_due_on": today() + 300 * DAY})


async def need(m: Maker, engine: AsyncEngine) -> Case:
    row = await m.need(needed_by=today() + 20 * DAY)
    line = row.lines[0]
    return Case(row, 21 * DAY, {"asked": False, "published": False}, line)


async def off_purpose(m: Maker, engine: AsyncEngine) -> Case:
    row = (await bought(m)).contract  # its line lists nothing
    ends = {"state": "terminated_early", "ended_at": now(), "state_reason": "说明"}
    return Case(row, row.created_at - now(), ends)


async def off_payee(m: Maker, engine: AsyncEngine) -> Case:
    one = await till(engine)
    await one.accept()
    row = await one.payment(PaymentState.APPROVED)
    supplier = one.market.supplier
    await change(engine, supplier, {"state": "suspended", "state_reason": "说明"})
    return Case(row, row.requested_at - now(), {"state": "verified"}, supplier)


async def held(m: Maker, engine: AsyncEngine) -> Case:
    one = await till(engine)
    await one.accept()
    ends = {"accepted_fen": 0, "state": "not_met", "met_on": None}
    return Case(one.milestones[0], 30 * DAY, ends)


async def overdue(m: Maker, engine: AsyncEngine) -> Case:
    row = await invoiced(engine)
    assert row.pay_due_at is not None
    return Case(row, row.pay_due_at - now(), {"pay_due_at": now() + 300 * DAY})


async def critical(m: Maker, engine: AsyncEngine) -> Case:
    row = await invoiced(engine)
    assert row.pay_late_at is not None
    return Case(row, row.pay_late_at - now(), {"pay_late_at": now() + 300 * DAY})


async def invoiced(engine: AsyncEngine) -> Invoice:
    one = await till(engine)
    await one.accept()
    return await one.invoice()


async def committed(m: Maker, engine: AsyncEngine) -> Case:
    row = (await till(engine, fen=1_100_000)).market.line
    return Case(row, row.created_at - now(), {"approved_fen": 1_200_000})


async def over_term(m: Maker, engine: AsyncEngine) -> Case:
    row = (await bought(m)).contract
    begins = datetime.combine(row.ends_on, time(), SHANGHAI)
    return Case(row, begins - now(), {"ends_on": row.ends_on + 30 * DAY})


async def unpublished(m: Maker, engine: AsyncEngine) -> Case:
    row = (await till(engine)).contract
    assert row.publish_due_at is not None
    return Case(row, row.publish_due_at - now(), {"published_on": today()})


MADE: dict[str, Callable[[Maker, AsyncEngine], Awaitable[Case]]] = {
    "taper.ending": taper,
    "recheck.due": recheck,
    "qualification.expiring": qualification,
    "consent.expiring": consent,
    "assertion.unconfirmed": assertion,
    "disclosure.due": disclosure,
    "delivery.unconfirmed": delivery,
    "pledge.expiring": pledge,
    "offer.stale": offer,
    "need.unmet": need,
    "money.off_purpose": off_purpose,
    "money.off_payee": off_payee,
    "money.held": held,
    "payment.overdue": overdue,
    "payment.critical": critical,
    "budget.committed": committed,
    "contract.over_term": over_term,
    "contract.unpublished": unpublished,
}


def test_every_rule_is_tried() -> None:
    assert [one.rule for one in (*STANDING, *MONEY)] == list(MADE)
    assert all(one.rule in RULES for one in (*STANDING, *MONEY))


async def struck(engine: AsyncEngine, at: datetime) -> None:
    async with AsyncSession(engine, expire_on_commit=False) as session, session.begin():
        await watch(session, at)


async def alerts(engine: AsyncEngine, rule: str, subject: Any) -> list[Alert]:
    async with AsyncSession(engine) as session:
        found = await session.scalars(
            select(Alert)
            .where(Alert.rule == rule, Alert.subject_id == subject.id)
            .order_by(Alert.opened_at)
        )
        return list(found)


async def change(engine: AsyncEngine, row: Any, values: dict[str, Any]) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(update(type(row)).where(type(row).id == row.id).values(**values))


@pytest.mark.parametrize("rule", list(MADE))
async def test_it_is_raised_when_it_begins_to_hold_and_cleared_when_over(
    engine: AsyncEngine, owner_engine: AsyncEngine, rule: str
) -> None:
    async with making(engine) as m:
        case = await MADE[rule](m, engine)
    begins = now() + case.after
    await struck(engine, begins - 2 * DAY)
    assert await alerts(engine, rule, case.row) == []
    await struck(engine, begins + DAY / 2)
    (raised,) = await alerts(engine, rule, case.row)
    assert raised.state is AlertState.OPEN
    assert raised.evidence
    await struck(engine, begins + DAY / 2 + timedelta(hours=1))
    assert len(await alerts(engine, rule, case.row)) == 1
    if rule == "disclosure.due":
        at = begins + 20 * DAY
    else:
        await change(owner_engine, case.ended or case.row, case.ends)
        at = begins + DAY / 2 + timedelta(hours=2)
    await struck(engine, at)
    (cleared,) = await alerts(engine, rule, case.row)
    assert cleared.state is AlertState.RESOLVED


async def test_what_was_dismissed_is_raised_again_only_when_it_begins_anew(
    engine: AsyncEngine,
) -> None:
    async with making(engine) as m:
        case = await offer(m, engine)
        who = await m.account("supervisor", area_code="44")
    at = now() + case.after + DAY
    await struck(engine, at)
    (raised,) = await alerts(engine, "offer.stale", case.row)
    async with acting(engine, who) as act:
        await dismiss_alert(act, raised.id, expected_version=1, reason="已电话确认")
    await struck(engine, at + DAY)
    assert len(await alerts(engine, "offer.stale", case.row)) == 1
    later = today() + 60 * DAY
    await change(engine, case.row, {"review_due_on": later})
    await struck(engine, now() + 62 * DAY)
    assert len(await alerts(engine, "offer.stale", case.row)) == 2
