"""The merge routine, against the Open Contracting Partnership's own."""

import copy
import warnings
from typing import Any

import ocdsmerge
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nexus.exchange.ocds import merging
from tests.exchange.contracting.samples import release

RULES: dict[tuple[str, ...], str] = {
    **{(name,): "omitWhenMerged" for name in merging.OMITTED},
    ("tender", "items", "additionalClassifications"): "wholeListMerge",
    ("parties", "additionalIdentifiers"): "wholeListMerge",
}
MERGER = ocdsmerge.Merger(merge_rules=RULES)


def theirs(releases: list[dict[str, Any]]) -> dict[str, Any]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: dict[str, Any] = MERGER.create_compiled_release(copy.deepcopy(releases))
        return found


def dated(*several: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        release(f"r{at}", date=f"2026-02-{at:02d}T00:00:00Z") | parts
        for at, parts in enumerate(several, 1)
    ]


CASES: list[tuple[dict[str, Any], ...]] = [
    ({},),
    ({"language": "en"}, {"language": None}),
    ({"tender": {"id": "t", "title": "A"}}, {"tender": {"id": "t", "status": "active"}}),
    (
        {"tender": {"items": [{"id": 1, "quantity": 1}, {"id": "2"}]}},
        {"tender": {"items": [{"id": "1", "quantity": 2}, {"id": 3}]}},
    ),
    (
        {"parties": [{"id": "a", "roles": ["buyer"], "additionalIdentifiers": [{"id": "1"}]}]},
        {"parties": [{"id": "a", "roles": ["payer"], "additionalIdentifiers": [{"id": "2"}]}]},
    ),
    (
        {"tender": {"items": [{"id": 1, "additionalClassifications": [{"id": "x"}, {"id": "y"}]}]}},
        {"tender": {"items": [{"id": 1, "additionalClassifications": [{"id": "z"}]}]}},
    ),
    ({"tender": {"documents": [{"title": "no id"}]}}, {"tender": {"documents": [{"title": "b"}]}}),
    ({"awards": [{"id": "a1", "items": []}]}, {"awards": []}, {"tender": {}}),
]


@pytest.mark.parametrize("several", CASES)
def test_as_the_partnership_merges(several: tuple[dict[str, Any], ...]) -> None:
    releases = dated(*several)
    before = copy.deepcopy(releases)
    ours, changed = merging.compiled(releases)
    assert merging.said(ours) == merging.said(theirs(releases))
    assert changed == []
    assert releases == before


SCALARS = st.one_of(st.text(max_size=3), st.integers(-5, 5), st.booleans())
ITEM = st.fixed_dictionaries(
    {"id": st.sampled_from(["1", "2", 3])},
    optional={
        "description": SCALARS,
        "unit": st.fixed_dictionaries({}, optional={"name": SCALARS, "scheme": SCALARS}),
        "additionalClassifications": st.lists(st.fixed_dictionaries({"id": SCALARS}), max_size=2),
    },
)
TENDER = st.fixed_dictionaries(
    {},
    optional={
        "title": SCALARS,
        "items": st.lists(ITEM, max_size=4, unique_by=lambda item: str(item["id"])),
        "submissionMethod": st.lists(SCALARS, max_size=2),
        "value": st.fixed_dictionaries({}, optional={"amount": SCALARS, "currency": SCALARS}),
    },
)
PARTS = st.fixed_dictionaries({}, optional={"tender": TENDER, "language": st.none() | SCALARS})


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, min_size=1, max_size=4))
def test_by_chance(several: list[dict[str, Any]]) -> None:
    releases = dated(*several)
    ours, _ = merging.compiled(releases)
    assert merging.said(ours) == merging.said(theirs(releases))


def test_null_takes_the_whole_away() -> None:
    """As the standard says; the Partnership's routine keeps what was in it."""
    ours, _ = merging.compiled(dated({"planning": {"budget": {"id": "1"}}}, {"planning": None}))
    assert "planning" not in ours
