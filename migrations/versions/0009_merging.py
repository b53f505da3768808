"""Help is counted by household, whoever gave it; records of one person are joined by a pointer.

`helped_of_household` sums the ledger over an item's window, for a household with those merged into
it; `helped_under_lock` does so under a lock that a merge takes too, so that neither two pledges
nor a pledge and a merge pass each other. In plpgsql, which keeps its plans. Limits are data that
only the owner changes. No record points at one that points elsewhere: a trigger holds that, under
the lock of both rows.
"""

from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = """
CREATE TABLE help_limit (
    id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    item_code TEXT NOT NULL,
    unit TEXT NOT NULL,
    window_days INTEGER NOT NULL,
    most NUMERIC(14, 3) NOT NULL,
    valid_from DATE NOT NULL,
    valid_to DATE,
    source TEXT NOT NULL,
    CONSTRAINT pk_help_limit PRIMARY KEY (id),
    CONSTRAINT uq_help_limit_kind_item_code_unit_valid_from UNIQUE (kind, item_code, unit,
        valid_from),
    CONSTRAINT ck_help_limit_positive CHECK (window_days > 0 AND most > 0),
    CONSTRAINT ck_help_limit_period CHECK (valid_to > valid_from),
    CONSTRAINT ck_help_limit_kind_known CHECK (kind IN ('cash', 'goods', 'service', 'hours'))
)
;
CREATE TABLE help_override (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    household_id UUID NOT NULL,
    organization_id UUID,
    quantity NUMERIC(14, 3) NOT NULL,
    reason TEXT NOT NULL,
    rule TEXT NOT NULL,
    snapshot JSONB NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_help_override PRIMARY KEY (id),
    CONSTRAINT ck_help_override_quantity_positive CHECK (quantity > 0),
    CONSTRAINT ck_help_override_reason_given CHECK (length(reason) > 0),
    CONSTRAINT fk_help_override_line_id FOREIGN KEY(line_id) REFERENCES need_line (id),
    CONSTRAINT fk_help_override_household_id FOREIGN KEY(household_id) REFERENCES household (id),
    CONSTRAINT fk_help_override_organization_id FOREIGN KEY(organization_id) REFERENCES
        organization (id)
)
;
CREATE INDEX ix_help_override_household_id ON help_override (household_id)
;
CREATE INDEX ix_help_override_line_id ON help_override (line_id)
;
CREATE INDEX ix_help_override_organization_id ON help_override (organization_id)
;
CREATE UNIQUE INDEX uq_help_override_unused ON help_override (line_id,
    coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)) WHERE used_at IS
    NULL
;
CREATE TABLE duplicate_suspicion (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    recipient_id UUID NOT NULL,
    other_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    ground VARCHAR(40) NOT NULL,
    survivor_id UUID,
    proposed_by UUID,
    proposed_at TIMESTAMP WITH TIME ZONE,
    decided_by UUID,
    decided_at TIMESTAMP WITH TIME ZONE,
    household_merged_id UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_duplicate_suspicion PRIMARY KEY (id),
    CONSTRAINT ck_duplicate_suspicion_two CHECK (recipient_id <> other_id),
    CONSTRAINT ck_duplicate_suspicion_survivor_is_one CHECK (survivor_id IN (recipient_id,
        other_id)),
    CONSTRAINT ck_duplicate_suspicion_proposal_whole CHECK ((survivor_id IS NULL) =
        (proposed_by IS NULL) AND (survivor_id IS NULL) = (proposed_at IS NULL)),
    CONSTRAINT ck_duplicate_suspicion_decided CHECK ((state = 'open') = (decided_at IS NULL)),
    CONSTRAINT ck_duplicate_suspicion_decision_whole CHECK ((decided_at IS NULL) = (decided_by
        IS NULL)),
    CONSTRAINT ck_duplicate_suspicion_inv_18_second_person CHECK (state <> 'merged' OR
        (survivor_id IS NOT NULL AND decided_by <> proposed_by)),
    CONSTRAINT ck_duplicate_suspicion_apart_with_reason CHECK (state <> 'kept_apart' OR
        state_reason IS NOT NULL),
    CONSTRAINT ck_duplicate_suspicion_household_while_merged CHECK (state = 'merged' OR
        household_merged_id IS NULL),
    CONSTRAINT uq_duplicate_suspicion_no UNIQUE (no),
    CONSTRAINT fk_duplicate_suspicion_recipient_id FOREIGN KEY(recipient_id) REFERENCES
        recipient (id),
    CONSTRAINT fk_duplicate_suspicion_other_id FOREIGN KEY(other_id) REFERENCES recipient (id),
    CONSTRAINT fk_duplicate_suspicion_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_duplicate_suspicion_ground_known CHECK (ground IN ('name_and_birth',
        'reported')),
    CONSTRAINT fk_duplicate_suspicion_survivor_id FOREIGN KEY(survivor_id) REFERENCES
        recipient (id),
    CONSTRAINT fk_duplicate_suspicion_household_merged_id FOREIGN KEY(household_merged_id)
        REFERENCES household (id),
    CONSTRAINT ck_duplicate_suspicion_state_known CHECK (state IN ('open', 'merged',
        'kept_apart'))
)
;
CREATE INDEX ix_duplicate_suspicion_area_code ON duplicate_suspicion (area_code)
;
CREATE INDEX ix_duplicate_suspicion_household_merged_id ON duplicate_suspicion
    (household_merged_id)
;
CREATE INDEX ix_duplicate_suspicion_other_id ON duplicate_suspicion (other_id)
;
CREATE INDEX ix_duplicate_suspicion_recipient_id ON duplicate_suspicion (recipient_id)
;
CREATE INDEX ix_duplicate_suspicion_state ON duplicate_suspicion (state, created_at, id)
;
CREATE INDEX ix_duplicate_suspicion_survivor_id ON duplicate_suspicion (survivor_id)
;
CREATE UNIQUE INDEX uq_duplicate_suspicion_pair ON duplicate_suspicion (least(recipient_id,
    other_id), greatest(recipient_id, other_id)) WHERE state IN ('open', 'merged')
;
CREATE TABLE vault.name_index (
    recipient_id UUID NOT NULL,
    hmac BYTEA NOT NULL,
    examined_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT pk_name_index PRIMARY KEY (recipient_id),
    CONSTRAINT fk_name_index_recipient_id FOREIGN KEY(recipient_id) REFERENCES recipient (id)
)
;
CREATE INDEX ix_vault_name_index_hmac ON vault.name_index (hmac)
;
CREATE INDEX ix_vault_name_index_waits ON vault.name_index (recipient_id) WHERE examined_at
    IS NULL
"""

LINKS = (
    *(
        statement
        for table in ("household", "recipient")
        for statement in (
            f"ALTER TABLE {table} ADD COLUMN merged_into_id UUID",
            f"ALTER TABLE {table} ADD COLUMN merged_at TIMESTAMP WITH TIME ZONE",
            f"ALTER TABLE {table} ADD CONSTRAINT ck_{table}_merged CHECK ((merged_into_id IS NULL) "
            "= (merged_at IS NULL) AND merged_into_id <> id)",
            f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_merged_into_id "
            f"FOREIGN KEY (merged_into_id) REFERENCES {table} (id)",
            f"CREATE INDEX ix_{table}_merged_into_id ON {table} (merged_into_id)",
        )
    ),
    "ALTER TABLE pledge ADD COLUMN override_id UUID",
    "ALTER TABLE pledge ADD CONSTRAINT fk_pledge_override_id "
    "FOREIGN KEY (override_id) REFERENCES help_override (id)",
    "ALTER TABLE pledge ADD CONSTRAINT uq_pledge_override_id UNIQUE (override_id)",
)

LIMITS = (
    ("goods", "FOOD.RICE", "KGM", 30, 200),
    ("goods", "FOOD.OIL", "LTR", 30, 60),
    ("goods", "FOOD.PARCEL", "SET", 30, 10),
    ("goods", "HOME.QUILT", "C62", 365, 12),
    ("goods", "CLOTHING.WINTER", "C62", 365, 20),
    ("goods", "AID.WHEELCHAIR", "C62", 730, 2),
    ("goods", "AID.HEARING", "C62", 1095, 4),
    ("goods", "AID.BED", "C62", 1095, 2),
)
"""Kind, item, unit, days of the window, most; from 2020 on, by default of nexus."""

SEED = "".join(
    (
        "INSERT INTO help_limit (id, kind, item_code, unit, window_days, most, valid_from, source) "
        "VALUES ",
        ", ".join(
            f"(gen_random_uuid(), '{kind}', '{item}', '{unit}', {days}, {most}, '2020-01-01', "
            "'default of nexus')"
            for kind, item, unit, days, most in LIMITS
        ),
    )
)

UNITS = """
CREATE FUNCTION unit_factor(given text, wanted text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN given = wanted THEN 1
        WHEN given = 'GRM' AND wanted = 'KGM' THEN 0.001
        WHEN given = 'TNE' AND wanted = 'KGM' THEN 1000
        WHEN given = 'MLT' AND wanted = 'LTR' THEN 0.001
        WHEN given = 'DZN' AND wanted = 'C62' THEN 12
    END
$$
"""

HELPED = """
CREATE FUNCTION helped_of_household(
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
    )
    SELECT 'help_limit:' || coalesce(nullif(limits.item_code, ''), limits.kind) || '@'
            || limits.valid_from,
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
    FROM help_limit AS limits, root
    WHERE limits.kind = line_kind
        AND (limits.item_code = '' OR line_item = limits.item_code
            OR starts_with(line_item, limits.item_code || '.'))
        AND unit_factor(coalesce(line_unit, limits.unit), limits.unit) IS NOT NULL
        AND limits.valid_from <= (at AT TIME ZONE 'Asia/Shanghai')::date
        AND (limits.valid_to IS NULL OR limits.valid_to > (at AT TIME ZONE 'Asia/Shanghai')::date);
END
$$
"""

OF_LINE = """
CREATE FUNCTION helped_of_line(line_id uuid, at timestamptz, until timestamptz)
RETURNS TABLE (rule text, item_code text, unit text, window_days integer, most numeric,
    factor numeric, helped numeric)
LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    SELECT found.* FROM need_line AS l JOIN need AS n ON n.id = l.need_id,
        helped_of_household(n.household_id, l.kind::text, l.item_code, l.unit, at, until) AS found
    WHERE l.id = $1;
END
$$
"""

LOCK = """
CREATE FUNCTION lock_household(household_id uuid) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    root uuid;
    still uuid;
BEGIN
    SELECT coalesce(merged_into_id, id) INTO root FROM household WHERE id = $1;
    LOOP
        PERFORM pg_advisory_xact_lock(hashtextextended('household/' || root, 0));
        SELECT coalesce(merged_into_id, id) INTO still FROM household WHERE id = $1;
        EXIT WHEN still IS NOT DISTINCT FROM root;
        root := still;
    END LOOP;
END
$$
"""

UNDER_LOCK = """
CREATE FUNCTION helped_under_lock(line_id uuid, at timestamptz, adding numeric)
RETURNS TABLE (rule text, item_code text, unit text, window_days integer, most numeric,
    factor numeric, helped numeric)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM lock_household(n.household_id)
    FROM need_line AS l JOIN need AS n ON n.id = l.need_id WHERE l.id = $1;
    -- A statement of its own: it sees what was committed while this waited for the lock.
    RETURN QUERY SELECT found.* FROM helped_of_line($1, at, NULL) AS found
        WHERE found.helped + adding * found.factor > found.most
        ORDER BY (found.most - found.helped) / found.factor LIMIT 1;
END
$$
"""

ONE_STEP = """
CREATE FUNCTION refuse_chained_merge() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    beyond uuid;
    chained boolean;
BEGIN
    EXECUTE format('SELECT merged_into_id FROM %I WHERE id = $1 FOR UPDATE', TG_TABLE_NAME)
        INTO beyond USING NEW.merged_into_id;
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE merged_into_id = $1)', TG_TABLE_NAME)
        INTO chained USING NEW.id;
    IF beyond IS NOT NULL OR chained THEN
        RAISE EXCEPTION 'a merged record points at one that stays'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'merged_in_one_step',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END
$$
"""

GRANTS = (
    "REVOKE INSERT, UPDATE ON help_limit FROM nexus_app",
    "REVOKE UPDATE ON help_override FROM nexus_app",
    "GRANT UPDATE (used_at, version) ON help_override TO nexus_app",
    "REVOKE UPDATE ON duplicate_suspicion FROM nexus_app",
    "GRANT UPDATE (survivor_id, proposed_by, proposed_at, decided_by, decided_at, "
    "household_merged_id, state, state_reason, version) ON duplicate_suspicion TO nexus_app",
    "REVOKE ALL ON vault.name_index FROM PUBLIC",
    "GRANT SELECT, INSERT, DELETE ON vault.name_index TO nexus_app",
    "GRANT UPDATE (examined_at) ON vault.name_index TO nexus_app",
)


def upgrade() -> None:
    """Tables, links, limits, what counts help, and what keeps merges to one step."""
    run = op.get_bind().exec_driver_sql
    for statement in (*TABLES.split("\n;\n"), *LINKS, SEED):
        run(statement)
    for statement in (UNITS, HELPED, OF_LINE, LOCK, UNDER_LOCK, ONE_STEP, *GRANTS):
        run(statement)
    for name in (
        *("unit_factor(text, text)", "lock_household(uuid)", "refuse_chained_merge()"),
        "helped_of_household(uuid, text, text, text, timestamptz, timestamptz)",
        *("helped_of_line(uuid, timestamptz, timestamptz)",),
        "helped_under_lock(uuid, timestamptz, numeric)",
    ):
        run(f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC")
        run(f"GRANT EXECUTE ON FUNCTION {name} TO nexus_app")
    for table in ("household", "recipient"):
        run(
            f"CREATE TRIGGER {table}_merges_in_one_step BEFORE INSERT OR UPDATE OF merged_into_id "
            f"ON {table} FOR EACH ROW WHEN (NEW.merged_into_id IS NOT NULL) "
            "EXECUTE FUNCTION refuse_chained_merge()"
        )
