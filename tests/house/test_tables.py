"""The tables as they are in the database: as the models say, by convention, and guarded."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

from nexus.core.db import Base, make_engine
from nexus.core.embedded import Database
from nexus.core.migrating import migrate, migrations
from tests.conftest import on_server

SCHEMAS = "('public', 'vault')"
DELETABLE = {
    "emergency_area": "the areas of an event are replaced as one; the event's history names them",
    "emergency_period": "its phases are replaced as one",
    "access_token": "a token that ended a month ago; its history stays",
    "idempotency_key": "an answer is kept for ninety days",
    "job": "a done job has left its event behind",
    "procurement_item": "a plan's items are replaced; a trigger keeps those of a tender",
    "contracting_finding": "computed anew from documents that stay as they are",
    "need_line": "a draft's lines are replaced; later a pledge's key holds them",
    "offer_area": "an offer's areas are replaced as one",
    "quota_bucket": "a full bucket says nothing",
    "second_factor": "a device that was replaced or lost; the account's history stays",
    "sign_in_failure": "a counter of the last hour",
    "station_opening": "computed from the schedule, which stays",
    "task_position": "a draft's positions are replaced; later a sign-up's key holds them",
    "picture_content": "a removed picture's bytes are deleted; its row and the reason stay",
    "import_sheet": "a workbook of rejected rows is kept for a week",
    "upload_chunk": "a file is forgotten once it is imported, or after a day",
    "scheme_body": "a draft scheme is replaced as one; a trigger keeps what was in force",
    "scheme_grade": "as are its grades",
    "scheme_indicator": "and its indicators",
    "proposed_measure": "a draft's measures are replaced as one; a trigger keeps those of others",
    "goal": "a draft plan's goals are replaced as one; a trigger keeps those of others",
    "webhook_delivery": "the delivery log is kept for ninety days; the event stays",
    "identity_field": "identity is erased when its person asks",
    "blind_index": "the index goes with the identity",
    "name_index": "the index goes with the identity",
}
"""Tables of which the application may delete rows, and why that loses no history."""
APPEND_ONLY = (
    "public.acceptance_deduction",
    "public.contracting_document",
    "public.budget_adjustment",
    *("public.budget_journal", "public.budget_entry"),
    *("public.supplier_standing", "public.contract_amendment"),
    *("public.certificate_paper", "public.hours_booking"),
    *("public.picture_view", "public.printout"),
    *("public.event", "public.allocation_move", "vault.reveal", "vault.contact_reveal"),
    "public.authority_reply",
    *("public.custody_step", "public.hotline_reply", "public.missing_notice"),
    *("public.training_record", "public.visit_checklist"),
    *("public.pairing_contact", "public.contribution"),
    *("public.case_step", "public.plan_review", "public.contact_attempt"),
    *("public.case_evaluation", "public.conference_decision", "public.conference_exception"),
)

COLUMNS = f"""
SELECT table_class.relnamespace::regnamespace || '.' || table_class.relname AS table_name,
    attname AS name, format_type(atttypid, atttypmod) AS type, attnotnull AS required,
    attidentity AS identity, attgenerated AS generated,
    pg_get_expr(adbin, adrelid) AS default_value,
    (SELECT collname FROM pg_collation WHERE oid = attcollation) AS collation
FROM pg_attribute
JOIN pg_class AS table_class ON table_class.oid = attrelid AND relkind = 'r'
LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE relnamespace::regnamespace::text IN {SCHEMAS} AND attnum > 0 AND NOT attisdropped
    AND relname <> 'alembic_version'
ORDER BY 1, 2
"""
CONSTRAINTS = f"""
SELECT conrelid::regclass::text AS table_name, conname AS name, contype::text AS kind,
    pg_get_constraintdef(oid) AS definition, conkey
FROM pg_constraint
WHERE connamespace::regnamespace::text IN {SCHEMAS} AND conrelid <> 0
    AND contype IN ('p', 'u', 'c', 'f', 'x')
    AND conrelid::regclass::text <> 'alembic_version'
ORDER BY 1, 2
"""
INDEXES = f"""
SELECT indrelid::regclass::text AS table_name, indexrelid::regclass::text AS name,
    pg_get_indexdef(indexrelid) AS definition, indkey::int2[] AS keys, indpred IS NULL AS whole
FROM pg_index JOIN pg_class ON pg_class.oid = indrelid
WHERE relnamespace::regnamespace::text IN {SCHEMAS} AND relname <> 'alembic_version'
ORDER BY 1, 2
"""
SEQUENCES = f"SELECT sequencename FROM pg_sequences WHERE schemaname IN {SCHEMAS} ORDER BY 1"

MOMENTS = {"absent_since", "leased_until", "locked_until"}
"""Columns of type timestamptz that are not called _at."""

Rows = list[dict[str, Any]]


async def read(url: str, query: str) -> Rows:
    connection = await asyncpg.connect(url)
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


@pytest.fixture(scope="module")
async def empty(server: Database) -> AsyncIterator[Database]:
    """A database without a table."""
    name = f"nexus_empty_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name}")
    yield server.named(name)
    await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


async def test_migrations_are_one_line() -> None:
    script = ScriptDirectory(str(migrations()))
    revisions = [revision.revision for revision in reversed(list(script.walk_revisions()))]
    assert revisions == [f"{place:04d}" for place in range(1, len(revisions) + 1)]


@pytest.mark.filterwarnings("ignore:Did not recognize type .xid8.")
async def test_migrations_and_models_agree(owner_engine: AsyncEngine) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True, "include_schemas": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))

    async with owner_engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_migrations_make_what_the_models_say_to_the_letter(
    database: Database, empty: Database
) -> None:
    """CHECKs, exclusions, partial indexes and collations, which alembic does not compare."""
    engine = make_engine(empty.owner_url)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE SCHEMA vault"))
        await connection.run_sync(Base.metadata.create_all)
    await engine.dispose()
    for query in (COLUMNS, CONSTRAINTS, INDEXES, SEQUENCES):
        migrated = await read(database.owner_url, query)
        modelled = await read(empty.owner_url, query)
        assert [row for row in migrated if row not in modelled] == []
        assert [row for row in modelled if row not in migrated] == []


async def test_migrating_again_changes_nothing(database: Database) -> None:
    before = [await read(database.owner_url, query) for query in (COLUMNS, CONSTRAINTS, INDEXES)]
    await migrate(database.owner_url)
    after = [await read(database.owner_url, query) for query in (COLUMNS, CONSTRAINTS, INDEXES)]
    assert after == before


async def test_two_that_migrate_at_once_take_turns(server: Database) -> None:
    name = f"nexus_turns_{secrets.token_hex(4)}"
    await on_server(server, f"CREATE DATABASE {name}")
    try:
        await asyncio.gather(*(migrate(server.named(name).owner_url) for _ in range(3)))
        assert len(await read(server.named(name).owner_url, COLUMNS)) > 100
    finally:
        await on_server(server, f"DROP DATABASE {name} WITH (FORCE)")


async def test_a_migration_does_not_make_others_wait(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await asyncpg.connect(database.owner_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
            with pytest.raises(Exception, match="lock timeout"):
                async with asyncio.timeout(20):
                    await migrate(database.owner_url)
    finally:
        await holder.close()


async def test_no_extension_is_needed(database: Database) -> None:
    found = await read(database.owner_url, "SELECT extname FROM pg_extension")
    assert [row["extname"] for row in found] == ["plpgsql"]


async def test_moments_know_their_time_zone(database: Database) -> None:
    columns = await read(database.owner_url, COLUMNS)
    assert not [c for c in columns if c["type"] == "timestamp without time zone"]
    moments = {c["name"] for c in columns if c["type"] == "timestamp with time zone"}
    assert {name for name in moments if not name.endswith("_at")} == MOMENTS


@pytest.mark.parametrize(
    ("ending", "type_"),
    [
        ("_at", "timestamp with time zone"),
        ("_on", "date"),
        ("_fen", "bigint"),
        ("_id", "uuid"),
        ("_code", "text"),
    ],
)
async def test_columns_have_the_type_of_their_ending(
    database: Database, ending: str, type_: str
) -> None:
    columns = await read(database.owner_url, COLUMNS)
    assert [
        (column["table_name"], column["name"], column["type"])
        for column in columns
        if column["name"].endswith(ending) and column["type"] != type_
    ] == []


async def test_codes_of_divisions_sort_by_prefix(database: Database) -> None:
    """A territory is a range of codes only in collation "C"."""
    columns = await read(database.owner_url, COLUMNS)
    codes = [c for c in columns if re.fullmatch(r"(.*_)?area_code|parent_code", c["name"])]
    assert len(codes) > 8
    assert [c["table_name"] for c in codes if c["collation"] != "C"] == []


async def test_foreign_keys_are_indexed(database: Database) -> None:
    """Or a change above scans the table below. A partial index does not count."""
    indexes = [row for row in await read(database.owner_url, INDEXES) if row["whole"]]
    leading = {(index["table_name"], index["keys"][0]) for index in indexes}
    keys = [row for row in await read(database.owner_url, CONSTRAINTS) if row["kind"] == "f"]
    assert len(keys) > 40
    assert [
        key["name"]
        for key in keys
        if not any((key["table_name"], column) in leading for column in key["conkey"])
    ] == []


async def test_constraints_are_named_by_convention(database: Database) -> None:
    prefixes = {"p": "pk", "u": "uq", "c": "ck", "f": "fk", "x": "ex"}
    strangers = [
        row["name"]
        for row in await read(database.owner_url, CONSTRAINTS)
        if not row["name"].startswith(
            f"{prefixes[row['kind']]}_{row['table_name'].rpartition('.')[2]}"
        )
    ]
    assert strangers == []


async def test_indexes_are_named_by_convention(database: Database) -> None:
    strangers = [
        row["name"]
        for row in await read(database.owner_url, INDEXES)
        if not re.match(
            rf"(ix|uq|pk|ex)_(vault_)?{row['table_name'].rpartition('.')[2]}",
            row["name"].rpartition(".")[2],
        )
    ]
    assert strangers == []


async def test_tables_are_singular_words(database: Database) -> None:
    names = {
        row["table_name"].rpartition(".")[2] for row in await read(database.owner_url, COLUMNS)
    }
    assert [name for name in names if not re.fullmatch(r"[a-z]+(_[a-z]+)*", name)] == []
    plural = {name for name in names if re.search(r"[^sau]s$", name)}
    assert plural == set()


async def test_the_application_owns_nothing_and_is_nobody_special(database: Database) -> None:
    (role,) = await read(
        database.app_url,
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls "
        "FROM pg_roles WHERE rolname = current_user",
    )
    assert set(role.values()) == {False}
    owned = "SELECT relname FROM pg_class WHERE relowner = 'nexus_app'::regrole"
    assert await read(database.owner_url, owned) == []
    assert (
        await read(
            database.app_url,
            "SELECT rolname FROM pg_roles WHERE rolname <> current_user "
            "AND pg_has_role(current_user, oid, 'MEMBER')",
        )
        == []
    )


async def test_the_application_deletes_only_what_is_no_history(database: Database) -> None:
    granted = await read(
        database.owner_url,
        "SELECT relname AS name, has_table_privilege('nexus_app', oid, 'DELETE') AS can_delete, "
        "has_table_privilege('nexus_app', oid, 'TRUNCATE') AS can_truncate FROM pg_class "
        f"WHERE relkind = 'r' AND relnamespace::regnamespace::text IN {SCHEMAS}",
    )
    assert {row["name"] for row in granted if row["can_delete"]} == set(DELETABLE)
    assert not [row["name"] for row in granted if row["can_truncate"]]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("deed", ["UPDATE {} SET id = id", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
async def test_history_cannot_be_changed(database: Database, table: str, deed: str) -> None:
    """Not by the application, which lacks the grant, nor by the owner, whom a trigger stops."""
    for url, refusal in (
        (database.app_url, asyncpg.InsufficientPrivilegeError),
        (database.owner_url, asyncpg.RestrictViolationError),
    ):
        connection = await asyncpg.connect(url)
        try:
            with pytest.raises(refusal):
                await connection.execute(deed.format(table))
        finally:
            await connection.close()


@pytest.mark.parametrize(
    "deed",
    [
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
        "ALTER TABLE need ADD COLUMN mine int",
        "DROP TABLE job",
        "ALTER TABLE event DISABLE TRIGGER ALL",
        "SET session_replication_role = replica",
        "UPDATE alembic_version SET version_num = '0000'",
        "SET ROLE nexus_owner",
        "COPY (SELECT 1) TO PROGRAM 'true'",
        "SELECT pg_read_file('/etc/passwd')",
    ],
)
async def test_the_application_cannot_reach_beyond(database: Database, deed: str) -> None:
    if deed.startswith("SET ROLE") and "options=" in database.app_url:
        pytest.skip("one login plays both roles here")
    connection = await asyncpg.connect(database.app_url)
    try:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(deed)
    finally:
        await connection.close()


async def test_what_a_later_migration_adds_is_granted_too(database: Database) -> None:
    connection = await asyncpg.connect(database.owner_url)
    try:
        async with connection.transaction():
            await connection.execute("CREATE TABLE later (id int); CREATE SEQUENCE later_seq")
            for privilege in ("SELECT", "INSERT", "UPDATE"):
                asked = f"SELECT has_table_privilege('nexus_app', 'later', '{privilege}')"
                assert await connection.fetchval(asked), privilege
            asked = "SELECT has_table_privilege('nexus_app', 'later', 'DELETE')"
            assert not await connection.fetchval(asked)
            asked = "SELECT has_sequence_privilege('nexus_app', 'later_seq', 'USAGE')"
            assert await connection.fetchval(asked)
            await connection.execute("DROP TABLE later; DROP SEQUENCE later_seq")
    finally:
        await connection.close()
