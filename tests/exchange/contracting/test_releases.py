"""What a purchase is published as, by the official schema and the Partnership's validator."""

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from nexus.exchange.ocds import merging, rules
from nexus.exchange.ocds.packages import Head, RecordText, record_package, release_package
from nexus.exchange.ocds.processes import Release, merged
from nexus.exchange.ocds.publishing.rules import content_of
from nexus.exchange.ocds.publishing.tagging import tags_of
from nexus.purchasing.contracts.model import ContractState
from nexus.purchasing.procurements.model import AwardState, ProcurementState
from tests.exchange.contracting import purchases as p
from tests.exchange.contracting.validating import faults, schema_errors

HEAD = Head("https://example.org/ocds/releases", datetime(2026, 3, 1, tzinfo=UTC))


def releases() -> list[dict[str, Any]]:
    """Every stage of a purchase, one release after the other."""
    found: list[dict[str, Any]] = []
    before = None
    for at, (changes, _) in enumerate(p.STAGES, 1):
        content = content_of(p.purchase(**changes))
        head = {"id": f"{p.OCID}-{at:04d}", "date": f"2026-03-{at:02d}T00:00:00+08:00"}
        found.append({**content, **head, "tag": tags_of(before, content)})
        before = content
    return found


def texts(listed: list[dict[str, Any]]) -> list[str]:
    return [json.dumps(one, ensure_ascii=False) for one in listed]


def test_every_stage_has_its_tags() -> None:
    assert [one["tag"] for one in releases()] == [tags for _, tags in p.STAGES]


def test_release_packages_are_valid() -> None:
    package = json.loads(release_package(HEAD, texts(releases())))
    assert schema_errors(package) == []
    assert faults(package) == {}


def test_record_packages_are_valid() -> None:
    listed = releases()
    compiled, changed = merging.compiled(listed)
    assert changed == []
    record = RecordText(p.OCID, texts(listed), compiled)
    package = json.loads(record_package(HEAD, [record]))
    assert schema_errors(package) == []
    assert faults(package) == {}
    assert rules.of_record(package["records"][0]) == []


def test_the_validators_see_what_is_wrong() -> None:
    """Or the tests above would say nothing."""
    package = json.loads(release_package(HEAD, texts(releases())))
    for path, value in (
        (("ocid",), None),
        (("tender", "status"), "open"),
        (("date",), "yesterday"),
        (("contracts", 0, "value", "amount"), "many"),
    ):
        spoilt = copy.deepcopy(package)
        inner = spoilt["releases"][2]
        for part in path[:-1]:
            inner = inner[part]
        inner[path[-1]] = value
        assert schema_errors(spoilt) != []
        assert faults(spoilt) != {}


def test_the_last_release_has_everything() -> None:
    """A reader needs no earlier one: it is what all of them come to."""
    listed = releases()
    compiled, _ = merging.compiled(listed)
    plain = {name: value for name, value in listed[-1].items() if name not in merging.OMITTED}
    assert {name: compiled[name] for name in plain} == plain


def test_nothing_is_found_in_what_is_published() -> None:
    listed = releases()
    assert [rules.of_release(one) for one in listed] == [[]] * len(listed)
    kept = [Release(p.key(one["id"]), one["id"], one) for one in listed]
    assert merged(kept)[1] == []


@pytest.mark.parametrize(
    ("state", "status", "final"),
    [
        (ContractState.ACTIVE, "active", None),
        (ContractState.SUSPENDED, "active", None),
        (ContractState.TERMINATED_SUCCESSFULLY, "terminated", "terminatedSuccessfully"),
        (ContractState.TERMINATED_EARLY, "terminated", "terminatedEarly"),
        (ContractState.CANCELLED, "cancelled", "cancelled"),
        (ContractState.UNSUCCESSFUL, "cancelled", "unsuccessful"),
    ],
)
def test_both_editions_of_a_contract_s_end(
    state: ContractState, status: str, final: str | None
) -> None:
    agreed = p.agreed(contract=p.contract(state=state))
    (found,) = content_of(p.purchase(agreed=[agreed]))["contracts"]
    assert (found["status"], found.get("finalStatus")) == (status, final)


@pytest.mark.parametrize("state", ProcurementState)
def test_every_state_of_a_procurement_is_valid(state: ProcurementState) -> None:
    content = content_of(p.purchase(procurement=p.procurement(state=state)))
    head = {"id": "1", "date": "2026-03-01T00:00:00+08:00", "tag": tags_of(None, content)}
    assert schema_errors(json.loads(release_package(HEAD, texts([content | head])))) == []


def test_endings_have_tags_of_their_own() -> None:
    tender = content_of(p.purchase(**p.TENDER))
    gone = p.procurement(state=ProcurementState.CANCELLED)
    assert tags_of(tender, content_of(p.purchase(**p.TENDER | {"procurement": gone}))) == [
        "tenderCancellation"
    ]
    awarded = content_of(p.purchase(agreed=[]))
    taken_back = p.purchase(agreed=[], awards=[p.award(state=AwardState.CANCELLED)])
    assert tags_of(awarded, content_of(taken_back)) == ["awardCancellation"]


def test_money_and_days_are_exact() -> None:
    (contract,) = content_of(p.purchase())["contracts"]
    assert contract["value"] == {"amount": 370000.5, "currency": "CNY"}
    assert contract["period"] == {
        "startDate": "2026-02-01T00:00:00+08:00",
        "endDate": "2027-01-31T23:59:59+08:00",
    }


def test_money_that_came_back_is_a_transaction_of_its_own() -> None:
    back = p.agreed(payments=[p.paid(), p.paid("PY-1-R", -9_000_000)])
    (contract,) = content_of(p.purchase(agreed=[back]))["contracts"]
    amounts = [one["value"]["amount"] for one in contract["implementation"]["transactions"]]
    assert amounts == [90000, -90000]
