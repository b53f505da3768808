"""Areas, codes and standards as anybody reads them, signed in or not."""

from typing import Any

import pytest

from tests.conftest import Api

AREA = """
query ($code: [String!], $within: String, $text: String, $level: [AreaLevel!]) {
  areas(first: 50, filter: {within: $within, text: $text, level: $level}) {
    totalCount
    nodes { id code name level areaGroup areaClass parent { code name } }
  }
}
""".replace("$code: [String!], ", "")


async def data(api: Api, document: str, **variables: Any) -> Any:
    answer = await api()(document, **variables)
    assert "errors" not in answer, answer
    return answer["data"]


async def test_anybody_reads_the_divisions(api: Api) -> None:
    found = (await data(api, AREA, within="44", level=["CITY"]))["areas"]
    assert found["totalCount"] == 21
    by_code = {node["code"]: node for node in found["nodes"]}
    assert by_code["4401"]["name"] == "广州市"
    assert by_code["4401"]["areaGroup"] == "DELTA"
    assert by_code["4401"]["areaClass"] == 1
    assert by_code["4401"]["parent"] == {"code": "44", "name": "广东省"}
    codes = [node["code"] for node in found["nodes"]]
    assert codes == sorted(codes)


async def test_divisions_by_text_and_place(api: Api) -> None:
    found = (await data(api, AREA, within="4419", text="虎门"))["areas"]
    assert [node["code"] for node in found["nodes"]] == ["441900121"]
    assert found["nodes"][0]["parent"]["code"] == "4419"
    everywhere = (await data(api, AREA, within="CN", level=["PROVINCE"]))["areas"]
    assert everywhere["totalCount"] == 34


async def test_the_tree_downwards_and_by_id(api: Api) -> None:
    document = """{
      areas(first: 1, filter: {within: "CN", level: [COUNTRY]}) {
        nodes { id parent { code } children(first: 2) { totalCount nodes { code } } }
      }
    }"""
    country = (await data(api, document))["areas"]["nodes"][0]
    assert country["parent"] is None
    assert country["children"] == {
        "totalCount": 34,
        "nodes": [{"code": "11"}, {"code": "12"}],
    }
    again = "query ($id: ID!) { node(id: $id) { id ... on Area { code } } }"
    assert (await data(api, again, id=country["id"]))["node"]["code"] == "CN"


async def test_pages_of_divisions_join_without_gaps(api: Api) -> None:
    document = """query ($after: String) {
      areas(first: 70, after: $after, filter: {within: "4413"}) {
        totalCount nodes { code } pageInfo { hasNextPage endCursor }
      }
    }"""
    codes: list[str] = []
    after = None
    while True:
        page = (await data(api, document, after=after))["areas"]
        codes += [node["code"] for node in page["nodes"]]
        after = page["pageInfo"]["endCursor"]
        if not page["pageInfo"]["hasNextPage"]:
            break
    assert len(codes) == len(set(codes)) == page["totalCount"]
    assert codes == sorted(codes)


@pytest.mark.parametrize(
    ("filter", "codes"),
    [
        ('{listName: "urgency"}', ["U1", "U2", "U3", "U4"]),
        ('{listName: "need_kind"}', ["CASH", "GOODS", "SERVICE", "HOURS"]),
        (
            '{listName: "item", parent: ["PPE.MASK"]}',
            ["PPE.MASK.MED", "PPE.MASK.SURG", "PPE.MASK.RESP"],
        ),
        ('{listName: "recipient_category", text: "孤儿"}', ["GE"]),
        ('{listName: "urgency", inForceOn: "1990-01-01"}', []),
        ('{listName: "urgency", inForceOn: "2026-01-01", code: ["U2"]}', ["U2"]),
        ('{listName: "no_such_list"}', []),
    ],
)
async def test_code_lists(api: Api, filter: str, codes: list[str]) -> None:
    document = f"{{ codeEntries(first: 100, filter: {filter}) {{ nodes {{ code }} }} }}"
    found = (await data(api, document))["codeEntries"]["nodes"]
    assert [node["code"] for node in found] == codes


async def test_a_code_has_its_labels(api: Api) -> None:
    document = """{
      codeEntries(first: 1, filter: {listName: "recipient_category", code: ["BY"]}) {
        nodes { labelZhHans labelZhHant labelEn tier aliases parent position source validTo }
      }
    }"""
    entry = (await data(api, document))["codeEntries"]["nodes"][0]
    assert entry["labelZhHans"] == "最低生活保障边缘家庭"
    assert entry["labelZhHant"] == "最低生活保障邊緣家庭"
    assert entry["labelEn"] == "dibao-margin family"
    assert entry["tier"] == "SPECIAL"
    assert "低边" in entry["aliases"]
    assert (entry["parent"], entry["validTo"]) == (None, None)


async def test_standards_of_a_city(api: Api) -> None:
    document = """{
      assistanceStandards(first: 10, filter: {
        area: "4402", kind: ["dibao"], inForceOn: "2023-06-01"
      }) { nodes { setting amountFen validFrom validTo area { name } } }
    }"""
    found = (await data(api, document))["assistanceStandards"]["nodes"]
    assert {node["setting"]: node["amountFen"] for node in found} == {
        "URBAN": 85700,
        "RURAL": 60000,
    }
    assert {node["area"]["name"] for node in found} == {"韶关市"}
    before = document.replace("2023-06-01", "2022-12-31")
    assert (await data(api, before))["assistanceStandards"]["nodes"] == []
