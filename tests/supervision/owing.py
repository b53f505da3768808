"""Faults of owners, overrides and obligations, planted beside the need of a bridge."""

from collections.abc import Sequence

from tests.supervision.referring import referral

_OWED = (
    "INSERT INTO obligation (id, no, kind, subject_type, subject_id, organization_id, area_code, "
    "due_at, state, version, created_at, created_by, evidence, state_reason, closed_at, closed_by) "
    "SELECT gen_random_uuid(), 'OB-' || gen_random_uuid(), {kind}, 'need', n.id, n.publisher_id, "
    "n.area_code, now(), {state}, 1, now(), n.created_by, {rest} FROM need n WHERE n.id = :need"
)
_ALERT = (
    "INSERT INTO alert (id, no, rule, rule_version, kind, stage, severity, subject_type, "
    "subject_id, evidence, area_code, due_at, state, version, opened_at) "
    "SELECT gen_random_uuid(), 'AL-1', 'r', 1, {kind}, 'in', 'minor', 'need', n.id, '{{}}', "
    "n.area_code, now(), {state}, 1, now() FROM need n WHERE n.id = :need"
)
_NEWS = (
    "INSERT INTO event (id, kind, object_type, object_id, actor_id, actor_role, organization_id, "
    "occurred_at, facts) SELECT gen_random_uuid(), '{kind}', '{table}', o.id, o.created_by, "
    "'system', o.created_by, now(), '{{}}' FROM {table} o WHERE {which}"
)
_JOB = (
    "INSERT INTO job (id, event_id, listener, state, attempts, due_at) SELECT gen_random_uuid(), "
    "e.id, '{listener}', 'done', 1, now() FROM event e WHERE e.kind = '{kind}'"
)
_OPEN = "NULL, NULL, NULL, NULL"
_WAIVED = "NULL, 'not needed', now(), n.created_by"
_OF_NEED = "o.subject_id = :need"
_CONSENT = "(SELECT consent_id FROM need WHERE id = :need)"
_REPORT = (
    "INSERT INTO discovery_report SELECT (r).* FROM (SELECT jsonb_populate_record("
    "NULL::discovery_report, jsonb_build_object('id', gen_random_uuid(), 'no', 'D', 'source', "
    "'self', 'duty_reporter', false, 'area_code', n.area_code, 'situation', 's', 'danger', false, "
    "'received_at', now(), 'custody_area_code', n.area_code, 'contact_due_at', now(), "
    "'verify_due_at', now(), 'clock_rules', '[]'::jsonb, 'state', 'triaged', 'version', 1, "
    "'created_at', now(), 'created_by', n.created_by)) AS r FROM need n WHERE n.id = :need) AS made"
)

OWING: dict[str, Sequence[str]] = {
    "INV-12 named receivers are asked to stop": (
        f"UPDATE consent SET receiver_ids = ARRAY[(SELECT publisher_id FROM need "
        f"WHERE id = :need)] WHERE id = {_CONSENT}",
        _NEWS.format(kind="consent.withdrawn", table="consent", which=f"o.id = {_CONSENT}"),
        _JOB.format(kind="consent.withdrawn", listener="duties.stop_at_withdrawal"),
    ),
    "INV-12 receivers of referrals are asked to stop": (
        referral("RF-1", "accepted"),
        _NEWS.format(kind="consent.withdrawn", table="consent", which=f"o.id = {_CONSENT}"),
        _JOB.format(kind="consent.withdrawn", listener="duties.stop_at_withdrawal"),
    ),
    "INV-20 alert has an owner": (
        "ALTER TABLE alert DROP CONSTRAINT ck_alert_inv_20_owner",
        _ALERT.format(kind="'lapse'", state="'handling'"),
    ),
    "INV-20 need has an owner": (
        "ALTER TABLE need ALTER owner_id DROP NOT NULL",
        "UPDATE need SET owner_id = NULL WHERE id = :need",
    ),
    "INV-20 obligation has an owner": (
        "ALTER TABLE obligation ALTER organization_id DROP NOT NULL",
        _OWED.format(kind="'review'", state="'open'", rest=_OPEN),
        "UPDATE obligation SET organization_id = NULL",
    ),
    "INV-20 report has an owner": (
        "ALTER TABLE discovery_report DROP CONSTRAINT ck_discovery_report_inv_20_owner",
        _REPORT,
    ),
    "INV-22 override says by whom": (
        "ALTER TABLE alert DROP CONSTRAINT ck_alert_inv_22_override_by",
        _ALERT.format(kind="'override'", state="'open'"),
    ),
    "INV-22 waiver is told of": (
        _OWED.format(kind="'review'", state="'waived'", rest=_WAIVED),
        _NEWS.format(kind="obligation.waived", table="obligation", which=_OF_NEED),
        _JOB.format(kind="obligation.waived", listener="alerts.raise_obligation_waived"),
    ),
    "INV-22 waiver says who and why": (
        "ALTER TABLE obligation DROP CONSTRAINT ck_obligation_inv_22_waived_by_and_why",
        _OWED.format(kind="'review'", state="'waived'", rest="NULL, NULL, now(), n.created_by"),
    ),
    "obligation: closed whole": (
        "ALTER TABLE obligation DROP CONSTRAINT ck_obligation_done_has_evidence",
        _OWED.format(kind="'review'", state="'done'", rest="NULL, NULL, now(), n.created_by"),
    ),
    "obligation: one open of a kind": (
        "DROP INDEX uq_obligation_open",
        *(_OWED.format(kind="'review'", state="'open'", rest=_OPEN) for _ in range(2)),
    ),
}
