"""A PostgreSQL of our own, for trying out, development and tests: one data directory, no TCP.

The first process to start it owns it: the server ends with that process, even when that is killed
with -9 (the kernel tells it, PR_SET_PDEATHSIG). Further processes with the same data directory
attach, and leave it alone. A server that dies under a living owner is started again.

Started as root, it runs as an existing unprivileged user. Where that user cannot reach the data
directory (/root, or a parent with mode 0700), the cluster lies in /var/tmp/nexus-<hash of the
directory's path> and a file `pg.place` in the data directory says so.
"""

import atexit
import fcntl
import hashlib
import json
import logging
import os
import pwd
import re
import secrets
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit

from nexus.core.binaries import find_binaries

log = logging.getLogger(__name__)

OWNER, APP, NAME = "nexus_owner", "nexus_app", "nexus"
START_SECONDS, STOP_SECONDS = 60.0, 8.0
SOCKET_PATH_BYTES = 90
"""A socket's path holds 107 bytes; the server appends 14 to the directory's."""
DEAD_PID = 2**31 - 2
"""No kernel hands it out."""
SETTINGS = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "200",
        "shared_buffers": "192MB",
        "max_wal_size": "2GB",
        "random_page_cost": "1.1",
        "timezone": "UTC",
        "log_min_messages": "warning",
        # A log must not hold what a row holds: no failing statements, no values in details.
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
    }
)
# Runs before the server in its process: drops root, ties its life to ours, becomes the program.
_LAUNCH = """
import ctypes, os, signal, sys
parent, uid, gid, *argv = sys.argv[1:]
os.umask(0o077)
os.chdir("/")
if uid != "-":
    os.setgroups([])
    os.setgid(int(gid))
    os.setuid(int(uid))
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGINT)
    if os.getppid() != int(parent):
        sys.exit("the process that wanted this is gone")
os.execv(argv[0], argv)
"""


class EmbeddedError(RuntimeError):
    """The server could not be made, started or reached; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Database:
    """Two addresses of one database: `owner_url` migrates, `app_url` serves."""

    owner_url: str
    app_url: str

    def named(self, name: str) -> "Database":
        """The same two roles in another database of the server."""
        urls = (urlsplit(url)._replace(path=f"/{name}") for url in (self.owner_url, self.app_url))
        # geturl() drops an empty host's slashes, which a socket's address needs.
        return Database(*(f"{u.scheme}://{u.netloc}{u.path}?{u.query}".rstrip("?") for u in urls))


def database_at(owner_url: str, app_url: str | None = None) -> Database:
    """A server that runs already. Without `app_url` the same login takes on the role nexus_app."""
    mark = "&" if "?" in owner_url else "?"
    options = quote(f"-c role={APP}", safe="")
    return Database(owner_url, app_url or f"{owner_url}{mark}options={options}")


@dataclass
class Embedded:
    """The server of one data directory. `settings` override those of the module."""

    data_dir: Path
    pg_bin: Path | None = None
    settings: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.data_dir = self.data_dir.resolve()
        self.attached = False
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._ownership: int | None = None
        self._started_by = 0

    def __enter__(self) -> Database:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Database:
        """Make the cluster if there is none, start the server or attach to it: its addresses.

        The work is done in a thread that lives as long as the server, because the kernel ties the
        server's life to the thread that made it.
        """
        ready: Future[Database] = Future()
        self._stopping.clear()
        self._started_by = os.getpid()
        self._keeper = threading.Thread(
            target=self._keep, args=(ready,), name="embedded-postgresql", daemon=True
        )
        self._keeper.start()
        atexit.register(self.stop)
        return ready.result()

    def stop(self) -> None:
        """End the server if this process owns it: within 10 seconds, however busy it is."""
        atexit.unregister(self.stop)
        if self._keeper is None or self._started_by != os.getpid():
            return
        self._stopping.set()
        for sign, seconds in (
            (signal.SIGINT, STOP_SECONDS),
            (signal.SIGQUIT, 1.0),
            (signal.SIGKILL, 1.0),
        ):
            process = self._process
            if process is not None and process.poll() is None:
                process.send_signal(sign)
            self._keeper.join(seconds)
            if not self._keeper.is_alive():
                break
        self._keeper = None

    def _keep(self, ready: "Future[Database]") -> None:
        try:
            while not self._stopping.is_set():
                database = self._open()
                if not ready.done():
                    ready.set_result(database)
                if self._process is None:
                    return
                status = self._process.wait()
                if not self._stopping.is_set():
                    log.error("PostgreSQL ended with status %s; starting it again", status)
        except Exception as error:
            if ready.done():
                log.exception("PostgreSQL could not be started again")
            else:
                ready.set_exception(error)
        finally:
            self._process = None
            if self._ownership is not None:
                os.close(self._ownership)
                self._ownership = None

    def _open(self) -> Database:
        """Under the directory's lock: attach, or own and start."""
        make_folder(self.data_dir)
        with _locked(self.data_dir / "start.lock"):
            cluster = Cluster.at(self.data_dir, self.pg_bin)
            database = cluster.ensure()
            if self._ownership is None:
                self._ownership = _try_lock(self.data_dir / "owner.lock")
            self.attached = self._ownership is None and cluster.wait_until_ready()
            if not self.attached:
                self._own(cluster)
            return database

    def _own(self, cluster: "Cluster") -> None:
        if self._ownership is None:
            self._ownership = _try_lock(self.data_dir / "owner.lock")
        cluster.end_orphan()
        deadline = time.monotonic() + START_SECONDS
        while True:
            cluster.forget_reused_pid()
            self._process = cluster.spawn({**SETTINGS, **self.settings})
            if cluster.wait_until_ready(self._process):
                return
            complaint = cluster.last_words()
            # Backends of a killed server need a moment to notice that they are orphans.
            if "shared memory block" not in complaint or time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL did not start. {complaint}")
            time.sleep(0.2)


@dataclass(frozen=True)
class Cluster:
    """The files of one server: where they lie, which programs open them, as which user."""

    data_dir: Path
    place: Path
    binaries: Path
    user: pwd.struct_passwd | None

    @classmethod
    def at(cls, data_dir: Path, pg_bin: Path | None) -> "Cluster":
        """Find or decide the place, the user and the programs."""
        user = _unprivileged(data_dir / "pg") if os.geteuid() == 0 else None
        place = data_dir
        if user is not None and not _can(user, "test", "-x", str(data_dir)):
            digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
            place = Path("/var/tmp") / f"nexus-{digest}"  # noqa: S108
            make_folder(place, user)
            (data_dir / "pg.place").write_text(f"{place}\n")
        version = place / "pg" / "PG_VERSION"
        major = int(version.read_text()) if version.exists() else None
        binaries = find_binaries(pg_bin, major=major)
        if user is not None and not _can(user, str(binaries / "postgres"), "--version"):
            binaries = _copy(binaries.parent, place / f"postgresql-{major or 'new'}") / "bin"
        return cls(data_dir, place, binaries, user)

    @property
    def pgdata(self) -> Path:
        return self.place / "pg"

    @property
    def sockets(self) -> Path:
        """The socket's directory: the cluster's own, or a short one where that is too long."""
        path = str(self.pgdata)
        if len(path.encode()) <= SOCKET_PATH_BYTES and re.fullmatch(r"[\w./-]+", path, re.ASCII):
            return self.pgdata
        return Path("/tmp") / f"nexus-{hashlib.sha256(path.encode()).hexdigest()[:16]}"  # noqa: S108

    def ensure(self) -> Database:
        """Make the cluster unless it is there; its addresses."""
        keys = self.data_dir / "database.json"
        if not self.pgdata.exists() or (self.place != self.data_dir and not keys.exists()):
            self._make(keys)
        try:
            passwords = json.loads(keys.read_text())
        except FileNotFoundError:
            raise EmbeddedError(
                f"{keys} is gone, and with it the passwords of {self.pgdata}. Put it back, or "
                "remove the data directory to begin anew."
            ) from None
        host = quote(str(self.sockets))
        urls = (
            f"postgresql://{role}:{passwords[role]}@/{NAME}?host={host}" for role in (OWNER, APP)
        )
        return Database(*urls)

    def _make(self, keys: Path) -> None:
        """A cluster appears whole or not at all: made aside, then renamed."""
        for left in [*self.place.glob("pg.new-*"), self.pgdata]:
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix="pg.new-", dir=self.place))
        if self.user is not None:
            os.chown(new, self.user.pw_uid, self.user.pw_gid)
        self._run(
            *("initdb", "--pgdata", str(new), "--username", OWNER, "--auth", "reject"),
            *("--encoding", "UTF8", "--locale", "C"),
        )
        (new / "pg_hba.conf").write_text("local all all scram-sha-256\n")
        passwords = {role: secrets.token_hex(24) for role in (OWNER, APP)}
        self._run(
            *("postgres", "--single", "-D", str(new), "-c", "exit_on_error=on", "postgres"),
            feed=f"ALTER ROLE {OWNER} PASSWORD '{passwords[OWNER]}'\n"
            f"CREATE ROLE {APP} LOGIN PASSWORD '{passwords[APP]}'\n"
            f"CREATE DATABASE {NAME}\n",
        )
        _write_private(keys, json.dumps(passwords))
        new.rename(self.pgdata)

    def spawn(self, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
        """Start the server; its words go to postgresql.log in the data directory."""
        if self.sockets != self.pgdata:
            make_folder(self.sockets, self.user, whole=True)
        options = {**settings, "unix_socket_directories": str(self.sockets)}
        with open(self.data_dir / "postgresql.log", "wb") as words:
            return subprocess.Popen(
                self._command(
                    *("postgres", "-D", str(self.pgdata)),
                    *(
                        part
                        for name, value in options.items()
                        for part in ("-c", f"{name}={value}")
                    ),
                ),
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
                env=_environment(),
            )

    def wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> bool:
        """True once the server takes connections; False when it is gone, or was never there."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            lines = self._pid_file()
            ready = len(lines) > 7 and lines[7].strip() == "ready"
            if process is None and not self._alive(lines):
                return False
            if process is not None and process.poll() is not None:
                return False
            if ready and (process is None or lines[0] == str(process.pid)):
                return True
            time.sleep(0.01)
        raise EmbeddedError(f"PostgreSQL in {self.pgdata} is not ready. {self.last_words()}")

    def end_orphan(self) -> None:
        """Wait for a server whose owner is gone; the kernel told it to stop, and so do we."""
        deadline = time.monotonic() + STOP_SECONDS
        while self._alive(lines := self._pid_file()):
            late = time.monotonic() > deadline
            os.kill(int(lines[0]), signal.SIGQUIT if late else signal.SIGINT)
            if time.monotonic() > deadline + STOP_SECONDS:
                raise EmbeddedError(f"Process {lines[0]} holds {self.pgdata} and does not stop.")
            time.sleep(0.1)

    def forget_reused_pid(self) -> None:
        """Name a dead process in the lock files of a dead server.

        Its number may belong to another process by now, and PostgreSQL would wait for that one.
        The rest of the file stays: by it PostgreSQL sees whether orphans still use its memory.
        """
        for path in (self.pgdata / "postmaster.pid", self.sockets / ".s.PGSQL.5432.lock"):
            if path.exists():
                rest = path.read_text().split("\n")[1:]
                path.write_text("\n".join([str(DEAD_PID), *rest]))

    def last_words(self) -> str:
        """The end of the server's log."""
        path = self.data_dir / "postgresql.log"
        return " / ".join(path.read_text(errors="replace").splitlines()[-4:])

    def _pid_file(self) -> list[str]:
        try:
            return (self.pgdata / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return []

    def _alive(self, pid_file: list[str]) -> bool:
        """Whether the process named in the file is this cluster's server, not a later namesake."""
        if not pid_file or not pid_file[0].isdigit():
            return False
        process = Path("/proc") / pid_file[0]
        if not Path("/proc/self").exists():
            ps = ["ps", "-o", "command=", "-p", pid_file[0]]
            asked = subprocess.run(ps, capture_output=True, text=True, check=False)
            return str(self.pgdata) in asked.stdout
        try:
            if (process / "comm").read_text().strip() not in ("postgres", "postmaster"):
                return False
            return Path(os.readlink(process / "cwd")) == self.pgdata
        except PermissionError:
            arguments = (process / "cmdline").read_bytes().split(b"\0")
            return os.fsencode(self.pgdata) in arguments
        except (FileNotFoundError, ProcessLookupError):
            return False

    def _run(self, program: str, *arguments: str, feed: str = "") -> None:
        done = subprocess.run(
            self._command(program, *arguments),
            input=feed,
            capture_output=True,
            text=True,
            env=_environment(),
            check=False,
        )
        if done.returncode != 0:
            raise EmbeddedError(f"{program} failed: {done.stderr.strip() or done.stdout.strip()}")

    def _command(self, program: str, *arguments: str) -> list[str]:
        user = self.user
        who = ("-", "-") if user is None else (str(user.pw_uid), str(user.pw_gid))
        launch = (sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid()), *who)
        return [*launch, str(self.binaries / program), *arguments]


def make_folder(path: Path, user: pwd.struct_passwd | None = None, *, whole: bool = False) -> None:
    """A directory that only we, and `user` by its group, may enter; `whole` gives it to the user.

    One that is there already keeps its mode, but must be a real directory of ours or the user's:
    in a shared place somebody else may have put it there.
    """
    if user is None and os.geteuid() == 0:
        user = _unprivileged(path)
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        found = path.lstat()
        ours = {os.geteuid()} | ({user.pw_uid} if user else set())
        shared = path.parent in (Path("/tmp"), Path("/var/tmp"))  # noqa: S108
        if not stat.S_ISDIR(found.st_mode) or (shared and found.st_uid not in ours):
            raise EmbeddedError(f"{path} belongs to somebody else; remove it.") from None
        return
    if user is not None:
        os.chown(path, user.pw_uid if whole else -1, user.pw_gid)
        path.chmod(0o700 if whole else 0o710)


def _unprivileged(cluster: Path) -> pwd.struct_passwd:
    """Whom to run as instead of root: the owner of an existing cluster, else nobody."""
    if cluster.exists() and cluster.stat().st_uid != 0:
        return pwd.getpwuid(cluster.stat().st_uid)
    for name in ("nobody", "daemon", "postgres"):
        try:
            user = pwd.getpwnam(name)
        except KeyError:
            continue
        if user.pw_uid != 0:
            return user
    raise EmbeddedError("PostgreSQL does not run as root, and there is no other user. Add one.")


def _can(user: pwd.struct_passwd, *command: str) -> bool:
    """Whether the command succeeds as that user."""
    try:
        done = subprocess.run(
            command,
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            check=False,
        )
    except OSError:
        return False
    return done.returncode == 0


def _copy(installation: Path, target: Path) -> Path:
    """The installation where the unprivileged user can run it."""
    if not target.exists():
        aside = target.with_suffix(f".{os.getpid()}")
        shutil.copytree(installation, aside, symlinks=True)
        aside.rename(target)
    return target


def _environment() -> dict[str, str]:
    """Nothing of ours: PGDATA, PGPORT and their kin would mislead the server."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _write_private(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)


def _try_lock(path: Path) -> int | None:
    """The lock's handle, held until it is closed or the process ends; None when another has it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
