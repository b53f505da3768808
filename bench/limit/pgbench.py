"""The limit of PostgreSQL: pgbench with nexus's very SQL as prepared statements."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from bench.cpu import of_ended_children
from bench.limit.recording import Source, Statement
from bench.parties import LINE, NEED, PLEDGEABLE, Extent, uid
from bench.questions import Drawing

CLIENTS = 4
WARM = 10
"""Transactions of each client that are run before those that count."""
VARIANTS = 8
"""Different texts and lists cannot be drawn by pgbench itself: so many scripts share the load."""
_FRESH = 0x700


@dataclass
class PgBench:
    """Runs scripts against one database; `postmaster` is the process whose children work."""

    program: Path
    url: str
    postmaster: int
    folder: Path
    extent: Extent
    prefectures: list[str]

    def prepare(self, name: str, statements: list[Statement], drawing: Drawing) -> "Script":
        """Write the scripts of one question."""
        script = Script(self, name)
        variants = VARIANTS if name == "Q2" else 1
        for variant in range(variants):
            values = drawing.filters() if name == "Q2" else {}
            writing = _Writing(self, script.defined, f"{name.lower()}v{variant}", values)
            text = writing.script(name, statements)
            path = self.folder / f"{name}-{variant}.sql"
            path.write_text(text)
            script.paths.append(path)
        return script


@dataclass
class Script:
    """One question, ready to run."""

    bench: PgBench
    name: str

    def __post_init__(self) -> None:
        self.paths: list[Path] = []
        self.defined: dict[str, str] = {}

    def cpu(self, requests: int, first: int) -> float:
        """CPU seconds of a transaction: a long run less a short one, which pays for the start.

        `first` is the number of the first line that a pledge may take.
        """
        short = self._run(WARM, first)
        each = max(1, requests // CLIENTS)
        long = self._run(WARM + each, first + CLIENTS * WARM)
        return (long - short) / (each * CLIENTS)

    def _run(self, each: int, first: int) -> float:
        bench = self.bench
        place = urlsplit(bench.url)
        environment = os.environ | {"PGPASSWORD": place.password or ""}
        command = [str(bench.program), "-n", "-M", "prepared", "-c", str(CLIENTS), "-j", "1"]
        command += ["-t", str(each), "-h", parse_qs(place.query)["host"][0]]
        command += ["-U", unquote(place.username or ""), "-D", f"k={first - CLIENTS}"]
        for name, value in self.defined.items():
            command += ["-D", f"{name}={value}"]
        for path in self.paths:
            command += ["-f", str(path)]
        before = of_ended_children(bench.postmaster)
        done = subprocess.run(
            [*command, place.path[1:]], env=environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or "processed: 0/" in done.stdout:
            raise RuntimeError(f"pgbench {self.name}: {done.stdout}{done.stderr}")
        return of_ended_children(bench.postmaster) - before


@dataclass
class _Writing:
    """One script being written. `defined` gathers what pgbench gets as text variables."""

    bench: PgBench
    defined: dict[str, str]
    prefix: str
    values: dict[str, Any]

    def script(self, name: str, statements: list[Statement]) -> str:
        lines = self._drawn(name)
        if name != "M1":
            lines += [self._statement(statement) + ";" for statement in statements]
            return "\n".join(lines) + "\n"
        *deeds, payload = statements
        lines.append("BEGIN;")
        for deed in deeds:
            # The second statement finds the ground, whose columns the others need.
            ending = " \\gset" if "need_line.need_id" in deed.sql else ";"
            lines.append(self._statement(deed) + ending)
        return "\n".join([*lines, "COMMIT;", self._statement(payload) + ";"]) + "\n"

    def _drawn(self, name: str) -> list[str]:
        extent = self.bench.extent
        if name in ("Q1", "Q4"):
            return [f"\\set need random(0, {extent.needs - 1})"]
        if name == "M1":
            # k is the client's own: it begins at the first line and steps over the other clients.
            return [
                f"\\set k :k + {CLIENTS}",
                "\\set at :k + :client_id",
                f"\\set need :at / {PLEDGEABLE} * 10 + :at % {PLEDGEABLE}",
                "\\set line 2 * :need",
            ]
        places = self.bench.prefectures
        cases = " ".join(f"when :r = {at} then {code}" for at, code in enumerate(places))
        return [f"\\set r random(0, {len(places) - 1})", f"\\set area case {cases} end"]

    def _statement(self, statement: Statement) -> str:
        def filled(match: re.Match[str]) -> str:
            return self._value(statement.parameters[int(match[1]) - 1])

        return re.sub(r"\$(\d+)", filled, " ".join(statement.sql.split()))

    def _value(self, parameter: Any) -> str:
        if not isinstance(parameter, Source):
            return "NULL" if parameter is None else self._defined(_text(parameter))
        name = parameter.name
        if name.startswith("["):
            parts = (self._value(Source(one)) for one in name[1:-1].split(","))
            return f"ARRAY[{', '.join(parts)}]"
        if name in ("category", "urgency"):
            return self._defined(_text(self.values[name]))
        if name.startswith("fresh"):
            return _uuid_of(f"01a00000-0000-7{_FRESH + int(name[5:]):03x}-8000-", ":line")
        if name.startswith("now+"):
            return f"(now() + interval '{name[4:]} seconds')"
        known = {
            "now": "now()",
            "area": ":area",
            "line": _uuid_of(str(uid(LINE, 0))[:24], ":line"),
            "key": "('pgbench-' || :line)",
            "digest": "sha256('pgbench')",
            "number": "('P-' || :shown_area_code || '-2026-')",
            "facts": self._defined('{"need_id": "' + "0" * 36 + '", "quantity": "1"}'),
        }
        if name == "need":
            made = _uuid_of(str(uid(NEED, 0))[:24], ":need")
            return ":need_id" if "m1" in self.prefix else made
        return known[name]

    def _defined(self, text: str) -> str:
        for name, value in self.defined.items():
            if value == text:
                return f":{name}"
        name = f"{self.prefix}d{len(self.defined)}"
        self.defined[name] = text
        return f":{name}"


def _uuid_of(head: str, number: str) -> str:
    return f"('{head}' || lpad(to_hex({number}::bigint), 12, '0'))::uuid"


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "{" + ",".join(str(one) for one in value) + "}"
    return str(value)
