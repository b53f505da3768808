"""Work items and the desks they lie on, kept by the database.

A view `work_of_<table>` says what waits about each row of a noun. Triggers at the end of every
statement bring `work_item` and `work_desk` into line with it, in the same transaction, for one row
as for a hundred thousand. What only time brings about (a re-check that comes due, an item that
turns late) `work_tick` does, which the worker's clock calls. Nobody else writes the two tables.

A later noun: its view, `keep_work` over it, and its kinds in `matching/worklist/policy.py`.
"""

from alembic import op

revision = "0012"
down_revision = "0011"

TABLES = """
CREATE TABLE work_item (
    id UUID NOT NULL,
    kind TEXT NOT NULL,
    subject_type TEXT NOT NULL,
    subject_id UUID NOT NULL,
    no TEXT,
    area_code TEXT COLLATE "C",
    organization_id UUID,
    station_id UUID,
    assignee_id UUID,
    sent_by_id UUID,
    sent_by_organization_id UUID,
    urgency SMALLINT NOT NULL,
    clock TEXT,
    due_at TIMESTAMP WITH TIME ZONE,
    late BOOLEAN NOT NULL,
    since_at TIMESTAMP WITH TIME ZONE NOT NULL,
    CONSTRAINT pk_work_item PRIMARY KEY (id),
    CONSTRAINT uq_work_item_subject_id_kind UNIQUE (subject_id, kind),
    CONSTRAINT ck_work_item_urgency_known CHECK (urgency BETWEEN 1 AND 4),
    CONSTRAINT ck_work_item_late_has_due CHECK (NOT late OR due_at IS NOT NULL)
)
;
CREATE INDEX ix_work_item_to_be_late ON work_item (due_at) WHERE NOT late
;
CREATE TABLE work_desk (
    desk TEXT COLLATE "C" NOT NULL,
    kind TEXT NOT NULL,
    rank SMALLINT NOT NULL,
    due_at TIMESTAMP WITH TIME ZONE NOT NULL,
    item_id UUID NOT NULL,
    subject_id UUID NOT NULL,
    CONSTRAINT pk_work_desk PRIMARY KEY (desk, kind, rank, due_at, item_id)
)
;
CREATE INDEX ix_work_desk_item_id ON work_desk (item_id)
;
CREATE INDEX ix_recognition_recheck_due ON recognition (recheck_due_on) WHERE state = 'active'
;
CREATE INDEX ix_consent_to_expire ON consent (expires_on) WHERE state = 'granted'
"""

FUNCTIONS = """
CREATE FUNCTION work_midnight(day date) RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT day::timestamp AT TIME ZONE 'Asia/Shanghai' $$
;
CREATE FUNCTION work_figure(clock text, day date, area text) RETURNS parameter
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p FROM parameter p
    WHERE p.name = clock AND p.valid_from <= day AND (p.valid_to IS NULL OR p.valid_to > day)
        AND (p.area_code = 'CN' OR starts_with(coalesce(area, 'CN'), p.area_code))
    ORDER BY p.area_code = 'CN', length(p.area_code) DESC LIMIT 1
$$
;
CREATE FUNCTION work_notice(clock text) RETURNS int
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((work_figure(clock, current_date, 'CN')).value, 30)::int
$$
;
CREATE FUNCTION work_due(clock text, start_at timestamptz, area text) RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    first date := (start_at AT TIME ZONE 'Asia/Shanghai')::date;
    figure parameter;
    last date;
BEGIN
    IF clock IS NULL THEN
        RETURN NULL;
    END IF;
    figure := work_figure(clock, first, area);
    CASE figure.unit
        WHEN 'hours' THEN RETURN start_at + figure.value * interval '1 hour';
        WHEN 'days' THEN last := first + figure.value::int;
        WHEN 'working_days' THEN
            SELECT one.day INTO last
            FROM generate_series(first + 1, first + figure.value::int * 3 + 30, '1 day')
                AS one (day)
            LEFT JOIN working_day_exception AS set_day ON set_day.day = one.day::date
            WHERE coalesce(set_day.is_working, extract(isodow FROM one.day) < 6)
            ORDER BY one.day OFFSET figure.value::int - 1 LIMIT 1;
        ELSE RETURN NULL;
    END CASE;
    RETURN work_midnight(last + 1);
END
$$
;
CREATE FUNCTION work_lay(items uuid[]) RETURNS void
LANGUAGE sql SET search_path = public, pg_temp AS $$
    DELETE FROM work_desk WHERE item_id = ANY(items);
    INSERT INTO work_desk (desk, kind, rank, due_at, item_id, subject_id)
    SELECT lies.desk, i.kind, i.urgency + CASE WHEN i.late THEN 0 ELSE 10 END,
        coalesce(i.due_at, '3000-01-01Z'), i.id, i.subject_id
    FROM work_item AS i CROSS JOIN LATERAL (
        SELECT 'a:' WHERE i.area_code IS NOT NULL
        UNION ALL SELECT 'a:' || left(i.area_code, size) FROM unnest('{2,4,6,9,12}'::int[]) AS size
            WHERE size <= length(i.area_code) AND i.area_code <> 'CN'
        UNION ALL SELECT 'o:' || i.organization_id WHERE i.organization_id IS NOT NULL
        UNION ALL SELECT 't:' || i.station_id WHERE i.station_id IS NOT NULL
        UNION ALL SELECT 'u:' || i.assignee_id
            WHERE i.assignee_id IS NOT NULL AND i.kind IN ('report.visit', 'need.decide')
        UNION ALL SELECT 'su:' || i.sent_by_id WHERE i.sent_by_id IS NOT NULL
        UNION ALL SELECT 'so:' || i.sent_by_organization_id
            WHERE i.sent_by_organization_id IS NOT NULL
    ) AS lies (desk)
    WHERE i.id = ANY(items);
$$
"""

PLACES = "organization_id, station_id, assignee_id, sent_by_id, sent_by_organization_id"
STATED = f"no, area_code, {PLACES}, urgency, clock"

KEEP = f"""
CREATE FUNCTION work_refresh_%(table)s(subjects uuid[], moment timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved uuid[];
BEGIN
    WITH gone AS (
        DELETE FROM work_item AS i WHERE i.subject_id = ANY(subjects)
            AND i.subject_type = '%(table)s'
            AND NOT EXISTS (SELECT FROM work_of_%(table)s AS w
                WHERE w.subject_id = i.subject_id AND w.kind = i.kind
                AND (w.appears_at IS NULL OR w.appears_at <= moment))
        RETURNING i.id
    )
    SELECT array_agg(id) INTO moved FROM gone;
    IF moved IS NOT NULL THEN
        DELETE FROM work_desk WHERE item_id = ANY(moved);
    END IF;
    WITH kept AS (
        INSERT INTO work_item AS i (id, kind, subject_type, subject_id, {STATED}, due_at, late,
            since_at)
        SELECT md5(w.subject_id || w.kind)::uuid, w.kind, '%(table)s', w.subject_id, {STATED},
            due.at, coalesce(due.at <= moment, false), coalesce(w.since_at, moment)
        FROM work_of_%(table)s AS w
        CROSS JOIN LATERAL (
            SELECT coalesce(w.due_at, work_due(w.clock, moment, w.area_code))
        ) AS due (at)
        WHERE w.subject_id = ANY(subjects) AND (w.appears_at IS NULL OR w.appears_at <= moment)
        ON CONFLICT (subject_id, kind) DO UPDATE SET ({STATED}, due_at, late) =
            (SELECT {", ".join(f"excluded.{name}" for name in STATED.split(", "))},
                CASE WHEN excluded.clock IS NULL THEN excluded.due_at ELSE i.due_at END,
                CASE WHEN excluded.clock IS NULL THEN excluded.late ELSE i.late END)
        WHERE ({", ".join(f"i.{name}" for name in STATED.split(", "))},
                CASE WHEN i.clock IS NULL THEN i.due_at END)
            IS DISTINCT FROM
            ({", ".join(f"excluded.{name}" for name in STATED.split(", "))},
                CASE WHEN i.clock IS NULL THEN excluded.due_at END)
        RETURNING i.id
    )
    SELECT array_agg(id) INTO moved FROM kept;
    IF moved IS NULL THEN
        RETURN 0;
    END IF;
    PERFORM work_lay(moved);
    RETURN cardinality(moved);
END
$$
;
CREATE FUNCTION work_moved_%(table)s() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM work_refresh_%(table)s(ARRAY(SELECT id FROM moved), now());
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_of_new AFTER INSERT ON %(table)s
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION work_moved_%(table)s()
;
CREATE TRIGGER work_of_moved AFTER UPDATE ON %(table)s
REFERENCING NEW TABLE AS moved FOR EACH STATEMENT EXECUTE FUNCTION work_moved_%(table)s()
;
REVOKE ALL ON FUNCTION work_refresh_%(table)s(uuid[], timestamptz), work_moved_%(table)s()
FROM PUBLIC
"""

COLUMNS = (
    "kind, subject_id, no, area_code, organization_id, station_id, assignee_id, sent_by_id, "
    "sent_by_organization_id, urgency, clock, due_at, appears_at, since_at"
)
NEED_SIDE = "n.area_code, n.publisher_id, n.station_id, n.owner_id"
URGENCY = "substr(n.urgency, 2, 1)::smallint"
NO_TIME = "NULL::timestamptz"

VIEWS = {
    "need": f"""
SELECT CASE n.state WHEN 'returned' THEN 'need.amend' WHEN 'submitted' THEN 'need.verify'
        ELSE 'need.publish' END, n.id, n.no, {NEED_SIDE}, n.created_by, NULL::uuid, {URGENCY},
    CASE n.state WHEN 'submitted' THEN CASE WHEN n.urgency IN ('u1', 'u2')
        THEN 'need_verification_u2_hours' ELSE 'need_verification_working_days' END END,
    CASE WHEN n.state <> 'submitted' THEN work_midnight(n.needed_by + 1) END, {NO_TIME}, {NO_TIME}
FROM need AS n WHERE n.state IN ('returned', 'submitted', 'verified')
UNION ALL
SELECT 'need.confirm', n.id, n.no, {NEED_SIDE}, NULL, NULL, least({URGENCY}, 2::smallint),
    'need_verification_working_days', NULL, NULL, n.frozen_at
FROM need AS n WHERE n.confirm_needed AND n.state IN ('published', 'paused')
UNION ALL
SELECT 'need.verify_later', n.id, n.no, {NEED_SIDE}, n.released_by, NULL, {URGENCY},
    NULL, work_due('supplement_working_days', n.published_at, n.area_code), NULL, n.published_at
FROM need AS n WHERE n.provisional AND n.state IN ('published', 'paused')
UNION ALL
SELECT 'need.decide', n.id, n.no, {NEED_SIDE}, NULL, NULL, {URGENCY}, NULL,
    work_midnight(n.needed_by + 1), work_midnight(n.needed_by + 1), NULL
FROM need AS n WHERE n.state = 'published' AND n.needed_by IS NOT NULL
""",
    "pledge": f"""
SELECT CASE p.state WHEN 'offered' THEN 'pledge.accept' ELSE 'pledge.release' END, p.id, p.no,
    {NEED_SIDE}, p.created_by, p.organization_id, {URGENCY},
    CASE p.state WHEN 'offered' THEN NULL ELSE 'pledge_accept_working_days' END,
    CASE p.state WHEN 'offered' THEN p.expires_at END, {NO_TIME}, {NO_TIME}
FROM pledge AS p JOIN need AS n ON n.id = p.need_id
WHERE p.state IN ('offered', 'release_requested')
UNION ALL
SELECT 'pledge.deliver', p.id, p.no, n.area_code, p.organization_id, n.station_id, NULL,
    p.accepted_by, NULL, {URGENCY}, NULL,
    coalesce(work_midnight(p.planned_on + 1), p.expires_at), NULL, p.accepted_at
FROM pledge AS p JOIN need AS n ON n.id = p.need_id
WHERE p.state IN ('accepted', 'partly_fulfilled')
""",
    "delivery": f"""
SELECT CASE d.state WHEN 'recorded' THEN 'delivery.acknowledge' ELSE 'delivery.settle' END,
    d.id, d.no, {NEED_SIDE}, d.created_by, d.organization_id, {URGENCY},
    CASE d.state WHEN 'recorded' THEN 'delivery_confirmation_days'
        ELSE 'pledge_review_working_days' END, {NO_TIME}, {NO_TIME}, {NO_TIME}
FROM delivery AS d JOIN need AS n ON n.id = d.need_id WHERE d.state IN ('recorded', 'disputed')
""",
    "feedback": f"""
SELECT CASE f.state WHEN 'received' THEN 'feedback.read' ELSE 'feedback.handle' END, f.id, n.no,
    {NEED_SIDE}, f.created_by, NULL::uuid,
    CASE WHEN f.wants_call_back OR f.rating <= 2 THEN 2 ELSE 4 END::smallint, NULL::text,
    CASE WHEN f.wants_call_back OR f.rating <= 2
        THEN work_due('complaint_working_days', f.created_at, n.area_code) END,
    {NO_TIME}, f.created_at
FROM feedback AS f JOIN need AS n ON n.id = f.need_id WHERE f.state <> 'handled'
""",
    "recognition": f"""
SELECT CASE r.state WHEN 'pending' THEN 'recognition.confirm' WHEN 'under_review'
        THEN 'recognition.decide' ELSE 'recognition.recheck' END,
    r.id, r.no, h.area_code, r.authority_id, NULL::uuid, NULL::uuid, NULL::uuid, NULL::uuid,
    3::smallint, NULL::text, work_midnight(r.recheck_due_on),
    CASE r.state WHEN 'active'
        THEN work_midnight(r.recheck_due_on - work_notice('recheck_notice_days')) END, {NO_TIME}
FROM recognition AS r
LEFT JOIN recipient AS p ON p.id = r.recipient_id
JOIN household AS h ON h.id = coalesce(r.household_id, p.household_id)
WHERE r.state IN ('pending', 'under_review')
    OR (r.state = 'active' AND r.recheck_due_on IS NOT NULL)
""",
    "consent": f"""
SELECT CASE c.state WHEN 'requested' THEN 'consent.ask' ELSE 'consent.confirm' END, c.id, c.no,
    h.area_code, NULL::uuid, NULL::uuid, c.obtained_by, NULL::uuid, NULL::uuid, 3::smallint,
    NULL::text, CASE c.state WHEN 'granted'
        THEN work_due('assertion_days', c.obtained_at, h.area_code) END, {NO_TIME}, {NO_TIME}
FROM consent AS c JOIN recipient AS p ON p.id = c.recipient_id
JOIN household AS h ON h.id = p.household_id
WHERE c.state = 'requested' OR (c.state = 'granted' AND c.kind = 'assertion')
UNION ALL
SELECT 'consent.renew', c.id, c.no, h.area_code, NULL, NULL, c.obtained_by, NULL, NULL,
    3::smallint, NULL, work_midnight(c.expires_on),
    work_midnight(c.expires_on - work_notice('recheck_notice_days')), NULL
FROM consent AS c JOIN recipient AS p ON p.id = c.recipient_id
JOIN household AS h ON h.id = p.household_id WHERE c.state = 'granted'
""",
    "offer": f"""
SELECT 'offer.confirm', o.id, o.no, NULL::text COLLATE "C", o.organization_id, NULL::uuid,
    NULL::uuid, NULL::uuid, NULL::uuid, 4::smallint, NULL::text,
    work_midnight(o.review_due_on + 1),
    work_midnight(o.review_due_on - work_notice('recheck_notice_days')), {NO_TIME}
FROM offer AS o WHERE o.state = 'listed'
""",
    "gap": f"""
SELECT CASE g.state WHEN 'open' THEN 'gap.acknowledge' ELSE 'gap.address' END, g.id, n.no,
    g.area_code, n.publisher_id, NULL::uuid, NULL::uuid, NULL::uuid, NULL::uuid, {URGENCY},
    NULL::text, work_midnight(n.needed_by + 1), {NO_TIME}, g.opened_at
FROM gap AS g JOIN need AS n ON n.id = g.need_id WHERE g.state IN ('open', 'acknowledged')
""",
    "obligation": f"""
SELECT 'obligation.settle', o.id, o.no, o.area_code, o.organization_id, NULL::uuid, NULL::uuid,
    NULL::uuid, NULL::uuid,
    CASE WHEN o.kind IN ('stop_processing', 'supplement') THEN 2 ELSE 3 END::smallint, NULL::text,
    o.due_at, {NO_TIME}, o.created_at
FROM obligation AS o WHERE o.state = 'open'
""",
    "alert": f"""
SELECT 'alert.settle', a.id, a.no, a.area_code, NULL::uuid, NULL::uuid, a.owner_id, NULL::uuid,
    NULL::uuid, CASE a.severity WHEN 'critical' THEN 1 WHEN 'major' THEN 2 ELSE 3 END::smallint,
    NULL::text, a.due_at, {NO_TIME}, a.opened_at
FROM alert AS a WHERE a.state IN ('open', 'acknowledged', 'handling')
""",
    "discovery_report": f"""
SELECT CASE r.state WHEN 'received' THEN 'report.triage' WHEN 'triaged' THEN 'report.assign'
        WHEN 'assigned' THEN 'report.visit' ELSE 'report.conclude' END, r.id, r.no,
    r.custody_area_code, NULL::uuid, r.station_id, r.owner_id, r.created_by, NULL::uuid,
    CASE WHEN r.danger THEN 1 ELSE 3 END::smallint, NULL::text,
    CASE r.state WHEN 'received' THEN r.contact_due_at WHEN 'triaged' THEN r.verify_due_at
        WHEN 'assigned' THEN r.verify_due_at END, {NO_TIME},
    CASE r.state WHEN 'received' THEN r.received_at END
FROM discovery_report AS r
WHERE r.state IN ('received', 'triaged', 'assigned', 'verified', 'transferred')
UNION ALL
SELECT 'report.contact', r.id, r.no, r.custody_area_code, NULL, r.station_id, r.owner_id, NULL,
    NULL, CASE WHEN r.danger THEN 1 ELSE 2 END::smallint, NULL, r.contact_due_at, NULL,
    r.received_at
FROM discovery_report AS r
WHERE r.state IN ('received', 'triaged', 'assigned') AND r.contacted_at IS NULL
UNION ALL
SELECT 'report.take_over', r.id, r.no, r.offered_area_code, NULL, r.offered_station_id, NULL,
    r.owner_id, NULL, CASE WHEN r.danger THEN 1 ELSE 2 END::smallint, NULL, r.contact_due_at,
    NULL, r.offered_at
FROM discovery_report AS r WHERE r.offered_area_code IS NOT NULL
""",
    "referral": f"""
SELECT CASE r.state WHEN 'requested' THEN 'referral.answer' WHEN 'accepted' THEN 'referral.start'
        ELSE 'referral.complete' END, r.id, r.no, r.to_area_code, r.to_organization_id,
    r.to_station_id, CASE WHEN r.state <> 'requested' THEN r.owner_id END, r.sent_by,
    r.from_organization_id, {URGENCY.replace("n.", "r.")}, NULL::text,
    CASE r.state WHEN 'requested' THEN r.ack_due_at ELSE r.outcome_due_at END, {NO_TIME},
    CASE r.state WHEN 'requested' THEN r.sent_at ELSE r.accepted_at END
FROM referral AS r WHERE r.state IN ('requested', 'accepted', 'in_progress', 'on_hold')
UNION ALL
SELECT CASE r.state WHEN 'draft' THEN 'referral.send' ELSE 'referral.confirm' END, r.id, r.no,
    r.area_code, r.from_organization_id, r.from_station_id, r.owner_id, r.completed_by,
    CASE r.state WHEN 'completed' THEN r.to_organization_id END, {URGENCY.replace("n.", "r.")},
    CASE r.state WHEN 'completed' THEN 'delivery_confirmation_days' END, NULL, NULL,
    coalesce(r.completed_at, r.created_at)
FROM referral AS r
WHERE r.state = 'draft' OR (r.state = 'completed' AND r.confirmed_at IS NULL)
""",
    "duplicate_suspicion": f"""
SELECT CASE WHEN s.proposed_by IS NULL THEN 'duplicate.propose' ELSE 'duplicate.decide' END, s.id,
    s.no, s.area_code, NULL::uuid, NULL::uuid, NULL::uuid, s.proposed_by, NULL::uuid, 4::smallint,
    NULL::text, {NO_TIME}, {NO_TIME}, coalesce(s.proposed_at, s.created_at)
FROM duplicate_suspicion AS s WHERE s.state = 'open'
""",
}

NEED_MOVED = """
CREATE FUNCTION work_around_need() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    needs uuid[] := ARRAY(SELECT m.id FROM moved AS m JOIN before AS b USING (id)
        WHERE (m.area_code, m.publisher_id, m.station_id, m.owner_id, m.urgency, m.needed_by)
        IS DISTINCT FROM
        (b.area_code, b.publisher_id, b.station_id, b.owner_id, b.urgency, b.needed_by));
BEGIN
    IF needs = '{}' THEN
        RETURN NULL;
    END IF;
%s
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_around_moved AFTER UPDATE ON need
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION work_around_need()
;
REVOKE ALL ON FUNCTION work_around_need() FROM PUBLIC
"""
HOME_MOVED = """
CREATE FUNCTION work_around_household() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    homes uuid[] := ARRAY(SELECT m.id FROM moved AS m JOIN before AS b USING (id)
        WHERE m.area_code <> b.area_code);
    people uuid[];
BEGIN
    IF cardinality(homes) = 0 THEN
        RETURN NULL;
    END IF;
    people := ARRAY(SELECT id FROM recipient WHERE household_id = ANY(homes));
    PERFORM work_refresh_recognition(ARRAY(SELECT id FROM recognition
        WHERE household_id = ANY(homes) OR recipient_id = ANY(people)), now());
    PERFORM work_refresh_consent(ARRAY(SELECT id FROM consent
        WHERE recipient_id = ANY(people)), now());
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_around_moved AFTER UPDATE ON household
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION work_around_household()
;
REVOKE ALL ON FUNCTION work_around_household() FROM PUBLIC
"""
OF_NEEDS = ("pledge", "delivery", "feedback", "gap")

TIMED = {
    "recognition": (
        "recognition.recheck",
        "row.state = 'active' AND row.recheck_due_on <= today + work_notice('recheck_notice_days')",
    ),
    "consent": (
        "consent.renew",
        "row.state = 'granted' AND row.expires_on <= today + work_notice('recheck_notice_days')",
    ),
    "offer": (
        "offer.confirm",
        "row.state = 'listed' AND row.review_due_on <= today + work_notice('recheck_notice_days')",
    ),
    "need": (
        "need.decide",
        "row.state = 'published' AND row.due_on < today AND row.due_on > today - 92",
    ),
}
APPEARS = """
    moved := moved + work_refresh_%(table)s(ARRAY(
        SELECT row.id FROM %(table)s AS row WHERE %(condition)s AND NOT EXISTS
            (SELECT FROM work_item AS i WHERE i.subject_id = row.id AND i.kind = '%(kind)s')
        LIMIT 5000), moment);
"""
TICK = """
CREATE FUNCTION work_tick(moment timestamptz) RETURNS int
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (moment AT TIME ZONE 'Asia/Shanghai')::date;
    turned uuid[];
    moved int := 0;
BEGIN
%s
    WITH due AS (
        SELECT id FROM work_item WHERE NOT late AND due_at <= moment
        ORDER BY due_at LIMIT 5000 FOR UPDATE SKIP LOCKED
    ), done AS (
        UPDATE work_item AS i SET late = true FROM due WHERE i.id = due.id RETURNING i.id
    )
    SELECT array_agg(id) INTO turned FROM done;
    IF turned IS NOT NULL THEN
        UPDATE work_desk SET rank = rank - 10 WHERE item_id = ANY(turned) AND rank > 10;
        moved := moved + cardinality(turned);
    END IF;
    RETURN moved;
END
$$
"""


def keep_work(run, table: str, view: str) -> None:  # type: ignore[no-untyped-def]
    """The view of what waits about the table's rows, and the triggers that keep to it."""
    run(f"CREATE VIEW work_of_{table} ({COLUMNS}) AS {view}")
    for statement in (KEEP % {"table": table}).split("\n;\n"):
        run(statement)


def upgrade() -> None:
    """Tables, views, functions, triggers; and what waits already."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split("\n;\n"), *FUNCTIONS.split("\n;\n")):
        run(statement)
    for table, view in VIEWS.items():
        keep_work(run, table, view)
    around = "\n".join(
        f"    PERFORM work_refresh_{table}(ARRAY(SELECT id FROM {table} "
        "WHERE need_id = ANY(needs)), now());"
        for table in OF_NEEDS
    )
    for statement in (*(NEED_MOVED % around).split("\n;\n"), *HOME_MOVED.split("\n;\n")):
        run(statement)
    appears = "".join(
        APPEARS % {"table": table, "kind": kind, "condition": condition}
        for table, (kind, condition) in TIMED.items()
    )
    run(TICK % appears)
    for table in VIEWS:
        run(f"SELECT work_refresh_{table}(ARRAY(SELECT id FROM {table}), now())")
    run("REVOKE INSERT, UPDATE ON work_item, work_desk FROM nexus_app")
    run("REVOKE ALL ON FUNCTION work_tick(timestamptz), work_lay(uuid[]) FROM PUBLIC")
    run("GRANT EXECUTE ON FUNCTION work_tick(timestamptz) TO nexus_app")
