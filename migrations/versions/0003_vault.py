"""The vault's gate: the application writes ciphertext and cannot read it, but through a reveal.

`vault.ciphertext` hands out the sealed fields of a reveal that an earlier transaction committed,
to the account that asked, for five minutes. The clock and the transaction's number are the
database's own: the application can set neither.
"""

from alembic import op

revision = "0003"
down_revision = "0002"

GRANTS = (
    "GRANT DELETE ON sign_in_failure TO nexus_app",
    "REVOKE ALL ON SCHEMA vault FROM PUBLIC",
    "REVOKE ALL ON ALL TABLES IN SCHEMA vault FROM PUBLIC",
    "GRANT USAGE ON SCHEMA vault TO nexus_app",
    "GRANT SELECT, INSERT ON vault.person_key TO nexus_app",
    "GRANT UPDATE (wrapped_key, key_version, erased_at) ON vault.person_key TO nexus_app",
    "GRANT INSERT, DELETE ON vault.identity_field TO nexus_app",
    # Of an entry the application may know that it is there, since when, and by whom.
    "GRANT SELECT (recipient_id, field, key_version, recorded_at, recorded_by) "
    "ON vault.identity_field TO nexus_app",
    "GRANT SELECT, INSERT, DELETE ON vault.blind_index TO nexus_app",
    # Neither requested_at nor xact: their defaults are the evidence.
    "GRANT SELECT ON vault.reveal TO nexus_app",
    "GRANT INSERT (id, recipient_id, fields, purpose, account_id) ON vault.reveal TO nexus_app",
)

CIPHERTEXT = """
CREATE FUNCTION vault.ciphertext(reveal_id uuid, account uuid)
RETURNS TABLE (recipient_id uuid, field text, ciphertext bytea, key_version integer)
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    SELECT entry.recipient_id, entry.field::text, entry.ciphertext, entry.key_version
    FROM vault.reveal AS asked
    JOIN vault.identity_field AS entry
      ON entry.recipient_id = asked.recipient_id AND entry.field = ANY (asked.fields)
    WHERE asked.id = reveal_id
      AND asked.account_id = account
      -- In this order: after a restore elsewhere, an old number may lie in the future there.
      AND CASE WHEN asked.requested_at > clock_timestamp() - interval '5 minutes'
          THEN pg_xact_status(asked.xact) = 'committed' ELSE false END
$$
"""

AFTERWARDS = (
    "REVOKE ALL ON FUNCTION vault.ciphertext(uuid, uuid) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION vault.ciphertext(uuid, uuid) TO nexus_app",
    "CREATE TRIGGER reveal_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
    "ON vault.reveal FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
)


def upgrade() -> None:
    """Grants, the gate, and a history of reveals that nobody changes."""
    run = op.get_bind().exec_driver_sql
    for statement in (*GRANTS, CIPHERTEXT, *AFTERWARDS):
        run(statement)
