"""What people write for an area or a code, and what comes of it; no database."""

import pytest

from nexus.areas.operations import DATA, _areas, _rows
from nexus.areas.rules import (
    AmbiguousArea,
    AmbiguousCode,
    CodeList,
    Gazetteer,
    UnknownArea,
    UnknownCode,
    short_name,
)

PLACES = [(row["code"], row["name"]) for row in _areas()]
ALIASES = [(str(row["alias"]), str(row["area_code"])) for row in _rows(DATA / "aliases.csv")]
SHIPPED = Gazetteer(PLACES, ALIASES)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("440103", "440103"),
        (" 440103 ", "440103"),
        ("４４０１０３", "440103"),
        ("440100", "4401"),
        ("440000", "44"),
        ("440103001000", "440103001"),
        ("440103000000", "440103"),
        ("440100000000", "4401"),
        ("441900", "4419"),
        ("441900000000", "4419"),
        ("440116", "440112"),
        ("440116000000", "440112"),
        ("440184", "440117"),
        ("440183", "440118"),
        ("442000100", "442000118"),
        ("CN", "CN"),
        ("中国", "CN"),
        ("广东省", "44"),
        ("广东", "44"),
        ("广州", "4401"),
        ("越秀区", "440104"),
        ("越秀", "440104"),
        ("乳源", "440232"),
        ("连山", "441825"),
        ("内蒙古", "15"),
        ("恩施", "4228"),
        ("神农架", "429021"),
        ("东莞", "4419"),
        ("虎门镇", "441900121"),
        ("从化市", "440117"),
        ("萝岗区", "440112"),
        ("沙面街道办事处", "440103001"),
        ("沙面街道办", "440103001"),
        ("广东省广州市越秀区", "440104"),
        ("广东广州越秀", "440104"),
        ("广东省 / 广州市 / 越秀区", "440104"),
        ("中国广东省", "44"),
        ("广东省广州市市辖区", "4401"),
        ("广东省中山市小榄镇", "442000118"),
        ("中山市东区街道", "442000002"),
        ("湖北省仙桃市", "429004"),
        ("北京市北京市", "11"),
        ("海南", "46"),
        ("吉林", "22"),
        ("吉林省吉林市", "2202"),
        ("廣東省", "44"),
    ],
)
def test_a_code_name_or_path_is_read(text: str, code: str) -> None:
    assert SHIPPED.resolve(text) == code


@pytest.mark.parametrize(
    ("text", "within", "code"),
    [
        ("新华街道", "4401", "440114001"),
        ("龙华", "4403", "440309"),
        ("东区", "4420", "442000002"),
        ("440103", "44", "440103"),
        ("广州", "CN", "4401"),
        ("北京市", "11", "11"),
    ],
)
def test_within_narrows(text: str, within: str, code: str) -> None:
    assert SHIPPED.resolve(text, within=within) == code


@pytest.mark.parametrize(
    ("text", "within", "suggestion"),
    [
        ("440130", None, "440103"),
        ("44O103", None, "440103"),
        ("440103001101", None, "440103001"),
        ("440105999", None, "440105"),
        ("4499", None, "4409"),
        ("越秀取", None, "440104"),
        ("广东省广州市越秀区登峰街道麓湖社区", None, "440104021"),
        ("广东省广州市越秀区甲乙丙", None, "440104"),
        ("西安市", "14", "6101"),
        ("440103", "4402", "440103"),
        ("44010", None, "4401"),
        ("某某某", None, None),
        ("", None, None),
        ("   ", None, None),
        ("市辖区", None, None),
        ("广" * 200, None, None),
        ("1" * 200, None, None),
    ],
)
def test_an_unknown_area_says_the_likely_one(
    text: str, within: str | None, suggestion: str | None
) -> None:
    with pytest.raises(UnknownArea) as refused:
        SHIPPED.resolve(text, within=within)
    assert refused.value.suggestion == suggestion
    assert refused.value.code == "UNKNOWN_AREA"
    assert refused.value.field == "areaCode"
    assert len(refused.value.message) < 200


def test_an_ambiguous_name_lists_the_codes() -> None:
    with pytest.raises(AmbiguousArea) as refused:
        SHIPPED.resolve("新华街道")
    assert refused.value.details["candidates"] == ["440114001", "440203001", "440902005"]
    assert "440203001" in refused.value.message


def test_the_holder_of_all_others_wins_but_no_other() -> None:
    names = Gazetteer(
        [("44", "甲省"), ("4401", "乙市"), ("440101", "丙丁区"), ("440101001", "丙丁镇")], []
    )
    assert names.resolve("丙丁") == "440101"
    twice = Gazetteer([("4401", "乙市"), ("440101", "丙丁区"), ("440102001", "丙丁镇")], [])
    with pytest.raises(AmbiguousArea):
        twice.resolve("丙丁")


def test_a_full_name_beats_a_name_without_its_kind() -> None:
    names = Gazetteer([("440101", "城区"), ("440102", "城区镇")], [])
    assert names.resolve("城区") == "440101"


def test_every_division_is_found_by_its_path() -> None:
    parents = {row["code"]: row["parent_code"] for row in _areas()}
    for code, name in PLACES:
        path, above = name, parents[code]
        while above not in (None, "CN"):
            path, above = SHIPPED.names[above] + path, parents[above]
        assert SHIPPED.resolve(path) == code, path


def test_every_division_is_found_by_its_padded_code() -> None:
    for code, _ in PLACES:
        if code != "CN":
            for size in (6, 9, 12):
                if size >= len(code):
                    assert SHIPPED.resolve(code.ljust(size, "0")) == code


@pytest.mark.parametrize(
    ("name", "short"),
    [
        ("广州市", "广州"),
        ("恩施土家族苗族自治州", "恩施"),
        ("新疆维吾尔自治区", "新疆"),
        ("广西壮族自治区", "广西"),
        ("香港特别行政区", "香港"),
        ("大兴安岭地区", "大兴安岭"),
        ("东城街道", "东城"),
        ("房县", None),
        ("松山湖", None),
    ],
)
def test_names_without_their_kind(name: str, short: str | None) -> None:
    assert short_name(name) == short


LIST = CodeList(
    "recipient_category",
    [
        ("TK", ("特困人员", "特困人員", "persons in extreme difficulty", "五保")),
        ("DB", ("最低生活保障对象", "最低生活保障對象", "dibao", "低保")),
        ("DB-S", ("单人保对象", "單人保對象", "single-person dibao", "单人保")),
        ("X1", ("甲", "甲", "first", "相同")),
        ("X2", ("乙", "乙", "second", "相同")),
    ],
)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("TK", "TK"),
        ("tk", "TK"),
        (" 低保 ", "DB"),
        ("最低生活保障對象", "DB"),
        ("Persons in Extreme Difficulty", "TK"),
        ("db-s", "DB-S"),
        ("ＤＢ", "DB"),
    ],
)
def test_a_word_of_a_list_is_read(text: str, code: str) -> None:
    assert LIST.resolve(text) == code


def test_an_unknown_word_says_the_likely_code() -> None:
    with pytest.raises(UnknownCode) as refused:
        LIST.resolve("特困人")
    assert refused.value.suggestion == "TK"
    assert refused.value.field == "recipientCategory"
    with pytest.raises(UnknownCode) as refused:
        LIST.resolve("飞机", field="category")
    assert (refused.value.suggestion, refused.value.field) == (None, "category")


def test_a_word_of_two_codes_is_refused() -> None:
    with pytest.raises(AmbiguousCode) as refused:
        LIST.resolve("相同")
    assert refused.value.details["candidates"] == ["X1", "X2"]
