"""Faults of the exchange with authorities, planted beside the need of a bridge."""

from collections.abc import Sequence

from tests.supervision.reporting import TICKET, report

_PARTNER = (
    "INSERT INTO exchange_partner (id, organization_id, mode, state, version, created_at, "
    "created_by, since_xact, failures, lease) SELECT gen_random_uuid(), publisher_id, 'pull', "
    "'active', 1, now(), created_by, {since}, 0, 0 FROM need WHERE id = :need"
)
_THREAD = (
    "INSERT INTO exchange_thread (id, partner_id, subject_id, sent, received) "
    "SELECT gen_random_uuid(), id, :need, {sent}, 0 FROM exchange_partner "
    "WHERE organization_id = (SELECT publisher_id FROM need WHERE id = :need)"
)
_REPLY = (
    "INSERT INTO authority_reply (id, need_id, authority_id, status, sequence, late, happened_at, "
    "created_at, created_by) SELECT gen_random_uuid(), id, publisher_id, 'accepted', 1, false, "
    "now(), now(), created_by FROM need WHERE id = :need"
)
_MESSAGE = (
    "INSERT INTO exchange_message (id, partner_id, thread_id, direction, kind, sequence, event_id, "
    "need_id, reply_id, body, payload_hash, idempotency_key, state, outcome, version, attempts, "
    "refusals, due_at, created_at, created_by, expires_at, finished_at, sent_at) "
    "SELECT gen_random_uuid(), t.partner_id, t.id, {direction}, {kind}, {sequence}, {event}, "
    ":need, {reply}, '{{}}', {hash}, {key}, {state}, {outcome}, 1, 0, 0, now(), now(), t.id, "
    "now(), {finished}, {sent_at} FROM exchange_thread t WHERE t.subject_id = :need"
)
_EVENT = "(SELECT id FROM event WHERE kind = '{kind}' ORDER BY position DESC LIMIT 1)"
_HASH = "encode(sha256('{}'), 'hex')"
_SINCE = "pg_snapshot_xmin(pg_current_snapshot())"
_OUT = {
    "direction": "'out'",
    "kind": "'pledge.offered'",
    "sequence": "1",
    "event": _EVENT.format(kind="pledge.offered"),
    "reply": "NULL",
    "hash": _HASH,
    "key": "gen_random_uuid()",
    "state": "'pending'",
    "outcome": "NULL",
    "finished": "NULL",
    "sent_at": "NULL",
}
_IN = _OUT | {
    "direction": "'in'",
    "kind": "'reply.accepted'",
    "event": "NULL",
    "reply": "(SELECT id FROM authority_reply WHERE need_id = :need)",
    "state": "'acked'",
    "outcome": "'applied'",
    "finished": "now()",
}


def _message(template: dict[str, str], **other: str) -> str:
    return _MESSAGE.format(**template | other)


def _exchange(sent: int) -> tuple[str, str]:
    return _PARTNER.format(since=_SINCE), _THREAD.format(sent=sent)


EXCHANGING: dict[str, Sequence[str]] = {
    "INV-37 each event is told": (
        _PARTNER.format(since="'0'"),
        "UPDATE feed_cursor SET xact = pg_current_xact_id(), position = 0 WHERE name = 'messages'",
    ),
    "INV-37 each hotline is answered": (
        _PARTNER.format(since="'0'"),
        report(
            "received",
            f"{TICKET}, 'created_by', (SELECT a.id FROM account a JOIN need n "
            "ON n.publisher_id = a.organization_id WHERE n.id = :need LIMIT 1)",
        ),
        "INSERT INTO event (id, kind, object_type, object_id, actor_id, actor_role, "
        "organization_id, occurred_at, facts) SELECT gen_random_uuid(), 'discovery.replied', "
        "'discovery_report', id, id, 'system', id, now(), '{}' FROM discovery_report "
        "WHERE no = 'D'",
        "UPDATE feed_cursor SET xact = pg_current_xact_id(), position = 9000000000000000 "
        "WHERE name = 'messages'",
    ),
    "INV-37 a message has its cause": (*_exchange(1), _message(_OUT, kind="'pledge.accepted'")),
    "INV-37 messages are counted without a gap": (*_exchange(2), _message(_OUT)),
    "INV-37 a household's order is kept": (
        *_exchange(2),
        _message(_OUT),
        _message(
            _OUT,
            sequence="2",
            kind="'pledge.accepted'",
            event=_EVENT.format(kind="pledge.accepted"),
            state="'sent'",
            sent_at="now()",
        ),
    ),
    "INV-38 a message is what it was": (
        *_exchange(1),
        _message(_OUT, hash="encode(sha256('{ }'), 'hex')"),
    ),
    "INV-38 each key once": (
        "ALTER TABLE exchange_message DROP CONSTRAINT "
        "uq_exchange_message_partner_id_direction_idempotency_key",
        *_exchange(2),
        _message(_OUT, key="'k'"),
        _message(
            _OUT,
            sequence="2",
            key="'k'",
            kind="'pledge.accepted'",
            event=_EVENT.format(kind="pledge.accepted"),
        ),
    ),
    "INV-38 each effect once": (
        *_exchange(0),
        _REPLY,
        _message(_IN),
        _message(_IN, sequence="2"),
    ),
    "INV-38 a reply came with a message": (_REPLY,),
}
