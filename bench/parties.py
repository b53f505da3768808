"""The parties of the benchmark's made-up world, and how its rows are numbered.

Ids are arithmetic, so that a request for the n-th row needs no look-up. Nobody in it is real.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

Row = dict[str, Any]
Table = tuple[str, int, Iterator[Row]]

ORGANIZATION, ACCOUNT, STATION, HOUSEHOLD, RECIPIENT, CONSENT = range(1, 7)
PROJECT, OFFER, NEED, LINE, PLEDGE, ALLOCATION, MOVE, EVENT, TOKEN = range(7, 16)

CHARITIES, AGENCIES = 1000, 60
PLEDGEABLE = 6
"""Of ten needs the first six are published to partners: the n-th of them is arithmetic too."""

AUTHOR, CHECKER = UUID(int=1), UUID(int=2)
"""Who made the rows and who checked them: nobody's accounts."""


def uid(kind: int, number: int) -> UUID:
    """The id of the n-th row of a kind, in the form of a UUIDv7."""
    return UUID(f"01900000-0000-7{kind:03x}-8000-{number:012x}")


@dataclass(frozen=True)
class Extent:
    """How large the world is: at scale 1 that of performance.md, section 1."""

    scale: float = 1.0

    def _of(self, full: int) -> int:
        return max(10, round(full * self.scale / 10) * 10)

    @property
    def needs(self) -> int:
        return self._of(200_000)

    @property
    def pledgeable(self) -> int:
        """How many needs take pledges from charities."""
        return self.needs // 10 * PLEDGEABLE

    @property
    def people(self) -> int:
        return self._of(100_000)

    @property
    def projects(self) -> int:
        return self._of(5_000)

    @property
    def offers(self) -> int:
        return 4 * self.projects

    @property
    def stations(self) -> int:
        return self._of(1_600)


@dataclass
class Parties:
    """Organizations, stations and the people on assistance."""

    extent: Extent
    counties: list[str]
    towns: list[str]
    now: datetime

    def __post_init__(self) -> None:
        self.authority = {code: place for place, code in enumerate(self.counties)}
        self.first_charity = len(self.counties)
        self.first_agency = self.first_charity + CHARITIES

    def tables(self) -> Iterator[Table]:
        """Name, number of rows and rows, in an order that foreign keys allow."""
        extent = self.extent
        organizations = len(self.counties) + CHARITIES + AGENCIES
        yield "organization", organizations, self._organizations()
        yield "account", len(self.counties), self._accounts()
        yield "station", extent.stations, self._stations()
        yield "household", extent.people, self._households()
        yield "recipient", extent.people, self._recipients()
        yield "consent", extent.people, self._consents()

    def made(self) -> Row:
        return {"created_at": self.now - timedelta(days=500), "created_by": AUTHOR}

    def _organizations(self) -> Iterator[Row]:
        kinds = [("government_body", "民政局", len(self.counties))]
        kinds += [("association", "慈善会", CHARITIES), ("social_service_agency", "社工", AGENCIES)]
        number = 0
        for kind, name, count in kinds:
            for place in range(count):
                area = self.counties[place] if kind == "government_body" else "44"
                yield self.made() | {
                    "id": uid(ORGANIZATION, number),
                    "no": f"ORG-44-2026-{number:06d}",
                    "name": f"同心{name}{number}",
                    "org_type": kind,
                    "area_code": area,
                    "charity_status": "registered" if kind == "association" else "none",
                    "state": "verified",
                    "version": 2,
                    "verified_by": CHECKER,
                }
                number += 1

    def _accounts(self) -> Iterator[Row]:
        for place, county in enumerate(self.counties):
            yield {
                "id": uid(ACCOUNT, place),
                "username": f"clerk{place}",
                "name": f"经办{place}",
                "role": "gov_clerk",
                "organization_id": uid(ORGANIZATION, place),
                "area_code": county,
                "state": "active",
                "version": 1,
                "created_at": self.now,
            }

    def _stations(self) -> Iterator[Row]:
        for number in range(self.extent.stations):
            yield self.made() | {
                "id": uid(STATION, number),
                "no": f"ST-44-2026-{number:06d}",
                "name": f"第{number}镇街社工站",
                "level": "town_station",
                "area_code": self.town(number),
                "organization_id": uid(ORGANIZATION, self.first_agency + number % AGENCIES),
                "posts": 4,
                "state": "active",
                "version": 2,
            }

    def town(self, station: int) -> str:
        # A prime step spreads the stations over all towns.
        return self.towns[station * 701 % len(self.towns)]

    def _households(self) -> Iterator[Row]:
        for number in range(self.extent.people):
            yield self.made() | {
                "id": uid(HOUSEHOLD, number),
                "no": f"HH-44-2026-{number:06d}",
                "size": 1 + number % 5,
                "area_code": self.town(number % self.extent.stations),
                "address_protected": False,
                "version": 1,
            }

    def _recipients(self) -> Iterator[Row]:
        for number in range(self.extent.people):
            yield self.made() | {
                "id": uid(RECIPIENT, number),
                "no": f"RC-44-2026-{number:06d}",
                "household_id": uid(HOUSEHOLD, number),
                "household_role": "head",
                "birth_year": 1940 + number % 70,
                "gender": ("female", "male")[number % 2],
                "disability": "none",
                "labour_ability": "none",
                "version": 1,
            }

    def _consents(self) -> Iterator[Row]:
        for number in range(self.extent.people):
            yield self.made() | {
                "id": uid(CONSENT, number),
                "no": f"CO-44-2026-{number:06d}",
                "recipient_id": uid(RECIPIENT, number),
                "given_by": "self",
                "kind": "own",
                "purposes": ["PUB", "MATCH", "DELIV"],
                "data_classes": ["D1"],
                "receiver_ids": [],
                "text_version": "2026-1",
                "text_hash": "0" * 64,
                "method": "paper_scan",
                "obtained_by": AUTHOR,
                "obtained_at": self.now - timedelta(days=400),
                "expires_on": self.now.date() + timedelta(days=900),
                "state": "granted",
                "version": 2,
            }
