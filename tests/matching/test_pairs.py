"""Feedback, gaps and the ledger's moves: every state, verb and role; what is not listed is not."""

from decimal import Decimal
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import Role
from nexus.core.ids import new_id
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.feedback import operations as feedback
from nexus.matching.feedback.model import TRANSITIONS as FEEDBACK
from nexus.matching.feedback.model import Feedback, FeedbackSource, FeedbackState
from nexus.matching.pledges.model import MOVES, Allocation, AllocationMove, Bucket
from nexus.matching.pledges.model import PledgeState as S
from nexus.matching.pledges.operations import release_pledge, request_release
from nexus.matching.suggestions import operations as gaps
from nexus.matching.suggestions.model import TRANSITIONS as GAPS
from nexus.matching.suggestions.model import Gap, GapState
from nexus.matching.suggestions.register.operations import plan_gap_purchase
from tests.making import TOWN, making, now
from tests.matching.bridge import build_bridge
from tests.pairs import ROLES, Verbs, every_pair, somebody

F, G, B = FeedbackState, GapState, Bucket
GOVERNMENT = {Role.GOV_CLERK, Role.GOV_APPROVER, Role.GOV_COORDINATOR}
STATION = {Role.STATION_LEAD, Role.SOCIAL_WORKER, Role.AIDE}
TERRITORIAL = GOVERNMENT | STATION | {Role.SUPERVISOR, Role.AUDITOR}
EVERYWHERE = {Role.PLATFORM_ADMIN, Role.SYSTEM}
CHARITY = {Role.CHARITY_USER, Role.CHARITY_CLIENT}

FEEDBACK_VERBS: Verbs = {
    "read": (feedback.read_feedback, {}),
    "handle": (feedback.handle_feedback, {"reason": "已回访"}),
}
FEEDBACK_LEADS = {("read", F.RECEIVED): F.READ, ("handle", F.READ): F.HANDLED}
GAP_VERBS: Verbs = {
    "acknowledge": (gaps.acknowledge_gap, {}),
    "plan_purchase": (plan_gap_purchase, {"reference": "CG-2027-014"}),
    "address": (gaps.address_gap, {"addressed_by": "OF-1"}),
    "waive": (gaps.waive_gap, {"reason": "不再需要"}),
}
GAP_LEADS = {
    ("acknowledge", G.OPEN): G.ACKNOWLEDGED,
    ("plan_purchase", G.OPEN): G.ACKNOWLEDGED,
    ("plan_purchase", G.ACKNOWLEDGED): G.ACKNOWLEDGED,
    ("address", G.OPEN): G.ADDRESSED,
    ("address", G.ACKNOWLEDGED): G.ADDRESSED,
    ("waive", G.OPEN): G.WAIVED,
    ("waive", G.ACKNOWLEDGED): G.WAIVED,
}
LEDGER = {
    (B.OPEN, B.RESERVED),
    (B.OPEN, B.COMMITTED),
    (B.RESERVED, B.COMMITTED),
    (B.RESERVED, B.RELEASED),
    (B.COMMITTED, B.RELEASED),
    (B.COMMITTED, B.DELIVERED),
    (B.DELIVERED, B.CONFIRMED),
    (B.DELIVERED, B.REVERSED),
}
"""domain.md 7.7, by hand; disputed is a delivery's state, in which its quantity stays delivered."""


def near_and_far() -> dict[tuple[Role, bool], Any]:
    return {
        (role, near): somebody(role, new_id(), "44" if near else "45")
        for role in ROLES
        for near in (True, False)
    }


def outcome(seen: bool, may: bool, leads: Any) -> str:
    """In this order: NotFound, Forbidden, WrongState, the state reached."""
    if not seen:
        return "NOT_FOUND"
    if not may:
        return "FORBIDDEN"
    return leads.value if leads else "WRONG_STATE"


async def test_every_pair_of_feedback(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need()
        rows = [
            Feedback(
                need_id=need.id,
                source=FeedbackSource.RECIPIENT,
                rating=4,
                state=state,
                created_at=now(),
                created_by=new_id(),
            )
            for state in F
        ]
        await m.put(*rows)

    def expected(row: Any, verb: str, who: tuple[Role, bool]) -> str:
        role, near = who
        seen = role in EVERYWHERE or (role in TERRITORIAL and near)
        leads = FEEDBACK_LEADS.get((verb, row.state))
        return outcome(seen, role in GOVERNMENT | STATION, leads)

    assert await every_pair(engine, rows, FEEDBACK_VERBS, near_and_far(), expected) == []


async def test_who_wrote_it_down_does_not_handle_it(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need, worker = await m.need(), somebody(Role.SOCIAL_WORKER, new_id())
        row = Feedback(
            need_id=need.id,
            source=FeedbackSource.RECIPIENT,
            rating=4,
            created_at=now(),
            created_by=worker.account_id,
        )
        await m.put(row)
    wrong = await every_pair(
        engine, [row], FEEDBACK_VERBS, {"writer": worker}, lambda *_: "FORBIDDEN"
    )
    assert wrong == []


async def test_every_pair_of_a_gap(engine: AsyncEngine) -> None:
    async with making(engine) as m:
        need = await m.need(lines=[{} for _ in G])
        rows = [
            Gap(
                line_id=line.id,
                need_id=need.id,
                category="LIV",
                kind="goods",
                area_code=TOWN,
                state=state,
                opened_at=now(),
            )
            for state, line in zip(G, need.lines, strict=True)
        ]
        await m.put(*rows)
        one = await m.organization()
    actors = near_and_far() | {(role, None): somebody(role, one.id) for role in CHARITY}

    def expected(row: Any, verb: str, who: tuple[Role, bool | None]) -> str:
        role, near = who
        live = row.state in (G.OPEN, G.ACKNOWLEDGED)
        charity = role in CHARITY and near is None and live
        seen = role in EVERYWHERE or (role in TERRITORIAL and bool(near)) or charity
        may = role in (Role.GOV_COORDINATOR, Role.SYSTEM)
        return outcome(seen, may, GAP_LEADS.get((verb, row.state)))

    assert await every_pair(engine, rows, GAP_VERBS, actors, expected) == []


def test_the_tables_are_those_reviewed() -> None:
    assert set(FEEDBACK.rows()) == {(*k, v) for k, v in FEEDBACK_LEADS.items()}
    assert set(GAPS.rows()) == {(*k, v) for k, v in GAP_LEADS.items()}
    assert MOVES == LEDGER


async def test_every_pair_of_the_ledger(engine: AsyncEngine) -> None:
    """The database itself refuses a move that is not listed, whoever posts it."""
    wrong = []
    for source in B:
        allocation_id, delivery_id = await holding(engine, source)
        for target in B:
            of_delivery = B.DELIVERED in (source, target)
            booked = await posted(
                engine,
                allocation_id=allocation_id,
                from_bucket=source,
                to_bucket=target,
                delivery_id=delivery_id if of_delivery else None,
            )
            # What is opened is opened once, with the pledge.
            if booked is not ((source, target) in LEDGER and source is not B.OPEN):
                wrong.append((source, target, booked))
    assert wrong == []


async def posted(engine: AsyncEngine, **move: Any) -> bool:
    """Whether the ledger takes the move of 2 kg; it is undone."""
    given = {"id": new_id(), "quantity": Decimal(2), "moved_at": now(), "moved_by": new_id()}
    async with AsyncSession(engine) as session:
        try:
            await session.execute(insert(AllocationMove).values(**given, **move))
        except DBAPIError:
            return False
        finally:
            await session.rollback()
    return True


async def holding(engine: AsyncEngine, bucket: Bucket) -> tuple[Any, Any]:
    """An allocation with 2 kg in the bucket, and a delivery of 2 kg of it."""
    bridge = await build_bridge(engine)
    state = {B.OPEN: S.OFFERED, B.RESERVED: S.OFFERED}.get(bucket, S.ACCEPTED)
    pledge, delivery = await bridge.pledge_in(state), None
    if state is S.ACCEPTED:
        delivery = await bridge.deliver(pledge, "2")
        if bucket is B.CONFIRMED:
            await bridge.acknowledge(delivery)
        if bucket is B.REVERSED:
            disputed = await bridge.step("worker", deliveries.dispute_delivery, delivery)
            await bridge.step("second_worker", deliveries.reverse_delivery, disputed)
        if bucket is B.RELEASED:
            asked = await bridge.step("pledger", request_release, await bridge.reload(pledge))
            await bridge.step("worker", release_pledge, asked)
    async with AsyncSession(engine) as session:
        found = await session.scalar(select(Allocation.id).where(Allocation.pledge_id == pledge.id))
    return found, delivery.id if delivery else None
