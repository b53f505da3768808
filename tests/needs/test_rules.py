"""The sense of a need, over plain values."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from nexus.core.refusals import GuardFailed, Invalid
from nexus.needs import rules
from nexus.needs.model import CloseReason, NeedKind, SubjectKind
from nexus.needs.rules import LineInput

ZERO = Decimal(0)


@dataclass
class Line:
    """A line with its counters."""

    quantity_required: Decimal | None = Decimal(10)
    reserved: Decimal = ZERO
    committed: Decimal = ZERO
    delivered: Decimal = ZERO
    confirmed: Decimal = ZERO
    position: int = 1
    item: str = "大米"
    unit: str = "KGM"
    asked: bool = True
    specification: str | None = None


def line(**fields: object) -> LineInput:
    return LineInput(**{"kind": NeedKind.GOODS, "item": "大米", **fields})  # type: ignore[arg-type]


def test_zero_is_no_need_and_null_is_open_ended() -> None:
    with pytest.raises(Invalid, match="leave the line out") as refused:
        rules.check_lines([line(quantity_required=ZERO)])
    assert refused.value.field == "lines[1].quantityRequired"
    assert rules.check_lines([line(quantity_required=None)])[0].quantity_required is None


@pytest.mark.parametrize("quantity", ["-1", "0.0001", "100000000000", "NaN", "Infinity"])
def test_a_quantity_fits_its_column(quantity: str) -> None:
    with pytest.raises(Invalid):
        rules.check_quantity(Decimal(quantity), field="quantity")


def test_the_largest_and_the_smallest_quantity_are_accepted() -> None:
    for quantity in (Decimal("0.001"), rules.LARGEST_QUANTITY):
        rules.check_quantity(quantity, field="quantity")


@pytest.mark.parametrize(
    ("kind", "unit"),
    [
        (NeedKind.CASH, "CNY"),
        (NeedKind.GOODS, "C62"),
        (NeedKind.SERVICE, "E48"),
        (NeedKind.HOURS, "HUR"),
    ],
)
def test_each_kind_has_a_usual_unit(kind: NeedKind, unit: str) -> None:
    assert rules.check_lines([line(kind=kind)])[0].unit == unit


@pytest.mark.parametrize(("kind", "unit"), [(NeedKind.CASH, "C62"), (NeedKind.GOODS, "CNY")])
def test_cash_alone_is_asked_for_in_yuan(kind: NeedKind, unit: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.check_lines([line(), line(kind=kind, unit=unit)])
    assert refused.value.field == "lines[2].unit"


@pytest.mark.parametrize(
    "fields",
    [{"item": "  "}, {"item": "米" * 201}, {"tranche_no": 0}, {"est_unit_value_fen": -1}],
)
def test_a_line_makes_sense(fields: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        rules.check_lines([line(**fields)])


def test_a_need_has_a_line() -> None:
    with pytest.raises(Invalid):
        rules.check_lines([])


@pytest.mark.parametrize(
    ("kind", "area", "given", "shown"),
    [
        (SubjectKind.RECIPIENT, "440103001", None, "440103"),
        (SubjectKind.HOUSEHOLD, "440103001", None, "440103"),
        (SubjectKind.HOUSEHOLD, "440103001", "440103001", "440103"),
        (SubjectKind.RECIPIENT, "440103001", "4401", "4401"),
        (SubjectKind.RECIPIENT, "440103001", "CN", "CN"),
        (SubjectKind.RECIPIENT, "44", None, "44"),
        (SubjectKind.GROUP, "440103001", None, "440103001"),
        (SubjectKind.GROUP, "440103001", "440103", "440103"),
    ],
)
def test_a_person_is_shown_no_finer_than_the_county(
    kind: SubjectKind, area: str, given: str | None, shown: str
) -> None:
    assert rules.shown_area(kind, area, given) == shown


def test_the_area_shown_contains_the_area() -> None:
    with pytest.raises(Invalid):
        rules.shown_area(SubjectKind.GROUP, "440103001", "4402")


DIRTY = {
    "phone": "联系电话13800138000",
    "id_number": "身份证11010519491231002X",
    "address": "住在解放北路123号2单元501",
    "bank_card": "卡号6222021234567890128",
}


@pytest.mark.parametrize("kind", DIRTY)
def test_personal_data_is_named_by_kind_and_field_never_by_value(kind: str) -> None:
    text = DIRTY[kind]
    with pytest.raises(GuardFailed) as refused:
        rules.check_public_text({"publicTitle": "大米", "publicSummary": text})
    told = refused.value
    assert told.field == "publicSummary"
    assert kind in told.details["kinds"]  # type: ignore[operator]
    assert told.details["fields"] == ["publicSummary"]
    for part in (text, *(text[at : at + 6] for at in range(len(text) - 5))):
        assert part not in str(told.as_dict())


def test_met_names_the_lines_that_are_short_with_their_numbers() -> None:
    full = Line(confirmed=Decimal(10))
    short = Line(position=2, item="口罩", unit="C62", confirmed=Decimal(4), delivered=Decimal(6))
    with pytest.raises(GuardFailed) as refused:
        rules.check_closable(CloseReason.MET, [full, short])
    assert refused.value.details["lines"] == ["2"]
    assert refused.value.details["rule"] == "INV-05"
    assert "line 2 (口罩): 4 of 10 C62 confirmed" in refused.value.message
    assert "line 1" not in refused.value.message
    rules.check_closable(CloseReason.MET, [full])


def test_an_open_ended_line_is_met_once_something_is_confirmed() -> None:
    with pytest.raises(GuardFailed):
        rules.check_closable(CloseReason.MET, [Line(quantity_required=None)])
    rules.check_closable(CloseReason.MET, [Line(quantity_required=None, confirmed=Decimal(1))])


@pytest.mark.parametrize("counter", ["reserved", "committed"])
@pytest.mark.parametrize("reason", list(CloseReason))
def test_nothing_may_be_under_way_when_a_need_closes(counter: str, reason: CloseReason) -> None:
    busy = Line(quantity_required=None, confirmed=Decimal(1), **{counter: Decimal(3)})  # type: ignore[arg-type]
    with pytest.raises(GuardFailed, match=f"3 {counter}"):
        rules.check_closable(reason, [busy])


@pytest.mark.parametrize("counter", ["reserved", "committed", "delivered", "confirmed"])
def test_what_was_helped_is_not_cancelled(counter: str) -> None:
    with pytest.raises(GuardFailed):
        rules.check_untouched([Line(**{counter: Decimal(1)})])  # type: ignore[arg-type]
    rules.check_untouched([Line()])


def test_reopening_is_possible_for_ninety_days() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    rules.check_reopen(now - timedelta(days=90), now)
    with pytest.raises(GuardFailed):
        rules.check_reopen(now - timedelta(days=90, seconds=1), now)
