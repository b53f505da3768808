"""`python -m bench`: everything in one run, one table at the end."""

import argparse
import asyncio
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import answers, cpu, table
from bench.database import SETTINGS, Bench, fresh, server
from bench.limit.pgbench import PgBench, Script
from bench.limit.recording import Recorder, examples
from bench.measuring import Load
from bench.parties import Extent
from bench.peers.installing import install_postgraphile
from bench.peers.postgraphile import add_function
from bench.questions import QUESTIONS, Drawing
from bench.rounds import Results, Running
from bench.systems import Starting
from nexus.core.binaries import find_binaries

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".bench"
RESULTS = ROOT / "bench" / "results.md"
STARTED = time.monotonic()
ROUNDS_SHARE = 0.75
"""Of the minutes: when the rounds end."""


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=12, help="at most so many rounds (12)")
    parser.add_argument("--minutes", type=float, default=11.0, help="for all of it, about (11)")
    parser.add_argument("--scale", type=float, default=1.0, help="1 is 200,000 needs")
    parser.add_argument("--quick", action="store_true", help="a small world, two short rounds")
    parser.add_argument("--long", action="store_true", help="watch the memory for 10 minutes")
    parser.add_argument("--without-node", action="store_true", help="leave PostGraphile out")
    parser.add_argument("--only", help="systems to measure, such as nexus,bare,pgbench")
    parser.add_argument("--questions", help="questions to ask, such as Q1,M1; ratios only")
    given = parser.parse_args()
    if given.quick:
        given.rounds, given.scale = min(given.rounds, 2), min(given.scale, 0.05)
    return given


@contextmanager
def shown() -> Iterator[Progress]:
    """Progress bars, on the terminal's error stream."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield progress


def main() -> None:
    """Run, print the table, and write it down unless only a part was asked for."""
    given = arguments()
    FOLDER.mkdir(exist_ok=True)
    node = None if given.without_node else install_postgraphile(FOLDER)
    embedded = server(FOLDER / "data")
    database = embedded.start()
    try:
        with shown() as progress:
            text, results = asyncio.run(_run(database, given, node, progress))
    finally:
        embedded.stop()
    Console().print(Markdown(text))
    if not (given.quick or given.only or given.without_node or given.questions):
        RESULTS.write_text(text)
        print(f"Written to {RESULTS.relative_to(ROOT)}.")
    sys.exit(1 if given.long and table.misses_of(results) else 0)


async def _run(
    database: object, given: argparse.Namespace, node: Path | None, progress: Progress
) -> tuple[str, Results]:
    bench = await fresh(database, Extent(given.scale), progress)  # type: ignore[arg-type]
    drawing = Drawing(bench.extent, bench.prefectures, random.Random(7))
    first = drawing.line()["line"], drawing.line()["line"]
    second = drawing.line()["line"], drawing.line()["line"]
    scripts, version = await _pgbench(bench, first, drawing)
    await add_function(bench.database.owner_url, bench.callers["charity"])
    load = await Load.start(bench.database.owner_url)
    results = Results()
    try:
        with Starting(bench, FOLDER, node, second).all() as systems:
            await answers.check(systems, bench, drawing)
            only = given.only.split(",") if given.only else [*systems, "pgbench"]
            chosen = {name: system for name, system in systems.items() if name in only}
            share = 0.1 if given.quick else 1.0
            kept = scripts if "pgbench" in only else {}
            running = Running(load, chosen, kept, drawing, share)
            if given.questions:
                running.questions = [QUESTIONS[name] for name in given.questions.split(",")]
            await _measure(running, given, results, progress)
    finally:
        await load.close()
    about = {
        "database": f"{version}, {bench.extent.needs:,} needs, {bench.extent.projects:,} projects, "
        f"{bench.extent.stations:,} stations; "
        + ", ".join(f"{name} {value}" for name, value in SETTINGS.items()),
        "rounds": str(results.rounds),
    }
    return table.write(results, about), results


async def _measure(
    running: Running, given: argparse.Namespace, results: Results, progress: Progress
) -> None:
    await running.warm_up(progress)
    # The rounds take what the rest leaves of the time.
    left = given.minutes * 60 * ROUNDS_SHARE - (time.monotonic() - STARTED)
    running.deadline = time.monotonic() + max(0.0, left)
    await running.rounds(given.rounds, results, progress)
    # Kept in case that something of what follows fails.
    (FOLDER / "ratios.md").write_text(table.ratios(results))
    if given.questions:
        return
    await running.crowd(1, results, progress)
    if "nexus" in running.systems:
        await running.policies(max(2, results.rounds // 2), results, progress)
        await running.misses(results)
        seconds = 600 if given.long else 5 if given.quick else 40
        await running.memory(seconds, results, progress)


async def _pgbench(
    bench: Bench, lines: tuple[int, int], drawing: Drawing
) -> tuple[dict[str, Script], str]:
    """The scripts of every question, and the server's version."""
    connection = await asyncpg.connect(bench.database.owner_url)
    try:
        postmaster = cpu.parent(await connection.fetchval("SELECT pg_backend_pid()"))
        version = await connection.fetchval("SHOW server_version")
    finally:
        await connection.close()
    program = find_binaries(major=int(version.split(".")[0])) / "pgbench"
    pgbench = PgBench(
        program,
        bench.database.app_url,
        postmaster,
        FOLDER,
        bench.extent,
        bench.prefectures,
    )
    recorder = await Recorder.make(bench.url("bench-recording"), bench.callers)
    scripts = {}
    try:
        for question in QUESTIONS.values():
            statements = await recorder.statements(question, *examples(question, lines))
            scripts[question.name] = pgbench.prepare(question.name, statements, drawing)
    finally:
        await recorder.close()
    return scripts, f"PostgreSQL {version.split()[0]}"


if __name__ == "__main__":
    main()
