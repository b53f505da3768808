"""What the domain allows, written out by hand from its tables: the oracle of the loop.

It imports nothing of nexus, so that a wrong table there is not repeated here.
"""

Moves = set[tuple[str, str]]

EDGES: dict[str, Moves] = {
    "recognition": {
        ("pending", "active"),
        ("active", "under_review"),
        ("under_review", "active"),
        ("active", "taper"),
        ("taper", "ended"),
        ("active", "suspended"),
        ("suspended", "active"),
        ("active", "ended"),
        ("suspended", "ended"),
        *(
            (state, "entered_in_error")
            for state in ("pending", "active", "under_review", "taper", "suspended", "ended")
        ),
    },
    "consent": {
        ("requested", "granted"),
        ("requested", "refused"),
        *(("granted", state) for state in ("withdrawn", "expired", "superseded", "lapsed")),
    },
    "need": {
        ("draft", "submitted"),
        ("submitted", "verified"),
        ("submitted", "returned"),
        ("returned", "submitted"),
        ("submitted", "rejected"),
        ("verified", "rejected"),
        ("verified", "published"),
        ("published", "paused"),
        ("paused", "published"),
        ("published", "closed"),
        ("paused", "closed"),
        ("closed", "verified"),
        *(
            (state, "cancelled")
            for state in ("draft", "submitted", "verified", "published", "paused")
        ),
    },
    "pledge": {
        ("offered", "accepted"),
        ("offered", "rejected"),
        ("offered", "withdrawn"),
        ("offered", "expired"),
        ("accepted", "withdrawn"),
        ("accepted", "expired"),
        ("accepted", "release_requested"),
        ("partly_fulfilled", "release_requested"),
        ("release_requested", "released"),
        ("release_requested", "accepted"),
        ("accepted", "partly_fulfilled"),
        ("accepted", "fulfilled"),
        ("partly_fulfilled", "fulfilled"),
        ("partly_fulfilled", "accepted"),
        ("fulfilled", "released"),
    },
    "delivery": {
        ("recorded", "acknowledged"),
        ("recorded", "disputed"),
        ("acknowledged", "verified"),
        ("disputed", "acknowledged"),
        ("disputed", "reversed"),
    },
    "referral": {
        ("draft", "requested"),
        ("requested", "accepted"),
        ("requested", "rejected"),
        ("requested", "expired"),
        ("accepted", "in_progress"),
        ("accepted", "on_hold"),
        ("in_progress", "on_hold"),
        ("on_hold", "in_progress"),
        ("in_progress", "completed"),
        ("accepted", "failed"),
        ("in_progress", "failed"),
        *((state, "cancelled") for state in ("requested", "accepted", "in_progress", "on_hold")),
        *(
            (state, "entered_in_error")
            for state in ("draft", "requested", "accepted", "in_progress", "on_hold")
        ),
    },
    "obligation": {("open", "done"), ("open", "waived")},
    "exchange_message": {
        ("pending", "sent"),
        ("failed", "sent"),
        ("pending", "acked"),
        ("failed", "acked"),
        ("sent", "acked"),
        *((state, "failed") for state in ("pending", "failed", "sent")),
        *((state, "dead") for state in ("pending", "failed", "sent")),
        ("dead", "pending"),
    },
}
SEVERAL = ("pledge", "exchange_message", "need")
"""What one step may move more than once: a release asks for itself, a message is tried again, the
clock pauses what news paused."""

_APPROVERS = {"approver", "second"}
_CLERKS = _APPROVERS | {"clerk"}
_RECORDERS = _CLERKS | {"worker", "lead", "aide"}
_DECIDERS = _CLERKS | {"worker", "lead"}
_LEADS = _CLERKS | {"lead"}
_GIVERS = {"one", "client", "other"}

MAY: dict[str, set[str]] = {
    **{
        f"recognition.{verb}": _APPROVERS
        for verb in ("record", "confirm", "review", "uphold", "taper", "suspend", "reinstate")
    },
    **{
        f"recognition.{verb}": _APPROVERS
        for verb in ("change_recheck", "prolong", "end", "mark_error")
    },
    **{
        f"consent.{verb}": _RECORDERS
        for verb in ("record", "grant", "refuse", "supersede", "confirm")
    },
    "consent.withdraw": _RECORDERS | {"dpo"},
    "need.verify": _APPROVERS | {"lead"},
    "need.return": _APPROVERS | {"lead"},
    "need.reject": _APPROVERS | {"lead"},
    "need.submit": _APPROVERS | {"clerk", "worker", "lead", "aide"},
    "need.publish": _CLERKS,
    "need.pause": _CLERKS | {"worker"},
    "need.resume": _CLERKS | {"worker"},
    "need.change_quantity": _APPROVERS,
    "need.release_tranche": _DECIDERS,
    "need.close": _DECIDERS,
    "need.cancel": _DECIDERS,
    "need.reopen": _LEADS,
    "need.confirm": _DECIDERS,
    "pledge.offer": _GIVERS,
    "pledge.accept": _DECIDERS,
    "pledge.reject": _DECIDERS,
    "pledge.withdraw": _GIVERS,
    "pledge.request_release": _GIVERS | _DECIDERS,
    "pledge.release": _DECIDERS,
    "pledge.keep": _DECIDERS,
    "pledge.override": _APPROVERS,
    "delivery.record": _GIVERS | _RECORDERS,
    "delivery.acknowledge": _RECORDERS,
    "delivery.dispute": _RECORDERS,
    "delivery.uphold": _DECIDERS,
    "delivery.reverse": _DECIDERS,
    "delivery.verify": _DECIDERS,
    "referral.create": {"clerk", "worker", "lead", *_GIVERS},
    "referral.send": {"clerk", "worker", "lead", *_GIVERS},
    "referral.recall": {"clerk", "worker", "lead", *_GIVERS},
    "referral.reopen": {"clerk", "worker", "lead", *_GIVERS},
    "referral.confirm_outcome": {"clerk", "worker", "lead", *_GIVERS},
    **{
        f"referral.{verb}": _CLERKS | _GIVERS | {"worker", "lead"}
        for verb in ("accept", "reject", "start", "complete", "fail", "hold", "resume")
    },
    "referral.onward": {"clerk", "worker", "lead", *_GIVERS},
    "referral.mark_error": _APPROVERS | {"one", "other", "lead", "dpo"},
    "obligation.discharge": {"one", "client", "other", *_CLERKS},
    "obligation.waive": _APPROVERS | {"dpo"},
    "message.reply": _CLERKS,
    "exchange_message.replay": _APPROVERS,
}
"""Who of the cast may do it to some row; everybody else is refused, whatever the row."""

SENDS = ("send", "recall", "reopen", "confirm_outcome")
RECEIVES = ("accept", "reject", "start", "complete", "fail", "onward")

LIVE_REFERRAL = {"requested", "accepted", "in_progress", "on_hold"}
OPEN_REFERRAL = {"accepted", "in_progress"}
LIVE_PLEDGE = {"offered", "accepted", "partly_fulfilled", "release_requested"}
BUCKETS = ("reserved", "committed", "delivered", "confirmed")
RICE_MOST, RICE_DAYS = 200, 30
"""The limit of help that every installation begins with, in kilograms a household and days."""


def reach(table: str, before: str) -> set[str]:
    """Every state that some road of listed moves leads to."""
    found: set[str] = set()
    edge = {before}
    while edge:
        edge = {b for a, b in EDGES[table] if a in edge} - found
        found |= edge
    return found


def allowed(table: str, before: str, after: str) -> bool:
    """Whether one step may have led from one state to the other."""
    if table in SEVERAL:
        return after in reach(table, before)
    return (before, after) in EDGES[table]


def final(table: str, state: str) -> bool:
    """No listed move leaves it."""
    return all(before != state for before, _ in EDGES[table])
