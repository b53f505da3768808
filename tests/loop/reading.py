"""What the two charities and a stranger read through the compiled path, held against the gates."""

from datetime import date
from typing import Any

from tests.loop import book
from tests.loop.stage import Stage
from tests.loop.steps import Row, Step

READERS = ("one", "other", "elsewhere")


async def check_sight(stage: Stage, world: dict[str, Any], people: dict[str, Row]) -> None:
    """INV-11 to INV-13: nothing is read but what a live consent opens at this very moment."""
    step = Step("reading", None, stage.at, world, world, people=people)
    for who in READERS:
        organization = str(stage.people[who].organization_id)
        seen = await stage.sees(who)
        for name in ("households", "recipients", "consents", "recognitions"):
            assert seen[name]["nodes"] == [], f"INV-13 {who} reads {name}"
        told = {stage.key(node["id"]): node for node in seen["referrals"]["nodes"]}
        assert set(told) == _referrals(step, organization), f"INV-11 {who} sees other referrals"
        for key, node in told.items():
            _check_package(step, world["referral"][key], node, organization)
        out = {stage.key(node["id"]): node for node in seen["needs"]["nodes"]}
        charity = who != "elsewhere"
        assert set(out) == _needs(step, organization, charity), f"INV-11 {who} sees other needs"
        for node in out.values():
            assert node["area"] is None, "INV-13 the town is told"
            assert len(node["shownArea"]["code"]) <= 6, "INV-13 the town is told"


def _referrals(step: Step, organization: str) -> set[str]:
    return {
        key
        for key, row in step.rows("referral").items()
        if row["from_organization_id"] == organization
        or (row["to_organization_id"] == organization and row["sent_at"] is not None)
    }


def _check_package(step: Step, row: Row, node: Row, organization: str) -> None:
    """Each class from acceptance on, as long as its ground stands; the summary on its ground."""
    received = row["to_organization_id"] == organization
    under_way = received and row["state"] in book.OPEN_REFERRAL
    classes = {c for c in row["data_classes"] if under_way and step.grounded(row, c)}
    assert set(node["openClasses"]) == classes, f"INV-11 {row['state']}: {node['openClasses']}"
    for name, data_class in (
        ("birthYear", "D3"),
        ("householdSize", "D4"),
        ("recipientAlias", "D1"),
    ):
        assert (node[name] is not None) == (data_class in classes), f"INV-11 {name} without ground"
    own = row["from_organization_id"] == organization
    summary = own or (received and step.grounded(row, "D1"))
    assert (node["summary"] is not None) == summary, "INV-12 the summary without its ground"


def _needs(step: Step, organization: str, charity: bool) -> set[str]:
    """What is out to partners, and rests on a consent to publish or match at this moment."""
    if not charity:
        return set()
    found = set()
    for key, need in step.rows("need").items():
        out = need["state"] in ("paused", "closed") or (
            need["state"] == "published"
            and date.fromisoformat(need["publish_from"]) <= step.today
            and (
                need["publish_until"] is None
                or date.fromisoformat(need["publish_until"]) > step.today
            )
        )
        if out and any(
            step.consented(need["consent_id"], purpose, "D1", organization)
            for purpose in ("PUB", "MATCH")
        ):
            found.add(key)
    return found
