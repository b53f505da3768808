"""The embedded server: starting, attaching, dying in every way, and leaving nothing behind."""

import json
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from nexus.core import binaries, cluster, embedded
from nexus.core.binaries import EmbeddedError, find_binaries
from nexus.core.db import make_engine
from nexus.core.embedded import Database, Embedded, database_at

FAST = {"fsync": "off", "shared_buffers": "16MB"}
ROOT = os.geteuid() == 0
PROGRAM = """
import json, sys
from pathlib import Path
from nexus.core.embedded import Embedded
server = Embedded(Path(sys.argv[1]), settings={"fsync": "off", "shared_buffers": "16MB"})
database = server.start()
print(json.dumps([database.owner_url, server.attached]), flush=True)
sys.stdin.readline()
server.stop()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    """A data directory to be, in a parent that everybody may enter."""
    parent = Path(tempfile.mkdtemp(prefix="nexus-embedded-"))
    parent.chmod(0o711)
    yield parent / "data"
    eventually(lambda: removed(parent))


def removed(path: Path) -> bool:
    """A server whose owner was just killed may still be writing its last."""
    shutil.rmtree(path, ignore_errors=True)
    return not path.exists()


def wheel() -> Path:
    spec = find_spec(binaries.WHEEL)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0])


class Program:
    """Another process that starts the embedded server, and stops it at a newline."""

    def __init__(self, data_dir: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(data_dir)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            extra_groups=[4] if ROOT else None,  # root's groups must not become the server's
        )

    def wait(self) -> tuple[str, bool]:
        """The owner's address and whether it attached."""
        assert self.process.stdout is not None
        url, attached = json.loads(self.process.stdout.readline())
        return url, attached

    def finish(self) -> None:
        self.process.communicate("\n", timeout=15)

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def program(data_dir: Path) -> Iterator[Program]:
    running = Program(data_dir)
    try:
        yield running
    finally:
        running.kill()


def server_pid(data_dir: Path) -> int:
    return int((data_dir / "pg" / "postmaster.pid").read_text().splitlines()[0])


def gone(pid: int) -> bool:
    """Whether nothing but perhaps a zombie is left of the process."""
    try:
        return "Z" in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return True


def eventually(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


async def ask(url: str, query: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def remember(url: str) -> None:
    await ask(url, "CREATE TABLE kept AS SELECT 7 AS seven")


async def test_first_start_makes_a_private_cluster_and_the_next_finds_it(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST) as database:
        await remember(database.owner_url)
        flags = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        assert await ask(database.owner_url, flags) is True
        assert await ask(database.app_url, flags) is False
        assert await ask(database.app_url, "SELECT current_user") == "nexus_app"
        assert await ask(database.owner_url, "SHOW listen_addresses") == ""
        assert await ask(database.owner_url, "SHOW server_encoding") == "UTF8"
        pid = server_pid(data_dir)
    assert gone(pid)
    assert stat.S_IMODE((data_dir / "pg").stat().st_mode) == 0o700
    assert stat.S_IMODE((data_dir / "database.json").stat().st_mode) == 0o600
    started = time.monotonic()
    with Embedded(data_dir, settings=FAST) as again:
        assert time.monotonic() - started < 5
        assert again == database
        assert await ask(again.owner_url, "SELECT seven FROM kept") == 7


async def test_passwords_are_asked_for(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST) as database:
        secret = json.loads((data_dir / "database.json").read_text())["nexus_app"]
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(database.app_url.replace(secret, "0" * len(secret)))


async def test_a_second_process_attaches_and_leaves_the_server_alone(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST) as database, program(data_dir) as second:
        pid = server_pid(data_dir)
        assert second.wait() == (database.owner_url, True)
        second.finish()
        assert server_pid(data_dir) == pid
        assert await ask(database.owner_url, "SELECT 1") == 1
        with program(data_dir) as third:
            third.wait()
            third.kill()
        assert await ask(database.owner_url, "SELECT 1") == 1
    assert gone(pid)


def test_two_first_starts_at_once_make_one_server(data_dir: Path) -> None:
    with program(data_dir) as one, program(data_dir) as other:
        (url, attached), (other_url, other_attached) = one.wait(), other.wait()
        assert url == other_url
        assert {attached, other_attached} == {True, False}


async def test_a_killed_server_is_started_again(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST) as database:
        await remember(database.owner_url)
        for _ in range(3):
            before = server_pid(data_dir)
            os.kill(before, signal.SIGKILL)
            eventually(lambda: ready_pid(data_dir) not in (None, before, cluster.DEAD_PID))  # noqa: B023
            assert await ask(database.owner_url, "SELECT seven FROM kept") == 7
        last = server_pid(data_dir)
    assert gone(last)


def ready_pid(data_dir: Path) -> int | None:
    try:
        lines = (data_dir / "pg" / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        return None
    return int(lines[0]) if len(lines) > 7 and lines[7].strip() == "ready" else None


async def test_the_server_ends_with_a_killed_owner(data_dir: Path) -> None:
    with program(data_dir) as owner:
        url, _ = owner.wait()
        await remember(url)
        pid = server_pid(data_dir)
        family = [pid, *children(pid)]
        owner.kill()
        eventually(lambda: all(gone(each) for each in family))
    with Embedded(data_dir, settings=FAST) as database:
        assert await ask(database.owner_url, "SELECT seven FROM kept") == 7


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_an_owner_that_is_killed_is_followed_at_once(data_dir: Path) -> None:
    with program(data_dir) as owner:
        owner.wait()
        owner.kill()
        with program(data_dir) as next_owner:
            _, attached = next_owner.wait()
            assert attached is False
            next_owner.finish()


async def leave_wreck(data_dir: Path) -> None:
    """Kill server and owner so that the lock files stay."""
    with program(data_dir) as owner:
        url, _ = owner.wait()
        await remember(url)
        os.kill(owner.process.pid, signal.SIGSTOP)
        os.kill(server_pid(data_dir), signal.SIGKILL)
        owner.kill()
    assert (data_dir / "pg" / "postmaster.pid").exists()


@pytest.mark.parametrize("name", ["sleep", "postgres"])
async def test_a_stale_pid_may_belong_to_somebody_else_now(data_dir: Path, name: str) -> None:
    await leave_wreck(data_dir)
    namesake = data_dir.parent / name
    shutil.copy(shutil.which("sleep") or "", namesake)
    owner = (data_dir / "pg").stat()
    who: dict[str, Any] = {"user": owner.st_uid, "group": owner.st_gid} if ROOT else {}
    stranger = subprocess.Popen([namesake, "60"], cwd="/", **who)
    try:
        for path in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            lines = (data_dir / "pg" / path).read_text().splitlines(keepends=True)
            (data_dir / "pg" / path).write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        with Embedded(data_dir, settings=FAST) as database:
            assert await ask(database.owner_url, "SELECT seven FROM kept") == 7
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


async def test_a_busy_server_stops_within_ten_seconds(data_dir: Path) -> None:
    server = Embedded(data_dir, settings=FAST)
    database = server.start()
    connection = await asyncpg.connect(database.owner_url)
    await connection.execute("BEGIN")
    await connection.execute("CREATE TABLE half AS SELECT 1")
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 10
    connection.terminate()
    with Embedded(data_dir, settings=FAST) as again:
        assert await ask(again.owner_url, "SELECT to_regclass('half')") is None


def test_a_server_that_ignores_requests_is_killed(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STOP_SECONDS", 0.5)
    server = Embedded(data_dir, settings=FAST)
    server.start()
    pid = server_pid(data_dir)
    os.kill(pid, signal.SIGSTOP)
    started = time.monotonic()
    server.stop()
    assert time.monotonic() - started < 4
    assert gone(pid)


async def test_a_long_path_gets_a_short_socket(data_dir: Path) -> None:
    deep = data_dir / ("d" * 60) / ("e" * 60)
    for parent in (data_dir, deep.parent):
        parent.mkdir()
        parent.chmod(0o711)
    with Embedded(deep, settings=FAST) as database:
        sockets = Path(database.owner_url.partition("host=")[2])
        assert sockets.parent == Path("/tmp")
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        assert await ask(database.owner_url, "SELECT 1") == 1
    shutil.rmtree(sockets)


async def test_the_wheels_binaries_serve(data_dir: Path) -> None:
    for folder in sorted(wheel().glob("pginstall*/bin")):
        with Embedded(data_dir / folder.parent.name, folder, FAST) as database:
            running = Path(f"/proc/{server_pid(data_dir / folder.parent.name)}/exe").resolve()
            assert running == folder.resolve() / "postgres"
            assert await ask(database.app_url, "SELECT 1") == 1
    assert binaries.WHEEL not in sys.modules


def test_order_of_binaries(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(EmbeddedError, match="NEXUS_PG_BIN"):
        find_binaries(tmp_path)
    monkeypatch.setattr(binaries, "SYSTEM", ())
    monkeypatch.setenv("PATH", "")
    assert binaries.WHEEL in str(find_binaries())
    with pytest.raises(EmbeddedError, match="PostgreSQL 14"):
        find_binaries(major=14)
    (tmp_path / "initdb").touch()
    newest = tmp_path / "postgres"
    newest.write_text("#!/bin/sh\necho 'postgres (PostgreSQL) 19.1'\n")
    newest.chmod(0o755)
    monkeypatch.setattr(binaries, "SYSTEM", (str(tmp_path),))
    assert find_binaries() == tmp_path
    assert binaries.WHEEL in str(find_binaries(major=16))


def test_lost_passwords_are_named(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST):
        pass
    (data_dir / "database.json").unlink()
    with pytest.raises(EmbeddedError, match=r"database\.json is gone"):
        Embedded(data_dir, settings=FAST).start()
    assert (data_dir / "pg" / "PG_VERSION").exists()


def test_a_lost_cluster_is_not_replaced_by_an_empty_one(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST):
        pass
    shutil.rmtree(data_dir / "pg")
    with pytest.raises(EmbeddedError, match="pg is gone"):
        Embedded(data_dir, settings=FAST).start()


async def test_an_interrupted_first_start_begins_anew(data_dir: Path) -> None:
    (data_dir / "pg.new-x").mkdir(parents=True)
    (data_dir / "database.json").write_text("{}")
    with Embedded(data_dir, settings=FAST) as database:
        assert await ask(database.app_url, "SELECT 1") == 1
    assert not list(data_dir.glob("pg.new-*"))


@pytest.mark.skipif(not ROOT, reason="needs root, which becomes somebody else")
async def test_root_becomes_nobody(data_dir: Path) -> None:
    with program(data_dir) as owner:
        url, _ = owner.wait()
        status = Path(f"/proc/{server_pid(data_dir)}/status").read_text()
        ids = {line.split("\t", 1)[0]: line.split()[1:] for line in status.splitlines()}
        assert set(ids["Uid:"]) == {str(pwd.getpwnam("nobody").pw_uid)}
        assert "0" not in ids["Gid:"]
        assert ids["Groups:"] == []
        assert await ask(url, "SELECT 1") == 1


@pytest.mark.skipif(not ROOT, reason="needs root, which becomes somebody else")
async def test_root_keeps_the_cluster_where_its_other_self_can_go(data_dir: Path) -> None:
    parent = data_dir.parent
    parent.chmod(0o700)
    place = cluster.place_elsewhere(data_dir)
    try:
        with Embedded(data_dir, settings=FAST) as database:
            await remember(database.owner_url)
        assert (data_dir / "pg.place").read_text().strip() == str(place)
        assert stat.S_IMODE(parent.stat().st_mode) == 0o700
        assert stat.S_IMODE(place.stat().st_mode) == 0o710
        parent.chmod(0o711)
        with Embedded(data_dir, settings=FAST) as database:
            assert await ask(database.owner_url, "SELECT seven FROM kept") == 7
        shutil.rmtree(data_dir)
        parent.chmod(0o700)
        with Embedded(data_dir, settings=FAST) as database:
            assert await ask(database.owner_url, "SELECT to_regclass('kept')") is None
    finally:
        shutil.rmtree(place)


@pytest.mark.skipif(not ROOT, reason="needs root, which becomes somebody else")
async def test_programs_out_of_reach_are_copied(data_dir: Path) -> None:
    hidden = data_dir.parent / "hidden"
    for name in (binaries.WHEEL, f"{binaries.WHEEL}.libs"):
        shutil.copytree(wheel().parent / name, hidden / name, symlinks=True)
    hidden.chmod(0o700)
    for _ in range(2):
        with Embedded(data_dir, hidden / binaries.WHEEL / "pginstall" / "bin", FAST) as database:
            assert await ask(database.app_url, "SELECT 1") == 1
    assert len(list(data_dir.glob("postgresql-*"))) == 1


@pytest.mark.skipif(not ROOT, reason="root plays the ordinary user")
def test_an_ordinary_user_starts_it_too(data_dir: Path) -> None:
    user = pwd.getpwnam("nobody")
    who: dict[str, Any] = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    python = next((each for each in pythons() if usable(each, who)), None)
    if python is None:
        pytest.skip("no Python that an ordinary user can run")
    home = data_dir.parent / "home"
    home.mkdir()
    os.chown(home, user.pw_uid, user.pw_gid)
    home.chmod(0o700)
    source = Path(cluster.__file__).parents[2]
    paths = f"{source}:{Path(asyncpg.__file__).parents[1]}"
    done = subprocess.run(
        [python, "-c", PROGRAM, str(home / "data")],
        input="\n",
        capture_output=True,
        text=True,
        env={"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", "PATH": os.environ["PATH"]},
        cwd="/",
        check=False,
        **who,
    )
    assert done.returncode == 0, done.stderr
    assert (home / "data" / "pg" / "PG_VERSION").stat().st_uid == user.pw_uid
    assert not (home / "data" / "pg" / "postmaster.pid").exists()


def pythons() -> Iterator[str]:
    yield sys.executable
    yield from (str(path) for path in sorted(Path("/usr/bin").glob("python3.1[1-9]")))


def usable(python: str, who: dict[str, Any]) -> bool:
    try:
        return subprocess.run([python, "-c", ""], cwd="/", check=False, **who).returncode == 0
    except OSError:
        return False


async def test_the_log_holds_no_values(data_dir: Path) -> None:
    with Embedded(data_dir, settings=FAST) as database:
        await ask(database.owner_url, "CREATE TABLE person (name text UNIQUE CHECK (name <> 'x'))")
        for name in ("王小明", "王小明", "x"):
            connection = await asyncpg.connect(database.owner_url)
            with suppress(asyncpg.IntegrityConstraintViolationError):
                await connection.execute(f"INSERT INTO person VALUES ('{name}')")
            await connection.close()
    log = (data_dir / "postgresql.log").read_text()
    assert "unique constraint" in log
    assert "王小明" not in log
    assert "INSERT" not in log


async def test_one_login_can_play_both_roles(database: Database) -> None:
    assumed = database_at(database.owner_url)
    assert assumed.named("other").app_url.count("/other?") == 1
    assert await ask(assumed.owner_url, "SELECT current_user") == "nexus_owner"
    assert await ask(assumed.app_url, "SELECT current_user") == "nexus_app"
    async with asyncpg.create_pool(assumed.app_url, min_size=1, max_size=1) as pool:
        assert await pool.fetchval("SELECT current_user") == "nexus_app"
    engine = make_engine(assumed.app_url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_user"))).scalar_one() == "nexus_app"
    await engine.dispose()


@pytest.mark.parametrize(
    "url",
    ["postgresql://u:p%40@db.example:5432/nexus", "postgresql://u@/nexus?host=/run/pg&port=5433"],
)
def test_addresses_keep_their_parts(url: str) -> None:
    database = database_at(url)
    assert database.named("nexus") == database
    assert "role%3Dnexus_app" in database.app_url
    assert database_at(url, "postgresql://a/b").app_url == "postgresql://a/b"
