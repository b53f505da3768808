"""A profile is understood as a whole or refused with the table and key that are wrong."""

import tomllib
from contextlib import suppress
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nexus.exchange.profiles.loading import ProfileRefused, load_profile, read_profile
from nexus.exchange.profiles.model import Meaning, Quantities
from nexus.exchange.profiles.values import Unreadable, day_of, quantity_of, shown, text_of
from nexus.exchange.reading.tables import Cell
from tests.exchange import writing as w

SMALL: dict[str, Any] = {
    "kind": "needs",
    "source": "s",
    "type": "t",
    "key": {"fields": ["group"]},
    "fields": {"group": {"columns": ["name"]}, "category": "MED", "urgency": "U3"},
    "area": "4401",
    "lines": [{"columns": ["n"], "kind": "goods", "unit": "C62"}],
}


def changed(path: str, value: Any) -> dict[str, Any]:
    """The small profile with one value put in; a value of None takes the key out."""
    table = deepcopy(SMALL)
    *above, last = path.split(".")
    inner: Any = table
    for name in above:
        inner = inner[int(name)] if isinstance(inner, list) else inner.setdefault(name, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return table


@pytest.mark.parametrize("path", sorted(w.PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_the_shipped_profiles_are_understood(path: Path) -> None:
    profile = load_profile(path)
    assert bool(profile.lines) is (profile.kind not in ("recognitions", "tickets", "ocds"))
    sources = ("wuhan2020", "township", "county-assistance", "12345.gz", "open-contracting")
    assert profile.source in sources


def test_the_small_profile_is_right() -> None:
    assert read_profile(SMALL).key == ("group",)


WRONG: list[tuple[str, Any, str]] = [
    ("kind", "people", "kind"),
    ("kind", None, "kind"),
    ("source", None, "source"),
    ("source", " ", "source"),
    ("source", 7, "source"),
    ("type", None, "type"),
    ("type", "household", "type"),
    ("colums", [], "colums"),
    ("key", None, "key"),
    ("key.fields", [], "key"),
    ("key.fields", ["nobody"], "key"),
    ("key.columns", ["name"], "columns"),
    ("fields.grop", "x", "grop"),
    ("fields.urgency", None, "urgency"),
    ("fields.category", None, "category"),
    ("fields.group.colums", ["x"], "colums"),
    ("fields.group.columns", "name", "columns"),
    ("fields.group.columns", [7], "columns"),
    ("fields.group.values", ["x"], "values"),
    ("fields.group.path", "{secret}", "path"),
    ("fields.group.path", "fixed", "path"),
    ("fields.group", ["name"], "group"),
    ("fields", [], "fields"),
    ("area", None, "area"),
    ("area", {"columns": ["x"], "inside": "y"}, "inside"),
    ("lines", None, "lines"),
    ("lines", {"columns": ["n"]}, "lines"),
    ("lines", ["n"], "lines"),
    ("lines.0.kind", None, "lines"),
    ("lines.0.unit", None, "lines"),
    ("lines.0.colour", "red", "colour"),
    ("lines.0.items", ["x"], "items"),
    ("lines.0.item_code", 7, "item_code"),
    ("quantity.zero", "nothing", "zero"),
    ("quantity.two", "open", "two"),
    ("quantity.words", ["x"], "words"),
    ("quantity.words.若干", "some", "若干"),
    ("review.column", ["x"], "column"),
    ("review.accepted", "yes", "accepted"),
    ("absence.means", "delete", "means"),
    ("absence.largest_share", 2, "largest_share"),
    ("absence.largest_share", "half", "largest_share"),
    ("public.title", "x", "public"),
    ("public", {"title": "{nobody}", "summary": "x"}, "nobody"),
    ("publisher.uscc", 7, "uscc"),
    ("publisher.id", "x", "id"),
    ("file.encodings", "x", "encodings"),
    ("file.sheet", 1, "sheet"),
    ("unlisted", {"type": "supply"}, "unlisted"),
    ("unlisted", "supply", "unlisted"),
    ("blank", "-", "blank"),
    ("ignore", "x", "ignore"),
]


@pytest.mark.parametrize(("path", "value", "named"), WRONG)
def test_what_is_wrong_is_named(path: str, value: Any, named: str) -> None:
    with pytest.raises(ProfileRefused) as caught:
        read_profile(changed(path, value))
    assert named in caught.value.message


def test_a_public_text_cannot_hold_the_internal_description() -> None:
    table = changed("fields.description", {"columns": ["x"]})
    table["public"] = {"title": "x", "summary": "{description}"}
    with pytest.raises(ProfileRefused, match="description"):
        read_profile(table)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)
KEYS = sorted({path.split(".")[0] for path, _, _ in WRONG} | set(SMALL))


@given(st.sampled_from(KEYS), values)
def test_no_profile_breaks_the_reader(name: str, value: Any) -> None:
    table = deepcopy(SMALL) | {name: value}
    with suppress(ProfileRefused):
        read_profile(table)


@pytest.mark.parametrize("content", [b"kind = ", b"\xff\xfe", b"[a]\n[a]\n"])
def test_no_toml_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_bytes(content)
    with pytest.raises(ProfileRefused, match=r"p\.toml"):
        load_profile(path)
    with pytest.raises(ProfileRefused, match=r"no\.toml"):
        load_profile(tmp_path / "no.toml")


def test_the_shipped_profile_is_plain_toml() -> None:
    assert len(tomllib.loads(w.HOSPITALS.read_text("utf-8"))["lines"]) == 23


# --- Single cells ---

SUPPLY = Quantities(zero=Meaning.NOT_ASKED, one=Meaning.OPEN, words={"若干": Meaning.OPEN})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, (Meaning.NOT_ASKED, None)),
        (Decimal("0.000"), (Meaning.NOT_ASKED, None)),
        ("0", (Meaning.NOT_ASKED, None)),
        (1, (Meaning.OPEN, None)),
        ("1.0", (Meaning.OPEN, None)),
        ("若干", (Meaning.OPEN, None)),
        (2, (Meaning.FIGURE, Decimal(2))),
        ("1,000", (Meaning.FIGURE, Decimal(1000))),
        ("１２", (Meaning.FIGURE, Decimal(12))),
        ("0.5", (Meaning.FIGURE, Decimal("0.5"))),
        (Decimal("1E+6"), (Meaning.FIGURE, Decimal(1000000))),
    ],
)
def test_quantities(value: Any, said: Any) -> None:
    assert quantity_of(Cell(value), SUPPLY) == said


@pytest.mark.parametrize(
    "value", ["", "x", "1,00", "1e3", "1_000", "½", "٣", "-1", -1, True, None, [], 10**12, "0.0001"]
)
def test_what_is_no_quantity_is_refused(value: Any) -> None:
    with pytest.raises(Unreadable):
        quantity_of(Cell(value), SUPPLY)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" 甲\t医院 ", "甲 医院"),
        ("ＡＢ（１）", "AB(1)"),
        (7, "7"),
        (Decimal("3.0"), "3"),
        (Decimal("3.50"), "3.5"),
        (123456789012345, "123456789012345"),
    ],
)
def test_texts(value: Any, text: str) -> None:
    assert text_of(Cell(value)) == text


@pytest.mark.parametrize("value", [440103190001010011, Decimal("4.401E+17"), "4.40103E+17"])
def test_a_long_number_has_lost_its_end(value: Any) -> None:
    with pytest.raises(Unreadable, match="format the column as text"):
        text_of(Cell(value))


@pytest.mark.parametrize(
    "value",
    [
        *("2020-02-05", "2020/2/5", "2020.2.5", "2020年2月5日", "20200205", "2020-02-05 18:30"),
        *("2020-02-04T16:00:00.000Z", "2020-02-05T15:59:59+00:00", "2020-02-05T00:00:00"),
    ],
)
def test_days(value: str) -> None:
    assert day_of(Cell(value)) == date(2020, 2, 5)


@pytest.mark.parametrize("value", ["5.2.2020", "2020-02-30", "2020-13-01", "soon", 43866, ""])
def test_what_is_no_day_is_refused(value: Any) -> None:
    with pytest.raises(Unreadable):
        day_of(Cell(value))


def test_a_report_shows_no_personal_data() -> None:
    assert shown("电话13800138000") == "(personal data)"
    assert shown("x" * 99) == f"'{'x' * 40}…'"
