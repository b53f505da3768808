"""Imports of uploaded files in the graph."""

from datetime import datetime
from typing import Any

import strawberry
from sqlalchemy import Integer, case, cast

from nexus.acting import Actor
from nexus.exchange.importing.model import RUN_TRANSITIONS, ImportRunState
from nexus.exchange.importing.model import ImportRun as Run
from nexus.exchange.importing.requests import model, operations, policy
from nexus.exchange.profiles.model import BuiltinProfile, ImportKind
from nexus.exchange.uploads.graphql import Upload
from nexus.graph.declare import (
    JSON,
    Connection,
    any_of,
    collection,
    computed,
    mutation,
    node,
    query,
    register_enums,
    result,
    to_one,
)
from nexus.graph.identifiers import decode
from nexus.graph.specs import Order

register_enums(ImportRunState, ImportKind, BuiltinProfile)


def _figure(name: str, about: str | None = None) -> Any:
    return computed(lambda actor, row: cast(row.counts[name].astext, Integer), about=about)


def _url(actor: Actor, row: Any) -> Any:
    """The signed path, for whom it was made, once there is something to read."""
    return case(((row.voucher_id == actor.account_id) & row.report.is_not(None), row.link))


def _sheet_url(actor: Actor, row: Any) -> Any:
    """As the rows' path, where there are any."""
    there = cast(row.report["problems"].astext, Integer) > 0
    mine = row.voucher_id == actor.account_id
    return case((mine & there, row.link.concat("&format=xlsx")))


@node(Run, visible=policy.visible, transitions=RUN_TRANSITIONS)
class ImportRun:
    """One import: every row read ends as created, updated, unchanged, duplicate or rejected."""

    kind: str
    source: str = computed(lambda actor, row: row.system)
    state: ImportRunState
    dry_run: bool
    version: int
    failure: str | None
    failure_message: str | None
    started_at: datetime
    finished_at: datetime | None
    rows_total: int | None
    rows_done: int | None
    rows_read: int | None = _figure("rows_read")
    created: int | None = _figure("created")
    updated: int | None = _figure("updated")
    unchanged: int | None = _figure("unchanged")
    duplicates: int | None = _figure("duplicates")
    rejected: int | None = _figure("rejected")
    withdrawn: int | None = _figure("withdrawn", "Not part of the sum: rows that are absent now.")
    notes: list[str] | None = computed(
        lambda actor, row: row.report["notes"], about="What there is to know."
    )
    problems: int | None = computed(
        lambda actor, row: cast(row.report["problems"].astext, Integer),
        about="Rows rejected, repeated, or taken with something to know.",
    )
    problems_url: str | None = computed(
        _url,
        about="Where to GET these rows, as CSV or (Accept: application/jsonl) JSON Lines: a "
        "signed path of this service, good for a week.",
    )
    problems_sheet_url: str | None = computed(
        _sheet_url,
        about="Where to GET these rows for a week as a workbook: their own columns, 行 and 问题. "
        "Correct it and send it again; the two columns are passed over.",
    )
    preview: JSON | None = computed(
        lambda actor, row: row.report["preview"],
        about="The first 20 rows: {row, file, key, outcome: created | updated | unchanged | "
        "duplicate | rejected}; of a need also {area, category, urgency, items}.",
    )
    upload: Upload | None = to_one(Run.upload_id)


@node(model.ImportProfile, visible=policy.profile_visible)
class ImportProfile:
    """What the columns and values of a source mean, under a name. The newest edition counts."""

    name: str
    edition: int
    kind: str
    toml: str
    created_at: datetime


@query
class ImportQuery:
    import_runs: Connection[ImportRun] = collection(
        "ImportRun",
        orders={"NEWEST": Order(("started_at",), descending=True)},
        filters={"state": any_of(Run.state)},
        about="The imports that you vouched for.",
    )
    import_profiles: Connection[ImportProfile] = collection(
        "ImportProfile",
        orders={"NEWEST": Order(("created_at",), descending=True)},
        filters={"name": any_of(model.ImportProfile.name)},
        about="Your mapping profiles, every edition.",
    )


ImportRunResult = result("ImportRun", ImportRun)
ImportProfileResult = result("ImportProfile", ImportProfile)


@strawberry.input
class RegisterImportProfileInput:
    name: str
    toml: str
    idempotency_key: str


@mutation(ImportProfileResult)
async def register_import_profile(act, input: RegisterImportProfileInput):  # type: ignore[no-untyped-def]
    """Keep a mapping profile (TOML) under a name; the same name again is its next edition."""
    return await operations.register_import_profile(act, name=input.name, toml=input.toml)


@strawberry.input(
    one_of=True, description="A profile that comes along, a registered one, or the TOML itself."
)
class ImportProfileInput:
    builtin: BuiltinProfile | None = strawberry.UNSET
    name: str | None = strawberry.UNSET
    toml: str | None = strawberry.UNSET


@strawberry.input
class ImportUploadedInput:
    upload_id: strawberry.ID
    kind: ImportKind
    profile: ImportProfileInput
    dry_run: bool = False
    idempotency_key: str


@mutation(ImportRunResult)
async def import_uploaded(act, input: ImportUploadedInput):  # type: ignore[no-untyped-def]
    """Import an uploaded file in your name. It runs soon after: read the state until it is DONE
    or FAILED. A dry run does everything, says the same, and undoes it."""
    return await operations.import_uploaded(
        act,
        upload_id=decode(input.upload_id, "Upload"),
        kind=input.kind,
        profile_name=input.profile.name or None,
        profile_toml=input.profile.toml or None,
        dry_run=input.dry_run,
        builtin=input.profile.builtin or None,
    )
