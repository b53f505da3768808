"""What does not add up is found, each by its own code, and nothing else is found beside it."""

from typing import Any
from uuid import uuid4

import pytest

from nexus.exchange.ocds import processes, rules
from nexus.exchange.ocds.documents import digest_of
from nexus.exchange.ocds.model import FindingCode
from nexus.exchange.ocds.processes import Release
from tests.exchange.contracting.samples import release

F = FindingCode
VALUE = {"amount": 10, "currency": "CNY"}
AWARD = {"id": "a1", "status": "active", "value": VALUE}
CONTRACT = {"id": "c1", "awardID": "a1", "status": "active", "value": VALUE}


def tender(**parts: Any) -> dict[str, Any]:
    return {"id": "t1", "status": "active", **parts}


ALONE: list[tuple[dict[str, Any], FindingCode, str]] = [
    ({"ocid": None}, F.OCID_MISSING, "/ocid"),
    ({"ocid": " "}, F.OCID_MISSING, "/ocid"),
    ({"ocid": "tender-7"}, F.OCID_PREFIX, "/ocid"),
    ({"id": ""}, F.ID_MISSING, "/id"),
    ({"date": None}, F.DATE_MISSING, "/date"),
    ({"date": "17/12/2014"}, F.DATE_UNREADABLE, "/date"),
    ({"date": "2015-02-30T00:00:00Z"}, F.DATE_UNREADABLE, "/date"),
    ({"date": "2014-12-17"}, F.DATE_WITHOUT_TIME, "/date"),
    ({"tag": []}, F.TAG_MISSING, "/tag"),
    ({"tag": "tender"}, F.TAG_MISSING, "/tag"),
    ({"tag": ["tendering"]}, F.CODE_UNKNOWN, "/tag"),
    ({"buyer": {}}, F.BUYER_BLANK, "/buyer"),
    ({"buyer": None}, F.BUYER_BLANK, "/buyer"),
    ({"buyer": {"id": "", "name": "  "}}, F.BUYER_BLANK, "/buyer"),
    ({"buyer": {"id": "B9", "name": "Elsewhere"}}, F.PARTY_UNLISTED, "/buyer"),
    (
        {"tender": tender(value={"amount": {"amount": 3, "currency": "CNY"}})},
        F.AMOUNT_NOT_A_NUMBER,
        "",
    ),
    ({"tender": tender(value={"amount": "1,200"})}, F.AMOUNT_NOT_A_NUMBER, ""),
    ({"tender": tender(value={"amount": True})}, F.AMOUNT_NOT_A_NUMBER, ""),
    (
        {"tender": tender(value={"amount": -1, "currency": "CNY"})},
        F.AMOUNT_NEGATIVE,
        "/tender/value/amount",
    ),
    (
        {"tender": tender(value={"amount": 1})},
        F.AMOUNT_WITHOUT_CURRENCY,
        "/tender/value/amount",
    ),
    (
        {
            "tender": tender(
                tenderPeriod={
                    "startDate": "2026-02-01T00:00:00Z",
                    "endDate": "2026-01-01T00:00:00Z",
                }
            )
        },
        F.PERIOD_REVERSED,
        "/tender/tenderPeriod",
    ),
    ({"tender": tender(status="done")}, F.CODE_UNKNOWN, "/tender/status"),
    ({"tender": tender(procurementMethod="any")}, F.CODE_UNKNOWN, "/tender/procurementMethod"),
    ({"awards": [AWARD | {"status": "won"}]}, F.CODE_UNKNOWN, "/awards/0/status"),
    (
        {"tender": tender(milestones=[{"id": 1, "status": "late"}])},
        F.CODE_UNKNOWN,
        "/tender/milestones/0/status",
    ),
    ({"tender": tender(items=[{"id": 1}, {"id": "1"}])}, F.ID_REPEATED, "/tender/items"),
    ({"tender": tender(items=[{"description": "x"}])}, F.ID_MISSING, "/tender/items"),
    (
        {"parties": [{"id": "B1", "name": "X", "identifier": {"scheme": "", "id": ""}}]},
        F.IDENTIFIER_BLANK,
        "/parties/0/identifier",
    ),
]


@pytest.mark.parametrize(("parts", "code", "path"), ALONE)
def test_one_fault_in_a_release_is_found(
    parts: dict[str, Any], code: FindingCode, path: str
) -> None:
    found = rules.of_release(release(**parts))
    assert [one.code for one in found] == [code]
    assert found[0].path == (path or "/tender/value/amount")


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    whole = release(
        planning={"budget": {"amount": VALUE}},
        awards=[AWARD],
        contracts=[
            CONTRACT
            | {
                "dateSigned": "2026-02-01T00:00:00.5+08:00",
                "implementation": {"transactions": [{"id": "1", "amount": VALUE}]},
            }
        ],
    )
    assert rules.of_release(whole) == []
    assert processes.merged([kept(whole)])[1] == []


def kept(content: dict[str, Any]) -> Release:
    return Release(uuid4(), digest_of(content), content)


LATER = {"date": "2026-02-02T08:00:00Z"}
BETWEEN: list[tuple[list[dict[str, Any]], FindingCode, str]] = [
    ([{}, {**LATER, "language": "en"}], F.RELEASE_ID_REPEATED, "/id"),
    ([{}, {"id": "r2", "language": "en"}], F.SAME_MOMENT, "/date"),
    ([{}, {**LATER, "id": "r2", "buyer": {"id": "B1", "name": "Other"}}], F.TWO_BUYERS, "/buyer"),
    (
        [{}, {**LATER, "id": "r2", "buyer": {"id": "B7", "name": "EXAMPLE  town"}}],
        F.BUYER_ID_CHANGED,
        "/buyer/id",
    ),
    ([{"awards": [AWARD | {"value": {"amount": 1, "currency": "HKD"}}]}], F.TWO_CURRENCIES, ""),
    (
        [{"tender": tender(tenderPeriod={"startDate": "25/12/2014", "endDate": "12/31/2014"})}],
        F.DATES_IN_TWO_ORDERS,
        "",
    ),
    ([{"contracts": [CONTRACT]}], F.CONTRACT_WITHOUT_AWARD, "/contracts/0"),
    ([{"awards": [AWARD], "contracts": [{"id": "c1"}]}], F.CONTRACT_WITHOUT_AWARD, "/contracts/0"),
    (
        [{"awards": [AWARD], "contracts": [CONTRACT], "tender": tender(status="unsuccessful")}],
        F.CONTRACT_AFTER_FAILURE,
        "/contracts/0",
    ),
    (
        [{}, {**LATER, "id": "r2", "tender": "see the paper"}],
        F.TYPE_CHANGED,
        "/tender",
    ),
]


@pytest.mark.parametrize(("several", "code", "path"), BETWEEN)
def test_one_fault_between_releases_is_found(
    several: list[dict[str, Any]], code: FindingCode, path: str
) -> None:
    releases = [kept(release(**parts)) for parts in several]
    for one in (releases, releases[::-1]):
        _, found = processes.merged(one)
        assert [told.code for told in found] == [code]
        assert found[0].path == path


def test_no_buyer_at_all_is_found() -> None:
    content = release()
    del content["buyer"]
    assert [one.code for one in processes.merged([kept(content)])[1]] == [F.BUYER_BLANK]


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("17/12/2014", "day"),
        ("12/17/2014", "month"),
        ("17.12.2014 10:00", "day"),
        ("05/06/2014", None),
        ("40/50/2014", None),
        ("2014-12-17", None),
        (None, None),
    ],
)
def test_which_stands_first_is_said_only_where_it_is_certain(
    text: str | None, order: str | None
) -> None:
    assert rules.order_of(text) == order


def test_records_that_disagree_with_their_releases() -> None:
    one, other = release(), release("r2", date="2026-02-03T00:00:00Z", language="en")
    right, _ = processes.merged([kept(one), kept(other)])
    record = {"ocid": one["ocid"], "releases": [other, one], "compiledRelease": right}
    assert rules.of_record(record) == []
    wrong = rules.of_record(record | {"compiledRelease": right | {"language": "fr"}})
    assert [told.code for told in wrong] == [F.RECORD_DISAGREES]
    links = [{"url": "https://example.org/r1", "date": "2026-02-01T00:00:00Z"}]
    assert [t.code for t in rules.of_record(record | {"releases": links})] == [F.RELEASES_ELSEWHERE]
    assert [t.code for t in rules.of_record({"compiledRelease": {}})] == [F.OCID_MISSING]


def test_amounts_are_added_in_one_currency_only() -> None:
    two = [AWARD, AWARD | {"id": "a2", "value": {"amount": 0.1, "currency": "CNY"}}]
    assert str(processes.summary(release(awards=two)).amount) == "10.1000"
    mixed = [AWARD, AWARD | {"id": "a2", "value": {"amount": 1, "currency": "HKD"}}]
    told = processes.summary(release(awards=mixed))
    assert (told.amount, told.currency) == (processes.summary(release()).amount, "CNY")
    bare = {"awards": mixed, "tender": tender()}
    assert processes.summary(bare).amount is None
