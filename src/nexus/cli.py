"""The commands. Each finds its database by --data-dir or NEXUS_DATABASE_URL."""

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from nexus.acting import View, system
from nexus.areas.operations import import_calendar, load_reference
from nexus.checks import CHECKS
from nexus.core.db import make_engine
from nexus.core.embedded import Database, Embedded, EmbeddedError, database_at
from nexus.core.migrating import migrate as migrate_database
from nexus.core.refusals import Refusal
from nexus.demo.pictures import session_info as demo_info
from nexus.demo.world import ensure_world, write_accounts
from nexus.exchange.importing.operations import run_import
from nexus.exchange.importing.rules import Report
from nexus.exchange.ocds.exporting import write_package
from nexus.exchange.ocds.model import OWN
from nexus.graph.execution import utcnow
from nexus.graph.http import Unauthorized
from nexus.recipients.vault.rules import session_info
from nexus.reports.rules import Format
from nexus.reports.words import Language
from nexus.reports.writing import Wish, write
from nexus.schema import make_schema
from nexus.serving import STOPPING, make_server
from nexus.settings import (
    DEFAULT_DATA_DIR,
    Settings,
    exchange_dir,
    font_dir,
    public_url,
    rates,
    second_factor,
    signing_key,
    vault_key,
    webhook_hosts,
)
from nexus.supervision.operations import Finding
from nexus.supervision.operations import verify as verify_invariants
from nexus.worker import drain, work_and_carry

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__)
out = Console()
err = Console(stderr=True)

DataDir = Annotated[Path, typer.Option(help="Where the embedded database and its keys lie.")]
Port = Annotated[int, typer.Option(min=0, max=65535)]


class ImportKind(StrEnum):
    NEEDS = "needs"
    OFFERS = "offers"
    RECOGNITIONS = "recognitions"
    TICKETS = "tickets"
    OCDS = "ocds"


@contextmanager
def opened(data_dir: Path, *, development: bool = False) -> Iterator[Settings]:
    """The database: NEXUS_DATABASE_URL, else the embedded one, which is started or attached to."""
    url = os.environ.get("NEXUS_DATABASE_URL")
    key = vault_key(data_dir)
    if url:
        database = database_at(url, os.environ.get("NEXUS_APP_DATABASE_URL"))
        yield _settings(database, key, development, data_dir)
        return
    binaries = os.environ.get("NEXUS_PG_BIN")
    embedded = Embedded(data_dir, Path(binaries) if binaries else None)
    try:
        database = embedded.start()
    except EmbeddedError as error:
        _stop(str(error))
    try:
        yield _settings(database, key, development, data_dir)
    finally:
        embedded.stop()


def _settings(database: Database, key: bytes, development: bool, data_dir: Path) -> Settings:
    urls = (database.owner_url, database.app_url)
    return Settings(
        *urls,
        key,
        development,
        signing_key=signing_key(),
        public_url=public_url(),
        rates=rates(),
        webhook_hosts=webhook_hosts(),
        exchange_dir=exchange_dir(data_dir),
        font_dir=font_dir(),
        second_factor=second_factor(),
    )


@asynccontextmanager
async def connected(url: str, *, pool_size: int = 4) -> AsyncIterator[AsyncEngine]:
    """An engine that is closed at the end."""
    engine = make_engine(url, pool_size=pool_size)
    try:
        yield engine
    finally:
        await engine.dispose()


@contextmanager
def bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar on the terminal; call it with what is done and how much there is."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total or None)


def _stop(message: str) -> NoReturn:
    err.print(message, style="red", highlight=False)
    raise typer.Exit(2)


async def _migrate(settings: Settings) -> None:
    await migrate_database(settings.owner_url)
    async with connected(settings.owner_url, pool_size=1) as engine:
        async with AsyncSession(engine) as session, session.begin():
            await load_reference(session)


async def _drain(engine: AsyncEngine) -> None:
    with bar("Delivering news") as shown:
        done = 0

        def count(jobs: int) -> None:
            nonlocal done
            done += jobs
            shown(done, 0)

        await drain(engine, count)


@app.command()
def demo(
    port: Port = 8000,
    data_dir: DataDir = DEFAULT_DATA_DIR,
    scale: Annotated[float, typer.Option(help="1 is as large as the province.")] = 0.001,
) -> None:
    """Start everything with a made-up world, and stop it with Ctrl-C."""
    with opened(data_dir, development=True) as settings:
        asyncio.run(_demo(settings, port, data_dir, scale))


async def _demo(settings: Settings, port: int, data_dir: Path, scale: float) -> None:
    await _migrate(settings)
    async with connected(settings.app_url) as engine:
        with bar("Making the world") as shown:
            made = await ensure_world(engine, utcnow(), scale, shown, demo_info(settings.vault_key))
        await _drain(engine)
        if made is not None:
            write_accounts(data_dir / "accounts.json", made)
        accounts = json.loads((data_dir / "accounts.json").read_text("utf-8"))
        server = make_server(settings, port)
        worker = asyncio.create_task(work_and_carry(engine, settings))
        _greet(port, data_dir, accounts)
        try:
            await server.serve()
        finally:
            worker.cancel()


def _greet(port: int, data_dir: Path, accounts: list[dict[str, str]]) -> None:
    for account in accounts:
        out.print(
            f"[bold]{account['role']:<20}[/] {account['username']:<22} {account['password']:<18} "
            f"{account['organization']}",
            highlight=False,
        )
    out.print(
        f"\nnexus is at [bold]http://127.0.0.1:{port}[/]  (GraphQL: /graphql)", highlight=False
    )
    out.print(f"Accounts and tokens: {data_dir / 'accounts.json'}. Ctrl-C stops.", highlight=False)


@app.command()
def serve(
    port: Port = 8000,
    host: str = "127.0.0.1",
    data_dir: DataDir = DEFAULT_DATA_DIR,
    development: Annotated[bool, typer.Option(help="Serve GraphiQL to browsers.")] = False,
) -> None:
    """Serve the API."""
    with opened(data_dir, development=development) as settings:
        server = make_server(settings, port, host)
        # asyncio.run would take asyncio's own loop, whatever uvicorn is told.
        with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
            runner.run(server.serve())


@app.command()
def worker(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Deliver news and let the clocks strike, until stopped."""
    with opened(data_dir) as settings:
        asyncio.run(_work(settings))


async def _work(settings: Settings) -> None:
    async with connected(settings.app_url, pool_size=6) as engine:
        task = asyncio.create_task(work_and_carry(engine, settings))
        for name in STOPPING:
            asyncio.get_running_loop().add_signal_handler(name, task.cancel)
        await asyncio.wait({task})


@app.command()
def migrate(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Bring tables, guards and code lists to this version; safe to repeat."""
    with opened(data_dir) as settings:
        asyncio.run(_migrate(settings))
        out.print("The database is at this version.")


@app.command("import")
def import_(
    kind: ImportKind,
    path: Annotated[Path, typer.Argument(exists=True)],
    profile: Annotated[Path, typer.Option(exists=True, dir_okay=False)],
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_: Annotated[
        str, typer.Option("--as", help="The account that vouches for the file.")
    ] = "admin",
    dry_run: Annotated[bool, typer.Option(help="Report, change nothing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Read a file or a folder through a mapping profile; every row is accounted for."""
    with opened(data_dir) as settings:
        try:
            report = asyncio.run(_import(settings, kind, path, profile, as_, dry_run))
        except Refusal as refusal:
            if as_json:
                told = {"refused": refusal.as_dict()}
                typer.echo(json.dumps(told, ensure_ascii=False, indent=2))
            _stop(refusal.message)
    if as_json:
        typer.echo(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        report.print(out)


async def _import(
    settings: Settings, kind: ImportKind, path: Path, profile: Path, as_: str, dry_run: bool
) -> Report:
    async with connected(settings.app_url) as engine:
        with bar("Importing") as shown:
            report = await run_import(
                engine,
                kind=kind.value,
                path=path,
                profile_path=profile,
                voucher=as_,
                now=utcnow(),
                dry_run=dry_run,
                progress=shown,
                info=session_info(settings.vault_key),
            )
        if not dry_run:
            await _drain(engine)
        return report


@app.command("export")
def export_(
    kind: Annotated[str, typer.Argument(help="ocds: open contracting data.")],
    path: Path,
    records: Annotated[bool, typer.Option(help="Records, not releases.")] = False,
    source: Annotated[str, typer.Option(help="Another's, as it was imported.")] = OWN,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write open contracting data as one package, every release to the letter."""
    if kind != "ocds":
        _stop("Only ocds is exported here; requestExport has the datasets.")
    with opened(data_dir) as settings:
        written = asyncio.run(_export(settings, path, records, source))
    out.print(f"{path}: {written} {'records' if records else 'releases'}.", highlight=False)


async def _export(settings: Settings, path: Path, records: bool, source: str) -> int:
    base = settings.public_url
    async with connected(settings.app_url, pool_size=1) as engine:
        return await write_package(
            engine, path, utcnow(), source=source, records=records, base=base
        )


@app.command("import-calendar")
def import_calendar_(
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Replace the working-day exceptions of each year in a CSV file: day,is_working,source."""
    with opened(data_dir) as settings:
        try:
            lines = path.read_text("utf-8-sig").splitlines()
            counts = asyncio.run(_import_calendar(settings, lines))
        except Refusal as refusal:
            _stop(refusal.message)
    for year, rows in sorted(counts.items()):
        out.print(f"{year}: {rows} days that are not what their weekday says.")


async def _import_calendar(settings: Settings, lines: list[str]) -> dict[int, int]:
    async with connected(settings.owner_url, pool_size=1) as engine:
        async with AsyncSession(engine) as session, session.begin():
            return await import_calendar(session, lines)


@app.command()
def verify(
    data_dir: DataDir = DEFAULT_DATA_DIR,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
) -> None:
    """Recompute every invariant from the ledgers; exit code 1 when one does not hold."""
    with opened(data_dir) as settings:
        findings = asyncio.run(_verify(settings))
    if as_json:
        typer.echo(json.dumps([finding.as_dict() for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            out.print(f"[red]{finding.rule}[/] {finding.message}", highlight=False)
        out.print(f"{len(findings)} findings.")
    raise typer.Exit(1 if findings else 0)


async def _verify(settings: Settings) -> list[Finding]:
    async with connected(settings.app_url) as engine, AsyncSession(engine) as session:
        with bar("Verifying") as shown:
            return await verify_invariants(View(session, system(utcnow())), shown, checks=CHECKS)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="Such as needs-pipeline; another word lists them.")],
    reader: Annotated[str, typer.Option("--as", help="The account that reads it.")],
    format_: Annotated[Format, typer.Option("--format")] = Format.HTML,
    area: Annotated[str | None, typer.Option(help="Its code; else the whole territory.")] = None,
    from_: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"])] = None,
    until: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"])] = None,
    language: Language = Language.ZH_HANS,
    table: Annotated[str | None, typer.Option(help="Of CSV: which table.")] = None,
    to: Annotated[Path | None, typer.Option(help="The file; else named by the report.")] = None,
    keep: Annotated[bool, typer.Option(help="Keep it as it is found, with a number.")] = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Write a report as a page, a workbook, a PDF or a list."""
    start, end = (moment.date() if moment else None for moment in (from_, until))
    wish = Wish(name, reader, format_, language, area, start, end, table, keep)
    with opened(data_dir) as settings:
        try:
            called, content = asyncio.run(_report(settings, wish))
        except (Refusal, Unauthorized) as refusal:
            _stop(refusal.message)
    path = to or Path(called)
    path.write_bytes(content)
    out.print(f"{path}: {len(content)} bytes.", highlight=False)


async def _report(settings: Settings, wish: Wish) -> tuple[str, bytes]:
    async with connected(settings.app_url, pool_size=1) as engine:
        return await write(engine, wish, utcnow(), fonts=settings.font_dir)


@app.command()
def schema() -> None:
    """Print the GraphQL schema."""
    typer.echo(make_schema().as_str())


def main() -> None:
    """The `nexus` command."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    app()
