"""Every deed of the loop: from which states it may succeed, and what it is given."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from nexus.acting import SHANGHAI
from nexus.exchange.messages.acks.operations import replay_message
from nexus.exchange.messages.receiving.operations import receive_message
from nexus.exchange.messages.receiving.rules import Said
from nexus.matching.deliveries import operations as deliveries
from nexus.matching.helped.operations import override_duplicate_help
from nexus.matching.pledges import operations as pledges
from nexus.matching.pledges.model import Acknowledgement
from nexus.matching.referrals import operations as referrals
from nexus.matching.replies.model import ReplyReason, ReplyStatus
from nexus.needs import operations as needs
from nexus.needs.model import CloseReason
from nexus.needs.staging.operations import release_tranche
from nexus.needs.standing.operations import confirm_need_still_stands
from nexus.obligations import operations as obligations
from nexus.recipients.consents import operations as consents
from nexus.recipients.model import ConsentKind, ConsentMethod, GivenBy, Level, RecheckClass
from nexus.recipients.recognitions import operations as recognitions
from tests.loop import book
from tests.loop.steps import Row

Given = Callable[[Any, Row, int], dict[str, Any]]
WHY = {"reason": "说明"}
EVERY = ("draft", "requested", "accepted", "in_progress", "on_hold", "completed")


def why(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return dict(WHY)


def nothing(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Deed:
    """A verb on a row: `states` are those from which it is listed, `given` is what it is told."""

    deed: Any
    states: tuple[str, ...]
    given: Given = why
    fits: Callable[[Any, Row], bool] = lambda machine, row: True
    """Beyond the state: whether it is worth trying."""


def today(machine: Any) -> date:
    """The business day of the stage."""
    found: date = machine.stage.at.astimezone(SHANGHAI).date()
    return found


def _one_of(items: Any, draw: int) -> Any:
    return items[draw % len(items)]


# Recognitions ------------------------------------------------------------------------------


def _checked(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    day = today(machine) - timedelta(days=draw % 40)
    return {
        "recheck_class": _one_of(list(RecheckClass), draw),
        "checked_on": _one_of([None, day], draw // 2),
    }


def _until(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"valid_to": _one_of([None, today(machine) + timedelta(days=draw % 90 - 5)], draw)}


def _tapered(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"tapered_on": today(machine) - timedelta(days=draw % 250)}


def _ended(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"end_reason": _one_of(["INCOME", "DEATH", "RECIPIENT_WISH"], draw)}


RECOGNITION = {
    "confirm": Deed(recognitions.confirm_recognition, ("pending",)),
    "review": Deed(recognitions.review_recognition, ("active",)),
    "uphold": Deed(recognitions.uphold_recognition, ("under_review",), _checked),
    "taper": Deed(recognitions.taper_recognition, ("active",), _tapered),
    "suspend": Deed(recognitions.suspend_recognition, ("active",)),
    "reinstate": Deed(recognitions.reinstate_recognition, ("suspended",)),
    "change_recheck": Deed(recognitions.change_recheck_class, ("active", "suspended"), _checked),
    "prolong": Deed(recognitions.prolong_recognition, ("pending", "active"), _until),
    "end": Deed(recognitions.end_recognition, ("active", "suspended", "taper"), _ended),
    "mark_error": Deed(
        recognitions.mark_recognition_error, ("pending", "active", "taper", "ended")
    ),
}

# Consents and needs ------------------------------------------------------------------------


def _asserted(machine: Any, row: Row) -> bool:
    return bool(row["kind"] == "assertion")


CONSENT = {
    "grant": Deed(consents.grant_consent, ("requested",)),
    "refuse": Deed(consents.refuse_consent, ("requested",)),
    "withdraw": Deed(consents.withdraw_consent, ("granted",)),
    "supersede": Deed(consents.supersede_consent, ("granted",)),
    "confirm": Deed(consents.confirm_consent, ("granted",), why, _asserted),
}


def _granted(machine: Any, row: Row) -> list[str]:
    """Consents of the need's person that stand."""
    return [
        key
        for key, consent in machine.world["consent"].items()
        if consent["recipient_id"] == row["recipient_id"] and consent["state"] == "granted"
    ]


def _anew(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    """Under the consent it has, or under another that stands."""
    granted = _granted(machine, row)
    chosen = _one_of(granted if granted and draw % 5 else [None], draw // 5)
    return dict(WHY) | ({} if chosen is None else {"consent_id": UUID(chosen)})


def _released(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    found = _anew(machine, row, draw)
    found.pop("reason")
    return found


def _lines(machine: Any, row: Row) -> list[Row]:
    found = [r for r in machine.world["need_line"].values() if r["need_id"] == row["id"]]
    return sorted(found, key=lambda line: int(line["position"]))


def _asked(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    line = _one_of(_lines(machine, row), draw)
    return {"on": UUID(line["id"]), "quantity": Decimal(draw % 400 + 1)}


def _closing(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"close_reason": _one_of(list(CloseReason), draw // 3 % 3)}


def _vouched(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"evidence": "入户核实", "approval_cap_fen": _one_of([50_000, 50_000, 40_000], draw)}


def _holds(machine: Any, row: Row) -> bool:
    return any(line["held"] for line in _lines(machine, row))


def _frozen(machine: Any, row: Row) -> bool:
    return bool(row["confirm_needed"])


def _unmet(machine: Any, row: Row) -> bool:
    return not any(line["reserved"] or line["committed"] for line in _lines(machine, row))


OUT = ("published", "paused")
NEED = {
    "submit": Deed(needs.submit_need, ("draft", "returned"), nothing),
    "verify": Deed(needs.verify_need, ("submitted",), _vouched),
    "return": Deed(needs.return_need, ("submitted",)),
    "reject": Deed(needs.reject_need, ("submitted",)),
    "publish": Deed(needs.publish_need, ("verified",), _released),
    "pause": Deed(needs.pause_need, ("published",)),
    "resume": Deed(needs.resume_need, ("paused",), _anew),
    "change_quantity": Deed(needs.change_quantity, OUT, _asked),
    "release_tranche": Deed(release_tranche, OUT, why, _holds),
    "close": Deed(needs.close_need, OUT, _closing, _unmet),
    "cancel": Deed(needs.cancel_need, OUT),
    "reopen": Deed(needs.reopen_need, ("closed",)),
    "confirm": Deed(confirm_need_still_stands, OUT, why, _frozen),
}

# Pledges and deliveries --------------------------------------------------------------------

PLEDGE = {
    "accept": Deed(pledges.accept_pledge, ("offered",)),
    "reject": Deed(pledges.reject_pledge, ("offered",)),
    "withdraw": Deed(pledges.withdraw_pledge, ("offered", "accepted")),
    "request_release": Deed(pledges.request_release, ("accepted", "partly_fulfilled")),
    "release": Deed(pledges.release_pledge, ("release_requested",)),
    "keep": Deed(pledges.keep_pledge, ("release_requested",)),
}


def _by_word(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"method": Acknowledgement.OTP}


DELIVERY = {
    "acknowledge": Deed(deliveries.acknowledge_delivery, ("recorded",), _by_word),
    "dispute": Deed(deliveries.dispute_delivery, ("recorded",)),
    "uphold": Deed(deliveries.uphold_delivery, ("disputed",)),
    "reverse": Deed(deliveries.reverse_delivery, ("disputed",)),
    "verify": Deed(deliveries.verify_delivery, ("acknowledged",)),
}

# Referrals ---------------------------------------------------------------------------------


def _planned(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"planned_on": today(machine) + timedelta(days=draw % 20)}


def _outcome(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"outcome": _one_of(["no_show", "got_help", "not_eligible"], draw)}


def _asked_on(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"contacted_on": today(machine)}


def _coded(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"code": _one_of(["no_capacity", "not_eligible"], draw)}


def _further(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"line_ids": [], "package": _package(machine, draw)}


REFERRAL = {
    "send": Deed(referrals.send_referral, ("draft",)),
    "accept": Deed(referrals.accept_referral, ("requested",), _planned),
    "reject": Deed(referrals.reject_referral, ("requested",), _coded),
    "start": Deed(referrals.start_referral, ("accepted",)),
    "hold": Deed(referrals.hold_referral, ("accepted", "in_progress")),
    "resume": Deed(referrals.resume_referral, ("on_hold",)),
    "complete": Deed(referrals.complete_referral, ("in_progress",), _outcome),
    "fail": Deed(referrals.fail_referral, ("accepted", "in_progress")),
    "recall": Deed(referrals.recall_referral, EVERY[1:5]),
    "mark_error": Deed(referrals.mark_referral_error, EVERY[:5]),
    "confirm_outcome": Deed(referrals.confirm_outcome, ("completed",), _asked_on),
    "reopen": Deed(referrals.reopen_referral, ("completed",)),
    "onward": Deed(referrals.refer_onward, ("accepted", "in_progress"), _further),
}


CLASSES = [[], ["D2"], ["D3", "D4"], ["D2", "D3", "D4"], ["D4"], ["D2"], [], ["D5"], ["D7"]]


def _package(machine: Any, draw: int) -> referrals.Package:
    rows = machine.stage.rows
    receiver = _one_of(["one", "other", "other", "bureau", "agency"], draw)
    station = rows["station"].id if receiver == "agency" else None
    classes = _one_of(CLASSES, draw // 5)
    return referrals.Package(
        to_organization_id=rows[receiver].id, to_station_id=station, data_classes=classes
    )


# Obligations and messages ------------------------------------------------------------------


def _evidence(machine: Any, row: Row, draw: int) -> dict[str, Any]:
    return {"evidence": "已停止使用并删除"}


OBLIGATION = {
    "discharge": Deed(obligations.discharge_obligation, ("open",), _evidence),
    "waive": Deed(obligations.waive_obligation, ("open",)),
}
MESSAGE = {"replay": Deed(replay_message, ("dead",), nothing)}

DEEDS: dict[str, dict[str, Deed]] = {
    "recognition": RECOGNITION,
    "consent": CONSENT,
    "need": NEED,
    "pledge": PLEDGE,
    "delivery": DELIVERY,
    "referral": REFERRAL,
    "obligation": OBLIGATION,
    "exchange_message": MESSAGE,
}

OFTEN = {"referral": 6, "pledge": 4, "delivery": 4, "need": 3, "recognition": 2, "consent": 2}
"""How often a noun's turn comes; the others once."""
RARE = {
    *("consent.withdraw", "consent.supersede", "consent.refuse", "need.cancel", "need.close"),
    *("need.return", "need.reject", "recognition.mark_error", "referral.mark_error"),
    *("referral.recall", "referral.fail", "pledge.withdraw", "pledge.reject", "need.pause"),
    *("referral.reject", "referral.hold", "need.change_quantity"),
}
"""Verbs that end what others need: seldom, so that there is something left to do."""
SELDOM = 0.1


def weights(verbs: Iterable[str]) -> dict[str, float]:
    """How often each verb's turn comes."""
    return {
        verb: OFTEN.get(verb.partition(".")[0], 1) * (SELDOM if verb in RARE else 1)
        for verb in verbs
    }


# Making ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Plan:
    """A deed that makes a row, and who of the cast could do just this."""

    deed: Any
    given: dict[str, Any]
    on: tuple[Any, ...] = ()
    who: set[str] = field(default_factory=set)
    verb: str = ""
    """What it is, where it is not what was asked for."""
    refused: bool = False
    """It must not succeed, whoever does it."""


def _recognise(machine: Any, draw: int) -> Plan:
    rows = machine.stage.rows
    start = today(machine) - timedelta(days=draw % 7 * 50)
    subject = _one_of(
        [
            {"recipient_id": rows["person"].id},
            {"household_id": rows["home"].id},
            {"recipient_id": rows["child"].id},
            {"recipient_id": rows["other_person"].id},
        ],
        draw // 7,
    )
    given = {
        "category": _one_of(["DB", "TK", "BY", "DB-S", "GX"], draw // 3),
        "authority_id": rows["bureau"].id,
        "level": Level.COUNTY,
        "decided_on": start,
        "valid_from": start,
        "valid_to": _one_of([None, start + timedelta(days=60 + draw % 300)], draw),
        "rule_version": "2026-1",
        "income_ratio": _one_of([None, Decimal("1.2"), Decimal("1.7")], draw // 2),
        "recheck_class": _one_of([None, *RecheckClass], draw),
    }
    return Plan(recognitions.record_recognition, given | subject)


def _consent(machine: Any, draw: int) -> Plan:
    rows = machine.stage.rows
    person = _one_of(["person", "person", "other_person", "child"], draw)
    given = {
        "recipient_id": rows[person].id,
        "given_by": _one_of([GivenBy.SELF, GivenBy.SELF, GivenBy.GUARDIAN], draw // 4),
        "kind": _one_of([ConsentKind.OWN, ConsentKind.OWN, ConsentKind.ASSERTION], draw // 3),
        "purposes": _one_of([["PUB", "MATCH", "REF"]] * 3 + [["PUB"], ["REF"]], draw // 5),
        "data_classes": _one_of([["D1", "D2", "D3", "D4"]] * 5 + [["D1"], ["D1", "D8"]], draw // 6),
        "receiver_ids": _one_of([[], [rows["one"].id], [rows["other"].id]], draw // 7),
        "text_version": "2026-1",
        "text_hash": "0" * 64,
        "method": ConsentMethod.PAPER_SCAN,
        "obtained_at": machine.stage.at,
        "expires_on": today(machine) + timedelta(days=10 + draw % 100),
    }
    return Plan(consents.record_consent, given)


def _pledge(machine: Any, draw: int) -> Plan:
    lines = list(machine.world["need_line"].values())
    out = [line for line in lines if line["published"] and _consented(machine, line)]
    line = _one_of(out if out and draw % 9 else lines, draw)
    given = {"quantity": Decimal(_one_of([20, 60, 110, 150], draw // 9))}
    who = {"one", "client"} if draw % 3 else {"other"}
    return Plan(pledges.offer_pledge, given, (UUID(line["id"]),), who, "pledge.offer")


def _consented(machine: Any, line: Row) -> bool:
    need = machine.world["need"][line["need_id"]]
    return bool(machine.world["consent"][need["consent_id"]]["state"] == "granted")


def _leave(machine: Any, draw: int) -> Plan:
    rice = [r for r in machine.world["need_line"].values() if r["item_code"] == "FOOD.RICE"]
    line = _one_of(rice, draw)
    given = {"quantity": Decimal(draw % 4 * 60 + 90), "reason": "两户合住"}
    return Plan(override_duplicate_help, given, (UUID(line["id"]),))


def _deliver(machine: Any, draw: int) -> Plan:
    owing = [
        (machine.world["pledge"][a["pledge_id"]], a["committed"])
        for a in machine.world["allocation"].values()
        if a["committed"] > 0 or draw % 9 == 0
    ]
    if not owing:
        return _pledge(machine, draw)
    pledge, committed = _one_of(owing, draw)
    part = Decimal(committed) if draw % 3 else Decimal(committed) / 2
    may = book.MAY["delivery.record"]
    own = {name for name in may if machine.side_of(name) == pledge["organization_id"]}
    given = {"quantity": max(part, Decimal(1)), "delivered_on": today(machine)}
    return Plan(deliveries.record_delivery, given, (UUID(pledge["id"]),), own)


def _refer(machine: Any, draw: int) -> Plan:
    rows = machine.stage.rows
    out = [n for n in rows["needs"] if machine.world["need"][str(n.id)]["state"] == "published"]
    need = _one_of(out or rows["needs"], draw)
    line = _one_of(need.lines, draw // 4)
    given = {
        "lines": {line.id: _one_of([None, Decimal(draw % 30 + 1)], draw)},
        "package": _package(machine, draw // 2),
    }
    who = {"clerk", "worker", "lead"} if draw % 6 else set()
    return Plan(referrals.create_referral, given, (need.id,), who)


def _reply(machine: Any, draw: int) -> Plan:
    """A word under one of a few keys: late, repeated, or another under a key that is known."""
    need = _one_of(machine.stage.rows["needs"], draw // 12)
    ended = draw % 3 == 0
    said = Said(
        need_no=need.no,
        delivery_no=None,
        status=ReplyStatus.CLOSED if ended else ReplyStatus.REOPENED,
        reason=ReplyReason.RESOURCED_ELSEWHERE if ended else None,
        sequence=draw % 4 + 1,
        happened_at=machine.stage.rows["began"],
    )
    return Plan(receive_message, {"key": f"k-{draw % 6}", "said": said})


MAKING = {"pledge.offer": 4, "referral.create": 4, "delivery.record": 4}
MAKING |= {"pledge.override": 2, "consent.record": 3}
"""How often each is made; the others once."""
MAKERS: dict[str, Callable[[Any, int], Plan]] = {
    "recognition.record": _recognise,
    "consent.record": _consent,
    "pledge.offer": _pledge,
    "pledge.override": _leave,
    "delivery.record": _deliver,
    "referral.create": _refer,
    "message.reply": _reply,
}

ALWAYS = (
    *("consent.record", "consent.withdraw", "pledge.offer", "pledge.accept", "delivery.record"),
    *("referral.create", "referral.send", "referral.accept", "referral.start", "need.verify"),
    *("recognition.record", "recognition.confirm", "delivery.acknowledge", "message.reply"),
)
"""What even the shortest run has done."""


def _not(plan: Plan) -> Plan:
    return replace(plan, refused=True)


def _to(organization: Any, classes: list[str]) -> referrals.Package:
    return referrals.Package(to_organization_id=organization.id, data_classes=classes)


def walk(machine: Any) -> Iterator[tuple[str, str, Plan]]:
    """Deeds that close the loop once: each reads the world that the one before left."""
    rows = machine.stage.rows

    def newest(table: str) -> Row:
        found: Row = list(machine.world[table].values())[-1]
        return found

    def moving(noun: str, verb: str, **given: Any) -> Plan:
        row = newest(noun)
        more = {"expected_version": row["version"], **given}
        return Plan(DEEDS[noun][verb].deed, more, (UUID(row["id"]),))

    yield "recognition.record", "approver", _recognise(machine, 0)
    yield "recognition.confirm", "second", moving("recognition", "confirm")
    yield "recognition.taper", "second", moving("recognition", "taper")
    yield "recognition.record", "clerk", _not(_recognise(machine, 12))
    need = rows["needs"][3]
    line = need.lines[0]
    pledged = {"quantity": Decimal(10)}
    yield "pledge.offer", "other", Plan(pledges.offer_pledge, pledged, (line.id,))
    yield "pledge.accept", "worker", moving("pledge", "accept")
    given = {"quantity": Decimal(5), "delivered_on": today(machine)}
    pledge = UUID(newest("pledge")["id"])
    yield "delivery.record", "other", Plan(deliveries.record_delivery, given, (pledge,))
    said = {"method": Acknowledgement.OTP}
    yield "delivery.acknowledge", "worker", moving("delivery", "acknowledge", **said)
    yield "delivery.record", "worker", Plan(deliveries.record_delivery, given, (pledge,))
    yield "delivery.acknowledge", "worker", _not(moving("delivery", "acknowledge", **said))
    for end, more in (("complete", {"outcome": "no_show"}), ("fail", WHY)):
        asked = {"lines": {line.id: Decimal(4)}, "package": _to(rows["one"], ["D2"])}
        yield "referral.create", "clerk", Plan(referrals.create_referral, asked, (need.id,))
        yield "referral.send", "clerk", moving("referral", "send")
        yield "referral.accept", "one", moving("referral", "accept", planned_on=today(machine))
        yield "referral.start", "client", moving("referral", "start")
        yield f"referral.{end}", "one", moving("referral", end, **more)
        yield "referral.recall", "clerk", _not(moving("referral", "recall", **WHY))
    package = referrals.Package(
        to_organization_id=rows["agency"].id,
        to_station_id=rows["station"].id,
        data_classes=["D2", "D3", "D4"],
    )
    made = {"lines": {line.id: None}, "package": package}
    yield "referral.create", "clerk", Plan(referrals.create_referral, made, (need.id,))
    yield "referral.send", "clerk", moving("referral", "send")
    yield "referral.accept", "lead", moving("referral", "accept", planned_on=today(machine))
    yield "referral.start", "worker", moving("referral", "start")
    further = {"line_ids": [], "package": _to(rows["other"], ["D2", "D5"])}
    yield "referral.onward", "worker", _not(moving("referral", "onward", **further))
    yield "message.reply", "clerk", _reply(machine, 1)
    yield "message.reply", "clerk", _reply(machine, 1)
    staged = machine.world["need"][str(rows["needs"][2].id)]
    vouched = {"expected_version": staged["version"], **_vouched(machine, staged, 0)}
    yield "need.verify", "second", Plan(needs.verify_need, vouched, (rows["needs"][2].id,))
    yield "consent.record", "worker", _consent(machine, 0)
    child = _consent(machine, 3)
    assert child.given["recipient_id"] == rows["child"].id
    child.given["given_by"] = GivenBy.SELF
    yield "consent.record", "worker", _not(child)
    for number, who, quantity, passes in ((0, "one", 150, True), (1, "other", 90, False)):
        rice = (rows["needs"][number].lines[0].id,)
        plan = Plan(pledges.offer_pledge, {"quantity": Decimal(quantity)}, rice)
        yield "pledge.offer", who, plan if passes else _not(plan)
    consent = machine.world["consent"][str(rows["other_consent"].id)]
    version = {"expected_version": consent["version"]}
    key = (rows["other_consent"].id,)
    yield "consent.withdraw", "dpo", Plan(consents.withdraw_consent, version, key)
