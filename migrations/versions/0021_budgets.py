"""Catalogue items, budget lines, the ledger of public money.

The ledger posts itself: entries are inserted, the database keeps the sums of the line and of each
holder under the line's lock (INV-23). The application's role cannot write a sum, so no code can let
one drift; and a journal whose entries do not sum to nothing cannot be committed.
"""

from alembic import op

revision = "0021"
down_revision = "0020"

TABLES = r"""
CREATE TABLE catalogue_item (
    id UUID NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    kind VARCHAR(40) NOT NULL,
    unit TEXT NOT NULL,
    reference_price_fen BIGINT,
    funding_sources TEXT[] NOT NULL,
    edition INTEGER NOT NULL,
    effective_from DATE,
    effective_to DATE,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    published_by UUID,
    CONSTRAINT pk_catalogue_item PRIMARY KEY (id),
    CONSTRAINT uq_catalogue_item_code_edition UNIQUE (code, edition),
    CONSTRAINT ck_catalogue_item_code_shape CHECK (code ~ '^[A-Z0-9]+\.[A-Z0-9]+\.[A-Z0-9]+$'),
    CONSTRAINT ck_catalogue_item_edition_positive CHECK (edition > 0),
    CONSTRAINT ck_catalogue_item_reference_price_positive CHECK (reference_price_fen > 0),
    CONSTRAINT ck_catalogue_item_t21d_funding_sources CHECK (cardinality(funding_sources)
        > 0 AND funding_sources <@ ARRAY['F1', 'F2', 'F3']),
    CONSTRAINT ck_catalogue_item_period CHECK (effective_to >= effective_from),
    CONSTRAINT ck_catalogue_item_published_whole CHECK ((state IN ('effective',
        'retired')) = (effective_from IS NOT NULL) AND (state IN ('effective', 'retired'))
        = (published_by IS NOT NULL)),
    CONSTRAINT ck_catalogue_item_publisher_not_drafter CHECK (published_by IS DISTINCT
        FROM created_by),
    CONSTRAINT ck_catalogue_item_retired_whole CHECK (state <> 'retired' OR (effective_to
        IS NOT NULL AND state_reason IS NOT NULL)),
    CONSTRAINT ex_catalogue_item_one_edition EXCLUDE USING gist
        (int8range(hashtextextended(code, 0), hashtextextended(code, 0), '[]') WITH &&,
        daterange(effective_from, effective_to) WITH &&) WHERE (state IN ('effective',
        'retired')),
    CONSTRAINT ck_catalogue_item_kind_known CHECK (kind IN ('transactional', 'service')),
    CONSTRAINT ck_catalogue_item_state_known CHECK (state IN ('draft', 'effective', 'retired')),
    CONSTRAINT fk_catalogue_item_published_by FOREIGN KEY(published_by) REFERENCES account (id)
)
;
CREATE INDEX ix_catalogue_item_code ON catalogue_item (code, edition, id)
;
CREATE INDEX ix_catalogue_item_published_by ON catalogue_item (published_by)
;
CREATE TABLE budget_line (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    title TEXT NOT NULL,
    fiscal_year INTEGER NOT NULL,
    buyer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    funding_source VARCHAR(40) NOT NULL,
    planned_fen BIGINT NOT NULL,
    approved_fen BIGINT DEFAULT '0' NOT NULL,
    adjusted_fen BIGINT DEFAULT '0' NOT NULL,
    reserved_fen BIGINT DEFAULT '0' NOT NULL,
    committed_fen BIGINT DEFAULT '0' NOT NULL,
    paid_fen BIGINT DEFAULT '0' NOT NULL,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    approved_by UUID,
    CONSTRAINT pk_budget_line PRIMARY KEY (id),
    CONSTRAINT ck_budget_line_fiscal_year_known CHECK (fiscal_year BETWEEN 2000 AND 2100),
    CONSTRAINT ck_budget_line_planned_positive CHECK (planned_fen > 0),
    CONSTRAINT ck_budget_line_sums_not_negative CHECK (approved_fen >= 0 AND reserved_fen
        >= 0 AND committed_fen >= 0 AND paid_fen >= 0),
    CONSTRAINT ck_budget_line_inv_23_paid CHECK (paid_fen <= committed_fen),
    CONSTRAINT ck_budget_line_inv_23_budget CHECK (reserved_fen + committed_fen <=
        approved_fen + adjusted_fen),
    CONSTRAINT ck_budget_line_approved_whole CHECK ((state = 'draft') = (approved_by IS NULL)),
    CONSTRAINT ck_budget_line_inv_18_approver CHECK (approved_by IS DISTINCT FROM created_by),
    CONSTRAINT ck_budget_line_draft_is_empty CHECK (state <> 'draft' OR (approved_fen = 0
        AND adjusted_fen = 0)),
    CONSTRAINT uq_budget_line_no UNIQUE (no),
    CONSTRAINT fk_budget_line_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_budget_line_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT ck_budget_line_funding_source_known CHECK (funding_source IN ('F1', 'F2', 'F3')),
    CONSTRAINT ck_budget_line_state_known CHECK (state IN ('draft', 'approved', 'frozen',
        'closed')),
    CONSTRAINT fk_budget_line_created_by FOREIGN KEY(created_by) REFERENCES account (id),
    CONSTRAINT fk_budget_line_approved_by FOREIGN KEY(approved_by) REFERENCES account (id)
)
;
CREATE INDEX ix_budget_line_approved_by ON budget_line (approved_by)
;
CREATE INDEX ix_budget_line_area_code ON budget_line (area_code)
;
CREATE INDEX ix_budget_line_buyer_id ON budget_line (buyer_id)
;
CREATE INDEX ix_budget_line_created_at ON budget_line (created_at, id)
;
CREATE INDEX ix_budget_line_created_by ON budget_line (created_by)
;
CREATE INDEX ix_budget_line_year ON budget_line (buyer_id, fiscal_year, id)
;
CREATE TABLE budget_line_item (
    line_id UUID NOT NULL,
    catalogue_item_id UUID NOT NULL,
    CONSTRAINT pk_budget_line_item PRIMARY KEY (line_id, catalogue_item_id),
    CONSTRAINT fk_budget_line_item_line_id FOREIGN KEY(line_id) REFERENCES budget_line (id),
    CONSTRAINT fk_budget_line_item_catalogue_item_id FOREIGN KEY(catalogue_item_id)
        REFERENCES catalogue_item (id)
)
;
CREATE INDEX ix_budget_line_item_catalogue_item_id ON budget_line_item (catalogue_item_id)
;
CREATE TABLE budget_adjustment (
    id UUID NOT NULL,
    line_id UUID NOT NULL,
    fen BIGINT NOT NULL,
    document_no TEXT NOT NULL,
    reason TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL,
    created_by UUID NOT NULL,
    CONSTRAINT pk_budget_adjustment PRIMARY KEY (id),
    CONSTRAINT ck_budget_adjustment_not_nothing CHECK (fen <> 0),
    CONSTRAINT fk_budget_adjustment_line_id FOREIGN KEY(line_id) REFERENCES budget_line (id),
    CONSTRAINT fk_budget_adjustment_created_by FOREIGN KEY(created_by) REFERENCES account (id)
)
;
CREATE INDEX ix_budget_adjustment_created_by ON budget_adjustment (created_by)
;
CREATE INDEX ix_budget_adjustment_line_id ON budget_adjustment (line_id)
;
CREATE TABLE budget_journal (
    id UUID NOT NULL,
    kind VARCHAR(40) NOT NULL,
    subject_type VARCHAR(40) NOT NULL,
    subject_id UUID NOT NULL,
    posted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    posted_by UUID NOT NULL,
    CONSTRAINT pk_budget_journal PRIMARY KEY (id),
    CONSTRAINT ck_budget_journal_kind_known CHECK (kind IN ('approve', 'adjust',
        'reserve', 'commit', 'pay', 'release', 'decommit', 'unpay')),
    CONSTRAINT ck_budget_journal_subject_type_known CHECK (subject_type IN ('budget_line',
        'procurement', 'contract', 'payment'))
)
;
CREATE INDEX ix_budget_journal_subject ON budget_journal (subject_id, posted_at, id)
;
CREATE UNIQUE INDEX uq_budget_journal_once ON budget_journal (subject_id, kind) WHERE kind IN
    ('approve', 'pay', 'unpay')
;
CREATE TABLE budget_entry (
    id UUID NOT NULL,
    journal_id UUID NOT NULL,
    budget_line_id UUID NOT NULL,
    account VARCHAR(40) NOT NULL,
    subject_type VARCHAR(40) NOT NULL,
    subject_id UUID NOT NULL,
    fen BIGINT NOT NULL,
    CONSTRAINT pk_budget_entry PRIMARY KEY (id),
    CONSTRAINT ck_budget_entry_not_nothing CHECK (fen <> 0),
    CONSTRAINT fk_budget_entry_journal_id FOREIGN KEY(journal_id) REFERENCES budget_journal (id),
    CONSTRAINT fk_budget_entry_budget_line_id FOREIGN KEY(budget_line_id) REFERENCES
        budget_line (id),
    CONSTRAINT ck_budget_entry_account_known CHECK (account IN ('appropriation',
        'adjustment', 'available', 'reserved', 'committed', 'paid')),
    CONSTRAINT ck_budget_entry_subject_type_known CHECK (subject_type IN ('budget_line',
        'procurement', 'contract', 'payment'))
)
;
CREATE INDEX ix_budget_entry_budget_line_id ON budget_entry (budget_line_id)
;
CREATE INDEX ix_budget_entry_journal_id ON budget_entry (journal_id)
;
CREATE INDEX ix_budget_entry_subject ON budget_entry (subject_id, id)
;
CREATE TABLE budget_holding (
    line_id UUID NOT NULL,
    account VARCHAR(40) NOT NULL,
    subject_id UUID NOT NULL,
    subject_type VARCHAR(40) NOT NULL,
    fen BIGINT NOT NULL,
    CONSTRAINT pk_budget_holding PRIMARY KEY (line_id, account, subject_id),
    CONSTRAINT ck_budget_holding_own_only CHECK (fen >= 0),
    CONSTRAINT ck_budget_holding_holds_there CHECK (account IN ('reserved', 'committed', 'paid')),
    CONSTRAINT fk_budget_holding_line_id FOREIGN KEY(line_id) REFERENCES budget_line (id),
    CONSTRAINT ck_budget_holding_account_known CHECK (account IN ('appropriation',
        'adjustment', 'available', 'reserved', 'committed', 'paid')),
    CONSTRAINT ck_budget_holding_subject_type_known CHECK (subject_type IN ('budget_line',
        'procurement', 'contract', 'payment'))
)
;
CREATE INDEX ix_budget_holding_subject_id ON budget_holding (subject_id)
"""

POST = """
CREATE FUNCTION post_budget_entries() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    d record;
    line budget_line;
    held bigint;
BEGIN
    IF EXISTS (
        SELECT FROM added AS e JOIN budget_journal AS j ON j.id = e.journal_id
        WHERE (j.kind, e.account, sign(e.fen)::int) NOT IN (VALUES
            ('approve', 'appropriation', -1), ('approve', 'available', 1),
            ('adjust', 'adjustment', -1), ('adjust', 'available', 1),
            ('adjust', 'adjustment', 1), ('adjust', 'available', -1),
            ('reserve', 'available', -1), ('reserve', 'reserved', 1),
            ('commit', 'reserved', -1), ('commit', 'committed', 1),
            ('pay', 'committed', -1), ('pay', 'paid', 1),
            ('unpay', 'paid', -1), ('unpay', 'committed', 1),
            ('decommit', 'committed', -1), ('decommit', 'available', 1),
            ('release', 'reserved', -1), ('release', 'available', 1)))
    THEN
        RAISE EXCEPTION 'not a way that money goes' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'listed_way', TABLE = 'budget_entry';
    END IF;

    FOR d IN
        SELECT budget_line_id AS line_id, account, subject_id, min(subject_type) AS subject_type,
            sum(fen) AS fen
        FROM added WHERE account IN ('reserved', 'committed', 'paid')
        GROUP BY budget_line_id, account, subject_id
        ORDER BY budget_line_id, account, subject_id
    LOOP
        IF d.fen >= 0 THEN
            INSERT INTO budget_holding (line_id, account, subject_id, subject_type, fen)
            VALUES (d.line_id, d.account, d.subject_id, d.subject_type, d.fen)
            ON CONFLICT (line_id, account, subject_id)
            DO UPDATE SET fen = budget_holding.fen + excluded.fen;
            CONTINUE;
        END IF;
        UPDATE budget_holding SET fen = fen + d.fen
        WHERE line_id = d.line_id AND account = d.account AND subject_id = d.subject_id
            AND fen + d.fen >= 0;
        IF NOT FOUND THEN
            SELECT fen INTO held FROM budget_holding WHERE line_id = d.line_id
                AND account = d.account AND subject_id = d.subject_id;
            RAISE EXCEPTION 'the holder has less' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'own_only', TABLE = 'budget_holding', DETAIL = coalesce(held, 0);
        END IF;
    END LOOP;

    FOR d IN
        SELECT e.budget_line_id AS line_id,
            coalesce(sum(fen) FILTER (WHERE account = 'appropriation'), 0) AS appropriation,
            coalesce(sum(fen) FILTER (WHERE account = 'adjustment'), 0) AS adjustment,
            coalesce(sum(fen) FILTER (WHERE account = 'available'), 0) AS available,
            coalesce(sum(fen) FILTER (WHERE account = 'reserved'), 0) AS reserved,
            coalesce(sum(fen) FILTER (WHERE account = 'committed'), 0) AS committed,
            coalesce(sum(fen) FILTER (WHERE account = 'paid'), 0) AS paid,
            bool_or(j.kind IN ('approve', 'reserve', 'commit', 'pay')) AS advances
        FROM added AS e JOIN budget_journal AS j ON j.id = e.journal_id
        GROUP BY e.budget_line_id ORDER BY e.budget_line_id
    LOOP
        UPDATE budget_line SET
            approved_fen = approved_fen - d.appropriation,
            adjusted_fen = adjusted_fen - d.adjustment,
            reserved_fen = reserved_fen + d.reserved,
            committed_fen = committed_fen + d.committed + d.paid,
            paid_fen = paid_fen + d.paid
        WHERE id = d.line_id
            AND (state = 'approved' OR (NOT d.advances AND state <> 'draft'))
            AND (d.available >= 0
                OR approved_fen + adjusted_fen - reserved_fen - committed_fen + d.available >= 0);
        IF NOT FOUND THEN
            SELECT * INTO line FROM budget_line WHERE id = d.line_id;
            IF line.state = 'draft' OR (d.advances AND line.state <> 'approved') THEN
                RAISE EXCEPTION 'the line takes nothing' USING ERRCODE = 'check_violation',
                    CONSTRAINT = 'line_open', TABLE = 'budget_line', DETAIL = line.state;
            END IF;
            RAISE EXCEPTION 'the line has less left' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'inv_23_budget', TABLE = 'budget_line',
                DETAIL = line.approved_fen + line.adjusted_fen - line.reserved_fen
                    - line.committed_fen;
        END IF;
    END LOOP;
    RETURN NULL;
END
$$
"""

POSTS = """
CREATE TRIGGER budget_entry_posts AFTER INSERT ON budget_entry
REFERENCING NEW TABLE AS added
FOR EACH STATEMENT EXECUTE FUNCTION post_budget_entries()
"""

BALANCES = """
CREATE FUNCTION journal_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    journal uuid := CASE TG_TABLE_NAME WHEN 'budget_journal' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'journal_id' END;
BEGIN
    IF NOT EXISTS (SELECT FROM budget_entry WHERE journal_id = journal) OR EXISTS (
        SELECT FROM budget_entry WHERE journal_id = journal
        GROUP BY budget_line_id HAVING sum(fen) <> 0)
    THEN
        RAISE EXCEPTION 'the journal does not balance' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'journal_balances', TABLE = 'budget_journal';
    END IF;
    RETURN NULL;
END
$$
"""

SETTLED = """
CREATE FUNCTION budget_line_is_settled() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.reserved_fen <> 0 OR NEW.committed_fen <> NEW.paid_fen THEN
        RAISE EXCEPTION 'the line still holds money' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'closed_settled', TABLE = 'budget_line';
    END IF;
    RETURN NEW;
END
$$
"""

SETTLES = """
CREATE TRIGGER budget_line_closes_settled BEFORE UPDATE OF state ON budget_line
FOR EACH ROW WHEN (NEW.state = 'closed' AND OLD.state <> 'closed')
EXECUTE FUNCTION budget_line_is_settled()
"""

ASKED = (
    "id, no, title, fiscal_year, buyer_id, area_code, funding_source, planned_fen, state, "
    "state_reason, version, created_at, created_by, approved_by"
)
DECIDED = "title, planned_fen, approved_by, state, state_reason, version"
LISTED = "effective_from, effective_to, published_by, state, state_reason, version"
WRITTEN_ONCE = ("budget_line_item", "budget_adjustment", "budget_journal", "budget_entry")


def upgrade() -> None:
    """Tables, the triggers that are the only writers of a sum, and narrow grants."""
    run = op.get_bind().exec_driver_sql
    for statement in (
        *TABLES.split("\n;\n"),
        *(POST, POSTS, BALANCES, SETTLED, SETTLES),
        "REVOKE ALL ON FUNCTION post_budget_entries(), journal_balances(), "
        "budget_line_is_settled() FROM PUBLIC",
        *(
            f"CREATE CONSTRAINT TRIGGER {table}_balances AFTER INSERT ON {table} "
            "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION journal_balances()"
            for table in ("budget_journal", "budget_entry")
        ),
        "REVOKE INSERT ON budget_line, budget_holding FROM nexus_app",
        "REVOKE UPDATE, DELETE ON catalogue_item, budget_line, budget_line_item, "
        "budget_adjustment, budget_journal, budget_entry, budget_holding FROM nexus_app",
        f"GRANT INSERT ({ASKED}) ON budget_line TO nexus_app",
        f"GRANT UPDATE ({DECIDED}) ON budget_line TO nexus_app",
        f"GRANT UPDATE ({LISTED}) ON catalogue_item TO nexus_app",
        *(
            f"CREATE TRIGGER {table}_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            for table in WRITTEN_ONCE
        ),
    ):
        run(statement)
