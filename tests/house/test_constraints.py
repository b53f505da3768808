"""No CHECK, unique or exclusion constraint answers a client with a fault: each names its rule."""

from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import CheckConstraint, UniqueConstraint
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.exc import IntegrityError

from nexus.core.db import Base
from nexus.core.refusals import CapacityExhausted, GuardFailed
from nexus.graph.guards import CHECKED, DUPLICATE, GUARDS, refusal_of
from nexus.schema import make_schema

make_schema()


def constraints() -> dict[str, str]:
    """Name → SQLSTATE of its violation, of every table."""
    found: dict[str, str] = {}
    for table in Base.metadata.sorted_tables:
        for constraint in table.constraints:
            if isinstance(constraint, CheckConstraint):
                found[str(constraint.name)] = CHECKED
            elif isinstance(constraint, UniqueConstraint):
                found[str(constraint.name)] = DUPLICATE[0]
            elif isinstance(constraint, ExcludeConstraint):
                found[str(constraint.name)] = DUPLICATE[1]
        found |= {str(index.name): DUPLICATE[0] for index in table.indexes if index.unique}
    return found


CONSTRAINTS = constraints()


def violated(name: str, state: str) -> IntegrityError:
    """As the driver tells it; its detail quotes the row."""
    cause = SimpleNamespace(constraint_name=name, sqlstate=state, detail="(title)=(不可见)")
    orig: Any = Exception("row of 不可见")
    orig.sqlstate, orig.__cause__ = state, None
    orig.constraint_name = cause.constraint_name
    return IntegrityError("INSERT", {}, orig)


@pytest.mark.parametrize("name", sorted(CONSTRAINTS))
def test_a_constraint_names_its_rule(name: str) -> None:
    refusal = refusal_of(violated(name, CONSTRAINTS[name]))
    assert isinstance(refusal, GuardFailed | CapacityExhausted)
    assert refusal.details["rule"]
    assert "不可见" not in refusal.message
    if "inv_" in name:
        assert str(refusal.details["rule"]).startswith("INV-")


def test_what_slices_say_is_about_constraints_that_are_there() -> None:
    """A renamed constraint must not leave its words behind; triggers raise names of their own."""
    library = {name for name in GUARDS if name.startswith("ck_lib_")}
    raised = {
        "procurement_awards",
        "inv_01_no_oversell",
        "inv_02_capacity",
        "inv_07_published",
        "inv_19_hours_settled",
    }
    assert set(GUARDS) - library - raised <= set(CONSTRAINTS)


@pytest.mark.parametrize(
    "name", ["ck_need_line_inv_01_no_oversell", "ck_offer_inv_02_capacity", "inv_01_no_oversell"]
)
def test_what_is_used_up_is_told_as_such(name: str) -> None:
    refusal = refusal_of(violated(name, CHECKED))
    assert isinstance(refusal, CapacityExhausted)
    assert str(refusal.details["rule"]).startswith("INV-0")
