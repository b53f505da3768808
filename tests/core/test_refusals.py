"""Refusals are data for the caller: a code of their own, and details that JSON can carry."""

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from nexus.core import refusals
from nexus.core.refusals import CapacityExhausted, Refusal


def every_kind(kind: type[Refusal] = Refusal) -> list[type[Refusal]]:
    return [kind, *(found for below in kind.__subclasses__() for found in every_kind(below))]


def test_details_are_plain_json() -> None:
    refusal = CapacityExhausted(
        "Only 2.500 kg are left.",
        field="quantity",
        available=Decimal("2.500"),
        until=date(2026, 3, 1),
        at=datetime(2026, 3, 1, 8, tzinfo=UTC),
        offer=UUID(int=7),
        codes=["A", "B"],
        whole=False,
        nothing=None,
    )
    assert json.loads(json.dumps(refusal.as_dict())) == {
        "code": "CAPACITY_EXHAUSTED",
        "message": "Only 2.500 kg are left.",
        "field": "quantity",
        "details": {
            "available": "2.500",
            "until": "2026-03-01",
            "at": "2026-03-01T08:00:00+00:00",
            "offer": "00000000-0000-0000-0000-000000000007",
            "codes": ["A", "B"],
            "whole": False,
        },
    }


def test_without_field_and_details_they_are_null() -> None:
    refusal = Refusal("No.")
    assert refusal.as_dict() == {
        "code": "REFUSED",
        "message": "No.",
        "field": None,
        "details": None,
    }
    assert str(refusal) == "No."


def test_each_kind_of_core_has_a_code_of_its_own_and_says_what_it_is() -> None:
    kinds = [kind for kind in every_kind() if kind.__module__ == refusals.__name__]
    codes = [kind.code for kind in kinds]
    assert len(kinds) == 10
    assert len(set(codes)) == len(codes)
    assert all(code == code.upper() for code in codes)
    assert all(kind.__doc__ for kind in kinds)
