"""Many needs at once: one row of each kind made, then multiplied in the database."""

from typing import Any

import asyncpg

from tests.making import Maker

KINDS = {"household": 0, "recipient": 1, "consent": 2, "need": 3, "need_line": 4}


def key(table: str, number: int) -> str:
    """The id of the row of this number, ordered by number."""
    return f"0190000{KINDS[table]}-0000-7000-8000-{number:012x}"


def _sql_key(table: str) -> str:
    return f"('0190000{KINDS[table]}-0000-7000-8000-' || lpad(to_hex(i), 12, '0'))"


async def needs_of_people(m: Maker, owner_url: str, count: int, **need: Any) -> None:
    """`count` published needs, each of a person of their own with a consent of their own.

    The title of need number i ends with `#i`.
    """
    model = await m.need(state="published", visibility="partners", **need)
    rows = {
        "household": (model.household_id, {"no": "'HH-' || i"}),
        "recipient": (
            model.recipient_id,
            {"no": "'RC-' || i", "household_id": _sql_key("household")},
        ),
        "consent": (
            model.consent_id,
            {"no": "'CO-' || i", "recipient_id": _sql_key("recipient")},
        ),
        "need": (
            model.id,
            {
                "no": "'ND-' || i",
                "household_id": _sql_key("household"),
                "recipient_id": _sql_key("recipient"),
                "consent_id": _sql_key("consent"),
                "public_title": "'大米 #' || i",
            },
        ),
        "need_line": (model.lines[0].id, {"need_id": _sql_key("need")}),
    }
    connection = await asyncpg.connect(owner_url)
    try:
        for table, (template, changed) in rows.items():
            await _multiply(connection, table, template, count, changed)
            await connection.execute(f"ANALYZE {table}")
    finally:
        await connection.close()


async def _multiply(
    connection: Any, table: str, template: Any, count: int, changed: dict[str, str]
) -> None:
    """Copies of a row, numbered from 1; `changed` are SQL expressions over the number i."""
    names = await connection.fetchval(
        "SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute WHERE attrelid = "
        f"'{table}'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
    )
    given = {"id": _sql_key(table), **changed}
    pairs = ", ".join(f"'{name}', {value}" for name, value in given.items())
    whole = f"jsonb_populate_record(NULL::{table}, to_jsonb(t) || jsonb_build_object({pairs}))"
    await connection.execute(
        f"INSERT INTO {table} ({names}) SELECT {', '.join(f'(r).{n}' for n in names.split(', '))} "
        f"FROM (SELECT {whole} AS r FROM {table} AS t, generate_series(1, {count}) AS i "
        f"WHERE t.id = '{template}' OFFSET 0) AS made"
    )
