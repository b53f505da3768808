"""The ledger under thousands of random deeds, held against a plain sum in Python after each.

Hypothesis drives real PostgreSQL through the operations. The model below knows nothing of tables:
it keeps every quantity in a bucket and says what each deed must do, or why it must be refused.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from uuid import UUID

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.charity.model import Offer
from nexus.charity.operations import set_capacity
from nexus.core.db import make_engine
from nexus.core.embedded import Database
from nexus.core.refusals import Refusal
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import MOVES, Acknowledgement, AllocationMove
from nexus.needs.model import Need
from nexus.needs.operations import change_quantity
from nexus.needs.publication.operations import pause_need, resume_need
from nexus.supervision.ledger.queries import CHECKS
from tests.deeds import every_check
from tests.making import making, today
from tests.matching.bridge import Bridge, build_bridge

LIVE = ("reserved", "committed", "delivered", "confirmed")
OWED = ("reserved", "committed")
DONE = ("delivered", "confirmed")
LIVE_STATES = ("offered", "accepted", "partly_fulfilled", "release_requested")
QUANTITIES = st.sampled_from([Decimal(n) / 2 for n in range(1, 13)])
PICK = st.integers(0, 10_000)

STANDS = text(
    """
    SELECT 'line', id, reserved, committed, delivered, confirmed FROM need_line
    WHERE need_id = :need
    UNION ALL SELECT 'offer', id, capacity_reserved, capacity_used, 0, 0 FROM offer
    WHERE id = ANY (:offers)
    """
)
STATES = text(
    """
    SELECT id, state, version FROM pledge WHERE need_id = :need
    UNION ALL SELECT id, state, version FROM delivery WHERE need_id = :need
    """
)


EVERY_CHECK = every_check(CHECKS)


@dataclass
class Row:
    """A pledge or a delivery as the model sees it."""

    id: UUID
    state: str
    line: UUID
    offer: UUID | None = None
    organization: str = ""
    version: int = 1
    expires_at: datetime | None = None
    quantity: Decimal = Decimal(0)
    buckets: Counter[str] = field(default_factory=Counter)
    pledge: "Row | None" = None

    def sum(self, names: tuple[str, ...]) -> Decimal:
        return sum((Decimal(self.buckets[name]) for name in names), Decimal(0))

    def move(self, source: str, target: str, quantity: Decimal) -> None:
        self.buckets[source] -= quantity  # type: ignore[assignment]
        self.buckets[target] += quantity  # type: ignore[assignment]
        assert self.buckets[source] >= 0

    def follow(self) -> None:
        """The state by the sums, for pledges past acceptance."""
        if self.state not in ("accepted", "partly_fulfilled", "fulfilled"):
            return
        owed, done = self.sum(OWED) > 0, self.sum(DONE) > 0
        target = {
            (True, False): "accepted",
            (True, True): "partly_fulfilled",
            (False, True): "fulfilled",
            (False, False): "released",
        }[owed, done]
        if target != self.state:
            self.state = target
            self.version += 1


class Ledger(RuleBasedStateMachine):
    """Two lines (one open-ended), two charities, one offer of each, one approved beforehand."""

    database: ClassVar[Database]
    loop: ClassVar[asyncio.AbstractEventLoop]
    bridge: ClassVar[Bridge]
    steps: ClassVar[Counter[str]] = Counter()

    @initialize(required=st.integers(3, 12), maximum=st.integers(3, 12))
    def begin(self, required: int, maximum: int) -> None:
        self.pledges: list[Row] = []
        self.deliveries: list[Row] = []
        self.published = True
        self.run(self._world(Decimal(required), Decimal(maximum)))

    async def _world(self, required: Decimal, maximum: Decimal) -> None:
        bridge = self.bridge
        async with making(bridge.engine) as m:
            need = await m.need(
                lines=[{"quantity_required": required}, {"quantity_required": None}],
                publisher_id=bridge.need.publisher_id,
                consent_id=bridge.need.consent_id,
                recipient_id=bridge.need.recipient_id,
                household_id=bridge.need.household_id,
            )
            made = []
            for who, ready in (("pledger", False), ("rival", True)):
                account = bridge.people[who]
                assert account is not None
                offer = await m.offer(
                    organization_id=account.organization_id,
                    organization=_Named(account.organization_id),  # type: ignore[arg-type]
                    capacity_maximum=maximum,
                    pre_approved=ready,
                )
                made.append((who, offer))
        self.need = need
        self.required: dict[UUID, Decimal | None] = {
            line.id: line.quantity_required for line in need.lines
        }
        self.offers: dict[str, Offer] = dict(made)
        self.maximum: dict[UUID, Decimal | None] = {offer.id: maximum for _, offer in made}

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    def deed(self, who: str, deed: Any, *given: Any, **more: Any) -> Any:
        """The row, or the code of the refusal."""
        try:
            return self.run(self.bridge.act(who, deed, *given, **more))
        except Refusal as refusal:
            self.steps[refusal.code] += 1
            return refusal.code

    # What the model knows -------------------------------------------------------------------

    def on_line(self, line: UUID) -> Decimal:
        return sum((row.sum(LIVE) for row in self.pledges if row.line == line), Decimal(0))

    def on_offer(self, offer: UUID | None) -> Decimal:
        return sum((row.sum(LIVE) for row in self.pledges if row.offer == offer), Decimal(0))

    # Deeds ----------------------------------------------------------------------------------

    @rule(
        who=st.sampled_from(["pledger", "rival"]),
        place=st.integers(0, 1),
        with_offer=st.booleans(),
        quantity=QUANTITIES,
    )
    def pledge(self, who: str, place: int, with_offer: bool, quantity: Decimal) -> None:
        line = list(self.required)[place]
        offer = self.offers[who].id if with_offer else None
        found = self.deed(who, pledges.offer_pledge, line, quantity=quantity, offer_id=offer)
        twice = any(
            row.state in LIVE_STATES and (row.line, row.offer) == (line, offer)
            for row in self.pledges
            if row.organization == who
        )
        required = self.required[line]
        maximum = self.maximum[offer] if offer else None
        if not self.published:
            assert found == "GUARD_FAILED"
        elif twice:
            assert found == "ALREADY_PLEDGED"
        elif (required is not None and self.on_line(line) + quantity > required) or (
            maximum is not None and self.on_offer(offer) + quantity > maximum
        ):
            assert found == "CAPACITY_EXHAUSTED"
        else:
            ready = with_offer and who == "rival"
            row = Row(
                found.id,
                "accepted" if ready else "offered",
                line,
                offer,
                who,
                expires_at=found.expires_at,
                quantity=quantity,
            )
            row.buckets["committed" if ready else "reserved"] += quantity  # type: ignore[assignment]
            self.pledges.append(row)

    def decide(
        self, pick: int, verb: str, moves: dict[str, str], who: str | None, deed: Any
    ) -> Any:
        """A transition of some pledge; None when it was refused, as it had to be."""
        row = self.pledges[pick % len(self.pledges)]
        found = self.deed(
            who or row.organization, deed, row.id, expected_version=row.version, reason="说明"
        )
        if row.state not in moves:
            assert found == "WRONG_STATE", (verb, row.state, found)
            return None
        if verb == "accept" and not self.published:
            assert found == "GUARD_FAILED"
            return None
        row.state = moves[row.state]
        row.version += 1
        row.expires_at = found.expires_at
        return row

    def give_back(self, row: Row) -> None:
        for bucket in OWED:
            row.move(bucket, "released", Decimal(row.buckets[bucket]))

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def accept(self, pick: int) -> None:
        row = self.decide(pick, "accept", {"offered": "accepted"}, "worker", pledges.accept_pledge)
        if row:
            row.move("reserved", "committed", row.quantity)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def reject(self, pick: int) -> None:
        row = self.decide(pick, "reject", {"offered": "rejected"}, "worker", pledges.reject_pledge)
        if row:
            self.give_back(row)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def withdraw(self, pick: int) -> None:
        moves = {"offered": "withdrawn", "accepted": "withdrawn"}
        row = self.decide(pick, "withdraw", moves, None, pledges.withdraw_pledge)
        if row:
            self.give_back(row)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def ask_for_release(self, pick: int) -> None:
        moves = dict.fromkeys(("accepted", "partly_fulfilled"), "release_requested")
        self.decide(pick, "request_release", moves, None, pledges.request_release)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK, granted=st.booleans())
    def answer_release(self, pick: int, granted: bool) -> None:
        if granted:
            moves = {"release_requested": "released"}
            row = self.decide(pick, "release", moves, "worker", pledges.release_pledge)
            if row:
                self.give_back(row)
        else:
            moves = {"release_requested": "accepted"}
            row = self.decide(pick, "keep", moves, "worker", pledges.keep_pledge)
            if row:
                row.follow()

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def expire(self, pick: int) -> None:
        at = self.pledges[pick % len(self.pledges)].expires_at
        assert at is not None

        async def strike() -> int:
            async with AsyncSession(self.bridge.engine) as session, session.begin():
                return await pledges.expire_pledges(session, at)

        self.run(strike())
        for row in self.pledges:
            assert row.expires_at is not None
            ends = {"offered": "expired", "accepted": "expired", "release_requested": "released"}
            if self.published and row.expires_at <= at and row.state in ends:
                row.state = ends[row.state]
                row.version += 1
                self.give_back(row)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK, quantity=QUANTITIES)
    def deliver(self, pick: int, quantity: Decimal) -> None:
        row = self.pledges[pick % len(self.pledges)]
        found = self.deed(
            row.organization,
            deliveries.record_delivery,
            row.id,
            quantity=quantity,
            delivered_on=today(),
        )
        if row.state not in ("accepted", "partly_fulfilled"):
            assert found == "WRONG_STATE"
        elif quantity > row.buckets["committed"]:
            assert found == "CAPACITY_EXHAUSTED"
        elif not self.published:
            assert found == "GUARD_FAILED"
        else:
            row.move("committed", "delivered", quantity)
            row.follow()
            self.deliveries.append(
                Row(found.id, "recorded", row.line, quantity=quantity, pledge=row)
            )

    def settle(self, pick: int, source: str, target: str, deed: Any, **more: Any) -> Row | None:
        """A transition of some delivery; None when it was refused, as it had to be."""
        row = self.deliveries[pick % len(self.deliveries)]
        found = self.deed("worker", deed, row.id, expected_version=row.version, **more)
        if row.state != source:
            assert found == "WRONG_STATE", (deed, row.state, found)
            return None
        row.state = target
        row.version += 1
        return row

    @precondition(lambda self: self.deliveries)
    @rule(pick=PICK)
    def acknowledge(self, pick: int) -> None:
        row = self.settle(
            pick,
            "recorded",
            "acknowledged",
            deliveries.acknowledge_delivery,
            method=Acknowledgement.OTP,
        )
        if row and row.pledge:
            row.pledge.move("delivered", "confirmed", row.quantity)

    @precondition(lambda self: self.deliveries)
    @rule(pick=PICK)
    def dispute(self, pick: int) -> None:
        self.settle(pick, "recorded", "disputed", deliveries.dispute_delivery, reason="说明")

    @precondition(lambda self: self.deliveries)
    @rule(pick=PICK)
    def uphold(self, pick: int) -> None:
        row = self.settle(
            pick, "disputed", "acknowledged", deliveries.uphold_delivery, reason="说明"
        )
        if row and row.pledge:
            row.pledge.move("delivered", "confirmed", row.quantity)

    @precondition(lambda self: self.deliveries)
    @rule(pick=PICK)
    def reverse(self, pick: int) -> None:
        row = self.settle(pick, "disputed", "reversed", deliveries.reverse_delivery, reason="说明")
        if row and row.pledge:
            row.pledge.move("delivered", "reversed", row.quantity)
            row.pledge.follow()

    @precondition(lambda self: self.deliveries)
    @rule(pick=PICK)
    def dispute_and_reverse(self, pick: int) -> None:
        """Both on the same delivery, which by chance alone is rare."""
        self.dispute(pick)
        self.reverse(pick)

    @precondition(lambda self: self.pledges)
    @rule(pick=PICK)
    def deliver_what_is_owed(self, pick: int) -> None:
        """A delivery that succeeds, unless the need is paused."""
        owing = [place for place, row in enumerate(self.pledges) if row.buckets["committed"] > 0]
        if owing:
            place = owing[pick % len(owing)]
            self.deliver(place, Decimal(self.pledges[place].buckets["committed"]))

    def walk(self) -> None:
        """Every kind of move once, so that no run depends on luck to have met them all."""
        self.begin(12, 12)
        for place, who in enumerate(("pledger", "rival")):
            self.pledge(who, 0, place == 1, Decimal(3))
        self.accept(0)
        self.deliver(0, Decimal(1))
        self.acknowledge(0)
        self.deliver(1, Decimal(1))
        self.dispute_and_reverse(1)
        self.ask_for_release(0)
        self.answer_release(0, True)
        self.pledge("pledger", 1, True, Decimal(1))
        self.withdraw(2)
        self.the_database_agrees()

    # What others do to the line and the offer -------------------------------------------------

    def row_version(self, table: type[Any], row_id: UUID) -> int:
        async def read() -> int:
            async with AsyncSession(self.bridge.engine) as session:
                return int((await session.get_one(table, row_id)).version)

        return int(self.run(read()))

    @rule(place=st.integers(0, 1), quantity=st.integers(1, 14))
    def change_quantity(self, place: int, quantity: int) -> None:
        line = list(self.required)[place]
        found = self.deed(
            "gov_approver",
            change_quantity,
            line,
            expected_version=self.row_version(Need, self.need.id),
            quantity=Decimal(quantity),
        )
        if self.on_line(line) > quantity:
            assert found == "GUARD_FAILED"
        else:
            assert not isinstance(found, str)
            self.required[line] = Decimal(quantity)

    @rule(who=st.sampled_from(["pledger", "rival"]), maximum=st.integers(1, 14))
    def change_capacity(self, who: str, maximum: int) -> None:
        offer = self.offers[who].id
        found = self.deed(
            who,
            set_capacity,
            offer,
            expected_version=self.row_version(Offer, offer),
            maximum=Decimal(maximum),
        )
        if self.on_offer(offer) > maximum:
            assert found == "CAPACITY_EXHAUSTED"
        else:
            assert not isinstance(found, str)
            self.maximum[offer] = Decimal(maximum)

    @rule()
    def pause_or_resume(self) -> None:
        found = self.deed(
            "gov_approver",
            pause_need if self.published else resume_need,
            self.need.id,
            expected_version=self.row_version(Need, self.need.id),
            reason="说明",
        )
        assert not isinstance(found, str), found
        self.published = not self.published

    # After every step -------------------------------------------------------------------------

    @invariant()
    def the_database_agrees(self) -> None:
        if hasattr(self, "need"):
            self.steps["steps"] += 1
            self.run(self._compare())

    async def _compare(self) -> None:
        async with AsyncSession(self.bridge.engine) as session:
            given = {"need": self.need.id, "offers": list(self.maximum)}
            stands = {row[1]: tuple(row[2:]) for row in await session.execute(STANDS, given)}
            states = {row[0]: tuple(row[1:]) for row in await session.execute(STATES, given)}
            faults = (await session.execute(EVERY_CHECK)).all()
        assert faults == []
        for line in self.required:
            rows = [row for row in self.pledges if row.line == line]
            assert stands[line] == tuple(sum(r.buckets[name] for r in rows) for name in LIVE)
        for offer in self.maximum:
            rows = [row for row in self.pledges if row.offer == offer]
            owed, done = (sum(r.sum(names) for r in rows) for names in (OWED, DONE))
            assert stands[offer] == (owed, done, 0, 0)
        mine = {row.id: (row.state, row.version) for row in (*self.pledges, *self.deliveries)}
        assert states == mine


@dataclass
class _Named:
    """Enough of an organization for an offer to point at."""

    id: UUID | None


async def _booked(engine: AsyncEngine) -> set[tuple[str, str]]:
    """The kinds of move that the run has made."""
    async with AsyncSession(engine) as session:
        found = await session.execute(
            select(AllocationMove.from_bucket, AllocationMove.to_bucket).distinct()
        )
        return {(row[0], row[1]) for row in found}


def test_the_ledger_holds_under_any_deeds(database: Database, torture: bool) -> None:
    loop = asyncio.new_event_loop()
    engine = make_engine(database.app_url, pool_size=2)
    examples, length = (800, 100) if torture else (80, 100)
    try:
        Ledger.loop = loop
        Ledger.bridge = loop.run_until_complete(build_bridge(engine))
        Ledger.steps = Counter()
        Ledger().walk()
        booked = loop.run_until_complete(_booked(engine))
        run_state_machine_as_test(
            Ledger,
            settings=settings(
                max_examples=examples,
                stateful_step_count=length,
                deadline=None,
                derandomize=True,
                database=None,
                phases=[Phase.generate, Phase.shrink],
                suppress_health_check=list(HealthCheck),
            ),
        )
    finally:
        loop.run_until_complete(engine.dispose())
        loop.close()
    assert Ledger.steps["steps"] >= 6_000
    assert booked == MOVES
    assert {"WRONG_STATE", "CAPACITY_EXHAUSTED", "ALREADY_PLEDGED"} <= Ledger.steps.keys()
