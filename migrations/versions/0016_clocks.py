"""Clocks and moves of the loop between authorities and helpers."""

from alembic import op

revision = "0016"
down_revision = "0015"

# What waits for the end of an emergency has no date: none is better than one that no one means.
UNDATED = """
DROP TRIGGER obligation_date_stands ON obligation
;
ALTER TABLE obligation ALTER COLUMN due_at DROP NOT NULL
;
UPDATE obligation SET due_at = NULL WHERE due_at >= '3000-01-01T00:00:00Z'
;
ALTER TABLE obligation
    ADD COLUMN sorts_at TIMESTAMP WITH TIME ZONE NOT NULL GENERATED ALWAYS AS
        (COALESCE(due_at, '3000-01-01 00:00:00+00'::timestamp with time zone)) STORED,
    ADD CONSTRAINT ck_obligation_only_a_supplement_is_undated
        CHECK (due_at IS NOT NULL OR (kind = 'supplement' AND overdue_told_at IS NULL))
;
DROP INDEX ix_obligation_due_at
;
DROP INDEX ix_obligation_open_due
;
CREATE INDEX ix_obligation_sorts_at ON obligation (sorts_at, id)
;
CREATE INDEX ix_obligation_open_due ON obligation (sorts_at, id) WHERE state = 'open'
;
CREATE TRIGGER obligation_date_stands BEFORE UPDATE OF due_at, rule ON obligation
FOR EACH ROW WHEN (OLD.due_at IS NOT NULL
    AND (NEW.due_at, NEW.rule) IS DISTINCT FROM (OLD.due_at, OLD.rule))
EXECUTE FUNCTION check_dated()
"""

# A person joins another household: what waits about their recognitions and consents goes along.
MOVED = """
ALTER TABLE recipient ADD COLUMN moved_on DATE
;
CREATE FUNCTION work_around_recipient() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    people uuid[] := ARRAY(SELECT m.id FROM moved AS m JOIN before AS b USING (id)
        WHERE m.household_id <> b.household_id);
BEGIN
    IF cardinality(people) = 0 THEN
        RETURN NULL;
    END IF;
    PERFORM work_refresh_recognition(ARRAY(SELECT id FROM recognition
        WHERE recipient_id = ANY(people)), now());
    PERFORM work_refresh_consent(ARRAY(SELECT id FROM consent
        WHERE recipient_id = ANY(people)), now());
    RETURN NULL;
END
$$
;
CREATE TRIGGER work_around_moved AFTER UPDATE ON recipient
REFERENCING OLD TABLE AS before NEW TABLE AS moved
FOR EACH STATEMENT EXECUTE FUNCTION work_around_recipient()
;
REVOKE ALL ON FUNCTION work_around_recipient() FROM PUBLIC
"""

# A message tells of a need, or answers a hotline about its ticket.
ANSWERED = """
ALTER TABLE exchange_message ALTER COLUMN need_id DROP NOT NULL
;
ALTER TABLE exchange_message
    ADD COLUMN report_id UUID,
    ADD CONSTRAINT fk_exchange_message_report_id
        FOREIGN KEY (report_id) REFERENCES discovery_report (id),
    ADD CONSTRAINT ck_exchange_message_report_goes_out
        CHECK (report_id IS NULL OR direction = 'out')
;
CREATE INDEX ix_exchange_message_report_id ON exchange_message (report_id)
"""

# Reminders at half and four fifths of the time; what the clocks of alerts look for.
CLOCKS = """
ALTER TABLE referral
    ADD COLUMN reminders INTEGER NOT NULL DEFAULT 0,
    ADD CONSTRAINT ck_referral_reminders CHECK (reminders BETWEEN 0 AND 2)
;
GRANT UPDATE (reminders) ON referral TO nexus_app
;
CREATE INDEX ix_delivery_unconfirmed ON delivery (created_at) WHERE state = 'recorded'
;
CREATE INDEX ix_consent_assertion ON consent (obtained_at)
    WHERE state = 'granted' AND kind = 'assertion'
;
CREATE INDEX ix_recognition_taper ON recognition (valid_to) WHERE state = 'taper'
"""

EXPORTED = """
ALTER TABLE export DROP CONSTRAINT ck_export_dataset_known
;
ALTER TABLE export ADD CONSTRAINT ck_export_dataset_known CHECK (dataset IN ('needs', 'lines',
    'offers', 'pledges', 'deliveries', 'organizations', 'gaps', 'feedback', 'emergencies',
    'relaxations'))
"""

# Limits of help by area, and one of cash.
LIMITED = """
ALTER TABLE help_limit
    ADD COLUMN area_code TEXT COLLATE "C" NOT NULL DEFAULT 'CN',
    ADD CONSTRAINT ck_help_limit_area_shape CHECK (area_code ~ '^(CN|[0-9]+)$'),
    DROP CONSTRAINT uq_help_limit_kind_item_code_unit_valid_from,
    ADD CONSTRAINT uq_help_limit_kind_item_code_unit_area_code_valid_from
        UNIQUE (kind, item_code, unit, area_code, valid_from)
;
INSERT INTO help_limit (id, kind, item_code, unit, window_days, most, valid_from, source)
VALUES (gen_random_uuid(), 'cash', '', 'CNY', 365, 50000, '2026-11-24', 'default of nexus')
;
CREATE OR REPLACE FUNCTION helped_of_household(
    household_id uuid, line_kind text, line_item text, line_unit text,
    at timestamptz, until timestamptz
)
RETURNS TABLE (rule text, item_code text, unit text, window_days integer, most numeric,
    factor numeric, helped numeric)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH root AS (
        SELECT CASE WHEN merged_at <= coalesce(until, 'infinity') THEN merged_into_id ELSE id END
            AS id
        FROM household WHERE household.id = $1
    ), home AS (
        SELECT id FROM root
        UNION ALL
        SELECT joined.id FROM household AS joined JOIN root ON joined.merged_into_id = root.id
        WHERE joined.merged_at <= coalesce(until, 'infinity')
    ), person AS (
        SELECT gone.id FROM recipient AS stays JOIN recipient AS gone
            ON gone.merged_into_id = stays.id
            AND gone.merged_at <= coalesce(until, 'infinity')
        WHERE stays.household_id IN (SELECT id FROM home)
    ), asked AS (
        SELECT need.id FROM need WHERE need.household_id IN (SELECT id FROM home)
        UNION
        SELECT need.id FROM need WHERE need.recipient_id IN (SELECT id FROM person)
    ), chosen AS (
        SELECT DISTINCT ON (l.item_code, l.unit) l.*
        FROM help_limit AS l, household AS h
        WHERE h.id = $1 AND l.kind = line_kind
            AND (l.item_code = '' OR line_item = l.item_code
                OR starts_with(line_item, l.item_code || '.'))
            AND (l.area_code = 'CN' OR starts_with(h.area_code, l.area_code))
            AND l.valid_from <= (at AT TIME ZONE 'Asia/Shanghai')::date
            AND (l.valid_to IS NULL OR l.valid_to > (at AT TIME ZONE 'Asia/Shanghai')::date)
        ORDER BY l.item_code, l.unit, l.area_code = 'CN', length(l.area_code) DESC,
            l.valid_from DESC
    )
    SELECT 'help_limit:' || coalesce(nullif(limits.item_code, ''), limits.kind)
            || CASE WHEN limits.area_code = 'CN' THEN '' ELSE '/' || limits.area_code END
            || '@' || limits.valid_from,
        limits.item_code, limits.unit, limits.window_days, limits.most,
        unit_factor(coalesce(line_unit, limits.unit), limits.unit),
        coalesce((
            SELECT sum((a.reserved + a.committed + a.delivered + a.confirmed)
                * unit_factor(l.unit, limits.unit))
            FROM asked JOIN need_line AS l ON l.need_id = asked.id
                JOIN allocation AS a ON a.line_id = l.id
            WHERE l.kind = limits.kind
                AND (limits.item_code = '' OR l.item_code = limits.item_code
                    OR starts_with(l.item_code, limits.item_code || '.'))
                AND unit_factor(l.unit, limits.unit) IS NOT NULL
                AND a.created_at > at - make_interval(days => limits.window_days)
                AND (until IS NULL OR a.created_at <= until)
        ), 0)
    FROM chosen AS limits, root
    WHERE unit_factor(coalesce(line_unit, limits.unit), limits.unit) IS NOT NULL;
END
$$
"""


def upgrade() -> None:
    """Undated obligations, moves of persons, answers to hotlines, clocks, exports, limits."""
    run = op.get_bind().exec_driver_sql
    for block in (UNDATED, MOVED, ANSWERED, CLOCKS, EXPORTED, LIMITED):
        for statement in block.split("\n;\n"):
            run(statement)
