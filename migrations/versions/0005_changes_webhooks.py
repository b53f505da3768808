"""The order of the feed, kept by a trigger; where the webhooks' reading of it begins.

Transactions commit in another order than they number their events, so positions alone would let
a reader pass an event that is committed late. Each event bears the number of its transaction, and
never one below that of its object's last event: ordered by (xact, position), and read up to the
oldest transaction still running, no event is ever passed and an object's events stay in order. The
writer holds the object's row, so its last event is committed, and seen here.
"""

from alembic import op

revision = "0005"
down_revision = "0004"

PLACE = """
CREATE FUNCTION place_event() RETURNS trigger
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    last record;
BEGIN
    SELECT xact, sequence INTO last FROM event
    WHERE object_type = NEW.object_type AND object_id = NEW.object_id
    ORDER BY sequence DESC LIMIT 1;
    NEW.xact := greatest(pg_current_xact_id(), last.xact);
    NEW.sequence := coalesce(last.sequence, 0) + 1;
    RETURN NEW;
END
$$
"""


def upgrade() -> None:
    """Trigger, cursor, grants."""
    run = op.get_bind().exec_driver_sql
    run(PLACE)
    run("REVOKE ALL ON FUNCTION place_event() FROM PUBLIC")
    run(
        "CREATE TRIGGER event_is_placed BEFORE INSERT ON event "
        "FOR EACH ROW EXECUTE FUNCTION place_event()"
    )
    run("INSERT INTO feed_cursor (name, xact, position) VALUES ('webhooks', '0', 0)")
    run("GRANT DELETE ON webhook_delivery TO nexus_app")
