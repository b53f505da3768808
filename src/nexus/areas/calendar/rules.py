"""Counting working days, and reading a calendar file."""

import csv
from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import NamedTuple

from nexus.core.refusals import Invalid

SATURDAY = 5
COLUMNS = ("day", "is_working", "source")


class BadCalendar(Invalid):
    """A row of a calendar file cannot be read, or says what holds anyway."""

    code = "BAD_CALENDAR"


class ExceptionDay(NamedTuple):
    """A day that is not what its weekday says."""

    day: date
    is_working: bool
    source: str


class WorkingCalendar:
    """Which days are worked. A year without a row falls back to Monday to Friday."""

    def __init__(self, exceptions: Mapping[date, bool]) -> None:
        self.exceptions = dict(exceptions)
        self.years = {day.year for day in self.exceptions}
        self.announced = {day.year for day, working in self.exceptions.items() if working}
        """Years with moved workdays: the yearly notice is known, not only the statutory days."""

    def is_working(self, day: date) -> bool:
        """Whether people work on that day."""
        return self.exceptions.get(day, day.weekday() < SATURDAY)

    def after(self, start: date, days: int) -> date:
        """The working day that is `days` working days after `start`, which is not counted.

        Zero: `start` itself, or the next working day where it is none.
        """
        if days < 0:
            raise ValueError("working days are counted forwards")
        day, left = start, days
        if not days:
            while not self.is_working(day):
                day += timedelta(days=1)
        while left:
            day += timedelta(days=1)
            left -= self.is_working(day)
        return day

    def guessed(self, start: date, end: date) -> list[int]:
        """The years from `start` to `end` whose notice is not known: counts there are a guess."""
        return [year for year in range(start.year, end.year + 1) if year not in self.announced]


def months_after(start: date, months: int) -> date:
    """The same day of a later month, or that month's last day: 31 August + 6 is 28 February."""
    count = start.month - 1 + months
    year, month = start.year + count // 12, count % 12 + 1
    return date(year, month, min(start.day, monthrange(year, month)[1]))


def read_calendar(lines: Iterable[str]) -> Iterator[ExceptionDay]:
    """The rows of a CSV file with the columns day, is_working, source. BadCalendar names the row.

    Each row has to differ from its weekday or be a holiday: a working Monday says nothing.
    """
    reader = csv.DictReader(lines)
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise BadCalendar(f"The first line of a calendar is {','.join(COLUMNS)}.", field="path")
    seen: set[date] = set()
    for number, record in enumerate(reader, start=2):
        row = _row(record, number)
        if row.day in seen:
            raise BadCalendar(f"Line {number}: {row.day} stands there twice.", field="path")
        seen.add(row.day)
        yield row


def _row(record: Mapping[str, str | None], number: int) -> ExceptionDay:
    try:
        day = date.fromisoformat(record["day"] or "")
    except ValueError:
        raise BadCalendar(
            f"Line {number}: a day is written 2026-10-01, not {record['day']!r}.", field="path"
        ) from None
    working = {"true": True, "false": False}.get((record["is_working"] or "").lower())
    if working is None:
        raise BadCalendar(f"Line {number}: is_working is true or false.", field="path")
    if working and day.weekday() < SATURDAY:
        raise BadCalendar(f"Line {number}: {day} is worked anyway.", field="path")
    source = (record["source"] or "").strip()
    if not source:
        raise BadCalendar(f"Line {number}: name the source, such as the notice.", field="path")
    return ExceptionDay(day, working, source)
