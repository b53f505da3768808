"""Whether a step was right, by the rows before and after it: plain Python over JSON.

Nothing here asks nexus: sums, periods, gates and roads are worked out again from the domain's
words. Each failure names the invariant that it breaks.
"""

from collections import Counter, defaultdict

from tests.loop import book
from tests.loop.helping import (
    check_children,
    check_gates,
    check_ledger,
    check_limits,
    check_tranches,
)
from tests.loop.standing import check_aliases, check_consents, check_recognitions
from tests.loop.steps import Row, Step

KEPT = {
    "recognition": ("category", "household_id", "recipient_id", "valid_from", "created_by"),
    "consent": (
        "recipient_id",
        "given_by",
        "purposes",
        "data_classes",
        "receiver_ids",
        "text_hash",
    ),
    "pledge": ("line_id", "organization_id", "offer_id", "quantity", "override_id"),
    "delivery": ("pledge_id", "quantity", "delivered_on", "created_by"),
    "referral": ("from_organization_id", "to_organization_id", "data_classes", "consent_id"),
    "tranche": ("need_id", "no", "ground", "released_by"),
    "allocation_move": ("allocation_id", "from_bucket", "to_bucket", "quantity"),
    "recipient_alias": ("recipient_id", "organization_id", "alias"),
    "exchange_message": ("body", "payload_hash", "idempotency_key", "sequence", "event_id"),
    "authority_reply": ("need_id", "status", "sequence", "late"),
    "help_override": ("line_id", "reason", "rule", "quantity", "created_by"),
}
"""What never changes in a row once it is there (INV-21)."""
FINAL_ROWS = ("tranche", "allocation_move", "authority_reply", "exchange_message", "help_override")
"""Rows that are never taken away, as all others are not either."""


def judge(step: Step) -> None:
    """Every invariant that this step could have broken."""
    _roads(step)
    _kept(step)
    _second_persons(step)
    _owners(step)
    check_ledger(step)
    check_limits(step)
    check_gates(step)
    check_children(step)
    check_tranches(step)
    check_consents(step)
    check_aliases(step)
    check_recognitions(step)
    _overrides(step)
    _messages(step)
    if step.heard:
        _aftermath(step)


def _roads(step: Step) -> None:
    """INV-17: a listed move, told of, at a higher version; by somebody who may."""
    told = {event[2] for event in step.after["event"][len(step.before["event"]) :]}
    for table in book.EDGES:
        for earlier, row in step.changed(table):
            if earlier is None or earlier["state"] == row["state"]:
                continue
            road = (earlier["state"], row["state"])
            assert book.allowed(table, *road), f"INV-17 {table} {road} by {step.verb}"
            assert row["version"] > earlier["version"], f"INV-17 {table} moved at its version"
            if table != "exchange_message":
                assert row["id"] in told, f"INV-17 nobody was told of {table} {road}"
    if step.who is not None and step.before != step.after:
        assert step.who in book.MAY[step.verb], f"INV-17 {step.who} did {step.verb}"


def _kept(step: Step) -> None:
    """INV-21, INV-39: history only grows, and what was said stays said."""
    earlier = step.before["event"]
    assert step.after["event"][: len(earlier)] == earlier, "INV-39 history was changed"
    for table, names in KEPT.items():
        assert step.before[table].keys() <= step.after[table].keys(), f"INV-21 {table} lost a row"
        for before, row in step.changed(table):
            if before is not None:
                for name in names:
                    assert before[name] == row[name], f"INV-21 {table}.{name} changed"


def _second_persons(step: Step) -> None:
    """INV-18: no two of these hats on one head."""
    hats = (
        ("need", "verified_by", "created_by"),
        ("delivery", "acknowledged_by", "created_by"),
        ("referral", "accepted_by", "sent_by"),
        ("referral", "confirmed_by", "completed_by"),
    )
    for table, one, other in hats:
        for _, row in step.changed(table):
            same = row[one] is not None and row[one] == row[other]
            assert not same, f"INV-18 {table}: {one} is {other}"
    for _, row in step.changed("pledge"):
        who = step.people.get(str(row["accepted_by"]))
        own = who is not None and who["organization_id"] == row["organization_id"]
        assert not own, "INV-18 a pledge was accepted by its own organization"


def _owners(step: Step) -> None:
    """INV-20: somebody, and of the side whose turn it is."""
    for _, row in step.changed("need"):
        assert row["owner_id"] is not None, "INV-20 a need without owner"
    for _, row in step.changed("obligation"):
        assert row["organization_id"] is not None, "INV-20 an obligation without owner"
    for _, row in step.changed("referral"):
        theirs = row["state"] in ("accepted", "in_progress", "on_hold")
        side = row["to_organization_id" if theirs else "from_organization_id"]
        owner = step.people.get(str(row["owner_id"]))
        assert owner is not None, "INV-20 a referral without owner"
        assert owner["organization_id"] == side, "INV-20 a referral with the wrong side"


def _overrides(step: Step) -> None:
    """INV-22: who, why, by which rule."""
    for _, row in step.changed("help_override"):
        who = step.people.get(str(row["created_by"]))
        assert who is not None, "INV-22 an override by nobody"
        assert who["role"] == "gov_approver", "INV-22 an override by no approver"
        assert row["reason"], "INV-22 an override without a reason"
        assert row["rule"].startswith("help_limit:"), "INV-22 an override of no rule"
        assert row["snapshot"], "INV-22 an override without what it was decided on"
    for _, row in step.changed("obligation"):
        if row["state"] == "waived":
            assert row["closed_by"], "INV-22 let go by nobody"
            assert row["state_reason"], "INV-22 let go without a reason"
        if row["state"] == "done":
            assert row["evidence"], "an obligation done without evidence"


def _messages(step: Step) -> None:
    """INV-37, INV-38: one message an event, counted without a gap; one effect a word."""
    sequences: dict[str, list[int]] = defaultdict(list)
    causes: Counter[str] = Counter()
    for row in step.rows("exchange_message").values():
        if row["direction"] == "out":
            sequences[row["thread_id"]].append(row["sequence"])
            causes[row["event_id"]] += 1
    for found in sequences.values():
        assert sorted(found) == list(range(1, len(found) + 1)), "INV-37 a gap in the counting"
    assert all(count == 1 for count in causes.values()), "INV-37 an event told twice"
    brought = [r for r in step.rows("exchange_message").values() if r["direction"] == "in"]
    assert len({row["idempotency_key"] for row in brought}) == len(brought), "INV-38 a key twice"
    effects = {row["reply_id"] for row in brought}
    assert effects == set(step.rows("authority_reply")), "INV-38 effects and words differ"
    if step.carried:
        told = sum(causes.values())
        wanted = sum(event[1] in TOLD for event in step.after["event"])
        assert told == wanted, f"INV-37 {wanted} events, {told} messages"


TOLD = {
    *(f"need.{verb}" for verb in ("published", "paused", "resumed", "closed", "cancelled")),
    *("need.frozen", "need.confirmed", "need.reopened", "need.quantity_changed"),
    "need.tranche_released",
    *(f"pledge.{verb}" for verb in ("offered", "accepted", "rejected", "withdrawn", "expired")),
    *("pledge.release_requested", "pledge.released", "pledge.kept", "pledge.fulfilled"),
    *("pledge.partly_fulfilled", "pledge.unfulfilled"),
    *(f"delivery.{verb}" for verb in ("recorded", "acknowledged", "disputed", "upheld")),
    *("delivery.reversed", "delivery.verified"),
    *(f"referral.{verb}" for verb in ("sent", "accepted", "rejected", "started", "held")),
    *("referral.resumed", "referral.completed", "referral.failed", "referral.recalled"),
    *("referral.expired", "referral.entered_in_error", "referral.outcome_confirmed"),
    "referral.reopened",
}
"""What the publishing authority is told of (T5e)."""


def _aftermath(step: Step) -> None:
    """INV-12, INV-22: once all news is heard, nothing goes on without its consent."""
    consents = step.rows("consent")
    dead = {key: row for key, row in consents.items() if row["state"] not in ("granted",)}
    for row in step.rows("referral").values():
        if row["state"] in ("requested", "accepted", "in_progress"):
            assert row["consent_id"] not in dead, f"INV-12 {row['state']} under an ended consent"
    for row in step.rows("need").values():
        if row["state"] == "published":
            assert row["consent_id"] not in dead, "INV-12 published under an ended consent"
    asked = {
        (row["subject_id"], row["organization_id"])
        for row in step.rows("obligation").values()
        if row["kind"] == "stop_processing"
    }
    for key, row in dead.items():
        if row["state"] in ("withdrawn", "expired", "lapsed"):
            for holder in _holders(step, key, row):
                assert (key, holder) in asked, "INV-12 a holder was not asked to stop"
    waived = {r["id"] for r in step.rows("obligation").values() if r["state"] == "waived"}
    leave = set(step.rows("help_override"))
    alerted = {r["subject_id"] for r in step.rows("alert").values() if r["kind"] == "override"}
    assert waived | leave <= alerted, "INV-22 an override of which no alert tells"


def _holders(step: Step, consent_id: str, consent: Row) -> set[str]:
    """Who had data under the consent: who is named, took up a need, or took on a referral."""
    found = set(consent["receiver_ids"])
    needs = step.rows("need")
    for pledge in step.rows("pledge").values():
        if needs[pledge["need_id"]]["consent_id"] == consent_id and pledge["accepted_at"]:
            found.add(pledge["organization_id"])
    for referral in step.rows("referral").values():
        if referral["consent_id"] == consent_id and referral["accepted_at"]:
            found.add(referral["to_organization_id"])
    return found
