"""The needs, the help and the ledger of the benchmark's made-up world: rows for COPY."""

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from bench.parties import (
    ACCOUNT,
    ALLOCATION,
    AUTHOR,
    CHARITIES,
    CHECKER,
    CONSENT,
    EVENT,
    HOUSEHOLD,
    LINE,
    MOVE,
    NEED,
    OFFER,
    ORGANIZATION,
    PLEDGE,
    PLEDGEABLE,
    PROJECT,
    RECIPIENT,
    STATION,
    Parties,
    Row,
    Table,
    uid,
)

CATEGORIES = (
    "LIV.FOOD", "LIV.DAILY", "MED.DRUG", "MED.AID", "CAR.HOME", "CAR.MEAL", "EDU.FEE", "HOU.REPAIR",
)  # fmt: skip
URGENCIES = ("u1", "u2", "u3", "u4")
TITLES = ("低保家庭需要口粮", "独居老人需要助餐", "行动不便者需要轮椅", "困境儿童需要学杂费")
SUMMARY = "家中老人行动不便，支出吃紧，盼有爱心单位按月上门相助，社工站可以代收并登记。"
PLEDGES_OF = (0, 1, 1, 2, 2, 3, 3, 3)
"""How many pledges the needs have that may have some, in turn: 1.875 on average."""


def pledgeable_line(number: int) -> UUID:
    """The first line of the n-th need that takes pledges from charities."""
    need = number // PLEDGEABLE * 10 + number % PLEDGEABLE
    return uid(LINE, 2 * need)


class World(Parties):
    """Everything, table by table, in an order that foreign keys allow."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.random = random.Random(20260501)
        self.taken: dict[int, int] = {}
        """By line number, what pledges hold of it; `reserved` is the part not yet accepted."""
        self.reserved: dict[int, int] = {}
        self.held: dict[int, int] = {}
        """The same by offer number."""

    def tables(self) -> Iterator[Table]:
        """Pledges are made before the offers and lines they bind, and loaded after them."""
        extent = self.extent
        yield from super().tables()
        yield "charity_project", extent.projects, self._projects()
        pledges = list(self._pledges())
        yield "offer", extent.offers, self._offers()
        yield "offer_area", extent.offers, self._offer_areas()
        yield "need", extent.needs, self._needs()
        yield "need_line", 2 * extent.needs, self._lines()
        yield "pledge", len(pledges), iter(pledges)
        yield "allocation", len(pledges), self._allocations(pledges)
        yield "allocation_move", len(pledges) * 5 // 3, self._moves(pledges)
        yield "event", len(pledges), self._events(pledges)

    def _charity(self, project: int) -> int:
        # The first charity has no project: it is the one that pledges in the benchmark.
        return self.first_charity + 1 + project % (CHARITIES - 1)

    def _projects(self) -> Iterator[Row]:
        for number in range(self.extent.projects):
            yield self.made() | {
                "id": uid(PROJECT, number),
                "no": f"PR-44-2026-{number:06d}",
                "organization_id": uid(ORGANIZATION, self._charity(number)),
                "name": f"暖冬行动{number}",
                "field": "poverty",
                "area_code": "44",
                "public_fundraising": False,
                "starts_on": date(2025, 1, 1),
                "budget_fen": 100_000_000,
                "received_fen": 0,
                "spent_fen": 0,
                "state": "active",
                "version": 3,
            }

    def _offers(self) -> Iterator[Row]:
        for number in range(self.extent.offers):
            yield self.made() | {
                "id": uid(OFFER, number),
                "no": f"OF-44-2026-{number:06d}",
                "organization_id": uid(ORGANIZATION, self._charity(number // 4)),
                "project_id": uid(PROJECT, number // 4),
                "title": f"上门服务{number}",
                "kind": "service",
                "category": CATEGORIES[number % len(CATEGORIES)],
                "unit": "E48",
                "recipient_categories": [],
                "tiers": [],
                "disability_only": False,
                "required_documents": [],
                "capacity_maximum": Decimal(1000),
                "capacity_reserved": Decimal(self.held.get(number, 0)),
                "capacity_used": Decimal(0),
                "available_from": date(2025, 1, 1),
                "review_due_on": self.now.date() + timedelta(days=150),
                "pre_approved": False,
                "reviewed": True,
                "state": "listed",
                "version": 2,
            }

    def _offer_areas(self) -> Iterator[Row]:
        for number in range(self.extent.offers):
            yield {
                "offer_id": uid(OFFER, number),
                "area_code": self.counties[number % len(self.counties)],
                "category": CATEGORIES[number % len(CATEGORIES)],
                "kind": "service",
                "unit": "E48",
                "item_key": "",
                "state": "listed",
            }

    def _needs(self) -> Iterator[Row]:
        for number in range(self.extent.needs):
            yield self._need(number)

    def _need(self, number: int) -> Row:
        station = number % self.extent.stations
        town = self.town(station)
        person = number % self.extent.people
        group = number % 7 == 0
        created = self.now - timedelta(seconds=number * 173 % 31_536_000 + 3600)
        state = state_of(number)
        told = state in ("published", "paused", "closed")
        visibility = "internal" if number % 10 == PLEDGEABLE else ("public", "partners")[number % 2]
        return {
            "id": uid(NEED, number),
            "no": f"ND-{town[:6]}-2026-{number:06d}",
            "subject_kind": "group" if group else "recipient",
            "household_id": None if group else uid(HOUSEHOLD, person),
            "recipient_id": None if group else uid(RECIPIENT, person),
            "group_name": f"第{number}养老院" if group else None,
            "origin": "committee",
            "category": self.random.choice(CATEGORIES),
            "urgency": self.random.choice(URGENCIES),
            "public_title": TITLES[number % len(TITLES)],
            "public_summary": f"{SUMMARY}编号{number}。",
            "area_code": town,
            "shown_area_code": town[:6],
            "needed_by": self.now.date() + timedelta(days=number % 120),
            "publish_from": self.now.date() - timedelta(days=400) if told else None,
            "publish_until": self.now.date() + timedelta(days=600) if told else None,
            "visibility": visibility,
            "consent_id": None if group else uid(CONSENT, person),
            "evidence": "visit",
            "reviewed": True,
            "station_id": uid(STATION, station),
            "publisher_id": uid(ORGANIZATION, self.authority[town[:6]]),
            "owner_id": uid(ACCOUNT, self.authority[town[:6]]),
            "state": state,
            "close_reason": "no_longer_needed" if state == "closed" else None,
            "version": 4,
            "created_at": created,
            "created_by": AUTHOR,
            "verified_at": created + timedelta(minutes=10),
            "verified_by": CHECKER,
            "published_at": created + timedelta(minutes=20) if told else None,
            "released_by": CHECKER if told else None,
            "closed_at": created + timedelta(minutes=30) if state == "closed" else None,
        }

    def _lines(self) -> Iterator[Row]:
        for number in range(2 * self.extent.needs):
            need = number // 2
            town = self.town(need % self.extent.stations)
            yield {
                "id": uid(LINE, number),
                "need_id": uid(NEED, need),
                "position": 1 + number % 2,
                "kind": "service",
                "category": CATEGORIES[number % len(CATEGORIES)],
                "item": "上门服务",
                "quantity_required": Decimal(50),
                "unit": "E48",
                "tranche_no": 1,
                "reserved": Decimal(self.reserved.get(number, 0)),
                "committed": Decimal(self.taken.get(number, 0) - self.reserved.get(number, 0)),
                "delivered": Decimal(0),
                "confirmed": Decimal(0),
                "area_code": town,
                "published": state_of(need) == "published",
                "asked": True,
            }

    def _pledges(self) -> Iterator[Row]:
        number = 0
        told = (n for n in range(self.extent.needs) if state_of(n) in ("published", "paused"))
        for place, need in enumerate(told):
            for at in range(PLEDGES_OF[place % len(PLEDGES_OF)]):
                yield self._pledge(number, need, 2 * need + at % 2)
                number += 1

    def _pledge(self, number: int, need: int, line: int) -> Row:
        offer = number * 7 % self.extent.offers
        quantity = 1 + number % 3
        state = ("offered", "accepted", "accepted")[number % 3]
        self.taken[line] = self.taken.get(line, 0) + quantity
        self.held[offer] = self.held.get(offer, 0) + quantity
        if state == "offered":
            self.reserved[line] = self.reserved.get(line, 0) + quantity
        made = self.now - timedelta(seconds=1800, milliseconds=number * 3)
        return {
            "id": uid(PLEDGE, number),
            "no": f"P-44-2026-{number:06d}",
            "need_id": uid(NEED, need),
            "line_id": uid(LINE, line),
            "organization_id": uid(ORGANIZATION, self._charity(offer // 4)),
            "offer_id": uid(OFFER, offer),
            "quantity": Decimal(quantity),
            "planned_on": self.now.date() + timedelta(days=300),
            "expires_at": self.now + timedelta(days=600),
            "state": state,
            "version": 1,
            "created_at": made,
            "created_by": AUTHOR,
            "accepted_at": made if state == "accepted" else None,
            "accepted_by": CHECKER if state == "accepted" else None,
        }

    def _allocations(self, pledges: list[Row]) -> Iterator[Row]:
        for number, pledge in enumerate(pledges):
            held = "reserved" if pledge["state"] == "offered" else "committed"
            empty = dict.fromkeys(("reserved", "committed"), Decimal(0))
            yield {
                "id": uid(ALLOCATION, number),
                "pledge_id": pledge["id"],
                "line_id": pledge["line_id"],
                "offer_id": pledge["offer_id"],
                "quantity": pledge["quantity"],
                "created_at": pledge["created_at"],
            } | (empty | {held: pledge["quantity"]})

    def _moves(self, pledges: list[Row]) -> Iterator[Row]:
        number = 0
        for place, pledge in enumerate(pledges):
            ways = [("open", "reserved")]
            if pledge["state"] == "accepted":
                ways.append(("reserved", "committed"))
            for source, target in ways:
                yield {
                    "id": uid(MOVE, number),
                    "allocation_id": uid(ALLOCATION, place),
                    "from_bucket": source,
                    "to_bucket": target,
                    "quantity": pledge["quantity"],
                    "moved_at": pledge["created_at"],
                    "moved_by": AUTHOR,
                }
                number += 1

    def _events(self, pledges: list[Row]) -> Iterator[Row]:
        for number, pledge in enumerate(pledges):
            named = ("need_id", "line_id", "offer_id", "organization_id")
            facts = {name: str(pledge[name]) for name in named}
            yield {
                "id": uid(EVENT, number),
                "kind": "pledge.offered",
                "object_type": "pledge",
                "object_id": pledge["id"],
                "object_version": 1,
                "actor_id": AUTHOR,
                "actor_role": "charity_client",
                "organization_id": pledge["organization_id"],
                "occurred_at": pledge["created_at"],
                "facts": json.dumps(facts | {"quantity": str(pledge["quantity"])}),
            }


def state_of(need: int) -> str:
    """The state of the n-th need: seven of ten are published."""
    place = need % 10
    if place <= PLEDGEABLE:
        return "published"
    return {7: "closed", 8: "paused", 9: "verified"}[place]


def today() -> datetime:
    """The moment the world is made for: the last midnight, UTC."""
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
