"""Recurrence rules of days (RFC 5545), and the openings that a rule and the calendar make."""

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from nexus.areas.calendar.rules import WorkingCalendar
from nexus.core.refusals import Invalid

SHANGHAI = ZoneInfo("Asia/Shanghai")
AHEAD = 35
"""Days for which openings are computed ahead."""
LEAST_AHEAD = 28
"""Fewer are too few: the clock computes more."""
MOST_INTERVAL = 52
_DAY = "(3[01]|[12][0-9]|[1-9])"
_PARTS: Mapping[str, str] = {
    "FREQ": "DAILY|WEEKLY|MONTHLY",
    "INTERVAL": "[1-9][0-9]?",
    "BYDAY": r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*",
    "BYMONTHDAY": rf"-?{_DAY}(,-?{_DAY})*",
    "WKST": "MO|SU",
}
"""What a rule of opening days is made of. When it begins and ends the schedule itself says."""
_TIME = re.compile("([01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_MIDNIGHT = "24:00"


def check_rule(text: str) -> str:
    """The rule in capitals and without spaces, if it is one of days. Invalid says what is not.

    >>> check_rule("freq=weekly; byday=MO,WE")
    'FREQ=WEEKLY;BYDAY=MO,WE'
    """
    kept = "".join(text.split()).upper().removeprefix("RRULE:")
    parts = [part.partition("=") for part in kept.split(";") if part]
    names = [name for name, _, _ in parts]
    if "FREQ" not in names or len(set(names)) != len(names):
        raise _bad("has FREQ, and each part once")
    for name, _, value in parts:
        pattern = _PARTS.get(name)
        if pattern is None:
            raise _bad(f"has no {name or 'empty part'}: only {', '.join(_PARTS)}")
        if not re.fullmatch(pattern, value):
            raise _bad(f"has {name}={value}, which is none")
    _check_parse(kept, parts)
    return kept


def _check_parse(kept: str, parts: list[tuple[str, str, str]]) -> None:
    given = {name: value for name, _, value in parts}
    if int(given.get("INTERVAL", "1")) > MOST_INTERVAL:
        raise _bad(f"repeats every 1 to {MOST_INTERVAL} periods")
    if given["FREQ"] != "MONTHLY" and re.search("[0-9]", given.get("BYDAY", "")):
        raise _bad("counts weekdays only with FREQ=MONTHLY")
    try:
        rrulestr(kept, dtstart=datetime.combine(date(2026, 1, 1), time()))
    except ValueError as error:
        raise _bad("cannot be read") from error


def _bad(why: str) -> Invalid:
    return Invalid(
        f"A rule of opening days {why}, such as FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR.", field="rrule"
    )


def check_hours(opens: str, closes: str) -> None:
    """HH:MM of one day, the end after the beginning."""
    if not _TIME.fullmatch(opens):
        raise Invalid("opens is a time such as 08:30.", field="opens")
    if closes != _MIDNIGHT and not _TIME.fullmatch(closes):
        raise Invalid("closes is a time such as 17:30, at most 24:00.", field="closes")
    if closes <= opens:
        raise Invalid(f"closes {closes} lies after opens {opens}, on the same day.", field="closes")


def opening_days(
    rule: str,
    *,
    begins: date,
    start: date,
    end: date,
    calendar: WorkingCalendar | None,
) -> list[date]:
    """The days from `start` up to `end` on which a rule that begins on `begins` opens.

    Along a calendar not on free days, and on a moved workday too where the rule opens from
    Monday to Friday of that week.
    """
    first = start - timedelta(days=start.weekday())
    week = datetime.combine(max(first, begins), time())
    last = datetime.combine(end, time())
    rows = rrulestr(rule, dtstart=datetime.combine(begins, time())).xafter(week, inc=True)
    named: set[date] = set()
    for moment in rows:
        if moment >= last:
            break
        named.add(moment.date())
    inside = {day for day in named if day >= start}
    if calendar is None:
        return sorted(inside)
    moved = {
        day
        for day, works in calendar.exceptions.items()
        if works and max(start, begins) <= day < end and _whole_week(day, named)
    }
    return sorted({day for day in inside if calendar.is_working(day)} | moved)


def _whole_week(day: date, named: set[date]) -> bool:
    monday = day - timedelta(days=day.weekday())
    return all(monday + timedelta(days=count) in named for count in range(5))


def opening_of(day: date, opens: str, closes: str) -> tuple[datetime, datetime]:
    """When it opens and closes on that day in Asia/Shanghai."""
    start = datetime.combine(day, time.fromisoformat(opens), SHANGHAI)
    if closes == _MIDNIGHT:
        return start, datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
    return start, datetime.combine(day, time.fromisoformat(closes), SHANGHAI)
