"""What is right for hours: pure checks and sums over plain values."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal

from nexus.acting import SHANGHAI
from nexus.core.refusals import GuardFailed, Invalid
from nexus.core.texts import check_impersonal
from nexus.volunteering.hours.model import PAIRS_A_DAY, DayTier

EARLY = timedelta(minutes=30)
"""How long before the start of the work a volunteer may check in."""
MOST_TEXT = 500


class TooManyPairs(GuardFailed):
    """The volunteer has come to this task three times today already (INV-32)."""

    code = "TOO_MANY_PAIRS"


class HoursOverlap(GuardFailed):
    """The volunteer's time is taken by another record, of any organization (INV-31)."""

    code = "HOURS_OVERLAP"


@dataclass(frozen=True, slots=True)
class DayFigures:
    """Above how many minutes a day who decides, and the versions of both figures."""

    parent_over: int
    province_over: int
    rule: str

    def tier(self, day_minutes: int) -> DayTier:
        """What a day of so many minutes asks for (8 h and 12 h; i志愿 rules)."""
        if day_minutes > self.province_over:
            return DayTier.PROVINCE
        return DayTier.PARENT if day_minutes > self.parent_over else DayTier.NONE


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of time within one business day, end-exclusive."""

    started_at: datetime
    ended_at: datetime

    @property
    def day_on(self) -> date:
        """The business day in Asia/Shanghai."""
        return self.started_at.astimezone(SHANGHAI).date()

    @property
    def minutes(self) -> int:
        """Whole minutes, those begun left out."""
        return int((self.ended_at - self.started_at).total_seconds() // 60)


def by_day(started_at: datetime, ended_at: datetime) -> list[Stretch]:
    """The stretch cut at each midnight in Asia/Shanghai; parts under a minute are left out."""
    found, at = [], started_at
    while at < ended_at:
        day = at.astimezone(SHANGHAI).date()
        midnight = datetime.combine(day + timedelta(days=1), time(), SHANGHAI)
        end = min(midnight.astimezone(at.tzinfo), ended_at)
        found.append(Stretch(at, end))
        at = end
    return [one for one in found if one.minutes]


def minutes_of(hours: Decimal) -> int:
    """A figure in hours as whole minutes."""
    return int(hours * 60)


def check_pairs(pairs: int) -> int:
    """The number of the pair that begins, after so many that day. TooManyPairs."""
    if pairs >= PAIRS_A_DAY:
        raise TooManyPairs(
            f"There are {pairs} pairs of check-in and check-out at this task today already, the "
            "most there may be: have further time entered afterwards.",
            rule="INV-32",
            pairs=pairs,
        )
    return pairs + 1


def check_coming(now: datetime, starts_at: datetime, ends_at: datetime) -> None:
    """One checks in from half an hour before the work until its end."""
    if not starts_at - EARLY <= now < ends_at:
        raise GuardFailed(
            "Check-in is open from half an hour before the work begins until it ends: have time "
            "outside of it entered afterwards.",
            rule="check_in_window",
            opens_at=starts_at - EARLY,
            closes_at=ends_at,
        )


def check_minutes(stretch: Stretch, minutes: int | None) -> int:
    """Whole minutes, above none and no more than the stretch has (INV-32)."""
    most = stretch.minutes
    given = most if minutes is None else minutes
    if not 0 < given <= most:
        raise Invalid(
            f"{given} minutes do not fit: between the two times lie {most}.",
            field="minutes",
            rule="INV-32",
            most=most,
        )
    return given


def check_stretch(started_at: datetime, ended_at: datetime, now: datetime) -> Stretch:
    """A stretch of one business day that is over."""
    if ended_at <= started_at:
        raise Invalid("endedAt must come after startedAt.", field="endedAt")
    if ended_at > now:
        raise Invalid("endedAt lies ahead: enter time once it was served.", field="endedAt")
    whole = Stretch(started_at, ended_at)
    if Stretch(ended_at - timedelta(microseconds=1), ended_at).day_on != whole.day_on:
        raise Invalid(
            "The time goes past midnight in Asia/Shanghai: enter each day for itself.",
            field="endedAt",
        )
    return whole


def check_makeup(
    stretch: Stretch, starts_at: datetime, ends_at: datetime, *, today: date, days: int
) -> None:
    """Within the window for makeups, and within the task as it was planned (INV-32)."""
    if stretch.day_on < today - timedelta(days=days):
        raise GuardFailed(
            f"Time is entered afterwards within {days} days: this day is too far back.",
            rule="makeup_window",
            field="startedAt",
            days=days,
        )
    if stretch.started_at < starts_at or stretch.ended_at > ends_at:
        raise GuardFailed(
            "Time entered by hand lies within the task's planned time: correct the two times.",
            rule="INV-32",
            field="startedAt",
            starts_at=starts_at,
            ends_at=ends_at,
        )


def check_evidence(evidence: object) -> dict[str, str] | None:
    """An object of references, by name; each a short text without personal data."""
    if evidence is None:
        return None
    if not isinstance(evidence, dict) or len(evidence) > 20:
        raise Invalid("evidence is an object of at most 20 references.", field="evidence")
    for name, value in evidence.items():
        if len(f"{name}{value}") > MOST_TEXT:
            raise Invalid(f"A reference has at most {MOST_TEXT} characters.", field="evidence")
        check_impersonal(f"{name} {value}", field="evidence")
    return {str(name): str(value) for name, value in evidence.items()}


def as_hours(minutes: int) -> Decimal:
    """Hours with two decimals, cut, not rounded: 100 min are 1.66 h."""
    return (Decimal(minutes) / 60).quantize(Decimal("0.01"), rounding="ROUND_DOWN")
