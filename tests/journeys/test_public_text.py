"""Scenario 20: a number, a phone or an address in the public text: it cannot be published.

The refusal says of which kind it is and in which field, and repeats nothing of it.
"""

import json
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from stdnum.cn import ric

from nexus.acting import Role
from nexus.graph.identifiers import encode
from tests.journeys.teller import Teller
from tests.making import making

COUNTY, TOWN = "440103", "440103001"
STEM = "44990119600101123"
ID_NUMBER = STEM + str(ric.calc_check_digit(STEM + "0"))
"""Of a county that does not exist."""
CLEAN = "一户家庭需要两个月的口粮。"
SAID: dict[str, tuple[str, list[str]]] = {
    "an identity number": (f"身份证{ID_NUMBER}的老人需要口粮。", ["id_number"]),
    "a number in wide digits": (
        f"证号{ID_NUMBER.translate({48 + n: 0xFF10 + n for n in range(10)})}的老人。",
        ["id_number"],
    ),
    "a phone": ("请联系 138 0013 8000 送粮。", ["phone"]),
    "a landline": ("请打020-83330000联系。", ["phone"]),
    "an address": ("住在示范路99号3栋402房的老人。", ["address"]),
    "both": ("请打13800138000,示范路99号3栋402房。", ["address", "phone"]),
}
SECRETS = (ID_NUMBER, "138 0013 8000", "13800138000", "020-83330000", "83330000", "示范路", "402")
FIELDS = ("publicTitle", "publicSummary")
NOW = "query($id: ID!) { node(id: $id) { ... on Need { id version state publicSummary } } }"
PUBLIC = "{ needs(first: 100) { nodes { id publicTitle publicSummary } } }"


@pytest.fixture
async def people(api: Any, engine: AsyncEngine) -> dict[str, Any]:
    """A clerk who publishes, a charity and a passer-by who read, and a verified need."""
    async with making(engine) as m:
        need = await m.need(state="verified", visibility="public")
        return {
            "need": encode("Need", need.id),
            "clerk": Teller(api, await m.account(Role.GOV_CLERK, area_code=COUNTY)),
            "charity": Teller(api, await m.account(Role.CHARITY_USER)),
            "anybody": Teller(api, None),
        }


async def is_shown(people: dict[str, Any]) -> bool:
    for who in ("charity", "anybody"):
        told = await people[who].see(PUBLIC)
        if people["need"] in {node["id"] for node in told["needs"]["nodes"]}:
            return True
    return False


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("what", SAID)
async def test_it_cannot_be_published(people: dict[str, Any], what: str, field: str) -> None:
    text, kinds = SAID[what]
    before = (await people["clerk"].see(NOW, id=people["need"]))["node"]
    refused = await people["clerk"].try_(
        "publishNeed",
        id=people["need"],
        expectedVersion=before["version"],
        **{field: text},
    )
    assert (refused["code"], refused["field"]) == ("GUARD_FAILED", field)
    assert refused["details"]["kinds"] == kinds
    assert refused["details"]["rule"] == "INV-13"
    told = json.dumps(refused, ensure_ascii=False)
    assert [secret for secret in SECRETS if secret in told] == []
    assert (await people["clerk"].see(NOW, id=people["need"]))["node"] == before
    assert before["state"] == "VERIFIED"
    assert not await is_shown(people)


async def test_without_it_it_can(people: dict[str, Any]) -> None:
    before = (await people["clerk"].see(NOW, id=people["need"]))["node"]
    given = {"id": people["need"], "expectedVersion": before["version"]}
    refused = await people["clerk"].try_(
        "publishNeed", **given, publicSummary=SAID["an address"][0]
    )
    assert refused["code"] == "GUARD_FAILED"
    await people["clerk"].do("publishNeed", **given, publicSummary=CLEAN)
    after = (await people["clerk"].see(NOW, id=people["need"]))["node"]
    assert (after["state"], after["publicSummary"]) == ("PUBLISHED", CLEAN)
    assert await is_shown(people)
