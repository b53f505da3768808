"""Faults of reports, planted beside the need of a bridge."""

from collections.abc import Sequence

_REPORT = (
    "INSERT INTO discovery_report SELECT (r).* FROM (SELECT jsonb_populate_record("
    "NULL::discovery_report, jsonb_build_object('id', gen_random_uuid(), 'no', '{no}', 'source', "
    "'self', 'duty_reporter', false, 'area_code', n.area_code, 'situation', 's', 'danger', false, "
    "'received_at', now(), 'custody_area_code', n.area_code, 'contact_due_at', now(), "
    "'verify_due_at', now(), 'clock_rules', '[]'::jsonb, 'state', '{state}', 'version', 1, "
    "'created_at', now(), 'created_by', n.created_by, 'owner_id', n.owner_id, {more})) AS r "
    "FROM need n WHERE n.id = :need) AS made"
)
_VISITED = "'verified_at', now(), 'verified_by', n.created_by, 'visited_at', now(), 'findings', 'f'"
TICKET = "'ticket_system', '12345', 'ticket_type', 'ticket', 'ticket_no', 'T'"
_PLAIN = "'station_id', NULL"
_STEP = (
    "INSERT INTO custody_step (id, report_id, position, kind, to_area_code, by_id, happened_at) "
    "SELECT gen_random_uuid(), id, {position}, '{kind}', {area}, created_by, now() "
    "FROM discovery_report WHERE no = '{no}'"
)
_REPLY = (
    "INSERT INTO hotline_reply (id, report_id, position, code, text, state, replied_at) "
    "SELECT gen_random_uuid(), id, 1, 'RECEIVED', 't', 'received', now() "
    "FROM discovery_report WHERE no = 'D'"
)


def report(state: str = "received", more: str = _PLAIN, no: str = "D") -> str:
    """One report in the state, at the need's place and owner."""
    return _REPORT.format(state=state, more=more, no=no)


def step(kind: str, area: str = "area_code", position: int = 1) -> str:
    """One step of its trail."""
    return _STEP.format(kind=kind, area=area, position=position, no="D")


REPORTING: dict[str, Sequence[str]] = {
    "INV-19 duplicate has an original": (
        report(),
        report(
            "duplicate_of",
            "'ended_at', now(), 'duplicate_of_id', "
            "(SELECT id FROM discovery_report WHERE no = 'D')",
            no="D2",
        ),
        report(
            "duplicate_of",
            "'ended_at', now(), 'duplicate_of_id', "
            "(SELECT id FROM discovery_report WHERE no = 'D2')",
            no="D3",
        ),
    ),
    "INV-19 report converted by its need": (report("converted", f"'ended_at', now(), {_VISITED}"),),
    "INV-20 trail says to whom a report is offered": (
        report("triaged"),
        step("received"),
        step("offered", position=2),
    ),
    "INV-20 trail says who has the report": (report(), step("received", "'44'")),
    "INV-21 trail of a report is whole": (report(), step("received", position=2)),
    "INV-37 replies to hotlines are news": (report(more=TICKET), _REPLY),
    "INV-37 ticket is answered": (report("triaged", TICKET), _REPLY),
}
