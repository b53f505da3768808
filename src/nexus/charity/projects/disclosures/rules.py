"""When a running project is to be disclosed."""

from datetime import date

from nexus.charity.rules import months_later as months_after


def is_long(starts_on: date, ends_on: date | None, months: int) -> bool:
    """Whether it lasts more than so many months; one without an end does."""
    return ends_on is None or ends_on > months_after(starts_on, months)


def next_due(starts_on: date, every: int, last: date | None, today: date) -> date:
    """The last day of the next disclosure: months after the start, a whole number of times.

    After the one before; of a project that nobody asked yet, the first that is still to come.
    """
    count = 1
    while True:
        day = months_after(starts_on, count * every)
        if day > last if last is not None else day >= today:
            return day
        count += 1
