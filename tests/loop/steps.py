"""A step as the rows before and after it, and the gates read from the rows alone."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Row = dict[str, Any]
Rows = dict[str, Row]
SHANGHAI = ZoneInfo("Asia/Shanghai")


def read(snapshot: str) -> dict[str, Any]:
    """The snapshot's rows by table and id; numbers exact."""
    found: dict[str, Any] = json.loads(snapshot, parse_float=Decimal)
    return found


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def months_on(day: date, months: int) -> date:
    """The same day of a later month, or its last."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for last in range(day.day, 0, -1):
        try:
            return date(year, month + 1, last)
        except ValueError:
            continue
    raise AssertionError(day)


@dataclass
class Step:
    """What was done: a deed of somebody, or what clocks, news and the messenger do."""

    verb: str
    who: str | None
    at: datetime
    before: dict[str, Any]
    after: dict[str, Any]
    heard: bool = False
    """No news waits to be delivered."""
    carried: bool = False
    """Messages were made of all news."""
    people: dict[str, Row] = field(default_factory=dict)
    """Account id → name and organization of the cast."""

    @property
    def today(self) -> date:
        return self.at.astimezone(SHANGHAI).date()

    def rows(self, table: str) -> Rows:
        found: Rows = self.after[table]
        return found

    def changed(self, table: str) -> Iterator[tuple[Row | None, Row]]:
        """Rows that are new or other than they were."""
        earlier = self.before[table]
        for key, row in self.after[table].items():
            if earlier.get(key) != row:
                yield earlier.get(key), row

    def consented(self, consent_id: Any, purpose: str, data_class: str, receiver: Any) -> bool:
        """The gate: granted, in its time, for the purpose, the class and the receiver."""
        row = self.rows("consent").get(str(consent_id))
        return (
            row is not None
            and row["state"] == "granted"
            and moment(row["obtained_at"]) <= self.at
            and date.fromisoformat(row["expires_on"]) > self.today
            and purpose in row["purposes"]
            and data_class in row["data_classes"]
            and data_class not in ("D7", "D8")
            and (not row["receiver_ids"] or str(receiver) in row["receiver_ids"])
        )

    def grounded(self, referral: Row, data_class: str) -> bool:
        """A consent to refer the class to the receiver stands at this moment, or the law does."""
        if referral["consent_id"] is None:
            return referral["legal_basis"] is not None
        receiver = referral["to_organization_id"]
        return self.consented(referral["consent_id"], "REF", data_class, receiver)
