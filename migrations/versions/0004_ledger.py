"""The ledger posts itself: a move is inserted, the database keeps the sums (INV-01, 02, 04, 07).

One function is the only writer of the buckets of `allocation` and of the counters of `need_line`
and `offer`. The application's role cannot write them, so no code can let them drift. Its guards
are single statements under the row's lock, taken in one order: allocation, line, offer.

A later migration that adds a column to `need_line` or `offer` grants its update to nexus_app.
"""

from alembic import op

revision = "0004"
down_revision = "0003"

COUNTERS = {
    "need_line": ("reserved", "committed", "delivered", "confirmed"),
    "offer": ("capacity_reserved", "capacity_used"),
}
OPENED_WITH = "id, pledge_id, line_id, offer_id, quantity, amount_fen, created_at"

POST = """
CREATE FUNCTION post_allocation_move() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    q numeric := NEW.quantity;
    target text := NEW.to_bucket;
    source text := NEW.from_bucket;
    to_reserved numeric := CASE 'reserved' WHEN target THEN q WHEN source THEN -q ELSE 0 END;
    to_committed numeric := CASE 'committed' WHEN target THEN q WHEN source THEN -q ELSE 0 END;
    to_delivered numeric := CASE 'delivered' WHEN target THEN q WHEN source THEN -q ELSE 0 END;
    to_confirmed numeric := CASE 'confirmed' WHEN target THEN q WHEN source THEN -q ELSE 0 END;
    to_owed numeric := to_reserved + to_committed;
    to_done numeric := to_delivered + to_confirmed;
    advances boolean := target IN ('reserved', 'committed', 'delivered');
    posted allocation;
    line need_line;
    giver offer;
BEGIN
    UPDATE allocation SET
        reserved = reserved + to_reserved,
        committed = committed + to_committed,
        delivered = delivered + to_delivered,
        confirmed = confirmed + to_confirmed,
        released = released + CASE target WHEN 'released' THEN q ELSE 0 END,
        reversed = reversed + CASE target WHEN 'reversed' THEN q ELSE 0 END
    WHERE id = NEW.allocation_id
    RETURNING * INTO posted;

    UPDATE need_line SET
        reserved = reserved + to_reserved,
        committed = committed + to_committed,
        delivered = delivered + to_delivered,
        confirmed = confirmed + to_confirmed
    WHERE id = posted.line_id
        AND (published OR NOT advances)
        AND (to_owed + to_done <= 0 OR quantity_required IS NULL OR quantity_required
            >= reserved + committed + delivered + confirmed + to_owed + to_done);
    IF NOT FOUND THEN
        SELECT * INTO line FROM need_line WHERE id = posted.line_id;
        IF advances AND NOT line.published THEN
            RAISE EXCEPTION 'the need is not published' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'inv_07_published', TABLE = 'need_line';
        END IF;
        RAISE EXCEPTION 'the line has less left' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'inv_01_no_oversell', TABLE = 'need_line',
            DETAIL = line.quantity_required - line.reserved - line.committed
                - line.delivered - line.confirmed;
    END IF;

    IF posted.offer_id IS NULL OR (to_owed = 0 AND to_done = 0) THEN
        RETURN NULL;
    END IF;
    UPDATE offer SET
        capacity_reserved = capacity_reserved + to_owed,
        capacity_used = capacity_used + to_done
    WHERE id = posted.offer_id
        AND (to_owed + to_done <= 0 OR capacity_maximum IS NULL OR capacity_maximum
            >= capacity_reserved + capacity_used + to_owed + to_done);
    IF NOT FOUND THEN
        SELECT * INTO giver FROM offer WHERE id = posted.offer_id;
        RAISE EXCEPTION 'the offer has less left' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'inv_02_capacity', TABLE = 'offer',
            DETAIL = giver.capacity_maximum - giver.capacity_reserved - giver.capacity_used;
    END IF;
    RETURN NULL;
END
$$
"""

TRIGGER = """
CREATE TRIGGER allocation_move_posts AFTER INSERT ON allocation_move
FOR EACH ROW EXECUTE FUNCTION post_allocation_move()
"""


def upgrade() -> None:
    """The function, its trigger, and the grants that make it the only writer."""
    run = op.get_bind().exec_driver_sql
    for statement in (
        POST,
        "REVOKE ALL ON FUNCTION post_allocation_move() FROM PUBLIC",
        TRIGGER,
        "REVOKE INSERT, UPDATE ON allocation FROM nexus_app",
        f"GRANT INSERT ({OPENED_WITH}) ON allocation TO nexus_app",
    ):
        run(statement)
    for table, counters in COUNTERS.items():
        listed = ", ".join(f"'{name}'" for name in counters)
        columns = run(
            "SELECT string_agg(quote_ident(column_name), ', ') FROM information_schema.columns "
            f"WHERE table_schema = 'public' AND table_name = '{table}' "
            f"AND is_generated = 'NEVER' AND column_name NOT IN ({listed})"
        ).scalar_one()
        run(f"REVOKE UPDATE ON {table} FROM nexus_app")
        run(f"GRANT UPDATE ({columns}) ON {table} TO nexus_app")
