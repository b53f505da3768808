"""Invoices and payments.

A payment fits its invoice, milestone and contract, or it is not there; executing it adds to what is
paid of the milestone, and reversing it takes that off again; and no transaction commits in which
the ledger and the payments differ (INV-24, INV-25).
"""

from alembic import op

revision = "0024"
down_revision = "0023"

TABLES = r"""
CREATE TABLE invoice (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    number TEXT NOT NULL,
    contract_id UUID NOT NULL,
    milestone_id UUID NOT NULL,
    supplier_id UUID NOT NULL,
    buyer_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    amount_fen BIGINT NOT NULL,
    issued_on DATE NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE NOT NULL,
    submitted_by UUID NOT NULL,
    matched_at TIMESTAMP WITH TIME ZONE,
    matched_by UUID,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by UUID,
    pay_due_at TIMESTAMP WITH TIME ZONE,
    pay_late_at TIMESTAMP WITH TIME ZONE,
    pay_rule TEXT,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_invoice PRIMARY KEY (id),
    CONSTRAINT ck_invoice_amount_positive CHECK (amount_fen > 0),
    CONSTRAINT ck_invoice_two_parties CHECK (supplier_id <> buyer_id),
    CONSTRAINT ck_invoice_matched_whole CHECK ((matched_at IS NULL) = (matched_by IS NULL)
        AND (state NOT IN ('matched', 'approved') OR matched_at IS NOT NULL)),
    CONSTRAINT ck_invoice_approved_whole CHECK ((state = 'approved') = (approved_at IS NOT
        NULL) AND (approved_at IS NULL) = (approved_by IS NULL) AND (approved_at IS NULL)
        = (pay_due_at IS NULL) AND (approved_at IS NULL) = (pay_late_at IS NULL) AND
        (approved_at IS NULL) = (pay_rule IS NULL)),
    CONSTRAINT ck_invoice_inv_18_three_persons CHECK (matched_by IS DISTINCT FROM
        submitted_by AND (approved_by IS NULL OR approved_by NOT IN (submitted_by,
        matched_by))),
    CONSTRAINT ck_invoice_reason_given CHECK (state <> 'rejected' OR state_reason IS NOT NULL),
    CONSTRAINT uq_invoice_no UNIQUE (no),
    CONSTRAINT fk_invoice_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_invoice_milestone_id FOREIGN KEY(milestone_id) REFERENCES milestone (id),
    CONSTRAINT fk_invoice_supplier_id FOREIGN KEY(supplier_id) REFERENCES organization (id),
    CONSTRAINT fk_invoice_buyer_id FOREIGN KEY(buyer_id) REFERENCES organization (id),
    CONSTRAINT fk_invoice_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_invoice_submitted_by FOREIGN KEY(submitted_by) REFERENCES account (id),
    CONSTRAINT fk_invoice_matched_by FOREIGN KEY(matched_by) REFERENCES account (id),
    CONSTRAINT fk_invoice_approved_by FOREIGN KEY(approved_by) REFERENCES account (id),
    CONSTRAINT ck_invoice_state_known CHECK (state IN ('submitted', 'matched', 'approved',
        'rejected'))
)
;
CREATE INDEX ix_invoice_approved_by ON invoice (approved_by)
;
CREATE INDEX ix_invoice_area_code ON invoice (area_code)
;
CREATE INDEX ix_invoice_buyer_id ON invoice (buyer_id)
;
CREATE INDEX ix_invoice_contract_id ON invoice (contract_id)
;
CREATE INDEX ix_invoice_matched_by ON invoice (matched_by)
;
CREATE INDEX ix_invoice_milestone_id ON invoice (milestone_id)
;
CREATE INDEX ix_invoice_submitted_at ON invoice (submitted_at, id)
;
CREATE INDEX ix_invoice_submitted_by ON invoice (submitted_by)
;
CREATE INDEX ix_invoice_supplier_id ON invoice (supplier_id, submitted_at, id)
;
CREATE INDEX ix_invoice_to_pay ON invoice (pay_due_at) WHERE state = 'approved'
;
CREATE UNIQUE INDEX uq_invoice_number ON invoice (supplier_id, number) WHERE state <> 'rejected'
;
CREATE TABLE payment (
    id UUID NOT NULL,
    no TEXT NOT NULL,
    invoice_id UUID NOT NULL,
    contract_id UUID NOT NULL,
    milestone_id UUID NOT NULL,
    instalment INTEGER NOT NULL,
    payer_id UUID NOT NULL,
    payee_id UUID NOT NULL,
    area_code TEXT COLLATE "C" NOT NULL,
    amount_fen BIGINT NOT NULL,
    attempt INTEGER NOT NULL,
    requested_at TIMESTAMP WITH TIME ZONE NOT NULL,
    requested_by UUID NOT NULL,
    approved_at TIMESTAMP WITH TIME ZONE,
    approved_by UUID,
    executed_at TIMESTAMP WITH TIME ZONE,
    executed_by UUID,
    bank_reference TEXT,
    closed_at TIMESTAMP WITH TIME ZONE,
    closed_by UUID,
    state VARCHAR(40) NOT NULL,
    state_reason TEXT,
    version INTEGER NOT NULL,
    CONSTRAINT pk_payment PRIMARY KEY (id),
    CONSTRAINT uq_payment_milestone_id_instalment UNIQUE (milestone_id, instalment),
    CONSTRAINT uq_payment_payer_id_bank_reference UNIQUE (payer_id, bank_reference),
    CONSTRAINT ck_payment_amount_positive CHECK (amount_fen > 0),
    CONSTRAINT ck_payment_counted CHECK (instalment > 0 AND attempt > 0),
    CONSTRAINT ck_payment_two_parties CHECK (payer_id <> payee_id),
    CONSTRAINT ck_payment_approved_whole CHECK ((approved_at IS NULL) = (approved_by IS
        NULL) AND (approved_at IS NOT NULL OR state NOT IN ('approved', 'executed',
        'reconciled', 'reversed'))),
    CONSTRAINT ck_payment_executed_whole CHECK ((executed_at IS NOT NULL) = (state IN
        ('executed', 'reconciled', 'reversed')) AND (executed_at IS NULL) = (executed_by
        IS NULL) AND (executed_at IS NULL) = (bank_reference IS NULL)),
    CONSTRAINT ck_payment_closed_whole CHECK ((closed_at IS NOT NULL) = (state IN
        ('reconciled', 'reversed')) AND (closed_at IS NULL) = (closed_by IS NULL)),
    CONSTRAINT ck_payment_inv_18_approver CHECK (approved_by IS DISTINCT FROM requested_by
        AND executed_by IS DISTINCT FROM requested_by AND closed_by IS DISTINCT FROM
        requested_by),
    CONSTRAINT ck_payment_reason_given CHECK (state NOT IN ('failed', 'reversed') OR
        state_reason IS NOT NULL),
    CONSTRAINT uq_payment_no UNIQUE (no),
    CONSTRAINT fk_payment_invoice_id FOREIGN KEY(invoice_id) REFERENCES invoice (id),
    CONSTRAINT fk_payment_contract_id FOREIGN KEY(contract_id) REFERENCES contract (id),
    CONSTRAINT fk_payment_milestone_id FOREIGN KEY(milestone_id) REFERENCES milestone (id),
    CONSTRAINT fk_payment_payer_id FOREIGN KEY(payer_id) REFERENCES organization (id),
    CONSTRAINT fk_payment_payee_id FOREIGN KEY(payee_id) REFERENCES organization (id),
    CONSTRAINT fk_payment_area_code FOREIGN KEY(area_code) REFERENCES area (code),
    CONSTRAINT fk_payment_requested_by FOREIGN KEY(requested_by) REFERENCES account (id),
    CONSTRAINT fk_payment_approved_by FOREIGN KEY(approved_by) REFERENCES account (id),
    CONSTRAINT fk_payment_executed_by FOREIGN KEY(executed_by) REFERENCES account (id),
    CONSTRAINT fk_payment_closed_by FOREIGN KEY(closed_by) REFERENCES account (id),
    CONSTRAINT ck_payment_state_known CHECK (state IN ('requested', 'approved',
        'executed', 'reconciled', 'failed', 'reversed'))
)
;
CREATE INDEX ix_payment_approved_by ON payment (approved_by)
;
CREATE INDEX ix_payment_area_code ON payment (area_code)
;
CREATE INDEX ix_payment_closed_by ON payment (closed_by)
;
CREATE INDEX ix_payment_contract_id ON payment (contract_id)
;
CREATE INDEX ix_payment_executed_by ON payment (executed_by)
;
CREATE INDEX ix_payment_invoice_id ON payment (invoice_id)
;
CREATE INDEX ix_payment_payee_id ON payment (payee_id, requested_at, id)
;
CREATE INDEX ix_payment_payer_id ON payment (payer_id, requested_at, id)
;
CREATE INDEX ix_payment_requested_at ON payment (requested_at, id)
;
CREATE INDEX ix_payment_requested_by ON payment (requested_by)
;
CREATE UNIQUE INDEX uq_payment_inv_25_live ON payment (invoice_id) WHERE state IN ('requested',
    'approved', 'executed', 'reconciled')
"""

FITS = """
CREATE FUNCTION payment_fits() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    accepted bigint;
    others bigint;
BEGIN
    IF NOT EXISTS (
        SELECT FROM invoice AS i
        JOIN milestone AS m ON m.id = i.milestone_id
        JOIN contract AS c ON c.id = m.contract_id AND c.id = i.contract_id
        WHERE i.id = NEW.invoice_id AND i.state = 'approved' AND i.amount_fen = NEW.amount_fen
            AND m.id = NEW.milestone_id AND c.id = NEW.contract_id
            AND c.supplier_id = NEW.payee_id AND c.supplier_id = i.supplier_id
            AND c.buyer_id = NEW.payer_id AND c.signed_on IS NOT NULL)
    THEN
        RAISE EXCEPTION 'the payment does not fit its invoice and contract'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'inv_24_fits', TABLE = 'payment';
    END IF;
    IF NEW.state = 'requested' THEN
        SELECT accepted_fen INTO accepted FROM milestone WHERE id = NEW.milestone_id
            FOR NO KEY UPDATE;
        SELECT coalesce(sum(amount_fen), 0) INTO others FROM payment
            WHERE milestone_id = NEW.milestone_id AND id <> NEW.id
            AND state IN ('requested', 'approved', 'executed', 'reconciled');
        IF others + NEW.amount_fen > accepted THEN
            RAISE EXCEPTION 'more than was accepted' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'inv_24_accepted', TABLE = 'payment', DETAIL = accepted - others;
        END IF;
    END IF;
    RETURN NEW;
END
$$
"""

COUNTS = """
CREATE FUNCTION milestone_counts_payment() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    more bigint := CASE NEW.state WHEN 'executed' THEN NEW.amount_fen ELSE -NEW.amount_fen END;
BEGIN
    UPDATE milestone SET paid_fen = paid_fen + more WHERE id = NEW.milestone_id;
    RETURN NULL;
END
$$
"""

POSTED = """
CREATE FUNCTION payment_is_posted() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    given uuid := CASE TG_TABLE_NAME WHEN 'payment' THEN to_jsonb(NEW) ->> 'id'
        ELSE to_jsonb(NEW) ->> 'subject_id' END;
    held bigint;
    due bigint;
BEGIN
    SELECT coalesce(sum(fen), 0) INTO held FROM budget_holding
        WHERE subject_id = given AND account = 'paid';
    SELECT CASE WHEN state IN ('executed', 'reconciled') THEN amount_fen ELSE 0 END INTO due
        FROM payment WHERE id = given;
    IF held <> coalesce(due, 0) THEN
        RAISE EXCEPTION 'the ledger and the payment differ' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'inv_25_posted', TABLE = 'payment', DETAIL = held;
    END IF;
    RETURN NULL;
END
$$
"""

MATCHED = (
    "matched_at, matched_by, approved_at, approved_by, pay_due_at, pay_late_at, pay_rule, state, "
    "state_reason, version"
)
MOVED = (
    "attempt, requested_at, requested_by, approved_at, approved_by, executed_at, executed_by, "
    "bank_reference, closed_at, closed_by, state, state_reason, version"
)


def upgrade() -> None:
    """Tables, what fits, what follows, and narrow grants."""
    run = op.get_bind().exec_driver_sql
    for statement in (
        *TABLES.split("\n;\n"),
        *(FITS, COUNTS, POSTED),
        "REVOKE ALL ON FUNCTION payment_fits(), milestone_counts_payment(), payment_is_posted() "
        "FROM PUBLIC",
        "CREATE TRIGGER payment_fits BEFORE INSERT OR UPDATE OF state ON payment "
        "FOR EACH ROW EXECUTE FUNCTION payment_fits()",
        "CREATE TRIGGER payment_counts AFTER UPDATE OF state ON payment FOR EACH ROW WHEN "
        "(OLD.state <> NEW.state AND NEW.state IN ('executed', 'reversed')) "
        "EXECUTE FUNCTION milestone_counts_payment()",
        "CREATE CONSTRAINT TRIGGER payment_posted AFTER INSERT OR UPDATE ON payment "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION payment_is_posted()",
        "CREATE CONSTRAINT TRIGGER budget_journal_of_payment AFTER INSERT ON budget_journal "
        "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.subject_type = 'payment') "
        "EXECUTE FUNCTION payment_is_posted()",
        "REVOKE UPDATE, DELETE ON invoice, payment FROM nexus_app",
        f"GRANT UPDATE ({MATCHED}) ON invoice TO nexus_app",
        f"GRANT UPDATE ({MOVED}) ON payment TO nexus_app",
        # What is paid of a milestone is the sum of its payments: only the trigger writes it.
        "REVOKE UPDATE (paid_fen) ON milestone FROM nexus_app",
    ):
        run(statement)
