"""Sums and checks of offers over plain values."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.charity import rules


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2026, 3, 15), 6, date(2026, 9, 15)),
        (date(2026, 8, 31), 6, date(2027, 2, 28)),
        (date(2027, 8, 31), 6, date(2028, 2, 29)),
        (date(2026, 12, 31), 6, date(2027, 6, 30)),
        (date(2026, 6, 30), 6, date(2026, 12, 30)),
        (date(2026, 7, 1), 6, date(2027, 1, 1)),
    ],
)
def test_six_months_later(day: date, months: int, later: date) -> None:
    assert rules.months_later(day, months) == later


CODES = st.sampled_from(["CN", "44", "4401", "440103", "440103001", "4403", "440305", "45"])


@given(st.lists(CODES, min_size=1))
def test_the_widest_areas_cover_all_and_none_covers_another(codes: list[str]) -> None:
    kept = rules.widest(codes)
    assert all(any(rules.covers(wide, code) for wide in kept) for code in codes)
    assert not any(rules.covers(a, b) for a in kept for b in kept if a != b)
    assert set(kept) <= set(codes)
