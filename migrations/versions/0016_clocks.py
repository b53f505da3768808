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


def upgrade() -> None:
    """Undated obligations, moves of persons, answers to hotlines, clocks, exports."""
    run = op.get_bind().exec_driver_sql
    for block in (UNDATED, MOVED, ANSWERED, CLOCKS, EXPORTED):
        for statement in block.split("\n;\n"):
            run(statement)
