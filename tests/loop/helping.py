"""What help may be promised, on which ground, and that its sums are right."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from tests.loop import book
from tests.loop.steps import Row, Step, moment


def check_ledger(step: Step) -> None:
    """INV-01, INV-04, INV-05, INV-08: sums of moves, lines, and what an end leaves."""
    allocations = step.rows("allocation")
    summed: dict[str, Counter[str]] = defaultdict(Counter)
    for move in step.rows("allocation_move").values():
        summed[move["allocation_id"]][move["to_bucket"]] += move["quantity"]
        summed[move["allocation_id"]][move["from_bucket"]] -= move["quantity"]
    lines: dict[str, Counter[str]] = defaultdict(Counter)
    for row in allocations.values():
        for name in book.BUCKETS:
            assert row[name] == summed[row["id"]][name], "INV-04 an allocation is not its moves"
            lines[row["line_id"]][name] += row[name]
    for line in step.rows("need_line").values():
        for name in book.BUCKETS:
            assert line[name] == lines[line["id"]][name], "INV-04 a line is not its allocations"
        required = line["quantity_required"]
        assert required is None or _live(line) <= required, "INV-01 more than was asked for"
    for _, pledge in step.changed("pledge"):
        held = next(a for a in allocations.values() if a["pledge_id"] == pledge["id"])
        owed = held["reserved"] + held["committed"]
        if pledge["state"] in ("rejected", "withdrawn", "expired", "released", "fulfilled"):
            assert owed == 0, f"INV-01 a {pledge['state']} pledge holds {owed}"
    live = [p for p in step.rows("pledge").values() if p["state"] in book.LIVE_PLEDGE]
    _once(((p["line_id"], p["organization_id"], p["offer_id"]) for p in live), "INV-08 pledges")
    for _, need in step.changed("need"):
        if need["state"] == "closed":
            _closed(step, need)


def _live(allocation: Row) -> Decimal:
    return sum((Decimal(allocation[name]) for name in book.BUCKETS), Decimal(0))


def _closed(step: Step, need: Row) -> None:
    for line in _lines(step, need):
        assert line["reserved"] + line["committed"] == 0, "INV-05 closed with help under way"
        if need["close_reason"] == "met":
            required = line["quantity_required"]
            assert required is None or line["confirmed"] >= required, "INV-05 met, unconfirmed"


def _lines(step: Step, need: Row) -> list[Row]:
    return [line for line in step.rows("need_line").values() if line["need_id"] == need["id"]]


def _once(keys: Iterable[Any], told: str) -> None:
    counted = Counter(keys)
    assert all(count == 1 for count in counted.values()), f"{told}: more than one is live"


def check_limits(step: Step) -> None:
    """INV-10: 200 kg of rice a household in 30 days, or an approver's leave."""
    lines, needs = step.rows("need_line"), step.rows("need")
    for earlier, pledge in step.changed("pledge"):
        line = lines[pledge["line_id"]]
        if earlier is not None or line["item_code"] != "FOOD.RICE":
            continue
        household = needs[line["need_id"]]["household_id"]
        if pledge["override_id"] is not None:
            leave = step.rows("help_override")[pledge["override_id"]]
            assert leave["household_id"] == household, "INV-10 leave for another household"
            assert leave["line_id"] == line["id"], "INV-10 leave for another line"
            assert leave["quantity"] >= pledge["quantity"], "INV-10 leave for less"
            continue
        helped = sum(
            _live(row)
            for row in step.rows("allocation").values()
            if lines[row["line_id"]]["item_code"] == "FOOD.RICE"
            and needs[lines[row["line_id"]]["need_id"]]["household_id"] == household
            and moment(row["created_at"]) > step.at - timedelta(days=book.RICE_DAYS)
        )
        assert helped <= book.RICE_MOST, f"INV-10 {helped} kg for one household"


GROUNDED = {("draft", "requested"), ("requested", "accepted"), ("on_hold", "in_progress")}
"""Moves that ask for the consent anew; whoever has accepted may begin, though not read."""


def check_gates(step: Step) -> None:
    """INV-07, INV-11, INV-14: what is begun stands on a need that is out, and on a consent."""
    needs, lines = step.rows("need"), step.rows("need_line")
    for earlier, pledge in step.changed("pledge"):
        if earlier is None or (earlier["state"], pledge["state"]) == ("offered", "accepted"):
            need, line = needs[pledge["need_id"]], lines[pledge["line_id"]]
            out = need["state"] == "published" and not need["confirm_needed"]
            assert out, f"INV-07 a pledge on a need that is {need['state']}"
            assert not line["held"], "INV-09 a pledge on a tranche that is not released"
    for earlier, row in step.changed("referral"):
        road = ((earlier or row)["state"], row["state"])
        if road in GROUNDED:
            for data_class in row["data_classes"]:
                told = f"INV-11 {row['state']} without a ground for {data_class}"
                assert step.grounded(row, data_class), told
    live = [r for r in step.rows("referral").values() if r["state"] in book.LIVE_REFERRAL]
    of = {row["id"]: row for row in live}
    told_lines = [r for r in step.rows("referral_line").values() if r["referral_id"] in of]
    _once(
        ((r["line_id"], r["to_organization_id"], r["to_station_id"]) for r in told_lines),
        "INV-08 referrals",
    )
    for earlier, need in step.changed("need"):
        if (earlier or need)["state"] != need["state"] == "published":
            assert not need["confirm_needed"], "INV-07 a frozen need was published"
            out = any(
                step.consented(need["consent_id"], "PUB", "D1", receiver)
                for receiver in _receivers(step, need)
            )
            assert out, "INV-11 published without consent"


def _receivers(step: Step, need: Row) -> list[Any]:
    consent = step.rows("consent").get(str(need["consent_id"]))
    return [None] if consent is None else consent["receiver_ids"] or [None]


def check_children(step: Step) -> None:
    """INV-19: nothing advances past its parent."""
    needs, pledges = step.rows("need"), step.rows("pledge")
    for earlier, row in step.changed("delivery"):
        if earlier is None:
            need = needs[pledges[row["pledge_id"]]["need_id"]]
            out = need["state"] == "published" and not need["confirm_needed"]
            assert out, f"INV-19 a delivery on a need that is {need['state']}"
    referrals = step.rows("referral")
    for earlier, row in step.changed("referral"):
        if earlier is None or row["parent_id"] is None or earlier["state"] == row["state"]:
            continue
        if row["state"] in ("accepted", "in_progress", "completed"):
            parent = referrals[row["parent_id"]]["state"]
            assert parent in ("accepted", "in_progress", "completed"), f"INV-19 past a {parent} one"
    for row in referrals.values():
        if row["parent_id"] is not None:
            parent_row = referrals[row["parent_id"]]
            more = set(row["data_classes"]) - set(parent_row["data_classes"])
            assert not more, f"INV-19 passed on more than was received: {more}"


def check_tranches(step: Step) -> None:
    """INV-09: within the approval, one after the other, each after what the one before brought."""
    for earlier, row in step.changed("tranche"):
        need = step.rows("need")[row["need_id"]]
        released = [t for t in step.rows("tranche").values() if t["need_id"] == need["id"]]
        total = sum(t["amount_fen"] for t in released)
        assert total <= (need["approval_cap_fen"] or 0), "INV-09 more than was approved"
        assert sorted(t["no"] for t in released) == list(range(1, len(released) + 1)), "INV-09"
        if earlier is None and row["ground"] == "arrived":
            for line in _lines(step, need):
                if line["tranche_no"] == row["no"] - 1:
                    came = line["delivered"] + line["confirmed"]
                    assert came >= line["quantity_required"], "INV-09 before the last arrived"
        if row["ground"] == "decided":
            assert row["reason"], "INV-09 decided without a reason"
    free = {(t["need_id"], t["no"]) for t in step.rows("tranche").values()}
    staged = {line["need_id"] for line in step.rows("need_line").values() if line["tranche_no"] > 1}
    for line in step.rows("need_line").values():
        if line["need_id"] in staged and line["published"]:
            assert (line["need_id"], line["tranche_no"]) in free, "INV-09 open before its tranche"
